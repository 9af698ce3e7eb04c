import { JSONValue, output, random, time } from "../../../sdk/assembly";

let low: f64 = 1;
let high: f64 = 0;
for (let i = 0; i < 1000; i++) {
  const value = random.f64();
  low = min(low, value);
  high = max(high, value);
}
output.json(
  JSONValue.object()
    .set("low", low)
    .set("high", high)
    .set("bytes", random.bytes(20).length)
    .set("none", random.bytes(-1).length)
    .set("now", time.nowMs())
);
