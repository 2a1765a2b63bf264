/**
 * The process. It waits most of its life, beside others that need the memory, so it takes little: about 40 MiB less than
 * with the defaults of V8 and of the C library, which expect a busy server (a thread's heap for each of many threads, and a
 * young generation of tens of megabytes). Neither can be told so from inside, hence the process replaces itself once, with the
 * same process id; `CONNECT_MEDIC_MEMORY=default` leaves everything as it is.
 */
const { CONNECT_MEDIC_MEMORY: memory, ...environment } = process.env;

if (memory === undefined && typeof process.execve === 'function' && process.platform === 'linux') {
  process.execve(
    process.execPath,
    [
      process.execPath,
      '--max-semi-space-size=1',
      '--optimize-for-size',
      '--v8-pool-size=1',
      ...process.execArgv,
      ...process.argv.slice(1),
    ],
    {
      MALLOC_ARENA_MAX: '1',
      MALLOC_TRIM_THRESHOLD_: '65536',
      ...(environment as Record<string, string>),
      CONNECT_MEDIC_MEMORY: 'low',
    },
  );
}

// Imported only now: what has to be loaded twice is this file alone.
const { runCli } = await import('./cli.ts');
process.exitCode = await runCli();
// What is left to its lease may still hold a socket open.
process.exit();
