// @ts-ignore: decorator
@inline const REPLACEMENT: u32 = 0xfffd;

/**
 * UTF-8 to text, the whole at once. A malformed sequence becomes one U+FFFD, as the WHATWG Encoding Standard has it.
 * @param keepMark keep a byte order mark at the start instead of dropping it
 */
export function decode(bytes: Uint8Array, keepMark: bool = false): string {
  const length = bytes.length;
  // A sequence of n bytes makes at most n units.
  const text = changetype<string>(__new(<usize>length << 1, idof<string>()));
  const start = bytes.dataStart;
  let at: i32 = 0;
  let out = changetype<usize>(text);
  if (!keepMark && length >= 3 && load<u8>(start) == 0xef && load<u8>(start, 1) == 0xbb && load<u8>(start, 2) == 0xbf) at = 3;
  while (at < length) {
    const lead = <u32>load<u8>(start + at++);
    if (lead < 0x80) {
      store<u16>(out, <u16>lead);
      out += 2;
      continue;
    }
    let rest = 0;
    let point: u32 = 0;
    // Bounds of the second byte: they exclude overlong forms, surrogates and what lies past U+10FFFF.
    let low: u32 = 0x80;
    let high: u32 = 0xbf;
    if (lead >= 0xc2 && lead <= 0xdf) {
      rest = 1;
      point = lead & 0x1f;
    } else if (lead >= 0xe0 && lead <= 0xef) {
      rest = 2;
      point = lead & 0x0f;
      if (lead == 0xe0) low = 0xa0;
      if (lead == 0xed) high = 0x9f;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      rest = 3;
      point = lead & 0x07;
      if (lead == 0xf0) low = 0x90;
      if (lead == 0xf4) high = 0x8f;
    } else {
      point = REPLACEMENT;
    }
    while (rest > 0) {
      const next = at < length ? <u32>load<u8>(start + at) : 0;
      if (next < low || next > high) {
        point = REPLACEMENT;
        break;
      }
      low = 0x80;
      high = 0xbf;
      point = (point << 6) | (next & 0x3f);
      at++;
      rest--;
    }
    if (point < 0x10000) {
      store<u16>(out, <u16>point);
      out += 2;
    } else {
      point -= 0x10000;
      store<u16>(out, <u16>(0xd800 | (point >> 10)));
      store<u16>(out, <u16>(0xdc00 | (point & 0x3ff)), 2);
      out += 4;
    }
  }
  return changetype<string>(__renew(changetype<usize>(text), out - changetype<usize>(text)));
}

/** Text to UTF-8. A lone surrogate becomes U+FFFD. */
export function encode(text: string): ArrayBuffer {
  return String.UTF8.encode(text, false, String.UTF8.ErrorMode.REPLACE);
}

/** Whether these bytes are UTF-8 throughout, so that text made of them gives the same bytes again. */
export function isUtf8(bytes: Uint8Array): bool {
  const again = encode(decode(bytes, true));
  if (again.byteLength != bytes.length) return false;
  return memory.compare(changetype<usize>(again), bytes.dataStart, bytes.length) == 0;
}

/** ASCII letters in lower case, the rest as it is: how HTTP compares names, without the tables of `toLowerCase`. */
export function asciiLower(text: string): string {
  const lower = changetype<string>(__new(<usize>text.length << 1, idof<string>()));
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    store<u16>(changetype<usize>(lower) + (<usize>at << 1), <u16>(unit >= 0x41 && unit <= 0x5a ? unit | 0x20 : unit));
  }
  return lower;
}
