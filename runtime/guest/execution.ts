import type { EntryCall } from '../core/entry-call.ts';
import type { Cause, ExecutionContext, Outcome } from '../core/execution.ts';
import type { HostCall } from '../core/host-calls.ts';
import type { ServiceClient, ServiceOp, ServiceOps } from '../core/services.ts';
import { type Caller, callExport } from './assembly-script/call.ts';
import { type Ending, exitEnding, hostEnding, trapEnding } from './ending.ts';
import { Handles } from './handles.ts';
import type { HookPool, Hooks } from './hooks.ts';
import type { HostCallHandler, HostModule } from './host.ts';
import type { Dispatch } from './host-imports.ts';
import { GuestInstance, type Owner } from './instance.ts';
import { Leases, pagesOf } from './leases.ts';
import { LogLines } from './log-lines.ts';
import { type GuestMemory, MemoryFault } from './memory.ts';
import type { LeasedMemory, MemoryPool } from './memory-pool.ts';
import { Meter, type Metered, type Turns } from './meter.ts';
import type { FunctionPlan } from './module-plan.ts';
import type { OnCpu } from './on-cpu.ts';
import type { Outbound } from './outbound/fetch.ts';
import { CappedOutput } from './output.ts';
import { CallTrace } from './trace.ts';
import { TRAP } from './trap.ts';
import { Descriptors } from './wasi/descriptors.ts';

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
  readonly function: FunctionPlan;
  readonly context: ExecutionContext;
}

/** Why a host call's signal is aborted; made once, since the default reason takes a stack trace each time. */
const OVER = new Error('the execution is over');
/** Fuel of crossing to the host and back; half a nanosecond each. */
const HOST_CALL_FUEL = 200;
/** Fuel of a page that memory grows by: it is mapped, zeroed, and cleared afterwards. */
const PAGE_FUEL = 20_000;
const NONE: readonly unknown[] = [];
/** What a guest of one module may be linked to; nothing is ever put into it. */
const NO_LIBRARIES = new Map<string, GuestInstance>();

/**
 * One request in one instance, or one of each module of its function. It is over when the promise of the guest's entry has settled, and only then is its
 * memory handed on; until then a parked guest is ended by rejecting the host call it waits for.
 */
export class Execution implements Owner, Metered {
  readonly context: ExecutionContext;
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
  readonly meter: Meter;
  readonly descriptors = new Descriptors(this);
  readonly #stdout: CappedOutput;
  readonly #stderr: CappedOutput;
  /** Made when first needed: most executions open nothing and log nothing. */
  #frees: Set<() => void> | null = null;
  #lines: LogLines | null = null;
  /** Libraries in order, the entry last. */
  readonly #instances: GuestInstance[] = [];
  readonly #leases: Leases;
  readonly #trace: CallTrace | null;
  /** Of a unit of fuel, from 0 to below 1. */
  #fuelRest = 0;
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
    this.meter = new Meter(this, limits.fuel, sandbox);
    this.#stdout = new CappedOutput(limits.stdoutBytes);
    this.#stderr = new CappedOutput(limits.stderrBytes);
    this.#trace = run.context.trace === true ? new CallTrace() : null;
    this.#leases = new Leases(sandbox.pool, sandbox.memoryPages);
    if (run.function.pages > limits.memoryPages) return;
    for (const plan of [...run.function.libraries, run.function]) {
      this.#instances.push(new GuestInstance(plan, this, this.#leases.take(plan.memory)));
    }
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
    const { pages } = this.#run.function;
    const { limits } = this.context;
    if (pages > limits.memoryPages) {
      const message = `memory minimum size of ${pages} pages exceeds the limit of ${limits.memoryPages} (limits.memoryPages)`;
      this.#record(hostEnding('memory', message));
      return this.#close();
    }
    // Given back only once the guest is over: what it still calls must reach nobody else.
    const hooks = this.#instances.map((instance) => this.#sandbox.hooks.take(instance));
    try {
      await this.#runGuest(hooks);
      this.#record(exitEnding(0));
    } catch (error) {
      if (error !== TRAP) this.#record(trapEnding(error, this.#growRefused ? limits.memoryPages : null));
    }
    for (const taken of hooks) this.#sandbox.hooks.give(taken);
    return this.#close();
  }

  /** Each library is ready before the next module is instantiated, which may read its globals. */
  async #runGuest(hooks: readonly Hooks[]): Promise<void> {
    const { libraries } = this.#run.function;
    const byName = libraries.length === 0 ? NO_LIBRARIES : new Map<string, GuestInstance>();
    for (let index = 0; index < this.#instances.length; index++) {
      const instance = this.#instances[index] as GuestInstance;
      const { plan } = instance;
      // What it takes to make the instance is the guest's doing too.
      this.#sandbox.onCpu.enter(this.#run.id, this.deadlineAt);
      if (!this.meter.charge(plan.facts.setupFuel)) throw TRAP;
      instance.instantiate(byName, hooks[index] as Hooks);
      if (index < libraries.length) byName.set(plan.name, instance);
      for (const name of plan.calls) await this.#call(instance.exports[name] as CallableFunction);
    }
    const { entry, call } = this.#run.function.facts;
    const instance = this.#instances.at(-1);
    if (call !== undefined && entry !== null && instance !== undefined) await this.#callExport(instance, entry, call);
  }

  #call(exported: CallableFunction, args: readonly unknown[] = NONE): Promise<unknown> {
    // Set before the call: code runs in it until the guest first parks.
    this.#sandbox.onCpu.enter(this.#run.id, this.deadlineAt);
    this.meter.enter();
    return WebAssembly.promising(exported)(...args);
  }

  /** The entry takes or returns something. */
  #callExport({ exports, memory }: GuestInstance, name: string, call: EntryCall): Promise<void> {
    const { args, stdin, limits } = this.context;
    const caller: Caller = {
      ...this.output,
      exports,
      memory,
      stdoutBytes: limits.stdoutBytes,
      call: async (exported, ...values) => {
        const result = await this.#call(exported, values);
        this.meter.leave();
        return result;
      },
      charge: (bytes) => {
        if (!this.meter.charge(HOST_CALL_FUEL + bytes)) throw TRAP;
      },
      exit: (code) => this.exit(code),
    };
    this.traffic.bytesIn += stdin.length;
    return callExport(caller, name, call, { args: args.slice(1), stdin });
  }

  dispatchFor(memory: GuestMemory): Dispatch {
    return (call, noun, handler) =>
      this.#dispatch(call, noun, this.#trace?.wrap(call, handler, memory) ?? handler, memory);
  }

  /** The one way to a handler: end, count and permission are looked at before, whatever it throws becomes an errno. */
  #dispatch(call: HostCall, noun: HostModule, served: HostCallHandler, memory: GuestMemory): CallableFunction {
    const denied = call.permission === 'processes' && !this.#sandbox.processes;
    const handler = denied ? this.#denied(call, noun) : served;
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
      const paid = this.meter.charge(HOST_CALL_FUEL + this.#fuelOfBytes(call, memory));
      if (result instanceof Promise) return this.#park(result, () => this.#fuelOfBytes(call, memory), failed);
      if (!paid) throw TRAP;
      return result;
    };
  }

  /** `network` is not decided here: it depends on the URL, and on each address it leads to. */
  #denied(call: HostCall, { whatAllows }: HostModule): HostCallHandler {
    return (...args: readonly number[]) => {
      const remedy = whatAllows?.(call.name, args) ?? `it needs permission for ${call.permission}`;
      this.log(`${call.module}.${call.name} was denied: ${remedy}`);
      return call.deniedErrno;
    };
  }

  /**
   * Fuel for the bytes of the guest's memory that a host call looked at or wrote since this was last asked. What is left of
   * a unit is kept: a call that parks is charged in two parts, and may not cost more for it.
   */
  #fuelOfBytes({ fuelPerByte }: HostCall, memory: GuestMemory): number {
    const fuel = memory.takeTouched() * fuelPerByte + this.#fuelRest;
    this.#fuelRest = fuel % 1;
    return fuel - this.#fuelRest;
  }

  /** The guest leaves the CPU until the host call completes or the execution is told to end. */
  #park(result: Promise<number>, fuelOfBytes: () => number, failed: (error: unknown) => number): Promise<number> {
    const { onCpu } = this.#sandbox;
    onCpu.leave();
    this.meter.leave();
    this.#watchDeadline();
    return new Promise((resolve, reject) => {
      this.#unpark = () => reject(TRAP);
      const resume = (settle: () => void): void => {
        // Told to end meanwhile: that already settled it.
        if (this.#ending !== null) return;
        // Told to end from here on: this turn tells the guest. A second turn would put a finished one on the CPU.
        this.#unpark = null;
        onCpu.resume(this.#run.id, this.deadlineAt, () => {
          this.meter.enter();
          this.meter.charge(fuelOfBytes());
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

  /** While it runs, its meter looks at the deadline; most never wait, and need no timer. */
  #watchDeadline(): void {
    const leftMs = this.deadlineAt - performance.timeOrigin - performance.now();
    this.#timer ??= setTimeout(() => this.endOfDeadline(), Math.min(Math.max(leftMs, 0), 2_147_483_647));
  }

  #print(stream: CappedOutput, bytes: Uint8Array): void {
    this.traffic.bytesOut += bytes.length;
    if (stream.append(bytes)) return;
    this.#record(hostEnding('output', 'went on printing far beyond its output limit'));
    throw TRAP;
  }

  /** `memory.grow`: the old size in pages, or −1 when the limit, the declared maximum or the machine says no. */
  grow(lease: LeasedMemory | null, asked: number): number {
    const pages = asked >>> 0;
    if (lease === null) return -1;
    const size = pagesOf(lease);
    if (pages === 0) return size;
    const fits = size + pages <= lease.maximum && this.#leases.pages + pages <= this.context.limits.memoryPages;
    if (!this.meter.charge(HOST_CALL_FUEL + (fits ? pages * PAGE_FUEL : 0))) throw TRAP;
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
    this.meter.leave();
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#abort?.abort(OVER);
    for (const { memory } of this.#instances) memory.revoke();
    for (const free of this.#frees ?? []) free();
    this.#frees = null;
    const peakMemoryBytes = this.#leases.give(this.context.limits.poolBytes);
    return {
      ...(this.#ending ?? exitEnding(0)),
      stdout: this.#stdout.bytes(),
      stderr: this.#stderr.bytes(),
      stdoutTruncated: this.#stdout.truncated,
      stderrTruncated: this.#stderr.truncated,
      usage: {
        wallMs: performance.now() - this.#startedAt,
        cpuMs: this.meter.cpuMs,
        fuel: this.meter.used,
        peakMemoryBytes,
        hostCalls: this.#hostCalls,
        ...this.traffic,
      },
      ...(this.#trace === null ? {} : { trace: this.#trace.calls }),
    };
  }
}
