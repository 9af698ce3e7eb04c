import { toText } from './go-writer.ts';

const UTF8 = new TextEncoder();

/**
 * Bytes that crossed as text, and beside it in base64 where they are not UTF-8. Those are taken only where they read as the
 * text: it is the text that others see.
 * @param exact base64; `undefined`: the text says it all
 */
export function exactBytes(shown: string, exact: string | undefined): Uint8Array {
  if (exact !== undefined) {
    const bytes = new Uint8Array(Buffer.from(exact, 'base64'));
    if (toText(bytes) === shown) return bytes;
  }
  return UTF8.encode(shown);
}
