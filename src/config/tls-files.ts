import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { checkFile, type Reading } from './credentials.ts';
import { show } from './problems.ts';

/** The TLS keys of one section, as written. */
export interface WrittenTls {
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly caFile?: string;
  readonly clientCaFile?: string;
}

/** What a file of authorities has to be: the end of a sentence that begins with "expected". */
export const AUTHORITIES = 'a file with at least one certificate, and none that cannot be read (PEM)';

const ANY_BEGIN = /-----BEGIN [A-Z0-9 ]*CERTIFICATE-----/g;
const BLOCK = /-----BEGIN ([A-Z0-9 ]*CERTIFICATE)-----[\s\S]*?-----END \1-----/g;

/**
 * Whether a text holds certificates, and nothing that should be one and is none. Node.js passes over what it cannot read in a
 * list of authorities: whom to trust would then be another question than the one that was answered.
 */
export function areAuthorities(pem: string): boolean {
  const blocks = pem.match(BLOCK) ?? [];
  if (blocks.length === 0 || blocks.length !== pem.match(ANY_BEGIN)?.length) return false;
  return blocks.every((block) => works(() => new X509Certificate(block)));
}

/** Checks that the files of one section can be read and used: certificate and key fit, authorities are certificates. */
export function checkTlsFiles(tls: WrittenTls, path: string, reading: Reading): void {
  const { findings } = reading;
  for (const key of ['caFile', 'clientCaFile'] as const) {
    const authorities = checkFile(tls[key], `${path}.${key}`, reading);
    if (authorities === null || areAuthorities(authorities)) continue;
    findings.add(`${path}.${key}`, AUTHORITIES, show(tls[key]));
  }
  const cert = checkFile(tls.certFile, `${path}.certFile`, reading);
  const key = checkFile(tls.keyFile, `${path}.keyFile`, reading);
  const certWorks = cert === null || works(() => createSecureContext({ cert }));
  const keyWorks = key === null || works(() => createSecureContext({ key }));
  if (!certWorks) findings.add(`${path}.certFile`, 'a file with a certificate (PEM)', show(tls.certFile));
  if (!keyWorks) {
    findings.add(
      `${path}.keyFile`,
      'a file with a private key without a passphrase (PEM)',
      show(tls.keyFile),
    );
  }
  if (cert === null || key === null || !certWorks || !keyWorks) return;
  if (works(() => createSecureContext({ cert, key }))) return;
  findings.add(`${path}.keyFile`, 'the private key of the certificate in certFile', show(tls.keyFile));
}

function works(use: () => unknown): boolean {
  try {
    use();
    return true;
  } catch {
    return false;
  }
}
