import { DAG_PB, parseCid } from '../core/cid.ts';
import { InferbaseError } from '../core/errors.ts';
import type { FunctionStore } from '../store/store.ts';

/** Modules of one package that are prepared ahead; the others are when an order names them. */
const MAX_MODULES = 16;

/**
 * Fetches and prepares a function whose method is not known yet, since roll calls do not name it: its entry module, or
 * where it names none, its modules.
 * @throws InferbaseError when none of them can be run
 */
export async function installFunction(
  store: Pick<FunctionStore, 'get' | 'list'>,
  cid: string,
  signal: AbortSignal,
): Promise<void> {
  const names = await moduleNames(store, cid, signal);
  try {
    await store.get(cid, { method: '', signal });
  } catch (error) {
    const several = error instanceof InferbaseError && error.code === 'ERR_FUNCTION_NOT_FOUND' && names.length > 1;
    if (!several) throw error;
    await prepareAll(store, { cid, names: names.slice(0, MAX_MODULES), signal });
  }
}

/** What a method may name, as far as it is known before preparing; none for a CID that is one file. */
async function moduleNames(store: Pick<FunctionStore, 'list'>, cid: string, signal: AbortSignal): Promise<string[]> {
  if (parseCid(cid).cid.code !== DAG_PB) return [];
  const { files } = await store.list(cid, { signal });
  return files.map(({ path }) => path).filter((path) => path.endsWith('.wasm') && !path.includes('/'));
}

async function prepareAll(
  store: Pick<FunctionStore, 'get'>,
  { cid, names, signal }: { cid: string; names: readonly string[]; signal: AbortSignal },
): Promise<void> {
  const errors: unknown[] = [];
  for (const method of names) {
    await store.get(cid, { method, signal }).catch((error: unknown) => errors.push(error));
  }
  if (errors.length === names.length) throw errors[0];
}
