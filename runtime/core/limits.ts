/**
 * The bounds of one execution, and how much of its node it may take beside others. Units: ms, bytes, 64 KiB pages, counts.
 */
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
  /** Files, responses, extensions and lists of extensions that it may hold open, all together. */
  readonly handles: number;
  /** Contents of the files it has, in bytes. */
  readonly fileBytes: number;
  /** Executions of its function that may be alive when it starts, itself among them; else it waits. */
  readonly functionConcurrency: number;
  /** The same of all executions of the process. */
  readonly concurrency: number;
  /** Executions that may be waiting, itself among them; else it is refused. */
  readonly queue: number;
  /** Unused linear memory that its thread may hold once its own is handed back, in bytes. */
  readonly poolBytes: number;
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
  handles: 1_024,
  fileBytes: 67_108_864,
  functionConcurrency: 4_096,
  concurrency: 4_096,
  queue: 1_024,
  poolBytes: 67_108_864,
};

/** Names of all limits. */
export const LIMIT_NAMES = Object.keys(DEFAULT_LIMITS) as readonly (keyof Limits)[];

/**
 * The tightest of several sets of limits, key by key.
 * @param ceiling the operator's limits; always complete
 * @param asked what a manifest and a request ask for; a missing key narrows nothing, a larger value neither
 */
export function clampLimits(ceiling: Limits, ...asked: readonly Partial<Limits>[]): Limits {
  const result: Record<keyof Limits, number> = { ...ceiling };
  for (const layer of asked) {
    for (const key of LIMIT_NAMES) {
      const value = layer[key];
      if (value !== undefined && value < result[key]) result[key] = value;
    }
  }
  return result;
}
