import { request } from 'node:http';
import { InferbaseError } from '../core/errors.ts';

/** Body of an execute request, in the words of the API. */
export interface ExecuteBody {
  readonly function_id: string;
  readonly method: string;
  readonly parameters: null;
  readonly topic: string;
  readonly config: {
    readonly env_vars: readonly { readonly name: string; readonly value: string }[];
    readonly number_of_nodes: number;
    readonly timeout: number;
  };
}

/** The request that a chain's head node would send for one topic and argument. */
export function executeBody(cid: string, method: string, topic: string, argument: string): ExecuteBody {
  return {
    function_id: cid,
    method,
    parameters: null,
    topic,
    config: {
      env_vars: [
        { name: 'BLS_REQUEST_PATH', value: '/api' },
        { name: 'ALLORA_ARG_PARAMS', value: argument },
      ],
      number_of_nodes: -1,
      timeout: 2,
    },
  };
}

const PATH = '/api/v1/functions/execute';
const MAX_ANSWER_BYTES = 16_777_216;

/**
 * Sends an execute request over HTTP. (`fetch` refuses the API's usual port 6000.)
 * @param api URL of the API
 * @returns the parsed JSON of the answer
 * @throws InferbaseError ERR_INTERNAL when there is no answer or it is not JSON
 */
export async function sendExecute(api: string, body: ExecuteBody, signal: AbortSignal): Promise<unknown> {
  const text = await new Promise<string>((resolve, reject) => {
    const headers = { 'content-type': 'application/json;charset=UTF-8' };
    const sent = request(new URL(PATH, api), { method: 'POST', headers, signal, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > MAX_ANSWER_BYTES) response.destroy(new Error('the answer is too long'));
        else chunks.push(chunk);
      });
      response.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(JSON.stringify(body));
  });
  try {
    return JSON.parse(text);
  } catch {
    throw new InferbaseError('ERR_INTERNAL', `${api} answered something that is not JSON: ${text.slice(0, 200)}`);
  }
}

/** The same request as a line to paste into a shell. */
export function curlLine(api: string, body: ExecuteBody): string {
  const data = JSON.stringify(body, null, 2).replaceAll("'", String.raw`'\''`);
  return `curl --location '${new URL(PATH, api)}' \\
  --header 'Content-Type: application/json;charset=UTF-8' \\
  --data '${data}'`;
}
