import { decode } from "./text";

/**
 * Reads the strings WASI lays out for arguments and environment: pointers, then NUL-terminated bytes.
 * @param table filled by the host; its first `count` words are pointers into its rest
 */
export function readStringTable(table: ArrayBuffer, count: i32): string[] {
  const bytes = Uint8Array.wrap(table);
  const strings = new Array<string>();
  for (let i = 0; i < count; i++) {
    const start = <i32>(load<u32>(changetype<usize>(table) + (<usize>i << 2)) - <u32>changetype<usize>(table));
    if (start < 0 || start > bytes.length) continue;
    let end = start;
    while (end < bytes.length && bytes[end] != 0) end++;
    strings.push(decode(bytes.subarray(start, end), true));
  }
  return strings;
}
