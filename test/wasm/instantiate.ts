import assert from 'node:assert/strict';
import { type PreparedModule, REWRITTEN } from '../../runtime/core/module-facts.ts';
import { prepareModule } from '../../runtime/wasm/prepare.ts';
import { wat } from '../support/wat.ts';

type HostCalls = Readonly<Record<string, Record<string, CallableFunction>>>;
type Call = (...args: unknown[]) => unknown;

/** A running guest, original or rewritten, seen alike. */
export interface Guest {
  call(name: string, ...args: unknown[]): unknown;
  readonly memory: WebAssembly.Memory | undefined;
  readonly exports: WebAssembly.Exports;
}

function asGuest(instance: WebAssembly.Instance, memory: WebAssembly.Memory | undefined): Guest {
  const { exports } = instance;
  return { call: (name, ...args) => (exports[name] as Call)(...args), memory, exports };
}

/** Runs a module as its author built it. */
export function instantiateOriginal(bytes: Uint8Array, hostCalls: HostCalls = {}): Guest {
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), hostCalls as WebAssembly.Imports);
  const memory = Object.values(instance.exports).find((value) => value instanceof WebAssembly.Memory);
  return asGuest(instance, memory);
}

/**
 * Runs a rewritten module as a host does: gives it a memory, functions to grow it with and to get fuel from, then runs
 * its start function.
 * @param options `pages`: what `memory.grow` may reach; `slice`: fuel given at a time; `fuel`: in all, then it dies
 */
export async function instantiateRewritten(
  prepared: PreparedModule,
  hostCalls: HostCalls = {},
  options: { pages?: number; slice?: number; fuel?: number } = {},
): Promise<Guest & { growCalls: number[]; fuelUsed(): number }> {
  const { pages = 65_536, slice = 1_000_000, fuel = Number.POSITIVE_INFINITY } = options;
  const growCalls: number[] = [];
  const size = prepared.facts.memory;
  const memory =
    size === null ? undefined : new WebAssembly.Memory({ initial: size.initial, maximum: size.maximum ?? 65_536 });
  const imports: Record<string, WebAssembly.ModuleImports> = { ...(hostCalls as WebAssembly.Imports) };
  if (memory !== undefined) imports[REWRITTEN.importModule] = { [REWRITTEN.memory]: memory };
  const instance = new WebAssembly.Instance(new WebAssembly.Module(prepared.bytes), imports);

  let given = 0;
  const cell = instance.exports[REWRITTEN.fuel];
  const connect = async (name: string, answer: (asked: number) => number): Promise<void> => {
    const reference = instance.exports[name];
    if (reference instanceof WebAssembly.Global) reference.value = await exported(answer);
  };
  await connect(REWRITTEN.grow, (delta) => {
    growCalls.push(delta);
    const held = (memory?.buffer.byteLength ?? 0) / 65_536;
    if (held + (delta >>> 0) > pages) return -1;
    try {
      return memory?.grow(delta >>> 0) ?? -1;
    } catch {
      return -1;
    }
  });
  await connect(REWRITTEN.tick, (missing) => {
    assert.ok(missing > 0);
    if (given + missing > fuel) return -1;
    const more = Math.max(missing, Math.min(slice, fuel - given));
    given += more;
    return more;
  });
  if (prepared.facts.hasStart) (instance.exports[REWRITTEN.start] as Call)();
  const fuelUsed = (): number => given - (cell instanceof WebAssembly.Global ? Number(cell.value) : 0);
  return { ...asGuest(instance, memory), growCalls, fuelUsed };
}

let helper: Promise<WebAssembly.Module> | undefined;

/** Makes an exported wasm function of a JavaScript one: a function reference holds nothing else. */
async function exported(ask: (asked: number) => number): Promise<unknown> {
  helper ??= wat(`(module
    (import "host" "ask" (func $ask (param i32) (result i32)))
    (export "ask" (func $ask)))`).then((bytes) => new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>));
  return new WebAssembly.Instance(await helper, { host: { ask } }).exports.ask;
}

/** Asserts that a module's author sees the same of it before and after rewriting. */
export async function seenAlike(text: string, look: (guest: Guest) => unknown): Promise<void> {
  const bytes = await wat(text);
  const before = look(instantiateOriginal(bytes));
  const after = look(await instantiateRewritten(prepareModule(bytes)));
  assert.deepEqual(after, before);
}
