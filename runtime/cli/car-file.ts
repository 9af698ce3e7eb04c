import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import process from 'node:process';
import { InferbaseError } from '../core/errors.ts';
import { looksLikeCar } from '../store/car/read-car.ts';
import type { FunctionStore } from '../store/store.ts';
import { withProgress } from './progress.ts';

/** Bytes that tell a CAR from other files. */
const START_BYTES = 16;

/** Whether a file is a CAR, by how it starts; false as well for what cannot be read. */
export async function isCarFile(path: string): Promise<boolean> {
  try {
    await using file = await open(path, 'r');
    const { buffer, bytesRead } = await file.read(Buffer.alloc(START_BYTES), 0, START_BYTES, 0);
    return looksLikeCar(buffer.subarray(0, bytesRead));
  } catch {
    return false;
  }
}

export interface CarFileOptions {
  readonly maxBytes: number;
  readonly signal: AbortSignal;
  /** Shows no progress. */
  readonly quiet?: boolean;
}

/**
 * Stores the blocks of a CAR file, or of standard input where the path is `-`.
 * @returns what was read, and the CID of its first root
 * @throws InferbaseError see `importCar`; `ERR_INVALID_REQUEST` for a file that cannot be read
 */
export async function importCarFile(store: Pick<FunctionStore, 'importCar'>, path: string, options: CarFileOptions) {
  const { maxBytes, signal, quiet = false } = options;
  const total = path === '-' ? undefined : (await stat(path).catch(() => undefined))?.size;
  const source: AsyncIterable<Uint8Array> =
    path === '-' ? process.stdin : createReadStream(path, { highWaterMark: 1_048_576 });
  return withProgress(
    `importing ${path}`,
    { unit: 'bytes', quiet, ...(total !== undefined && { total }) },
    (progress) =>
      store
        .importCar(readable(source, path), { maxBytes, signal, onProgress: (bytes) => progress.at(bytes) })
        .then((imported) => ({ ...imported, roots: imported.roots.map(String) })),
  );
}

/** The one root of a CAR that stands for a function. */
export function onlyRoot(roots: readonly string[], path: string): string {
  const [root] = roots;
  if (root !== undefined && roots.length === 1) return root;
  throw new InferbaseError(
    'ERR_INVALID_ARCHIVE',
    root === undefined
      ? `${path} names no root, so no function; import it with inferbase store import, and give a CID`
      : `${path} has ${roots.length} roots; import it with inferbase store import, and give the CID of one`,
    { details: roots.slice(0, 20).map((cid) => `root: ${cid}`) },
  );
}

async function* readable(source: AsyncIterable<Uint8Array>, path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* source;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new InferbaseError('ERR_INVALID_REQUEST', `${path} cannot be read (${code}); give a CAR file, or -`, {
      cause,
    });
  }
}
