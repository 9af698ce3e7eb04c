import { clock_time_get, flush, print } from "./inferbase-wasi";

// @ts-ignore: decorator
@inline const MONOTONIC: i32 = 1;

// @ts-ignore: decorator
@lazy const scratch = memory.data(8, 8);
// @ts-ignore: decorator
@lazy const timers = new Map<string, u64>();

/** The global `console`. All of it goes to stderr: stdout is the function's answer. */
export namespace inferbase_console {
  export function assert<T>(condition: T, message: string = ""): void {
    if (!condition) say("Assertion failed: ", message);
  }

  export function log(message: string = ""): void {
    say("", message);
  }

  export function debug(message: string = ""): void {
    say("debug: ", message);
  }

  export function info(message: string = ""): void {
    say("info: ", message);
  }

  export function warn(message: string = ""): void {
    say("warn: ", message);
  }

  export function error(message: string = ""): void {
    say("error: ", message);
  }

  export function time(label: string = "default"): void {
    timers.set(label, now());
  }

  export function timeLog(label: string = "default"): void {
    if (timers.has(label)) say(label, ": " + ((now() - timers.get(label)) / 1000000).toString() + "ms");
  }

  export function timeEnd(label: string = "default"): void {
    timeLog(label);
    timers.delete(label);
  }
}

function say(level: string, message: string): void {
  print(level);
  print(message);
  print("\n");
  flush();
}

function now(): u64 {
  clock_time_get(MONOTONIC, 1000, scratch);
  return load<u64>(scratch);
}
