import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Connection, PeerId, Stream } from '@libp2p/interface';
import { createGossipGuard } from '../../runtime/p2p/gossip-guard.ts';

/** A neighbour as the guard sees it: its id, and a stream that can be paused. */
function neighbour(name: string): { readonly peer: PeerId; readonly stream: Stream; isSlowed(): boolean } {
  let pauses = 0;
  const stream = Object.assign(new EventTarget(), {
    readStatus: 'readable',
    pause: () => pauses++,
    resume: () => {},
  });
  return {
    peer: { toString: () => name } as PeerId,
    stream: stream as unknown as Stream,
    isSlowed: () => pauses > 0,
  };
}

test('a crowd of strangers gets no more than what all may, and neither boot nodes nor quiet neighbours are slowed by it', () => {
  const guard = createGossipGuard({ letGo: () => {} }, { trusted: new Set(['boot']) });
  const crowd = Array.from({ length: 100 }, (_, i) => neighbour(`stranger ${i}`));
  const [boot, quiet] = [neighbour('boot'), neighbour('quiet')];
  for (const { peer, stream } of [boot, quiet, ...crowd]) guard.watch(stream, { remotePeer: peer } as Connection);
  for (let i = 0; i < 20; i++) {
    for (const { peer } of crowd) guard.admit(peer, 10);
    guard.admit(boot.peer, 20);
    if (i % 5 === 0) guard.admit(quiet.peer, 1);
  }
  assert.equal(crowd.filter(({ isSlowed }) => isSlowed()).length, 100);
  assert.deepEqual([boot.isSlowed(), quiet.isSlowed()], [false, false]);
  for (const { peer } of [boot, quiet, ...crowd]) guard.forget(peer.toString());
});
