/** connect-medic's log lines in plain words. */
import { rootCause, simpleClassName } from '../../src/core/diagnosis.ts';
import type { LogLine } from '../stack/service.ts';
import type { Mood } from './timeline.ts';

export interface Told {
  readonly connector: string | null;
  readonly state: string | null;
  readonly reason: string | null;
  readonly attempt: number | null;
  readonly text: string;
  readonly mood: Mood;
}

/** What a line says, or null for one that is of no interest here. */
export function inWords(line: LogLine): Told | null {
  const connector = text(line, 'connector');
  const state = text(line, 'state');
  const reason = text(line, 'reason');
  if (connector === null || state === null || reason === null) {
    const serious = line.level === 'error' || line.level === 'fatal';
    const nothing = { connector: null, state: null, reason: null, attempt: null };
    return serious ? { ...nothing, text: line.msg, mood: 'bad' } : null;
  }
  const attempt = typeof line['attempt'] === 'number' ? line['attempt'] : null;
  const decision = decided(line, state, reason, attempt);
  return { connector, state, reason, attempt, text: `${connector}: ${decision.text}`, mood: decision.mood };
}

/** The root cause of a trace as Connect gives it. */
export function causeOf(trace: string | undefined): string {
  const { class: name, message } = rootCause(trace ?? null);
  return cause(name, message);
}

function decided(
  line: LogLine,
  state: string,
  reason: string,
  attempt: number | null,
): { text: string; mood: Mood } {
  const because = cause(text(line, 'cause') ?? 'unknown', text(line, 'message') ?? '');
  const next = nextAttempt(line, attempt);
  const detail = text(line, 'detail');
  switch (state) {
    case 'restarting': {
      const why =
        attempt === 1
          ? 'an alert came in, and Connect itself says FAILED'
          : 'the delay is over, and it is still FAILED';
      return { text: `RESTART, attempt ${attempt}: ${why}. Cause: ${because}.`, mood: 'act' };
    }
    case 'waiting':
      if (reason === 'signal') return { text: 'an alert says so: takes a look.', mood: 'plain' };
      return reason === 'failed_again'
        ? { text: `attempt ${attempt} did not hold: ${because}. ${next}`, mood: 'bad' }
        : { text: `waits (${reason}). ${next}`, mood: 'plain' };
    case 'held':
      return { text: `does not act now: ${reason}${detail === null ? '' : ` (${detail})`}.`, mood: 'plain' };
    case 'stabilising':
      return { text: 'runs. One RUNNING proves nothing: watching whether it stays so.', mood: 'plain' };
    case 'recovered': {
      const after =
        attempt === null ? 'by itself' : `after ${attempt} ${attempt === 1 ? 'attempt' : 'attempts'}`;
      return { text: `RECOVERED ${after}: it ran for the whole stable time.`, mood: 'good' };
    }
    case 'escalated':
      return {
        text: `A HUMAN IS NEEDED: ${escalation(reason)}. Cause: ${because}. ${next}`,
        mood: 'human',
      };
    default:
      return { text: `${state} (${reason}).`, mood: 'plain' };
  }
}

function escalation(reason: string): string {
  switch (reason) {
    case 'exhausted':
      return 'exhausted, all attempts of the list are used up';
    case 'permanent':
      return 'permanent, a restart cannot help';
    case 'unstable':
      return 'unstable, it fails too often';
    default:
      return reason;
  }
}

function nextAttempt(line: LogLine, attempt: number | null): string {
  const nextAt = text(line, 'nextAt');
  if (nextAt === null) return 'No further attempt.';
  const seconds = Math.max(0, Math.round((Date.parse(nextAt) - Date.parse(line.time)) / 1_000));
  const wait = seconds < 600 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
  return `Next attempt (${(attempt ?? 0) + 1}) in ${wait}.`;
}

/** Short: the class, and the message up to its first colon. */
function cause(className: string, message: string): string {
  const name = simpleClassName(className);
  const short = (message.split(': ')[0] ?? '').slice(0, 80);
  return short === '' ? name : `${name}: ${short}`;
}

function text(line: LogLine, field: string): string | null {
  const value = line[field];
  return typeof value === 'string' ? value : null;
}
