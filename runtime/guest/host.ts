import type { ExecutionContext } from '../core/execution.ts';
import type { ServiceOp, ServiceOps } from '../core/services.ts';
import type { Handles } from './handles.ts';
import type { GuestMemory } from './memory.ts';
import type { Outbound } from './outbound/fetch.ts';

/** What a host-call handler sees of its execution. */
export interface Host {
  readonly context: ExecutionContext;
  readonly memory: GuestMemory;
  readonly output: { stdout(bytes: Uint8Array): void; stderr(bytes: Uint8Array): void };
  readonly outbound: Outbound;
  /** What it holds open: every handler that opens something asks here, takes one, and gives it back. */
  readonly handles: Handles;
  /** Its own time on the CPU so far, in ms: host calls included, waiting not. */
  readonly cpuMs: number;
  /** Bytes from and to the outside, as `Usage` has them: every handler that moves some adds them here. */
  readonly traffic: { bytesIn: number; bytesOut: number };
  /** Asks the front thread for what a sandbox thread cannot do. Rejects when it failed. */
  ask<Op extends ServiceOp>(op: Op, payload: ServiceOps[Op]['payload']): Promise<ServiceOps[Op]['answer']>;
  /** Ends the execution as `proc_exit(code)` does; does not return. */
  exit(code: number): never;
  /** Aborted as soon as the execution is over or told to end. */
  readonly signal: AbortSignal;
  /**
   * Registers what must be freed when the execution is over; called once.
   * @returns takes the registration back, for what was freed before
   */
  onClose(free: () => void): () => void;
  /** One line for the operator's log, never for the guest. Repeated lines of one execution are dropped. */
  log(line: string): void;
}

/** Numbers are i32 (signed; use `>>> 0` for pointers and lengths), bigints are i64. */
export type HostCallHandler = (...args: never[]) => number | Promise<number> | undefined;

/** Handlers of one import module or one noun of it, bound to one execution by a `createX(host)` factory. */
export interface HostModule {
  /** import name → handler; every name is one of the host-call table's. */
  readonly calls: Readonly<Record<string, HostCallHandler>>;
  /** Errno when a handler throws `MemoryFault`. */
  readonly faultErrno: number;
  /** Errno when a handler throws anything else (logged). */
  readonly internalErrno: number;
  /** The remedy for the operator's log when a call was denied before its handler, told from the arguments. */
  readonly whatAllows?: (name: string, args: readonly number[]) => string;
}
