import { JSON, JSONValue } from "../../../sdk/assembly";

/** What is to be averaged, or why that cannot be told. */
export class Input {
  prices: f64[] = [];
  /** How many of the latest prices count; 1 to all of them. */
  window: i32 = 0;
  /** One sentence that names the place; empty when there is none. */
  problem: string = "";
}

/**
 * Reads prices, oldest first, from one of three forms: `1,2,3`, `[1,2,3]`, `{"prices":[1,2,3],"window":2}`.
 * Without a window all prices count.
 */
export function parseInput(text: string): Input {
  const input = new Input();
  if (text == "") {
    input.problem = 'No prices: give them on stdin or in ALLORA_ARG_PARAMS, such as 1,2,3 or {"prices":[1,2,3],"window":2}.';
  } else if (text.startsWith("[") || text.startsWith("{")) {
    readJson(text, input);
  } else {
    readList(text, input);
  }
  if (input.problem == "" && input.prices.length == 0) input.problem = "There are no prices in the input; give one or more.";
  if (input.problem == "" && input.window == 0) input.window = input.prices.length;
  return input;
}

function readJson(text: string, input: Input): void {
  const parsed = JSON.parse(text);
  if (!parsed.ok) {
    input.problem = `The input is not JSON: ${parsed.error!.message}`;
    return;
  }
  const prices = parsed.value.isArray ? parsed.value : parsed.value.get("prices");
  if (!prices.isArray) {
    input.problem = 'The input has no array "prices"; write it as {"prices":[1,2,3],"window":2}.';
    return;
  }
  for (let i = 0; i < prices.length; i++) {
    const price = prices.at(i);
    if (!price.isNumber) {
      input.problem = `The price ${i + 1} of ${prices.length} is ${price.stringify()}; every price must be a number.`;
      return;
    }
    input.prices.push(price.asF64());
  }
  if (parsed.value.has("window")) readWindow(parsed.value.get("window"), input);
}

function readWindow(window: JSONValue, input: Input): void {
  const count = input.prices.length;
  const size = window.asI64(0);
  if (size >= 1 && size <= <i64>count) input.window = <i32>size;
  else input.problem = `The window is ${window.stringify()} but there are ${count} prices; give a whole number from 1 to ${count}.`;
}

function readList(text: string, input: Input): void {
  const fields = text.split(",");
  let start = 0;
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i].trim();
    // A number is written as in JSON: no hexadecimal, no NaN, no digit groups.
    const price = JSON.parse(field).value;
    if (!price.isNumber) {
      input.problem = `The price ${i + 1} of ${fields.length} is "${field}" at character ${start + 1}; every price must be a number.`;
      return;
    }
    input.prices.push(price.asF64());
    start += fields[i].length + 1;
  }
}
