import { Response } from "./http-response";

// @ts-ignore: decorator
@inline const MAX_OPEN: i32 = 32;

// Responses whose handle is open in the host, oldest first.
// @ts-ignore: decorator
@lazy const open = new Array<Response>();

/** Keeps account of a response that was just opened. */
export function opened(response: Response): void {
  open.push(response);
}

/** Closes the oldest responses until one more may be open. */
export function makeRoom(): void {
  while (open.length >= MAX_OPEN) closeOldest();
}

/** Reads the oldest open response to its end and closes it; false when none is open. */
export function closeOldest(): bool {
  if (open.length == 0) return false;
  open.shift().settle();
  return true;
}
