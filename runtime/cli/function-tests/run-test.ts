import type { Settings } from '../../config/settings.ts';
import { splitMethod } from '../../core/entry-call.ts';
import type { Outcome } from '../../core/execution.ts';
import type { Runtime } from '../../runtime.ts';
import type { StoredFunction } from '../../store/store.ts';
import { executionContext } from '../execution-context.ts';
import { compareText, type Difference, quote } from './difference.ts';
import type { FunctionTest } from './function-test.ts';
import { ANY_EXIT_CODE } from './test-file.ts';
import type { UpstreamMock } from './upstream-mock.ts';

/** How one test went. */
export interface TestResult {
  readonly name: string;
  readonly at: string;
  readonly status: 'passed' | 'failed' | 'skipped';
  readonly ms: number;
  readonly differences: readonly Difference[];
  /** What the function did; `null` where it did not run. */
  readonly outcome: Outcome | null;
  /** Why it was skipped, or could not run. */
  readonly note: string;
}

/** What tests run on. */
export interface TestBench {
  readonly runtime: Pick<Runtime, 'run' | 'store'>;
  readonly settings: Settings;
  /** By upstream name; all there are. */
  readonly mocks: ReadonlyMap<string, UpstreamMock>;
  readonly signal: AbortSignal;
}

/**
 * Runs one test in the real sandbox, its upstreams mocked.
 * @param load the function under a method
 * @throws InferbaseError when the function cannot be loaded, or ERR_CANCELLED
 */
export async function runFunctionTest(
  test: FunctionTest,
  { runtime, settings, mocks, signal }: TestBench,
  load: (file: string) => Promise<StoredFunction>,
): Promise<TestResult> {
  const { name, at } = test;
  if (test.skip !== null)
    return { name, at, status: 'skipped', ms: 0, differences: [], outcome: null, note: test.skip };
  const method = splitMethod(test.method);
  const found = await load(method.file);
  const { args, env, stdin, allow, permissions, limits } = test;
  const context = executionContext(found, settings, {
    args,
    env,
    stdin,
    files: found.files,
    allow,
    permissions,
    limits,
  });
  for (const [upstream, mock] of mocks) mock.expect(test.upstreams.get(upstream) ?? []);
  const outcome = await runtime.run({ ...found, entry: method.export }, { ...context, trace: true }, signal);
  signal.throwIfAborted();
  const asked = [...mocks.values()].flatMap((mock) => mock.verify());
  const differences = [...compareOutcome(test.expect, outcome), ...asked];
  const status = differences.length === 0 ? 'passed' : 'failed';
  return { name, at, status, ms: outcome.usage.wallMs, differences, outcome, note: '' };
}

function compareOutcome(expect: FunctionTest['expect'], outcome: Outcome): Difference[] {
  const decoder = new TextDecoder();
  const found: Difference[] = [];
  if (outcome.cause !== expect.cause) {
    const why = outcome.message === '' ? '' : `: ${quote(outcome.message)}`;
    found.push({ about: 'cause', lines: [`- ${expect.cause}`, `+ ${outcome.cause}${why}`] });
  } else if (expect.exitCode !== ANY_EXIT_CODE && outcome.exitCode !== expect.exitCode) {
    found.push({ about: 'exit code', lines: [`- ${expect.exitCode}`, `+ ${outcome.exitCode}`] });
  }
  const { stdout, stderr } = expect;
  if (stdout !== undefined) found.push(...compareText('stdout', stdout, decoder.decode(outcome.stdout)));
  if (stderr !== undefined) found.push(...compareText('stderr', stderr, decoder.decode(outcome.stderr)));
  return found;
}
