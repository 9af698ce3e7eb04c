import { args, cgi, output, JSONValue } from "../../../sdk/assembly";

// Runs the extension of the first argument with the request of the second, or, with one more, that as raw input.
const words = args();
const listed = JSONValue.array();
const offered = cgi.list();
for (let i = 0; i < offered.length; i++) {
  const entry = offered[i];
  listed.push(entry.alias + "/" + entry.description + "/" + entry.fileName + "/" + entry.md5);
}
const answer = JSONValue.object().set("list", listed);
if (words.length > 1) {
  const command = cgi.command(words[0]).arg("a b").arg("ü\"").env("TOPIC_ID", "7").maxBytes(100000);
  const result = words.length > 2 ? command.runRaw(words[2]) : cgi.run(words[0], words[1]);
  answer.set("ok", result.ok).set("stdout", result.stdout).set("stderr", result.stderr);
  const error = result.error;
  if (error) answer.set("code", error.code).set("message", error.message);
  answer.set("parsed", result.json().ok);
}
output.json(answer);
