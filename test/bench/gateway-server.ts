/** A trustless gateway for the bench that has everything in memory: `node gateway-server.ts PORT`. */
import { createServer } from 'node:http';
import type { CID } from 'multiformats/cid';
import { writeCar } from '../../runtime/store/car/write-car.ts';
import { walkDag } from '../../runtime/store/dag-walk.ts';
import { importFiles, wasm } from '../store/support.ts';

/** Sizes of the functions it serves, in bytes. */
const SIZES = [40_000, 1_000_000, 12_000_000] as const;

const port = Number(process.argv[2]);
const answers = new Map<string, Uint8Array>();
const cids: Record<number, string> = {};
for (const size of SIZES) {
  const bytes = Buffer.from(wasm(`bench ${size}`, size));
  const { cid, blocks } = await importFiles({ '': bytes });
  cids[size] = cid.toString();
  answers.set(`/plain/${size}`, bytes);
  const read = async (wanted: CID): Promise<Uint8Array> => blocks.get(wanted.toString()) ?? new Uint8Array();
  const parts: Uint8Array[] = [];
  for await (const part of writeCar([cid], walkDag(cid, read))) parts.push(part);
  answers.set(`/ipfs/${cid}?format=car&dag-scope=all`, Buffer.concat(parts));
  for (const [text, block] of blocks) answers.set(`/ipfs/${text}?format=raw`, block);
}
answers.set('/cids', Buffer.from(JSON.stringify(cids)));

createServer((request, response) => {
  const answer = answers.get(request.url ?? '');
  if (answer === undefined) return response.writeHead(404).end();
  const car = request.url?.includes('format=car') === true;
  response.writeHead(200, {
    'content-type': car ? 'application/vnd.ipld.car; version=1; order=dfs; dups=n' : 'application/vnd.ipld.raw',
    'content-length': answer.length,
  });
  response.end(answer);
}).listen(port, '127.0.0.1', () => console.log(`listening on 127.0.0.1:${port}`));
