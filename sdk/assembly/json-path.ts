import { JSONKind, JSONValue } from "./json-value";

// @ts-ignore: decorator
@inline const DOT: i32 = 0x2e;
// @ts-ignore: decorator
@inline const OPEN: i32 = 0x5b;
// @ts-ignore: decorator
@inline const CLOSE: i32 = 0x5d;
// @ts-ignore: decorator
@inline const QUOTE: i32 = 0x22;

/**
 * Follows a path of names and indices: `a.b[0].c`, `[2]`, `a["key.with.dots"]`. The empty path is the value itself.
 * A path that cannot be read leads nowhere, like one whose members are missing.
 */
export function resolvePath(root: JSONValue, path: string): JSONValue {
  const nowhere = new JSONValue(JSONKind.NULL, false);
  const end = path.length;
  let value = root;
  let at = 0;
  while (at < end) {
    if (path.charCodeAt(at) != OPEN) {
      if (at > 0) {
        if (path.charCodeAt(at) != DOT) return nowhere;
        at++;
      }
      const start = at;
      while (at < end && path.charCodeAt(at) != DOT && path.charCodeAt(at) != OPEN) at++;
      if (at == start) return nowhere;
      value = value.get(path.substring(start, at));
      continue;
    }
    at++;
    if (path.charCodeAt(at) == QUOTE) {
      const close = path.indexOf('"]', at + 1);
      if (close < 0) return nowhere;
      value = value.get(path.substring(at + 1, close));
      at = close + 2;
      continue;
    }
    const close = path.indexOf("]", at);
    const index = close < 0 ? -1 : indexOf(path, at, close);
    if (index < 0) return nowhere;
    value = value.at(index);
    at = close + 1;
  }
  return value;
}

/** The decimal number between two places, or −1 when there is none that could be an index. */
function indexOf(path: string, start: i32, end: i32): i32 {
  if (start >= end || end - start > 9) return -1;
  let index = 0;
  for (let at = start; at < end; at++) {
    const digit = path.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    index = index * 10 + digit;
  }
  return index;
}
