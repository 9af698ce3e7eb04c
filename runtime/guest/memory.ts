const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const NO_BYTES = new Uint8Array(0);
const NO_VIEW = new DataView(NO_BYTES.buffer);

/** The two ways a memory's bytes are looked at; worth keeping, since making them costs more than a host call. */
export interface MemoryViews {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** A guest named memory it does not have, or its execution is over. Becomes an errno, never a JavaScript error. */
export class MemoryFault extends Error {}

/**
 * A guest's linear memory as host calls see it: every access bounds-checked in unsigned 32 bits, views renewed after
 * the memory grew, and revoked when the execution is over, so that a late completion finds no memory to write to.
 * Multi-byte values are little-endian.
 */
export class GuestMemory {
  /** Bytes that were asked for, all together: what host calls by length cost. */
  touched = 0;
  #told = 0;

  #memory: WebAssembly.Memory | null;
  #bytes = NO_BYTES as Uint8Array;
  #view = NO_VIEW as DataView;

  /** @param views of this memory as it is now, when somebody has them */
  constructor(memory: WebAssembly.Memory | null, views?: MemoryViews) {
    this.#memory = memory;
    if (views === undefined) return;
    this.#bytes = views.bytes;
    this.#view = views.view;
  }

  /** Bytes that were asked for since this was last asked. */
  takeTouched(): number {
    const bytes = this.touched - this.#told;
    this.#told = this.touched;
    return bytes;
  }

  /** From now on every access is a fault. */
  revoke(): void {
    this.#memory = null;
    this.#bytes = NO_BYTES;
    this.#view = NO_VIEW;
  }

  get revoked(): boolean {
    return this.#memory === null;
  }

  /** Size in bytes; 0 when there is none. */
  get size(): number {
    return this.#memory === null ? 0 : this.#memory.buffer.byteLength;
  }

  /**
   * The guest's bytes themselves, not a copy: never keep the result across an `await` or a call into the guest.
   * @throws MemoryFault when any byte lies outside
   */
  bytes(pointer: number, length: number): Uint8Array {
    const start = pointer >>> 0;
    const end = start + (length >>> 0);
    this.#renew();
    if (end > this.#bytes.length) throw new MemoryFault();
    this.touched += end - start;
    return this.#bytes.subarray(start, end);
  }

  /** @throws MemoryFault outside memory; TypeError when the bytes are not UTF-8 */
  text(pointer: number, length: number): string {
    return UTF8.decode(this.bytes(pointer, length));
  }

  write(pointer: number, data: Uint8Array): void {
    this.bytes(pointer, data.length).set(data);
  }

  getU8(pointer: number): number {
    return this.#at(pointer, 1).getUint8(pointer >>> 0);
  }

  getU16(pointer: number): number {
    return this.#at(pointer, 2).getUint16(pointer >>> 0, true);
  }

  getU32(pointer: number): number {
    return this.#at(pointer, 4).getUint32(pointer >>> 0, true);
  }

  getU64(pointer: number): bigint {
    return this.#at(pointer, 8).getBigUint64(pointer >>> 0, true);
  }

  setU8(pointer: number, value: number): void {
    this.#at(pointer, 1).setUint8(pointer >>> 0, value);
  }

  setU16(pointer: number, value: number): void {
    this.#at(pointer, 2).setUint16(pointer >>> 0, value, true);
  }

  setU32(pointer: number, value: number): void {
    this.#at(pointer, 4).setUint32(pointer >>> 0, value, true);
  }

  setU64(pointer: number, value: bigint): void {
    this.#at(pointer, 8).setBigUint64(pointer >>> 0, value, true);
  }

  #at(pointer: number, length: number): DataView {
    this.#renew();
    if ((pointer >>> 0) + length > this.#view.byteLength) throw new MemoryFault();
    return this.#view;
  }

  /** `memory.grow` detaches the buffer that earlier views looked at. */
  #renew(): void {
    const memory = this.#memory;
    if (memory === null) throw new MemoryFault();
    // A view of a detached buffer has no length; nor has that of an empty memory, which is looked at anew each time.
    if (this.#bytes.length !== 0) return;
    const { buffer } = memory;
    this.#bytes = new Uint8Array(buffer);
    this.#view = new DataView(buffer);
  }
}
