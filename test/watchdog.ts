/**
 * Loaded before every test file: ends one that does not come to its end, since `node --test` would wait for ever. A timer
 * that keeps nothing alive: it fires only where something else does, such as a socket or a process left open.
 */
import { isMainThread } from 'node:worker_threads';

const limitMs = Number(process.env.TEST_FILE_LIMIT_MS);

if (isMainThread && process.env.NODE_TEST_CONTEXT !== undefined && limitMs > 0) {
  const stop = (): void => {
    const open = process.getActiveResourcesInfo().join(', ');
    process.stderr.write(`${process.argv[1]}: not over after ${limitMs / 1000} s; still open: ${open}\n`);
    process.exit(1);
  };
  setTimeout(stop, limitMs).unref();
}
