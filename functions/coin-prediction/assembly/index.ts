import { env, model, output, percentEncode, Response } from "../../../sdk/assembly";
import { isDecimal } from "./decimal";

// Exit codes, as the README lists them.
const NO_TOKEN = 1;
const NO_RESPONSE = 2;
const REFUSED = 3;
const NO_VALUE = 4;

/** A prediction is a few bytes; a body past this is something else. */
const MAX_BODY_BYTES = 65536;

const token = env.getOr("ALLORA_ARG_PARAMS", "").trim();
if (token == "") output.fail(NO_TOKEN, "No token to predict: set ALLORA_ARG_PARAMS, for example to ETH.");
// As a segment of a path these two would lead to another page.
if (token == "." || token == "..") output.fail(NO_TOKEN, `ALLORA_ARG_PARAMS is "${token}", which is no token; set it to one such as ETH.`);

const path = `/inference/${percentEncode(token)}`;
const result = model.get(path).maxBytes(MAX_BODY_BYTES).send();
if (!result.ok) {
  const error = result.error!;
  const remedy = error.name == "permission_deny" ? "" : "; start the model server, or set upstreams.model.url to where it listens";
  output.fail(NO_RESPONSE, `No answer from the model server. ${error.message}${remedy}.`);
}

const response = result.response;
if (!response.ok) output.fail(REFUSED, `The model server answered ${response.status} to ${path}: ${reason(response)}`);

const value = valueOf(response);
if (response.bodyError !== null) output.fail(NO_VALUE, `The answer to ${path} cannot be read. ${response.bodyError!.message}.`);
if (!isDecimal(value)) {
  output.fail(
    NO_VALUE,
    `The answer to ${path} has no usable value; the model server must answer {"value":"123.45"} or a plain decimal ` +
      `number, not ${excerpt(response.text())}`
  );
}
output.text(`{"infererValue":"${value}"}`);

/**
 * What an answer says the value is, unchecked. Besides `{"value": …}` there is what model servers of Allora workers
 * answer: the number alone, bare or in quotes.
 */
function valueOf(response: Response): string {
  const text = response.text().trim();
  if (isDecimal(text)) return text;
  const body = response.json().value;
  const value = body.isObject ? body.get("value") : body;
  if (value.isString) return value.asString();
  if (value.isInt) return value.asI64().toString();
  return value.isFloat ? value.asF64().toString() : "";
}

/** Why a model server refused: its `error`, or what its body begins with. */
function reason(response: Response): string {
  const said = response.json().value.getString("error");
  return excerpt(said == "" ? response.text() : said);
}

function excerpt(text: string): string {
  const trimmed = text.trim();
  if (trimmed == "") return "an empty body.";
  return trimmed.length > 200 ? `${trimmed.substring(0, 200)}…` : trimmed;
}
