import { OutboundError } from './errors.ts';

export type HeaderList = readonly (readonly [name: string, value: string])[];

/** Written by the connection itself, never by a guest or an upstream's settings. */
const OURS = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
const SECRETS = new Set(['authorization', 'cookie']);
const ABOUT_THE_BODY = new Set(['content-encoding', 'content-language', 'content-location', 'content-type']);

/** A token of RFC 9110 §5.6.2: header names and methods. */
export const TOKEN = /^[!#$%&'*+\-.^_`|~\da-z]+$/i;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
/** Names, values and separators together; far below what servers commonly accept. */
const MAX_BYTES = 32_768;

/**
 * Checks headers and leaves off those that are not the caller's to set (`Host`, hop-by-hop, framing, `Proxy-*`).
 * @param headers values are text and travel as its UTF-8 bytes; of several with one name the last stays
 * @returns lower-case name → value, one character a byte, as it goes on the wire
 * @throws OutboundError `headers` for a name that is no token, a value with a line break or control character, too much
 */
export function checkHeaders(headers: HeaderList): Map<string, string> {
  const checked = new Map<string, string>();
  let size = 0;
  for (const [name, value] of headers) {
    const lower = name.toLowerCase();
    if (!TOKEN.test(name)) {
      throw new OutboundError('headers', `The header name ${JSON.stringify(name.slice(0, 80))} is not a valid token.`);
    }
    const bytes = trimmed(Buffer.from(value, 'utf8').toString('latin1'));
    if (!VALUE.test(bytes)) {
      throw new OutboundError(
        'headers',
        `The value of header ${name} has a line break or control character: remove it.`,
      );
    }
    size += lower.length + bytes.length + 4;
    if (size > MAX_BYTES) {
      throw new OutboundError(
        'headers',
        `The request headers are over ${MAX_BYTES} bytes: send less, or use the body.`,
      );
    }
    if (!OURS.has(lower) && !lower.startsWith('proxy-')) checked.set(lower, bytes);
  }
  return checked;
}

/** Without blanks and tabs at both ends. Not by a regular expression: looking for the end, it tries every blank within. */
function trimmed(value: string): string {
  const isBlank = (at: number): boolean => value[at] === ' ' || value[at] === '\t';
  let start = 0;
  let end = value.length;
  while (start < end && isBlank(start)) start++;
  while (end > start && isBlank(end - 1)) end--;
  return value.slice(start, end);
}

/** The headers of a request to a named upstream: what the operator set wins over the guest's. */
export function withHostSide(
  guest: ReadonlyMap<string, string>,
  hostSide: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  return hostSide.size === 0 ? guest : new Map([...guest, ...hostSide]);
}

/** What stays of a guest's headers when a redirect leads to another origin. */
export function withoutSecrets(headers: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...headers].filter(([name]) => !SECRETS.has(name)));
}

/** What stays when a redirect turns a request with a body into one without. */
export function withoutBodyHeaders(headers: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...headers].filter(([name]) => !ABOUT_THE_BODY.has(name)));
}
