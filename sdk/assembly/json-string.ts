import { Cursor, END, isDigit } from "./json-cursor";
import { TextBuilder } from "./text-builder";

/** Reads a string whose opening quote is next; `null` when it is not one. */
export function readString(cursor: Cursor): string | null {
  const text = cursor.text;
  let start = ++cursor.at;
  let out: TextBuilder | null = null;
  while (true) {
    const unit = cursor.peek();
    if (unit == 0x22) {
      const end = cursor.at++;
      return out === null ? text.substring(start, end) : out.addRange(text, start, end).toString();
    }
    if (unit == END) {
      cursor.problem = "a string without its closing quote";
      return null;
    }
    if (unit < 0x20) {
      cursor.problem = "a control character in a string, which must be escaped,";
      return null;
    }
    if (unit != 0x5c) {
      cursor.at++;
      continue;
    }
    if (out === null) out = new TextBuilder();
    out.addRange(text, start, cursor.at++);
    const escaped = readEscape(cursor);
    if (escaped < 0) return null;
    out.unit(escaped);
    start = cursor.at;
  }
}

/** The unit an escape stands for, past its backslash; −1 when there is no such escape. */
function readEscape(cursor: Cursor): i32 {
  const unit = cursor.peek();
  switch (unit) {
    case 0x22:
    case 0x5c:
    case 0x2f: cursor.at++; return unit;
    case 0x62: cursor.at++; return 0x08;
    case 0x66: cursor.at++; return 0x0c;
    case 0x6e: cursor.at++; return 0x0a;
    case 0x72: cursor.at++; return 0x0d;
    case 0x74: cursor.at++; return 0x09;
  }
  if (unit != 0x75) {
    cursor.problem = "an escape that JSON does not have";
    return -1;
  }
  cursor.at++;
  let value = 0;
  for (let i = 0; i < 4; i++) {
    const digit = hexDigit(cursor.peek());
    if (digit < 0) {
      cursor.problem = "\\u without four hexadecimal digits";
      return -1;
    }
    value = (value << 4) | digit;
    cursor.at++;
  }
  return value;
}

function hexDigit(unit: i32): i32 {
  if (isDigit(unit)) return unit - 0x30;
  const lower = unit | 0x20;
  return lower >= 0x61 && lower <= 0x66 && unit > 0 ? lower - 0x57 : -1;
}
