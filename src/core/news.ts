import type { State, Verdict } from './model.ts';

/**
 * Whether a bulk read of a cluster says something new about a remediation that is not looked at often: then it is woken,
 * and `decide` sees to it. `restarting` and `stabilising` have a cadence of their own.
 */
export function deservesLook(state: State, verdict: Exclude<Verdict, 'gone' | 'unknown'>): boolean {
  switch (state) {
    case 'waiting':
    case 'held':
    case 'escalated':
      return verdict === 'running' || verdict === 'off';
    case 'closed':
      return verdict === 'failed' || verdict === 'running';
    case 'restarting':
    case 'stabilising':
    case 'recovered':
      return false;
    default:
      return state satisfies never;
  }
}
