import { InferbaseError } from '../../core/errors.ts';

/**
 * The fields of a protobuf message in their order: numbers, and bytes as views of the message; fixed ones are skipped.
 * @throws InferbaseError `ERR_INTEGRITY` when it is none
 */
export function* fields(bytes: Uint8Array): Generator<[number, Uint8Array | number]> {
  let at = 0;
  const next = (): number => {
    const read = readVarint(bytes, at);
    if (read === undefined) throw malformed('it ends within a number');
    at = read.end;
    return read.value;
  };
  while (at < bytes.length) {
    const tag = next();
    const wire = tag & 7;
    const number = Math.floor(tag / 8);
    if (wire === 0) yield [number, next()];
    else if (wire === 1) at += 8;
    else if (wire === 5) at += 4;
    else if (wire === 2) {
      const length = next();
      if (length > bytes.length - at) throw malformed('it ends within a field');
      yield [number, bytes.subarray(at, at + length)];
      at += length;
    } else throw malformed(`it has wire type ${wire}`);
    if (at > bytes.length) throw malformed('it ends within a field');
  }
}

/**
 * Reads a varint; the value of one past 53 bits is not exact and too large for anything it may stand for.
 * @returns `undefined` when the bytes end within it
 * @throws InferbaseError `ERR_INTEGRITY` past ten bytes
 */
export function readVarint(bytes: Uint8Array, start: number): { value: number; end: number } | undefined {
  let value = 0;
  for (let at = start, scale = 1; at < bytes.length; at++, scale *= 128) {
    if (at - start >= 10) throw malformed('it has a number of more than ten bytes');
    const byte = bytes[at] ?? 0;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return { value, end: at + 1 };
  }
  return undefined;
}

function malformed(problem: string): InferbaseError {
  return new InferbaseError('ERR_INTEGRITY', `A peer sent what is no protobuf message: ${problem}.`);
}
