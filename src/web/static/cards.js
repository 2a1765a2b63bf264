import {
  causeWords,
  escalationWords,
  holdWords,
  localTime,
  reasonWords,
  simpleName,
  span,
  standing,
  stateWords,
} from './words.js';

/**
 * An element with properties and children. Text is only ever set as text: whatever a name, a trace or a comment holds, it is
 * shown and not read as markup.
 */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key === 'class') made.className = value;
    else if (key.startsWith('on')) made.addEventListener(key.slice(2), value);
    else if (typeof value === 'boolean') made.toggleAttribute(key, value);
    else made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** A time that is counted: `until` down to it, `since` up from it (`… ago`), `for` likewise. `tick` writes the text. */
export function counted(at, kind) {
  return element('time', { datetime: at, title: localTime(at), 'data-counted': kind });
}

/** Writes all counted times anew. `nowMs` is the service's clock. */
export function tick(root, nowMs) {
  for (const one of root.querySelectorAll('[data-counted]')) {
    const at = Date.parse(one.getAttribute('datetime'));
    const left = at - nowMs;
    const text = {
      since: `${span(-left)} ago`,
      for: span(-left),
      until: left <= 0 ? 'now' : `in ${span(left)}`,
    }[one.dataset.counted];
    if (one.textContent !== text) one.textContent = text;
  }
}

/** One connector. `actions`: what its buttons do; those that the caller may not use are null. */
export function card(one, actions, open) {
  const [stateName, colour] = stateWords(one.state);
  const tone = one.escalation ? 'bad' : colour;
  return element(
    'li',
    { class: `card ${tone}` },
    element(
      'div',
      { class: 'head' },
      element('h3', {}, one.connector),
      element('span', { class: 'soft' }, one.cluster),
      element('span', { class: `badge ${colour}` }, stateName),
      one.escalation && one.state !== 'escalated'
        ? element('span', { class: 'badge bad' }, 'escalated')
        : null,
    ),
    buttons(one, actions, open),
    element('p', {}, standing(one), ...nextWords(one)),
    one.escalation
      ? element(
          'p',
          {},
          element('strong', {}, 'A human is needed: '),
          `${escalationWords(one.escalation.reason)} (for `,
          counted(one.escalation.since, 'for'),
          ').',
        )
      : null,
    one.hold ? holdLine(one.hold) : null,
    one.cause ? causeLine(one.cause) : null,
    element(
      'p',
      { class: 'soft' },
      `${one.attempts} of ${one.attemptsMax} restarts`,
      ' · in this state for ',
      counted(one.since, 'for'),
      ...(one.lastRestartAt ? [' · last restart ', counted(one.lastRestartAt, 'since')] : []),
    ),
    open ? details(open) : null,
  );
}

function nextWords({ state, nextAt, hold }) {
  if (nextAt === null) return [];
  if (hold || state === 'held') return [' Due ', counted(nextAt, 'until'), '.'];
  return [' Next restart ', counted(nextAt, 'until'), '.'];
}

function holdLine({ reason, detail, since, until }) {
  return element(
    'p',
    {},
    element('strong', {}, 'Held: '),
    detail ?? holdWords(reason),
    ' (for ',
    counted(since, 'for'),
    ...(until ? [', ends ', counted(until, 'until')] : []),
    ').',
  );
}

function causeLine(cause) {
  return element(
    'p',
    { class: 'cause' },
    `${causeWords(cause)} `,
    element('code', { title: cause.class }, `${simpleName(cause.class)}: ${cause.message}`),
    ...(cause.do ? [' ', cause.do] : []),
  );
}

function buttons(one, { retry, pause, toggle }, open) {
  const labelled = (text, name, run, more = {}) =>
    element('button', { type: 'button', 'aria-label': `${text} ${name}`, onclick: run, ...more }, text);
  return element(
    'div',
    { class: 'buttons' },
    retry ? labelled('Retry', one.connector, () => retry(one)) : null,
    pause ? labelled('Pause', one.connector, () => pause(one)) : null,
    labelled('Details', one.connector, () => toggle(one), { 'aria-expanded': String(Boolean(open)) }),
  );
}

/** What is read only when somebody wants to know: attempts, alerts and history. */
function details({ attemptLog = [], alerts, history }) {
  const lines = (title, list) =>
    list.length === 0
      ? []
      : [element('h4', {}, title), element('ul', {}, ...list.map((parts) => element('li', {}, ...parts)))];
  return element(
    'div',
    { class: 'more' },
    ...lines(
      'Restarts',
      attemptLog.map(({ number, at, outcome, detail }) => [
        `${number}. ${localTime(at)}: ${outcome ?? 'under way'}${detail ? `, ${detail}` : ''}`,
      ]),
    ),
    ...lines(
      'Alerts',
      alerts.map(({ status, labels }) => [
        `${status} `,
        element(
          'code',
          {},
          Object.entries(labels)
            .map(([name, value]) => `${name}="${value}"`)
            .join(', '),
        ),
      ]),
    ),
    ...lines(
      'History, latest first',
      [...history]
        .reverse()
        .map(({ at, state, reason, detail }) => [
          `${localTime(at)} ${stateWords(state)[0]}: ${reasonWords(reason)}${detail ? ` (${detail})` : ''}`,
        ]),
    ),
  );
}

/** One pause. `resume` is null where the caller may not. */
export function pauseItem(pause, resume) {
  const { cluster, connector, reason, by, until } = pause;
  const what =
    connector === null
      ? cluster === null
        ? 'everything'
        : `cluster ${cluster}`
      : `${cluster} / ${connector}`;
  return element(
    'li',
    {},
    element(
      'span',
      {},
      element('strong', {}, what),
      `: ${reason} (${by}, `,
      ...(until ? ['ends ', counted(until, 'until')] : ['until somebody ends it']),
      ')',
    ),
    resume
      ? element(
          'button',
          { type: 'button', 'aria-label': `Resume ${what}`, onclick: () => resume(pause) },
          'Resume',
        )
      : null,
  );
}

/** One event of the audit trail. */
export function eventItem({ at, cluster, connector, kind, reason, attempt, actor, detail }) {
  const what = [cluster ?? 'everything', connector].filter((part) => part !== null).join(' / ');
  const acted =
    reason === 'paused'
      ? `${actor} paused it: ${detail ?? ''}`
      : `${actor}: ${detail ?? reasonWords(reason)}`;
  const did = kind === 'operator' ? acted : reasonWords(reason);
  return element(
    'li',
    {},
    element('time', { datetime: at, class: 'soft' }, localTime(at)),
    element(
      'span',
      {},
      element('strong', {}, what),
      ` ${did}`,
      attempt === null ? null : `, restart ${attempt}`,
      kind !== 'operator' && detail ? ` (${detail})` : null,
    ),
  );
}
