import { SECTION, SECTION_ORDER, type SectionName } from '../../runtime/wasm/module-shape.ts';
import { rawModule, u32 } from '../wasm/raw-module.ts';

const HEADER_LENGTH = 8;

/** @returns the number of unsigned LEB128 at `at`, and the offset behind it */
function readU32(bytes: Uint8Array, at: number): [value: number, next: number] {
  let value = 0;
  let next = at;
  for (let factor = 1; ; factor *= 0x80) {
    const byte = bytes[next++] as number;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return [value, next];
  }
}

/** A section's items so many times. */
function repeatItems(content: Uint8Array, times: number): Uint8Array {
  const [count, at] = readU32(content, 0);
  return Buffer.concat([u32(count * times), ...new Array<Uint8Array>(times).fill(content.subarray(at))]);
}

/**
 * A module with its functions again and again, up to so many bytes and a little more; the copies are never called. Its
 * custom sections are left out. Reads it by itself, so that what is measured with it has run nothing yet.
 * @param module a valid one
 */
export function repeatCode(module: Uint8Array, bytes: number): Uint8Array {
  const sections: [SectionName, Uint8Array][] = [];
  for (let at = HEADER_LENGTH; at < module.length; ) {
    const [size, contentAt] = readU32(module, at + 1);
    const name = SECTION_ORDER.find((known) => SECTION[known] === module[at]);
    if (name !== undefined) sections.push([name, module.subarray(contentAt, contentAt + size)]);
    at = contentAt + size;
  }
  const code = sections.find(([name]) => name === 'code')?.[1].length ?? bytes;
  const rest = sections.reduce((sum, [name, { length }]) => (name === 'code' ? sum : sum + length), 0);
  const times = Math.max(1, Math.ceil((bytes - rest) / code));
  return rawModule(
    ...sections.map(([name, content]): [SectionName, Uint8Array] =>
      name === 'code' || name === 'function' ? [name, repeatItems(content, times)] : [name, content],
    ),
  );
}
