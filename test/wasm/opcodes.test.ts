import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IMMEDIATE, OPCODES, PREFIXED } from '../../runtime/wasm/opcodes.ts';
import { prepareModule } from '../../runtime/wasm/prepare.ts';
import { PREFIXED_EFFECTS, STACK_EFFECTS } from '../../runtime/wasm/stack-effects.ts';
import { sameBehaviour } from './differential.ts';
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

test('no number behind a prefix that we do not know gets through, and what is refused is named', () => {
  for (const prefix of [0xfb, 0xfc, 0xfd, 0xfe]) {
    const page = PREFIXED.get(prefix);
    for (let number = 0; number < 0x140; number += 1) {
      if ((page?.immediates[number] ?? IMMEDIATE.unknown) !== IMMEDIATE.unknown) continue;
      const bytes = moduleWith([prefix, ...u32(number), 0, 0, 0, 0]);
      assert.throws(() => prepareModule(bytes), /ERR_INVALID_MODULE|uses /, `opcode ${prefix} ${number}`);
    }
  }
  const named: readonly (readonly [opcode: readonly number[], name: RegExp])[] = [
    [[0xfb, 0x00], /WasmGC \(struct\.new\), opcode 0xfb 0x00/],
    [[0xfb, 0x1e], /WasmGC \(i31\.get_u\)/],
    [[0xfb, 0x7f], /WasmGC \(an unknown instruction\)/],
    [[0xfe, 0x00], /atomic operations on shared memory \(memory\.atomic\.notify\)/],
    [[0xfe, 0x12], /\(i32\.atomic\.load8_u\)/],
    [[0xfe, 0x1b], /\(i64\.atomic\.store8\)/],
    [[0xfe, 0x1e], /\(i32\.atomic\.rmw\.add\)/],
    [[0xfe, 0x4e], /\(i64\.atomic\.rmw32\.cmpxchg_u\)/],
    [[0xe3], /stack switching \(resume\), opcode 0xe3/],
    [[0xd3], /WasmGC \(ref\.eq\), opcode 0xd3/],
  ];
  for (const [opcode, name] of named) assert.throws(() => prepareModule(moduleWith([...opcode, 0, 0, 0, 0])), name);
});

/** A constant of each type, in three moods; of references, null and a function. */
const CONSTANTS: Readonly<Record<string, readonly (readonly number[])[]>> = {
  i32: [
    [0x41, 7],
    [0x41, 0x7d],
    [0x41, 0x80, 0x80, 0x80, 0x80, 0x78],
  ],
  i64: [
    [0x42, 7],
    [0x42, 0x7d],
    [0x42, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f],
  ],
  f32: [
    [0x43, 0, 0, 0xc0, 0x3f],
    [0x43, 0, 0, 0, 0x80],
    [0x43, 0xf9, 0x02, 0x15, 0x50],
  ],
  f64: [
    [0x44, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f],
    [0x44, 0, 0, 0, 0, 0, 0, 0, 0x80],
    [0x44, 0, 0, 0, 0x20, 0x5f, 0xa0, 2, 0x42],
  ],
  v128: [
    [0xfd, 12, ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0]],
    [0xfd, 12, ...new Array(16).fill(0)],
    [0xfd, 12, ...[0, 0, 0xc0, 0x3f, 0, 0, 0x80, 0xbf, 0xff, 0xff, 0x7f, 0x7f, 0x80, 0, 0, 0]],
  ],
  funcref: [
    [0xd0, 0x70],
    [0xd2, 0],
    [0xd0, 0x70],
  ],
};
const TYPES = Object.keys(CONSTANTS);
/** What leaves nothing of a result but a trace in memory, at the address below it. */
const STORES: readonly (readonly number[] | null)[] = [
  null,
  [0x36, 2, 0],
  [0x37, 3, 0],
  [0x38, 2, 0],
  [0x39, 3, 0],
  [0xfd, 11, 4, 0],
  [0xd1, 0x36, 2, 0],
];

/** A function that takes no part in calls, then one of the instruction on constants, its result stored at 64. */
function instructionModule(
  opcode: readonly number[],
  operands: readonly string[],
  mood: number,
  store: number,
): Uint8Array {
  const pushed = operands.flatMap((type, index) => CONSTANTS[type]?.[(mood + index) % 3] ?? []);
  const kept = STORES[store] ?? null;
  const code = kept === null ? [...pushed, ...opcode] : [0x41, 0xc0, 0, ...pushed, ...opcode, ...kept];
  const body = [1, 1, 0x7f, ...code, 0x0b];
  return rawModule(
    ['type', [1, 0x60, 0, 0]],
    ['function', [2, 0, 0]],
    ['table', [1, 0x70, 1, 4, 9]],
    ['memory', [1, 1, 1, 2]],
    ['global', [1, 0x7f, 1, 0x41, 5, 0x0b]],
    ['export', [2, 1, 0x66, 0, 1, 1, 0x6d, 2, 0]],
    ['element', [1, 1, 0, 1, 0]],
    ['dataCount', [1]],
    ['code', join([2, 2, 0, 0x0b], u32(body.length), body)],
    ['data', [1, 1, 3, 9, 8, 7]],
  );
}

function* tuples(length: number): Generator<string[]> {
  if (length === 0) yield [];
  else for (const rest of tuples(length - 1)) for (const type of TYPES) yield [...rest, type];
}

/** Finds what an instruction takes and leaves by asking V8. */
function typeOf(opcode: readonly number[]): { operands: string[]; store: number } | undefined {
  for (const length of [0, 1, 2, 3]) {
    for (const operands of tuples(length)) {
      for (const store of STORES.keys()) {
        if (WebAssembly.validate(instructionModule(opcode, operands, 0, store))) return { operands, store };
      }
    }
  }
  return undefined;
}

test('every instruction that computes does the same once rewritten, and moves the stack as the table says', async () => {
  const STRAIGHT: readonly number[] = [
    ...[IMMEDIATE.none, IMMEDIATE.index, IMMEDIATE.memarg, IMMEDIATE.memargLane, IMMEDIATE.lane, IMMEDIATE.memory],
    ...[IMMEDIATE.s32, IMMEDIATE.s64, IMMEDIATE.fourBytes, IMMEDIATE.eightBytes, IMMEDIATE.sixteenBytes],
    ...[IMMEDIATE.heapType, IMMEDIATE.grow, IMMEDIATE.tableGrow, IMMEDIATE.fill, IMMEDIATE.tableFill],
    ...[IMMEDIATE.twoIndexes, IMMEDIATE.twoMemories, IMMEDIATE.dataMemory],
  ];
  const NEVER_GO_ON = ['unreachable', 'return'];
  let compared = 0;
  const check = async (name: string, opcode: readonly number[], immediate: number, effect: number): Promise<void> => {
    if (!STRAIGHT.includes(immediate) || NEVER_GO_ON.includes(name)) return;
    const instruction = [...opcode, ...(name === 'ref.func' ? [0] : (SAMPLES[immediate] ?? []))];
    const type = typeOf(instruction);
    assert.ok(type !== undefined, `${name} takes none of the operands tried`);
    assert.equal((type.store === 0 ? 0 : 1) - type.operands.length, effect, `stack of ${name}`);
    for (const mood of [0, 1, 2]) {
      const bytes = instructionModule(instruction, type.operands, mood, type.store);
      if (WebAssembly.validate(bytes)) await sameBehaviour(bytes, `${name}, ${mood}`);
    }
    compared += 1;
  };
  for (const [opcode, immediate] of OPCODES.immediates.entries()) {
    await check(OPCODES.names[opcode] ?? '', [opcode], immediate, STACK_EFFECTS[opcode] ?? 0);
  }
  for (const [prefix, page] of PREFIXED) {
    for (const [number, immediate] of page.immediates.entries()) {
      const effect = PREFIXED_EFFECTS.get(prefix)?.[number] ?? 0;
      await check(page.names[number] ?? '', [prefix, ...u32(number)], immediate, effect);
    }
  }
  assert.ok(compared > 430, String(compared));
});

test('what may come out differently elsewhere is told', () => {
  const varies = (code: readonly number[]) => prepareModule(moduleWith(code)).facts.varies;
  assert.deepEqual(varies([0x6a]), []);
  assert.deepEqual(varies([0xa0]), ['nan-bits']);
  assert.deepEqual(varies([0xfd, ...u32(0xe4)]), ['nan-bits']);
  assert.deepEqual(varies([0xfd, ...u32(0x100)]), ['relaxed-simd']);
  assert.deepEqual(varies([0xfd, ...u32(0x105)]), ['nan-bits', 'relaxed-simd']);
});
