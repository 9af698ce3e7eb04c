import { readFile } from 'node:fs/promises';
import wabt from 'wabt';

const FEATURES = {
  exceptions: true,
  tail_call: true,
  threads: true,
  memory64: true,
  simd: true,
  gc: true,
  function_references: true,
} as const;

let loaded: ReturnType<typeof wabt> | undefined;

/** Assembles WebAssembly text; also what no host would accept, as long as the text is well formed. */
export async function wat(text: string): Promise<Uint8Array> {
  loaded ??= wabt();
  const module = (await loaded).parseWat('test.wat', text, FEATURES);
  try {
    return module.toBinary({ write_debug_names: true }).buffer;
  } finally {
    module.destroy();
  }
}

/** Assembles `test/guests/NAME/guest.wat`. */
export async function guest(name: string): Promise<Uint8Array> {
  return wat(await readFile(new URL(`../guests/${name}/guest.wat`, import.meta.url), 'utf8'));
}
