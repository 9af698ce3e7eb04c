import { fd_write } from "./wasi";

export const STDOUT: i32 = 1;
export const STDERR: i32 = 2;

// One ciovec (pointer, length) and the count written.
const scratch = memory.data(12, 4);

/** Writes part of a buffer to a file descriptor, in as many calls as the host needs; gives up where it refuses. */
export function write(fd: i32, buffer: ArrayBuffer, offset: i32, length: i32): void {
  let done: i32 = 0;
  while (done < length) {
    store<usize>(scratch, changetype<usize>(buffer) + offset + done);
    store<u32>(scratch, length - done, 4);
    if (fd_write(fd, scratch, 1, scratch + 8) != 0) return;
    const written = load<u32>(scratch, 8);
    if (written == 0) return;
    done += written;
  }
}
