import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('./writer.ts', import.meta.url));

/** A real process that opens the ledger at a path and reports by lines (see writer.ts). */
export class Child {
  /** All whole lines so far, also those that nobody waited for. */
  readonly lines: string[] = [];
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;
  #taken = 0;
  #wake: () => void = () => {};
  #over = false;

  constructor(path: string, { rounds = 0, maxFileBlocks }: { rounds?: number; maxFileBlocks?: number } = {}) {
    const command = [process.execPath, script, path, String(rounds)];
    const limited =
      maxFileBlocks === undefined
        ? command
        : ['/bin/sh', '-c', `ulimit -f ${maxFileBlocks} && exec "$@"`, 'sh', ...command];
    const [program = '', ...parameters] = limited;
    this.#process = spawn(program, parameters, { stdio: ['pipe', 'pipe', 'inherit'] });
    const { stdout } = this.#process;
    if (stdout === null) throw new Error('the child has no stdout');
    const reader = createInterface({ input: stdout });
    reader.on('line', (line) => {
      this.lines.push(line);
      this.#wake();
    });
    this.#ended = Promise.all([once(this.#process, 'close'), once(reader, 'close')]).finally(() => {
      this.#over = true;
      this.#wake();
    });
  }

  /** The next line. */
  async line(): Promise<string> {
    for (;;) {
      const line = this.lines[this.#taken];
      if (line !== undefined) {
        this.#taken += 1;
        return line;
      }
      if (this.#over) throw new Error(`the child ended after ${this.lines.length} lines`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Resolves when it has ended and all its lines are here. */
  async ended(): Promise<void> {
    await this.#ended;
  }

  /** `await using` ends it with its test, however the test ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#ended;
  }
}
