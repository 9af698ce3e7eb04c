import { createReadStream } from 'node:fs';
import process from 'node:process';
import { InferbaseError } from '../core/errors.ts';

/**
 * Standard input for a guest.
 * @param source a file, `-` for our own, nothing for none; a terminal is never waited for
 * @param maxBytes the guest's limit
 * @throws InferbaseError ERR_INVALID_REQUEST when it cannot be read or is too long
 */
export async function readStdin(source: string | undefined, maxBytes: number): Promise<Uint8Array> {
  if (source === undefined || (source === '-' && process.stdin.isTTY)) return new Uint8Array(0);
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of source === '-' ? process.stdin : createReadStream(source)) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > maxBytes) break;
    }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new InferbaseError('ERR_INVALID_REQUEST', `--stdin ${source} cannot be read (${code}); give a readable file`);
  }
  if (length > maxBytes) {
    const message = `--stdin ${source} has more than ${maxBytes} bytes; send less or raise limits.stdinBytes`;
    throw new InferbaseError('ERR_INVALID_REQUEST', message);
  }
  return Buffer.concat(chunks);
}
