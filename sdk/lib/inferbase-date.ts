import { Date } from "date";
import { clock_time_get } from "./inferbase-wasi";

// @ts-ignore: decorator
@inline const REALTIME: i32 = 0;

// @ts-ignore: decorator
@lazy const scratch = memory.data(8, 8);

/** The global `Date`, with the host's clock behind `now`. */
export class inferbase_Date extends Date {
  static now(): i64 {
    clock_time_get(REALTIME, 1000000, scratch);
    return <i64>(load<u64>(scratch) / 1000000);
  }
}
