import { JSONValue } from "./json-value";
import { encode } from "./text";
import { proc_exit } from "./wasi";
import { STDERR, STDOUT, write } from "./write";

/** Writes text to stdout as it is; nothing is added. */
export function text(text: string): void {
  const bytes = encode(text);
  write(STDOUT, bytes, 0, bytes.byteLength);
}

/** Writes bytes to stdout. */
export function bytes(bytes: Uint8Array): void {
  write(STDOUT, bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Writes a value to stdout as compact JSON. */
export function json(value: JSONValue): void {
  text(value.stringify());
}

/**
 * Ends the execution. Does not return.
 * @param code exit code, 1 to 125; anything else becomes 1, since hosts keep the rest for themselves
 * @param message written to stderr as one line
 */
export function fail(code: i32, message: string): void {
  const bytes = encode(message + "\n");
  write(STDERR, bytes, 0, bytes.byteLength);
  proc_exit(code >= 1 && code <= 125 ? code : 1);
  unreachable();
}
