import type { CID } from 'multiformats/cid';
import type { Agent } from 'undici';
import { InferbaseError } from '../../core/errors.ts';
import { type BlockSource, MAX_BLOCK_BYTES, SourceMiss } from './block-source.ts';

/**
 * Trustless gateways as sources (https://specs.ipfs.tech/http-gateways/trustless-gateway/), which share connections.
 * @param init.gateways base URLs, http or https; a path prefix is kept
 */
export function createGatewaySources(init: {
  readonly gateways: readonly string[];
  readonly sourceTimeoutMs: number;
}): readonly BlockSource[] {
  let agent: Agent | undefined;

  async function download(base: URL, cid: CID, signal: AbortSignal): Promise<Uint8Array> {
    // Loaded at the first fetch: a node that has everything on disk never pays for it.
    const undici = await import('undici');
    agent ??= new undici.Agent({ connections: 32, connect: { timeout: init.sourceTimeoutMs } });
    const { statusCode, headers, body } = await undici.request(blockUrl(base, cid), {
      dispatcher: agent,
      signal,
      headers: { accept: 'application/vnd.ipld.raw', 'accept-encoding': 'identity', 'user-agent': 'inferbase' },
    });
    const miss = missOf(statusCode, Number(headers['content-length'] ?? 0));
    if (miss !== undefined) {
      body.on('error', () => {}).destroy();
      throw miss;
    }
    return await readBounded(body);
  }

  return init.gateways.map((text): BlockSource => {
    const base = new URL(text);
    return {
      // User name and password of a gateway are nobody's business; host and path tell which one it is.
      name: `${base.protocol}//${base.host}${base.pathname}`,
      fetchBlock: (cid, { signal }) => download(base, cid, signal),
      close: async () => agent?.destroy(),
    };
  });
}

/** @throws InferbaseError `ERR_INVALID_SETTING` for a gateway that is no http(s) URL */
export function checkGateways(gateways: readonly string[]): void {
  for (const text of gateways) {
    const url = URL.parse(text);
    if (url !== null && (url.protocol === 'http:' || url.protocol === 'https:')) continue;
    throw new InferbaseError('ERR_INVALID_SETTING', `gateways: ${JSON.stringify(text)} is not an http or https URL.`);
  }
}

function blockUrl(base: URL, cid: CID): URL {
  const url = new URL(base);
  url.pathname = `${base.pathname.replace(/\/+$/, '')}/ipfs/${cid}`;
  url.search = '?format=raw';
  return url;
}

function missOf(status: number, length: number): SourceMiss | undefined {
  if (status === 404 || status === 410)
    return new SourceMiss('ERR_FUNCTION_NOT_FOUND', `answered ${status}, it does not have it`);
  // A redirect could point anywhere, into the operator's own network too.
  if (status >= 300 && status < 400)
    return new SourceMiss('ERR_SOURCE_UNAVAILABLE', `answered ${status}; redirects are not followed`);
  if (status !== 200) return new SourceMiss('ERR_SOURCE_UNAVAILABLE', `answered ${status}`);
  return length > MAX_BLOCK_BYTES ? tooLong() : undefined;
}

/** Counts while reading: a declared length is only a claim. */
async function readBounded(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > MAX_BLOCK_BYTES) throw tooLong();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

function tooLong(): SourceMiss {
  return new SourceMiss('ERR_INTEGRITY', `sent more than ${MAX_BLOCK_BYTES} bytes for one block`);
}
