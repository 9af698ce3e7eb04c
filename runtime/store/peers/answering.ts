import { CID } from 'multiformats/cid';
import type { Want } from './bitswap-message.ts';
import type { Outbox } from './outbox.ts';
import { keyOf, type ServedBlocks } from './served-blocks.ts';

/** Wants of one peer that wait for their turn; what comes beyond them is not heard. */
const MAX_WAITING = 1024;
/** Wants that a peer may send at once, and those it earns in a second. */
const BURST = 8192;
const PER_SECOND = 1024;
/** Answers without a block that go in one message. */
const MAX_PRESENCES = 256;

/** Serves the wants of one peer. */
export interface Answering {
  receive(wants: readonly Want[]): void;
  /** Nothing more is sent. */
  stop(): void;
}

/**
 * Answers one peer's wants in their order, one block at a time: what it does not take off the wire holds up nobody else.
 * Wants for blocks that are not here are answered and forgotten.
 * @param components.reading runs a disk read when there is room for one
 */
export function createAnswering(components: {
  served: ServedBlocks;
  outbox: Outbox;
  reading: <T>(work: () => Promise<T>) => Promise<T>;
  onFailure: (error: unknown) => void;
}): Answering {
  const { served, outbox, reading, onFailure } = components;
  const waiting = new Map<string, { cid: CID; want: Want }>();
  let credit = BURST;
  let credited = Date.now();
  let busy = false;
  let stopped = false;

  function take(count: number): boolean {
    const now = Date.now();
    credit = Math.min(BURST, credit + ((now - credited) / 1000) * PER_SECOND);
    credited = now;
    credit -= count;
    if (credit < 0) credit = 0;
    return credit > 0;
  }

  async function answer(): Promise<void> {
    let presences: { cid: Uint8Array; has: boolean }[] = [];
    const tell = async (): Promise<void> => {
      const told = presences;
      presences = [];
      if (told.length > 0) await outbox.tell(told);
    };
    while (waiting.size > 0 && !stopped) {
      const [key, { cid, want }] = waiting.entries().next().value as [string, { cid: CID; want: Want }];
      waiting.delete(key);
      const block = await reading(() => served.read(cid));
      if (block !== undefined && !want.onlyHave) await outbox.send(cid, block);
      else if (block !== undefined || want.sendDontHave) presences.push({ cid: want.cid, has: block !== undefined });
      if (presences.length >= MAX_PRESENCES) await tell();
    }
    await tell();
  }

  function pump(): void {
    if (busy || stopped || waiting.size === 0) return;
    busy = true;
    answer()
      .catch((error: unknown) => {
        waiting.clear();
        onFailure(error);
      })
      .finally(() => {
        busy = false;
        pump();
      });
  }

  return {
    receive(wants) {
      for (const want of wants) {
        const cid = take(1) ? decode(want.cid) : undefined;
        if (cid === undefined) continue;
        // Version and codec do not matter to whether it is here; the answer repeats the want's own CID.
        const key = keyOf(cid);
        if (want.cancel) waiting.delete(key);
        else if (waiting.size < MAX_WAITING || waiting.has(key)) waiting.set(key, { cid, want });
      }
      pump();
    },
    stop() {
      stopped = true;
      waiting.clear();
    },
  };
}

function decode(bytes: Uint8Array): CID | undefined {
  try {
    return CID.decode(bytes);
  } catch {
    return undefined;
  }
}
