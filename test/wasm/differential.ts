import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { PreparedModule } from '../../runtime/core/module-facts.ts';
import { ByteReader } from '../../runtime/wasm/byte-reader.ts';
import { ByteWriter } from '../../runtime/wasm/byte-writer.ts';
import { SECTION } from '../../runtime/wasm/module-shape.ts';
import { readModule } from '../../runtime/wasm/read-module.ts';
import { rewriteModule } from '../../runtime/wasm/rewrite.ts';
import { type Guest, instantiateOriginal, instantiateRewritten } from './instantiate.ts';
import { join, u32 } from './raw-module.ts';

/** What a module does when each of its functions is called in turn: results, traps, calls to the host, globals, memory. */
interface Behaviour {
  readonly seen: readonly string[];
  /** Its stack overflowed: at which depth is not the same for two modules. */
  readonly overflowed: boolean;
}

/** Calls to the host after which it throws: a program that is told nothing may ask for ever. */
const MAX_CALLS = 2_000;

/** Host calls of any name, which note that they were called and return nothing. */
function recorder(module: WebAssembly.Module): {
  calls: string[];
  imports: Record<string, Record<string, () => void>>;
} {
  const calls: string[] = [];
  const imports: Record<string, Record<string, () => void>> = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    imports[from] ??= {};
    imports[from][name] = (...args: unknown[]) => {
      if (calls.length >= MAX_CALLS) throw new Error('enough');
      calls.push(`${name}(${args.map(String)})`);
    };
  }
  return { calls, imports };
}

function behaviourOf(guest: Guest, calls: readonly string[], names: readonly string[]): Behaviour {
  const seen: string[] = [];
  let overflowed = false;
  for (const name of names) {
    const value = guest.exports[name];
    if (typeof value === 'function') {
      try {
        seen.push(
          `${name}: ${String(guest.call(name, ...[3, -7, 11, 200].slice(0, value.length).map((n) => n as unknown)))}`,
        );
      } catch (error) {
        const text = String(error);
        if (text.includes('call stack')) overflowed = true;
        seen.push(`${name}: ${text}`);
      }
    }
  }
  for (const name of names) {
    const value = guest.exports[name];
    if (value instanceof WebAssembly.Global && typeof value.value !== 'function')
      seen.push(`${name} = ${String(value.value)}`);
  }
  if (guest.memory !== undefined) {
    seen.push(createHash('sha256').update(new Uint8Array(guest.memory.buffer)).digest('hex'));
  }
  return { seen: [...seen, ...calls], overflowed };
}

/** The module with its memory exported, so that what it leaves there can be compared. */
function withMemoryExported(bytes: Uint8Array): Uint8Array {
  const shape = readModule(bytes);
  const section = shape.sections.find(({ name }) => name === 'export');
  if (shape.memory === null || section === undefined || shape.exports.some(({ kind }) => kind === 'memory'))
    return bytes;
  const reader = new ByteReader(bytes, 'export section');
  reader.position = section.contentAt;
  const content = new ByteWriter().u32(reader.u32() + 1).raw(bytes.subarray(reader.position, section.end));
  content.name('\u0001memory').u8(2, 0);
  return join(
    bytes.subarray(0, section.start),
    [SECTION.export],
    u32(content.length),
    content.written,
    bytes.subarray(section.end),
  );
}

/**
 * Asserts that a module does the same before and after rewriting, at slices of 1, 7 and a million, and uses the same fuel
 * at each. Its imports may be anything without a result.
 * @returns fuel used, or `null` where the module's start traps or its stack overflows
 */
export async function sameBehaviour(module: Uint8Array, what: string): Promise<number | null> {
  const bytes = withMemoryExported(module);
  const shape = readModule(bytes);
  const facts = { memory: shape.memory, hasStart: shape.start !== null };
  const prepared = { facts, bytes: rewriteModule(bytes, shape) } as unknown as PreparedModule;
  assert.ok(WebAssembly.validate(prepared.bytes), `${what} is not valid once rewritten`);
  const compiled = new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
  const names = WebAssembly.Module.exports(compiled).map(({ name }) => name);
  const host = recorder(compiled);
  let before: Behaviour;
  try {
    before = behaviourOf(instantiateOriginal(bytes, host.imports), host.calls, names);
  } catch {
    return null;
  }
  if (before.overflowed) return null;
  const fuel = new Set<number>();
  for (const slice of [1, 7, 1_000_000]) {
    const again = recorder(compiled);
    const guest = await instantiateRewritten(prepared, again.imports, { slice });
    const behaviour = behaviourOf(guest, again.calls, names);
    if (behaviour.overflowed) return null;
    assert.deepEqual(behaviour.seen, before.seen, `${what}, slices of ${slice}`);
    fuel.add(guest.fuelUsed());
  }
  assert.equal(fuel.size, 1, `${what} uses ${[...fuel]} fuel`);
  return [...fuel][0] ?? 0;
}
