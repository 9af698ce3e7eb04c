/**
 * Finds where JSON values, strings and numbers end, byte by byte, and words what is wrong with them as Go's
 * `encoding/json` does (its scanner.go). Only text that `JSON.parse` refused, or whose values have wrong types, comes this
 * way.
 */

/** What is wrong with JSON text; whoever asked for the reading makes an error of it. */
export class JsonProblem extends Error {
  /** The same as echo's binder words it, for the bodies of HTTP requests. */
  readonly echo: string;

  constructor(message: string, echo: string) {
    super(message);
    this.echo = echo;
  }
}

const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Go's own limit on nesting. */
const MAX_DEPTH = 10_000;

const LITERALS: ReadonlyMap<number, string> = new Map([
  [0x74, 'true'],
  [0x66, 'false'],
  [0x6e, 'null'],
]);

/** Index of the first byte at or after `from` that is not white space; the length when there is none. */
export function skipSpace(bytes: Uint8Array, from: number): number {
  let at = from;
  for (;;) {
    const byte = bytes[at];
    if (byte !== SPACE && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return at;
    at++;
  }
}

/**
 * Index just past the first JSON value at or after `from`; whatever follows it is not looked at. Without recursion, so
 * that nesting costs no stack.
 * @throws JsonProblem naming offset and character
 */
export function endOfValue(bytes: Uint8Array, from: number): number {
  const closers: number[] = [];
  let at = skipSpace(bytes, from);
  if (at >= bytes.length) throw new JsonProblem('it is empty', 'code=400, message=EOF, internal=EOF');
  for (;;) {
    at = skipSpace(bytes, at);
    const byte = bytes[at];
    let ended = true;
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      closers.push(byte === OPEN_BRACE ? CLOSE_BRACE : CLOSE_BRACKET);
      if (closers.length > MAX_DEPTH) throw syntaxError('exceeded max depth', at);
      at = skipSpace(bytes, at + 1);
      ended = bytes[at] === closers.at(-1);
      if (!ended && byte === OPEN_BRACE) at = endOfKey(bytes, at);
    } else {
      at = endOfScalar(bytes, at);
    }
    while (ended) {
      const closer = closers.at(-1);
      if (closer === undefined) return at;
      at = skipSpace(bytes, at);
      if (bytes[at] === closer) {
        closers.pop();
        at++;
      } else if (bytes[at] === COMMA) {
        at = closer === CLOSE_BRACE ? endOfKey(bytes, at + 1) : at + 1;
        ended = false;
      } else {
        throw invalid(bytes, at, closer === CLOSE_BRACE ? 'after object key:value pair' : 'after array element');
      }
    }
  }
}

/** Index just past the colon of the key at or after `from`. */
function endOfKey(bytes: Uint8Array, from: number): number {
  const start = skipSpace(bytes, from);
  if (bytes[start] !== QUOTE) throw invalid(bytes, start, 'looking for beginning of object key string');
  const at = skipSpace(bytes, endOfString(bytes, start));
  if (bytes[at] !== COLON) throw invalid(bytes, at, 'after object key');
  return at + 1;
}

function endOfScalar(bytes: Uint8Array, at: number): number {
  const byte = bytes[at];
  if (byte === QUOTE) return endOfString(bytes, at);
  if (byte === MINUS || isDigit(byte)) return endOfNumber(bytes, at);
  const literal = byte === undefined ? undefined : LITERALS.get(byte);
  if (literal === undefined) throw invalid(bytes, at, 'looking for beginning of value');
  for (let i = 1; i < literal.length; i++) {
    if (bytes[at + i] === literal.charCodeAt(i)) continue;
    throw invalid(bytes, at + i, `in literal ${literal} (expecting '${literal.charAt(i)}')`);
  }
  return at + literal.length;
}

/** Index just past the string whose opening quote is at `from`. */
export function endOfString(bytes: Uint8Array, from: number): number {
  let at = from + 1;
  for (;;) {
    const byte = bytes[at];
    if (byte === QUOTE) return at + 1;
    if (byte === undefined || byte < SPACE) throw invalid(bytes, at, 'in string literal');
    at++;
    if (byte !== BACKSLASH) continue;
    const escaped = bytes[at];
    if (escaped === undefined || !'"\\/bfnrtu'.includes(String.fromCharCode(escaped))) {
      throw invalid(bytes, at, 'in string escape code');
    }
    at++;
    if (escaped !== 0x75) continue;
    for (const end = at + 4; at < end; at++) {
      if (!isHex(bytes[at])) throw invalid(bytes, at, 'in \\u hexadecimal character escape');
    }
  }
}

function endOfNumber(bytes: Uint8Array, from: number): number {
  let at = bytes[from] === MINUS ? from + 1 : from;
  if (!isDigit(bytes[at])) throw invalid(bytes, at, 'in numeric literal');
  at = bytes[at] === ZERO ? at + 1 : endOfDigits(bytes, at, '');
  if (bytes[at] === 0x2e) at = endOfDigits(bytes, at + 1, 'after decimal point in numeric literal');
  if (bytes[at] === 0x65 || bytes[at] === 0x45) {
    const sign = bytes[at + 1] === 0x2b || bytes[at + 1] === MINUS ? 1 : 0;
    at = endOfDigits(bytes, at + 1 + sign, 'in exponent of numeric literal');
  }
  return at;
}

/** One digit at least. */
function endOfDigits(bytes: Uint8Array, from: number, context: string): number {
  let at = from;
  if (!isDigit(bytes[at])) throw invalid(bytes, at, context);
  while (isDigit(bytes[at])) at++;
  return at;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}

function isHex(byte: number | undefined): boolean {
  return isDigit(byte) || (byte !== undefined && (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66);
}

function invalid(bytes: Uint8Array, at: number, context: string): JsonProblem {
  const byte = bytes[at];
  if (byte === undefined) {
    return new JsonProblem('it ends too early', 'code=400, message=unexpected EOF, internal=unexpected EOF');
  }
  return syntaxError(`invalid character ${quoteByte(byte)} ${context}`, at);
}

function syntaxError(text: string, at: number): JsonProblem {
  const echo = `code=400, message=Syntax error: offset=${at + 1}, error=${text}, internal=${text}`;
  return new JsonProblem(`${text} (byte ${at + 1})`, echo);
}

const NAMED_BYTES: ReadonlyMap<number, string> = new Map([
  [0x07, '\\a'],
  [0x08, '\\b'],
  [0x09, '\\t'],
  [0x0a, '\\n'],
  [0x0b, '\\v'],
  [0x0c, '\\f'],
  [0x0d, '\\r'],
  [0x27, "\\'"],
  [0x5c, '\\\\'],
]);

/** As Go quotes a byte it takes for a character: Latin-1, with escapes for what does not print. */
function quoteByte(byte: number): string {
  const hex = byte.toString(16).padStart(2, '0');
  const named = NAMED_BYTES.get(byte);
  if (named !== undefined) return `'${named}'`;
  if (byte < SPACE || byte === 0x7f) return `'\\x${hex}'`;
  if ((byte > 0x7f && byte <= 0xa0) || byte === 0xad) return `'\\u00${hex}'`;
  return `'${String.fromCharCode(byte)}'`;
}
