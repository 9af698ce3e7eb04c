/**
 * Runs the tests: `npm test`, `npm test -- --slow` for the slow ones as well, `npm test -- store http` for the files
 * whose path holds one of the words. Other options go to `node --test` as they are. The closing lines are node's own.
 */
import { spawn } from 'node:child_process';
import { existsSync, globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const ROOT = resolve(import.meta.dirname, '..');
const PATTERNS = ['test/**/*.test.ts', 'functions/*/test/**/*.test.ts'];
const SLOW = '.slow.test.ts';
/** Files that run at once: most wait for processes of their own half of the time, so that two leave two cores idle. */
const AT_ONCE = availableParallelism() > 1 ? 3 : 2;

/** Longest a test, a file and all of them may take, in ms. `node --test` limits tests only; see watchdog.ts. */
const FAST_LIMITS = { test: 120_000, file: 240_000, all: 790_000 };
const SLOW_LIMITS = { test: 600_000, file: 900_000, all: 2_700_000 };

/** Runs this Node with `args`; past `limitMs` it is interrupted, whereupon the test runner names what it waits for. */
function run(args: readonly string[], limitMs: number): Promise<number> {
  const { promise, resolve: settle, reject } = Promise.withResolvers<number>();
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: 'inherit' });
  const timers = [
    setTimeout(() => child.kill('SIGINT'), limitMs),
    setTimeout(() => child.kill('SIGKILL'), limitMs + 10_000),
  ];
  child.on('error', reject);
  child.on('exit', (code) => {
    for (const timer of timers) clearTimeout(timer);
    settle(code ?? 1);
  });
  return promise;
}

function selectFiles(slow: boolean, words: readonly string[]): string[] {
  const files = globSync(PATTERNS, { cwd: ROOT, exclude: ['**/node_modules', '**/build'] }).toSorted();
  return files
    .filter((file) => slow || !file.endsWith(SLOW))
    .filter((file) => words.length === 0 || words.some((word) => file.includes(word)));
}

async function main(): Promise<number> {
  const args = process.argv.slice(2);
  const slow = args.includes('--slow');
  const options = args.filter((arg) => arg.startsWith('-') && arg !== '--slow');
  const words = args.filter((arg) => !arg.startsWith('-'));
  const files = selectFiles(slow, words);
  if (files.length === 0) {
    console.error(`no test file has ${words.join(' or ')} in its path`);
    return 2;
  }
  const limits = slow ? SLOW_LIMITS : FAST_LIMITS;
  // Functions are built first, so that tests running side by side do not build the same one twice.
  if (existsSync(join(ROOT, 'runtime/main.ts'))) {
    const built = await run(['runtime/inferbase.js', 'build'], limits.test);
    if (built !== 0) return built;
  }
  // Every test is a process, and many start threads: none has to strip and compile the sources anew.
  process.env.NODE_COMPILE_CACHE ??= join(ROOT, 'node_modules/.cache/inferbase');
  process.env.TEST_FILE_LIMIT_MS = String(limits.file);
  const watched = ['--import', pathToFileURL(join(ROOT, 'test/watchdog.ts')).href];
  const fixed = ['--test', `--test-concurrency=${AT_ONCE}`, `--test-timeout=${limits.test}`, '--test-reporter=spec'];
  return run([...watched, ...fixed, '--test-reporter-destination=stdout', ...options, ...files], limits.all);
}

process.exitCode = await main();
