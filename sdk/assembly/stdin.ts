import { memory_read } from "./blockless";
import { ByteBuffer } from "./bytes";
import { parse } from "./json-parser";
import { JSONResult } from "./json-result";
import { decode } from "./text";
import { fd_read } from "./wasi";

// @ts-ignore: decorator
@inline const STDIN: i32 = 0;
// @ts-ignore: decorator
@inline const CHUNK: i32 = 4096;
// bls-runtime fails on a buffer its data does not fit in: start large.
// @ts-ignore: decorator
@inline const FIRST_CAPACITY: i32 = 65536;

// One iovec (pointer, length) and the count read.
const scratch = memory.data(12, 4);

// @ts-ignore: decorator
@lazy let kept: Uint8Array | null = null;

/** Standard input to its end. Read once; later calls return the same bytes. */
export function bytes(): Uint8Array {
  const known = kept;
  if (known !== null) return known;
  let input = readDescriptor();
  if (input.length == 0) input = readBlockless();
  kept = input;
  return input;
}

/** Standard input as text; a byte order mark is dropped. */
export function text(): string {
  return decode(bytes());
}

/** Standard input parsed as JSON. */
export function json(): JSONResult {
  return parse(text());
}

function readDescriptor(): Uint8Array {
  const input = new ByteBuffer(CHUNK);
  while (true) {
    const pointer = input.reserve(CHUNK >> 1);
    store<usize>(scratch, pointer);
    store<u32>(scratch, input.free, 4);
    if (fd_read(STDIN, scratch, 1, scratch + 8) != 0) break;
    const read = load<i32>(scratch, 8);
    if (read <= 0) break;
    input.commit(read);
  }
  return input.view();
}

/** `memory_read` has no cursor: each call starts at the beginning, so a full buffer is read again into a larger one. */
function readBlockless(): Uint8Array {
  let capacity = FIRST_CAPACITY;
  while (true) {
    const input = new ByteBuffer(capacity);
    if (memory_read(input.reserve(capacity), capacity, scratch) != 0) return new Uint8Array(0);
    const read = load<i32>(scratch);
    if (read == capacity && capacity < 1 << 28) {
      capacity <<= 1;
      continue;
    }
    input.commit(min(max(read, 0), capacity));
    return input.view();
  }
}
