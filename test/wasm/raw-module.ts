import { ByteWriter } from '../../runtime/wasm/byte-writer.ts';
import { SECTION, type SectionName } from '../../runtime/wasm/module-shape.ts';

const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];

/** A list as the binary format has it: a count, then the items. */
export function list(count: number, item: readonly number[], times: number = count): Uint8Array {
  const writer = new ByteWriter(item.length * times + 8).u32(count);
  for (let index = 0; index < times; index += 1) writer.u8(...item);
  return writer.written;
}

/** The same bytes again and again. */
export function repeat(times: number, item: readonly number[]): Uint8Array {
  return Uint8Array.from({ length: times * item.length }, (_, index) => item[index % item.length] ?? 0);
}

/** Bytes and numbers in a row. */
export function join(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  const writer = new ByteWriter();
  for (const part of parts) writer.raw(Uint8Array.from(part));
  return writer.written;
}

/** Unsigned LEB128. */
export function u32(value: number): Uint8Array {
  return new ByteWriter(5).u32(value).written;
}

/** A module of exactly these sections, valid or not. */
export function rawModule(
  ...sections: readonly (readonly [SectionName, Uint8Array | readonly number[]])[]
): Uint8Array {
  const writer = new ByteWriter();
  writer.u8(...HEADER);
  for (const [name, content] of sections) {
    writer.u8(SECTION[name]).u32(content.length).raw(Uint8Array.from(content));
  }
  return writer.written;
}

/** A module of one function `() -> ()`, exported as `run`. @param code locals and instructions, the last `end` included */
export function oneFunction(code: Uint8Array | readonly number[]): Uint8Array {
  return rawModule(
    ['type', [1, 0x60, 0, 0]],
    ['function', [1, 0]],
    ['export', [1, 3, 0x72, 0x75, 0x6e, 0, 0]],
    ['code', join([1], u32(code.length), code)],
  );
}
