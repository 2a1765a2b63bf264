/** Changes that nothing could notice, or that nothing has to, with the reason. */
export const EQUIVALENT: readonly {
  readonly file: string;
  /** The whole line, trimmed. */
  readonly text: string;
  /** As `npm run mutation` prints it. */
  readonly change: string;
  readonly why: string;
}[] = [];
