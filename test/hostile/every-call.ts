import type { TestContext } from 'node:test';
import { HOST_CALLS, type HostCall } from '../../runtime/core/host-calls.ts';
import type { ServiceOp } from '../../runtime/core/services.ts';
import type { Host, HostCallHandler, HostModule } from '../../runtime/guest/host.ts';
import { hostImports, planImports } from '../../runtime/guest/host-imports.ts';
import { MemoryFault } from '../../runtime/guest/memory.ts';
import type { Outbound } from '../../runtime/guest/outbound/fetch.ts';
import { Descriptors } from '../../runtime/guest/wasi/descriptors.ts';
import { createGuest } from '../guest/blockless/guest.ts';
import { seed } from '../guest/wasi/wasi-guest.ts';

/** The guest said that it is at its end. */
export class Exited extends Error {}

const SERVICES: Readonly<Record<ServiceOp, unknown>> = {
  'cgi.list': Buffer.from('[]'.padEnd(100)),
  'cgi.open': 1,
  'cgi.read': Buffer.from('answer'),
  'cgi.write': true,
  'cgi.close': true,
};

/** Every request is answered, with a short body. */
function outbound(): Outbound {
  return {
    async request() {
      let left = 100;
      return {
        status: 200,
        url: 'http://model/',
        headers: [['content-type', 'text/plain']],
        header: () => 'text/plain',
        async read(target) {
          const count = Math.min(left, target.length);
          target.fill(0x42, 0, count);
          left -= count;
          return count;
        },
        readNow: () => null,
        cancel: () => {},
      };
    },
    close: async () => {},
  };
}

/** All host calls of one execution over a real linear memory, reached as the dispatcher reaches them. */
export interface EveryCall {
  readonly host: Host;
  /** The whole memory. */
  readonly bytes: Uint8Array;
  /** @returns the errno, or what else the call gives; a fault is its module's errno. @throws Exited */
  call(row: HostCall, args: readonly (number | bigint)[]): Promise<number | undefined>;
}

/** @param t ends it */
export function createEveryCall(t: TestContext | { after(done: () => void): void }): EveryCall {
  const { host, memory } = createGuest(t as TestContext, {
    outbound: outbound(),
    ask: async (op, payload) => {
      const answer = SERVICES[op];
      return op === 'cgi.read' ? (answer as Buffer).subarray(0, (payload as number[])[2]) : answer;
    },
    env: [['A', '1']],
    stdin: Buffer.from('input'),
    pages: 1,
  });
  const own: Host = {
    ...host,
    context: { ...host.context, files: [seed('f', 'content'), seed('d/')] },
    exit: () => {
      throw new Exited();
    },
  };
  const served = new Map<string, readonly [HostModule, HostCallHandler]>();
  hostImports(planImports(HOST_CALLS), own, new Descriptors(own), ({ module, name }, noun, handler) => {
    served.set(`${module}.${name}`, [noun, handler]);
    return () => 0;
  });
  return {
    host: own,
    bytes: memory.bytes(0, memory.size),
    async call({ module, name }, args) {
      const [noun, handler] = served.get(`${module}.${name}`) as readonly [HostModule, HostCallHandler];
      try {
        return await (handler as (...values: unknown[]) => number | Promise<number> | undefined)(...args);
      } catch (error) {
        if (error instanceof MemoryFault) return noun.faultErrno;
        throw error;
      }
    },
  };
}
