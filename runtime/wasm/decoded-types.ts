/** Modules remembered by hash, so that the same one tried again and again counts once. */
const MAX_REMEMBERED = 100_000;

const seen = new Set<string>();
let decoded = 0;

/** To be called before V8 sees a module: from then on its function types stay, whatever becomes of the module. */
export function countDecodedTypes(sha256: string, types: number): void {
  if (seen.has(sha256)) return;
  if (seen.size >= MAX_REMEMBERED) seen.clear();
  seen.add(sha256);
  decoded += types;
}

/**
 * Function types that V8 has kept since this was last asked. It keeps each distinct one for the life of the process and
 * aborts past two million, so somebody has to add these up.
 */
export function takeDecodedTypes(): number {
  const types = decoded;
  decoded = 0;
  return types;
}
