/** Why a ledger could not be opened. None of these mends itself: the process should say so and end. */
export const openFailures = [
  /** Another process (or another ledger of this one) holds the file. */
  'in_use',
  /** The directory of the file does not exist; it is not created, since a wrong path would then look like an empty ledger. */
  'no_directory',
  /** Not a SQLite database, or one that another application made; in Redis, keys of somebody else. */
  'foreign',
  /** Made by a later version of connect-medic. */
  'newer',
  /** A ledger, and its file is damaged. */
  'damaged',
  /** It cannot be read or written: permissions, a full disk, a directory in its place; a wrong URL, a Redis that is too old. */
  'unusable',
] as const;
export type OpenFailure = (typeof openFailures)[number];

/** A ledger could not be opened, and nothing was changed. `message` is written for an operator and names the file or the server. */
export class LedgerOpenError extends Error {
  override readonly name = 'LedgerOpenError';
  readonly failure: OpenFailure;

  constructor(failure: OpenFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.failure = failure;
  }
}
