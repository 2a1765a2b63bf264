/**
 * What Kafka Connect says in its own logs that it did: the independent count that restarts are judged by.
 *
 * A restart request (KIP-745) goes through the config topic. Only the leader writes it, once ("Writing restart
 * request for …", logged at DEBUG, see log4j2.properties); then every worker reads it and executes its plan for the
 * parts that it runs ("Executing plan to restart …"). Hence requests are added up over the workers, and of plans the worker
 * that saw most counts: one that was down has missed some, and adding would count each plan once per worker.
 * Several requests that arrive in one instant can share a plan.
 *
 * A worker that reads a request some milliseconds after the one that runs the failed part (seen with 14 ms, on a loaded
 * machine) knows already that it is RESTARTING, and its own plan is empty. So a request came in vain only if every worker's plan
 * for it was empty. Plans belong to the last request written before them: all clocks are one machine's.
 */
import { readFile } from 'node:fs/promises';

export interface RestartsSeen {
  /** Restart requests for the connector that the leader wrote, whoever sent them. */
  requests: number;
  /** When they were written, ascending, epoch milliseconds. */
  requestTimesMs: number[];
  /** Plans executed for these requests. */
  plans: number;
  /** Requests for which no worker had anything to restart: they came although nothing was FAILED. */
  emptyPlans: number;
  /** Accepted calls of the older endpoints, one connector instance or one task each. */
  legacyRequests: number;
  /** Starts of the connector instance for any reason: creation, reconfiguration, rebalance, restart. */
  connectorStarts: number;
  /** Starts of each task for any reason, by the task's number. Failed ones count. */
  taskStarts: Record<number, number>;
}

/** Reads the workers' logs from their beginning. A missing file (the worker never started) counts nothing. */
export async function readWitness(logFiles: readonly string[], connector: string): Promise<RestartsSeen> {
  const seen: RestartsSeen = {
    requests: 0,
    requestTimesMs: [],
    plans: 0,
    emptyPlans: 0,
    legacyRequests: 0,
    connectorStarts: 0,
    taskStarts: {},
  };
  const plans: Plan[] = [];
  for (const file of logFiles) {
    const text = await readFile(file, 'utf8').catch(() => '');
    const ofWorker = addWorker(seen, text, connector);
    plans.push(...ofWorker);
    seen.plans = Math.max(seen.plans, ofWorker.length);
  }
  seen.requests = seen.requestTimesMs.length;
  seen.requestTimesMs.sort((a, b) => a - b);
  seen.emptyPlans = countInVain(seen.requestTimesMs, plans);
  return seen;
}

interface Plan {
  atMs: number;
  empty: boolean;
}

function countInVain(requestTimesMs: readonly number[], plans: readonly Plan[]): number {
  const inVain = new Map<number, boolean>();
  for (const { atMs, empty } of plans) {
    const request = requestTimesMs.findLastIndex((writtenAtMs) => writtenAtMs <= atMs);
    inVain.set(request, empty && (inVain.get(request) ?? true));
  }
  return [...inVain.values()].filter((empty) => empty).length;
}

/** Adds what a worker's log says, and returns the plans that it executed. */
function addWorker(seen: RestartsSeen, log: string, connector: string): Plan[] {
  const request = `restart request for {connectorName='${connector}', `;
  const path = `"POST /connectors/${encodeURIComponent(connector)}/`;
  const creatingTask = `Creating task ${connector}-`;
  const plans: Plan[] = [];
  for (const line of log.split('\n')) {
    if (line.includes(`Writing ${request}`)) {
      seen.requestTimesMs.push(timeOf(line));
    } else if (line.includes('Executing plan to restart ') && line.includes(request)) {
      plans.push({ atMs: timeOf(line), empty: line.includes('Executing plan to restart 0 of ') });
    } else if (line.includes(path)) {
      // A call that a worker forwarded is logged by the receiving worker as well, with ?forward=.
      const call = line.slice(line.indexOf(path) + path.length);
      if (/^(tasks\/\d+\/)?restart HTTP\/[\d.]+" 2\d\d /.test(call)) seen.legacyRequests++;
    } else if (line.includes(`Creating connector ${connector} of type `)) {
      seen.connectorStarts++;
    } else if (line.includes(creatingTask)) {
      // What follows must be the number and nothing else: "sink-1" is also how a task of a connector "sink" begins.
      const task = /^(\d+) \(/.exec(line.slice(line.indexOf(creatingTask) + creatingTask.length))?.[1];
      if (task !== undefined) seen.taskStarts[Number(task)] = (seen.taskStarts[Number(task)] ?? 0) + 1;
    }
  }
  return plans;
}

function timeOf(line: string): number {
  return Date.parse(line.slice(1, line.indexOf(']')));
}
