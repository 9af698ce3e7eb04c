import { request } from 'node:http';
import { connect } from 'node:net';

/** How long an answer may take until it counts as none, in ms. */
const PATIENCE_MS = 2_000;
const MAX_BYTES = 1_048_576;

/** Sends a GET request. (`fetch` refuses the API's usual port 6000.) @throws an error where there is no answer */
export async function get(url: URL): Promise<{ readonly status: number; readonly text: string }> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  return await new Promise((resolve, reject) => {
    const sent = request(url, { signal, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > MAX_BYTES) response.destroy(new Error('the answer is too long'));
        else chunks.push(chunk);
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
      );
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end();
  });
}

/** Whether somebody takes connections there. */
export async function accepts(url: URL): Promise<boolean> {
  const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
  return await new Promise((resolve) => {
    const socket = connect({ host: url.hostname.replace(/^\[|\]$/g, ''), port, timeout: PATIENCE_MS });
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
  });
}
