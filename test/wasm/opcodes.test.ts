import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IMMEDIATE, OPCODES, PREFIXED } from '../../runtime/wasm/opcodes.ts';
import { prepareModule } from '../../runtime/wasm/prepare.ts';
import { join, rawModule, u32 } from './raw-module.ts';

/** Immediates that are valid in `moduleWith`, by kind; whatever the opcode needs on the stack is there (unreachable). */
const SAMPLES: Readonly<Record<number, readonly number[]>> = {
  [IMMEDIATE.none]: [],
  [IMMEDIATE.index]: [0],
  [IMMEDIATE.twoIndexes]: [0, 0],
  [IMMEDIATE.call]: [0],
  [IMMEDIATE.callType]: [0],
  [IMMEDIATE.callIndirect]: [0, 0],
  [IMMEDIATE.block]: [0x40, 0x0b],
  [IMMEDIATE.tryTable]: [0x40, 2, 0, 0, 0, 2, 0, 0x0b],
  [IMMEDIATE.labels]: [1, 0, 0],
  [IMMEDIATE.types]: [1, 0x7f],
  [IMMEDIATE.heapType]: [0x70],
  [IMMEDIATE.memarg]: [0, 0],
  [IMMEDIATE.memargLane]: [0, 0, 0],
  [IMMEDIATE.memory]: [0],
  [IMMEDIATE.twoMemories]: [0, 0],
  [IMMEDIATE.dataMemory]: [0, 0],
  [IMMEDIATE.s32]: [0xff, 0x00],
  [IMMEDIATE.s64]: [0xff, 0xff, 0x00],
  [IMMEDIATE.fourBytes]: [0x0b, 0x0b, 0x0b, 0x0b],
  [IMMEDIATE.eightBytes]: new Array(8).fill(0x0b),
  [IMMEDIATE.sixteenBytes]: new Array(16).fill(0x0b),
  [IMMEDIATE.lane]: [0],
  [IMMEDIATE.grow]: [0],
  [IMMEDIATE.tableGrow]: [0],
  [IMMEDIATE.label]: [0],
  [IMMEDIATE.loop]: [0x40, 0x0b],
  [IMMEDIATE.fill]: [0],
  [IMMEDIATE.tableFill]: [0],
  [IMMEDIATE.throw]: [0],
  [IMMEDIATE.rethrow]: [0],
  [IMMEDIATE.throwRef]: [],
};

/** Opcodes that stand only inside something; each with its surroundings. */
const SURROUNDED: Readonly<Record<string, readonly number[]>> = {
  else: [0x41, 0, 0x04, 0x40, 0x05, 0x0b],
  catch: [0x06, 0x40, 0x07, 0, 0x0b],
  catch_all: [0x06, 0x40, 0x19, 0x0b],
  delegate: [0x06, 0x40, 0x18, 0],
  rethrow: [0x06, 0x40, 0x19, 0x09, 0, 0x0b],
  end: [0x02, 0x40, 0x0b],
  br_on_non_null: [0x02, 0x70, 0x00, 0xd6, 0, 0x00, 0x0b],
};

/** A module of one `() -> ()` function in which every index 0 names something. */
function moduleWith(code: readonly number[]): Uint8Array {
  const body = join([1, 1, 0x7f, 0x00], code, [0x00, 0x0b]);
  return rawModule(
    ['type', [1, 0x60, 0, 0]],
    ['function', [1, 0]],
    ['table', [1, 0x70, 0, 4]],
    ['memory', [1, 0, 1]],
    ['tag', [1, 0, 0]],
    ['global', [1, 0x7f, 1, 0x41, 0, 0x0b]],
    ['export', [1, 1, 0x66, 0, 0]],
    ['element', [1, 1, 0, 0]],
    ['dataCount', [1]],
    ['code', join([1], u32(body.length), body)],
    ['data', [1, 1, 0]],
  );
}

test('every opcode that is known has the immediates V8 expects, and is prepared', () => {
  let checked = 0;
  const check = (name: string | undefined, opcode: readonly number[], immediate: number): void => {
    const sample = SAMPLES[immediate];
    const code = SURROUNDED[name ?? ''] ?? (sample === undefined ? undefined : [...opcode, ...sample]);
    assert.ok(name !== undefined && code !== undefined, `opcode ${opcode}`);
    const bytes = moduleWith(code);
    assert.ok(WebAssembly.validate(bytes), `V8 does not take ${name} as ${code}`);
    assert.ok(prepareModule(bytes).bytes.length > 0, name);
    checked += 1;
  };
  for (const [opcode, immediate] of OPCODES.immediates.entries()) {
    if (immediate === IMMEDIATE.unknown || immediate === IMMEDIATE.prefix) continue;
    check(OPCODES.names[opcode], [opcode], immediate);
  }
  for (const [prefix, page] of PREFIXED) {
    for (const [number, immediate] of page.immediates.entries()) {
      if (immediate !== IMMEDIATE.unknown) check(page.names[number], [prefix, ...u32(number)], immediate);
    }
  }
  assert.equal(checked, 198 + 18 + 256);
});

test('no opcode that V8 knows and we do not gets through', () => {
  for (let opcode = 0; opcode < 256; opcode += 1) {
    if (OPCODES.immediates[opcode] !== IMMEDIATE.unknown) continue;
    for (const sample of Object.values(SAMPLES)) {
      assert.throws(() => prepareModule(moduleWith([opcode, ...sample])), /uses /, `opcode ${opcode}`);
    }
  }
});
