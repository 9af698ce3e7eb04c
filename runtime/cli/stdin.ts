import { createReadStream, fstatSync } from 'node:fs';
import process from 'node:process';
import { InferbaseError } from '../core/errors.ts';
import { howToRaise } from './settings-flags.ts';

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
    const message = `--stdin ${source} has more than ${maxBytes} bytes; send less, or ${howToRaise('limits.stdinBytes')}`;
    throw new InferbaseError('ERR_INVALID_REQUEST', message);
  }
  return Buffer.concat(chunks);
}

/**
 * Whether our standard input is a pipe or a file with something in it and is not passed on. Never reads: what is in it
 * may be meant for the command after us.
 * @param source as for `readStdin`
 */
export function isInputIgnored(source: string | undefined): boolean {
  if (source !== undefined) return false;
  try {
    const input = fstatSync(0);
    return input.isFIFO() || (input.isFile() && input.size > 0);
  } catch {
    // It was closed.
    return false;
  }
}
