import { http_close, http_read_body, http_read_header } from "./blockless";
import { ByteBuffer } from "./bytes";
import { BODY_TOO_LARGE, HttpError, RESPONSE_CLOSED, httpError } from "./http-error";
import { parse } from "./json-parser";
import { JSONError, JSONResult } from "./json-result";
import { JSONValue } from "./json-value";
import { asciiLower, decode, encode } from "./text";

// @ts-ignore: decorator
@inline const CHUNK: i32 = 4096;
// @ts-ignore: decorator
@inline const HEADER_CAPACITY: i32 = 256;
// @ts-ignore: decorator
@inline const MAX_HEADER_CAPACITY: i32 = 1 << 20;

// The count read.
const scratch = memory.data(4, 4);

/** A response: its status at once, headers and body when asked for. */
@final
export class Response {
  private body: Uint8Array | null = null;
  private decoded: string | null = null;
  private broken: HttpError | null = null;
  /** By lower-case name; what was asked for once is known for good, also that it is not there. */
  private known: Map<string, string | null> = new Map<string, string | null>();

  constructor(
    private handle: i32,
    /** HTTP status; 0 when there is no response. */
    readonly status: i32,
    private readonly method: string,
    private readonly url: string,
    private readonly bodyLimit: i32
  ) {}

  /** Status 200 to 299. */
  get ok(): bool {
    return this.status >= 200 && this.status <= 299;
  }

  /** Set once the body was read, if it broke off, was too large or was never there. */
  get bodyError(): HttpError | null {
    return this.broken;
  }

  /**
   * The first header of a name, in any case; `null` when there is none. bls-runtime refuses once the body was read:
   * there, ask for headers first.
   */
  header(name: string): string | null {
    const key = asciiLower(name);
    if (this.known.has(key)) return this.known.get(key);
    if (this.handle == 0) return null;
    const encoded = encode(name);
    let capacity = HEADER_CAPACITY;
    while (true) {
      const buffer = new ByteBuffer(capacity);
      const errno = http_read_header(
        this.handle, changetype<usize>(encoded), encoded.byteLength, buffer.reserve(capacity), capacity, scratch
      );
      if (errno != 0) {
        this.known.set(key, null);
        return null;
      }
      const read = load<i32>(scratch);
      // The host cuts a value at the end of the buffer and does not say so.
      if (read >= capacity && capacity < MAX_HEADER_CAPACITY) {
        capacity <<= 2;
        continue;
      }
      buffer.commit(min(max(read, 0), capacity));
      const value = decode(buffer.view(), true);
      this.known.set(key, value);
      return value;
    }
  }

  /** The whole body. */
  bytes(): Uint8Array {
    const known = this.body;
    if (known !== null) return known;
    const body = this.read();
    this.body = body;
    return body;
  }

  /** The whole body as text, decoded once over all bytes; a byte order mark is dropped. */
  text(): string {
    const known = this.decoded;
    if (known !== null) return known;
    const text = decode(this.bytes());
    this.decoded = text;
    return text;
  }

  /** The whole body parsed as JSON; a body that did not arrive whole is an error. */
  json(): JSONResult {
    const text = this.text();
    const broken = this.broken;
    if (broken === null) return parse(text);
    return new JSONResult(new JSONError(broken.message, text.length, 1, 1), JSONValue.ofNull());
  }

  /** Frees the response in the host. A body or header not asked for before is gone. */
  close(): void {
    if (this.handle == 0) return;
    http_close(this.handle);
    this.handle = 0;
  }

  /** Reads the body if nobody has, so that closing loses none of it. */
  settle(): void {
    this.bytes();
    this.close();
  }

  private read(): Uint8Array {
    const body = new ByteBuffer(this.handle == 0 ? 0 : min(this.bodyLimit, CHUNK - 1) + 1);
    if (this.handle == 0) {
      if (this.status != 0) this.broken = httpError(RESPONSE_CLOSED, this.method, this.url);
      return body.view();
    }
    while (true) {
      const pointer = body.reserve(CHUNK >> 2);
      const errno = http_read_body(this.handle, pointer, body.free, scratch);
      if (errno != 0) {
        this.broken = httpError(errno, this.method, this.url);
        break;
      }
      const read = load<i32>(scratch);
      if (read <= 0) break;
      body.commit(min(read, body.free));
      if (body.length > this.bodyLimit) {
        body.truncate(this.bodyLimit);
        this.broken = httpError(BODY_TOO_LARGE, this.method, this.url);
        break;
      }
    }
    return body.view();
  }
}
