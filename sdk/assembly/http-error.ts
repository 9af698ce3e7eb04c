import { origin, permissionLine, shown } from "./url";

// Errno of blockless_http (bls-runtime, witx/blockless_http.witx), and below zero the SDK's own.
export const PERMISSION_DENY: i32 = 14;
export const HEADER_NOT_FOUND: i32 = 4;
export const TOO_MANY_SESSIONS: i32 = 12;
export const BODY_NOT_UTF8: i32 = -1;
export const BODY_TOO_LARGE: i32 = -2;
export const RESPONSE_CLOSED: i32 = -3;

/** Why there is no response, or not all of it. */
@final
export class HttpError {
  constructor(
    /** Errno of blockless_http; below zero the SDK's own. */
    readonly code: i32,
    readonly name: string,
    /** One sentence: method, URL without its query, what happened, what to do. */
    readonly message: string,
    /** The permission line that would allow the URL; empty when that is not what is missing. */
    readonly permission: string
  ) {}
}

/** Describes an errno for a request. */
export function httpError(code: i32, method: string, url: string): HttpError {
  const name = nameOf(code);
  const allowed = code == PERMISSION_DENY ? origin(url) : "";
  let remedy = remedyOf(code);
  let permission = "";
  if (allowed == "http://model") {
    remedy = "the node does not allow this path of its model server, or has none: check upstreams.model.url";
  } else if (allowed != "") {
    permission = permissionLine(url);
    remedy = "no permission covers it: allow " + permission;
  }
  const message = method + " " + shown(url) + ": " + name + " (" + code.toString() + "), " + remedy;
  return new HttpError(code, name, message, permission);
}

function nameOf(code: i32): string {
  switch (code) {
    case 1: return "invalid_handle";
    case 2: return "memory_access";
    case 3: return "buffer_too_small";
    case 4: return "header_not_found";
    case 5: return "utf8";
    case 6: return "destination_not_allowed";
    case 7: return "invalid_method";
    case 8: return "invalid_encoding";
    case 9: return "invalid_url";
    case 10: return "request_error";
    case 11: return "runtime_error";
    case 12: return "too_many_sessions";
    case 13: return "invalid_driver";
    case PERMISSION_DENY: return "permission_deny";
    case 15: return "headers_validation";
    case BODY_NOT_UTF8: return "body_not_utf8";
    case BODY_TOO_LARGE: return "body_too_large";
    case RESPONSE_CLOSED: return "response_closed";
  }
  return "unknown";
}

function remedyOf(code: i32): string {
  switch (code) {
    case 6: return "the host does not let functions reach that destination";
    case 7: return "use GET or POST";
    case 8: return "a header or the body is in an encoding the host does not read";
    case 9: return "write it as http://HOST/PATH or https://HOST/PATH";
    case 10: return "the host could not read the request: check its method and URL";
    case 11: return "no answer from the server, or not all of it: check that it is up, its name, and the time-outs";
    case 12: return "too many responses are open: close some";
    case PERMISSION_DENY: return "the host does not allow the URL";
    case 15: return "a header's name or value is not allowed: check for line breaks";
    case BODY_NOT_UTF8: return "a request body must be UTF-8: encode other bytes, for example as base64";
    case BODY_TOO_LARGE: return "the response is too long: raise .maxBytes(n), or limits.bodyBytes of the node";
    case RESPONSE_CLOSED: return "the response was closed before its body was read";
  }
  return "the host gave no reason";
}
