import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Outcome } from '../../runtime/core/execution.ts';
import { findHostCall, type HostCall } from '../../runtime/core/host-calls.ts';
import { DEFAULT_LIMITS, type Limits } from '../../runtime/core/limits.ts';
import { NO_PERMISSIONS } from '../../runtime/core/permissions.ts';
import type { FunctionEntry } from '../../runtime/core/sandbox-messages.ts';
import type { CgiCommand, ServiceOp } from '../../runtime/core/services.ts';
import { createSandbox } from '../../runtime/sandbox/sandbox.ts';
import { prepareModule } from '../../runtime/wasm/prepare.ts';
import { seed } from '../guest/wasi/wasi-guest.ts';

/** A row of the host-call table. */
export function hostCall(module: string, name: string): HostCall {
  const row = findHostCall(module, name);
  if (row === undefined) throw new Error(`no host call ${module}.${name}`);
  return row;
}

export interface HostileRun {
  readonly limits?: Partial<Limits> | undefined;
  /** The caller goes away after so many ms. */
  readonly afterMs?: number | undefined;
}

/** The alias of an extension that does not start while anybody waits for it. */
export const HANGS = 'hangs';

/** A sandbox of one thread, for guests that are made by code, beside a model server and extensions that hang. */
export interface Hostile {
  /** What the operator's log says. */
  readonly lines: readonly string[];
  run(bytes: Uint8Array, how?: HostileRun): Promise<Outcome>;
  /** Everything that hangs answers, too late for those who asked. */
  answerNow(): void;
  /** Drops what the log said so far. */
  forget(): void;
  close(): Promise<void>;
}

/** Late answers, by what was asked: bytes that would show in a memory they do not belong to. */
const ANSWERS: Readonly<Record<ServiceOp, unknown>> = {
  'cgi.list': Buffer.alloc(100, 'Z'),
  'cgi.open': 5,
  'cgi.read': Buffer.alloc(100, 'Z'),
  'cgi.write': true,
  'cgi.close': true,
};

/**
 * @param init.listHangs not even the list of extensions is answered
 * @param init.files guests have `f`, a file, and `d`, a directory
 */
export async function openHostile({ listHangs = false, files = false } = {}): Promise<Hostile> {
  const lines: string[] = [];
  const seeds = files ? [seed('f', 'content'), seed('d/')] : [];
  const waiting: (() => void)[] = [];
  const server = createServer((request, response: ServerResponse) => {
    if (request.url === '/half') response.write('Z');
    waiting.push(() => response.end('Z'.repeat(2_000)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const ask = (_execution: number, op: ServiceOp, payload: unknown): Promise<unknown> => {
    if (op === 'cgi.open' && (payload as CgiCommand).alias !== HANGS) return Promise.resolve(1);
    if (op === 'cgi.list' && !listHangs) return Promise.resolve(ANSWERS[op]);
    return new Promise((resolve) => {
      waiting.push(() => resolve(ANSWERS[op]));
    });
  };
  const sandbox = createSandbox({
    ...{ threads: 1, concurrency: 1000, queue: 1000, memoryPages: 256, processes: true },
    upstreams: { model: { url, headers: {}, timeoutMs: 60_000 } },
    services: { ask, release: () => {} },
    log: (line) => lines.push(line),
  });
  await sandbox.ready;
  const entries = new WeakMap<Uint8Array, FunctionEntry>();
  const entryOf = (bytes: Uint8Array): FunctionEntry => {
    const known = entries.get(bytes);
    if (known !== undefined) return known;
    const prepared = prepareModule(bytes);
    const entry = { module: new WebAssembly.Module(prepared.bytes), facts: { ...prepared.facts, entry: '_start' } };
    entries.set(bytes, entry);
    return entry;
  };
  return {
    lines,
    async run(bytes, { limits = {}, afterMs } = {}) {
      const caller = new AbortController();
      const timer = afterMs === undefined ? undefined : setTimeout(() => caller.abort(), afterMs);
      const grant = { limits: { ...DEFAULT_LIMITS, ...limits }, permissions: NO_PERMISSIONS };
      const input = { args: [], env: [], stdin: new Uint8Array(0), files: seeds };
      try {
        return await sandbox.run(entryOf(bytes), grant, input, caller.signal);
      } finally {
        clearTimeout(timer);
      }
    },
    answerNow() {
      for (const answer of waiting.splice(0)) answer();
    },
    forget() {
      lines.length = 0;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await sandbox.close();
    },
  };
}
