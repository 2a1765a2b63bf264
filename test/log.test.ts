import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const LOG = join(import.meta.dirname, '../src/log.ts');

test('a log that cannot be written neither ends the process nor keeps it from ending', () => {
  const directory = mkdtempSync(join(tmpdir(), 'connect-medic-log-'));
  const file = openSync(join(directory, 'log'), 'w');
  try {
    const script = `
      const { createLogger } = await import(${JSON.stringify(LOG)});
      const log = createLogger('info');
      for (let line = 0; line < 1000; line += 1) log.info({ text: 'x'.repeat(2000) }, 'more than is kept');
      log.fatal('the last line');
      setImmediate(() => process.exit(7));`;
    // No file may grow at all: what a full disk does, for everybody, root included.
    const { status, signal, stderr } = spawnSync(
      '/bin/sh',
      ['-c', 'ulimit -f 0 && exec "$@"', 'sh', process.execPath, '--input-type=module', '--eval', script],
      { stdio: ['ignore', file, 'pipe'], timeout: 60_000, killSignal: 'SIGKILL', encoding: 'utf8' },
    );
    assert.deepEqual({ status, signal, stderr }, { status: 7, signal: null, stderr: '' });
  } finally {
    closeSync(file);
    rmSync(directory, { recursive: true });
  }
});
