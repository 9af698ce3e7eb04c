import type { SeedFile } from '../core/execution.ts';

const weights = new WeakMap<readonly SeedFile[], number>();

/** What a set of files takes while it is kept, in bytes; looked at once. */
export function bytesOf(files: readonly SeedFile[]): number {
  let bytes = weights.get(files);
  if (bytes === undefined) {
    bytes = files.reduce((sum, file) => sum + file.bytes.length + 2 * file.path.length, 0);
    weights.set(files, bytes);
  }
  return bytes;
}

/**
 * Sets of files that live executions hold. Those with the same set share it; different ones, each as large as a package may
 * be, must not fill the machine together.
 */
export class FilesInUse {
  readonly #maxBytes: number;
  readonly #users = new Map<readonly SeedFile[], number>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether one more execution may hold this set now; alone, any may. */
  fits(files: readonly SeedFile[] | null | undefined): boolean {
    if (files == null || files.length === 0 || this.#users.size === 0 || this.#users.has(files)) return true;
    return this.#bytes + bytesOf(files) <= this.#maxBytes;
  }

  count(files: readonly SeedFile[] | null | undefined, by: 1 | -1): void {
    if (files == null || files.length === 0) return;
    const users = (this.#users.get(files) ?? 0) + by;
    if (users === 0) this.#users.delete(files);
    else this.#users.set(files, users);
    if (users === 0) this.#bytes -= bytesOf(files);
    if (users === 1 && by === 1) this.#bytes += bytesOf(files);
  }
}
