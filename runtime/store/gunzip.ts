import { once } from 'node:events';
import { createGunzip } from 'node:zlib';
import { InferbaseError } from '../core/errors.ts';

/** Compressed wasm grows some 3 times, zeros a thousand times; past this and the floor it is a bomb. */
const MAX_RATIO = 200;
const RATIO_FLOOR = 8 * 1024 * 1024;

/**
 * Unpacks gzip (RFC 1952) while counting what comes out.
 * @throws InferbaseError `ERR_INVALID_ARCHIVE` when it is not gzip, is cut off, or unpacks to more than `maxBytes` or out
 * of all proportion
 */
export async function gunzip(bytes: Uint8Array, maxBytes: number, signal: AbortSignal): Promise<Uint8Array> {
  const limit = Math.min(maxBytes, Math.max(RATIO_FLOOR, bytes.length * MAX_RATIO));
  const stream = createGunzip();
  const chunks: Uint8Array[] = [];
  let length = 0;
  stream.on('data', (chunk: Uint8Array) => {
    length += chunk.length;
    if (length > limit) stream.destroy(invalid(`unpacks to more than ${limit} bytes`));
    else chunks.push(chunk);
  });
  stream.end(bytes);
  try {
    await once(stream, 'end', { signal });
  } catch (error) {
    stream.on('error', () => {}).destroy();
    if (error instanceof InferbaseError || signal.aborted) throw error;
    throw invalid(`is not a whole gzip file: ${error instanceof Error ? error.message : String(error)}`);
  }
  return Buffer.concat(chunks, length);
}

function invalid(problem: string): InferbaseError {
  return new InferbaseError('ERR_INVALID_ARCHIVE', `The archive ${problem}; pack it again.`);
}
