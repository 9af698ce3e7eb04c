// Reads rows of JSON from stdin and sums a member of each.
import { output, stdin } from "../../../sdk/assembly";

const rows = stdin.json();
if (!rows.ok) output.fail(1, rows.error!.message);
let sum: f64 = 0;
for (let i = 0; i < rows.value.length; i++) sum += rows.value.at(i).getF64("price");
output.text(sum.toString());
