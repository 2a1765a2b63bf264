import { hash } from 'node:crypto';
import type { RE2JS } from 're2js';
import type { Advice, Pack } from '../core/diagnosis.ts';
import { classesOf, type Thrown } from '../core/trace.ts';
import { Memo } from './memo.ts';
import { compilePattern, type Rule } from './rule.ts';

/** A rule ready for use. */
interface Compiled {
  readonly advice: Advice;
  readonly class: Lazy | null;
  readonly message: Lazy | null;
  readonly connectorClass: Lazy | null;
}

/** A pattern that is compiled when it is first needed: all of them together are some fifteen megabytes. */
class Lazy {
  readonly #pattern: string;
  #compiled: RE2JS | null = null;

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  get(): RE2JS {
    this.#compiled ??= compilePattern(this.#pattern);
    return this.#compiled;
  }
}

/**
 * Verdicts remembered: a failed connector is looked at every few seconds, and its trace stays the same. Each costs its
 * key, which is a hash.
 */
const VERDICTS_AT_MOST = 5_000;
/** Class names remembered, with the rules that fit each. There are few in the world, and hostile texts make more. */
const CLASSES_AT_MOST = 2_000;

/** Connect's own outer message. The name in it says nothing about the cause: a connector may be called `invalid-orders`. */
const NAMES_CONNECTOR = /^(Failed to (?:start|stop|transition|initialize) connector)\b.*/s;

/**
 * Compiles rules, in their order, into a pack. Where two have the same id the first is kept (the user's own go before the
 * shipped ones, so that a shipped one can be replaced). Rules whose patterns do not compile are refused by load.ts.
 *
 * RE2 is linear in time, and still slow in JavaScript: some microseconds for a pattern and a text. So classes are matched once a
 * name, a message pattern runs only where the rule's classes fit, and the outcome is remembered for a text.
 */
export function compilePack(rules: readonly Rule[]): Pack {
  const advices = new Map<string, Advice>();
  const compiled: Compiled[] = [];
  for (const rule of rules) {
    if (advices.has(rule.id)) continue;
    const advice = { id: rule.id, verdict: rule.verdict, because: rule.because, do: rule.do };
    advices.set(rule.id, advice);
    compiled.push({
      advice,
      class: lazily(rule.class),
      message: lazily(rule.message),
      connectorClass: lazily(rule.connectorClass),
    });
  }
  const byClass = new Memo<ReadonlySet<Compiled>>(CLASSES_AT_MOST);
  const byConnector = new Memo<ReadonlySet<Compiled>>(CLASSES_AT_MOST);
  const verdicts = new Memo<Advice | null>(VERDICTS_AT_MOST);

  const fittingClass = (name: string): ReadonlySet<Compiled> =>
    byClass.get(name, () => new Set(compiled.filter((rule) => rule.class?.get().testExact(name))));
  const fittingConnector = (name: string): ReadonlySet<Compiled> =>
    byConnector.get(
      name,
      () => new Set(compiled.filter((rule) => rule.connectorClass?.get().testExact(name))),
    );

  const search = (chain: readonly Thrown[], connectorClass: string | null): Advice | null => {
    const classes = classesOf(chain).map(fittingClass);
    const connectors = connectorClass === null ? null : fittingConnector(connectorClass);
    // The innermost message first: it is the most telling one.
    const messages = chain.map(({ message }, index) =>
      index === chain.length - 1 ? message : message.replace(NAMES_CONNECTOR, '$1'),
    );
    messages.reverse();
    for (const rule of compiled) {
      if (rule.connectorClass !== null && connectors?.has(rule) !== true) continue;
      if (rule.class !== null && !classes.some((fitting) => fitting.has(rule))) continue;
      if (rule.message !== null && !messages.some((message) => rule.message?.get().test(message))) continue;
      return rule.advice;
    }
    return null;
  };

  return {
    judge: (chain, connectorClass) =>
      verdicts.get(keyOf(chain, connectorClass), () => search(chain, connectorClass)),
    advice: (id) => advices.get(id) ?? null,
  };
}

function lazily(pattern: string | undefined): Lazy | null {
  return pattern === undefined ? null : new Lazy(pattern);
}

/** Traces are long, and may hold secrets: neither is kept in memory for this. */
function keyOf(chain: readonly Thrown[], connectorClass: string | null): string {
  const texts = chain.map((thrown) => `${thrown.class}\n${thrown.message}`);
  return hash('sha256', [connectorClass ?? '', ...texts].join('\n\n'), 'base64');
}
