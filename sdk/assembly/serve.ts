import * as env from "./env";
import * as output from "./output";
import { JSONValue } from "./json-value";
import { WebRequest } from "./web-request";
import { WebResponse } from "./web-response";

/**
 * Answers the web request this execution was started for. Status and headers reach the client where the host says that
 * it reads them; elsewhere (`exec`, other hosts) the body alone is printed. Call it once.
 */
export function serve(handler: (request: WebRequest) => WebResponse): void {
  const response = handler(new WebRequest());
  const boundary = env.get("INFERBASE_HTTP_BOUNDARY");
  if (boundary !== null) {
    const head = JSONValue.object()
      .set("status", response.status)
      .set("headers", response.headers)
      .set("length", response.body.length);
    output.text("--inferbase " + boundary + " " + head.stringify() + "\n");
  }
  output.bytes(response.body);
}
