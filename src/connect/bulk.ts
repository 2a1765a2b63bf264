import type { ConnectorSettings, ConnectorStatus, PartStatus } from '../core/model.ts';
import { readMembers } from './members.ts';
import { isObject, type Parsed, parseConnectorStatus, parseSettings } from './parse.ts';

/** The answers about all connectors of a cluster. */

/**
 * `GET /connectors?expand=status`. A connector whose entry cannot be read is `null` and leaves the others alone. An array
 * is the answer of a Connect that does not know `expand` (before 2.3).
 */
export function readStatuses(body: Buffer): Promise<Parsed<ReadonlyMap<string, ConnectorStatus | null>>> {
  const shared = new SharedParts();
  return readMembers<ConnectorStatus | null>(
    body,
    (entry) => {
      const status = isObject(entry) ? parseConnectorStatus(entry['status']) : { fault: 'no entry' };
      return 'value' in status ? shared.of(status.value) : null;
    },
    (json) =>
      Array.isArray(json)
        ? 'a list of names: this Connect does not know expand=status'
        : 'not an object of connectors',
  );
}

/** `GET /connectors?expand=info`. A connector whose entry cannot be read is left out. */
export function readAllSettings(
  body: Buffer,
  hash: (text: string) => string | null,
): Promise<Parsed<ReadonlyMap<string, ConnectorSettings>>> {
  return readMembers<ConnectorSettings>(
    body,
    (entry, name) => {
      const settings = isObject(entry) ? parseSettings(name, entry['info'], hash) : { fault: 'no entry' };
      return 'value' in settings ? settings.value : undefined;
    },
    () => 'not an object of connectors',
  );
}

/** Beyond so many different ones nothing is gained by sharing. */
const SHARED_AT_MOST = 10_000;

/**
 * Tens of thousands of tasks are on a few workers, in a few states, with a few traces: equal ones become the same object. The
 * rest of what was parsed is forgotten at once, so that the garbage collector has little to mark, and stops us shortly.
 */
class SharedParts {
  readonly #texts = new Map<string, string>();
  readonly #connectors = new Map<string, PartStatus>();
  readonly #tasks = new Map<string, PartStatus & { readonly id: number }>();

  of({ connector, tasks }: ConnectorStatus): ConnectorStatus {
    return {
      connector: this.#part(this.#connectors, connector.state, connector),
      tasks: tasks.map((task) => this.#part(this.#tasks, `${task.id} ${task.state}`, task)),
    };
  }

  #part<T extends PartStatus>(known: Map<string, T>, kind: string, part: T): T {
    if (part.trace !== null)
      return { ...part, trace: this.#text(part.trace), workerId: this.#text(part.workerId) };
    return recall(known, `${kind} ${part.workerId}`, part);
  }

  #text(text: string): string {
    return recall(this.#texts, text, text);
  }
}

function recall<T>(known: Map<string, T>, key: string, value: T): T {
  const found = known.get(key);
  if (found !== undefined) return found;
  if (known.size < SHARED_AT_MOST) known.set(key, value);
  return value;
}
