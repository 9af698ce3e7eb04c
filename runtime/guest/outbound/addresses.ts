/**
 * Which IP addresses are the public internet. Everything that IANA's special-purpose registries (RFC 6890) keep for
 * something else is not, nor are the addresses at which clouds serve credentials to their machines.
 */

/** Blocks that are not public: first address and prefix length. */
const SPECIAL_IPV4: readonly (readonly [base: number, bits: number])[] = [
  ['0.0.0.0', 8], // this network, unspecified
  ['10.0.0.0', 8], // private
  ['100.64.0.0', 10], // carrier-grade NAT; one cloud's metadata
  ['127.0.0.0', 8], // loopback
  ['168.63.129.16', 32], // Azure's host agent: routable, but the machine's own
  ['169.254.0.0', 16], // link-local, metadata
  ['172.16.0.0', 12], // private
  ['192.0.0.0', 24], // IETF protocol assignments; one cloud's metadata
  ['192.0.2.0', 24], // documentation
  ['192.88.99.0', 24], // 6to4 relay anycast, withdrawn
  ['192.168.0.0', 16], // private
  ['198.18.0.0', 15], // benchmarking
  ['198.51.100.0', 24], // documentation
  ['203.0.113.0', 24], // documentation
  ['224.0.0.0', 4], // multicast
  ['240.0.0.0', 4], // reserved, broadcast
].map(([base, bits]) => [parseIPv4(String(base)) ?? 0, Number(bits)]);

/** An IPv4 address in dotted decimal as an unsigned 32-bit number; `null` for any other spelling. */
export function parseIPv4(text: string): number | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return null;
  const octets = match.slice(1).map(Number);
  if (octets.some((octet) => octet > 255)) return null;
  return octets.reduce((value, octet) => value * 256 + octet, 0);
}

/** An IPv6 address as its eight 16-bit groups; `null` when it is none, or has a zone. */
export function parseIPv6(text: string): readonly number[] | null {
  let source = text;
  const dotted = /^(.*:)([\d.]+)$/.exec(text);
  if (dotted?.[2]?.includes('.')) {
    const low = parseIPv4(dotted[2]);
    if (low === null) return null;
    source = `${dotted[1]}${(low >>> 16).toString(16)}:${(low & 0xffff).toString(16)}`;
  }
  const halves = source.split('::');
  if (halves.length > 2) return null;
  const [head, tail] = halves.map((half) => (half === '' ? [] : half.split(':')));
  const written = [...(head ?? []), ...(tail ?? [])];
  if (!written.every((group) => /^[\da-f]{1,4}$/i.test(group))) return null;
  if (tail === undefined ? written.length !== 8 : written.length > 7) return null;
  const zeros = new Array<string>(8 - written.length).fill('0');
  return [...(head ?? []), ...zeros, ...(tail ?? [])].map((group) => Number.parseInt(group, 16));
}

function isPublicIPv4(address: number): boolean {
  return !SPECIAL_IPV4.some(([base, bits]) => (address ^ base) >>> (32 - bits) === 0);
}

function isPublicIPv6(groups: readonly number[]): boolean {
  const group = (index: number): number => groups[index] ?? 0;
  const embedded = (index: number): boolean => isPublicIPv4(((group(index) << 16) | group(index + 1)) >>> 0);
  const zero = (from: number, to: number): boolean => groups.slice(from, to).every((value) => value === 0);

  if (zero(0, 5) && group(5) === 0xffff) return embedded(6); // ::ffff:0:0/96, IPv4-mapped
  if (group(0) === 0x64 && group(1) === 0xff9b && zero(2, 6)) return embedded(6); // 64:ff9b::/96, NAT64
  if (group(0) === 0x2002) return embedded(1); // 2002::/16, 6to4
  if (group(0) >>> 13 !== 1) return false; // 2000::/3 is all that is global unicast
  if (group(0) === 0x2001 && group(1) < 0x200) return false; // 2001::/23, protocol assignments (Teredo, ORCHID)
  if (group(0) === 0x2001 && group(1) === 0xdb8) return false; // documentation
  return !(group(0) === 0x3fff && group(1) < 0x1000); // 3fff::/20, documentation
}

/**
 * Whether an address is one on the public internet. Embedded IPv4 addresses (mapped, NAT64, 6to4) count as themselves.
 * @param text an address as the resolver or `URL.hostname` gives it, IPv6 with or without brackets
 * @returns `false` also for anything that is not an address
 */
export function isPublicAddress(text: string): boolean {
  const ipv4 = parseIPv4(text);
  if (ipv4 !== null) return isPublicIPv4(ipv4);
  const ipv6 = parseIPv6(text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text);
  return ipv6 !== null && isPublicIPv6(ipv6);
}
