import { JSONValue, model, serve, WebRequest, WebResponse } from "../../../../sdk/assembly";

serve((request: WebRequest): WebResponse => {
  console.log("a line of its own");
  const path = request.segment(0);
  if (path == "echo") return echo(request);
  if (path == "empty") return new WebResponse(204).header("x-kept", "yes").header("content-type", "text/plain");
  if (path == "headers") return odd();
  if (path == "split") return WebResponse.text("x").header("x-bad", "a\r\nset-cookie: b=c");
  if (path == "binary") return WebResponse.bytes(request.bytes(), "application/octet-stream");
  if (path == "status") return WebResponse.text("", i32(parseInt(request.segment(1))));
  if (path == "model") return WebResponse.text(model.get("/x").send().response.text());
  return WebResponse.text("not here", 404);
});

function echo(request: WebRequest): WebResponse {
  const name = request.query("name");
  const type = request.header("Content-Type");
  return WebResponse.json(
    JSONValue.object()
      .set("method", request.method)
      .set("path", request.path)
      .set("segment", request.segment(1))
      .set("query", request.rawQuery)
      .set("name", name === null ? "none" : name)
      .set("type", type === null ? "none" : type)
      .set("tricky", request.header("x-tricky") === null ? "none" : request.header("x-tricky")!)
      .set("cookie", request.header("cookie") === null ? "none" : "some")
      .set("connection", request.header("connection") === null ? "none" : "some")
      .set("body", request.text()),
    201
  ).header("x-one", "1").header("x-one", "2");
}

function odd(): WebResponse {
  return WebResponse.html("<p>")
    .header("set-cookie", "a=b")
    .header("connection", "close")
    .header("transfer-encoding", "chunked")
    .header("content-length", "99999")
    .header("strict-transport-security", "max-age=1")
    .header("content-security-policy", "default-src 'self'")
    .header("X-Own", "ü");
}
