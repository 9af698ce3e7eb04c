import { http_req } from "./blockless";
import { BODY_NOT_UTF8, HttpError, TOO_MANY_SESSIONS, httpError } from "./http-error";
import { Response } from "./http-response";
import { closeOldest, makeRoom, opened } from "./http-sessions";
import { JSONValue } from "./json-value";
import { asciiLower, decode, encode, isUtf8 } from "./text";
import { percentEncode, withQuery } from "./url";

// @ts-ignore: decorator
@inline const DEFAULT_TIMEOUT_MS: i32 = 30000;

// Handle and status.
const scratch = memory.data(8, 4);

/** A response, or the error that stands in its place. */
@final
export class HttpResult {
  constructor(readonly error: HttpError | null, readonly response: Response) {}

  /** A response came, whatever its status. */
  get ok(): bool {
    return this.error === null;
  }
}

/** A request to be sent. Every method but `send` changes it and returns it. */
@final
export class HttpRequest {
  private headers: JSONValue = JSONValue.object();
  private body: string | null = null;
  private bodyProblem: i32 = 0;
  private totalMs: i32 = DEFAULT_TIMEOUT_MS;
  private connectMs: i32 = DEFAULT_TIMEOUT_MS;
  private bodyLimit: i32 = i32.MAX_VALUE;

  constructor(private readonly method: string, private url: string) {}

  /** Sets a header; one of the same name, in any case, is replaced. */
  header(name: string, value: string): HttpRequest {
    const known = this.findHeader(name);
    this.headers.set(known === null ? name : known, value);
    return this;
  }

  /** Adds `name=value` to the URL's query, percent-encoded. */
  query(name: string, value: string): HttpRequest {
    this.url = withQuery(this.url, percentEncode(name) + "=" + percentEncode(value));
    return this;
  }

  bodyText(text: string): HttpRequest {
    this.body = text;
    this.bodyProblem = 0;
    return this;
  }

  /** The ABI carries a body as text: bytes that are not UTF-8 make `send` return the error `body_not_utf8`. */
  bodyBytes(bytes: Uint8Array): HttpRequest {
    this.body = decode(bytes, true);
    this.bodyProblem = isUtf8(bytes) ? 0 : BODY_NOT_UTF8;
    return this;
  }

  /** Sets the body, and a JSON content type unless there is one. */
  bodyJson(value: JSONValue): HttpRequest {
    if (this.findHeader("content-type") === null) this.header("content-type", "application/json");
    return this.bodyText(value.stringify());
  }

  /** Bounds the whole exchange; the ABI counts in seconds, so it is rounded up. */
  timeoutMs(ms: i32): HttpRequest {
    this.totalMs = ms;
    return this;
  }

  /** Bounds connecting; the ABI counts in seconds, so it is rounded up. */
  connectTimeoutMs(ms: i32): HttpRequest {
    this.connectMs = ms;
    return this;
  }

  /** A response body longer than this is cut and reported as `body_too_large`. */
  maxBytes(count: i32): HttpRequest {
    this.bodyLimit = max(count, 0);
    return this;
  }

  /** Sends the request and waits for status and headers. */
  send(): HttpResult {
    if (this.bodyProblem != 0) return this.failed(this.bodyProblem);
    const url = encode(this.url);
    const options = encode(this.options());
    makeRoom();
    let errno = this.call(url, options);
    while (errno == TOO_MANY_SESSIONS && closeOldest()) errno = this.call(url, options);
    if (errno != 0) return this.failed(errno);
    const response = new Response(load<i32>(scratch), load<i32>(scratch, 4), this.method, this.url, this.bodyLimit);
    opened(response);
    return new HttpResult(null, response);
  }

  private call(url: ArrayBuffer, options: ArrayBuffer): i32 {
    return http_req(
      changetype<usize>(url), url.byteLength,
      changetype<usize>(options), options.byteLength,
      scratch, scratch + 4
    );
  }

  private failed(code: i32): HttpResult {
    const error = httpError(code, this.method, this.url);
    return new HttpResult(error, new Response(0, 0, this.method, this.url, 0));
  }

  /** The option text, with the keys, their order and their types as the official SDK writes them. */
  private options(): string {
    const options = JSONValue.object();
    if (this.body !== null) options.set("body", this.body);
    options.set("headers", this.headers.stringify());
    options.set("connectTimeout", seconds(this.connectMs));
    options.set("readTimeout", seconds(this.totalMs));
    options.set("method", this.method);
    return options.stringify();
  }

  private findHeader(name: string): string | null {
    const wanted = asciiLower(name);
    const names = this.headers.keys();
    for (let i = 0; i < names.length; i++) {
      if (asciiLower(names[i]) == wanted) return names[i];
    }
    return null;
  }
}

function seconds(ms: i32): i32 {
  return ms <= 1000 ? 1 : (ms - 1) / 1000 + 1;
}
