import type { Cause, ExecutionContext, Outcome } from '../core/execution.ts';
import type { HostCall } from '../core/host-calls.ts';
import { REWRITTEN } from '../core/module-facts.ts';
import type { FunctionEntry } from '../core/sandbox-messages.ts';
import type { ServiceClient, ServiceOp, ServiceOps } from '../core/services.ts';
import { type Ending, exitEnding, hostEnding, trapEnding } from './ending.ts';
import { Handles } from './handles.ts';
import type { HookPool, Hooks, HookTarget } from './hooks.ts';
import type { Host, HostCallHandler, HostModule } from './host.ts';
import { hostImports, type PlannedImport } from './host-imports.ts';
import { LogLines } from './log-lines.ts';
import { GuestMemory, MemoryFault } from './memory.ts';
import type { LeasedMemory, MemoryPool } from './memory-pool.ts';
import { type FuelCell, Meter, type Metered, type Turns } from './meter.ts';
import type { OnCpu } from './on-cpu.ts';
import type { Outbound } from './outbound/fetch.ts';
import { CappedOutput } from './output.ts';
import { CallTrace } from './trace.ts';
import { TRAP } from './trap.ts';

/** What executions of one thread share. */
export interface Sandbox {
  readonly pool: MemoryPool;
  readonly hooks: HookPool;
  readonly turns: Turns;
  readonly onCpu: OnCpu;
  readonly outbound: Outbound;
  readonly services: ServiceClient;
  /** Whether the operator lets guests start processes at all. */
  readonly processes: boolean;
  /** Operator's ceiling of linear memory, in 64 KiB pages. */
  readonly memoryPages: number;
  log(line: string): void;
}

/** One execution to run. */
export interface Run {
  readonly id: number;
  /** Its place among what the front thread can read of its effects. */
  readonly slot: number;
  readonly function: FunctionEntry;
  readonly imports: readonly PlannedImport[];
  readonly context: ExecutionContext;
}

/** Why a host call's signal is aborted; made once, since the default reason takes a stack trace each time. */
const OVER = new Error('the execution is over');
/** Fuel of crossing to the host and back; half a nanosecond each. */
const HOST_CALL_FUEL = 200;
/** Fuel of a page that memory grows by: it is mapped, zeroed, and cleared afterwards. */
const PAGE_FUEL = 20_000;
const DEFAULT_MAX_PAGES = 65_536;

/**
 * One request in one instance. It is over when the promise of the guest's entry has settled, and only then is its
 * memory handed on; until then a parked guest is ended by rejecting the host call it waits for.
 */
export class Execution implements Host, HookTarget, Metered {
  readonly context: ExecutionContext;
  readonly memory: GuestMemory;
  readonly outbound: Outbound;
  readonly handles: Handles;
  readonly traffic = { bytesIn: 0, bytesOut: 0 };
  readonly output = {
    stdout: (bytes: Uint8Array): void => this.#print(this.#stdout, bytes),
    stderr: (bytes: Uint8Array): void => this.#print(this.#stderr, bytes),
  };

  readonly #run: Run;
  readonly #sandbox: Sandbox;
  /** As `Metered` has it. */
  readonly deadlineAt: number;
  readonly #startedAt = performance.now();
  readonly #meter: Meter;
  readonly #stdout: CappedOutput;
  readonly #stderr: CappedOutput;
  /** Made when first needed: most executions open nothing and log nothing. */
  #frees: Set<() => void> | null = null;
  #lines: LogLines | null = null;
  #lease: LeasedMemory | null = null;
  readonly #trace: CallTrace | null;
  #touched = 0;
  #ending: Ending | null = null;
  #abort: AbortController | null = null;
  /** Rejects the host call the guest is parked in. */
  #unpark: (() => void) | null = null;
  #timer: NodeJS.Timeout | null = null;
  #hostCalls = 0;
  #growRefused = false;

  constructor(run: Run, sandbox: Sandbox) {
    const { limits } = run.context;
    this.#run = run;
    this.#sandbox = sandbox;
    this.context = run.context;
    this.outbound = sandbox.outbound;
    this.handles = new Handles(limits.handles);
    this.deadlineAt = performance.timeOrigin + this.#startedAt + limits.deadlineMs;
    this.#meter = new Meter(this, limits.fuel, sandbox);
    this.#stdout = new CappedOutput(limits.stdoutBytes);
    this.#stderr = new CappedOutput(limits.stderrBytes);
    const { memory } = run.function.facts;
    if (memory !== null && memory.initial <= limits.memoryPages) {
      this.#lease = sandbox.pool.take(
        memory.initial,
        Math.max(memory.initial, Math.min(memory.maximum ?? DEFAULT_MAX_PAGES, sandbox.memoryPages)),
      );
    }
    this.memory = this.#lease === null ? new GuestMemory(null) : new GuestMemory(this.#lease.memory, this.#lease.views);
    this.#trace = run.context.trace === true ? new CallTrace(this.memory) : null;
  }

  get signal(): AbortSignal {
    if (this.#abort === null) {
      this.#abort = new AbortController();
      if (this.#ending !== null) this.#abort.abort(OVER);
    }
    return this.#abort.signal;
  }

  ask<Op extends ServiceOp>(op: Op, payload: ServiceOps[Op]['payload']): Promise<ServiceOps[Op]['answer']> {
    return this.#sandbox.services.ask(this.#run.id, op, payload);
  }

  onClose(free: () => void): () => void {
    this.#frees ??= new Set();
    this.#frees.add(free);
    return () => this.#frees?.delete(free);
  }

  log(line: string): void {
    this.#lines ??= new LogLines(this.#sandbox.log);
    this.#lines.add(line);
  }

  exit(code: number): never {
    this.#record(exitEnding(code));
    throw TRAP;
  }

  /** Ends the execution from outside the guest's own calls: deadline, cancellation. */
  end(cause: Exclude<Cause, 'exited' | 'trapped'>, message: string): void {
    if (this.#ending !== null) return;
    this.#record(hostEnding(cause, message));
    const unpark = this.#unpark;
    if (unpark !== null) this.#sandbox.onCpu.resume(this.#run.id, this.deadlineAt, unpark);
  }

  tick(missing: number): number {
    return this.#meter.tick(missing);
  }

  pause(missing: number): Promise<number> {
    return this.#meter.pause(missing);
  }

  get id(): number {
    return this.#run.id;
  }

  get over(): boolean {
    return this.#ending !== null;
  }

  endOfFuel(): void {
    this.end('fuel', `used up its fuel of ${this.context.limits.fuel} (limits.fuel)`);
  }

  endOfDeadline(): void {
    this.end('deadline', `still running after ${this.context.limits.deadlineMs} ms (limits.deadlineMs)`);
  }

  /** Runs the guest to its end. Never rejects. */
  async run(): Promise<Outcome> {
    const { memory } = this.#run.function.facts;
    const { limits } = this.context;
    if (memory !== null && memory.initial > limits.memoryPages) {
      const message = `memory minimum size of ${memory.initial} pages exceeds the limit of ${limits.memoryPages} (limits.memoryPages)`;
      this.#record(hostEnding('memory', message));
      return this.#close();
    }
    this.#timer = setTimeout(() => this.endOfDeadline(), Math.min(limits.deadlineMs, 2_147_483_647));
    const hooks = this.#sandbox.hooks.take(this);
    try {
      await this.#runGuest(hooks);
      this.#record(exitEnding(0));
    } catch (error) {
      if (error !== TRAP) this.#record(trapEnding(error, this.#growRefused ? limits.memoryPages : null));
    }
    this.#sandbox.hooks.give(hooks);
    return this.#close();
  }

  async #runGuest(hooks: Hooks): Promise<void> {
    const { id } = this.#run;
    const { module, facts } = this.#run.function;
    // What it takes to make the instance is the guest's doing too.
    this.#sandbox.onCpu.enter(id, this.deadlineAt);
    const imports = hostImports(this.#run.imports, this, (call, noun, handler) =>
      this.#dispatch(call, noun, this.#trace?.wrap(call, handler) ?? handler),
    );
    const lease = this.#lease;
    if (lease !== null) {
      const memory: WebAssembly.ModuleImports = Object.create(null);
      memory[REWRITTEN.memory] = lease.memory;
      imports[REWRITTEN.importModule] = memory;
    }
    const { exports } = new WebAssembly.Instance(module, imports);
    connect(exports[REWRITTEN.tick], hooks.tick);
    connect(exports[REWRITTEN.pause], hooks.pause);
    connect(exports[REWRITTEN.grow], hooks.grow);
    this.#meter.connect(exports[REWRITTEN.fuel] as FuelCell | undefined);
    for (const name of [facts.hasStart ? REWRITTEN.start : null, '_initialize', facts.entry]) {
      const entry = name === null ? undefined : exports[name];
      if (entry === undefined) continue;
      // Set before the call: code runs in it until the guest first parks.
      this.#sandbox.onCpu.enter(id, this.deadlineAt);
      this.#meter.enter();
      await WebAssembly.promising(entry as CallableFunction)();
    }
  }

  /** The one way to a handler: end, count and permission are looked at before, whatever it throws becomes an errno. */
  #dispatch(call: HostCall, noun: HostModule, served: HostCallHandler): CallableFunction {
    const denied = call.permission === 'processes' && !this.#sandbox.processes;
    const handler = denied ? this.#denied(call) : served;
    const outside = call.outside && !denied;
    const failed = (error: unknown): number => {
      if (error === TRAP) throw error;
      if (error instanceof MemoryFault) return noun.faultErrno;
      this.log(`${call.module}.${call.name} failed: ${error instanceof Error ? error.message : String(error)}`);
      return noun.internalErrno;
    };
    return (...args: never[]) => {
      if (this.#ending !== null) throw TRAP;
      if (++this.#hostCalls > this.context.limits.hostCalls) {
        this.#record(hostEnding('calls', `more than ${this.context.limits.hostCalls} host calls (limits.hostCalls)`));
        throw TRAP;
      }
      if (outside) this.#sandbox.onCpu.effect(this.#run.slot);
      let result: ReturnType<HostCallHandler>;
      try {
        result = handler(...args);
      } catch (error) {
        result = failed(error);
      }
      const paid = this.#meter.charge(HOST_CALL_FUEL + this.#fuelOfBytes(call));
      if (result instanceof Promise) return this.#park(result, call, failed);
      if (!paid) throw TRAP;
      return result;
    };
  }

  /** `network` is not decided here: it depends on the URL, and on each address it leads to. */
  #denied(call: HostCall): HostCallHandler {
    return () => {
      this.log(
        `${call.module}.${call.name} was denied: no extension is configured; set extensions.dir or extensions.NAME.command`,
      );
      return call.deniedErrno;
    };
  }

  /** Fuel for the bytes of the guest's memory that a host call looked at or wrote since this was last asked. */
  #fuelOfBytes(call: HostCall): number {
    const { touched } = this.memory;
    const bytes = touched - this.#touched;
    this.#touched = touched;
    return Math.ceil(bytes * call.fuelPerByte);
  }

  /** The guest leaves the CPU until the host call completes or the execution is told to end. */
  #park(result: Promise<number>, call: HostCall, failed: (error: unknown) => number): Promise<number> {
    const { onCpu } = this.#sandbox;
    onCpu.leave();
    this.#meter.leave();
    return new Promise((resolve, reject) => {
      this.#unpark = () => reject(TRAP);
      const resume = (settle: () => void): void => {
        // Told to end meanwhile: that already settled it.
        if (this.#ending !== null) return;
        // Told to end from here on: this turn tells the guest. A second turn would put a finished one on the CPU.
        this.#unpark = null;
        onCpu.resume(this.#run.id, this.deadlineAt, () => {
          this.#meter.enter();
          this.#meter.charge(this.#fuelOfBytes(call));
          if (this.#ending === null) settle();
          else reject(TRAP);
        });
      };
      // It could not pay for the call.
      if (this.#ending !== null) onCpu.resume(this.#run.id, this.deadlineAt, this.#unpark);
      result.then(
        (errno) => resume(() => resolve(errno)),
        (error: unknown) =>
          resume(() => {
            try {
              resolve(failed(error));
            } catch (trap) {
              reject(trap);
            }
          }),
      );
    });
  }

  #print(stream: CappedOutput, bytes: Uint8Array): void {
    this.traffic.bytesOut += bytes.length;
    if (stream.append(bytes)) return;
    this.#record(hostEnding('output', 'went on printing far beyond its output limit'));
    throw TRAP;
  }

  /** `memory.grow`: the old size in pages, or −1 when the limit, the declared maximum or the machine says no. */
  grow(asked: number): number {
    const pages = asked >>> 0;
    const lease = this.#lease;
    if (lease === null) return -1;
    const size = lease.memory.buffer.byteLength / 65_536;
    if (pages === 0) return size;
    const fits = size + pages <= Math.min(lease.maximum, this.context.limits.memoryPages);
    if (!this.#meter.charge(HOST_CALL_FUEL + (fits ? pages * PAGE_FUEL : 0))) throw TRAP;
    if (fits) {
      const old = this.#sandbox.pool.grow(lease, pages);
      if (old !== -1) return old;
    }
    this.#growRefused = true;
    return -1;
  }

  #record(ending: Ending): void {
    if (this.#ending !== null) return;
    this.#ending = ending;
    this.#abort?.abort(OVER);
  }

  #close(): Outcome {
    this.#sandbox.onCpu.leave();
    this.#meter.leave();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#abort?.abort(OVER);
    this.memory.revoke();
    for (const free of this.#frees ?? []) free();
    this.#frees = null;
    let peakMemoryBytes = 0;
    if (this.#lease !== null) {
      this.#sandbox.pool.give(this.#lease, this.context.limits.poolBytes);
      peakMemoryBytes = this.#lease.views.bytes.length;
      this.#lease = null;
    }
    return {
      ...(this.#ending ?? exitEnding(0)),
      stdout: this.#stdout.bytes(),
      stderr: this.#stderr.bytes(),
      stdoutTruncated: this.#stdout.truncated,
      stderrTruncated: this.#stderr.truncated,
      usage: {
        wallMs: performance.now() - this.#startedAt,
        cpuMs: this.#meter.cpuMs,
        fuel: this.#meter.used,
        peakMemoryBytes,
        hostCalls: this.#hostCalls,
        ...this.traffic,
      },
      ...(this.#trace === null ? {} : { trace: this.#trace.calls }),
    };
  }
}

function connect(cell: WebAssembly.ExportValue | undefined, hook: unknown): void {
  if (cell !== undefined) (cell as WebAssembly.Global).value = hook;
}
