import type { TestContext } from 'node:test';
import { DEFAULT_LIMITS, type Limits } from '../../../runtime/core/limits.ts';
import { NO_PERMISSIONS, type Permissions } from '../../../runtime/core/permissions.ts';
import type { ServiceOp } from '../../../runtime/core/services.ts';
import { Handles } from '../../../runtime/guest/handles.ts';
import type { Host, HostModule } from '../../../runtime/guest/host.ts';
import { GuestMemory, MemoryFault } from '../../../runtime/guest/memory.ts';
import type { Outbound } from '../../../runtime/guest/outbound/fetch.ts';

/** What the tests know of the execution beside its host calls. */
export interface Guest {
  readonly host: Host;
  readonly memory: GuestMemory;
  readonly lines: string[];
  /** Ends the execution as its host would: signal, resources, memory. */
  end(): void;
  /** Writes text or bytes into guest memory; gives pointer and length. */
  put(data: string | Uint8Array): [pointer: number, length: number];
  /** Calls a host call as the dispatcher does: faults become the module's errno. */
  call(module: HostModule, name: string, ...args: number[]): Promise<number>;
}

export interface GuestInit {
  readonly outbound?: Outbound;
  /** Answers of the front thread. */
  readonly ask?: (op: ServiceOp, payload: unknown) => Promise<unknown>;
  readonly permissions?: Permissions;
  readonly limits?: Partial<Limits>;
  readonly env?: readonly (readonly [string, string])[];
  readonly stdin?: Uint8Array;
  /** Of memory; four when not given. */
  readonly pages?: number;
}

const NO_NETWORK: Outbound = {
  request: () => Promise.reject(new Error('no network in this test')),
  close: () => Promise.resolve(),
};

/** A host over a real linear memory. */
export function createGuest(t: TestContext, init: GuestInit = {}): Guest {
  const memory = new GuestMemory(new WebAssembly.Memory({ initial: init.pages ?? 4 }));
  const aborting = new AbortController();
  const closers: (() => void)[] = [];
  const lines: string[] = [];
  let next = 4096;
  const host: Host = {
    context: {
      args: ['test.wasm'],
      env: init.env ?? [],
      stdin: init.stdin ?? new Uint8Array(0),
      limits: { ...DEFAULT_LIMITS, ...init.limits },
      permissions: init.permissions ?? NO_PERMISSIONS,
    },
    memory,
    output: { stdout: () => {}, stderr: () => {} },
    outbound: init.outbound ?? NO_NETWORK,
    handles: new Handles(init.limits?.handles ?? DEFAULT_LIMITS.handles),
    traffic: { bytesIn: 0, bytesOut: 0 },
    cpuMs: 12.5,
    ask: (init.ask ?? (() => Promise.reject(new Error('no services in this test')))) as Host['ask'],
    exit: (code) => {
      throw new Error(`exit ${code}`);
    },
    signal: aborting.signal,
    onClose(free) {
      closers.push(free);
      return () => closers.splice(closers.indexOf(free), 1);
    },
    log: (line) => lines.push(line),
  };
  const guest: Guest = {
    host,
    memory,
    lines,
    end() {
      aborting.abort();
      for (const free of closers.splice(0).reverse()) free();
      memory.revoke();
    },
    put(data) {
      const bytes = typeof data === 'string' ? Buffer.from(data) : data;
      const pointer = next;
      memory.write(pointer, bytes);
      next += bytes.length;
      return [pointer, bytes.length];
    },
    async call(module, name, ...args) {
      const handler = module.calls[name] as ((...values: number[]) => number | Promise<number>) | undefined;
      if (handler === undefined) throw new Error(`no host call ${name}`);
      try {
        return await handler(...args);
      } catch (error) {
        if (error instanceof MemoryFault) return module.faultErrno;
        throw error;
      }
    },
  };
  t.after(() => guest.end());
  return guest;
}
