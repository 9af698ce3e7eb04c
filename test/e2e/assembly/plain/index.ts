// Built by the compiler alone, without a shim: no _start, everything runs in the start section.
const name = "wörld";
trace("hello " + name, 3, 1, 2.5, -1);
trace("no numbers");
let sum: f64 = 0;
for (let i = 0; i < 100; i++) sum += Math.random();
trace("random", 1, sum > 20 && sum < 80 ? 1 : 0);
assert(sum < 0, "the sum is " + (sum > 20 ? "as expected 😀" : "odd"));
