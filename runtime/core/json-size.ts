const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN_BRACKET = 0x5b;
const OPEN_BRACE = 0x7b;

/** Below this many bytes, parsing costs less than it is worth to count first. */
const SMALL_BYTES = 65_536;

/**
 * Whether JSON text holds more values than `most`, or as good as: counted are the brackets, braces and commas outside
 * strings. Parsing takes up to a hundred times as long for small values as for long strings, and each becomes an object
 * on the heap, so that a length alone does not bound it. Text under 64 KiB is never too much.
 * @param text UTF-8, JSON or not
 */
export function hasMoreValuesThan(most: number, text: Uint8Array): boolean {
  if (text.length < SMALL_BYTES) return false;
  let values = 0;
  for (let at = 0; at < text.length; at++) {
    const byte = text[at];
    if (byte === QUOTE) at = endOfText(text, at);
    else if (byte === COMMA || byte === OPEN_BRACKET || byte === OPEN_BRACE) {
      if (++values > most) return true;
    }
  }
  return false;
}

/** Index of the quote that closes the string whose opening quote is at `from`; the length where none does. */
function endOfText(text: Uint8Array, from: number): number {
  for (let end = text.indexOf(QUOTE, from + 1); end !== -1; end = text.indexOf(QUOTE, end + 1)) {
    let before = end;
    while (text[before - 1] === BACKSLASH) before--;
    if ((end - before) % 2 === 0) return end;
  }
  return text.length;
}
