import type { TestContext } from 'node:test';
import type { Outcome } from '../../runtime/core/execution.ts';
import { DEFAULT_LIMITS, type Limits } from '../../runtime/core/limits.ts';
import { NO_PERMISSIONS } from '../../runtime/core/permissions.ts';
import type { FunctionEntry } from '../../runtime/core/sandbox-messages.ts';
import { createSandbox, type Input, type SandboxInit } from '../../runtime/sandbox/sandbox.ts';
import { prepareModule } from '../../runtime/wasm/prepare.ts';
import { guest } from './wat.ts';

/** Slices that last for seconds: a guest that spins in one holds the CPU, and only ending its thread helps. */
export const ENDLESS_SLICES = { sliceFuel: 2_000_000_000 } as const;

export interface RunOptions {
  readonly limits?: Partial<Limits>;
  readonly input?: Partial<Input>;
  readonly signal?: AbortSignal;
}

export interface TestSandbox {
  /** Lines for the operator. */
  readonly log: readonly string[];
  /** Runs `test/guests/NAME`: when this returns, the execution has its place, in a thread or the queue. */
  run(name: string, options?: RunOptions): Promise<Outcome>;
}

/** Prepares and compiles `test/guests/NAME`. */
export async function loadGuest(name: string): Promise<FunctionEntry> {
  const { facts, bytes } = prepareModule(await guest(name));
  return { module: new WebAssembly.Module(bytes), facts: { ...facts, entry: '_start' } };
}

/** A sandbox, of one thread unless said otherwise, that has loaded these guests; it ends with the test. */
export async function openSandbox(
  t: Pick<TestContext, 'after'>,
  names: readonly string[],
  init: Partial<SandboxInit> = {},
): Promise<TestSandbox> {
  const log: string[] = [];
  const sandbox = createSandbox({
    threads: 1,
    concurrency: 100,
    queue: 100,
    upstreams: {},
    memoryPages: 256,
    processes: false,
    services: { ask: () => Promise.reject(new Error('none')), release: () => {} },
    log: (line) => log.push(line),
    ...init,
  });
  t.after(() => sandbox.close());
  const entries = new Map(await Promise.all(names.map(async (name) => [name, await loadGuest(name)] as const)));
  await sandbox.ready;
  return {
    log,
    run(name, { limits = {}, input = {}, signal } = {}) {
      const entry = entries.get(name);
      if (entry === undefined) return Promise.reject(new Error(`${name} was not loaded`));
      const grant = { limits: { ...DEFAULT_LIMITS, ...limits }, permissions: NO_PERMISSIONS };
      return sandbox.run(entry, grant, { args: [], env: [], stdin: new Uint8Array(0), ...input }, signal);
    },
  };
}
