/** Sum of the primes below `bound`: one large array, which makes memory grow. */
export function sieve(bound: i32): i64 {
  const composite = new Uint8Array(bound);
  let sum: i64 = 0;
  for (let n = 2; n < bound; n++) {
    if (composite[n]) continue;
    sum += n;
    for (let m = <i64>n * n; m < bound; m += n) composite[<i32>m] = 1;
  }
  return sum;
}

/** Many small objects: the collector runs, memory grows in steps. */
export function words(count: i32): i32 {
  const seen = new Map<string, i32>();
  for (let i = 0; i < count; i++) {
    const key = "w" + (i % 1_000).toString();
    seen.set(key, (seen.has(key) ? seen.get(key) : 0) + i);
  }
  let hash = 0;
  const keys = seen.keys();
  keys.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  for (let i = 0; i < keys.length; i++) hash = hash * 31 + keys[i].length + seen.get(keys[i]);
  return hash;
}

export function fib(n: i32): i32 {
  return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

/** A 3 × 3 product summed over `rounds`, in floating point. */
export function product(rounds: i32): f64 {
  const a = new StaticArray<f64>(9);
  for (let i = 0; i < 9; i++) a[i] = 1.0 / <f64>(i + 1);
  let sum = 0.0;
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < 3; i++) {
      for (let j = 0; j < 3; j++) {
        let cell = 0.0;
        for (let k = 0; k < 3; k++) cell += a[i * 3 + k] * a[k * 3 + j];
        sum += cell * Math.sin(<f64>round);
      }
    }
  }
  return sum;
}

process.stdout.write("ready\n");
