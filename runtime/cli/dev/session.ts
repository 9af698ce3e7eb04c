import type { Settings } from '../../config/settings.ts';
import { splitMethod } from '../../core/entry-call.ts';
import { InferbaseError } from '../../core/errors.ts';
import type { Outcome } from '../../core/execution.ts';
import type { InferenceNode } from '../../core/node.ts';
import type { Runtime } from '../../runtime.ts';
import type { StoredFunction } from '../../store/store.ts';
import type { Colours } from '../colour.ts';
import { compileFunction } from '../compile-function.ts';
import { executionContext, type GivenInput } from '../execution-context.ts';
import { reportFailure } from '../exit.ts';
import { storePackage } from '../package-function.ts';
import { printable, size } from '../terminal.ts';
import { outcomeLines } from './report.ts';

/** What a function is run with, and what to call that. */
export interface DevRequest {
  readonly label: string;
  readonly input: GivenInput;
  /** `#EXPORT`, or empty. */
  readonly method: string;
}

export interface DevSession {
  /** Builds, and runs the last request again; errors are shown. */
  rebuild(): Promise<void>;
  /** The node behind the local endpoint: whatever function is asked for, it is this one. */
  readonly node: InferenceNode;
  /** Ends what is going on. */
  close(): void;
}

/**
 * A function under development.
 * @param folder of the function
 * @param first what it is run with until something else is asked
 */
export function createDevSession(
  components: {
    readonly runtime: Pick<Runtime, 'run' | 'store'>;
    readonly print: (line: string) => void;
    readonly colours: Colours;
  },
  init: {
    readonly folder: string;
    readonly settings: Settings;
    readonly first: DevRequest;
    readonly allow: readonly string[];
  },
): DevSession {
  const { runtime, print, colours } = components;
  const { folder, settings, allow } = init;
  const closing = new AbortController();
  let last = init.first;
  let current: StoredFunction | null = null;
  let builds = Promise.resolve();
  /** Ends the run of a module that is out of date. */
  let rerun = new AbortController();

  async function build(): Promise<boolean> {
    const began = performance.now();
    try {
      const { signal } = closing;
      const compiled = await compileFunction(folder, { signal });
      const cid = await storePackage(runtime.store, folder, compiled);
      current = await runtime.store.get(cid, { method: '', signal });
      const took = colours.dim(`(${Math.round(performance.now() - began)} ms)`);
      print(
        `${colours.green('✓')} ${compiled.fresh ? 'unchanged' : 'built'} ${compiled.name} ${size(compiled.size)} ${took}`,
      );
      return true;
    } catch (error) {
      showError(error);
      return false;
    }
  }

  function showError(error: unknown): void {
    if (closing.signal.aborted) return;
    for (const line of reportFailure(error, false).lines) print(`${colours.red('✗')} ${line}`);
  }

  async function run(request: DevRequest, signal: AbortSignal): Promise<Outcome> {
    if (current === null)
      throw new InferbaseError('ERR_INVALID_REQUEST', 'the function does not build yet; see what is said above');
    const { export: entry } = splitMethod(request.method);
    const found = current;
    const context = executionContext(found, settings, {
      ...request.input,
      files: found.files,
      allow: [...allow, ...request.input.allow],
    });
    const outcome = await runtime.run({ ...found, entry }, { ...context, trace: true }, signal);
    print(`${colours.yellow('▸')} ${printable(request.label)}`);
    for (const line of outcomeLines(outcome, colours)) print(line);
    return outcome;
  }

  const node: InferenceNode = {
    peerId: 'dev',
    async execute(request, { requestId, signal }) {
      const { parameters, env, stdin, permissions, limits, method } = request;
      last = {
        label: labelOf(env, parameters),
        input: { args: parameters, env, stdin, files: [], allow: [], permissions, limits },
        method,
      };
      // The answer of a module that is being replaced helps nobody.
      await builds;
      const outcome = await run(last, AbortSignal.any([signal, closing.signal]));
      return { requestId, code: '200', results: [{ peerId: 'dev', outcome }], cluster: ['dev'], remarks: [] };
    },
    install: async () => {},
    results: async () => undefined,
  };

  return {
    node,
    rebuild() {
      rerun.abort();
      rerun = new AbortController();
      const { signal } = rerun;
      builds = builds.then(async () => {
        // Changed again meanwhile: the next one builds.
        if (signal.aborted || closing.signal.aborted) return;
        if (!(await build()) || signal.aborted) return;
        // Requests wait for builds, not for runs.
        void run(last, AbortSignal.any([signal, closing.signal])).catch((error: unknown) => {
          if (!signal.aborted) showError(error);
        });
      });
      return builds;
    },
    close: () => closing.abort(new InferbaseError('ERR_CANCELLED', 'interrupted')),
  };
}

/** A request as its sender would know it again. */
function labelOf(env: readonly (readonly [string, string])[], args: readonly string[]): string {
  const variables = new Map(env);
  const method = variables.get('BLS_REQUEST_METHOD');
  if (method !== undefined) {
    const query = variables.get('BLS_REQUEST_QUERY') ?? '';
    return `${method} ${variables.get('BLS_REQUEST_PATH') ?? '/'}${query === '' ? '' : `?${query}`}`;
  }
  const shown = [...env.map(([name, value]) => `${name}=${value}`), ...args].join(' ');
  return `execute ${shown.length > 200 ? `${shown.slice(0, 200)}…` : shown}`;
}
