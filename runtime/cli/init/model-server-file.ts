/** A stand-in for the author's model server, in the Node that every user of ours has. */
export function modelServer(): string {
  return `// A stand-in for your model server: GET /inference/TOKEN answers {"value": "123.45"}. Any server that does will do.
import { createServer } from 'node:http';

const host = process.env.HOST ?? '127.0.0.1';
const port = Number(process.env.PORT ?? 8000);

function predict(token) {
  // FILL IN: your model. As generated the value is random.
  return (Math.random() * 1000).toFixed(6);
}

const server = createServer((request, response) => {
  const send = (status, body) => {
    console.log(\`\${request.method} \${request.url} \${status}\`);
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body) + '\\n');
  };
  const [, page, token] = (request.url ?? '/').split('?')[0].split('/');
  try {
    if (request.method !== 'GET') send(405, { error: 'only GET is served here' });
    else if (page === 'inference' && token) send(200, { token: decodeURIComponent(token), value: predict(token) });
    else if (page === 'health') send(200, { status: 'ok' });
    else send(404, { error: 'there is no such page; ask for /inference/TOKEN' });
  } catch (error) {
    send(error instanceof URIError ? 400 : 500, { error: String(error) });
  }
});

server.listen(port, host, () => console.log(\`model server: http://\${host}:\${server.address().port}/inference/ETH\`));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(0));
`;
}
