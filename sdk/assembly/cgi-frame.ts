// @ts-ignore: decorator
@inline const MAX_DIGITS: i32 = 9;

/** Bytes of the length line of `LENGTH\r\nBODY\r\n`; 0 when these bytes do not begin with one. */
export function frameStart(bytes: Uint8Array): i32 {
  let at = 0;
  while (at < bytes.length && at < MAX_DIGITS && isDigit(bytes[at])) at++;
  if (at == 0 || at + 2 > bytes.length) return 0;
  return bytes[at] == 0x0d && bytes[at + 1] == 0x0a ? at + 2 : 0;
}

/** Bytes of the body, as the length line of `start` bytes says. */
export function frameLength(bytes: Uint8Array, start: i32): i32 {
  let length = 0;
  for (let at = 0; at < start - 2; at++) length = length * 10 + (bytes[at] - 0x30);
  return length;
}

/** Whether the body and the line end behind it are there. */
export function frameIsWhole(bytes: Uint8Array, start: i32): bool {
  if (start == 0) return false;
  const end = start + frameLength(bytes, start);
  return end + 2 <= bytes.length && bytes[end] == 0x0d && bytes[end + 1] == 0x0a;
}

function isDigit(byte: u8): bool {
  return byte >= 0x30 && byte <= 0x39;
}
