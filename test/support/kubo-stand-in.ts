import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CarBlockIterator } from '@ipld/car';
import * as dagPb from '@ipld/dag-pb';
import { exporter } from 'ipfs-unixfs-exporter';
import { CID } from 'multiformats/cid';
import { sha256 } from 'multiformats/hashes/sha2';
import { joined } from './joined.ts';

/**
 * Stands in for a Kubo node where there is none: the part of its RPC API that pinning uses, in the words of its
 * documentation and of kubo-rpc-client on the wire. It keeps the blocks it is sent, checks each of them with other code
 * than ours, and pins only what is whole.
 */
export interface KuboStandIn {
  readonly url: string;
  readonly blocks: Map<string, Uint8Array>;
  /** CID → name */
  readonly pins: Map<string, string>;
  /** Commands asked, in order. */
  readonly asked: string[];
}

/** Answers some requests otherwise; true when it has. */
export type Interference = (command: string, request: IncomingMessage, response: ServerResponse) => boolean;

export async function startKubo(
  t: { after(end: () => unknown): void },
  interfere: Interference = () => false,
  authorization?: string,
): Promise<KuboStandIn> {
  const blocks = new Map<string, Uint8Array>();
  const pins = new Map<string, string>();
  const asked: string[] = [];
  const key = (cid: CID): string => Buffer.from(cid.multihash.bytes).toString('hex');

  async function readCar(request: IncomingMessage): Promise<CID[]> {
    const body = await joined(request);
    const boundary = /boundary=(.+)$/.exec(request.headers['content-type'] ?? '')?.[1] ?? 'none';
    const start = body.indexOf('\r\n\r\n') + 4;
    const end = body.indexOf(`\r\n--${boundary}--`);
    if (!body.subarray(0, start).includes('form-data') || end < 0) throw new Error("file argument 'path' is required");
    const car = await CarBlockIterator.fromBytes(body.subarray(start, end));
    for await (const { cid, bytes } of car) {
      const { digest } = await sha256.digest(bytes);
      if (!Buffer.from(digest).equals(cid.multihash.digest)) throw new Error(`block ${cid} does not match its CID`);
      blocks.set(key(cid), bytes);
    }
    return (await car.getRoots()).map((root) => CID.parse(root.toString()));
  }

  /** As a pin that fetches: everything below must be here. */
  function requireWhole(cid: CID): void {
    const block = blocks.get(key(cid));
    if (block === undefined) throw new Error(`block was not found locally (offline): ipld: could not find ${cid}`);
    if (cid.code === dagPb.code)
      for (const { Hash } of dagPb.decode(block).Links) requireWhole(CID.parse(Hash.toString()));
  }

  async function run(
    command: string,
    query: URLSearchParams,
    request: IncomingMessage,
  ): Promise<object[] | Uint8Array> {
    const cid = query.has('arg') ? CID.parse(query.get('arg') ?? '') : undefined;
    if (command === 'dag/import') {
      const roots = await readCar(request);
      const lines = roots.map((root) => {
        let error = '';
        try {
          requireWhole(root);
          if (query.get('pin-roots') !== 'false') pins.set(root.toString(), '');
        } catch (cause) {
          error = (cause as Error).message;
        }
        return { Root: { Cid: { '/': root.toString() }, PinErrorMsg: error } };
      });
      return [...lines, { Stats: { BlockCount: blocks.size } }];
    }
    if (command === 'pin/ls') {
      const names = query.get('names') === 'true';
      return [
        {
          Keys: Object.fromEntries(
            Array.from(pins, ([pin, Name]) => [pin, { Type: 'recursive', ...(names && { Name }) }]),
          ),
        },
      ];
    }
    if (cid === undefined) throw new Error('argument "ipfs-path" is required');
    if (command === 'pin/add') {
      requireWhole(cid);
      pins.set(cid.toString(), query.get('name') ?? '');
      return [{ Pins: [cid.toString()] }];
    }
    if (command === 'pin/rm') {
      if (!pins.delete(cid.toString())) throw new Error('not pinned or pinned indirectly');
      return [{ Pins: [cid.toString()] }];
    }
    if (command === 'block/get') {
      const block = blocks.get(key(cid));
      if (block === undefined) throw new Error(`block was not found locally (offline): ipld: could not find ${cid}`);
      return block;
    }
    if (command === 'cat') {
      const store = {
        get: async function* (wanted: CID) {
          yield blocks.get(key(wanted)) ?? new Uint8Array();
        },
      };
      const entry = await exporter(cid, store as never);
      if (entry.type !== 'file' && entry.type !== 'raw') throw new Error('this dag node is a directory');
      return await joined(entry.content());
    }
    throw new Error('command not found');
  }

  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '', 'http://kubo');
    const command = url.pathname.replace('/api/v0/', '');
    asked.push(command);
    if (interfere(command, request, response)) return;
    if (authorization !== undefined && request.headers.authorization !== authorization) {
      response
        .writeHead(403, { 'content-type': 'text/plain' })
        .end(
          'Kubo RPC Access Denied: Please provide a valid authorization token as defined in the API.Authorizations configuration.\n',
        );
      return;
    }
    if (request.method !== 'POST') {
      response.writeHead(405, { allow: 'OPTIONS, POST' }).end('405 - Method Not Allowed');
      return;
    }
    try {
      const result = await run(command, url.searchParams, request);
      if (result instanceof Uint8Array) response.writeHead(200, { 'content-type': 'text/plain' }).end(result);
      else
        response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(result.map((line) => `${JSON.stringify(line)}\n`).join(''));
    } catch (error) {
      const Message = (error as Error).message;
      response
        .writeHead(500, { 'content-type': 'application/json' })
        .end(JSON.stringify({ Message, Code: 0, Type: 'error' }));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, blocks, pins, asked };
}
