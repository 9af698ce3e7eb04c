import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { decodePbft, encodePbft, type PbftMessage, pbftDigest } from '../../runtime/wire/pbft.ts';
import { randomFrom } from '../fuzz/random.ts';
import { type Node, type Simulation, signAs, simulate } from './simulated-cluster.ts';

const SEQUENCES = 16;
const MOST = 512;

/** What has the last of seven replicas compute nine hundred signatures, all of them right: the others stick together. */
function costlyNewView({ nodes, makeRequest }: Simulation): PbftMessage {
  const [first, second, ...rest] = nodes as [Node, Node, ...Node[]];
  const signed = <T>(node: Node, type: number, data: T): T => signAs(node, { type, data } as PbftMessage).data as T;
  const proofs = (of: number): object[] =>
    Array.from({ length: SEQUENCES }, (_, i) => {
      const request = makeRequest('r', { function_id: 'bafy', method: `${of}/${i}.wasm` });
      const vote = { view: 0, sequence_number: i + 1, digest: pbftDigest({ type: 1, data: request }) };
      const prepares = [second, ...rest].map((node) => [node.peerId, { data: signed(node, 3, vote) }]);
      const preprepare = { data: signed(first, 2, { ...vote, request: { data: request } }) };
      return { ...vote, preprepare, prepares: Object.fromEntries(prepares) };
    });
  const messages = nodes.map((node, of) => [node.peerId, { data: signed(node, 5, { view: 1, prepares: proofs(of) }) }]);
  const data = { view: 1, messages: Object.fromEntries(messages), preprepares: [] };
  return signAs(second, { type: 6, data } as PbftMessage);
}

suite('a PBFT replica whose neighbours stick together', () => {
  test('computes a bounded number of signatures for one message, and says how many', () => {
    const cluster = simulate({ n: 7, random: randomFrom(1), requestId: 'r' });
    const { replica, lines } = cluster.nodes[6] as Node;
    const from = cluster.nodes[1]?.peerId ?? '';
    const message = decodePbft(Buffer.from(encodePbft(costlyNewView(cluster))));
    assert.equal(replica.receive(message, from), MOST);
    assert.equal(replica.view, 0);
    assert.match(lines.at(-1) ?? '', /a message of a replica is dropped/);
    const vote = { view: 0, sequence_number: 1, digest: '0'.repeat(64) };
    const prepare = signAs(cluster.nodes[1] as Node, { type: 3, data: vote });
    assert.equal(replica.receive(prepare, from), 1);
    assert.equal(replica.receive(prepare, from), 0, 'what it knows costs nothing');
    cluster.close();
  });
});
