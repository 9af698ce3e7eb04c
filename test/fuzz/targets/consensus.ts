import { createReplica } from '../../../runtime/consensus/replica.ts';
import { decodePbft, encodePbft } from '../../../runtime/wire/pbft.ts';
import { runRandomCluster } from '../../consensus/random-cluster.ts';
import { PATIENCE_MS, simulate } from '../../consensus/simulated-cluster.ts';
import { createTimeline } from '../../consensus/timeline.ts';
import { mutate, randomFrom } from '../random.ts';
import { type FuzzTarget, refusable, require } from '../target.ts';

/** Clusters with faulty replicas and a bad network: nothing twice, nothing else than the others, everything in the end. */
export const clusters: FuzzTarget = {
  name: 'clusters',
  async open() {
    return {
      async try(random) {
        const { story, flaw } = await runRandomCluster(random);
        require(flaw === null, `${flaw} (${story})`);
      },
    };
  },
};

/** One replica that hears what a cluster with a view change said, in any order and damaged: at most one execution. */
export const replica: FuzzTarget = {
  name: 'replica',
  async open() {
    const cluster = simulate({
      ...{ n: 4, random: randomFrom(1), requestId: 'r' },
      tamper: (from, _to, message) => (from.index === 0 && message.type !== 2 ? [] : [message]),
    });
    const request = cluster.makeRequest('r');
    // Commits of the first view come too late, so that there is something to carry over.
    cluster.weather.delayMs = 8_000;
    cluster.order(request);
    await cluster.run(5 * PATIENCE_MS);
    cluster.close();
    const said = cluster.sent.map(({ from, message }) => ({ from, text: Buffer.from(encodePbft(message)) }));
    const self = cluster.nodes[3] ?? null;
    return {
      async try(random) {
        require(self !== null && said.length > 10, 'the cluster said too little');
        const timeline = createTimeline();
        const executed: string[] = [];
        let sent = 0;
        const one = createReplica(
          {
            sign: (text) => self.sign(text),
            broadcast: () => sent++,
            execute: async ({ id = '' }) => void executed.push(id),
            schedule: (ms, then) => timeline.after(ms, then),
            log: () => {},
          },
          {
            ...{ self: self.peerId, peers: cluster.nodes.map(({ peerId }) => peerId), patienceMs: PATIENCE_MS },
            ...{ requestId: 'r', head: cluster.head },
          },
        );
        if (random.once(2)) one.request(request);
        for (let left = 20 + random.below(60); left > 0; left--) {
          const { from, text } = random.pick(said);
          const bytes = random.once(3) ? mutate(text, random, random.pick(said).text) : text;
          const message = refusable(['ERR_INVALID_REQUEST'], () => decodePbft(bytes));
          const sender = random.once(10) ? random.pick(cluster.nodes) : from;
          if (message !== undefined) one.receive(message, sender.peerId);
          if (random.once(10)) await timeline.run(random.below(PATIENCE_MS));
        }
        await timeline.run(PATIENCE_MS);
        one.close();
        require(executed.length <= 1 && executed.every((id) => id === 'r'), `executed ${executed.join()}`);
        require(sent < 500, `it said ${sent} things`);
      },
    };
  },
};
