import { clock_time_get } from "./wasi";

// @ts-ignore: decorator
@inline const REALTIME: i32 = 0;

const scratch = memory.data(8, 8);

/** Milliseconds since 1970, by the host's clock. */
export function nowMs(): i64 {
  store<u64>(scratch, 0);
  clock_time_get(REALTIME, 1000000, scratch);
  return <i64>(load<u64>(scratch) / 1000000);
}
