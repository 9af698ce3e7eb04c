import { InferbaseError } from '../../core/errors.ts';
import { createPieces } from '../../core/pieces.ts';
import { MAX_MESSAGE_BYTES } from './bitswap-message.ts';
import { readVarint } from './protobuf.ts';

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
  const pieces = createPieces();
  /** Of the message under way, with its length before it; `undefined` while that is not whole either. */
  let wanted: { start: number; end: number } | undefined;

  function lengthIn(bytes: Uint8Array): typeof wanted {
    const read = readVarint(bytes, 0);
    if (read === undefined) return undefined;
    if (read.value > MAX_MESSAGE_BYTES) {
      throw new InferbaseError('ERR_INTEGRITY', `A peer announced a message of ${read.value} bytes.`);
    }
    return { start: read.end, end: read.end + read.value };
  }

  function keep(bytes: Uint8Array): void {
    pieces.add(bytes);
    budget.held += bytes.length;
  }

  function take(): Buffer {
    budget.held -= pieces.length;
    return pieces.take();
  }

  return {
    get partial() {
      return pieces.length > 0;
    },
    push(chunk) {
      keep(chunk);
      const messages: Uint8Array[] = [];
      if (wanted === undefined || pieces.length >= wanted.end) {
        let rest: Buffer = take();
        for (;;) {
          wanted ??= lengthIn(rest);
          if (wanted === undefined || rest.length < wanted.end) break;
          messages.push(rest.subarray(wanted.start, wanted.end));
          rest = rest.subarray(wanted.end);
          wanted = undefined;
        }
        keep(rest);
      }
      if (budget.held > budget.max) throw new InferbaseError('ERR_BUSY', 'Peers have too much under way.');
      return messages;
    },
    drop: () => void take(),
  };
}
