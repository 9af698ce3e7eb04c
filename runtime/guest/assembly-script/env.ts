import type { Host, HostModule } from '../host.ts';
import { MemoryFault } from '../memory.ts';

/** Longest string printed, in UTF-16 units. */
const MAX_UNITS = 16_384;
const ABORT_EXIT_CODE = 255;
const UTF8 = new TextEncoder();
const UTF16 = new TextDecoder('utf-16le', { ignoreBOM: true });

/**
 * `env`: what AssemblyScript's compiler imports by itself for `abort`, `trace` and `Math.random` when a project uses no
 * shim. A string is a pointer to UTF-16 units whose length in bytes stands in the 32 bits before it; 0 is `null`.
 */
export function createEnv(host: Host): HostModule {
  const { memory, output } = host;

  /** Never a fault: the message matters more than a bad pointer in it. */
  function text(pointer: number): string {
    const start = pointer >>> 0;
    if (start < 4) return '';
    try {
      const bytes = memory.getU32(start - 4);
      return UTF16.decode(memory.bytes(start, Math.min(bytes & ~1, MAX_UNITS * 2)));
    } catch (error) {
      if (error instanceof MemoryFault) return '(a string outside memory)';
      throw error;
    }
  }

  /** `abort(message, file, line, column)`: says so on stderr as AssemblyScript's own shims do, and ends with exit 255. */
  function abort(message: number, file: number, line: number, column: number): never {
    const where = `${text(file)}(${line >>> 0}:${column >>> 0})`;
    output.stderr(UTF8.encode(`abort: ${text(message)} in ${where}\n`));
    return host.exit(ABORT_EXIT_CODE);
  }

  /** `trace(message, count, a0 … a4)`: a line on stderr with the first `count` numbers. */
  function trace(message: number, count: number, ...numbers: number[]): undefined {
    const shown = numbers.slice(0, Math.max(0, Math.min(count, numbers.length)));
    output.stderr(UTF8.encode(`trace: ${text(message)}${shown.length > 0 ? ` ${shown.join(', ')}` : ''}\n`));
  }

  /** `seed() → f64`: where `Math.random` begins. AssemblyScript uses the bits, not the number. */
  function seed(): number {
    const bits = new DataView(crypto.getRandomValues(new Uint8Array(8)).buffer);
    // Not a NaN: an engine may replace its bits by those of another.
    bits.setUint8(0, bits.getUint8(0) & 0x3f);
    return bits.getFloat64(0);
  }

  return { calls: { abort, trace, seed }, faultErrno: 0, internalErrno: 0 };
}
