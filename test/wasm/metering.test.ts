import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { prepareModule } from '../../runtime/wasm/prepare.ts';
import { wat } from '../support/wat.ts';
import { instantiateOriginal, instantiateRewritten } from './instantiate.ts';

type Row = readonly [what: string, text: string, ...calls: (readonly unknown[])[]];

/** Each module exports `go`; it is called with each list of arguments. */
const PROGRAMS: readonly Row[] = [
  [
    'a loop without calls',
    `(module (func (export "go") (param i32) (result i32) (local i32)
      (loop $l (local.set 1 (i32.add (local.get 1) (local.get 0)))
        (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (local.get 1)))`,
    [1],
    [1000],
  ],
  [
    'a loop that takes and gives values',
    `(module (func (export "go") (param i32) (result i32 i64) (local i32)
      (i32.const 3) (i64.const 5)
      (loop $l (param i32 i64) (result i32 i64)
        (i64.add (i64.const 2)) (local.set 1 (local.get 0))
        (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))`,
    [1],
    [50],
  ],
  [
    'labels out of a loop, by every branch there is',
    `(module (func (export "go") (param i32) (result i32)
      (block $far (result i32)
        (block $near
          (loop $outer
            (loop $l
              (block $in
                (br_table $in $in $in (local.get 0))
              )
              (drop (br_if $far (i32.const 40) (i32.eq (local.get 0) (i32.const 3))))
              (local.set 0 (i32.add (local.get 0) (i32.const 1)))
              (br_if $near (i32.gt_u (local.get 0) (i32.const 90)))
              (if (i32.eq (local.get 0) (i32.const 60)) (then (return (i32.const 77))))
              (br $l))))
        (i32.const 5))))`,
    [0],
    [4],
    [61],
  ],
  [
    'a ladder of br_table',
    `(module (func (export "go") (param i32) (result i32) (local i32)
      (block $end (loop $top (block $a (block $b (block $c
        (br_table $a $b $c $end (i32.rem_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 37))))
        (local.set 1 (i32.add (local.get 1) (i32.const 1))) (br $top))
        (local.set 1 (i32.add (local.get 1) (i32.const 10))) (br $top))
        (local.set 1 (i32.add (local.get 1) (i32.const 100))) (br $top)))
      (local.get 1)))`,
    [0],
    [34],
    [36],
  ],
  [
    'more blocks than a label of one byte names',
    `(module (func (export "go") (param i32) (result i32)
      (block $out ${'(block '.repeat(126)}
        (loop $l (local.set 0 (i32.sub (local.get 0) (i32.const 1))) (br_if $out (i32.eqz (local.get 0))) (br $l))
      ${')'.repeat(126)} (return (i32.const 9))) (i32.const 8)))`,
    [5],
  ],
  ...[125, 127, 16_383].flatMap((locals) =>
    [50, 4000].map(
      (long): Row => [
        `a loop that is charged ${4 * long} fuel and more a round, beside ${locals} locals`,
        `(module (func (export "go") (param i32) (result i32) (local ${'i32 '.repeat(locals)})
          (loop $l (local.set ${locals} (i32.add (local.get ${locals}) (local.get 0)))
            ${'(drop (i32.const 1)) (drop (local.get 0))'.repeat(long)}
            (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (local.get ${locals})))`,
        [1],
        [20],
      ],
    ),
  ),
  [
    'recursion',
    `(module (func $f (export "go") (param i32) (result i32)
      (if (result i32) (i32.lt_u (local.get 0) (i32.const 2)) (then (local.get 0))
        (else (i32.add (call $f (i32.sub (local.get 0) (i32.const 1))) (call $f (i32.sub (local.get 0) (i32.const 2))))))))`,
    [2],
    [12],
  ],
  [
    'calls within loops, by name and by table',
    `(module (table 2 funcref) (elem (i32.const 0) $a $b) (type $t (func (param i32) (result i32)))
      (func $a (type $t) (i32.add (local.get 0) (i32.const 1))) (func $b (type $t) (i32.mul (local.get 0) (i32.const 3)))
      (func (export "go") (param i32) (result i32) (local i32)
        (loop $l (local.set 1 (call_indirect (type $t) (call $a (local.get 1)) (i32.and (local.get 0) (i32.const 1))))
          (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (local.get 1)))`,
    [30],
  ],
  [
    'tail calls',
    `(module (func $f (export "go") (param i32) (result i32)
      (if (result i32) (local.get 0) (then (return_call $f (i32.sub (local.get 0) (i32.const 1)))) (else (i32.const 6)))))`,
    [500],
  ],
  [
    'exceptions thrown and caught in a loop',
    `(module (tag $e (param i32)) (func (export "go") (param i32) (result i32) (local i32)
      (loop $l
        (block $skip (try $t (do (br_if $skip (i32.and (local.get 0) (i32.const 1))) (throw $e (local.get 0)))
          (catch $e (local.set 1 (i32.add (local.get 1))))
          (catch_all (return (i32.const -1)))))
        (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (local.get 1)))`,
    [9],
  ],
  [
    'a loop in a try that delegates past another loop',
    `(module (tag $e) (func (export "go") (param i32) (result i32)
      (try $outer (result i32)
        (do (loop $l
          (try (do (if (i32.eq (local.get 0) (i32.const 5)) (then (throw $e)))) (delegate $outer))
          (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (i32.const 3))
        (catch $e (i32.const 4)))))`,
    [4],
    [9],
  ],
  [
    'bulk operations',
    `(module (memory 2) (table $t 40 funcref) (data $d "abcdefgh") (elem $s func $f $f) (func $f)
      (func (export "go") (param i32) (result i32)
        (memory.fill (i32.const 0) (i32.const 7) (local.get 0))
        (memory.copy (i32.const 5) (i32.const 0) (local.get 0))
        (memory.init $d (i32.const 900) (i32.const 2) (i32.const 4)) (data.drop $d)
        (table.init $t $s (i32.const 1) (i32.const 0) (i32.const 2)) (elem.drop $s)
        (table.copy $t $t (i32.const 9) (i32.const 1) (i32.const 2))
        (table.fill $t (i32.const 20) (ref.null func) (i32.const 10))
        (i32.add (i32.load (i32.const 900)) (table.grow $t (ref.null func) (i32.const 3)))))`,
    [4000],
  ],
  [
    'code after an unreachable instruction',
    `(module (func (export "go") (param i32) (result i32)
      (block (br_if 0 (local.get 0)) (return (i32.const 2))
        (loop (br 0)) (loop (param i32) drop (i32.const 1) (br 0)))
      (i32.const 1)))`,
    [0],
    [1],
  ],
  [
    'as many locals as there can be',
    `(module (func (export "go") (param i32) (result i32) (local ${'i64 '.repeat(3000)})
      (loop $l (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))) (i32.const 1)))`,
    [7],
  ],
];

function outcome(run: () => unknown): unknown {
  try {
    return String(run());
  } catch (error) {
    return String(error);
  }
}

describe('metered code does what it did, and uses the same fuel wherever slices end', () => {
  for (const [what, text, ...calls] of PROGRAMS) {
    test(what, async () => {
      const bytes = await wat(text);
      const before = instantiateOriginal(bytes);
      const expected = calls.map((args) => outcome(() => before.call('go', ...args)));
      const prepared = prepareModule(bytes);
      const used = new Set<number>();
      for (const slice of [1, 7, 1_000_000]) {
        const guest = await instantiateRewritten(prepared, {}, { slice });
        assert.deepEqual(
          calls.map((args) => outcome(() => guest.call('go', ...args))),
          expected,
        );
        used.add(guest.fuelUsed());
      }
      assert.equal(used.size, 1);
    });
  }

  test('it dies at the same instruction wherever slices end', async () => {
    const prepared = prepareModule(
      await wat(`(module (global $n (export "n") (mut i32) (i32.const 0)) (func $f (global.set $n (i32.add (global.get $n) (i32.const 1))))
        (func (export "go") (loop $l (call $f) (loop $m (br_if $m (i32.const 0))) (br $l))))`),
    );
    for (const fuel of [0, 1, 10, 100, 12_345]) {
      const ends = [];
      for (const slice of [1, 7, 1_000_000]) {
        const guest = await instantiateRewritten(prepared, {}, { slice, fuel });
        assert.throws(() => guest.call('go'), /unreachable/);
        ends.push([guest.fuelUsed(), (guest.exports.n as WebAssembly.Global).value]);
        assert.ok(guest.fuelUsed() <= fuel);
      }
      assert.deepEqual(ends, [ends[0], ends[0], ends[0]]);
    }
  });
});

describe('what fuel is charged for', () => {
  const fuelOf = async (text: string, ...args: readonly unknown[]): Promise<number> => {
    const guest = await instantiateRewritten(
      prepareModule(await wat(`(module (memory 10) (table 9000 funcref) (tag $e) ${text})`)),
    );
    outcome(() => guest.call('go', ...args));
    return guest.fuelUsed();
  };
  const ratio = async (text: string, small: number, large: number): Promise<number> =>
    ((await fuelOf(text, large)) - (await fuelOf(text, 0))) / ((await fuelOf(text, small)) - (await fuelOf(text, 0)));

  const byLength: readonly (readonly [what: string, code: string])[] = [
    ['memory.fill', '(memory.fill (i32.const 0) (i32.const 0) (local.get 0))'],
    ['memory.copy', '(memory.copy (i32.const 0) (i32.const 0) (local.get 0))'],
    ['table.fill', '(table.fill 0 (i32.const 0) (ref.null func) (local.get 0))'],
    ['table.copy', '(table.copy (i32.const 0) (i32.const 0) (local.get 0))'],
    ['table.grow', '(drop (table.grow 0 (ref.null func) (local.get 0)))'],
    ['a loop', '(loop $l (br_if $l (i32.gt_s (local.tee 0 (i32.sub (local.get 0) (i32.const 1))) (i32.const -1))))'],
  ];
  for (const [what, code] of byLength) {
    test(`${what}, by length`, async () => {
      const more = await ratio(`(func (export "go") (param i32) ${code})`, 80, 8_000);
      assert.ok(more > 99 && more < 101, String(more));
    });
  }

  test('an exception, only where it is thrown', async () => {
    const code = '(func (export "go") (param i32) (if (local.get 0) (then (throw $e))))';
    assert.ok((await fuelOf(code, 1)) - (await fuelOf(code, 0)) >= 1_000);
  });

  test('numbers of bytes and elements that trap do not overflow the charge', async () => {
    for (const code of byLength.slice(0, 4)) {
      for (const length of [-1, 0x7fff_ffff, -0x8000_0000]) {
        const used = await fuelOf(`(func (export "go") (param i32) ${code[1]})`, length);
        assert.ok(used > 0 && used < 2 ** 29, String(used));
      }
    }
  });

  test('a call, which pays for a function that does next to nothing', async () => {
    const caller =
      '(func (export "go") (param i32) (loop $l (call $f) (br_if $l (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))';
    const each = async (body: string): Promise<number> =>
      ((await fuelOf(`(func $f ${body}) ${caller}`, 101)) - (await fuelOf(`(func $f ${body}) ${caller}`, 1))) / 100;
    const nothing = await each('');
    assert.ok(nothing > 6 && nothing < 20, String(nothing));
    assert.equal(await each('(drop (i32.const 1))'), nothing);
    assert.ok((await each('(drop (i32.const 1))'.repeat(20))) > nothing + 20);
  });
});

describe('whatever goes on for ever pays, wherever it calls itself', () => {
  const self = '(return_call $f (local.get 0))';
  const bodies: Readonly<Record<string, string>> = {
    'at once': self,
    'on one side of a condition': `(if (local.get 0) (then ${self}))`,
    'on the other side': `(if (i32.eqz (local.get 0)) (then (nop)) (else ${self}))`,
    'on both sides': `(if (local.get 0) (then ${self}) (else ${self}))`,
    'in a block on one side': `(if (local.get 0) (then (block $b (br_if $b (i32.eqz (local.get 0))) ${self})))`,
    'in a condition within a block': `(block (if (local.get 0) (then ${self})))`,
    'after a condition that does not': `(if (i32.eqz (local.get 0)) (then (return))) ${self}`,
    'on one side, after another call': `(call $leaf) (if (local.get 0) (then ${self}))`,
    'within a try': `(try (do (if (local.get 0) (then ${self}))) (catch_all))`,
    'through a table': '(return_call_indirect (type $t) (local.get 0) (i32.const 0))',
    'through a table on one side':
      '(if (local.get 0) (then (return_call_indirect (type $t) (local.get 0) (i32.const 0))))',
    'by way of another': '(return_call $g (local.get 0))',
  };
  for (const [what, body] of Object.entries(bodies)) {
    test(what, async () => {
      const bytes = await wat(`(module (type $t (func (param i32))) (table funcref (elem $f))
        (func $leaf) (func $g (param i32) (if (local.get 0) (then (return_call $f (local.get 0)))))
        (func $f (export "go") (type $t) ${body}))`);
      const used = new Set<number>();
      for (const slice of [1, 100_000]) {
        const guest = await instantiateRewritten(prepareModule(bytes), {}, { slice, fuel: 1_000_003 });
        assert.throws(() => guest.call('go', 1), /unreachable/);
        used.add(guest.fuelUsed());
      }
      assert.equal(used.size, 1, [...used].join());
      assert.ok([...used].every((fuel) => fuel > 990_000));
    });
  }
});

test('what metering would make too large for V8 is refused with the size', async () => {
  const loops = '(loop)'.repeat(250_000);
  assert.throws(() => prepareModule(new Uint8Array(0)));
  const bytes = await wat(`(module (func ${loops}))`);
  assert.throws(
    () => prepareModule(bytes),
    /function 0 takes \d+ bytes with its metering, more than the 7654321 V8 allows/,
  );
});

test('names of what metering adds are taken', async () => {
  for (const name of ['fuel', 'tick', 'pause']) {
    const bytes = await wat(`(module (func (export "\\00inferbase.${name}")))`);
    assert.throws(() => prepareModule(bytes), /a name that is reserved here/);
  }
});
