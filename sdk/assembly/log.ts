import { encode } from "./text";
import { STDERR, write } from "./write";

export function debug(message: string): void {
  line("debug: ", message);
}

export function info(message: string): void {
  line("info: ", message);
}

export function warn(message: string): void {
  line("warn: ", message);
}

export function error(message: string): void {
  line("error: ", message);
}

function line(level: string, message: string): void {
  const bytes = encode(level + message + "\n");
  write(STDERR, bytes, 0, bytes.byteLength);
}
