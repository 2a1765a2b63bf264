import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** One Lua file for each atomic operation; what it takes and gives is in the file's header. */
export const scriptNames = [
  'claim',
  'commit',
  'events',
  'hash-key',
  'hint-add',
  'hint-drop',
  'hint-list',
  'load',
  'open',
  'pause-list',
  'pause-put',
  'pause-remove',
  'ping',
  'refresh',
  'release',
  'rows',
  'set-aside',
  'store',
  'wake',
] as const;
export type ScriptName = (typeof scriptNames)[number];

/**
 * Those that change nothing, and `open`, whose mark any later one makes again: no replica has to be waited for after
 * them, so that what can be read is read.
 */
const reading: ReadonlySet<ScriptName> = new Set([
  'events',
  'hint-list',
  'load',
  'open',
  'pause-list',
  'refresh',
  'rows',
]);

export interface Script {
  readonly name: ScriptName;
  readonly lua: string;
  /** What EVALSHA names it by. */
  readonly sha: string;
  /** Whether the ledger is another one after it. */
  readonly writes: boolean;
}

/** Reads the scripts, each with the prelude before it. Throws what reading a file throws. */
export function loadScripts(): ReadonlyMap<ScriptName, Script> {
  const read = (name: string): string => readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8');
  const prelude = read('prelude');
  return new Map(
    scriptNames.map((name) => {
      const lua = `${prelude}\n${read(name)}`;
      const sha = createHash('sha1').update(lua).digest('hex');
      return [name, { name, lua, sha, writes: !reading.has(name) }];
    }),
  );
}
