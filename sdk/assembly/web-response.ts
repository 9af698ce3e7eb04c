import { JSONValue } from "./json-value";
import { encode } from "./text";

/** What a function answers a web request with. */
@final
export class WebResponse {
  /** Pairs of name and value, in order. */
  readonly headers: JSONValue = JSONValue.array();

  constructor(
    /** 200 to 599. */
    public status: i32 = 200,
    public body: Uint8Array = new Uint8Array(0)
  ) {}

  /** Text, as `text/plain`. */
  static text(text: string, status: i32 = 200): WebResponse {
    return WebResponse.of(text, "text/plain; charset=utf-8", status);
  }

  static html(html: string, status: i32 = 200): WebResponse {
    return WebResponse.of(html, "text/html; charset=utf-8", status);
  }

  static json(value: JSONValue, status: i32 = 200): WebResponse {
    return WebResponse.of(value.stringify(), "application/json", status);
  }

  /** Bytes of any type, such as `image/png`. */
  static bytes(bytes: Uint8Array, type: string, status: i32 = 200): WebResponse {
    return new WebResponse(status, bytes).header("content-type", type);
  }

  /** Sends the client elsewhere; 302 unless said otherwise. */
  static redirect(location: string, status: i32 = 302): WebResponse {
    return new WebResponse(status).header("location", location);
  }

  private static of(text: string, type: string, status: i32): WebResponse {
    return WebResponse.bytes(Uint8Array.wrap(encode(text)), type, status);
  }

  /** Adds a header; one of the same name stays. Cookies and headers about the connection are not sent by the host. */
  header(name: string, value: string): WebResponse {
    this.headers.push(JSONValue.array().push(name).push(value));
    return this;
  }
}
