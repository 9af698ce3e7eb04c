/** Bounds of one execution's file tree. */
export interface StorageLimits {
  /** File contents, in bytes. */
  readonly bytes: number;
  /** Names in directories; a hard link is one more, a long symbolic link counts as several. */
  readonly entries: number;
}

export const DEFAULT_STORAGE: StorageLimits = { bytes: 64 * 1_048_576, entries: 10_000 };

/**
 * What the file trees of one sandbox thread hold together (module state is a thread's own): many executions at once,
 * each well within its limits, must not fill the machine's memory or the heap that they share.
 */
const inThread = { bytes: 0, entries: 0 };
const THREAD_BYTES = 512 * 1_048_576;
/** Each takes about 1 KB of heap at most, a small file with a long name. */
const THREAD_ENTRIES = 100_000;

/** Counts what one execution's files take, against its own limits and its thread's. */
export class Storage {
  readonly limits: StorageLimits;
  #bytes = 0;
  #entries = 0;
  #handles = 0;
  #seeds = 0;

  constructor(limits: StorageLimits = DEFAULT_STORAGE) {
    this.limits = limits;
  }

  /** @returns false when there is no room for so many more bytes; nothing is taken then */
  takeBytes(count: number): boolean {
    if (this.#bytes + count > this.limits.bytes || inThread.bytes + count > THREAD_BYTES) return false;
    this.#bytes += count;
    inThread.bytes += count;
    return true;
  }

  giveBytes(count: number): void {
    this.#bytes -= count;
    inThread.bytes -= count;
  }

  /** @returns false when there is no room for so many more names; nothing is taken then */
  takeEntries(count: number): boolean {
    if (this.#entries + count > this.limits.entries + this.#seeds || inThread.entries + count > THREAD_ENTRIES)
      return false;
    this.#entries += count;
    inThread.entries += count;
    return true;
  }

  giveEntries(count: number): void {
    this.#entries -= count;
    inThread.entries -= count;
  }

  /** A name that was there from the start: the limit is one for the guest. */
  addSeed(): void {
    this.#seeds++;
    this.#entries++;
    inThread.entries++;
  }

  /** An open descriptor is about as large as a name. */
  takeHandle(): boolean {
    if (inThread.entries >= THREAD_ENTRIES) return false;
    this.#handles++;
    inThread.entries++;
    return true;
  }

  giveHandle(): void {
    this.#handles--;
    inThread.entries--;
  }

  /** The execution is over and its tree is garbage. */
  close(): void {
    inThread.bytes -= this.#bytes;
    inThread.entries -= this.#entries + this.#handles;
    this.#bytes = 0;
    this.#entries = 0;
    this.#handles = 0;
  }
}
