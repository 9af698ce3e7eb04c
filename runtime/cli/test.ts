import { readdir } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import process from 'node:process';
import { InferbaseError } from '../core/errors.ts';
import { findFunctions } from './build.ts';
import { type Colours, createColours } from './colour.ts';
import { compileFunction } from './compile-function.ts';
import { watchSources } from './dev/watch.ts';
import { EXIT, reportFailure } from './exit.ts';
import type { FunctionTestFile } from './function-tests/function-test.ts';
import { reportTest, resultJson } from './function-tests/report.ts';
import { runFunctionTest, type TestBench, type TestResult } from './function-tests/run-test.ts';
import { readTestFile } from './function-tests/test-file.ts';
import { startMock, type UpstreamMock } from './function-tests/upstream-mock.ts';
import { aborted, watchInterrupt } from './interrupt.ts';
import { withAnyRuntime } from './open-runtime.ts';
import { storePackage } from './package-function.ts';
import type { AddCommand } from './program.ts';
import {
  addSettingsFlags,
  COMMON_KEYS,
  type CommandSettings,
  commandSettings,
  EXTENSION_KEYS,
} from './settings-flags.ts';
import { readWhole } from './target.ts';
import { print, printError } from './terminal.ts';

const EXAMPLES = `
Examples:
  $ inferbase test                          the function in this folder, or all below functions/
  $ inferbase test functions/hello
  $ inferbase test --filter ETH             tests whose name has ETH in it
  $ inferbase test --json                   one JSON object

Tests are in files *.test.yaml (.yml, .json) in the function's folder or its test/ or tests/:

  tests:
    - name: asks the model for ETH
      env: { ALLORA_ARG_PARAMS: ETH }
      upstreams:
        model:
          - request: { method: GET, path: /inference/ETH }
            response: { json: { value: "3.5" } }
      expect:
        json: { infererValue: "3.5" }

Exit code: 0 when all pass, 1 when one fails or a file cannot be read, 2 for wrong usage or settings.`;

const TEST_FILE = /\.test\.(?:ya?ml|json)$/;

interface TestOptions {
  readonly filter?: string;
  readonly json?: boolean;
  readonly watch?: boolean;
}

/** `test [FOLDER]`: runs the tests a function's author wrote. */
export const addTest: AddCommand = (program, done) => {
  const command = program
    .command('test')
    .description(
      "Build a function and run its author's tests: a request, mocked upstreams, and what has to come of it.",
    )
    .argument('[folder]', 'folder of the function, or one with functions below functions/', '.')
    .option('--filter <text>', 'only tests whose name has this text in it')
    .option('--watch', 'run them again with every change, until Ctrl-C')
    .option('--json', 'print the results as one JSON object instead')
    .addHelpText('after', EXAMPLES);
  addSettingsFlags(command, [...COMMON_KEYS, ...EXTENSION_KEYS]).action(
    async (folder: string, options: TestOptions) => {
      const { signal } = watchInterrupt();
      if (options.watch === true) await watchTests(resolve(folder), options, signal);
      else done(await test(resolve(folder), options, signal));
    },
  );
};

/** Runs the tests now and with every change. What is wrong with a file, or does not compile, is told, and waited for. */
async function watchTests(root: string, options: TestOptions, signal: AbortSignal): Promise<void> {
  const { settings } = await commandSettings({ ...options }, {});
  let runs = Promise.resolve();
  const again = (): void => {
    runs = runs.then(async () => {
      if (signal.aborted) return;
      try {
        await test(root, options, signal);
      } catch (error) {
        for (const line of reportFailure(error, false).lines) printError(line);
      }
    });
  };
  const places = { folder: root, dataDir: settings.dataDir };
  const unwatch = watchSources(places, again, (error) => printError(`watching ended: ${error.message}`));
  again();
  await aborted(signal);
  unwatch();
  await runs;
}

interface Suite extends FunctionTestFile {
  /** Folder of the function, absolute. */
  readonly folder: string;
}

/** A test file's results. */
interface SuiteResult {
  readonly suite: Suite;
  readonly results: readonly TestResult[];
}

async function test(root: string, options: TestOptions, signal: AbortSignal): Promise<number> {
  const defaults = { 'log.level': 'error', 'sandbox.threads': 1 };
  const loaded = await commandSettings({ ...options }, { defaults });
  const suites = await readSuites(root);
  const colours = createColours(process.stdout);
  const began = performance.now();
  const done = await withMocks(
    loaded,
    suites,
    async (bench) => {
      const all: SuiteResult[] = [];
      for (const suite of suites) all.push(await runSuite(suite, bench, options, colours));
      return all;
    },
    signal,
  );
  const results = done.flatMap(({ results: some }) => some);
  if (results.length === 0) {
    throw new InferbaseError(
      'ERR_INVALID_REQUEST',
      `no test has ${JSON.stringify(options.filter)} in its name; leave out --filter to see all`,
    );
  }
  const count = (status: TestResult['status']): number => results.filter((result) => result.status === status).length;
  const [passed, failed, skipped] = [count('passed'), count('failed'), count('skipped')];
  if (options.json === true) {
    const files = done.map(({ suite, results: some }) => ({ file: suite.file, tests: some.map(resultJson) }));
    print(JSON.stringify({ passed, failed, skipped, files }));
  } else {
    const parts = [
      `${passed} passed`,
      failed > 0 ? colours.red(`${failed} failed`) : '',
      skipped > 0 ? `${skipped} skipped` : '',
    ];
    print(`${parts.filter(Boolean).join(', ')} ${colours.dim(`(${Math.round(performance.now() - began)} ms)`)}`);
  }
  return failed === 0 ? EXIT.ok : EXIT.failure;
}

/** @throws InferbaseError ERR_INVALID_REQUEST when there is no test at all */
async function readSuites(root: string): Promise<Suite[]> {
  const folders = (await hasTests(root)) ? [root] : await findFunctions(root);
  const suites: Suite[] = [];
  for (const folder of folders) {
    for (const path of await testFiles(folder)) {
      suites.push({ ...(await readTestFile(path, relative(process.cwd(), path))), folder });
    }
  }
  if (suites.length > 0) return suites;
  throw new InferbaseError(
    'ERR_INVALID_REQUEST',
    `${root} has no tests; write one in test/${basename(root)}.test.yaml, see inferbase test --help`,
  );
}

async function hasTests(folder: string): Promise<boolean> {
  return (await testFiles(folder)).length > 0;
}

async function testFiles(folder: string): Promise<string[]> {
  const places = [folder, join(folder, 'test'), join(folder, 'tests')];
  const found = await Promise.all(
    places.map(async (place) => (await readdir(place).catch(() => [])).sort().map((name) => join(place, name))),
  );
  return found.flat().filter((path) => TEST_FILE.test(path));
}

/** Every upstream there is gets a mock: a test never reaches a real one by accident. */
async function withMocks<T>(
  loaded: CommandSettings,
  suites: readonly Suite[],
  use: (bench: TestBench) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const names = new Set(Object.keys(loaded.settings.upstreams));
  for (const { tests } of suites)
    for (const { upstreams } of tests) for (const name of upstreams.keys()) names.add(name);
  const mocks = new Map<string, UpstreamMock>();
  try {
    for (const name of names) mocks.set(name, await startMock(name));
    const upstreams = Object.fromEntries(
      [...mocks].map(([name, { url }]) => [name, { url, headers: {}, timeoutMs: 600_000 }]),
    );
    const settings = { ...loaded.settings, upstreams };
    return await withAnyRuntime({ ...loaded, settings }, (runtime) =>
      Promise.race([use({ runtime, settings, mocks, signal }), interruption(signal)]),
    );
  } finally {
    await Promise.all([...mocks.values()].map((mock) => mock.close()));
  }
}

async function interruption(signal: AbortSignal): Promise<never> {
  await aborted(signal);
  throw new InferbaseError('ERR_CANCELLED', 'interrupted');
}

/** The function as it will run by CID: with the permissions, limits and files of its package. */
async function createLoader({ module, folder }: Suite, { runtime, signal }: TestBench) {
  const { store } = runtime;
  if (module !== null) {
    const bytes = await readWhole(module);
    return (method: string) => store.prepareFile(bytes, method || basename(module));
  }
  const compiled = await compileFunction(folder, { signal });
  const cid = await storePackage(store, folder, compiled);
  return (method: string) => store.get(cid, { method, signal });
}

async function runSuite(suite: Suite, bench: TestBench, options: TestOptions, colours: Colours): Promise<SuiteResult> {
  const wanted = suite.tests.filter(({ name }) => name.includes(options.filter ?? ''));
  if (wanted.length === 0) return { suite, results: [] };
  const load = await createLoader(suite, bench);
  if (options.json !== true) print(`${suite.file}`);
  const results: TestResult[] = [];
  for (const item of wanted) {
    const result = await runFunctionTest(item, bench, load);
    results.push(result);
    if (options.json !== true) for (const line of reportTest(result, colours)) print(line);
  }
  return { suite, results };
}
