/** What the page says, in plain words. Whatever is not known here is shown as the API says it. */

const states = {
  waiting: ['waiting', 'wait'],
  held: ['held', 'wait'],
  restarting: ['restarting', 'wait'],
  stabilising: ['stabilising', 'good'],
  escalated: ['escalated', 'bad'],
  recovered: ['recovered', 'rest'],
  closed: ['closed', 'rest'],
};

const escalations = {
  exhausted: 'every restart of the list was made and it still fails',
  permanent: 'a restart cannot heal this cause',
  unstable: 'it heals and fails again and again: the budget of the day is spent',
  stuck: 'after a restart it neither runs nor fails',
};

const holds = {
  paused: 'somebody paused it',
  opted_out: 'it is opted out',
  silenced: 'its alerts are silenced',
  inhibited: 'its alerts are inhibited',
  alertmanager_unreachable: 'no Alertmanager says whether it is silenced',
  unauthorized: 'Kafka Connect refuses the credentials',
  connect_unreachable: 'Kafka Connect gives no usable answer',
  rebalancing: 'Kafka Connect is rebalancing',
  canary: 'others fail alike: one of them is tried first',
  concurrency: 'enough restarts are under way',
  breaker: 'restart calls to this cluster hang',
};

const verdicts = {
  transient: 'A restart can help.',
  permanent: 'A restart cannot help.',
  unknown: 'It is not known whether a restart helps.',
};

const closings = {
  off: 'The connector is paused or stopped in Kafka Connect: left alone.',
  gone: 'The connector does not exist any more.',
  unconfigured: 'Its cluster is configured no more.',
};

const reasons = {
  signal: 'an alert opened it',
  delay: 'failed; the delay before the next restart runs',
  attempt: 'restarted',
  settling: 'failed, but so soon that it may be the old status',
  verifying: 'restarted; the effect cannot be seen yet',
  failed_again: 'the restart did not hold',
  running: 'runs; now it has to stay so',
  stabilising: 'runs, and has not run long enough',
  unsettled: 'parts are neither running nor failed',
  unseen: 'Kafka Connect could not be read',
  stable: 'ran long enough: recovered',
  off: 'paused or stopped in Kafka Connect',
  gone: 'does not exist any more',
  missing: 'Kafka Connect does not know it',
  on_again: 'is on again, and failed',
  awaiting_signal: 'failed after it had recovered; no alert says so yet',
  resting: 'nothing to do',
  window_over: 'the record was removed',
  not_sent: 'the restart was decided, but not sent in time',
  unconfigured: 'its cluster is configured no more',
  operator: 'an operator asked for it',
  reconfigured: 'its configuration was changed: the delays begin anew',
};

/** The name of a state, and its colour: `bad`, `wait`, `good` or `rest`. */
export function stateWords(state) {
  return states[state] ?? [state, 'rest'];
}

export function escalationWords(reason) {
  return escalations[reason] ?? reason;
}

export function holdWords(reason) {
  return holds[reason] ?? reason;
}

export function reasonWords(reason) {
  return reasons[reason] ?? (holds[reason] && `held: ${holds[reason]}`) ?? escalations[reason] ?? reason;
}

/** One sentence: how it stands. What comes next is counted down beside it. */
export function standing({ state, reason, hold, nextAt }) {
  switch (state) {
    case 'waiting':
      return 'Failed.';
    case 'held':
      return `Failed, and not restarted now: ${holdWords(hold?.reason ?? reason)}.`;
    case 'restarting':
      return 'Restarted. Whether it runs is looked at now.';
    case 'stabilising':
      return 'Runs again, and is watched until it has run long enough.';
    case 'escalated':
      if (hold) return `Still failed, and not restarted now: ${holdWords(hold.reason)}.`;
      return nextAt ? 'Still failed, and tried seldom.' : 'Still failed, and not tried again.';
    case 'recovered':
      return 'Recovered.';
    case 'closed':
      return closings[reason] ?? 'Left alone.';
    default:
      return state;
  }
}

/** What the failure means: the words of the diagnosis rule where it has some. */
export function causeWords({ because, verdict }) {
  return because ?? verdicts[verdict] ?? verdict;
}

/** The class without its package. */
export function simpleName(className) {
  return className.slice(className.lastIndexOf('.') + 1);
}

/** A span in its two largest units: `1h 12m`, `4m 05s`, `9s`. */
export function span(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const [days, hours, minutes] = [86_400, 3_600, 60].map((unit) => Math.floor(seconds / unit));
  const two = (number) => String(number).padStart(2, '0');
  if (days > 0) return `${days}d ${hours % 24}h`;
  if (hours > 0) return `${hours}h ${two(minutes % 60)}m`;
  if (minutes > 0) return `${minutes}m ${two(seconds % 60)}s`;
  return `${seconds}s`;
}

/** Date and time where the reader is, written so that nobody mistakes the month for the day. */
export function localTime(text) {
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) return text;
  const two = (number) => String(number).padStart(2, '0');
  const date = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join('-');
  return `${date} ${[at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(':')}`;
}
