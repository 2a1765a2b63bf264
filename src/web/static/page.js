import { card, element, eventItem, pauseItem, tick } from './cards.js';

/**
 * The status page: asks the API every few seconds while it is seen, and shows what it says. It keeps nothing but what is
 * on the screen, so a page of 50 is all that it ever holds.
 */
const POLL_MS = 4_000;
const TIMEOUT_MS = 15_000;
const PAGE = 50;
const EVENTS = 30;
const tiles = ['escalated', 'held', 'waiting', 'restarting', 'stabilising', 'recovered', 'closed'];

/** Where the page is, without a password that may be part of its address: `fetch` takes none. */
const base = new URL('.', location.origin + location.pathname);

const at = (id) => document.getElementById(id);
const view = {
  show: 'open',
  search: '',
  /** Cursors of the pages before this one, and of this one; the first has none. */
  cursors: [null],
  next: null,
  /** The connector whose details are shown, as its path; null: none. */
  open: null,
  mayOperate: false,
  /** The service's clock less this one's. */
  skewMs: 0,
  updatedMs: null,
  failed: null,
};
let timer = null;
/** A later question makes the answer of an earlier one worthless. */
let asked = 0;

const now = () => Date.now() + view.skewMs;
const pathOf = ({ cluster, connector }) =>
  `api/v1/remediations/${encodeURIComponent(cluster)}/${encodeURIComponent(connector)}`;

/** Asks the API. Throws an error with the words of the answer's problem details. */
async function ask(path, options = {}) {
  const response = await fetch(new URL(path, base), {
    cache: 'no-store',
    signal: AbortSignal.timeout(TIMEOUT_MS),
    ...options,
  });
  if (response.status === 204) return null;
  const body = await response.json().catch(() => null);
  if (response.ok) return body;
  throw Object.assign(new Error(body?.detail ?? `the service answers ${response.status}`), {
    status: response.status,
  });
}

function listPath() {
  const query = new URLSearchParams({ limit: String(PAGE), order: 'attention', brief: 'true' });
  if (view.show === 'open') query.set('open', 'true');
  else if (view.show === 'escalated') query.set('escalated', 'true');
  else if (view.show !== 'all') query.set('state', view.show);
  if (view.search !== '') query.set('search', view.search);
  const cursor = view.cursors[view.cursors.length - 1];
  if (cursor !== null) query.set('after', cursor);
  return `api/v1/remediations?${query}`;
}

async function poll() {
  clearTimeout(timer);
  asked += 1;
  const mine = asked;
  try {
    const [summary, list, pauses, events, open] = await Promise.all([
      ask('api/v1/summary'),
      ask(listPath()),
      ask('api/v1/pauses'),
      ask(`api/v1/events?limit=${EVENTS}`),
      // It may have gone away meanwhile.
      view.open === null ? null : ask(view.open).catch(() => null),
    ]);
    if (mine !== asked) return;
    view.failed = null;
    view.updatedMs = Date.now();
    view.skewMs = Date.parse(summary.now) - Date.now();
    view.mayOperate = summary.roles.includes('operate');
    show(summary, list, pauses.pauses, events.events, open);
  } catch (error) {
    if (mine !== asked) return;
    view.failed = error instanceof Error ? error.message : String(error);
  }
  beat();
  if (!document.hidden) timer = setTimeout(poll, POLL_MS);
}

function show(summary, list, pauses, events, open) {
  at('who').textContent = `${summary.actor} · ${summary.version}`;
  showCounts(summary);
  showPauses(pauses);
  showClusters(summary.clusters);
  view.next = list.next;
  const actions = {
    retry: view.mayOperate ? retry : null,
    pause: view.mayOperate ? openDialog : null,
    toggle,
  };
  keyed(
    at('list'),
    list.remediations,
    (one) => pathOf(one),
    (one) => card(one, actions, pathOf(one) === view.open ? (open ?? one) : null),
    (one) => JSON.stringify([one, view.mayOperate, pathOf(one) === view.open ? open : null]),
  );
  keyed(
    at('events'),
    [...events].reverse(),
    (event) => JSON.stringify(event),
    eventItem,
    () => '',
  );
  at('empty').hidden = list.remediations.length > 0;
  at('empty').textContent =
    view.search !== '' || view.show !== 'open' ? 'Nothing matches.' : 'Nothing fails. All is well.';
  showPager(list);
}

function showPager({ total, remediations }) {
  const first = (view.cursors.length - 1) * PAGE + 1;
  at('pager').hidden = total <= PAGE && view.cursors.length === 1;
  at('place').textContent = `${first}–${first + remediations.length - 1} of ${total}`;
  at('previous').disabled = view.cursors.length === 1;
  at('next').disabled = view.next === null;
}

function showCounts({ remediations, escalated }) {
  const counts = { ...remediations, escalated };
  keyed(
    at('counts'),
    tiles,
    (name) => name,
    (name) =>
      element(
        'li',
        name === 'escalated' && counts[name] > 0 ? { class: 'alarm' } : {},
        element(
          'button',
          { type: 'button', 'aria-pressed': String(view.show === name), onclick: () => choose(name) },
          element('strong', {}, String(counts[name])),
          name,
        ),
      ),
    (name) => `${counts[name]} ${view.show === name}`,
  );
}

function showPauses(pauses) {
  at('pauses').hidden = pauses.length === 0;
  at('pause-any').hidden = !view.mayOperate;
  keyed(
    at('pause-list'),
    pauses,
    ({ cluster, connector }) => JSON.stringify([cluster, connector]),
    (pause) => pauseItem(pause, view.mayOperate ? resume : null),
    (pause) => JSON.stringify([pause, view.mayOperate]),
  );
}

function showClusters(clusters) {
  const select = at('pause-cluster');
  if (select.options.length === clusters.length + 1) return;
  const option = (value, text) => element('option', { value }, text);
  select.replaceChildren(option('', 'all clusters'), ...clusters.map((name) => option(name, name)));
}

/** Brings the children of a list up to date; one that says the same stays, with its focus. */
function keyed(list, items, keyOf, make, stampOf) {
  const before = new Map([...list.children].map((child) => [child.dataset.key, child]));
  let place = list.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    const stamp = stampOf(item);
    let child = before.get(key);
    before.delete(key);
    if (child === undefined || child.dataset.stamp !== stamp) {
      const made = make(item);
      made.dataset.key = key;
      made.dataset.stamp = stamp;
      if (child !== undefined) {
        const label = child.contains(document.activeElement)
          ? document.activeElement.getAttribute('aria-label')
          : null;
        if (place === child) place = made;
        child.replaceWith(made);
        if (label !== null) refocus(made, label);
      }
      child = made;
    }
    if (child === place) place = place.nextElementSibling;
    else list.insertBefore(child, place);
  }
  for (const gone of before.values()) gone.remove();
}

function refocus(root, label) {
  for (const button of root.querySelectorAll('button')) {
    if (button.getAttribute('aria-label') === label) button.focus();
  }
}

/** Every second: what is counted, and how fresh it all is. */
function beat() {
  tick(document, now());
  const fresh = at('fresh');
  fresh.classList.toggle('stale', view.failed !== null);
  const last =
    view.updatedMs === null
      ? ''
      : ` Shown is what was known at ${new Date(view.updatedMs).toLocaleTimeString()}.`;
  const text =
    view.failed !== null
      ? `Cannot be updated: ${view.failed}.${last}`
      : view.updatedMs === null
        ? 'Loading …'
        : 'Up to date';
  // Written only when it changes: screen readers say it aloud.
  if (fresh.textContent !== text) fresh.textContent = text;
}

function choose(what) {
  view.show = view.show === what ? 'open' : what;
  at('show').value = view.show;
  turn([null]);
}

function turn(cursors) {
  view.cursors = cursors;
  void poll();
}

function toggle(one) {
  const path = pathOf(one);
  view.open = view.open === path ? null : path;
  void poll();
}

async function retry(one) {
  await act(() => ask(`${pathOf(one)}/retry`, { method: 'POST' }));
}

async function resume({ cluster, connector }) {
  const query = new URLSearchParams();
  if (cluster !== null) query.set('cluster', cluster);
  if (connector !== null) query.set('connector', connector);
  await act(() => ask(`api/v1/pauses?${query}`, { method: 'DELETE' }));
}

/** Does something, says when it did not work, and shows what became of it. */
async function act(work) {
  const notice = at('notice');
  notice.hidden = true;
  try {
    await work();
  } catch (error) {
    notice.textContent = `That did not work: ${error.message}`;
    notice.hidden = false;
  }
  await poll();
}

function openDialog(one = null) {
  at('pause-problem').textContent = '';
  at('pause-reason').value = '';
  at('pause-cluster').value = one?.cluster ?? '';
  at('pause-connector').value = one?.connector ?? '';
  at('dialog').showModal();
  at('pause-reason').focus();
}

async function setPause(event) {
  event.preventDefault();
  const seconds = at('pause-for').value;
  const until = seconds === '' ? null : new Date(now() + Number(seconds) * 1000).toISOString();
  const body = {
    cluster: at('pause-cluster').value || null,
    connector: at('pause-connector').value || null,
    reason: at('pause-reason').value,
    until,
  };
  const headers = { 'content-type': 'application/json' };
  try {
    await ask('api/v1/pauses', { method: 'PUT', headers, body: JSON.stringify(body) });
    at('dialog').close();
    await poll();
  } catch (error) {
    at('pause-problem').textContent = error.message;
  }
}

at('show').addEventListener('change', ({ target }) => {
  view.show = target.value;
  turn([null]);
});
at('search').addEventListener('input', ({ target }) => {
  view.search = target.value.trim();
  turn([null]);
});
at('previous').addEventListener('click', () => turn(view.cursors.slice(0, -1)));
at('next').addEventListener('click', () => {
  if (view.next !== null) turn([...view.cursors, view.next]);
});
at('pause-any').addEventListener('click', () => openDialog());
at('pause-cancel').addEventListener('click', () => at('dialog').close());
at('pause-form').addEventListener('submit', setPause);
// Nobody looks: nobody asks.
document.addEventListener('visibilitychange', () => {
  if (document.hidden) clearTimeout(timer);
  else void poll();
});
setInterval(beat, 1_000);
void poll();
