import type { CID } from 'multiformats/cid';
import type { Agent, Dispatcher } from 'undici';
import { InferbaseError } from '../../core/errors.ts';
import { readCar } from '../car/read-car.ts';
import { type BlockSource, MAX_BLOCK_BYTES, SourceMiss, type UncheckedBlock } from './block-source.ts';

const RAW_TYPE = 'application/vnd.ipld.raw';
const CAR_TYPE = 'application/vnd.ipld.car';
/** The reader of a DAG has caps of its own, and lower ones. */
const CAR_CAPS = { bytes: 1024 * 1024 * 1024, blocks: 1_000_000, unchecked: true } as const;

/**
 * Trustless gateways as sources (https://specs.ipfs.tech/http-gateways/trustless-gateway/), which share connections.
 * @param init.gateways base URLs, http or https; a path prefix is kept
 */
export function createGatewaySources(init: {
  readonly gateways: readonly string[];
  readonly sourceTimeoutMs: number;
}): readonly BlockSource[] {
  let agent: Agent | undefined;

  async function open(url: URL, accept: string, signal: AbortSignal): Promise<Dispatcher.ResponseData> {
    // Loaded at the first fetch: a node that has everything on disk never pays for it.
    const undici = await import('undici');
    agent ??= new undici.Agent({ connections: 32, connect: { timeout: init.sourceTimeoutMs } });
    const response = await undici.request(url, {
      dispatcher: agent,
      signal,
      headers: { accept, 'accept-encoding': 'identity', 'user-agent': 'inferbase' },
    });
    const miss = missOf(response.statusCode);
    if (miss !== undefined) throw refuse(response, miss);
    return response;
  }

  async function fetchBlock(base: URL, cid: CID, signal: AbortSignal): Promise<Uint8Array> {
    const response = await open(urlOf(base, cid, 'format=raw'), RAW_TYPE, signal);
    const { headers, body } = response;
    if (Number(headers['content-length'] ?? 0) > MAX_BLOCK_BYTES) throw refuse(response, tooLong());
    return await readBounded(body);
  }

  async function* fetchDag(base: URL, root: CID, { signal, onBytes }: FetchDagOptions): AsyncGenerator<UncheckedBlock> {
    const accept = `${CAR_TYPE}; version=1; order=dfs; dups=n`;
    const response = await open(urlOf(base, root, 'format=car&dag-scope=all'), accept, signal);
    const { headers, body } = response;
    const type = String(headers['content-type'] ?? '');
    if (!type.startsWith(CAR_TYPE)) {
      throw refuse(response, new SourceMiss('ERR_SOURCE_UNAVAILABLE', 'gave something else than a CAR'));
    }
    async function* counted(): AsyncGenerator<Uint8Array> {
      for await (const chunk of body as AsyncIterable<Uint8Array>) {
        onBytes?.(chunk.length);
        yield chunk;
      }
    }
    const car = await readCar(counted(), CAR_CAPS);
    yield* car.blocks;
  }

  return init.gateways.map((text): BlockSource => {
    const base = new URL(text);
    return {
      // User name and password of a gateway are nobody's business; host and path tell which one it is.
      name: `${base.protocol}//${base.host}${base.pathname}`,
      fetchBlock: (cid, { signal }) => fetchBlock(base, cid, signal),
      fetchDag: (root, options) => fetchDag(base, root, options),
      close: async () => agent?.destroy(),
    };
  });
}

type FetchDagOptions = Parameters<NonNullable<BlockSource['fetchDag']>>[1];

/** @throws InferbaseError `ERR_INVALID_SETTING` for a gateway that is no http(s) URL */
export function checkGateways(gateways: readonly string[]): void {
  for (const text of gateways) {
    const url = URL.parse(text);
    if (url !== null && (url.protocol === 'http:' || url.protocol === 'https:')) continue;
    throw new InferbaseError('ERR_INVALID_SETTING', `gateways: ${JSON.stringify(text)} is not an http or https URL.`);
  }
}

function urlOf(base: URL, cid: CID, query: string): URL {
  const url = new URL(base);
  url.pathname = `${base.pathname.replace(/\/+$/, '')}/ipfs/${cid}`;
  url.search = `?${query}`;
  return url;
}

/** Drops a response that is not read. */
function refuse({ body }: Dispatcher.ResponseData, miss: SourceMiss): SourceMiss {
  body.on('error', () => {}).destroy();
  return miss;
}

function missOf(status: number): SourceMiss | undefined {
  if (status === 404 || status === 410)
    return new SourceMiss('ERR_FUNCTION_NOT_FOUND', `answered ${status}, it does not have it`);
  // A redirect could point anywhere, into the operator's own network too.
  if (status >= 300 && status < 400)
    return new SourceMiss('ERR_SOURCE_UNAVAILABLE', `answered ${status}; redirects are not followed`);
  if (status !== 200) return new SourceMiss('ERR_SOURCE_UNAVAILABLE', `answered ${status}`);
  return undefined;
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
