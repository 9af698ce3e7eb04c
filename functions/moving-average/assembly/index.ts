import { env, output, stdin } from "../../../sdk/assembly";
import { decimal } from "./decimal";
import { parseInput } from "./input";

let text = stdin.text().trim();
if (text == "") text = env.getOr("ALLORA_ARG_PARAMS", "").trim();

const input = parseInput(text);
if (input.problem != "") output.fail(1, input.problem);

let sum: f64 = 0;
for (let i = input.prices.length - input.window; i < input.prices.length; i++) sum += input.prices[i];
if (!isFinite(sum)) output.fail(1, "The prices are too large to be added up.");
output.text(`{"infererValue":"${decimal(sum / <f64>input.window)}"}`);
