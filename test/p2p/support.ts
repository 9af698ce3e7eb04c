import type { TestContext } from 'node:test';
import { multiaddr } from '@multiformats/multiaddr';
import type { GossipMessage } from '../../runtime/p2p/swarm.ts';
import { createSwarmHost, type SwarmHost, type SwarmHostInit } from '../../runtime/p2p/swarm-host.ts';
import { generateKey } from '../support/peer-key.ts';

export const LOOPBACK = '/ip4/127.0.0.1/tcp/0';

export interface TestSwarm extends SwarmHost {
  /** Multiaddr with its peer id. */
  readonly address: string;
  readonly peerId: string;
  /** What it logged. */
  readonly lines: readonly string[];
  /** Gossip it heard. */
  readonly heard: readonly GossipMessage[];
  dial(other: { readonly address: string }): Promise<void>;
}

/**
 * A real host on loopback, in this process; stopped after the test.
 * @param init.prepare registers protocols, before it starts
 */
export async function startSwarm(
  t: TestContext,
  init: Partial<SwarmHostInit> & { topics?: readonly string[]; prepare?: (made: SwarmHost) => Promise<void> } = {},
): Promise<TestSwarm> {
  const lines: string[] = [];
  const { topics = [], prepare, ...rest } = init;
  const made = await createSwarmHost({
    privateKey: generateKey(),
    listen: [LOOPBACK],
    maxConnections: 256,
    allow: [],
    trusted: new Set(),
    log: (line, fields = {}) => lines.push(`${line} ${JSON.stringify(fields)}`),
    ...rest,
  });
  const { host, swarm } = made;
  const heard: GossipMessage[] = [];
  swarm.onGossip((message) => heard.push(message));
  for (const topic of topics) swarm.subscribe(topic);
  await prepare?.(made);
  await host.start();
  t.after(async () => {
    swarm.stop();
    await host.stop();
  });
  const address = String(host.getMultiaddrs()[0] ?? '');
  return {
    ...made,
    address,
    peerId: swarm.peerId,
    lines,
    heard,
    dial: async (other) => void (await host.dial(multiaddr(other.address))),
  };
}

/** Waits until the condition holds; the limit is for a hang only. */
export async function until(condition: () => boolean, limitMs = 90_000): Promise<void> {
  for (const start = Date.now(); !condition(); ) {
    if (Date.now() - start > limitMs) throw new Error(`not within ${limitMs} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
