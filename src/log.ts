import { type Logger, pino } from 'pino';
import { mask, maskCredentials } from './core/diagnosis.ts';
import type { Metrics } from './metrics.ts';
import type { Reporter, Story } from './remediator/report.ts';

/** Of lines that cannot be written now, so many bytes are kept for later; what comes on top is lost. */
const UNWRITTEN_AT_MOST_BYTES = 1024 * 1024;

/** JSON lines on standard output, times as RFC 3339. */
export function createLogger(level: string): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: ['req.headers.authorization', 'headers.authorization'], censor: '***' },
    },
    standardOutput(),
  );
}

/**
 * Standard output that may be a file on a full disk: lines wait until there is room. Left to itself, the stream would raise an
 * error that nobody catches, and at the exit that follows (or after a fatal line) try to write what is left again and again,
 * without an end: the process would hang and keep the ledger locked. Synchronous, so that a failure is known by then.
 */
function standardOutput(): ReturnType<typeof pino.destination> {
  const output = pino.destination({ dest: 1, sync: true, maxLength: UNWRITTEN_AT_MOST_BYTES });
  const flush = output.flushSync.bind(output);
  let isFailing = false;
  output.on('error', () => {
    isFailing = true;
  });
  output.on('write', () => {
    isFailing = false;
  });
  output.flushSync = () => {
    if (!isFailing) flush();
  };
  return output;
}

/** A kind of ignored alert is logged this often at most. */
const IGNORED_EVERY_MS = 60_000;

/** An unavailable ledger is logged this often. */
const LEDGER_EVERY_MS = 300_000;

/** Joins metrics and log into what the loop reports to. */
export function createReporter(metrics: Metrics, log: Logger): Reporter {
  let ledgerWasUp: boolean | null = null;
  let ledgerDetail = '';
  let ledgerToldAtMs = 0;
  const saidIgnored = new Map<string, number>();
  return {
    decided: (cluster, reason) => metrics.decided(cluster, reason),
    news: (story) => tellStory(log, story),
    opened: ({ cluster, connector, task, labels }) => {
      const alert = labels['alertname'];
      log.info(
        {
          cluster,
          connector,
          state: 'waiting',
          reason: 'signal',
          ...(task === null ? {} : { task }),
          ...(alert === undefined ? {} : { alert }),
        },
        'opened by an alert',
      );
    },
    ignored: ({ why, count, example }) => {
      // A wrong label is the most likely reason for "an alert came and nothing happened": say it, but not a thousand times.
      const last = saidIgnored.get(why) ?? Number.NEGATIVE_INFINITY;
      if (performance.now() - last < IGNORED_EVERY_MS) return;
      saidIgnored.set(why, performance.now());
      log.warn(
        { why, count, labels: example },
        'alerts were ignored; further ones are only counted for a minute',
      );
    },
    restarted: (call) => {
      metrics.restarted(call.cluster, call.connector, call.outcome);
      const say = call.outcome === 'accepted' || call.outcome === 'dry_run' ? log.info : log.warn;
      say.call(log, call, `restart call: ${call.outcome}`);
    },
    reacted: (seconds) => metrics.reacted(seconds),
    recovered: (seconds) => metrics.recovered(seconds),
    limitHit: (limit, count) => {
      metrics.limitHit(limit, count);
      log.warn({ limit, count }, 'a limit was reached');
    },
    ledgerUp: (up, detail) => {
      metrics.ledgerUp(up);
      // Said again where the reason is another one, and every five minutes: a log is rotated.
      const again = !up && (detail !== ledgerDetail || performance.now() - ledgerToldAtMs > LEDGER_EVERY_MS);
      if (up === ledgerWasUp && !again) return;
      ledgerDetail = detail;
      ledgerToldAtMs = performance.now();
      if (!up)
        log.error({ detail }, 'the ledger is unavailable: nothing is acted on, webhooks are answered 503');
      else if (ledgerWasUp === false) log.info('the ledger is available again');
      ledgerWasUp = up;
    },
    clusterReadable: (cluster, readable, detail) => {
      if (readable) log.info({ cluster }, 'Kafka Connect can be read again');
      else log.warn({ cluster, detail: maskCredentials(detail) }, 'Kafka Connect cannot be read');
    },
    alertmanagerReadable: (name, readable, detail) => {
      if (readable) log.info({ alertmanager: name }, 'Alertmanager can be read again');
      else log.warn({ alertmanager: name, detail: maskCredentials(detail) }, 'Alertmanager cannot be read');
    },
    alertsReadable: (readable, detail) => {
      if (readable) log.info('alerts can be read from an Alertmanager again');
      else log.warn({ detail: maskCredentials(detail) }, 'no Alertmanager lists its alerts: webhooks only');
    },
    breaker: (cluster, open) => {
      if (open) log.warn({ cluster }, 'restart calls time out: this cluster gets none for a while, then one');
      else log.info({ cluster }, 'restart calls are answered again');
    },
    fault: (what, error) => log.error({ what, error: describeError(error) }, 'unexpected error'),
  };
}

/** One line: what was decided, about what, and why. */
function tellStory(log: Logger, story: Story): void {
  const { cluster, connector, from, state, reason, attempt, detail, cause, nextAtMs, escalation } = story;
  const fields = {
    cluster,
    connector,
    from,
    state,
    reason,
    ...(attempt === null ? {} : { attempt }),
    ...(detail === null ? {} : { detail }),
    ...(cause === null ? {} : { cause: cause.class, message: cause.message }),
    ...(nextAtMs === null ? {} : { nextAt: new Date(nextAtMs).toISOString() }),
    ...(escalation === null ? {} : { escalation }),
  };
  const say = state === 'escalated' ? log.warn.bind(log) : log.info.bind(log);
  say(fields, sentence(story));
}

function sentence({ effect, state, attempt, reason }: Story): string {
  if (effect === 'restart') return `restart, attempt ${attempt}`;
  if (effect === 'dry_run') return `dry run: would restart, attempt ${attempt}`;
  switch (state) {
    case 'held':
      return `held: ${reason}`;
    case 'escalated':
      return `a human is needed: ${reason}`;
    case 'waiting':
      return `waiting: ${reason}`;
    case 'stabilising':
      return 'runs: watching whether it holds';
    default:
      return `${state}: ${reason}`;
  }
}

/** An error as one masked line with its class; stacks stay inside. */
export function describeError(error: unknown): string {
  return error instanceof Error ? mask(`${error.name}: ${error.message}`) : mask(String(error));
}
