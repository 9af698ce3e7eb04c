import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createProcessGroups } from '../../runtime/cli/process-groups.ts';
import { loadSettings } from '../../runtime/config/load.ts';
import type { Settings } from '../../runtime/config/settings.ts';
import type { Cause, SeedFile, Usage } from '../../runtime/core/execution.ts';
import type { HostCallTrace } from '../../runtime/core/host-call-trace.ts';
import { DEFAULT_LIMITS, type Limits } from '../../runtime/core/limits.ts';
import { intersectPermissions } from '../../runtime/core/permissions.ts';
import { openRuntime, type Runtime } from '../../runtime/runtime.ts';
import type { StoredFunction } from '../../runtime/store/store.ts';
import { createLog } from '../../runtime/telemetry/log.ts';
import { removeFolder } from './remove-folder.ts';

export interface GuestOptions {
  /** argv after the module's name. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>> | readonly (readonly [string, string])[];
  readonly stdin?: string | Uint8Array;
  /** What lies under `/`, instead of what lies beside the function in its package; `null`: no file system. */
  readonly files?: readonly SeedFile[] | null;
  /** Name → URL of a model server. */
  readonly upstreams?: Readonly<Record<string, string>>;
  /** Permission lines of the operator. */
  readonly allow?: readonly string[];
  readonly limits?: Partial<Limits>;
  readonly signal?: AbortSignal;
  /** Record its host calls. */
  readonly trace?: boolean;
}

export interface GuestResult {
  readonly cause: Cause;
  readonly exitCode: number;
  readonly message: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly stdoutBytes: Uint8Array;
  readonly stdoutTruncated: boolean;
  readonly stderrTruncated: boolean;
  readonly usage: Usage;
  readonly trace?: readonly HostCallTrace[];
}

/** Opens the whole product on a data folder of its own; `close` removes it. */
export async function openTestRuntime(
  flags: Readonly<Record<string, unknown>> = {},
): Promise<Runtime & { dataDir: string; logLines: readonly string[]; settings: Settings }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'inferbase-test-'));
  const { settings } = await loadSettings({
    cwd: dataDir,
    env: {},
    flags: { dataDir, 'listen.api': '127.0.0.1:0', 'sandbox.threads': 1, ...flags },
  });
  const logLines: string[] = [];
  const log = createLog({ level: 'debug', pretty: false, write: (line) => logLines.push(line) });
  const runtime = await openRuntime(settings, log, createProcessGroups());
  return {
    ...runtime,
    dataDir,
    settings,
    logLines,
    close: async () => {
      await runtime.close();
      await removeFolder(dataDir);
    },
  };
}

/**
 * Runs one guest in the real product: store, preparation thread, sandbox thread.
 * @param wasm path of a .wasm file, or its bytes
 */
export async function runGuest(wasm: string | Uint8Array, options: GuestOptions = {}): Promise<GuestResult> {
  const flags: Record<string, unknown> = { 'policy.allow': options.allow ?? [] };
  for (const [name, url] of Object.entries(options.upstreams ?? {})) flags[`upstreams.${name}.url`] = url;
  for (const [name, value] of Object.entries(options.limits ?? {})) flags[`limits.${name}`] = value;
  const runtime = await openTestRuntime(flags);
  try {
    return await runIn(runtime, wasm, options);
  } finally {
    await runtime.close();
  }
}

/** The same in a runtime that is open already; its settings are the ceiling. */
export async function runIn(
  runtime: Pick<Runtime, 'store' | 'run'>,
  wasm: string | Uint8Array,
  options: GuestOptions = {},
): Promise<GuestResult> {
  const bytes = typeof wasm === 'string' ? await readFile(wasm) : wasm;
  const name = typeof wasm === 'string' ? basename(wasm) : 'guest.wasm';
  return runPrepared(runtime, await runtime.store.prepareFile(bytes, name), options);
}

/** Runs a function that is prepared already: when this returns, the execution has its place, in a thread or the queue. */
export async function runPrepared(
  runtime: Pick<Runtime, 'run'>,
  found: StoredFunction,
  options: GuestOptions = {},
): Promise<GuestResult> {
  const { stdin = '', env = {} } = options;
  const outcome = await runtime.run(
    found,
    {
      args: [found.name, ...(options.args ?? [])],
      env: Array.isArray(env) ? env : Object.entries(env),
      stdin: typeof stdin === 'string' ? new TextEncoder().encode(stdin) : stdin,
      files: options.files === undefined ? found.files : options.files,
      limits: { ...DEFAULT_LIMITS, ...options.limits },
      permissions: intersectPermissions({ policy: options.allow ?? [], manifest: null, request: null }),
      ...(options.trace === undefined ? {} : { trace: options.trace }),
    },
    options.signal,
  );
  const decoder = new TextDecoder();
  return {
    ...outcome,
    stdout: decoder.decode(outcome.stdout),
    stderr: decoder.decode(outcome.stderr),
    stdoutBytes: outcome.stdout,
  };
}
