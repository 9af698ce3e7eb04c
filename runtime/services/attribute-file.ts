import { open } from 'node:fs/promises';
import { InferbaseError } from '../core/errors.ts';
import { MAX_ATTRIBUTE_FILE, parseAttributeFile } from '../wire/attribute-file.ts';
import type { AttestedAttributes } from '../wire/attributes.ts';

/**
 * Loads a file of attributes as b7s-attributes writes it.
 * @param peerId base58 peer id of this node
 * @throws InferbaseError `ERR_INVALID_SETTING` when it cannot be read, or a signature in it is wrong
 */
export async function loadAttributeFile(path: string, peerId: string): Promise<AttestedAttributes> {
  return parseAttributeFile(await readStart(path), peerId);
}

/** One byte more than may be is enough to tell. */
async function readStart(path: string): Promise<Uint8Array> {
  try {
    await using file = await open(path);
    const bytes = new Uint8Array(MAX_ATTRIBUTE_FILE + 1);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(bytes, length);
      length += bytesRead;
      if (bytesRead === 0 || length === bytes.length) return bytes.subarray(0, length);
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new InferbaseError(
      'ERR_INVALID_SETTING',
      `work.attributesFile ${path} cannot be read (${code}); name a file made by b7s-attributes, or leave it out`,
      { cause: error },
    );
  }
}
