/** Eight small programs, each a kind of inner loop; each returns a number that depends on all it did. */

export function matmul(size: i32): f64 {
  const a = new StaticArray<f64>(size * size);
  const b = new StaticArray<f64>(size * size);
  const c = new StaticArray<f64>(size * size);
  for (let index = 0; index < size * size; index++) {
    unchecked((a[index] = <f64>(index % 7)));
    unchecked((b[index] = <f64>(index % 5)));
  }
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      let sum = 0.0;
      for (let k = 0; k < size; k++) sum += unchecked(a[row * size + k]) * unchecked(b[k * size + column]);
      unchecked((c[row * size + column] = sum));
    }
  }
  return unchecked(c[size * size - 1]);
}

export function sieve(bound: i32): f64 {
  const composite = new StaticArray<u8>(bound);
  let count = 0;
  for (let number = 2; number < bound; number++) {
    if (unchecked(composite[number]) != 0) continue;
    count++;
    for (let multiple = number * 2; multiple < bound; multiple += number) unchecked((composite[multiple] = 1));
  }
  return count;
}

const K: StaticArray<u32> = [
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01,
  0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
  0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
  0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08,
  0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
  0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
];

export function sha256(blocks: i32): f64 {
  const state: StaticArray<u32> = [
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
  ];
  const w = new StaticArray<u32>(64);
  for (let block = 0; block < blocks; block++) {
    for (let index = 0; index < 16; index++) w[index] = <u32>(block * 31 + index * 0x01010101);
    for (let index = 16; index < 64; index++) {
      const x = w[index - 15];
      const y = w[index - 2];
      w[index] =
        w[index - 16] +
        (rotr<u32>(x, 7) ^ rotr<u32>(x, 18) ^ (x >>> 3)) +
        w[index - 7] +
        (rotr<u32>(y, 17) ^ rotr<u32>(y, 19) ^ (y >>> 10));
    }
    let a = state[0];
    let b = state[1];
    let c = state[2];
    let d = state[3];
    let e = state[4];
    let f = state[5];
    let g = state[6];
    let h = state[7];
    for (let index = 0; index < 64; index++) {
      const t1 = h + (rotr<u32>(e, 6) ^ rotr<u32>(e, 11) ^ rotr<u32>(e, 25)) + ((e & f) ^ (~e & g)) + K[index] + w[index];
      const t2 = (rotr<u32>(a, 2) ^ rotr<u32>(a, 13) ^ rotr<u32>(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      h = g;
      g = f;
      f = e;
      e = d + t1;
      d = c;
      c = b;
      b = a;
      a = t1 + t2;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
  }
  return <f64>state[0];
}

class Scanner {
  at: i32 = 0;
  constructor(public text: string) {}

  /** Sum of all numbers and lengths of texts in a JSON document without escapes. */
  value(): f64 {
    const code = this.text.charCodeAt(this.at);
    if (code == 0x7b || code == 0x5b) return this.items(code == 0x7b);
    if (code == 0x22) return <f64>this.string();
    return this.number();
  }

  items(named: bool): f64 {
    let sum = 0.0;
    this.at++;
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code == 0x7d || code == 0x5d) break;
      if (code == 0x2c) this.at++;
      if (named) {
        sum += this.string();
        this.at++;
      }
      sum += this.value();
    }
    this.at++;
    return sum;
  }

  string(): i32 {
    const start = ++this.at;
    while (this.text.charCodeAt(this.at) != 0x22) this.at++;
    return this.at++ - start;
  }

  number(): f64 {
    let value = 0.0;
    for (;;) {
      const digit = this.text.charCodeAt(this.at) - 0x30;
      if (digit < 0 || digit > 9) return value;
      value = value * 10 + digit;
      this.at++;
    }
    return value;
  }
}

export function json(rounds: i32): f64 {
  const row = '{"name":"ETH","prices":[2976,2981,3004,2999],"window":{"from":1700000000,"to":1700086400}}';
  const text = '[' + (row + ',').repeat(50) + row + ']';
  let sum = 0.0;
  for (let round = 0; round < rounds; round++) sum += new Scanner(text).value();
  return sum;
}

export function fib(n: i32): f64 {
  return n < 2 ? <f64>n : fib(n - 1) + fib(n - 2);
}

export function sort(length: i32): f64 {
  const values = new Array<i32>(length);
  let seed: u32 = 12345;
  for (let index = 0; index < length; index++) {
    seed = seed * 1664525 + 1013904223;
    values[index] = <i32>(seed >>> 8);
  }
  values.sort((a, b) => a - b);
  return <f64>values[length >> 1];
}

export function mandelbrot(size: i32): f64 {
  let inside = 0;
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const cr = (3.0 * column) / size - 2.0;
      const ci = (2.0 * row) / size - 1.0;
      let zr = 0.0;
      let zi = 0.0;
      let steps = 0;
      while (steps < 200 && zr * zr + zi * zi <= 4.0) {
        const next = zr * zr - zi * zi + cr;
        zi = 2.0 * zr * zi + ci;
        zr = next;
        steps++;
      }
      if (steps == 200) inside++;
    }
  }
  return inside;
}

export function text(count: i32): f64 {
  let out = '';
  let length = 0;
  for (let index = 0; index < count; index++) {
    out += index.toString() + ',';
    if (out.length < 1000) continue;
    length += out.length;
    out = '';
  }
  return length + out.length;
}
