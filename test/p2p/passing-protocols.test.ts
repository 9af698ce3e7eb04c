import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { PBFT_PROTOCOL, type Swarm } from '../../runtime/p2p/swarm.ts';
import { signatureFlaw } from '../../runtime/wire/signature.ts';
import { startSwarm, type TestSwarm, until } from './support.ts';

const without = (address: string): string => address.replace(/\/p2p\/.*$/, '');
const say = (from: TestSwarm, to: TestSwarm, protocol: string): Promise<void> =>
  from.swarm.send(to.peerId, protocol, Buffer.from('x'));

suite('protocols that come and go', () => {
  test('are taken while they are handled, and noted of nobody', async (t) => {
    const [here, there] = [await startSwarm(t), await startSwarm(t)];
    await there.dial(here);
    const got: string[] = [];
    for (let i = 0; i < 3; i++) {
      const protocol = `${PBFT_PROTOCOL}/cluster/${i}`;
      await assert.rejects(say(there, here, protocol), /does not take/);
      await here.swarm.handle(protocol, 1_000, ({ from }) => void got.push(from));
      await say(there, here, protocol);
      await until(() => got.length === i + 1);
      await here.swarm.unhandle(protocol);
      await assert.rejects(say(there, here, protocol), /does not take/);
    }
    assert.deepEqual(got, Array(3).fill(there.peerId));
    for (const { host } of [here, there]) {
      for (const { protocols } of await host.peerStore.all()) {
        assert.deepEqual(
          protocols.filter((name) => name.startsWith(PBFT_PROTOCOL)),
          [],
        );
      }
    }
  });

  test('a text is signed by the key of the node', async (t) => {
    const { swarm, peerId } = await startSwarm(t);
    assert.equal(signatureFlaw(peerId, 'text', swarm.sign('text')), null);
    assert.equal(signatureFlaw(peerId, 'other', swarm.sign('text')), 'its signature is wrong');
  });
});

suite('a peer at addresses that another node gave', () => {
  const dial = (swarm: Swarm, { peerId, address }: TestSwarm): Promise<void> =>
    swarm.dial(peerId, [without(address)], AbortSignal.timeout(30_000));

  test('is connected with, once', async (t) => {
    const [here, there] = [await startSwarm(t), await startSwarm(t)];
    assert.equal(here.swarm.remoteAddress(there.peerId), undefined);
    await dial(here.swarm, there);
    await dial(here.swarm, there);
    assert.equal(here.swarm.remoteAddress(there.peerId), there.address);
    assert.equal(here.host.getConnections().length, 1);
    await here.swarm.hangUp(there.peerId);
    await until(() => here.swarm.remoteAddress(there.peerId) === undefined);
  });

  test('is not taken for another, and is not connected with past peers.maxConnections, or half of them, or against peers.allow', async (t) => {
    const [there, other] = [await startSwarm(t), await startSwarm(t)];
    const here = await startSwarm(t, { maxConnections: 1 });
    const wrong = here.swarm.dial(other.peerId, [without(there.address)], AbortSignal.timeout(30_000));
    await assert.rejects(wrong, { code: 'ERR_NOT_ENOUGH_NODES' });
    await dial(here.swarm, there);
    await assert.rejects(dial(here.swarm, other), /maxConnections is reached/);
    const half = await startSwarm(t, { maxConnections: 2 });
    await dial(half.swarm, there);
    await assert.rejects(dial(half.swarm, other), /half of peers.maxConnections/);
    const choosy = await startSwarm(t, { allow: [there.peerId] });
    await dial(choosy.swarm, there);
    await assert.rejects(dial(choosy.swarm, other), /peers.allow does not name it/);
  });
});
