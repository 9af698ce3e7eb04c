import { type FileHandle, open } from 'node:fs/promises';
import { StringDecoder } from 'node:string_decoder';

const CHUNK_BYTES = 65_536;
/** A longer line is shown in pieces. */
const MAX_LINE = 65_536;

/** What was said before is read from so far back. */
const TAIL_BYTES = 1_048_576;

export interface LogReader {
  /** Whole lines that were written since the last call. */
  read(): Promise<string[]>;
  /** When the file that was read last came into being, in ms since 1970. */
  begun(): number;
}

/**
 * Reads the last MiB of a log file and what is added to it as it grows. A file that is begun anew, under the same name or
 * as the same file, is read from its beginning again; one that is not there has no lines.
 */
export function createLogReader(path: string): LogReader {
  let inode: number | undefined;
  let offset = 0;
  let begun = 0;
  let first = true;
  let rest = '';
  let decoder = new StringDecoder('utf8');

  async function readFrom(file: FileHandle): Promise<string[]> {
    const { ino, size, birthtimeMs } = await file.stat();
    const skipped = first && size > TAIL_BYTES;
    if (ino !== inode || size < offset) {
      inode = ino;
      offset = skipped ? size - TAIL_BYTES : 0;
      begun = birthtimeMs;
      rest = '';
      decoder = new StringDecoder('utf8');
    }
    const lines: string[] = [];
    const chunk = Buffer.alloc(CHUNK_BYTES);
    // No further than it was: a process that writes all the time must not keep us from the others.
    while (offset < size) {
      const { bytesRead } = await file.read(chunk, 0, Math.min(CHUNK_BYTES, size - offset), offset);
      if (bytesRead === 0) break;
      offset += bytesRead;
      const parts = (rest + decoder.write(chunk.subarray(0, bytesRead))).split('\n');
      rest = parts.pop() ?? '';
      lines.push(...parts);
      if (rest.length > MAX_LINE) {
        lines.push(rest);
        rest = '';
      }
    }
    first = false;
    // The first one began before.
    return skipped ? lines.slice(1) : lines;
  }

  return {
    begun: () => begun,
    async read() {
      try {
        await using file = await open(path, 'r');
        return await readFrom(file);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
        throw error;
      }
    },
  };
}
