import { JSONValue } from "./json-value";

export { parse } from "./json-parser";

/** Compact JSON text of a value; see `JSONValue.stringify`. */
export function stringify(value: JSONValue): string {
  return value.stringify();
}
