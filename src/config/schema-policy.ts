import { boolean, duration, integer, list, overlay, section, string } from './nodes.ts';

const DAY = 24 * 60 * 60 * 1_000;
/** Longest span of any key. */
export const SPAN_AT_MOST_MS = 365 * DAY;

/** The labels that matchers of `overrides` can name. */
export const overrideLabels = ['cluster', 'connector'] as const;

const budget = section(
  {
    restarts: integer(1, 10_000, {
      description: 'Restarts of one connector in the window, at most. Spent: escalated as `unstable`.',
      default: 20,
    }),
    per: duration({
      description: 'Length of the rolling window; recovery does not empty it.',
      default: '24h',
      maxMs: SPAN_AT_MOST_MS,
    }),
  },
  { description: 'The rolling budget: it holds whatever recovers in between.', default: {} },
);

const permanent = section(
  {
    restarts: integer(0, 1_000, {
      description: 'Restarts before it is escalated as `permanent`; 0: none.',
      default: 1,
    }),
    thenEvery: duration({
      description: 'Tried this often after that: somebody may have mended it elsewhere. `off`: never again.',
      default: '6h',
      word: 'off',
      zeroIsWord: true,
      maxMs: SPAN_AT_MOST_MS,
    }),
  },
  { description: 'What a failure gets that a restart cannot heal.', default: {} },
);

/** The keys of `policy`, which `overrides[].policy` has as well. */
export const policyProperties = {
  enabled: boolean({
    description: '`false`: alerts open no remediation, and an open one is held (`opted_out`).',
    default: true,
  }),
  dryRun: boolean({ description: '`true`: everything but the call to Kafka Connect.', default: false }),
  delays: list(duration({ description: 'A delay.', minMs: 0, maxMs: SPAN_AT_MOST_MS }), {
    description: 'Delay before the 1st, 2nd … restart of a failure, each from the restart before.',
    default: ['0s', '2m', '6m', '12m', '20m', '30m', '42m'],
    minItems: 1,
    maxItems: 100,
  }),
  thenEvery: duration({
    description: 'After the list: escalated as `exhausted`, and tried this often. `off`: never again.',
    default: '1h',
    word: 'off',
    zeroIsWord: true,
    maxMs: SPAN_AT_MOST_MS,
  }),
  stableFor: duration({
    description:
      'How long it has to run to be recovered. `auto`: the delay that would have come next, at least 5m, at most 1h.',
    default: 'auto',
    word: 'auto',
    maxMs: SPAN_AT_MOST_MS,
  }),
  settle: duration({
    description: 'A FAILED seen sooner after a restart may be the old status.',
    default: '5s',
    minMs: 0,
    maxMs: DAY,
  }),
  stuckAfter: duration({
    description: 'Neither running nor failed for so long after a restart: escalated as `stuck`.',
    default: '5m',
    maxMs: SPAN_AT_MOST_MS,
  }),
  budget,
  permanent,
  jitter: string('percent', {
    description:
      'Part of each delay that is added at most, so that many connectors spread; never taken away.',
    default: '10%',
  }),
};

/** One entry of `overrides`. */
export const override = section(
  {
    match: list(
      string('matcher', {
        description: `Matcher over ${overrideLabels.map((name) => `\`${name}\``).join(' or ')}.`,
      }),
      {
        description: 'Matchers over `cluster` and `connector`; all of them have to hold.',
        minItems: 1,
        maxItems: 100,
      },
    ),
    policy: overlay(policyProperties, {
      description: 'Any keys of `policy`: laid over it key by key; lists are replaced.',
    }),
  },
  { description: 'One override.' },
);
