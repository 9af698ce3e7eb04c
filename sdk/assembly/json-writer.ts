import { JSONKind, JSONValue } from "./json-value";
import { TextBuilder } from "./text-builder";

// @ts-ignore: decorator
@inline const MAX_DEPTH: i32 = 512;

/** An array or object that is being written. */
@final
class Open {
  next: i32 = 0;
  constructor(readonly value: JSONValue, readonly keys: string[]) {}
}

/** Compact JSON text. Works on a stack of its own, so that depth costs memory and not the guest's call stack. */
export function stringify(root: JSONValue): string {
  const out = new TextBuilder();
  const stack = new Array<Open>();
  let value = root;
  do {
    if (value.isArray || value.isObject) {
      if (stack.length < MAX_DEPTH) {
        out.unit(value.isArray ? 0x5b : 0x7b);
        stack.push(new Open(value, value.keys()));
      } else {
        out.add("null");
      }
    } else {
      writeScalar(out, value);
    }
    closeFinished(out, stack);
    if (stack.length > 0) value = writeNext(out, stack[stack.length - 1]);
  } while (stack.length > 0);
  return out.toString();
}

/** Closes the innermost containers that have nothing left. */
function closeFinished(out: TextBuilder, stack: Open[]): void {
  while (stack.length > 0) {
    const top = stack[stack.length - 1];
    if (top.next < top.value.length) return;
    out.unit(top.value.isArray ? 0x5d : 0x7d);
    stack.pop();
  }
}

/** Writes comma and name, and returns the value that goes after them. */
function writeNext(out: TextBuilder, top: Open): JSONValue {
  if (top.next > 0) out.unit(0x2c);
  const place = top.next++;
  if (top.value.isArray) return top.value.at(place);
  const key = top.keys[place];
  writeString(out, key);
  out.unit(0x3a);
  return top.value.get(key);
}

function writeScalar(out: TextBuilder, value: JSONValue): void {
  switch (value.kind) {
    case JSONKind.BOOL:
      out.add(value.asBool() ? "true" : "false");
      return;
    case JSONKind.INT:
      out.add(value.asI64().toString());
      return;
    case JSONKind.FLOAT: {
      const number = value.asF64();
      if (!isFinite(number)) out.add("null");
      else out.add(number == 0 && reinterpret<i64>(number) < 0 ? "-0.0" : number.toString());
      return;
    }
    case JSONKind.STRING:
      writeString(out, value.asString());
      return;
    default:
      out.add("null");
  }
}

/** A quoted string. Lone surrogates are escaped, since UTF-8 has no form for them. */
function writeString(out: TextBuilder, text: string): void {
  out.unit(0x22);
  const end = text.length;
  let start = 0;
  for (let at = 0; at < end; at++) {
    const unit = text.charCodeAt(at);
    if (unit >= 0x20 && unit != 0x22 && unit != 0x5c && (unit & 0xf800) != 0xd800) continue;
    if ((unit & 0xfc00) == 0xd800 && (text.charCodeAt(at + 1) & 0xfc00) == 0xdc00 && at + 1 < end) {
      at++;
      continue;
    }
    out.addRange(text, start, at);
    writeEscape(out, unit);
    start = at + 1;
  }
  out.addRange(text, start, end);
  out.unit(0x22);
}

function writeEscape(out: TextBuilder, unit: i32): void {
  out.unit(0x5c);
  switch (unit) {
    case 0x22: out.unit(0x22); return;
    case 0x5c: out.unit(0x5c); return;
    case 0x08: out.unit(0x62); return;
    case 0x0c: out.unit(0x66); return;
    case 0x0a: out.unit(0x6e); return;
    case 0x0d: out.unit(0x72); return;
    case 0x09: out.unit(0x74); return;
  }
  out.unit(0x75);
  for (let shift = 12; shift >= 0; shift -= 4) {
    const digit = (unit >> shift) & 15;
    out.unit(digit < 10 ? 0x30 + digit : 0x57 + digit);
  }
}
