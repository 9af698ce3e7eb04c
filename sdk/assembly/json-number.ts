import { decimalToFloat, readExponent } from "./decimal";
import { Cursor, isDigit } from "./json-cursor";
import { JSONValue } from "./json-value";

/** Reads a number whose first character is next; `null` when it is not one. */
export function readNumber(cursor: Cursor): JSONValue | null {
  const start = cursor.at;
  if (cursor.peek() == 0x2d) cursor.at++;
  if (cursor.peek() == 0x30) {
    cursor.at++;
    if (isDigit(cursor.peek())) {
      cursor.problem = "a number that starts with 0";
      return null;
    }
  } else if (!cursor.digits()) {
    return null;
  }
  if (cursor.peek() == 0x2e) {
    cursor.at++;
    if (!cursor.digits()) return null;
  }
  if ((cursor.peek() | 0x20) == 0x65) {
    cursor.at++;
    if (cursor.peek() == 0x2b || cursor.peek() == 0x2d) cursor.at++;
    if (!cursor.digits()) return null;
  }
  const text = cursor.text;
  if (!isFloatText(text, start, cursor.at) && fitsInt64(text, start, cursor.at)) {
    return JSONValue.ofInt(parseInt64(text, start, cursor.at));
  }
  const value = parseFloat64(text, start, cursor.at);
  if (isFinite(value)) return JSONValue.ofFloat(value);
  cursor.at = start;
  cursor.problem = "a number too large for 64 bits";
  return null;
}

// Every text below was checked against the grammar of JSON numbers; `start` and `end` bound the number in it.

/** Whether it has a fraction or an exponent, or is minus zero, which integers do not have. */
function isFloatText(text: string, start: i32, end: i32): bool {
  if (end - start == 2 && text.charCodeAt(start) == 0x2d && text.charCodeAt(start + 1) == 0x30) return true;
  for (let at = start; at < end; at++) {
    const unit = text.charCodeAt(at);
    if (unit == 0x2e || (unit | 0x20) == 0x65) return true;
  }
  return false;
}

/** Whether an integer fits 64 bits with sign. JSON has no leading zeros, so length decides all but the longest. */
function fitsInt64(text: string, start: i32, end: i32): bool {
  const negative = text.charCodeAt(start) == 0x2d;
  const digits = end - start - i32(negative);
  if (digits != 19) return digits < 19;
  // 19 digits fit 64 bits without sign.
  return magnitude(text, start + i32(negative), end) <= <u64>i64.MAX_VALUE + u64(negative);
}

function parseInt64(text: string, start: i32, end: i32): i64 {
  const negative = text.charCodeAt(start) == 0x2d;
  const value = magnitude(text, start + i32(negative), end);
  return negative ? <i64>(0 - value) : <i64>value;
}

function magnitude(text: string, start: i32, end: i32): u64 {
  let value: u64 = 0;
  for (let at = start; at < end; at++) value = value * 10 + <u64>(text.charCodeAt(at) - 0x30);
  return value;
}

/** The nearest 64-bit float, ties to even; infinite when out of range. */
function parseFloat64(text: string, start: i32, end: i32): f64 {
  let at = start;
  const negative = text.charCodeAt(at) == 0x2d;
  if (negative) at++;
  let digits: u64 = 0;
  let kept = 0;
  let dropped = 0;
  let fraction = 0;
  let pointed = false;
  let lost = false;
  for (; at < end; at++) {
    const unit = text.charCodeAt(at);
    if (unit == 0x2e) {
      pointed = true;
      continue;
    }
    if ((unit | 0x20) == 0x65) break;
    if (pointed) fraction++;
    if (kept < 19) {
      digits = digits * 10 + <u64>(unit - 0x30);
      if (digits != 0) kept++;
    } else {
      dropped++;
      lost = lost || unit != 0x30;
    }
  }
  const exponent = readExponent(text, at + 1, end) - fraction + dropped;
  let value: f64;
  if (digits == 0) {
    value = 0;
  } else if (!lost && digits <= 9007199254740992 && exponent >= -22 && exponent <= 22) {
    // Both are exact in a float, so that one rounding gives the nearest.
    value = exponent < 0 ? <f64>digits / powerOfTen(-exponent) : <f64>digits * powerOfTen(exponent);
  } else {
    value = decimalToFloat(text, start + i32(negative), end);
  }
  return negative ? -value : value;
}

/** 10 to the n, exact for n from 0 to 22. */
function powerOfTen(n: i32): f64 {
  let power: f64 = 1;
  for (let i = 0; i < n; i++) power *= 10;
  return power;
}
