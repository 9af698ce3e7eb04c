import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as dagPb from '@ipld/dag-pb';
import { CID } from 'multiformats/cid';
import { sha256 } from 'multiformats/hashes/sha2';
import { joined } from './joined.ts';

/**
 * Stands in for a pinning service: the IPFS Pinning Service API 1.0.0 over HTTP. It really fetches what it is asked to pin,
 * through the function it is given, checks every block, and says `pinned` once everything below the CID is there.
 */
export interface PinningStandIn {
  readonly url: string;
  readonly blocks: Map<string, Uint8Array>;
  readonly pins: Map<
    string,
    { cid: string; name: string; origins: string[]; status: string; created: string; why?: string }
  >;
}

export interface PinningStandInInit {
  /** Fetches a block, from the origins of the pin. */
  readonly fetch: (cid: CID, origins: readonly string[]) => Promise<Uint8Array>;
  readonly token?: string;
  /** Answers some requests otherwise; true when it has. */
  readonly interfere?: (request: IncomingMessage, response: ServerResponse) => boolean;
}

export async function startPinningService(
  t: { after(end: () => unknown): void },
  { fetch, token, interfere = () => false }: PinningStandInInit,
): Promise<PinningStandIn> {
  const blocks = new Map<string, Uint8Array>();
  const pins: PinningStandIn['pins'] = new Map();

  async function collect(cid: CID, origins: readonly string[]): Promise<void> {
    const bytes = await fetch(cid, origins);
    const { digest } = await sha256.digest(bytes);
    if (!Buffer.from(digest).equals(cid.multihash.digest)) throw new Error(`block ${cid} does not match its CID`);
    blocks.set(cid.toString(), bytes);
    if (cid.code === dagPb.code)
      for (const { Hash } of dagPb.decode(bytes).Links) await collect(CID.parse(Hash.toString()), origins);
  }

  function shown(requestid: string): object {
    const { cid, name, origins, status, created, why } = pins.get(requestid) ?? {
      cid: '',
      name: '',
      origins: [],
      status: '',
      created: '',
    };
    const info = why === undefined ? {} : { status_details: why };
    return { requestid, status, created, pin: { cid, name, origins, meta: {} }, delegates: [], info };
  }

  const fail = (response: ServerResponse, status: number, reason: string, details = ''): void =>
    void response
      .writeHead(status, { 'content-type': 'application/json' })
      .end(JSON.stringify({ error: { reason, details } }));
  const reply = (response: ServerResponse, status: number, body: object): void =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

  async function post(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { cid, name = '', origins = [] } = JSON.parse((await joined(request)).toString());
    const requestid = randomUUID();
    const pin: { cid: string; name: string; origins: string[]; status: string; created: string; why?: string } = {
      ...{ cid, name, origins, status: 'queued', created: new Date().toISOString() },
    };
    pins.set(requestid, pin);
    setTimeout(async () => {
      pin.status = 'pinning';
      try {
        await collect(CID.parse(cid), origins);
        pin.status = 'pinned';
      } catch (error) {
        pin.status = 'failed';
        pin.why = (error as Error).message;
      }
    }, 20);
    reply(response, 202, shown(requestid));
  }

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://service');
    const [, id] = /^\/psa\/pins(?:\/([^/]+))?$/.exec(url.pathname) ?? [];
    if (interfere(request, response)) return;
    if (!url.pathname.startsWith('/psa/pins'))
      return fail(response, 404, 'NOT_FOUND', 'The specified resource was not found');
    if (token !== undefined && request.headers.authorization !== `Bearer ${token}`) {
      return fail(response, 401, 'UNAUTHORIZED', 'Access token is missing or invalid');
    }
    if (id === undefined && request.method === 'POST') return void post(request, response);
    if (id === undefined) {
      const wanted = url.searchParams;
      const statuses = (wanted.get('status') ?? 'pinned').split(',');
      const found = [...pins.keys()].filter((one) => {
        const pin = pins.get(one);
        return (
          pin !== undefined && statuses.includes(pin.status) && (!wanted.has('cid') || wanted.get('cid') === pin.cid)
        );
      });
      return reply(response, 200, { count: found.length, results: found.map(shown) });
    }
    if (!pins.has(id)) return fail(response, 404, 'NOT_FOUND');
    if (request.method === 'DELETE') {
      pins.delete(id);
      return void response.writeHead(202).end();
    }
    reply(response, 200, shown(id));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/psa`, blocks, pins };
}
