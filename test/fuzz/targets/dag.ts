import * as dagPb from '@ipld/dag-pb';
import { CID } from 'multiformats/cid';
import { create } from 'multiformats/hashes/digest';
import { identity } from 'multiformats/hashes/identity';
import { sha256 } from 'multiformats/hashes/sha2';
import { InferbaseError } from '../../../runtime/core/errors.ts';
import { findMissing, markDag } from '../../../runtime/store/dag-mark.ts';
import { blockKey, walkDag } from '../../../runtime/store/dag-walk.ts';
import { createUnixfsReader } from '../../../runtime/store/unixfs.ts';
import { mutate, type Random, text } from '../random.ts';
import { type FuzzTarget, refusableSoon, require } from '../target.ts';

const RAW = 0x55;
const DAG_CBOR = 0x71;
const CAPS = { bytes: 20_000, visits: 500 };
const MISSING = 'ERR_SOURCE_UNAVAILABLE';
const REFUSED = ['ERR_INVALID_ARCHIVE', 'ERR_FUNCTION_TOO_LARGE', MISSING];

interface Made {
  readonly cid: CID;
  readonly bytes: Uint8Array;
  /** What a file that has it says of its size. */
  readonly size: number;
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return [...bytes, rest];
}

async function cidOf(code: number, bytes: Uint8Array, random: Random): Promise<CID> {
  if (bytes.length < 40 && random.once(10)) return CID.createV1(code, create(identity.code, bytes));
  const digest = await sha256.digest(bytes);
  return code === dagPb.code && random.once(6) ? CID.createV0(digest) : CID.createV1(code, digest);
}

/** A UnixFS file or folder of what was made before, at times with sizes, names, kinds or bytes of no such thing. */
async function node(made: readonly Made[], random: Random): Promise<Made> {
  const links = random.times(random.once(20) ? 60 : 4, () => random.pick(made));
  const type = random.once(3) ? 1 : random.once(12) ? random.below(7) : 2;
  const sizes = links.map(({ size }) => (random.once(30) ? random.below(1_000) : size));
  const data = random.once(6) ? [...random.bytes(random.below(30))] : [];
  const size = sizes.reduce((sum, part) => sum + part, data.length);
  const unixfs = [0x08, type];
  if (data.length > 0) unixfs.push(0x12, ...varint(data.length), ...data);
  if (type === 2) unixfs.push(0x18, ...varint(size), ...sizes.flatMap((part) => [0x20, ...varint(part)]));
  const Links = links.map(({ cid, bytes }, index) => ({
    Hash: cid,
    Name: type === 1 ? (random.once(4) ? text(random) : `f${index}`) : '',
    Tsize: bytes.length,
  }));
  const whole = dagPb.encode(dagPb.prepare({ Data: Uint8Array.from(unixfs), Links }));
  const bytes = random.once(8) ? mutate(whole, random) : whole;
  return { cid: await cidOf(dagPb.code, bytes, random), bytes, size };
}

async function leaf(random: Random): Promise<Made> {
  const bytes = random.bytes(random.pick([0, 1, 30, 300]));
  const code = random.once(15) ? random.pick([dagPb.code, DAG_CBOR]) : RAW;
  return { cid: await cidOf(code, bytes, random), bytes, size: bytes.length };
}

/** DAGs of true blocks, some of them of another kind than they say, or missing: each block once, none made up. */
export const dag: FuzzTarget = {
  name: 'dag',
  async open() {
    return {
      async try(random) {
        const made = [await leaf(random), await leaf(random)];
        for (let left = random.below(random.once(30) ? 150 : 10); left > 0; left--) {
          made.push(random.once(3) ? await leaf(random) : await node(random.once(4) ? made.slice(-1) : made, random));
        }
        const blocks = new Map(made.map((block) => [blockKey(block.cid), block.bytes]));
        for (const block of made) if (random.once(30)) blocks.delete(blockKey(block.cid));
        const root = (made.at(-1) as Made).cid;
        const read = async (cid: CID): Promise<Uint8Array> => {
          const bytes = blocks.get(blockKey(cid));
          if (bytes === undefined) throw new InferbaseError(MISSING, `${cid} is not here.`);
          return bytes;
        };
        const folder = {
          get: async (cid: CID) => blocks.get(blockKey(cid)),
          has: async (cid: CID) => blocks.has(blockKey(cid)),
        };

        const walked = await refusableSoon(REFUSED, async () => {
          const seen: string[] = [];
          for await (const { cid, bytes } of walkDag(root, read)) {
            require(cid.multihash.code === sha256.code, 'a block that carries itself was given out');
            require(bytes === blocks.get(blockKey(cid)), `other bytes than those of ${cid}`);
            seen.push(blockKey(cid));
          }
          return seen;
        });
        const marked = await refusableSoon(REFUSED, async () => {
          const seen: string[] = [];
          for await (const { cid } of markDag(root, folder)) seen.push(blockKey(cid));
          return seen;
        });
        for (const seen of [walked ?? [], marked ?? []]) require(new Set(seen).size === seen.length, 'a block twice');
        require((walked?.length ?? 0) <= made.length, 'a block that nobody made');
        if (walked !== undefined) {
          require(marked?.toSorted().join() === walked.toSorted().join(), 'two walks disagree');
          require((await findMissing(root, folder)).count === 0, 'a whole DAG has something missing');
        }

        const unixfs = createUnixfsReader({ read }, CAPS);
        const kind = await refusableSoon(REFUSED, () => unixfs.kindOf(root));
        if (kind === 'file') {
          const content = await refusableSoon(REFUSED, () => unixfs.content(root));
          if (content === undefined) return;
          require(content.length <= CAPS.bytes, 'more content than the cap');
          require(content.length === (await unixfs.size(root)), 'content of another size than the file says');
        } else if (kind === 'directory') {
          const names = await refusableSoon(REFUSED, () => unixfs.entries(root));
          for (const cid of names?.values() ?? []) require(cid instanceof CID, 'an entry without a CID');
        }
      },
    };
  },
};
