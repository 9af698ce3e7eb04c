import {
  decodeMessage,
  encodeMessage,
  MAX_ENTRIES,
  MAX_MESSAGE_BYTES,
} from '../../../runtime/store/peers/bitswap-message.ts';
import { createFrameReader } from '../../../runtime/store/peers/frames.ts';
import { mutate, type Random } from '../random.ts';
import { type FuzzTarget, refusable, require } from '../target.ts';

const BUDGET = 1_000_000;

function someMessages(random: Random): Uint8Array {
  const cid = (): Uint8Array => random.bytes(random.pick([0, 4, 36, 200]));
  const messages = random.times(3, () =>
    Buffer.concat(
      encodeMessage({
        wants: random.times(4, () => ({
          cid: cid(),
          cancel: random.once(3),
          onlyHave: random.once(3),
          sendDontHave: random.once(2),
        })),
        blocks: random.times(2, () => ({ prefix: random.bytes(4), data: random.bytes(random.below(300)) })),
        presences: random.times(2, () => ({ cid: cid(), has: random.once(2) })),
      }),
    ),
  );
  return Buffer.concat(messages);
}

/** What peers send, whole or damaged, in pieces of any size: refused, or read within its bounds, and nothing stays held. */
export const bitswap: FuzzTarget = {
  name: 'bitswap',
  async open() {
    return {
      try(random) {
        const whole = random.once(10) ? random.bytes(random.below(500)) : someMessages(random);
        const bytes = random.once(3) ? whole : mutate(whole, random);
        const budget = { held: 0, max: BUDGET };
        const reader = createFrameReader(budget);
        const step = 1 + random.below(200);
        refusable(['ERR_INTEGRITY', 'ERR_BUSY'], () => {
          for (let at = 0; at < bytes.length; at += step) {
            for (const frame of reader.push(bytes.subarray(at, at + step))) {
              require(frame.length <= MAX_MESSAGE_BYTES, 'a frame beyond the cap');
              const { wants, blocks, presences } = decodeMessage(frame);
              require(Math.max(wants.length, blocks.length, presences.length) <= MAX_ENTRIES, 'too many entries');
              require(blocks.every(({ data }) => data.length <= frame.length), 'a block larger than its message');
            }
          }
        });
        require(budget.held <= bytes.length, 'more is held than came');
        reader.drop();
        require(budget.held === 0, 'something stays held');
      },
    };
  },
};
