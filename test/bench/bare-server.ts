/**
 * What the product is measured against: one Fastify route that parses the same body and answers the same fields, with
 * nothing between. `node bare-server.ts PORT`
 */
import fastify from 'fastify';

interface Body {
  readonly function_id: string;
}

const port = Number(process.argv[2]);
const app = fastify();
app.post<{ Body: Body }>('/api/v1/functions/execute', async (request) => ({
  code: '200',
  request_id: '6f2c1c1e-53f0-4d0f-8f0a-0f2f6f2a7d11',
  results: [
    {
      result: { stdout: '{"infererValue":"512.34"}', stderr: '', exit_code: 0 },
      peers: [request.body.function_id],
      frequency: 100,
    },
  ],
  cluster: { peers: [request.body.function_id] },
}));
await app.listen({ host: '127.0.0.1', port });
console.log(`bare server on 127.0.0.1:${port}`);
