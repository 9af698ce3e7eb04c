// Writes stdin's text as a JSON string, then whether stdin is JSON.
import { JSONValue, output, stdin } from "../../../sdk/assembly";

const parsed = stdin.json();
const error = parsed.error;
output.json(JSONValue.array().push(stdin.text()).push(error === null ? "json" : error!.message));
