import type { Server } from 'node:https';
import { type FileAccess, realFiles } from './config/secret.ts';
import { AUTHORITIES, areAuthorities } from './config/tls-files.ts';

/** Files of the listener's TLS; absolute paths. */
export interface ListenerTlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  /** Callers must show a certificate that one of these signed; null: they need none. */
  readonly clientCaFile: string | null;
}

/** What was read of them, as PEM. */
export interface ListenerTls {
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string | null;
}

/** How often the files are looked at. A certificate is renewed days before its end; a leaked one should be gone soon. */
export const TLS_CHECK_MS = 10_000;

/** Reads the files. Throws what reading throws. */
export function readListenerTls(files: ListenerTlsFiles, access: FileAccess = realFiles): ListenerTls {
  const { certFile, keyFile, clientCaFile } = files;
  return {
    cert: access.read(certFile),
    key: access.read(keyFile),
    clientCa: clientCaFile === null ? null : access.read(clientCaFile),
  };
}

/**
 * Gives a function that takes over changed files for new connections; connections that stand keep what they have. It
 * answers `renewed` or `same`, and throws where the new files cannot be used: half a rotation, say, where the certificate is
 * new and the key is not. What was used before stays in use then, and the next call tries again.
 */
export function createTlsRenewal(
  server: Pick<Server, 'setSecureContext'>,
  files: ListenerTlsFiles,
  access: FileAccess = realFiles,
): () => 'renewed' | 'same' {
  let used = versionOf(files, access);
  return () => {
    // The version before the content: a change in between is seen at the next call, not missed.
    const version = versionOf(files, access);
    if (version === used) return 'same';
    const { cert, key, clientCa } = readListenerTls(files, access);
    // Node.js takes such a file, and would then let in nobody.
    if (clientCa !== null && !areAuthorities(clientCa)) throw new Error(`clientCaFile is not ${AUTHORITIES}`);
    server.setSecureContext({ cert, key, ...(clientCa === null ? {} : { ca: clientCa }) });
    used = version;
    return 'renewed';
  };
}

function versionOf({ certFile, keyFile, clientCaFile }: ListenerTlsFiles, access: FileAccess): string {
  return [certFile, keyFile, ...(clientCaFile === null ? [] : [clientCaFile])].map(access.version).join(' ');
}
