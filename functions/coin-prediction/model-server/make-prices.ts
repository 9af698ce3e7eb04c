/**
 * Makes the synthetic `prices.csv`: `node make-prices.ts > prices.csv`. Seeded, so that it prints the same bytes each
 * time. Daily log-returns follow a second-order autoregression around a drift, with one shock a day that all tokens
 * share, so that there is something for a model to learn and most of every day is still noise.
 */
const SEED = 20_240_701;
const FIRST_DAY = Date.UTC(2024, 6, 1);
const DAYS = 730;
const DAY_MS = 86_400_000;

interface Token {
  readonly name: string;
  /** Close of the first day. */
  readonly start: number;
  /** Mean of the daily log-return. */
  readonly drift: number;
  /** Standard deviation of a day's shock. */
  readonly shock: number;
  /** Weights of the last two days' returns, as distances from the drift. */
  readonly memory: readonly [number, number];
}

const TOKENS: readonly Token[] = [
  { name: 'BTC', start: 62_800, drift: 0.0006, shock: 0.021, memory: [0.24, -0.18] },
  { name: 'ETH', start: 3_440, drift: 0.0002, shock: 0.028, memory: [0.28, -0.2] },
  { name: 'SOL', start: 147, drift: 0.0003, shock: 0.036, memory: [0.3, -0.16] },
];

/** Part of a day's shock that all tokens share; the rest is each token's own. */
const SHARED = 0.7;

/** A generator of numbers in [0, 1): mulberry32, 32 bits of state. */
function createUniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A standard normal number: twelve uniform ones summed, which needs no function that engines may round differently. */
function normal(uniform: () => number): number {
  let sum = -6;
  for (let i = 0; i < 12; i++) sum += uniform();
  return sum;
}

/**
 * The whole CSV as text: comment lines, a header, one line a day.
 * @param seed any 32-bit number; each gives another history
 */
export function makePrices(seed: number): string {
  const uniform = createUniform(seed);
  const states = TOKENS.map((token) => ({ token, close: token.start, last: 0, before: 0 }));
  const lines = [
    '# Synthetic prices, not market data: made by make-prices.ts with a fixed seed.',
    '# Daily closes in US dollars.',
    `date,${TOKENS.map((token) => token.name).join(',')}`,
  ];
  for (let day = 0; day < DAYS; day++) {
    const date = new Date(FIRST_DAY + day * DAY_MS).toISOString().slice(0, 10);
    lines.push(`${date},${states.map((state) => state.close.toFixed(2)).join(',')}`);
    const market = normal(uniform);
    for (const state of states) {
      const { drift, shock, memory } = state.token;
      const own = normal(uniform);
      const surprise = shock * (Math.sqrt(SHARED) * market + Math.sqrt(1 - SHARED) * own);
      const distance = memory[0] * state.last + memory[1] * state.before + surprise;
      state.before = state.last;
      state.last = distance;
      state.close *= Math.exp(drift + distance);
    }
  }
  return `${lines.join('\n')}\n`;
}

if (import.meta.main) process.stdout.write(makePrices(SEED));
