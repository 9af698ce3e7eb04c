import * as z from 'zod/mini';
import { isPeerId, parseTcpAddress } from '../core/multiaddr.ts';
import { SETTING_NOTES, whole } from './setting-note.ts';

const ownMultiaddr = z.string().check(z.refine<string>((text) => parseTcpAddress(text)?.peerId === null));
/** TLS is for a proxy in front. */
const listenMultiaddr = ownMultiaddr.check(z.refine<string>((text) => parseTcpAddress(text)?.webSocket !== 'wss'));
export const peerMultiaddr = z
  .string()
  .check(z.refine<string>((text) => typeof parseTcpAddress(text)?.peerId === 'string'));

/** `peers.*`: the libp2p host. */
export const peers = z.strictObject({
  enabled: z.boolean().register(SETTING_NOTES, {
    doc: 'exchange blocks with other IPFS nodes by libp2p and bitswap; --peers-connect enables it too',
    expects: 'true or false',
    fallback: false,
  }),
  listen: z.nullable(z.array(listenMultiaddr)).register(SETTING_NOTES, {
    doc: 'where serve takes connections of peers',
    expects: 'a list of TCP multiaddrs, such as /ip4/0.0.0.0/tcp/9011 or, for WebSockets, /ip4/0.0.0.0/tcp/9012/ws',
    fallback: null,
    fallbackText: '/ip4/127.0.0.1/tcp/9011, for a head port 9010',
  }),
  announce: z.array(ownMultiaddr).register(SETTING_NOTES, {
    doc: 'addresses that other nodes are told to reach this one at, instead of those it listens on',
    expects: 'a list of TCP multiaddrs, such as /ip4/203.0.113.5/tcp/9011',
    fallback: [],
    fallbackText: 'those it listens on',
  }),
  connect: z.array(peerMultiaddr).register(SETTING_NOTES, {
    doc: 'peers to stay connected with, such as boot nodes',
    expects: 'a list of TCP multiaddrs with peer ids, such as /ip4/10.0.0.5/tcp/9011/p2p/12D3KooW…',
    fallback: [],
    fallbackText: 'none',
  }),
  serve: z.enum(['pinned', 'stored', 'none']).register(SETTING_NOTES, {
    doc: 'what serve gives to peers: blocks of what is pinned, every block it has, or none',
    expects: 'one of pinned, stored, none',
    fallback: 'pinned',
  }),
  allow: z.array(z.string().check(z.refine<string>(isPeerId))).register(SETTING_NOTES, {
    doc: 'peers that may connect to serve',
    expects: 'a list of peer ids, such as 12D3KooW…',
    fallback: [],
    fallbackText: 'any',
  }),
  maxConnections: z.nullable(z.int().check(z.minimum(1), z.maximum(16_384))).register(SETTING_NOTES, {
    doc: 'connections with peers at once',
    expects: 'a whole number of connections from 1 to 16384',
    fallback: null,
    fallbackText: '64, for a head 4096',
  }),
  maxPerAddress: z.nullable(z.int().check(z.minimum(1), z.maximum(16_384))).register(SETTING_NOTES, {
    doc: 'of those, connections that one address may have opened; where many peers share one, as behind NAT, raise it',
    expects: 'a whole number of connections from 1 to 16384',
    fallback: null,
    fallbackText: 'half of peers.maxConnections, at least 16',
  }),
});

const TOPIC = /^[\x21-\x7e]{1,256}$/;
const ATTRIBUTE = z.string().check(z.regex(/^\P{Cc}{0,256}$/u));

/** In `work.clients`: nobody. */
export const NO_CLIENTS = 'none';

/** `work.*`: what heads and workers do for each other. */
export const work = z.strictObject({
  topics: z.array(z.string().check(z.regex(TOPIC))).register(SETTING_NOTES, {
    doc: 'topics that a worker serves beside the general one; 1 means allora-topic-1-worker, 1/reputer allora-topic-1-reputer',
    expects: 'a list of topics, such as 1 or allora-topic-1-worker',
    fallback: [],
    fallbackText: 'none',
  }),
  heads: z.array(z.string().check(z.refine<string>(isPeerId))).register(SETTING_NOTES, {
    doc: 'heads that a worker takes work from',
    expects: 'a list of peer ids, such as 12D3KooW…',
    fallback: [],
    fallbackText: 'any',
  }),
  workers: z.array(z.string().check(z.refine<string>(isPeerId))).register(SETTING_NOTES, {
    doc: 'workers that a head gives work to',
    expects: 'a list of peer ids, such as 12D3KooW…',
    fallback: [],
    fallbackText: 'any',
  }),
  clients: z
    .array(z.string().check(z.refine<string>((text) => text === NO_CLIENTS || isPeerId(text))))
    .register(SETTING_NOTES, {
      doc: 'nodes whose requests a head takes by libp2p (MsgExecute), beside those that come by HTTP',
      expects: 'a list of peer ids, such as 12D3KooW…, or none',
      fallback: [],
      fallbackText: 'any',
    }),
  rollCallMs: whole(
    1,
    3_600_000,
    'ms',
    5_000,
    'how long a head waits for workers to say that they can, in ms; a request says otherwise with timeout',
  ),
  executionMs: whole(1, 86_400_000, 'ms', 20_000, 'how long a head waits for the results of its workers, in ms'),
  sign: z.boolean().register(SETTING_NOTES, {
    doc: 'sign every result with the key of the node: an attestation of who answered what',
    expects: 'true or false',
    fallback: false,
  }),
  attributes: z.record(ATTRIBUTE, ATTRIBUTE).register(SETTING_NOTES, {
    doc: 'what a worker is, for requests that ask for attributes',
    expects: 'a mapping of names to text, such as {"region": "eu"}',
    fallback: {},
    fallbackText: 'none',
  }),
  attributesFile: z.nullable(z.string().check(z.minLength(1))).register(SETTING_NOTES, {
    doc: 'attributes.bin of b7s: what a worker is, by the word of attestors',
    expects: 'a path',
    fallback: null,
    fallbackText: 'none',
  }),
  consensus: z.nullable(z.enum(['pbft', 'none'])).register(SETTING_NOTES, {
    doc: 'whether requests for PBFT are run by a cluster: a worker joins those that heads form, a head forms them',
    expects: 'one of pbft, none',
    fallback: null,
    fallbackText: 'pbft for a worker, none for a head',
  }),
  lasting: z.boolean().register(SETTING_NOTES, {
    doc: 'between inferbase nodes, keep one stream open and reuse answers to roll calls for a second; false: the b7s wire only',
    expects: 'true or false',
    fallback: true,
  }),
});
