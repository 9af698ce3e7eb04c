import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { prepareModule } from '../../runtime/wasm/prepare.ts';
import { compile } from '../support/asc.ts';
import { type Guest, instantiateOriginal, instantiateRewritten } from './instantiate.ts';

/** As much of WASI as the kernels call; what they print is kept. */
function createWasi(memory: () => WebAssembly.Memory | undefined) {
  const printed: string[] = [];
  const view = () => new DataView(memory()?.buffer ?? new ArrayBuffer(0));
  const calls = {
    fd_write(_fd: number, vectors: number, count: number, writtenAt: number): number {
      let written = 0;
      for (let index = 0; index < count; index += 1) {
        const at = view().getUint32(vectors + index * 8, true);
        const length = view().getUint32(vectors + index * 8 + 4, true);
        printed.push(Buffer.from(view().buffer, at, length).toString());
        written += length;
      }
      view().setUint32(writtenAt, written, true);
      return 0;
    },
    proc_exit(code: number): void {
      throw new Error(`exit ${code}`);
    },
    random_get: () => 0,
  };
  return { printed, imports: { wasi_snapshot_preview1: calls } };
}

function look(guest: Guest, printed: readonly string[]): unknown {
  guest.call('_start');
  return {
    sieve: [10, 100_000, 3_000_000].map((bound) => guest.call('sieve', bound)),
    words: guest.call('words', 60_000),
    fib: guest.call('fib', 20),
    product: guest.call('product', 1_000),
    pages: (guest.memory?.buffer.byteLength ?? 0) / 65_536,
    printed: printed.join(''),
  };
}

describe('a program compiled by AssemblyScript', () => {
  let bytes: Uint8Array;
  before(async () => {
    bytes = await compile(new URL('./assembly/kernels/', import.meta.url));
  });

  test('computes, prints and grows as before', async () => {
    let original: Guest | undefined;
    const wasiBefore = createWasi(() => original?.memory);
    original = instantiateOriginal(bytes, wasiBefore.imports);
    const expected = look(original, wasiBefore.printed);

    let rewritten: (Guest & { growCalls: number[] }) | undefined;
    const wasiAfter = createWasi(() => rewritten?.memory);
    rewritten = await instantiateRewritten(prepareModule(bytes), wasiAfter.imports);
    assert.deepEqual(look(rewritten, wasiAfter.printed), expected);
    assert.ok(rewritten.growCalls.length > 0, 'the kernels grow memory');
  });

  test('is refused more memory than its execution may have', async () => {
    let guest: Guest | undefined;
    const { imports } = createWasi(() => guest?.memory);
    guest = await instantiateRewritten(prepareModule(bytes), imports, { pages: 16 });
    guest.call('_start');
    assert.throws(() => guest?.call('sieve', 3_000_000), WebAssembly.RuntimeError);
    assert.ok((guest.memory?.buffer.byteLength ?? 0) <= 16 * 65_536);
  });
});

test('a function built from @blockless/sdk is prepared', async () => {
  const bytes = await compile(new URL('../e2e/assembly/blockless-client/', import.meta.url));
  const { facts } = prepareModule(bytes);
  assert.ok(facts.imports.some(({ module }) => module === 'blockless_http'));
  assert.ok(facts.exports.some(({ name }) => name === '_start'));
});
