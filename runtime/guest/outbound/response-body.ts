import type { UnreadShare } from './unread.ts';

/** Bytes kept for a reader that is slower than the server before the socket is paused. */
const HIGH_WATER_BYTES = 65_536;
/**
 * Chunks below this many bytes are copied, and put together: each is a view that keeps the whole of what was read from the
 * socket, and a server that sends single bytes would have us keep a hundred bytes for each.
 */
const SMALL_BYTES = 4_096;

/**
 * A response body between the socket that fills it and the guest that reads it: bounded by pausing the socket, counted
 * against the cap, and never complete-looking when it is not.
 */
export class ResponseBody {
  readonly #maxBytes: number;
  readonly #resume: () => void;
  readonly #unread: UnreadShare;
  #chunks: Uint8Array[] = [];
  #offset = 0;
  #buffered = 0;
  /** Where small chunks go; the last of `#chunks` is what of it is used, unless it was read already. */
  #block: Uint8Array<ArrayBuffer> | null = null;
  #received = 0;
  #ended = false;
  #failure: Error | null = null;
  #wake: (() => void) | null = null;

  /**
   * @param init.resume asks the socket for more; may push before it returns
   * @param init.unread is told of the bytes that wait here; may call `discard` before it returns
   */
  constructor(init: { maxBytes: number; resume: () => void; unread: UnreadShare }) {
    this.#maxBytes = init.maxBytes;
    this.#resume = init.resume;
    this.#unread = init.unread;
  }

  /** All of it arrived, or it failed: nothing more will be pushed. */
  get settled(): boolean {
    return this.#ended || this.#failure !== null;
  }

  /**
   * Takes a chunk, or as much of it as the cap leaves room for.
   * @returns whether to send more now, later, or (past the cap: fail it then) never
   */
  push(chunk: Uint8Array): 'more' | 'pause' | 'stop' {
    if (this.settled) return 'stop';
    const room = this.#maxBytes - this.#received;
    const kept = chunk.length > room ? chunk.subarray(0, room) : chunk;
    this.#received += kept.length;
    if (kept.length > 0) {
      this.#keep(kept);
      this.#buffered += kept.length;
      this.#unread.add(kept.length);
    }
    if (kept !== chunk || this.settled) return 'stop';
    this.#notify();
    return this.#buffered >= HIGH_WATER_BYTES ? 'pause' : 'more';
  }

  #keep(bytes: Uint8Array): void {
    if (bytes.length >= SMALL_BYTES) {
      this.#chunks.push(bytes);
      return;
    }
    const last = this.#chunks.at(-1);
    const block = this.#block;
    if (last !== undefined && block !== null && last.buffer === block.buffer) {
      const end = last.length + bytes.length;
      if (end <= block.length) {
        block.set(bytes, last.length);
        this.#chunks[this.#chunks.length - 1] = block.subarray(0, end);
        return;
      }
    }
    // Most bodies are one small chunk: room for more is made for those that go on.
    const made = new Uint8Array(last === undefined ? bytes.length : SMALL_BYTES);
    made.set(bytes);
    this.#block = made;
    this.#chunks.push(made.subarray(0, bytes.length));
  }

  end(): void {
    if (this.settled) return;
    this.#ended = true;
    this.#notify();
  }

  /** What arrived before stays readable; then reading fails. The first reason counts. */
  fail(reason: Error): void {
    if (this.settled) return;
    this.#failure = reason;
    this.#notify();
  }

  /** Drops what is buffered; reading fails from now on. */
  discard(reason: Error): void {
    this.fail(reason);
    this.#failure = reason;
    this.#ended = false;
    this.#chunks = [];
    this.#unread.add(-this.#buffered);
    this.#buffered = 0;
    this.#offset = 0;
  }

  /**
   * Fills `target` unless the body ends first.
   * @returns bytes written; 0 at the end, also when asked again
   * @throws the failure, once all that arrived before it was read
   */
  async read(target: Uint8Array): Promise<number> {
    let filled = 0;
    for (;;) {
      filled += this.#drain(target.subarray(filled));
      if (filled === target.length || this.settled) return this.#told(filled, target);
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#resume();
      await woken;
    }
  }

  /**
   * The same at once.
   * @returns `null` when it would have to wait for more
   */
  readNow(target: Uint8Array): number | null {
    return this.#buffered < target.length && !this.settled ? null : this.#told(this.#drain(target), target);
  }

  #told(filled: number, target: Uint8Array): number {
    if (filled === 0 && target.length > 0 && this.#failure !== null) throw this.#failure;
    return filled;
  }

  /** Copies what is here, as far as it fits. */
  #drain(target: Uint8Array): number {
    let filled = 0;
    while (filled < target.length && this.#chunks.length > 0) filled += this.#take(target.subarray(filled));
    this.#unread.add(-filled);
    return filled;
  }

  #take(target: Uint8Array): number {
    const chunk = this.#chunks[0];
    if (chunk === undefined) return 0;
    const part = chunk.subarray(this.#offset, this.#offset + target.length);
    target.set(part);
    this.#offset += part.length;
    this.#buffered -= part.length;
    if (this.#offset === chunk.length) {
      this.#chunks.shift();
      this.#offset = 0;
    }
    return part.length;
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = null;
    wake?.();
  }
}
