// What the compiler's own hooks need of WASI preview 1. Nothing here allocates: it runs when memory may be used up.

// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "fd_write")
declare function fd_write(fd: i32, iovs: usize, count: usize, written: usize): i32;

// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "proc_exit")
export declare function proc_exit(code: i32): void;

// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "random_get")
export declare function random_get(buffer: usize, size: usize): i32;

// @ts-ignore: decorator
@external("wasi_snapshot_preview1", "clock_time_get")
export declare function clock_time_get(clock: i32, precision: i64, time: usize): i32;

// @ts-ignore: decorator
@inline const STDERR: i32 = 2;
// @ts-ignore: decorator
@inline const CAPACITY: usize = 256;

// @ts-ignore: decorator
@lazy const line = memory.data(256);
// One ciovec and the count written.
// @ts-ignore: decorator
@lazy const vector = memory.data(12, 4);
// @ts-ignore: decorator
@lazy let used: usize = 0;

/** Adds text to the line on stderr, which goes out when it is full and at `flush`. Lone surrogates become U+FFFD. */
export function print(text: string): void {
  const end = text.length;
  for (let at = 0; at < end; at++) {
    if (used + 4 > CAPACITY) flush();
    let point = <u32>text.charCodeAt(at);
    if ((point & 0xf800) == 0xd800) {
      const next = at + 1 < end ? <u32>text.charCodeAt(at + 1) : 0;
      if (point < 0xdc00 && (next & 0xfc00) == 0xdc00) {
        point = 0x10000 + ((point & 0x3ff) << 10) + (next & 0x3ff);
        at++;
      } else {
        point = 0xfffd;
      }
    }
    if (point < 0x80) {
      byte(point);
    } else if (point < 0x800) {
      byte(0xc0 | (point >> 6));
      byte(0x80 | (point & 63));
    } else if (point < 0x10000) {
      byte(0xe0 | (point >> 12));
      byte(0x80 | ((point >> 6) & 63));
      byte(0x80 | (point & 63));
    } else {
      byte(0xf0 | (point >> 18));
      byte(0x80 | ((point >> 12) & 63));
      byte(0x80 | ((point >> 6) & 63));
      byte(0x80 | (point & 63));
    }
  }
}

/** Adds a number in decimal. */
export function printNumber(value: u32): void {
  if (used + 10 > CAPACITY) flush();
  let divisor: u32 = 1;
  while (value / divisor >= 10) divisor *= 10;
  for (; divisor > 0; divisor /= 10) byte(0x30 + ((value / divisor) % 10));
}

/** Sends what was added to stderr. */
export function flush(): void {
  let done: usize = 0;
  while (done < used) {
    store<usize>(vector, line + done);
    store<usize>(vector, used - done, 4);
    if (fd_write(STDERR, vector, 1, vector + 8) != 0) break;
    const written = load<usize>(vector, 8);
    if (written == 0) break;
    done += written;
  }
  used = 0;
}

function byte(value: u32): void {
  store<u8>(line + used++, <u8>value);
}
