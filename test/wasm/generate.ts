import { join, rawModule, u32 } from './raw-module.ts';

/** Numbers from a seed (mulberry32): the same program for the same seed, on any machine. */
export function createRandom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const FUNCTIONS = 4;
const LOCALS = 4;
/** Rounds of all loops, and calls, of one module: then it traps. */
const ROUNDS = 2_000;
const I32 = 0x7f;
const OP = { block: 0x02, loop: 0x03, if: 0x04, else: 0x05, end: 0x0b, br: 0x0c, brIf: 0x0d, brTable: 0x0e } as const;

/** Type indexes of blocks: nothing, an i32 out, an i32 in and out. */
const NOTHING = 0x40;
const IN_AND_OUT = 1;
type Shape = typeof NOTHING | typeof I32 | typeof IN_AND_OUT;
/** What a branch to a block must bring. */
type Label = 'nothing' | 'i32';

/**
 * A random valid module of a few functions `f0`, `f1` … of type `(i32) -> i32`, made of nested blocks, loops, branches of
 * every kind, exceptions, bulk operations and calls; one that always ends.
 */
export function generateModule(seed: number): Uint8Array {
  return moduleOf(generateBodies(seed));
}

/** A module like those, of so many bytes and a little more: not to be run, but to be read. */
export function generateLargeModule(seed: number, bytes: number): Uint8Array {
  const some = Array.from({ length: 100 }, (_, index) => generateBodies(seed + index, true)).flat();
  const bodies: Uint8Array[] = [];
  for (let length = 0; length < bytes; length += bodies.at(-1)?.length ?? 0) {
    bodies.push(some[bodies.length % some.length] as Uint8Array);
  }
  return moduleOf(bodies);
}

function moduleOf(bodies: readonly Uint8Array[]): Uint8Array {
  return rawModule(
    ['type', [2, 0x60, 0, 0, 0x60, 1, I32, 1, I32]],
    ['function', join(u32(bodies.length), new Uint8Array(bodies.length).fill(1))],
    ['table', [1, 0x70, 0, FUNCTIONS]],
    ['memory', [1, 1, 1, 3]],
    ['tag', [1, 0, 0]],
    ['global', [2, I32, 1, 0x41, ...s32(ROUNDS), 0x0b, I32, 1, 0x41, 0, 0x0b]],
    [
      'export',
      [
        FUNCTIONS + 2,
        ...Array.from({ length: FUNCTIONS }, (_, index) => [2, 0x66, 0x30 + index, 0, index]).flat(),
        ...[1, 0x6d, 2, 0],
        ...[1, 0x67, 3, 1],
      ],
    ],
    ['element', [1, 0, 0x41, 0, 0x0b, FUNCTIONS, ...Array.from({ length: FUNCTIONS }, (_, index) => index)]],
    ['code', join(u32(bodies.length), Buffer.concat(bodies))],
  );
}

/**
 * Bodies of `FUNCTIONS` functions that call each other.
 * @param encoding of exceptions: the new one, or the old; default one of the two at random
 */
function generateBodies(seed: number, encoding?: boolean): Uint8Array[] {
  const random = createRandom(seed);
  const either = random(2) === 0;
  const newExceptions = encoding ?? either;
  return Array.from({ length: FUNCTIONS }, () => {
    const code = [1, LOCALS - 1, I32, ...tick(), ...value(4), 0x0b];
    return join(u32(code.length), code);
  });

  /** Counts one round; traps after the last. */
  function tick(): number[] {
    return [0x23, 0, 0x45, OP.if, NOTHING, 0x00, OP.end, 0x23, 0, 0x41, 1, 0x6b, 0x24, 0];
  }

  /** Code that leaves an i32. */
  function value(depth: number, labels: readonly Label[] = ['i32']): number[] {
    if (depth === 0) return random(2) === 0 ? [0x41, ...s32(random(100))] : [0x20, random(LOCALS)];
    const inner = depth - 1;
    switch (random(11)) {
      case 0:
        return [...value(inner, labels), ...value(inner, labels), [0x6a, 0x6b, 0x6c, 0x71, 0x48][random(5)] as number];
      case 1:
        return [...value(inner, labels), 0x22, random(LOCALS)];
      case 2:
        return block(OP.block, I32, inner, labels);
      case 3:
        return loop(I32, inner, labels);
      case 4:
        return [...value(inner, labels), ...loop(IN_AND_OUT, inner, labels)];
      case 5:
        return [...value(inner, labels), 0x10, random(FUNCTIONS)];
      case 6:
        return [...value(inner, labels), 0x41, random(FUNCTIONS + 1), 0x11, 1, 0];
      case 7:
        return [0x41, random(2), 0x40, 0];
      case 8:
        return caught(inner, labels);
      case 9: {
        const [then, other] = [value(inner, ['i32', ...labels]), value(inner, ['i32', ...labels])];
        return [...value(0), OP.if, I32, ...then, OP.else, ...other, OP.end];
      }
      default:
        return [...statements(inner, labels), ...value(inner, labels)];
    }
  }

  function statements(depth: number, labels: readonly Label[]): number[] {
    return Array.from({ length: 1 + random(3) }, () => statement(depth, labels)).flat();
  }

  /** Code that leaves nothing. */
  function statement(depth: number, labels: readonly Label[]): number[] {
    const inner = Math.max(depth - 1, 0);
    const target = random(labels.length);
    const brings = labels[target] === 'i32';
    switch (random(depth === 0 ? 5 : 9)) {
      case 0:
        return [...value(inner, labels), 0x21, random(LOCALS)];
      case 1:
        return [0x23, 1, ...value(inner, labels), 0x6a, 0x24, 1];
      case 2:
        return [0x41, ...s32(random(60_000)), ...value(0), 0x36, 2, 0];
      case 3:
        return brings
          ? [...value(0), ...value(0), OP.brIf, ...u32(target), 0x1a]
          : [...value(0), OP.brIf, ...u32(target)];
      case 4: {
        const same = labels.flatMap((label, index) => ((label === 'i32') === brings ? [index] : []));
        const table = Array.from({ length: random(4) }, () => same[random(same.length)] as number);
        const guard = [...value(0), OP.if, NOTHING];
        // One block further in.
        const moved = [...u32(table.length), ...table.flatMap((label) => [...u32(label + 1)]), ...u32(target + 1)];
        return [...guard, ...(brings ? value(0) : []), ...value(0), OP.brTable, ...moved, OP.end];
      }
      case 5:
        return block(OP.block, NOTHING, inner, labels);
      case 6:
        return loop(NOTHING, inner, labels);
      case 7:
        // Lengths of up to 100, at addresses within the first page.
        return [0x41, ...s32(random(60_000)), ...value(0), 0x41, ...s32(random(100)), 0xfc, 0x0b, 0];
      default:
        return [...value(0), OP.if, NOTHING, 0x08, 0, OP.end];
    }
  }

  function block(opcode: number, shape: Shape, depth: number, labels: readonly Label[]): number[] {
    const inside: Label[] = [shape === NOTHING ? 'nothing' : 'i32', ...labels];
    const code = shape === NOTHING ? statements(depth, inside) : value(depth, inside);
    return [opcode, shape, ...code, OP.end];
  }

  /** A loop's label takes what the loop takes, not what it gives. */
  function loop(shape: Shape, depth: number, labels: readonly Label[]): number[] {
    const inside: Label[] = [shape === IN_AND_OUT ? 'i32' : 'nothing', ...labels];
    const again = (): number[] => (random(3) === 0 ? [] : [...value(0), OP.brIf, 0]);
    switch (shape) {
      case NOTHING:
        return [OP.loop, shape, ...tick(), ...statements(depth, inside), ...again(), OP.end];
      case I32:
        return [OP.loop, shape, ...tick(), ...statements(depth, inside), ...again(), ...value(depth, inside), OP.end];
      default:
        return [OP.loop, shape, ...tick(), 0x21, random(LOCALS), ...value(depth, inside), ...again(), OP.end];
    }
  }

  /** A value, or another one if an exception comes from it. */
  function caught(depth: number, labels: readonly Label[]): number[] {
    if (newExceptions) {
      // block (result i32): block: try_table (catch_all to the inner block): the value, out; end; another value.
      const inside: Label[] = ['i32', 'nothing', 'i32', ...labels];
      return [
        OP.block,
        I32,
        OP.block,
        NOTHING,
        0x1f,
        I32,
        1,
        2,
        0,
        ...value(depth, inside),
        OP.end,
        OP.br,
        1,
        OP.end,
      ].concat(value(0), OP.end);
    }
    const inside: Label[] = ['i32', ...labels];
    if (random(3) === 0) {
      // try: try: the value; delegate to the outer one; catch_all: another.
      const deep: Label[] = ['i32', ...inside];
      return [0x06, I32, 0x06, I32, ...value(depth, deep), 0x18, 0, 0x19, ...value(depth, inside), OP.end];
    }
    return [0x06, I32, ...value(depth, inside), 0x19, ...value(depth, inside), OP.end];
  }
}

function s32(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x40) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>= 7;
  }
  return [...bytes, rest];
}
