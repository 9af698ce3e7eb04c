// Parses each text of an array on stdin and answers with what came of it, written by the SDK itself.
import { JSON, JSONValue, output, stdin } from "../../../sdk/assembly";

const texts = stdin.json();
if (!texts.ok) output.fail(9, texts.error!.message);
const results = JSONValue.array();
for (let i = 0; i < texts.value.length; i++) {
  const parsed = JSON.parse(texts.value.at(i).asString());
  const error = parsed.error;
  const row = JSONValue.object().set("ok", parsed.ok);
  if (error === null) row.set("text", parsed.value.stringify());
  else row.set("message", error.message).set("position", error.position).set("line", error.line).set("column", error.column);
  results.push(row);
}
output.json(results);
