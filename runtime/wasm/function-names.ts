import { ByteReader } from './byte-reader.ts';

/** V8 decodes all names when the first trap is told, and writes out one for each frame of every trap after. */
const MAX_BYTES = 4 * 1024 * 1024;
/** Compilers write some hundred characters at most. */
const MAX_NAME_BYTES = 1_024;

/** Subsections of the `name` section. Source: WebAssembly specification, appendix "Custom Sections". */
const MODULE_NAME = 0;
const FUNCTION_NAMES = 1;

/**
 * Whether a `name` section is one that traps may be told with: of moderate size, no name in it too long, and sound.
 * @param start of its content, the name of the section included
 */
export function areNamesShort(bytes: Uint8Array, { start, end }: { start: number; end: number }): boolean {
  if (end - start > MAX_BYTES) return false;
  const reader = new ByteReader(bytes, 'name section');
  reader.position = start;
  reader.end = end;
  const skipName = (): boolean => {
    const length = reader.u32();
    reader.skip(length);
    return length <= MAX_NAME_BYTES;
  };
  try {
    skipName();
    while (!reader.done) {
      const kind = reader.u8();
      const size = reader.u32();
      const next = reader.position + size;
      if (kind === MODULE_NAME && !skipName()) return false;
      if (kind === FUNCTION_NAMES) {
        for (let left = reader.u32(); left > 0; left--) {
          reader.u32();
          if (!skipName()) return false;
        }
      }
      if (reader.position > next || next > end) return false;
      reader.position = next;
    }
    return true;
  } catch {
    // The format ignores a custom section that is broken.
    return false;
  }
}
