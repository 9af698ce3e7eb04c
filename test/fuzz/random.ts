import { createRandom } from '../wasm/generate.ts';

/** Choices made from a seed: the same case for the same seed. */
export interface Random {
  /** A whole number from 0 to `bound` − 1. */
  below(bound: number): number;
  /** Once in so many times. */
  once(inSoMany: number): boolean;
  pick<T>(items: readonly T[]): T;
  /** Between 0 and `most` times. */
  times<T>(most: number, make: () => T): T[];
  bytes(length: number): Uint8Array<ArrayBuffer>;
}

export function randomFrom(seed: number): Random {
  const below = createRandom(seed);
  const random: Random = {
    below,
    once: (inSoMany) => below(inSoMany) === 0,
    pick: (items) => items[below(items.length)] as never,
    times: (most, make) => Array.from({ length: below(most + 1) }, make),
    bytes: (length) => Uint8Array.from({ length }, () => below(256)),
  };
  return random;
}

/** Numbers at which something begins or ends. */
export const EDGES: readonly number[] = [
  ...[0, 1, 2, 3, 7, 8, 15, 16, 63, 64, 100, 127, 128, 255, 256, 1023, 1024, 4095, 4096, 65_535, 65_536, 65_537],
  ...[0x7fff_fffe, 0x7fff_ffff, 0x8000_0000, 0x8000_0001, 0xffff_fff0, 0xffff_fffe, 0xffff_ffff],
];

const EDGE_BYTES = [
  0x00, 0x01, 0x0b, 0x20, 0x22, 0x2f, 0x3f, 0x40, 0x41, 0x5c, 0x60, 0x6f, 0x70, 0x7b, 0x7f, 0x80, 0xc0, 0xff,
];

/** Bytes with a few things changed: bits, bytes, pieces left out, doubled, moved, or taken from `other`. */
export function mutate(bytes: Uint8Array, random: Random, other: Uint8Array = bytes): Uint8Array<ArrayBuffer> {
  let result = Uint8Array.from(bytes);
  for (let rounds = 1 + random.below(random.once(4) ? 16 : 3); rounds > 0; rounds--)
    result = change(result, random, other);
  return result;
}

function change(bytes: Uint8Array<ArrayBuffer>, random: Random, other: Uint8Array): Uint8Array<ArrayBuffer> {
  const at = random.below(bytes.length + 1);
  const length = Math.min(random.below(random.once(3) ? 64 : 4) + 1, bytes.length - at);
  switch (random.below(9)) {
    case 0:
      if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
      return bytes;
    case 1:
      if (at < bytes.length) bytes[at] = random.once(2) ? random.below(256) : random.pick(EDGE_BYTES);
      return bytes;
    case 2:
      // Off by one, as lengths and indexes like to be.
      if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) + (random.once(2) ? 1 : 255);
      return bytes;
    case 3:
      return splice(bytes, at, length, new Uint8Array(0));
    case 4:
      return splice(bytes, at, 0, bytes.slice(at, at + length));
    case 5: {
      const from = random.below(other.length + 1);
      return splice(bytes, at, random.once(2) ? length : 0, other.subarray(from, from + random.below(40)));
    }
    case 6:
      return splice(bytes, at, 0, random.bytes(1 + random.below(6)));
    case 7:
      return random.once(8) ? bytes.slice(0, at) : splice(bytes, at, 0, unsigned(random.pick(EDGES)));
    default:
      return splice(bytes, at, Math.min(1, length), unsigned(random.pick(EDGES)));
  }
}

function splice(bytes: Uint8Array, at: number, removed: number, added: Uint8Array): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(bytes.length - removed + added.length);
  result.set(bytes.subarray(0, at));
  result.set(added, at);
  result.set(bytes.subarray(at + removed), at + added.length);
  return result;
}

/** LEB128, the length of most things in these formats. */
function unsigned(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Uint8Array.of(...bytes, rest);
}

const WORDS = [
  '',
  'a',
  'A=B',
  '..',
  '../',
  '/',
  '%2e%2e',
  '\0',
  '\n',
  '"',
  '\\',
  '\u2028',
  'é',
  '😀',
  '\ud800',
  '__proto__',
  'constructor',
];

/** Text that something may take for something else. */
export function text(random: Random): string {
  if (random.once(3)) return random.pick(WORDS);
  return random.times(4, () => random.pick(WORDS)).join(random.pick(['', '/', '.', ':', ' ']));
}

/** Any JSON value. @param keys names of objects' keys that mean something where it is read */
export function json(random: Random, keys: readonly string[], depth = 4): unknown {
  switch (random.below(depth === 0 ? 5 : 8)) {
    case 0:
      return text(random);
    case 1:
      return random.pick([0, -1, 1, 1.5, 1e21, 2 ** 53, -(2 ** 63), 1e308, random.below(1_000)]);
    case 2:
      return null;
    case 3:
      return random.once(2);
    case 4:
      return random.pick(keys);
    case 5:
      return random.times(4, () => json(random, keys, depth - 1));
    default: {
      const name = (): string => (random.once(8) ? text(random) : random.pick(keys));
      return Object.fromEntries(random.times(6, () => [name(), json(random, keys, depth - 1)]));
    }
  }
}
