/** Changes that nothing could notice, or that nothing has to, with the reason. */
export const EQUIVALENT: readonly {
  readonly file: string;
  /** The whole line, trimmed. */
  readonly text: string;
  /** As `npm run mutation` prints it. */
  readonly change: string;
  readonly why: string;
}[] = [
  {
    file: 'src/core/decide.ts',
    text: 'const gapMs = phase.seenAtMs === null ? 0 : nowMs - phase.seenAtMs;',
    change: 'phase.seenAtMs === null  ->  false',
    why: 'Since 1970 is too long a gap to count, as none is.',
  },
  {
    file: 'src/core/decide.ts',
    text: 'const stableMs = phase.stableMs + (gapMs > 0 && gapMs <= SEEN_GAP_MS ? gapMs : 0);',
    change: '>  ->  >=',
    why: 'A gap of nothing adds nothing.',
  },
  ...['verdict === \'unknown\'  ->  true', '[notSettled]  ->  []'].map((change) => ({
    file: 'src/core/decide.ts',
    text: "const why = verdict === 'unknown' ? unreadable(look.connect) : [notSettled];",
    change,
    why: 'Where nothing else holds, `held` shows the same hold.',
  })),
  {
    file: 'src/core/decide.ts',
    text: 'return hold({ ...context, r }, notHeld(nextAtMs ?? nowMs), [canary(look.storm)]);',
    change: ' ?? nowMs  ->  nothing',
    why: 'Without a next attempt it is hopeless, and has been escalated before this line.',
  },
  {
    file: 'src/core/decide.ts',
    text: "if (nextAtMs === null) return escalating(r, 'exhausted', null, nowMs);",
    change: 'nextAtMs === null  ->  false',
    why: 'Without a next attempt it is hopeless, and has been escalated before this line.',
  },
  {
    file: 'src/core/holding.ts',
    text: "if (connect.kind !== 'unreadable') return [];",
    change: "connect.kind !== 'unreadable'  ->  false",
    why: 'It is asked about what could not be read only; the rest is for the compiler.',
  },
  {
    file: 'src/core/holding.ts',
    text: 'const seen = firstHold(holds) ?? notSettled;',
    change: ' ?? notSettled  ->  nothing',
    why: 'Who is held is so for at least one reason; the rest is for the compiler.',
  },
  {
    file: 'src/core/signals.ts',
    text: 'return text.length <= NAME_AT_MOST || Array.from(text).length <= NAME_AT_MOST;',
    change: '<=  ->  <',
    why: 'A text has no more characters than code units: the first half only saves the second.',
  },
  {
    file: 'src/core/signals.ts',
    text: 'return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));',
    change: '<  ->  <=',
    why: 'No two labels have one name.',
  },
];
