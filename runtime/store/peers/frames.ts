import { InferbaseError } from '../../core/errors.ts';
import { MAX_MESSAGE_BYTES, readVarint } from './bitswap-message.ts';

/** Bytes that are held for messages not yet whole, of all peers together. */
export interface FrameBudget {
  held: number;
  readonly max: number;
}

export interface FrameReader {
  /**
   * Takes what came and gives the messages that are whole now, each without its length.
   * @throws InferbaseError `ERR_INTEGRITY` for a length past the cap; `ERR_BUSY` when the budget is used up
   */
  push(chunk: Uint8Array): Uint8Array[];
  /** Whether a message has begun and not ended. */
  readonly partial: boolean;
  /** Gives back what is held. */
  drop(): void;
}

/** Cuts a stream into messages with their lengths before them. A length is only a claim: memory follows what came. */
export function createFrameReader(budget: FrameBudget): FrameReader {
  let chunks: Uint8Array[] = [];
  let held = 0;
  /** Of the message under way, with its length before it; `undefined` while that is not whole either. */
  let wanted: { start: number; end: number } | undefined;

  function hold(bytes: number): void {
    held += bytes;
    budget.held += bytes;
  }

  function joined(): Uint8Array {
    const [first] = chunks;
    const all = chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, held);
    chunks = [all];
    return all;
  }

  function readLength(): void {
    const read = readVarint(joined(), 0);
    if (read === undefined) return;
    if (read.value > MAX_MESSAGE_BYTES) {
      throw new InferbaseError('ERR_INTEGRITY', `A peer announced a message of ${read.value} bytes.`);
    }
    wanted = { start: read.end, end: read.end + read.value };
  }

  return {
    get partial() {
      return held > 0;
    },
    push(chunk) {
      chunks.push(chunk);
      hold(chunk.length);
      const messages: Uint8Array[] = [];
      for (;;) {
        if (wanted === undefined && held > 0) readLength();
        if (wanted === undefined || held < wanted.end) break;
        const all = joined();
        messages.push(all.subarray(wanted.start, wanted.end));
        const rest = all.subarray(wanted.end);
        hold(-wanted.end);
        chunks = rest.length > 0 ? [rest] : [];
        wanted = undefined;
      }
      if (budget.held > budget.max) throw new InferbaseError('ERR_BUSY', 'Peers have too much under way.');
      return messages;
    },
    drop() {
      hold(-held);
      chunks = [];
    },
  };
}
