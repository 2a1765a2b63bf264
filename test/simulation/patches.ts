/** A bug to plant: in `file`, the one place where `find` stands becomes `replace`. */
export interface Mutant {
  readonly name: string;
  /** The promise that it breaks. */
  readonly promise: string;
  readonly edits: readonly { readonly file: string; readonly find: string; readonly replace: string }[];
}

/** Bugs that a hurried change could bring, each of which the simulation has to find. */
export const mutants: readonly Mutant[] = [
  {
    name: 'a status from before a restart judges it, where the clock of the ledger jumped',
    promise: 'P1',
    edits: [{ file: 'src/remediator/recent.ts', find: '      last.revision >= version &&\n', replace: '' }],
  },
  {
    name: 'the restart is called before the attempt is committed',
    promise: 'P2, P6',
    edits: [
      {
        file: 'src/remediator/lane.ts',
        find: "      let committed: Claim | 'full' | null = null;\n",
        replace:
          "      if (effect.type === 'restart') await this.#restart({ ...claim, remediation: next ?? before }, effect, seen, turn.latest);\n" +
          "      let committed: Claim | 'full' | null = null;\n",
      },
      {
        file: 'src/remediator/lane.ts',
        find: "      if (effect.type === 'restart') await this.#restart(committed, effect, seen, turn.latest);\n",
        replace: '',
      },
    ],
  },
  {
    name: 'the lease of a claim is forgotten: every replica may take the record',
    promise: 'P2',
    edits: [
      {
        file: 'src/ledger/sqlite.ts',
        find: '        this.#sql.lease.run(token, leaseUntilMs, row.cluster, row.connector);\n',
        replace: '        this.#sql.lease.run(token, nowMs - 1, row.cluster, row.connector);\n',
      },
      {
        file: 'src/ledger/sqlite.ts',
        find: 'if (row === null || row.version !== claim.version || row.lease_token !== claim.token) return null;',
        replace: 'if (row === null) return null;',
      },
    ],
  },
  {
    name: 'a commit does not compare the version',
    promise: 'P3, P5',
    edits: [
      {
        file: 'src/ledger/sqlite.ts',
        find: 'row.version !== claim.version || row.lease_token !== claim.token',
        replace: 'row.lease_token !== claim.token',
      },
    ],
  },
  {
    name: 'a resolved alert resets the count',
    promise: 'P3',
    edits: [
      {
        file: 'src/core/signals.ts',
        find: '    alerts,\n    signalAtMs:',
        replace:
          "    attempts: signal.status === 'resolved' ? 0 : current.attempts,\n    alerts,\n    signalAtMs:",
      },
    ],
  },
  {
    name: 'a signal makes the next attempt due',
    promise: 'P3',
    edits: [
      {
        file: 'src/core/signals.ts',
        find: '    alerts,\n    signalAtMs:',
        replace:
          "    phase: current.phase.state === 'waiting' ? { ...current.phase, nextAtMs: nowMs } : current.phase,\n    alerts,\n    signalAtMs:",
      },
    ],
  },
  {
    name: 'a timed-out restart call is not charged',
    promise: 'P2',
    edits: [
      {
        file: 'src/core/transitions.ts',
        find: "  refused: 'connect_unreachable',\n",
        replace: "  refused: 'connect_unreachable',\n  ambiguous: 'connect_unreachable',\n",
      },
    ],
  },
  {
    name: 'a 409 is charged',
    promise: 'P3',
    edits: [{ file: 'src/core/transitions.ts', find: "  conflict: 'rebalancing',\n", replace: '' }],
  },
  {
    name: 'silences are not looked at',
    promise: 'P4',
    edits: [
      {
        file: 'src/remediator/world.ts',
        find: 'const suppression = suppress(world.suppression, target, failed, nowMs);',
        replace:
          'const suppression = suppress({ ...world.suppression, alertmanagers: [] }, target, failed, nowMs);',
      },
    ],
  },
  {
    name: 'a view of the silences is kept for a minute',
    promise: 'P4',
    edits: [
      {
        file: 'src/alertmanager/suppression.ts',
        find: 'const CACHE_MS = 3_000;',
        replace: 'const CACHE_MS = 60_000;',
      },
    ],
  },
  {
    name: 'alerts that are listed as inhibited do not count',
    promise: 'P4',
    edits: [
      {
        file: 'src/core/suppression.ts',
        find: '    if (inhibitor !== undefined) covers',
        replace: '    if (inhibitor === undefined) covers',
      },
    ],
  },
  {
    name: 'Alertmanagers that do not answer are taken for ones that silence nothing',
    promise: 'P4',
    edits: [
      {
        file: 'src/core/suppression.ts',
        find: "    if (view.unknown !== null) covers.push({ state: 'unknown', detail: view.unknown, untilMs: null });\n",
        replace: '',
      },
    ],
  },
  {
    name: 'a restart rests on an old look',
    promise: 'P1',
    edits: [
      {
        file: 'src/core/verdict.ts',
        find: 'export const STATUS_AGE_AT_MOST_MS = 2_000;',
        replace: 'export const STATUS_AGE_AT_MOST_MS = 20_000;',
      },
      {
        file: 'src/remediator/lane.ts',
        find: 'const LOOK_AGAIN_AFTER_MS = 1_300;',
        replace: 'const LOOK_AGAIN_AFTER_MS = 20_000;',
      },
    ],
  },
  {
    name: 'a look counts as fresh from its end, not from its beginning',
    promise: 'P1',
    edits: [
      {
        file: 'src/remediator/look.ts',
        find: "    return { look: asLook({ kind: 'status', status: status.value }), readAtMs };",
        replace:
          "    return { look: asLook({ kind: 'status', status: status.value }), readAtMs: clock.monotonic() };",
      },
    ],
  },
  {
    name: 'the webhook is answered before its signals are durable',
    promise: 'P5',
    edits: [
      {
        file: 'src/webhook/intake.ts',
        find: '    const outcomes = await this.takeSignals(signals);\n',
        replace:
          '    void this.takeSignals(signals).catch(() => {});\n    const outcomes: AlertOutcome[] = [];\n',
      },
    ],
  },
  {
    name: 'a signal that came after the look is answered by it',
    promise: 'P5',
    edits: [
      {
        file: 'src/remediator/lane.ts',
        find: 'if (before.signalAtMs !== null && before.signalAtMs > seenAtMs) {',
        replace: 'if (before.signalAtMs !== null && before.signalAtMs < 0) {',
      },
    ],
  },
  {
    name: 'a commit does not ask whether a pause was set meanwhile',
    promise: 'P4',
    edits: [
      { file: 'src/remediator/lane.ts', find: '            pausesRevision: pauses.revision,\n', replace: '' },
    ],
  },
  {
    name: 'a commit does not ask whether another probe of the storm was decided meanwhile',
    promise: 'P3',
    edits: [
      {
        file: 'src/remediator/lane.ts',
        find: '            ...(storm === null || storms === null ? {} : { stormsRevision: storms.revision }),\n',
        replace: '',
      },
    ],
  },
  {
    name: 'the limit on unverified restarts holds for each replica, not for all',
    promise: 'P8',
    edits: [
      {
        file: 'src/remediator/lane.ts',
        find: '            unverifiedAtMost: this.#options.maxUnverified,\n',
        replace: '',
      },
    ],
  },
  {
    name: 'clusters are read one after the other',
    promise: 'P8',
    edits: [
      {
        file: 'src/remediator/recent.ts',
        find: 'export class Recent {\n',
        replace: 'export class Recent {\n  static queue: Promise<unknown> = Promise.resolve();\n',
      },
      {
        file: 'src/remediator/recent.ts',
        find: '    const read = await this.#reader.read();\n',
        replace:
          '    const reading = Recent.queue.then(() => this.#reader.read());\n    Recent.queue = reading;\n    const read = await reading;\n',
      },
    ],
  },
  {
    name: 'the first 404 is believed',
    promise: 'P7',
    edits: [
      {
        file: 'src/core/verdict.ts',
        find: "return since !== null && nowMs - since >= GONE_AFTER_MS ? 'gone' : 'unknown';",
        replace: "return since === null || nowMs >= since ? 'gone' : 'unknown';",
      },
    ],
  },
  {
    name: 'recovery empties the rolling window',
    promise: 'P3',
    edits: [
      {
        file: 'src/core/decide.ts',
        find: 'const healed = { ...r, escalation: null, probe };',
        replace: 'const healed = { ...r, chargedAtMs: [], escalation: null, probe };',
      },
    ],
  },
  {
    name: 'one RUNNING after a restart is recovery',
    promise: 'P3, P7',
    edits: [
      {
        file: 'src/core/policy.ts',
        find: "  if (policy.stableForMs !== 'auto') return policy.stableForMs;\n",
        replace: '  if (policy.jitter >= 0) return 0;\n',
      },
    ],
  },
  {
    name: 'what waits is not looked at again',
    promise: 'P7',
    edits: [
      {
        file: 'src/core/decide.ts',
        find: "  return enter(r, { state: 'waiting', nextAtMs }, reason, nowMs, nextAtMs);\n}\n\n/**\n * A storm",
        replace:
          "  return enter(r, { state: 'waiting', nextAtMs }, reason, nowMs, nextAtMs + 1e9);\n}\n\n/**\n * A storm",
      },
    ],
  },
  {
    name: 'a failing ledger ends the loop',
    promise: 'P7',
    edits: [
      {
        file: 'src/remediator/lane.ts',
        find: "        if (error instanceof LedgerUnavailable) reporter.ledgerUp(false, error.message);\n        else reporter.fault('lane', error);\n        waitMs",
        replace:
          "        if (error instanceof LedgerUnavailable) return;\n        else reporter.fault('lane', error);\n        waitMs",
      },
    ],
  },
  {
    name: 'messages of exceptions are shown as they are',
    promise: 'P10',
    edits: [
      {
        file: 'src/remediator/lane.ts',
        find: '      detail = maskCredentials(result.detail);\n',
        replace: '      detail = result.detail;\n',
      },
    ],
  },
  {
    name: 'a hash of the configuration that may be old is not confirmed',
    promise: 'P3',
    edits: [
      {
        file: 'src/remediator/world.ts',
        find: '  if (configHash !== null && before.configHash !== null && configHash !== before.configHash) return true;\n',
        replace: '',
      },
      {
        file: 'src/remediator/lane.ts',
        find: '          this.#options.reader.learn(connector, world.settings.value);\n',
        replace: '',
      },
    ],
  },
];
