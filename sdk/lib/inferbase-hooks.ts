import { flush, print, printNumber, proc_exit, random_get } from "./inferbase-wasi";

// @ts-ignore: decorator
@lazy const scratch = memory.data(8, 8);

/** `abort: MESSAGE in FILE(LINE:COLUMN)` on stderr, then exit code 255. */
export function inferbase_abort(
  message: string | null = null,
  fileName: string | null = null,
  lineNumber: u32 = 0,
  columnNumber: u32 = 0
): void {
  flush();
  print("abort: ");
  if (message !== null) print(message);
  print(" in ");
  if (fileName !== null) print(fileName);
  print("(");
  printNumber(lineNumber);
  print(":");
  printNumber(columnNumber);
  print(")\n");
  flush();
  proc_exit(255);
}

/** `trace: MESSAGE A0, A1` on stderr, with as many numbers as `n` says. */
export function inferbase_trace(
  message: string,
  n: i32 = 0,
  a0: f64 = 0,
  a1: f64 = 0,
  a2: f64 = 0,
  a3: f64 = 0,
  a4: f64 = 0
): void {
  print("trace: ");
  print(message);
  if (n > 0) print(" " + a0.toString());
  if (n > 1) print(", " + a1.toString());
  if (n > 2) print(", " + a2.toString());
  if (n > 3) print(", " + a3.toString());
  if (n > 4) print(", " + a4.toString());
  print("\n");
  flush();
}

/** A seed for `Math.random`: any bits but zero. */
export function inferbase_seed(): f64 {
  do {
    if (random_get(scratch, 8) != 0) break;
  } while (load<u64>(scratch) == 0);
  return reinterpret<f64>(load<u64>(scratch));
}
