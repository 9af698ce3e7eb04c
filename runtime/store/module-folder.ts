import { open } from 'node:fs/promises';
import type { PreparedModule } from '../core/module-facts.ts';
import { decodeEntry, encodeEntry, entryName } from '../wasm/module-cache.ts';
import { type AtomicFiles, codeOf, storeUnavailable } from './atomic-file.ts';
import type { Layout } from './layout.ts';

export interface ModuleFolder {
  /**
   * The rewritten module, checked, or `undefined` when there is none, it is damaged, or it is larger than `maxBytes`.
   * @param sha256 of the original, lower-case hex
   */
  get(sha256: string, maxBytes?: number): Promise<PreparedModule | undefined>;
}

/** Rewritten modules by the sha-256 of their originals. */
export function createModuleFolder(components: { layout: Layout }): ModuleFolder {
  return {
    async get(sha256, maxBytes = Number.POSITIVE_INFINITY) {
      const bytes = await readUpTo(components.layout.module(entryName(sha256)), maxBytes);
      const prepared = bytes === undefined ? undefined : decodeEntry(bytes);
      // An entry that checks itself may still lie under another's name.
      return prepared?.facts.sha256 === sha256 ? prepared : undefined;
    },
  };
}

/** Writes an entry for {@link ModuleFolder}. */
export async function putModule(
  components: { layout: Layout; files: AtomicFiles },
  prepared: PreparedModule,
): Promise<void> {
  const path = components.layout.module(entryName(prepared.facts.sha256));
  await components.files.write(path, encodeEntry(prepared), 'module');
}

/** A file's bytes, or `undefined` when it is missing or larger than `maxBytes`. */
export async function readUpTo(path: string, maxBytes: number): Promise<Uint8Array | undefined> {
  try {
    await using file = await open(path, 'r');
    const { size } = await file.stat();
    return size > maxBytes ? undefined : await file.readFile();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw storeUnavailable(path, error);
  }
}
