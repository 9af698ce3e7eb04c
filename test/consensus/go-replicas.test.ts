import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import { createReplica } from '../../runtime/consensus/replica.ts';
import { decodePbft, encodePbft, type PbftMessage, pbftDigest, pbftSignatureFlaw } from '../../runtime/wire/pbft.ts';
import { signer } from '../wire/signer.ts';
import { hexSign } from './simulated-cluster.ts';
import { createTimeline } from './timeline.ts';

interface Exchange {
  readonly dialect: string;
  readonly name: string;
  readonly requestId: string;
  readonly head: string;
  readonly peers: readonly string[];
  readonly request: string;
  readonly said: readonly { readonly from: string; readonly text: string }[];
}

const { exchanges } = JSON.parse(
  readFileSync(new URL('../p2p/golden/pbft-exchanges.json', import.meta.url), 'utf8'),
) as { readonly exchanges: readonly Exchange[] };
const KEYS = [1, 2, 3, 4].map((number) => signer(`inferbase test key ${number}`));
const PATIENCE_MS = 10_000;

function read(text: string): PbftMessage {
  return decodePbft(Buffer.from(text));
}

function viewOf(message: PbftMessage): number {
  return message.type === 1 ? 0 : (message.data.view ?? 0);
}

/** Puts a replica of ours in the place of one of Go: it hears what the others said, when they said it. */
async function replay(exchange: Exchange, index: number) {
  const { requestId, head, peers, request } = exchange;
  const self = peers[index] ?? '';
  const key = KEYS[index];
  assert.equal(key?.peerId, self);
  const timeline = createTimeline();
  const said: string[] = [];
  const lines: string[] = [];
  const executed: { digest: string; view: number }[] = [];
  const replica = createReplica(
    {
      sign: (text) => hexSign(key, text),
      broadcast: (message) => said.push(encodePbft(message)),
      execute: async (data, view) => void executed.push({ digest: pbftDigest({ type: 1, data }), view }),
      schedule: (ms, then) => timeline.after(ms, then),
      log: (line, fields) => lines.push(`${line} ${JSON.stringify(fields ?? {})}`),
    },
    { self, peers, patienceMs: PATIENCE_MS, requestId, head },
  );
  const order = read(request);
  assert.ok(order.type === 1);
  replica.request(order.data);
  for (const { from, text } of exchange.said) {
    const message = read(text);
    if (from !== self) replica.receive(message, from);
    // Go's replica left the view for its time was over, unless others had left it.
    else if (message.type === 5) await timeline.run(10 * PATIENCE_MS, () => replica.view >= viewOf(message));
    await timeline.run(0);
  }
  replica.close();
  return { said, executed, lines, digest: pbftDigest(order) };
}

suite('a replica among those of Go', () => {
  for (const exchange of exchanges) {
    const speakers = [...new Set(exchange.said.map(({ from }) => from))].map((from) => exchange.peers.indexOf(from));
    // Where the primary fell silent nobody heard how it went on.
    const live = exchange.name === 'nothing is wrong' ? speakers : speakers.filter((index) => index !== 0);
    for (const index of live.toSorted()) {
      test(`does as replica ${index} of dialect ${exchange.dialect} did when ${exchange.name}`, async () => {
        const { said, executed, lines, digest } = await replay(exchange, index);
        const own = exchange.said.filter(({ from }) => from === exchange.peers[index]).map(({ text }) => text);
        const last = own.map(read).findLast(({ type }) => type === 4);
        assert.ok(last !== undefined);
        assert.deepEqual(executed, [{ digest, view: viewOf(last) }], lines.join('\n'));
        for (const text of own) {
          const message = read(text);
          const { type } = message;
          // Votes are the same to the byte, signature included, and so is all that has no proofs in it: Go puts in whatever
          // prepares it has by then.
          const same = type === 3 || type === 4 || (viewOf(message) === 1 && !text.includes('"prepares":[{'));
          if (same) assert.ok(said.includes(text), `it did not say ${text}`);
          else {
            // Ours may have prepared what reached Go's too early, and then carries it over with the new-view.
            const kinds = type === 2 ? [2, 6] : [type];
            const alike = said.map(read).some((ours) => kinds.includes(ours.type) && viewOf(ours) === viewOf(message));
            assert.ok(alike, `it said nothing like ${text}`);
          }
        }
        assert.doesNotMatch(lines.join('\n'), /is dropped/);
        for (const text of said) assert.equal(pbftSignatureFlaw(read(text), exchange.peers[index] ?? ''), null);
      });
    }
  }
});
