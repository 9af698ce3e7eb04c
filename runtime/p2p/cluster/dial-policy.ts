import { BlockList, isIP } from 'node:net';
import { parseTcpAddress } from '../../core/multiaddr.ts';

type Kind = 'public' | 'private' | 'loopback' | 'never';

type Range = readonly [address: string, bits: number];

const LOOPBACK = listOf([
  ['127.0.0.0', 8],
  ['::1', 128],
]);
const PRIVATE = listOf([
  ['10.0.0.0', 8],
  ['100.64.0.0', 10], // shared by carriers
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['fc00::', 7],
]);
/** Of no node that could be meant: unspecified, link-local with the clouds' metadata, translated, multicast, reserved. */
const NEVER = listOf([
  ['0.0.0.0', 8],
  ['169.254.0.0', 16],
  ['192.0.0.0', 24],
  ['198.18.0.0', 15],
  ['224.0.0.0', 3],
  ['::', 128],
  ['64:ff9b::', 96],
  ['2002::', 16],
  ['fe80::', 10],
  ['ff00::', 8],
]);

/** IPv4 as IPv6: a list takes it for either. */
const MAPPED = listOf([['::ffff:0:0', 96]]);

function listOf(ranges: readonly Range[]): BlockList {
  const list = new BlockList();
  for (const [address, bits] of ranges) list.addSubnet(address, bits, isIP(address) === 4 ? 'ipv4' : 'ipv6');
  return list;
}

function kindOf(ip: string): Kind {
  const family = isIP(ip) === 4 ? 'ipv4' : 'ipv6';
  if (family === 'ipv6' && MAPPED.check(ip, family)) return 'never';
  if (LOOPBACK.check(ip, family)) return 'loopback';
  if (PRIVATE.check(ip, family)) return 'private';
  return NEVER.check(ip, family) ? 'never' : 'public';
}

/**
 * Whether this node dials an address that a head gave it. A head may be anybody: it must not have its workers knock at the
 * doors of a network that it cannot reach itself. So private addresses count only for a head that comes from one, loopback
 * only for one on this machine, and names for none. One that the operator named is taken at its word on private addresses and
 * names, but passes on what workers say of themselves, who may be anybody: loopback is not the same place for them.
 * @param address multiaddr
 * @param head.address multiaddr at the other end of its connection
 * @param head.trusted whether the operator named it
 */
export function mayDial(address: string, head: { readonly address: string; readonly trusted: boolean }): boolean {
  const asked = parseTcpAddress(address);
  if (asked === undefined || asked.port === 0) return false;
  if (isIP(asked.host) === 0) return head.trusted;
  const from = parseTcpAddress(head.address)?.host ?? '';
  const near = isIP(from) === 0 ? 'public' : kindOf(from);
  switch (kindOf(asked.host)) {
    case 'public':
      return true;
    case 'private':
      return head.trusted || near === 'private' || near === 'loopback';
    case 'loopback':
      return near === 'loopback';
    case 'never':
      return false;
  }
}
