import { isIP } from 'node:net';
import { base58btc } from 'multiformats/bases/base58';

/** A multiaddr over TCP (https://github.com/multiformats/multiaddr), the only kinds this node speaks. */
export interface TcpAddress {
  readonly host: string;
  readonly port: number;
  /** By WebSocket: `ws`, or `wss` where a proxy in front speaks TLS; `null`: TCP itself. */
  readonly webSocket: 'ws' | 'wss' | null;
  /** base58 peer id, or `null` where the address names none. */
  readonly peerId: string | null;
}

const SHAPE = /^\/(ip4|ip6|dns|dns4|dns6)\/([^/]+)\/tcp\/(\d{1,5})(\/ws|\/wss|\/tls\/ws)?(?:\/(?:p2p|ipfs)\/([^/]+))?$/;
const HOST_NAME = /^(?=.{1,253}$)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?$/;
const SHA2_256_PREFIX = Buffer.from('1220', 'hex');
const IDENTITY_PREFIX = Buffer.from('0024', 'hex');

/** Reads `/ip4/127.0.0.1/tcp/9011/p2p/12D3KooW…`, with `/ws` or `/wss` before `/p2p`; `undefined` for everything else. */
export function parseTcpAddress(text: string): TcpAddress | undefined {
  const [, kind = '', host = '', portText = '', socket, peer] = SHAPE.exec(text) ?? [];
  const port = Number(portText);
  if (kind === '' || port > 65_535) return undefined;
  const family = { ip4: 4, ip6: 6 }[kind];
  if (family === undefined ? !HOST_NAME.test(host) : isIP(host) !== family) return undefined;
  if (peer !== undefined && !isPeerId(peer)) return undefined;
  const webSocket = socket === undefined ? null : socket === '/ws' ? 'ws' : 'wss';
  return { host, port, webSocket, peerId: peer ?? null };
}

/** A peer id in base58: the multihash of a public key, or the key itself where it is short. */
export function isPeerId(text: string): boolean {
  if (text.length > 64) return false;
  try {
    const bytes = Buffer.from(base58btc.baseDecode(text));
    const prefix = bytes.subarray(0, 2);
    return bytes.length === 34 ? prefix.equals(SHA2_256_PREFIX) : bytes.length === 38 && prefix.equals(IDENTITY_PREFIX);
  } catch {
    return false;
  }
}
