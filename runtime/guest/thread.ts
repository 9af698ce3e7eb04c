import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { NO_USAGE, type Outcome, type SeedFile } from '../core/execution.ts';
import { packFromSandbox, packOutcomes, unpackRuns } from '../core/packed-messages.ts';
import type { FromSandbox, Grant, RunMessage, SandboxThreadData, ToSandbox } from '../core/sandbox-messages.ts';
import { ServiceClient, type ServiceRequest } from '../core/services.ts';
import { findCatching } from './ending-test.ts';
import { Execution, type Run, type Sandbox } from './execution.ts';
import { HookPool } from './hooks.ts';
import { LogRate } from './log-rate.ts';
import { MemoryPool } from './memory-pool.ts';
import { planFunction } from './module-plan.ts';
import { OnCpu } from './on-cpu.ts';
import { createOutbound } from './outbound/fetch.ts';
import { TRAP } from './trap.ts';
import { warmUp } from './warm-up.ts';

/** Entry of a sandbox thread: messages in, executions, messages out. */
async function serve(port: MessagePort, data: SandboxThreadData): Promise<void> {
  const functions = new Map<number, Run['function']>();
  const grants = new Map<number, Grant>();
  const files = new Map<number, readonly SeedFile[] | null>([
    [0, []],
    [-1, null],
  ]);
  const live = new Map<number, Execution>();
  const onCpu = new OnCpu(data);
  let outcomes: [number, Outcome][] = [];
  let logs: string[] = [];
  let requests: ServiceRequest[] = [];
  let scheduled = false;

  /** One message a turn: sending one per execution would cost more than running a small one. */
  const flushSoon = (): void => {
    if (scheduled) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      const message: FromSandbox = {
        ...packOutcomes(outcomes),
        logs,
        ...(requests.length > 0 ? { requests } : {}),
      };
      outcomes = [];
      logs = [];
      requests = [];
      port.postMessage(packFromSandbox(message));
    });
  };
  const log = (line: string): void => {
    logs.push(line);
    flushSoon();
  };
  const services = new ServiceClient((request) => {
    requests.push(request);
    flushSoon();
  });
  const rate = new LogRate(log);
  const sandbox: Sandbox = {
    pool: new MemoryPool(data.poolBytes, data.liveBytes),
    hooks: new HookPool(),
    turns: { waiting: 0, fixedSlice: data.sliceFuel },
    onCpu,
    outbound: createOutbound({ upstreams: data.upstreams, log }),
    services,
    processes: data.processes,
    memoryPages: data.memoryPages,
    log: (line) => rate.add(line),
  };

  const start = async (run: Run): Promise<void> => {
    onCpu.started();
    let outcome: Outcome;
    try {
      const execution = new Execution(run, sandbox);
      live.set(run.id, execution);
      outcome = await execution.run();
    } catch (error) {
      // Only what keeps an instance from being made at all ends here, such as no address space for its memory.
      outcome = failedToStart(error);
    }
    live.delete(run.id);
    outcomes.push([run.id, outcome]);
    flushSoon();
  };

  const cancel = (id: number): void => live.get(id)?.end('cancelled', 'the caller went away');

  const read = (message: RunMessage, traced: readonly number[] | undefined): Run => {
    const [id, functionNumber, grantNumber, args, env, stdin, filesNumber, slot] = message;
    const entry = functions.get(functionNumber);
    const grant = grants.get(grantNumber);
    const seeds = files.get(filesNumber);
    if (entry === undefined || grant === undefined || seeds === undefined)
      throw new Error(`execution ${id} names what was never sent`);
    const { limits, permissions } = grant;
    const trace = traced?.includes(id) === true;
    const context = { args, env: pairs(env), stdin: stdin ?? EMPTY, files: seeds, limits, permissions, trace };
    return { id, slot, function: entry, context };
  };

  // Before anything is taken in: whether a guest can be ended at all decides which may run.
  const catching = await findCatching(data.catchableTrap ? new WebAssembly.RuntimeError('unreachable') : TRAP);
  port.on('message', (packed: ToSandbox | string) => {
    const message = unpackRuns(packed);
    for (const [number, entry] of message.functions) {
      functions.set(number, planFunction(entry));
    }
    for (const [number, grant] of message.grants) grants.set(number, grant);
    for (const [number, seeds] of message.files) files.set(number, seeds);
    // Each in a turn of its own, so that one that ends at once hands its memory to the next.
    for (const run of message.runs) setImmediate(start, read(run, message.traced));
    for (const reply of message.replies ?? []) services.settle(reply);
    for (const id of message.cancels) setImmediate(cancel, id);
    for (const number of message.droppedFunctions) functions.delete(number);
    for (const number of message.droppedGrants) grants.delete(number);
    for (const number of message.droppedFiles) files.delete(number);
  });
  port.postMessage({ ready: { catching }, ...packOutcomes([]), logs: [] } satisfies FromSandbox);
  // Not while somebody waits.
  setImmediate(() => {
    if (functions.size === 0) warmUp(sandbox).catch((error: unknown) => log(`warming up failed: ${String(error)}`));
  });
}

const EMPTY = new Uint8Array(0);

function pairs(flat: readonly string[]): (readonly [string, string])[] {
  const result: (readonly [string, string])[] = [];
  for (let index = 0; index < flat.length; index += 2) result.push([flat[index] ?? '', flat[index + 1] ?? '']);
  return result;
}

function failedToStart(error: unknown): Outcome {
  const message = `could not start: ${error instanceof Error ? error.message : String(error)}`;
  return {
    cause: 'interrupted',
    exitCode: 12,
    message,
    stdout: EMPTY,
    stderr: EMPTY,
    stdoutTruncated: false,
    stderrTruncated: false,
    usage: NO_USAGE,
  };
}

if (parentPort !== null) await serve(parentPort, workerData as SandboxThreadData);
