import type { CID } from 'multiformats/cid';
import { InferbaseError } from '../core/errors.ts';

/** Files are added as every other implementation with this profile adds them, so that all agree on the CID (IPIP-499). */
const PROFILE = { profile: 'unixfs-v1-2025' } as const;

export interface NewFile {
  /** Relative, `/` between folders; empty for a single file without a directory around it. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/**
 * Adds one file (path '') or a directory of files.
 * @param put stores a block
 * @returns CID of the file or of the directory
 * @throws InferbaseError `ERR_INVALID_REQUEST` for paths that make no tree, `ERR_FUNCTION_TOO_LARGE` past `maxBytes`
 */
export async function addFiles(
  files: readonly NewFile[],
  put: (cid: CID, bytes: Uint8Array) => Promise<void>,
  maxBytes: number,
): Promise<{ cid: CID; size: number }> {
  const size = files.reduce((sum, file) => sum + file.bytes.length, 0);
  if (size > maxBytes)
    throw new InferbaseError('ERR_FUNCTION_TOO_LARGE', `${size} bytes are more than the ${maxBytes} allowed.`);
  const [first] = files;
  if (first === undefined)
    throw new InferbaseError('ERR_INVALID_REQUEST', 'There are no files to add; give at least one.');
  const { unixfs } = await import('@helia/unixfs');
  const blockstore = {
    // biome-ignore lint/correctness/useYield: adding reads nothing back
    async *get(cid: CID): AsyncGenerator<Uint8Array> {
      throw new Error(`adding asked for ${cid}`);
    },
    async put(cid: CID, bytes: Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<CID> {
      await put(cid, bytes instanceof Uint8Array ? bytes : await joined(bytes));
      return cid;
    },
    has: async () => false,
  };
  const library = unixfs({ blockstore });
  if (files.length === 1 && first.path === '') return { cid: await library.addBytes(first.bytes, PROFILE), size };

  const seen = new Set<string>();
  const source = files.map(({ path, bytes }) => {
    checkPath(path, seen);
    return { path, content: bytes };
  });
  let root: CID | undefined;
  // The directory itself comes last.
  for await (const entry of library.addAll(source, { ...PROFILE, wrapWithDirectory: true })) root = entry.cid;
  if (root === undefined) throw new InferbaseError('ERR_INTERNAL', 'Adding files gave no CID.');
  return { cid: root, size };
}

function checkPath(path: string, seen: Set<string>): void {
  const wrong = path.split('/').some((part) => part === '' || part === '.' || part === '..') || /[\\\0]/.test(path);
  if (wrong || seen.has(path)) {
    throw new InferbaseError(
      'ERR_INVALID_REQUEST',
      `${JSON.stringify(path)} is no usable path here; give relative, distinct ones.`,
    );
  }
  seen.add(path);
}

async function joined(parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const part of parts) chunks.push(part);
  return Buffer.concat(chunks);
}
