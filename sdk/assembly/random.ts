import { random_get } from "./wasi";

const scratch = memory.data(8, 8);

// An exported function named `f64` would hide the type of that name in this file.
export { uniform as f64 };

/** A number in [0, 1) with 53 random bits from the host's secure source. */
function uniform(): f64 {
  random_get(scratch, 8);
  return <f64>(load<u64>(scratch) >> 11) * (1.0 / 9007199254740992.0);
}

/** Random bytes from the host's secure source. A negative count gives none. */
export function bytes(count: i32): Uint8Array {
  const result = new Uint8Array(max(count, 0));
  if (result.length > 0) random_get(result.dataStart, result.length);
  return result;
}
