import { hash } from 'node:crypto';
import { CID } from 'multiformats/cid';
import { MAX_BLOCK_BYTES, type MissCode } from '../sources/block-source.ts';
import type { BitswapMessage } from './bitswap-message.ts';
import type { Outbox } from './outbox.ts';
import { keyOf } from './served-blocks.ts';

/** What a peer made of a want. */
export type Answer = { readonly block: Uint8Array } | { readonly code: MissCode; readonly problem: string };

/** One connected peer that speaks bitswap, as far as asking it goes. */
export interface Peer {
  readonly id: string;
  readonly outbox: Outbox;
  /** The lower the better; grows with failures and slowness, shrinks with blocks delivered. */
  readonly marks: number;
  mark(by: number): void;
  /** Asks for a block; `answered` is called once unless the want is taken back before. */
  want(cid: CID, answered: (answer: Answer) => void): void;
  takeBack(cid: CID): void;
  /** Takes what came from it and answers wants by it. */
  receive(message: BitswapMessage): void;
  /** Ends all wants. */
  fail(code: MissCode, problem: string): void;
}

/** Wants taken back that may still be answered: blocks for them are late, not lies. */
const MAX_LATE = 2048;
/** Blocks that nobody asked for, after which a peer is let go. */
const MAX_UNASKED = 64;
const MAX_MARKS = 20;
const SHA2_256 = 0x12;

/**
 * @param init.onLie told when a peer sent what it was not asked for: other bytes than the CID names, or too much
 */
export function createPeer(init: { id: string; outbox: Outbox; onLie: (problem: string) => void }): Peer {
  const { id, outbox, onLie } = init;
  const wants = new Map<string, { cid: CID; answered: (answer: Answer) => void }>();
  const late = new Set<string>();
  let marks = 0;
  let unasked = 0;

  function settle(key: string, answer: Answer): void {
    const want = wants.get(key);
    wants.delete(key);
    want?.answered(answer);
  }

  function fail(code: MissCode, problem: string): void {
    for (const key of [...wants.keys()]) settle(key, { code, problem });
  }

  function receiveBlock(data: Uint8Array): void {
    if (data.length > MAX_BLOCK_BYTES) {
      lie(`sent a block of ${data.length} bytes`);
      return;
    }
    // Nothing was asked: not worth a hash.
    if (wants.size === 0 && late.size === 0) {
      countUnasked();
      return;
    }
    // The prefix says what the block claims to be; its bytes say what it is.
    const digest = hash('sha256', data, 'buffer');
    const key = Buffer.concat([Buffer.from([SHA2_256, digest.length]), digest]).toString('latin1');
    if (wants.has(key)) {
      marks = Math.max(0, marks - 1);
      // A copy: the message it lies in is larger, and the block goes to another thread.
      settle(key, { block: Uint8Array.from(data) });
    } else if (late.has(key)) late.delete(key);
    else if (wants.size > 0) lie('sent other bytes than the CID names');
    else countUnasked();
  }

  function countUnasked(): void {
    unasked++;
    if (unasked > MAX_UNASKED) lie(`sent ${unasked} blocks that nobody asked for`);
  }

  function lie(problem: string): void {
    fail('ERR_INTEGRITY', problem);
    onLie(problem);
  }

  return {
    id,
    outbox,
    get marks() {
      return marks;
    },
    mark(by) {
      marks = Math.min(MAX_MARKS, marks + by);
    },
    want(cid, answered) {
      late.delete(keyOf(cid));
      wants.set(keyOf(cid), { cid, answered });
      outbox.want({ cid: cid.bytes, cancel: false, onlyHave: false, sendDontHave: true });
    },
    takeBack(cid) {
      const key = keyOf(cid);
      if (!wants.delete(key)) return;
      late.add(key);
      if (late.size > MAX_LATE) late.delete(late.values().next().value ?? '');
      outbox.want({ cid: cid.bytes, cancel: true, onlyHave: false, sendDontHave: false });
    },
    receive({ blocks, presences }) {
      for (const { data } of blocks) receiveBlock(data);
      for (const { cid, has } of presences) {
        const key = has ? undefined : keyOfBytes(cid);
        if (key !== undefined) settle(key, { code: 'ERR_FUNCTION_NOT_FOUND', problem: 'does not have it' });
      }
    },
    fail,
  };
}

function keyOfBytes(bytes: Uint8Array): string | undefined {
  try {
    return keyOf(CID.decode(bytes));
  } catch {
    return undefined;
  }
}
