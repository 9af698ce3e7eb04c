/**
 * Entry of every process that `run` leaves behind: `child.ts LOG SCRIPT ARGS…`. Until it is told to stay it ends with who
 * started it, however that one ends. Then it goes on alone, and keeps its log within bounds.
 */
import { copyFileSync, fstatSync, ftruncateSync } from 'node:fs';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { oldLogPath } from './role.ts';
import { STAY } from './stay.ts';

/** Past it a log is begun anew, and what was in it is kept as the old one; looked at every so often. */
const MAX_LOG_BYTES = 8 * 1_048_576;
const LOOK_EVERY_MS = 5_000;
const STDOUT = 1;

const [, , log = '', script = '', ...args] = process.argv;

let staying = false;
process.on('message', (message) => {
  staying ||= message === STAY;
});
process.on('disconnect', () => {
  if (!staying) process.exit(1);
});
// Listening would keep it alive when there is nothing else to do.
process.channel?.unref();
// Gone between its start and here.
if (!process.connected) process.exit(1);

setInterval(() => {
  try {
    if (fstatSync(STDOUT).size <= MAX_LOG_BYTES) return;
    // Every line comes from this thread, so none is written in between.
    copyFileSync(log, oldLogPath(log));
    ftruncateSync(STDOUT);
  } catch {
    // The disk is full, or the project was removed: it is only a log.
  }
}, LOOK_EVERY_MS).unref();

process.argv = [process.argv[0] ?? '', script, ...args];
await import(pathToFileURL(script).href);
