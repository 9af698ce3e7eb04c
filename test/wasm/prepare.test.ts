import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { REWRITTEN } from '../../runtime/core/module-facts.ts';
import { prepareModule } from '../../runtime/wasm/prepare.ts';
import { wat } from '../support/wat.ts';
import { instantiateRewritten, seenAlike } from './instantiate.ts';

describe('memory', () => {
  test('is imported with the declared sizes, and stays exported', async () => {
    const prepared = prepareModule(await wat('(module (memory (export "mem") 2 5))'));
    const module = new WebAssembly.Module(prepared.bytes);
    assert.deepEqual(WebAssembly.Module.imports(module), [
      { module: REWRITTEN.importModule, name: REWRITTEN.memory, kind: 'memory' },
    ]);
    const guest = await instantiateRewritten(prepared);
    assert.equal(guest.exports.mem, guest.memory);
    assert.deepEqual(prepared.facts.memory, { initial: 2, maximum: 5 });
    const larger = new WebAssembly.Memory({ initial: 2, maximum: 6 });
    const imports = { [REWRITTEN.importModule]: { [REWRITTEN.memory]: larger } };
    assert.throws(() => new WebAssembly.Instance(module, imports), WebAssembly.LinkError);
  });

  test('without a declared maximum takes the largest there is', async () => {
    const prepared = prepareModule(await wat('(module (memory 1))'));
    assert.deepEqual(prepared.facts.memory, { initial: 1, maximum: null });
    const largest = new WebAssembly.Memory({ initial: 1, maximum: 65_536 });
    const imports = { [REWRITTEN.importModule]: { [REWRITTEN.memory]: largest } };
    assert.ok(new WebAssembly.Instance(new WebAssembly.Module(prepared.bytes), imports));
  });

  test('a module without memory imports none', async () => {
    const prepared = prepareModule(await wat('(module (func (export "f")))'));
    assert.equal(prepared.facts.memory, null);
    assert.deepEqual(WebAssembly.Module.imports(new WebAssembly.Module(prepared.bytes)), []);
  });

  test('host calls keep their indexes beside the imported memory', async () => {
    const bytes = await wat(`(module
      (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
      (import "blockless_http" "http_close" (func $close (param i32) (result i32)))
      (memory 1)
      (func (export "run") (result i32) (i32.add (call $yield) (call $close (i32.const 5)))))`);
    const calls = {
      wasi_snapshot_preview1: { sched_yield: () => 40 },
      blockless_http: { http_close: (handle: number) => handle },
    };
    const prepared = prepareModule(bytes);
    assert.equal((await instantiateRewritten(prepared, calls)).call('run'), 45);
    assert.deepEqual(prepared.facts.imports, [
      { module: 'wasi_snapshot_preview1', name: 'sched_yield' },
      { module: 'blockless_http', name: 'http_close' },
    ]);
  });

  test('active and passive data arrive', () =>
    seenAlike(
      `(module (memory (export "mem") 1)
        (data (i32.const 8) "active") (data $p "passive")
        (func (export "fill") (memory.init $p (i32.const 32) (i32.const 0) (i32.const 7)) (data.drop $p)
          (memory.copy (i32.const 64) (i32.const 8) (i32.const 40)) (memory.fill (i32.const 200) (i32.const 7) (i32.const 9))))`,
      (guest) => {
        guest.call('fill');
        return Buffer.from(guest.memory?.buffer ?? new ArrayBuffer(0), 0, 256).toString('latin1');
      },
    ));
});

describe('memory.grow', () => {
  const GROW = `(module (memory (export "mem") 1 4)
    (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0)))
    (func (export "size") (result i32) memory.size)
    (func (export "dead") (result i32) (return (i32.const 7)) (drop (memory.grow (i32.const 1)))))`;

  test('answers as before while the host lets it', () =>
    seenAlike(GROW, (guest) => [
      [0, 1, 2, 1, -1].map((pages) => [guest.call('grow', pages), guest.call('size')]),
      guest.call('dead'),
    ]));

  test('asks the host, which may refuse', async () => {
    const guest = await instantiateRewritten(prepareModule(await wat(GROW)), {}, { pages: 2 });
    assert.deepEqual([guest.call('grow', 1), guest.call('grow', 1), guest.call('size')], [1, -1, 2]);
    assert.deepEqual(guest.growCalls, [1, 1]);
  });

  test('adds nothing for growing to a module that never grows', async () => {
    const prepared = prepareModule(await wat('(module (memory 1) (func (export "f")))'));
    const names = WebAssembly.Module.exports(new WebAssembly.Module(prepared.bytes)).map(({ name }) => name);
    assert.deepEqual(names, ['f', REWRITTEN.fuel, REWRITTEN.tick, REWRITTEN.pause]);
  });

  // 63, 64, 127, 128: where an index takes one byte more, signed and unsigned.
  for (const types of [0, 1, 62, 63, 64, 126, 127, 128, 1_900]) {
    test(`works behind ${types} other types, functions and globals`, async () => {
      const others = Array.from({ length: types }, (_, index) => {
        const params = index.toString(2).replaceAll('0', 'i64 ').replaceAll('1', 'f32 ');
        return `(type (func (param i64 i64 ${params}))) (func) (global i32 (i32.const ${index}))`;
      });
      const text = `(module (memory 1) ${others.join('\n')}
        (func (export "grow") (result i32) (memory.grow (i32.const 3)) (memory.grow (i32.const 2)) i32.add)
        (func (export "last") (result i32) (i32.const 11)))`;
      const guest = await instantiateRewritten(prepareModule(await wat(text)));
      assert.deepEqual([guest.call('grow'), guest.call('last')], [5, 11]);
    });
  }

  test('stops the guest when the host gave it nothing to grow with', async () => {
    const { bytes } = prepareModule(await wat(GROW));
    const memory = new WebAssembly.Memory({ initial: 1, maximum: 4 });
    const imports = { [REWRITTEN.importModule]: { [REWRITTEN.memory]: memory } };
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), imports);
    assert.throws(() => (exports.grow as (pages: number) => number)(1), WebAssembly.RuntimeError);
  });
});

describe('start section', () => {
  test('runs when the host says so, not at instantiation', async () => {
    const prepared = prepareModule(
      await wat(`(module (memory 1) (global $g (mut i32) (i32.const 1)) (start $s)
        (func $s (global.set $g (memory.grow (i32.const 2))) (global.set $g (memory.size)))
        (func (export "get") (result i32) global.get $g))`),
    );
    assert.equal(prepared.facts.hasStart, true);
    assert.deepEqual(prepared.facts.exports, [{ name: 'get', kind: 'function', type: '() -> (i32)' }]);
    assert.equal((await instantiateRewritten(prepared)).call('get'), 3);
  });

  test('a start function needs no other export', async () => {
    const prepared = prepareModule(await wat('(module (start $s) (func $s unreachable))'));
    await assert.rejects(instantiateRewritten(prepared), WebAssembly.RuntimeError);
  });
});

test('facts tell what an instance costs beside its memory', async () => {
  const bytes = async (text: string) => prepareModule(await wat(`(module ${text})`)).facts.instanceBytes;
  assert.ok((await bytes('(func (export "_start"))')) < 1_000);
  assert.equal(await bytes('(table 1000000 funcref)'), 24_000_000);
  const growing = '(table 1 funcref) (func (drop (table.grow (ref.null func) (i32.const 1))))';
  assert.ok((await bytes(growing)) >= 24_000_000);
});

test('facts name the original', async () => {
  const bytes =
    await wat(`(module (memory (export "m") 1) (table (export "t") 1 funcref) (global (export "g") i32 (i32.const 1))
    (tag (export "e")) (func (export "__proto__")))`);
  const { facts } = prepareModule(bytes);
  assert.equal(facts.sha256, createHash('sha256').update(bytes).digest('hex'));
  assert.equal(facts.size, bytes.length);
  assert.equal(facts.types, 1);
  assert.deepEqual(facts.exports, [
    { name: 'm', kind: 'memory', type: '', extent: { initial: 1, maximum: null } },
    { name: 't', kind: 'table', type: 'funcref', extent: { initial: 1, maximum: null } },
    { name: 'g', kind: 'global', type: 'i32' },
    { name: 'e', kind: 'tag', type: '() -> ()' },
    { name: '__proto__', kind: 'function', type: '() -> ()' },
  ]);
  assert.deepEqual(prepareModule(bytes).bytes, prepareModule(bytes).bytes);
});
