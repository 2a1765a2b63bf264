import { resolve } from 'node:path';
import type { Findings } from './findings.ts';
import { checkString } from './kinds.ts';
import type { Kind } from './nodes.ts';
import { show } from './problems.ts';
import { type FileAccess, type Secret, secretFromFile, secretOf } from './secret.ts';

/** Where files are read, and where their problems go. */
export interface Reading {
  readonly files: FileAccess;
  /** What relative paths begin at. */
  readonly cwd: string;
  readonly findings: Findings;
}

/** The secrets of a configuration by the path of their key, such as `clusters[0].auth.bearerToken`. */
export type Secrets = Map<string, Secret>;

/** Credentials as written: a token, or user name and password, each secret also from a file. */
export interface WrittenCredentials {
  readonly bearerToken?: string;
  readonly bearerTokenFile?: string;
  readonly basic?: { readonly username: string; readonly password?: string; readonly passwordFile?: string };
}

/** Checks that credentials are of one kind, and takes their secret. */
export function checkCredentials(
  written: WrittenCredentials,
  path: string,
  secrets: Secrets,
  reading: Reading,
): void {
  const { bearerToken, bearerTokenFile, basic } = written;
  const { findings } = reading;
  const hasToken =
    findings.isGiven(bearerToken, `${path}.bearerToken`) ||
    findings.isGiven(bearerTokenFile, `${path}.bearerTokenFile`);
  if (hasToken === findings.isGiven(basic, `${path}.basic`)) {
    const what = hasToken ? 'bearerToken or basic, not both' : 'bearerToken (or bearerTokenFile) or basic';
    findings.contradiction(path, [], what);
  }
  takeSecret(
    { inline: bearerToken, file: bearerTokenFile },
    `${path}.bearerToken`,
    'token',
    secrets,
    reading,
  );
  if (basic === undefined) return;
  const { password, passwordFile } = basic;
  const at = `${path}.basic.password`;
  if (!findings.isGiven(password, at) && !findings.isGiven(passwordFile, `${at}File`)) {
    findings.contradiction(at, [], 'a password, or passwordFile');
  }
  takeSecret({ inline: password, file: passwordFile }, at, 'password', secrets, reading);
}

/** Takes one secret from its key or its file, if there is one. */
export function takeSecret(
  given: { readonly inline: string | undefined; readonly file: string | undefined },
  path: string,
  kind: Kind,
  secrets: Secrets,
  { files, cwd, findings }: Reading,
): void {
  const { inline, file } = given;
  if (inline !== undefined) secrets.set(path, secretOf(inline));
  if (file === undefined) return;
  if (findings.isGiven(inline, path)) {
    findings.contradiction(`${path}File`, [], `only one of ${lastKey(path)} and ${lastKey(path)}File`);
    return;
  }
  if (findings.isBad(`${path}File`)) return;
  const mistake = (text: string): string | null =>
    checkString({ type: 'string', kind, description: '', maxLength: 0 }, text);
  try {
    const secret = secretFromFile(resolve(cwd, file), files, (text) => mistake(text) === null);
    const expected = mistake(secret.reveal());
    findings.keepSecret(secret.reveal());
    if (expected === null) secrets.set(path, secret);
    else findings.add(`${path}File`, `a file with ${expected}`, show(file));
  } catch (error) {
    findings.add(`${path}File`, `a file that can be read (${reasonOf(error)})`, show(file));
  }
}

/** Checks that a file that is used later can be read now. Its text; null where there is none, or a problem. */
export function checkFile(
  file: string | undefined,
  path: string,
  { files, cwd, findings }: Reading,
): string | null {
  if (file === undefined || findings.isBad(path)) return null;
  try {
    return files.read(resolve(cwd, file));
  } catch (error) {
    findings.add(path, `a file that can be read (${reasonOf(error)})`, show(file));
    return null;
  }
}

/** Why a file could not be read, without its content. */
export function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  switch (code) {
    case 'ENOENT':
      return 'there is none';
    case 'EACCES':
    case 'EPERM':
      return 'no permission';
    case 'EISDIR':
      return 'it is a directory';
    case 'EFBIG':
      return 'it is larger than 1 MiB';
    default:
      return typeof code === 'string' ? code : 'it cannot be';
  }
}

function lastKey(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1);
}
