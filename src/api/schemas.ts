// Not the whole of typebox, whose compiler and checker nobody here needs: a third of the memory.
import * as Type from 'typebox/type';
import { escalationReasons, holdReasons, reasons, restartOutcomes, states } from '../core/model.ts';
import { NAME_AT_MOST } from '../core/signals.ts';

/** What the API takes and gives, as schemas: requests are checked by them, and the OpenAPI document is made of them. */

const nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
/** RFC 3339, UTC, milliseconds. */
const Time = Type.String({ format: 'date-time' });
export const Name = Type.String({ minLength: 1, maxLength: NAME_AT_MOST });

export const RemediationParams = Type.Object({ cluster: Name, connector: Name });

/** How many remediations one page may have. */
export const PAGE_AT_MOST = 1_000;

export const RemediationsQuery = Type.Object({
  cluster: Type.Optional(Type.String({ maxLength: NAME_AT_MOST, description: 'Only of this cluster.' })),
  state: Type.Optional(Type.Enum([...states], { description: 'Only in this state.' })),
  escalated: Type.Optional(
    Type.Boolean({ description: 'Only where a human is needed, or only where none is.' }),
  ),
  open: Type.Optional(
    Type.Boolean({ description: 'true: without `recovered` and `closed` ones; false: only those.' }),
  ),
  search: Type.Optional(
    Type.String({ maxLength: 200, description: 'Only connectors with this in their name, in any case.' }),
  ),
  order: Type.Optional(
    Type.Enum(['name', 'attention'], {
      description:
        '`name` (default): by cluster, then connector. `attention`: escalated ones first, then what fails, what is watched, what rests.',
    }),
  ),
  brief: Type.Optional(Type.Boolean({ description: 'true: `alerts` and `history` are left empty.' })),
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: PAGE_AT_MOST, description: 'A page of so many; default: all.' }),
  ),
  after: Type.Optional(
    Type.String({
      maxLength: 12_000,
      pattern: '^[A-Za-z0-9_-]*$',
      description: 'The page that begins after this cursor (`next`).',
    }),
  ),
});

export const CauseSchema = Type.Object({
  class: Type.String(),
  message: Type.String({ description: 'Masked: numbers, addresses and credentials are not in it.' }),
  verdict: Type.Enum(['transient', 'permanent', 'unknown']),
  rule: nullable(Type.String({ description: 'The diagnosis rule that matched.' })),
  because: nullable(Type.String({ description: 'Why the rule says so; null where there is none.' })),
  do: nullable(Type.String({ description: 'What a human should do.' })),
});

export const RemediationSchema = Type.Object(
  {
    cluster: Type.String(),
    connector: Type.String(),
    state: Type.Enum([...states]),
    reason: Type.Enum([...reasons], { description: "The last decision's." }),
    attempts: Type.Integer({ minimum: 0, description: 'Restarts of this failure.' }),
    attemptsMax: Type.Integer({ minimum: 0, description: 'Restarts before a human is called.' }),
    nextAt: nullable(Time),
    since: Time,
    lastRestartAt: nullable(Time),
    escalation: nullable(Type.Object({ reason: Type.Enum([...escalationReasons]), since: Time })),
    cause: nullable(CauseSchema),
    hold: nullable(
      Type.Object({
        reason: Type.Enum([...holdReasons]),
        detail: nullable(Type.String()),
        since: Time,
        until: nullable(Time),
      }),
    ),
    alerts: Type.Array(
      Type.Object({
        fingerprint: Type.String(),
        labels: Type.Record(Type.String(), Type.String()),
        status: Type.Enum(['firing', 'resolved']),
      }),
    ),
    history: Type.Array(
      Type.Object({
        at: Time,
        state: Type.Enum([...states]),
        reason: Type.Enum([...reasons]),
        attempt: nullable(Type.Integer()),
        detail: nullable(Type.String()),
      }),
    ),
  },
  { $id: 'Remediation' },
);

export const AttemptSchema = Type.Object(
  {
    number: Type.Integer({ minimum: 1 }),
    at: Time,
    outcome: nullable(Type.Enum([...restartOutcomes])),
    detail: nullable(Type.String()),
  },
  { $id: 'Attempt' },
);

export const RemediationDetailSchema = Type.Intersect(
  [RemediationSchema, Type.Object({ attemptLog: Type.Array(AttemptSchema) })],
  { $id: 'RemediationDetail' },
);

export const RemediationsSchema = Type.Object({
  remediations: Type.Array(RemediationSchema),
  next: Type.Optional(
    nullable(Type.String({ description: 'Cursor of the next page; only with `limit` or `after`.' })),
  ),
  total: Type.Optional(
    Type.Integer({
      minimum: 0,
      description: 'How many there are on all pages; only with `limit` or `after`.',
    }),
  ),
});

/** How many events one answer may have; more would hold everybody else up. */
export const EVENTS_AT_MOST = 10_000;

export const EventsQuery = Type.Object({
  since: Type.Optional(
    Type.String({ format: 'date-time', maxLength: 64, description: 'Only from then on (RFC 3339).' }),
  ),
  until: Type.Optional(
    Type.String({ format: 'date-time', maxLength: 64, description: 'Only up to then (RFC 3339).' }),
  ),
  cluster: Type.Optional(Type.String({ maxLength: NAME_AT_MOST, description: 'Only of this cluster.' })),
  connector: Type.Optional(Type.String({ maxLength: NAME_AT_MOST, description: 'Only of this connector.' })),
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: EVENTS_AT_MOST,
      description: 'The newest so many of those that match; default 1000.',
    }),
  ),
  before: Type.Optional(
    Type.String({
      maxLength: 64,
      pattern: '^[0-9-]+$',
      description: 'The page of older ones that this cursor (`next`) stands for; with the same filters.',
    }),
  ),
});

export const EventSchema = Type.Object(
  {
    at: Time,
    cluster: nullable(Type.String({ description: 'null: about everything.' })),
    connector: nullable(Type.String({ description: 'null: about a cluster, or everything.' })),
    kind: Type.Enum(['signal', 'decision', 'restart', 'operator']),
    reason: Type.Enum([...reasons]),
    attempt: nullable(Type.Integer()),
    actor: Type.String({ description: '`connect-medic`, or the name of the credential.' }),
    detail: nullable(Type.String()),
  },
  { $id: 'Event' },
);
export const EventsSchema = Type.Object({
  events: Type.Array(EventSchema),
  next: nullable(Type.String({ description: 'Cursor of the page of older ones; null: there are none.' })),
});

export const SummarySchema = Type.Object(
  {
    now: Type.String({ format: 'date-time', description: "The ledger's clock: the one that decides." }),
    version: Type.String(),
    actor: Type.String({ description: 'Name of the credential that asked.' }),
    roles: Type.Array(Type.Enum(['webhook', 'read', 'operate']), { description: 'What it may do.' }),
    clusters: Type.Array(Type.String(), { description: 'The configured ones.' }),
    remediations: Type.Record(Type.Enum([...states]), Type.Integer({ minimum: 0 })),
    escalated: Type.Integer({ minimum: 0, description: 'Those that need a human, in whatever state.' }),
  },
  { $id: 'Summary' },
);

export const PauseSchema = Type.Object(
  {
    cluster: nullable(Type.String({ description: 'null: all.' })),
    connector: nullable(Type.String({ description: 'null: all.' })),
    reason: Type.String(),
    until: nullable(Time),
    by: Type.String({ description: 'Name of the credential that set it.' }),
    at: Time,
  },
  { $id: 'Pause' },
);
export const PausesSchema = Type.Object({ pauses: Type.Array(PauseSchema) });

/** RFC 9457. */
export const ProblemSchema = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.Optional(Type.String()),
  },
  { $id: 'Problem' },
);
