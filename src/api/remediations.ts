import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
// Not the whole of typebox, whose compiler and checker nobody here needs: a third of the memory.
import * as Type from 'typebox/type';
import type { Pack } from '../core/diagnosis.ts';
import { type Remediation, states } from '../core/model.ts';
import type { Policy } from '../core/policy.ts';
import { holdOf, nextAtMsOf } from '../core/transitions.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { problem } from './problem.ts';
import { rfc3339, time } from './time.ts';

export interface RemediationsDependencies {
  readonly ledger: Ledger;
  readonly pack: Pack;
  readonly policyFor: (cluster: string, connector: string) => Policy;
}

const Query = Type.Object({
  cluster: Type.Optional(Type.String()),
  state: Type.Optional(Type.Enum([...states])),
  escalated: Type.Optional(Type.Enum(['true', 'false'])),
});
const Params = Type.Object({ cluster: Type.String(), connector: Type.String() });

/** `GET /api/v1/remediations` and one of them. */
export async function remediationRoutes(
  instance: FastifyInstance,
  deps: RemediationsDependencies,
): Promise<void> {
  const app = instance.withTypeProvider<TypeBoxTypeProvider>();
  const render = (one: Remediation): RemediationJson => {
    return toJson(one, deps.policyFor(one.cluster, one.connector), deps.pack);
  };

  app.get(
    '/api/v1/remediations',
    { config: { role: 'read' }, schema: { querystring: Query } },
    async (request) => {
      const { cluster, state, escalated } = request.query;
      const filter = {
        ...(cluster === undefined ? {} : { cluster }),
        ...(state === undefined ? {} : { states: [state] }),
      };
      const stored = await deps.ledger.list(filter);
      const remediations = stored
        .map((one) => one.remediation)
        .filter((one) => escalated === undefined || (one.escalation !== null) === (escalated === 'true'))
        .map(render);
      return { remediations };
    },
  );

  app.get(
    '/api/v1/remediations/:cluster/:connector',
    { config: { role: 'read' }, schema: { params: Params } },
    async (request, reply) => {
      const { stored } = await deps.ledger.load([request.params]);
      const found = stored[0];
      if (!found) return problem(reply, 404, 'There is no remediation of this connector.');
      return { ...render(found.remediation), attemptLog: attemptsJson(found.remediation) };
    },
  );
}

/** A remediation as the API shows it; times are RFC 3339 UTC. */
export interface RemediationJson {
  readonly cluster: string;
  readonly connector: string;
  readonly state: string;
  readonly reason: string;
  readonly attempts: number;
  readonly attemptsMax: number;
  readonly nextAt: string | null;
  readonly since: string;
  readonly lastRestartAt: string | null;
  readonly escalation: { readonly reason: string; readonly since: string } | null;
  readonly cause: {
    readonly class: string;
    readonly message: string;
    readonly verdict: string;
    readonly rule: string | null;
    /** Why the rule says so, and what a human should do; null where no rule matched, or it is gone. */
    readonly because: string | null;
    readonly do: string | null;
  } | null;
  readonly hold: {
    readonly reason: string;
    readonly detail: string | null;
    readonly since: string;
    readonly until: string | null;
  } | null;
  readonly alerts: readonly {
    readonly fingerprint: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly status: string;
  }[];
  readonly history: readonly {
    readonly at: string;
    readonly state: string;
    readonly reason: string;
    readonly attempt: number | null;
    readonly detail: string | null;
  }[];
}

export function toJson(one: Remediation, policy: Policy, pack: Pack): RemediationJson {
  const hold = holdOf(one);
  const rule = one.cause?.rule ?? null;
  const advice = rule === null ? null : pack.advice(rule);
  return {
    cluster: one.cluster,
    connector: one.connector,
    state: one.phase.state,
    reason: one.reason,
    attempts: one.attempts,
    attemptsMax: attemptsMax(one, policy),
    nextAt: time(nextAtMsOf(one)),
    since: rfc3339(one.sinceMs),
    lastRestartAt: time(one.lastRestartAtMs),
    escalation:
      one.escalation === null
        ? null
        : { reason: one.escalation.reason, since: rfc3339(one.escalation.sinceMs) },
    cause: one.cause && { ...one.cause, because: advice?.because ?? null, do: advice?.do ?? null },
    hold:
      hold === null
        ? null
        : {
            reason: hold.reason,
            detail: hold.detail,
            since: rfc3339(hold.sinceMs),
            until: time(hold.untilMs),
          },
    alerts: one.alerts.map(({ fingerprint, labels, status }) => ({ fingerprint, labels, status })),
    history: one.history.map(({ atMs, ...entry }) => ({ at: rfc3339(atMs), ...entry })),
  };
}

/** How many attempts this failure gets before a human is called. */
function attemptsMax({ cause }: Remediation, { permanent, delaysMs }: Policy): number {
  return cause?.verdict === 'permanent' ? Math.min(permanent.restarts, delaysMs.length) : delaysMs.length;
}

function attemptsJson(one: Remediation) {
  return one.attemptLog.map(({ number, atMs, outcome, detail }) => ({
    number,
    at: rfc3339(atMs),
    outcome,
    detail,
  }));
}
