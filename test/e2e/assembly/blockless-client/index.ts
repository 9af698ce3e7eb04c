import { http, memory } from "@blockless/sdk/assembly";

// Reads the URL from its environment, asks it, and prints what the JSON body says.
const url = memory.EnvVars.get("TARGET");
const answer = new http.Client().get(url);
const text = answer.getString("text");
const length = answer.getInteger("length");
if (text && length) {
  process.stdout.write(text!.toString() + "\n");
  process.stdout.write(length!._num.toString() + "\n");
}
