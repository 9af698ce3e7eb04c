import { request } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** One request to 127.0.0.1 over `node:http`; `fetch` refuses some ports. */
function send(port: number, path: string, body: string | null): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const options = { host: '127.0.0.1', port, path, method: body === null ? 'GET' : 'POST' };
  const headers = body === null ? {} : { 'content-type': 'application/json' };
  const call = request({ ...options, headers }, (response) => {
    let text = '';
    response.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    response.on('error', reject);
  });
  call.on('error', reject);
  call.end(body ?? undefined);
  return promise;
}

export function get(port: number, path: string): Promise<Answer> {
  return send(port, path, null);
}

/** Posts a value as JSON. */
export function post(port: number, path: string, body: object): Promise<Answer> {
  return send(port, path, JSON.stringify(body));
}
