/** A real Chromium without a window, driven over its DevTools protocol. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { provisionChromium } from '../stack/chromium-parts.ts';

const START_WITHIN_MS = 60_000;
const WAIT_WITHIN_MS = 20_000;
const LOOK_EVERY_MS = 50;

type Answer = Readonly<Record<string, unknown>>;
type Listener = (params: Answer) => void;

/** One browser with a profile of its own; close it. */
export class Browser {
  readonly #process: ChildProcess;
  readonly #profile: string;
  readonly #socket: WebSocket;
  readonly #pending = new Map<number, { resolve: (a: Answer) => void; reject: (e: Error) => void }>();
  readonly #listeners = new Map<string, Listener>();
  #lastId = 0;

  private constructor(child: ChildProcess, profile: string, socket: WebSocket) {
    this.#process = child;
    this.#profile = profile;
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#take(String(data)));
  }

  static async launch(): Promise<Browser> {
    const program = await provisionChromium();
    const profile = await mkdtemp(join(tmpdir(), 'connect-medic-chromium-'));
    const child = spawn(
      program,
      [
        '--headless=new',
        // It runs our own page only, and root cannot have the sandbox.
        '--no-sandbox',
        '--disable-gpu',
        '--hide-scrollbars',
        '--disable-dev-shm-usage',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--lang=en-GB',
        '--remote-debugging-port=0',
        `--user-data-dir=${profile}`,
        'about:blank',
      ],
      { stdio: ['ignore', 'ignore', 'pipe'], detached: true },
    );
    const url = await endpointOf(child);
    const socket = new WebSocket(url);
    await once(socket, 'open');
    return new Browser(child, profile, socket);
  }

  /** A page of its own, with cookies, cache and passwords of its own. */
  async page(options: PageOptions = {}): Promise<Page> {
    const { browserContextId } = await this.send('Target.createBrowserContext');
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank', browserContextId });
    const { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const page = new Page(this, String(sessionId));
    await page.prepare(options);
    return page;
  }

  /** Sends a command; rejects with what the browser says against it. */
  send(method: string, params: object = {}, sessionId?: string): Promise<Answer> {
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#socket.send(
        JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) }),
      );
    });
  }

  on(sessionId: string, method: string, listener: Listener): void {
    this.#listeners.set(`${sessionId} ${method}`, listener);
  }

  async close(): Promise<void> {
    const ended = this.#process.exitCode === null ? once(this.#process, 'exit') : Promise.resolve();
    await Promise.race([this.send('Browser.close').catch(() => undefined), ended]);
    this.#socket.close();
    // Its own process group: helpers that outlive it would keep the profile open.
    if (this.#process.pid !== undefined && this.#process.exitCode === null) {
      await Promise.race([ended, sleep(5_000, undefined, { ref: false })]);
      if (this.#process.exitCode === null) process.kill(-this.#process.pid, 'SIGKILL');
      await ended;
    }
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }

  #take(text: string): void {
    const { id, result, error, method, params, sessionId } = JSON.parse(text) as {
      id?: number;
      result?: Answer;
      error?: { message: string };
      method?: string;
      params?: Answer;
      sessionId?: string;
    };
    if (id === undefined) {
      this.#listeners.get(`${sessionId} ${method}`)?.(params ?? {});
      return;
    }
    const waiting = this.#pending.get(id);
    this.#pending.delete(id);
    if (error !== undefined) waiting?.reject(new Error(error.message));
    else waiting?.resolve(result ?? {});
  }
}

export interface PageOptions {
  readonly width?: number;
  readonly height?: number;
  readonly mobile?: boolean;
  readonly dark?: boolean;
  /** What is typed into the browser's own password question. */
  readonly credentials?: { readonly username: string; readonly password: string };
}

/** One tab. */
export class Page {
  readonly #browser: Browser;
  readonly #session: string;
  /** What the page said on its console, and what its policy kept it from. */
  readonly said: string[] = [];
  /** Dialogs that were opened: what a script that got in would do. */
  readonly dialogs: string[] = [];
  /** Addresses that were asked for. */
  readonly asked: string[] = [];

  constructor(browser: Browser, session: string) {
    this.#browser = browser;
    this.#session = session;
  }

  async prepare({
    width = 1200,
    height = 900,
    mobile = false,
    dark,
    credentials,
  }: PageOptions): Promise<void> {
    const on = (method: string, listener: Listener): void =>
      this.#browser.on(this.#session, method, listener);
    on('Runtime.consoleAPICalled', (params) => this.said.push(JSON.stringify(params['args'])));
    on('Runtime.exceptionThrown', (params) => this.said.push(JSON.stringify(params['exceptionDetails'])));
    on('Log.entryAdded', (params) => this.said.push(JSON.stringify(params['entry'])));
    on('Network.requestWillBeSent', ({ request }) => this.asked.push((request as { url: string }).url));
    on('Page.javascriptDialogOpening', (params) => {
      this.dialogs.push(String(params['message']));
      void this.send('Page.handleJavaScriptDialog', { accept: true });
    });
    if (credentials !== undefined) {
      on('Fetch.requestPaused', ({ requestId }) => void this.send('Fetch.continueRequest', { requestId }));
      on('Fetch.authRequired', ({ requestId }) => {
        const authChallengeResponse = { response: 'ProvideCredentials', ...credentials };
        void this.send('Fetch.continueWithAuth', { requestId, authChallengeResponse });
      });
      await this.send('Fetch.enable', { handleAuthRequests: true });
    }
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await this.send(`${domain}.enable`);
    await this.send('Emulation.setDeviceMetricsOverride', { width, height, mobile, deviceScaleFactor: 1 });
    const value = dark === true ? 'dark' : 'light';
    await this.send('Emulation.setEmulatedMedia', {
      features: [{ name: 'prefers-color-scheme', value }],
    });
  }

  send(method: string, params: object = {}): Promise<Answer> {
    return this.#browser.send(method, params, this.#session);
  }

  async open(url: string): Promise<void> {
    const { errorText } = await this.send('Page.navigate', { url });
    if (errorText !== undefined) throw new Error(`${url}: ${String(errorText)}`);
  }

  /** The value of an expression in the page. Throws what it throws. */
  async value<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate', {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
    return (result as { value: T }).value;
  }

  /** Waits until an expression is true. Throws with what the page shows instead. */
  async until(expression: string): Promise<void> {
    const deadline = performance.now() + WAIT_WITHIN_MS;
    while (!(await this.value<boolean>(`Boolean(${expression})`).catch(() => false))) {
      if (performance.now() > deadline) {
        throw new Error(`never came: ${expression}\n${await this.text()}\n${this.said.join('\n')}`);
      }
      await sleep(LOOK_EVERY_MS);
    }
  }

  text(): Promise<string> {
    return this.value<string>('document.body.innerText');
  }

  async click(selector: string): Promise<void> {
    await this.value(`document.querySelector(${JSON.stringify(selector)}).click()`);
  }

  /** Types into a field as a reader would. */
  async type(selector: string, text: string): Promise<void> {
    await this.value(`document.querySelector(${JSON.stringify(selector)}).focus()`);
    await this.send('Input.insertText', { text });
  }

  /** A picture of all of it, as PNG. */
  async screenshot(): Promise<Buffer> {
    const { data } = await this.send('Page.captureScreenshot', { captureBeyondViewport: true });
    return Buffer.from(String(data), 'base64');
  }
}

async function endpointOf(child: ChildProcess): Promise<string> {
  if (child.stderr === null) throw new Error('Chromium was started without its error output');
  const tail: string[] = [];
  const lines = createInterface(child.stderr);
  const given = AbortSignal.timeout(START_WITHIN_MS);
  const found = new Promise<string>((resolve, reject) => {
    lines.on('line', (line) => {
      tail.push(line);
      const [, url] = /DevTools listening on (ws:\S+)/.exec(line) ?? [];
      if (url !== undefined) resolve(url);
    });
    const fail = (why: string): void => reject(new Error(`${why}:\n${tail.slice(-8).join('\n')}`));
    child.once('exit', (code) => fail(`Chromium ended (${code})`));
    given.addEventListener('abort', () => fail('Chromium did not start'));
  });
  return found;
}
