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
 * Runs a rewritten module as a host does: gives it a memory, a function to grow it with, then runs its start function.
 * @param options `pages`: what `memory.grow` may reach
 */
export async function instantiateRewritten(
  prepared: PreparedModule,
  hostCalls: HostCalls = {},
  options: { pages?: number } = {},
): Promise<Guest & { growCalls: number[] }> {
  const { pages = 65_536 } = options;
  const growCalls: number[] = [];
  const size = prepared.facts.memory;
  const memory =
    size === null ? undefined : new WebAssembly.Memory({ initial: size.initial, maximum: size.maximum ?? 65_536 });
  const imports: Record<string, WebAssembly.ModuleImports> = { ...(hostCalls as WebAssembly.Imports) };
  if (memory !== undefined) imports[REWRITTEN.importModule] = { [REWRITTEN.memory]: memory };
  const instance = new WebAssembly.Instance(new WebAssembly.Module(prepared.bytes), imports);

  const growCell = instance.exports[REWRITTEN.grow];
  if (growCell instanceof WebAssembly.Global && memory !== undefined) {
    growCell.value = await exportedGrow((delta) => {
      growCalls.push(delta);
      const held = memory.buffer.byteLength / 65_536;
      if (held + (delta >>> 0) > pages) return -1;
      try {
        return memory.grow(delta >>> 0);
      } catch {
        return -1;
      }
    });
  }
  if (prepared.facts.hasStart) (instance.exports[REWRITTEN.start] as Call)();
  return { ...asGuest(instance, memory), growCalls };
}

/** Makes an exported wasm function of a JavaScript one: a function reference holds nothing else. */
async function exportedGrow(grow: (delta: number) => number): Promise<unknown> {
  const helper = await wat(`(module
    (import "host" "grow" (func $grow (param i32) (result i32)))
    (export "grow" (func $grow)))`);
  return new WebAssembly.Instance(new WebAssembly.Module(helper), { host: { grow } }).exports.grow;
}

/** Asserts that a module's author sees the same of it before and after rewriting. */
export async function seenAlike(text: string, look: (guest: Guest) => unknown): Promise<void> {
  const bytes = await wat(text);
  const before = look(instantiateOriginal(bytes));
  const after = look(await instantiateRewritten(prepareModule(bytes)));
  assert.deepEqual(after, before);
}
