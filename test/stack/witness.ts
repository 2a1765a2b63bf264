/**
 * What Kafka Connect says in its own logs that it did: the independent count that restarts are judged by.
 *
 * A restart request (KIP-745) goes through the config topic. Only the leader writes it, once ("Writing restart
 * request for …", logged at DEBUG, see log4j2.properties); then every worker reads it and executes its plan for the
 * parts that it runs ("Executing plan to restart …"). Hence requests are added up over the workers, and of plans the worker
 * that saw most counts: one that was down has missed some, and adding would count each plan once per worker.
 * Several requests that arrive in one instant can share a plan.
 */
import { readFile } from 'node:fs/promises';

export interface RestartsSeen {
  /** Restart requests for the connector that the leader wrote, whoever sent them. */
  requests: number;
  /** When they were written, ascending, epoch milliseconds. */
  requestTimesMs: number[];
  /** Plans executed for these requests. */
  plans: number;
  /** Plans that had nothing to restart: the request came although nothing was FAILED. */
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
  for (const file of logFiles) {
    const text = await readFile(file, 'utf8').catch(() => '');
    addWorker(seen, text, connector);
  }
  seen.requests = seen.requestTimesMs.length;
  seen.requestTimesMs.sort((a, b) => a - b);
  return seen;
}

function addWorker(seen: RestartsSeen, log: string, connector: string): void {
  const request = `restart request for {connectorName='${connector}', `;
  const path = `"POST /connectors/${encodeURIComponent(connector)}/`;
  const creatingTask = `Creating task ${connector}-`;
  let plans = 0;
  let emptyPlans = 0;
  for (const line of log.split('\n')) {
    if (line.includes(`Writing ${request}`)) {
      seen.requestTimesMs.push(Date.parse(line.slice(1, line.indexOf(']'))));
    } else if (line.includes('Executing plan to restart ') && line.includes(request)) {
      plans++;
      if (line.includes('Executing plan to restart 0 of ')) emptyPlans++;
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
  seen.plans = Math.max(seen.plans, plans);
  seen.emptyPlans = Math.max(seen.emptyPlans, emptyPlans);
}
