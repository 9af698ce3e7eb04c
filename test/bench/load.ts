import autocannon from 'autocannon';

/** What a server is asked, again and again. */
export interface Target {
  readonly port: number;
  readonly path: string;
  readonly body: object;
  /** A text that every right answer has. */
  readonly expected: string;
}

export interface Measurement {
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** The value below which a share (0 to 1) of the sorted numbers lies. */
function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function median(numbers: readonly number[]): number {
  return percentile(
    numbers.toSorted((a, b) => a - b),
    0.5,
  );
}

/** The median of each figure over several runs. */
export function medianOf(runs: readonly Measurement[]): Measurement {
  return {
    requestsPerSecond: median(runs.map((run) => run.requestsPerSecond)),
    p50Ms: median(runs.map((run) => run.p50Ms)),
    p99Ms: median(runs.map((run) => run.p99Ms)),
  };
}

/**
 * Loads a server from this process for `seconds` with `inFlight` requests at a time.
 * @throws when any answer is wrong: a fast error is no throughput
 */
export async function load(target: Target, inFlight: number, seconds: number): Promise<Measurement> {
  const times: number[] = [];
  const run = autocannon({
    url: `http://127.0.0.1:${target.port}${target.path}`,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(target.body),
    connections: inFlight,
    duration: seconds,
    verifyBody: (body) => body.includes(target.expected),
  });
  // autocannon's own percentiles are whole milliseconds.
  run.on('response', (_client: unknown, _status: number, _bytes: number, ms: number) => times.push(ms));
  const result = await run;
  const wrong = result.errors + result.timeouts + result.mismatches + result.non2xx;
  if (wrong > 0 || times.length === 0) {
    const { errors, timeouts, mismatches, non2xx } = result;
    throw new Error(`wrong answers on :${target.port}: ${JSON.stringify({ errors, timeouts, mismatches, non2xx })}`);
  }
  times.sort((a, b) => a - b);
  return {
    requestsPerSecond: result.requests.total / result.duration,
    p50Ms: percentile(times, 0.5),
    p99Ms: percentile(times, 0.99),
  };
}
