/**
 * A model server that takes as long as it is told: `PUT /wait/50` makes every answer wait 50 ms.
 * `node upstream.ts PORT [MS]`
 */
import { createServer } from 'node:http';

const port = Number(process.argv[2]);
const ANSWER = JSON.stringify({ token: 'ETH', value: '3213.45', model: 'bench' });
let waitMs = Number(process.argv[3] ?? 0);

const server = createServer((request, response) => {
  const wait = /^\/wait\/(\d+)$/.exec(request.url ?? '');
  if (request.method === 'PUT' && wait !== null) {
    waitMs = Number(wait[1]);
    response.end();
    return;
  }
  const answer = (): void => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(ANSWER) });
    response.end(ANSWER);
  };
  if (waitMs === 0) answer();
  else setTimeout(answer, waitMs);
});
server.keepAliveTimeout = 60_000;
server.listen(port, '127.0.0.1', () => console.log(`upstream on 127.0.0.1:${port}`));
