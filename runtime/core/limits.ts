/** The bounds of one execution. Units: ms, bytes, 64 KiB pages, counts. */
export interface Limits {
  /** Wall-clock time from the start of the execution, in ms. */
  readonly deadlineMs: number;
  /** Instructions, bulk operations and host calls, weighed: one unit is about half a nanosecond. */
  readonly fuel: number;
  /** Linear memory, in 64 KiB pages. */
  readonly memoryPages: number;
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
  readonly stdinBytes: number;
  /** Largest response body one outbound HTTP call may deliver, in bytes. */
  readonly bodyBytes: number;
  /** Number of host calls one execution may make. */
  readonly hostCalls: number;
}

export const DEFAULT_LIMITS: Limits = {
  deadlineMs: 20_000,
  // As good as none: a machine would count for weeks.
  fuel: Number.MAX_SAFE_INTEGER,
  memoryPages: 256,
  stdoutBytes: 1_048_576,
  stderrBytes: 1_048_576,
  stdinBytes: 8_388_608,
  bodyBytes: 8_388_608,
  hostCalls: 10_000_000,
};

/**
 * The tightest of several sets of limits, key by key.
 * @param ceiling the operator's limits; always complete
 * @param asked what a manifest and a request ask for; a missing key narrows nothing, a larger value neither
 */
export function clampLimits(ceiling: Limits, ...asked: readonly Partial<Limits>[]): Limits {
  const result: Record<keyof Limits, number> = { ...ceiling };
  for (const layer of asked) {
    for (const key of Object.keys(ceiling) as (keyof Limits)[]) {
      const value = layer[key];
      if (value !== undefined && value < result[key]) result[key] = value;
    }
  }
  return result;
}
