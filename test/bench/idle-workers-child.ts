/**
 * Workers without a sandbox, several in one process: `node idle-workers-child.ts COUNT HEAD`. Each is a libp2p host of its
 * own, subscribes, answers roll calls and keeps a stream to the head. Prints how many are connected.
 */
import { setTimeout } from 'node:timers/promises';
import { multiaddr } from '@multiformats/multiaddr';
import { NO_USAGE } from '../../runtime/core/execution.ts';
import type { WorkerService } from '../../runtime/core/work.ts';
import { startProtocols } from '../../runtime/p2p/protocols.ts';
import { createSwarmHost } from '../../runtime/p2p/swarm-host.ts';
import { generateKey } from '../support/peer-key.ts';

const [count = 0, head = ''] = [Number(process.argv[2]), process.argv[3]];

const worker: WorkerService = {
  rollCall: async () => ({ code: '202', load: 0 }),
  execute: async ({ requestId }) => {
    const [stdout, stderr] = [Buffer.from('idle\n'), new Uint8Array(0)];
    const ended = {
      cause: 'exited',
      exitCode: 0,
      message: '',
      stdoutTruncated: false,
      stderrTruncated: false,
    } as const;
    const outcome = { ...ended, stdout, stderr, usage: NO_USAGE };
    return { requestId, code: '200', outcome, message: '', attestation: null };
  },
  install: async () => null,
};

/** A head takes so many connections of one address in a second and refuses the others. */
async function patiently(work: () => Promise<unknown>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await work();
      return;
    } catch (error) {
      if (tries === 200) throw error;
      await setTimeout(500 + Math.random() * 1_000);
    }
  }
}

for (let at = 1; at <= count; at++) {
  const log = (): void => {};
  const init = { privateKey: generateKey(), listen: [], maxConnections: 8, allow: [], trusted: new Set<string>(), log };
  const { host, swarm } = await createSwarmHost(init);
  const side = {
    worker,
    node: { execute: () => Promise.reject(new Error('no head')) },
    serve() {},
    show() {},
    close() {},
  };
  await startProtocols(
    { swarm, side },
    {
      role: 'worker',
      topics: ['1'],
      heads: [],
      clients: [],
      lasting: true,
      trusted: new Set<string>(),
      consensus: 'pbft',
      deadlineMs: 20_000,
      log,
    },
  );
  await host.start();
  await patiently(() => host.dial(multiaddr(head)));
  console.log(`connected ${at}`);
}
process.on('SIGTERM', () => process.exit(0));
