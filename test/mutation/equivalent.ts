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
  ...["verdict === 'unknown'  ->  true", '[notSettled]  ->  []'].map((change) => ({
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
  {
    file: 'src/core/transitions.ts',
    text: 'return r.openedAtMs + jittered(policy.delaysMs[0] ?? 0, policy.jitter, r);',
    change: ' ?? 0  ->  nothing',
    why: 'The list of delays is never empty; the rest is for the compiler.',
  },
  {
    file: 'src/core/transitions.ts',
    text: 'const last = early[early.length - 1] ?? 0;',
    change: ' ?? 0  ->  nothing',
    why: 'There are three; the rest is for the compiler.',
  },
  {
    file: 'src/core/transitions.ts',
    text: "return enter(takenBack, back, 'not_sent', nowMs, nowMs, detail).next ?? takenBack;",
    change: ' ?? takenBack  ->  nothing',
    why: '`enter` never removes a record; the rest is for the compiler.',
  },
  {
    file: 'src/core/transitions.ts',
    text: 'return enter(takenBack, heldPhase, holdReason, nowMs, retryAtMs, detail).next ?? takenBack;',
    change: ' ?? takenBack  ->  nothing',
    why: '`enter` never removes a record; the rest is for the compiler.',
  },
  {
    file: 'src/core/policy.ts',
    text: ': Math.max(baseMs + jittered(everyMs, policy.jitter, remediation), roomAtMs ?? 0),',
    change: ' ?? 0  ->  nothing',
    why: '`Math.max` takes null for 0.',
  },
  {
    file: 'src/core/policy.ts',
    text: 'if (inWindow.length < policy.budget.restarts) return null;',
    change: 'inWindow.length < policy.budget.restarts  ->  false',
    why: 'There is nothing before the first one then, and the answer is null all the same.',
  },
  {
    file: 'src/core/policy.ts',
    text: 'return leaving === undefined ? null : leaving + policy.budget.perMs;',
    change: 'leaving === undefined  ->  false',
    why: 'With fewer the line above has answered; the rest is for the compiler.',
  },
  ...['delayMs === 0 || jitter === 0  ->  false', '||  ->  &&'].map((change) => ({
    file: 'src/core/policy.ts',
    text: 'if (delayMs === 0 || jitter === 0) return delayMs;',
    change,
    why: 'With either at 0 nothing is added; the line saves the hash.',
  })),
  {
    file: 'src/core/storm.ts',
    text: '...probes.filter((probe) => probe.ended === ended).map((probe) => probe.endedAtMs ?? 0),',
    change: ' ?? 0  ->  nothing',
    why: '`Math.max` takes null for 0.',
  },
  {
    file: 'src/core/storm.ts',
    text: '(probe.endedAtMs ?? 0) > Math.max(failedAtMs, nowMs - 2 * (storm.everyAtMostMs + storm.proofMs)),',
    change: ' ?? 0  ->  nothing',
    why: 'A comparison takes null for 0.',
  },
  {
    file: 'src/core/storm.ts',
    text: ".filter((probe) => probe.ended === 'failed' && (probe.endedAtMs ?? 0) > provenAtMs)",
    change: ' ?? 0  ->  nothing',
    why: 'A comparison takes null for 0.',
  },
  {
    file: 'src/core/storm.ts',
    text: 'free === 0 ? [] : rows.filter((row) => members.has(row.connector) && isElectable(row, now));',
    change: 'free === 0  ->  false',
    why: 'The first none of any list are none; it saves the work.',
  },
  {
    file: 'src/core/storm.ts',
    text: 'const delayMs = delaysMs[Math.min(failures, delaysMs.length - 1)] ?? 0;',
    change: ' ?? 0  ->  nothing',
    why: 'The list of delays is never empty; the rest is for the compiler.',
  },
  {
    file: 'src/core/storm.ts',
    text: 'return (nextAtMs ?? nowMs) <= nowMs || (probe?.signature === signature && !relapsed(probe, proofMs));',
    change: ' ?? nowMs  ->  nothing',
    why: 'A comparison takes null for 0, which is past as well.',
  },
  ...['count > 8  ->  true', 'count > 8  ->  false', '>  ->  >='].map((change) => ({
    file: 'src/core/storm.ts',
    text: 'if (count > 8) return all.toSorted(compare).slice(0, count);',
    change,
    why: 'To sort and to pick find the same; which is faster depends on the count.',
  })),
  ...[
    'first.length === count && (last === undefined || compare(one, last) >= 0)  ->  false',
    '||  ->  &&',
    '>=  ->  >',
  ].map((change) => ({
    file: 'src/core/storm.ts',
    text: 'if (first.length === count && (last === undefined || compare(one, last) >= 0)) continue;',
    change,
    why: 'What is not left out is put at the end, and taken off it at once.',
  })),
  {
    file: 'src/core/storm.ts',
    text: 'const at = first.findIndex((other) => compare(one, other) < 0);',
    change: '<  ->  <=',
    why: 'Only rows of one name are equal, and an election names.',
  },
  {
    file: 'src/core/storm.ts',
    text: "return ended === 'failed' && (endedAtMs ?? atMs) - atMs >= proofMs;",
    change: ' ?? atMs  ->  nothing',
    why: 'What has failed has an end; the rest is for the compiler.',
  },
  ...[
    '<  ->  <=',
    'one.connector > other.connector  ->  true',
    'one.connector > other.connector  ->  false',
    '>  ->  >=',
  ].map((change) => ({
    file: 'src/core/storm.ts',
    text: 'return one.connector < other.connector ? -1 : one.connector > other.connector ? 1 : 0;',
    change,
    why: 'Only rows of one name differ by it; to sort, it matters only what is below 0.',
  })),
  {
    file: 'src/core/trace.ts',
    text: 'const indent = cause[1]?.length ?? 0;',
    change: ' ?? 0  ->  nothing',
    why: 'The group is always there; the rest is for the compiler.',
  },
  {
    file: 'src/core/trace.ts',
    text: 'const text = line.slice(cause?.[0].length ?? 0).trim();',
    change: ' ?? 0  ->  nothing',
    why: '`slice` takes undefined for 0.',
  },
  {
    file: 'src/core/trace.ts',
    text: 'if (match[1] !== undefined) classes.add(match[1]);',
    change: 'match[1] !== undefined  ->  true',
    why: 'The group is always there; the rest is for the compiler.',
  },
  {
    file: 'src/core/trace.ts',
    text: 'for (let start = 0; start < text.length; ) {',
    change: '<  ->  <=',
    why: 'One empty line more, which is skipped.',
  },
  {
    file: 'src/core/signature.ts',
    text: "const covered = [root.class, stable, hosts.join(' '), connectorClass ?? ''].join('\\n');",
    change: " ?? ''  ->  nothing",
    why: '`join` writes nothing for null.',
  },
  {
    file: 'src/core/mask.ts',
    text: 'const end = blank < 0 ? start : start + blank;',
    change: '<  ->  <=',
    why: 'A blank at the very beginning is the beginning.',
  },
  ...['headEnd < 0  ->  false', '<  ->  <='].map((change) => ({
    file: 'src/core/trace.ts',
    text: 'yield* split(headEnd < 0 ? trace : trace.slice(0, headEnd));',
    change,
    why: 'The last of so long a line is not read; and what is found after the first half is not at its beginning.',
  })),
];
