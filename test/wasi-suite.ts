/**
 * Runs the official WASI preview 1 suite (github.com/WebAssembly/wasi-testsuite, branch prod/testsuite-base) through the
 * whole product: `npm run test:wasi -- DIR`. Prints the names of tests that fail and the score as `N/72`; the exit code
 * is 1 when one fails, 2 when the folder holds no tests.
 */
import { existsSync, globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { readSeedFolders } from '../runtime/cli/seed-folder.ts';
import { type GuestResult, openTestRuntime, runPrepared } from './support/run-guest.ts';

/** One test is a module, a JSON of what it is given and what it must do, and perhaps a folder to start with. */
interface Spec {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Folder beside it that lies under `/`; without one there is no file system. */
  readonly root?: string;
  readonly exit_code?: number;
  readonly stdout?: string;
  readonly stderr?: string;
}

const TEST_LIMIT_MS = 20_000;

type TestRuntime = Awaited<ReturnType<typeof openTestRuntime>>;

/** @returns why it failed, or `null` */
async function runTest(runtime: TestRuntime, wasm: string): Promise<string | null> {
  const json = wasm.replace(/\.wasm$/, '.json');
  const spec: Spec = existsSync(json) ? JSON.parse(await readFile(json, 'utf8')) : {};
  // Read anew for each test, so that none finds what another left.
  const files = spec.root === undefined ? null : await readSeedFolders([join(dirname(wasm), spec.root)]);
  const found = await runtime.store.prepareFile(await readFile(wasm), basename(wasm));
  const result = await runPrepared(runtime, found, {
    args: spec.args ?? [],
    env: spec.env ?? {},
    files,
    limits: { deadlineMs: TEST_LIMIT_MS },
  });
  return complaint(spec, result);
}

function complaint(spec: Spec, result: GuestResult): string | null {
  const { cause, exitCode, message, stdout, stderr } = result;
  const wanted = spec.exit_code ?? 0;
  if (exitCode !== wanted || cause !== 'exited') {
    return `${cause}, exit code ${exitCode} instead of ${wanted}: ${message}\n${stdout}${stderr}`;
  }
  if (spec.stdout !== undefined && stdout !== spec.stdout) return `stdout ${JSON.stringify(stdout)}`;
  if (spec.stderr !== undefined && stderr !== spec.stderr) return `stderr ${JSON.stringify(stderr)}`;
  return null;
}

async function main(folder: string | undefined): Promise<number> {
  const tests = folder === undefined ? [] : globSync('**/wasm32-wasip1/*.wasm', { cwd: folder }).toSorted();
  if (folder === undefined || tests.length === 0) {
    console.error('usage: npm run test:wasi -- DIR, where DIR holds the prebuilt tests of WebAssembly/wasi-testsuite');
    return 2;
  }
  const runtime = await openTestRuntime();
  let passed = 0;
  try {
    for (const test of tests) {
      const why = await runTest(runtime, join(folder, test)).catch((error: unknown) => String(error));
      if (why === null) passed++;
      else console.log(`failed: ${test}: ${why.trim()}`);
    }
  } finally {
    await runtime.close();
  }
  console.log(`${passed}/${tests.length}`);
  return passed === tests.length ? 0 : 1;
}

process.exitCode = await main(process.argv[2]);
