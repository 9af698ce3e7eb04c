// Sends the requests an array on stdin describes, in order, and answers what came of each.
import { http, HttpRequest, HttpResult, JSONValue, model, output, stdin } from "../../../sdk/assembly";

const steps = stdin.json().value;
const results = JSONValue.array();
const kept = new Array<HttpResult>();
for (let i = 0; i < steps.length; i++) {
  const step = steps.at(i);
  const result = describe(step).send();
  kept.push(result);
  if (!step.getBool("late")) results.push(report(step, result));
}
for (let i = 0; i < steps.length; i++) {
  if (steps.at(i).getBool("late")) results.push(report(steps.at(i), kept[i]));
}
output.json(results);

function describe(step: JSONValue): HttpRequest {
  const method = step.getString("method", "GET");
  const target = step.getString("url");
  let request = http.request(method, target);
  if (method == "GET") request = http.get(target);
  if (method == "POST") request = http.post(target);
  if (step.has("model")) request = model.get(step.getString("model"));
  const headers = step.get("headers");
  for (let i = 0; i < headers.length; i++) request.header(headers.at(i).getString("[0]"), headers.at(i).getString("[1]"));
  const query = step.get("query");
  for (let i = 0; i < query.length; i++) request.query(query.at(i).getString("[0]"), query.at(i).getString("[1]"));
  if (step.has("text")) request.bodyText(step.getString("text"));
  if (step.has("json")) request.bodyJson(step.get("json"));
  if (step.has("bytes")) {
    const bytes = new Uint8Array(step.get("bytes").length);
    for (let i = 0; i < bytes.length; i++) bytes[i] = <u8>step.get("bytes").at(i).asI64();
    request.bodyBytes(bytes);
  }
  if (step.has("timeoutMs")) request.timeoutMs(<i32>step.getI64("timeoutMs"));
  if (step.has("connectTimeoutMs")) request.connectTimeoutMs(<i32>step.getI64("connectTimeoutMs"));
  if (step.has("maxBytes")) request.maxBytes(<i32>step.getI64("maxBytes"));
  return request;
}

function report(step: JSONValue, result: HttpResult): JSONValue {
  const row = JSONValue.object().set("ok", result.ok);
  const error = result.error;
  if (error !== null) {
    row.set("code", error.code).set("name", error.name).set("message", error.message).set("permission", error.permission);
  }
  const response = result.response;
  const before = step.getString("headerBefore");
  if (before != "") row.set("headerBefore", response.header(before));
  if (step.getBool("close")) response.close();
  row.set("status", response.status).set("responseOk", response.ok).set("length", response.bytes().length);
  if (!step.getBool("quiet")) row.set("text", response.text());
  const parsed = response.json();
  const problem = parsed.error;
  row.set("json", problem === null ? parsed.value : JSONValue.from(problem.message));
  const after = step.getString("headerAfter");
  if (after != "") row.set("headerAfter", response.header(after));
  const broken = response.bodyError;
  row.set("bodyError", broken === null ? "" : broken.name);
  return row;
}
