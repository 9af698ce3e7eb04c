import type { OutboundResponse } from '../outbound/fetch.ts';

const TEXT_TYPE = /^(?:text\/|application\/(?:[\w.+-]*[+.-])?(?:json|xml|javascript|yaml|x-www-form-urlencoded)\b)/i;

/** Whether a response says that it is UTF-8 text, or does not say what it is. */
export function isUtf8Text(response: Pick<OutboundResponse, 'header'>): boolean {
  const encoding = response.header('content-encoding');
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') return false;
  const type = response.header('content-type');
  if (type === undefined) return true;
  const charset = /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(type)?.[1];
  return TEXT_TYPE.test(type) && (charset === undefined || /^(?:utf-?8|us-ascii)$/i.test(charset));
}

/** How many bytes at the end are the beginning of a UTF-8 character whose rest is missing: 0 to 3. */
export function incompleteTailLength(bytes: Uint8Array): number {
  for (let length = 1; length <= Math.min(3, bytes.length); length++) {
    const byte = bytes[bytes.length - length] ?? 0;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) {
      const needed = byte >= 0xf8 ? 0 : byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return needed > length ? length : 0;
    }
  }
  return 0;
}
