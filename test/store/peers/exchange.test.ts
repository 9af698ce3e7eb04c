import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { multiaddr } from '@multiformats/multiaddr';
import { SourceMiss } from '../../../runtime/store/sources/block-source.ts';
import { NEVER } from '../support.ts';
import { bytesOf, carried, rawCid, startNode, startRawPeer, until, want } from './support.ts';

function missed(code: string, pattern: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof SourceMiss, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, pattern);
    return true;
  };
}

suite('blocks from peers', () => {
  test('a pinned block is fetched, from a peer that is dialled and from one that dials', async (t) => {
    const a = await startNode(t);
    const b = await startNode(t, { connect: [a.address] });
    const [one, two] = [await a.add(bytesOf('one')), await b.add(bytesOf('two', 1_048_576))];
    assert.deepEqual(Buffer.from(await b.ask(one, NEVER)), Buffer.from(bytesOf('one')));
    assert.deepEqual(Buffer.from(await a.ask(two, NEVER)), Buffer.from(bytesOf('two', 1_048_576)));
  });

  test('many blocks asked for at once come, each once', async (t) => {
    const a = await startNode(t, { serve: 'stored' });
    const b = await startNode(t, { connect: [a.address] });
    const all = Array.from({ length: 100 }, (_, i) => bytesOf(`${i}`, 20_000));
    const cids = await Promise.all(all.map((bytes) => a.add(bytes, { pinned: false })));
    const got = await Promise.all(cids.map((cid) => b.ask(cid, NEVER)));
    assert.ok(got.every((bytes, i) => Buffer.from(bytes).equals(all[i] ?? new Uint8Array())));
  });

  test('what is stored and not pinned is for nobody, unless the rule says so', async (t) => {
    const rules = ['pinned', 'stored', 'none'] as const;
    const nodes = await Promise.all(rules.map((serve) => startNode(t, { serve })));
    const gives = async (node: (typeof nodes)[number], text: string, pinned: boolean): Promise<boolean> => {
      const asker = await startNode(t, { connect: [node.address] });
      const cid = await node.add(bytesOf(text), { pinned });
      return asker.ask(cid, NEVER).then(
        () => true,
        (error) => !missed('ERR_FUNCTION_NOT_FOUND', /does not have it/)(error),
      );
    };
    const given = await Promise.all(
      nodes.map(async (node) => [await gives(node, 'kept', false), await gives(node, 'pinned', true)]),
    );
    assert.deepEqual(given, [
      [false, true],
      [true, true],
      [false, false],
    ]);
  });

  test('a block that is corrupt on disk is not sent', async (t) => {
    const a = await startNode(t);
    const b = await startNode(t, { connect: [a.address] });
    const cid = await a.add(bytesOf('good'));
    await a.plant(cid, bytesOf('evil'));
    await assert.rejects(b.ask(cid, NEVER), missed('ERR_FUNCTION_NOT_FOUND', /does not have it/));
    assert.ok(a.lines.some((line) => line.startsWith('a block on disk is corrupt')));
  });

  test('the second peer is asked when the first has it not', async (t) => {
    const [a, b] = [await startNode(t), await startNode(t)];
    const c = await startNode(t, { connect: [a.address, b.address] });
    const cid = await b.add(bytesOf('only b'));
    assert.equal((await c.ask(cid, NEVER)).length, 1000);
  });

  test('a peer that connects while a block is waited for is asked', async (t) => {
    const silent = await startRawPeer(t);
    const a = await startNode(t, { connect: [silent.address], timeoutMs: 30_000 });
    const block = a.ask(rawCid(bytesOf('late')), NEVER);
    await until(() => silent.heard.length > 0);
    const bytes = bytesOf('late');
    const late = await startRawPeer(t, (_message, _from, peer) =>
      peer.say(a.address, { blocks: [carried(rawCid(bytes), bytes)] }),
    );
    await late.host.dial(multiaddr(a.address));
    assert.equal((await block).length, 1000);
  });

  test('without any peer, and with peers that cannot be reached, it says so', async (t) => {
    const alone = await startNode(t);
    await assert.rejects(
      alone.ask(rawCid(bytesOf('x')), NEVER),
      missed('ERR_FUNCTION_NOT_FOUND', /no peer is connected/),
    );
    const gone = await startNode(t);
    await gone.stop();
    const b = await startNode(t, { connect: [gone.address] });
    await assert.rejects(
      b.ask(rawCid(bytesOf('x')), NEVER),
      missed('ERR_SOURCE_UNAVAILABLE', /not connected.*ECONNREFUSED/),
    );
  });

  test('wants for the mere presence of a block are answered without it', async (t) => {
    const a = await startNode(t);
    const [here, gone] = [await a.add(bytesOf('here')), rawCid(bytesOf('gone'))];
    const raw = await startRawPeer(t);
    await raw.say(a.address, { wants: [want(here, { onlyHave: true }), want(gone, { onlyHave: true })] });
    await until(() => raw.heard.length > 0);
    const [message] = raw.heard;
    assert.deepEqual(
      message?.presences.map(({ has }) => has),
      [true, false],
    );
    assert.equal(message?.blocks.length, 0);
  });

  test('an ask that is cancelled takes its want back', async (t) => {
    const silent = await startRawPeer(t);
    const a = await startNode(t, { connect: [silent.address] });
    const controller = new AbortController();
    const block = a.ask(rawCid(bytesOf('x')), controller.signal);
    await until(() => silent.heard.length > 0);
    controller.abort();
    await assert.rejects(block, { code: 'ERR_CANCELLED' });
    await until(() => silent.heard.some(({ wants }) => wants.some(({ cancel }) => cancel)));
  });

  test('a peer that comes back is connected to again', async (t) => {
    const first = await startRawPeer(t);
    const a = await startNode(t, { connect: [first.address] });
    await until(() => a.lines.some((line) => line.startsWith('connected to a peer')));
    for (const connection of first.host.getConnections()) connection.abort(new Error('cut'));
    await until(() => a.lines.filter((line) => line.startsWith('connected to a peer')).length === 2);
  });
});
