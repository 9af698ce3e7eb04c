import * as env from "./env";
import { parse } from "./json-parser";
import { JSONResult } from "./json-result";
import * as stdin from "./stdin";
import { asciiLower } from "./text";
import { formDecode, percentDecode } from "./url";

/** A request to this function as a web endpoint. */
@final
export class WebRequest {
  /** `GET`, `POST`, … */
  readonly method: string = env.getOr("BLS_REQUEST_METHOD", "GET");
  /** Path behind the function's own, as it was written: `/`, `/users/7`. */
  readonly path: string = env.getOr("BLS_REQUEST_PATH", "/");
  /** What follows the question mark, as it was written; empty without one. */
  readonly rawQuery: string = env.getOr("BLS_REQUEST_QUERY", "");
  private known: Map<string, string> | null = null;

  /** The segment of the path at an index, decoded: of `/users/7`, 1 is `7`. Empty where there is none. */
  segment(index: i32): string {
    const segments = this.path.split("/");
    return index >= 0 && index + 1 < segments.length ? percentDecode(segments[index + 1]) : "";
  }

  /** The first value of a name in the query, decoded; `null` when it is not there. */
  query(name: string): string | null {
    const pairs = this.rawQuery.split("&");
    for (let i = 0; i < pairs.length; i++) {
      const pair = pairs[i];
      const equals = pair.indexOf("=");
      if (formDecode(equals < 0 ? pair : pair.substring(0, equals)) != name) continue;
      return equals < 0 ? "" : formDecode(pair.substring(equals + 1));
    }
    return null;
  }

  /** The first header of a name, in any case; `null` when there is none. */
  header(name: string): string | null {
    const headers = this.headers();
    const key = asciiLower(name);
    return headers.has(key) ? headers.get(key) : null;
  }

  /** The first value of each header, by name in lower case. */
  headers(): Map<string, string> {
    const known = this.known;
    if (known !== null) return known;
    const headers = new Map<string, string>();
    this.known = headers;
    const exact = env.get("INFERBASE_HTTP_HEADERS");
    if (exact !== null) {
      const pairs = parse(exact).value;
      for (let i = 0; i < pairs.length; i++) {
        const pair = pairs.at(i);
        const key = pair.at(0).asString();
        if (!headers.has(key)) headers.set(key, pair.at(1).asString());
      }
      return headers;
    }
    const pairs = env.getOr("BLS_REQUEST_HEADERS", "").split("&");
    for (let i = 0; i < pairs.length; i++) {
      const equals = pairs[i].indexOf("=");
      if (equals <= 0) continue;
      const key = asciiLower(pairs[i].substring(0, equals));
      if (!headers.has(key)) headers.set(key, percentDecode(pairs[i].substring(equals + 1)));
    }
    return headers;
  }

  /** The body. */
  bytes(): Uint8Array {
    return stdin.bytes();
  }

  /** The body as text. */
  text(): string {
    return stdin.text();
  }

  /** The body parsed as JSON. */
  json(): JSONResult {
    return parse(this.text());
  }
}
