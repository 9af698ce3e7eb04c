import { asciiLower, decode, encode } from "./text";

/** Percent-encodes all but letters, digits and `-._~`, so that the text can stand in a path or a query. Never fails. */
export function percentEncode(text: string): string {
  const bytes = Uint8Array.wrap(encode(text));
  let result = "";
  let plain = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = <i32>bytes[i];
    if (isUnreserved(byte)) continue;
    result += ascii(bytes, plain, i) + "%" + hex(byte >> 4) + hex(byte & 15);
    plain = i + 1;
  }
  return result + ascii(bytes, plain, bytes.length);
}

/** Undoes percent-encoding; what is none stays as it is. Bytes that are not UTF-8 become U+FFFD. */
export function percentDecode(text: string): string {
  if (text.indexOf("%") < 0) return text;
  const bytes = Uint8Array.wrap(encode(text));
  let length = 0;
  for (let i = 0; i < bytes.length; i++) {
    const high = bytes[i] == 0x25 && i + 2 < bytes.length ? hexValue(bytes[i + 1]) : -1;
    const low = high < 0 ? -1 : hexValue(bytes[i + 2]);
    if (low < 0) {
      bytes[length++] = bytes[i];
      continue;
    }
    bytes[length++] = <u8>((high << 4) | low);
    i += 2;
  }
  return decode(bytes.subarray(0, length), true);
}

/** The same for names and values of a query, where `+` is a space. */
export function formDecode(text: string): string {
  return percentDecode(text.indexOf("+") < 0 ? text : text.replaceAll("+", " "));
}

function hexValue(digit: u8): i32 {
  if (digit >= 0x30 && digit <= 0x39) return digit - 0x30;
  const lower = digit | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** Puts `name=value`, already encoded, into a URL's query, before its fragment. */
export function withQuery(url: string, pair: string): string {
  const hash = url.indexOf("#");
  const base = hash < 0 ? url : url.substring(0, hash);
  const fragment = hash < 0 ? "" : url.substring(hash);
  if (base.indexOf("?") < 0) return base + "?" + pair + fragment;
  return base + (base.endsWith("?") || base.endsWith("&") ? "" : "&") + pair + fragment;
}

/** Scheme, host and port in lower case, without user name and password: `https://api.example.com`. Empty for what is no URL. */
export function origin(url: string): string {
  const scheme = url.indexOf("://");
  if (scheme <= 0) return "";
  const authority = url.substring(scheme + 3, authorityEnd(url, scheme + 3));
  const host = authority.substring(authority.lastIndexOf("@") + 1);
  return host.length == 0 ? "" : asciiLower(url.substring(0, scheme) + "://" + host);
}

/** A URL as it may be shown: without user name, password, query and fragment, any of which may hold a secret. */
export function shown(url: string): string {
  const base = origin(url);
  if (base == "") return "the URL";
  const start = authorityEnd(url, url.indexOf("://") + 3);
  let end = start;
  while (end < url.length && url.charCodeAt(end) != 0x3f && url.charCodeAt(end) != 0x23) end++;
  return base + url.substring(start, end);
}

/**
 * The permission line that covers a URL, the one the node's log proposes: without its query, which may hold a secret.
 * A path that the node might rewrite (`..`, anything encoded or to be encoded) is left off.
 */
export function permissionLine(url: string): string {
  const base = origin(url);
  const port = base.startsWith("https://") ? ":443" : ":80";
  const server = base.endsWith(port) ? base.substring(0, base.length - port.length) : base;
  const path = shown(url).substring(base.length);
  return server + (isPlainPath(path) ? path : "/");
}

function isPlainPath(path: string): bool {
  if (!path.startsWith("/") || path.indexOf("/.") >= 0) return false;
  for (let i = 0; i < path.length; i++) {
    const unit = path.charCodeAt(i);
    if (unit > 0x7f || (!isUnreserved(<u8>unit) && "/:@!$&'()*+,;=".indexOf(path.charAt(i)) < 0)) return false;
  }
  return true;
}

function authorityEnd(url: string, start: i32): i32 {
  let end = start;
  while (end < url.length) {
    const unit = url.charCodeAt(end);
    if (unit == 0x2f || unit == 0x3f || unit == 0x23 || unit == 0x5c) break;
    end++;
  }
  return end;
}

function isUnreserved(byte: i32): bool {
  const lower = byte | 0x20;
  if ((lower >= 0x61 && lower <= 0x7a) || (byte >= 0x30 && byte <= 0x39)) return true;
  return byte == 0x2d || byte == 0x2e || byte == 0x5f || byte == 0x7e;
}

function ascii(bytes: Uint8Array, start: i32, end: i32): string {
  return start < end ? String.UTF8.decodeUnsafe(bytes.dataStart + start, end - start) : "";
}

function hex(digit: i32): string {
  return "0123456789ABCDEF".charAt(digit);
}
