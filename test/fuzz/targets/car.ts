import { CID } from 'multiformats/cid';
import { sha256 } from 'multiformats/hashes/sha2';
import { looksLikeCar, readCar } from '../../../runtime/store/car/read-car.ts';
import { writeCar } from '../../../runtime/store/car/write-car.ts';
import { mutate, type Random } from '../random.ts';
import { type FuzzTarget, refusableSoon, require } from '../target.ts';

const RAW = 0x55;
const CAPS = { bytes: 50_000, blocks: 20 };
const REFUSED = ['ERR_INVALID_ARCHIVE', 'ERR_INTEGRITY', 'ERR_INVALID_CID', 'ERR_FUNCTION_TOO_LARGE'];

async function someCar(random: Random): Promise<Uint8Array> {
  const contents = random.times(6, () => random.bytes(random.pick([0, 1, 40, 300])));
  const blocks = await Promise.all(
    contents.map(async (bytes) => ({ cid: CID.createV1(RAW, await sha256.digest(bytes)), bytes })),
  );
  const parts: Uint8Array[] = [];
  const roots = blocks.slice(0, random.below(3)).map(({ cid }) => cid);
  for await (const part of writeCar(roots, stream(blocks))) parts.push(part);
  return Buffer.concat(parts);
}

async function* stream<T>(items: readonly T[]): AsyncGenerator<T, void, void> {
  yield* items;
}

/** In pieces of any size, as a network has them. */
function* pieces(bytes: Uint8Array, random: Random): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; ) {
    const length = random.below(random.once(2) ? 8 : 500);
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

/** CARs with a few bytes changed, in pieces: every block that comes out is what its CID says. */
export const car: FuzzTarget = {
  name: 'car',
  async open() {
    return {
      async try(random) {
        const whole = await someCar(random);
        const bytes = random.once(20) ? whole : mutate(whole, random);
        looksLikeCar(bytes);
        await refusableSoon(REFUSED, async () => {
          const { blocks } = await readCar(pieces(bytes, random), CAPS);
          let count = 0;
          for await (const block of blocks) {
            count++;
            if (block.cid.multihash.code !== sha256.code) continue;
            const { digest } = await sha256.digest(block.bytes);
            require(Buffer.compare(digest, block.cid.multihash.digest) === 0, `a block that is not ${block.cid}`);
          }
          require(count <= CAPS.blocks, 'more blocks than the cap');
        });
      },
    };
  },
};
