import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import { executeBody } from '../../runtime/cli/execute-request.ts';
import type { Network } from './container.ts';

export interface Answer {
  readonly code: string;
  readonly results?: readonly { readonly result: { readonly stdout: string }; readonly peers: readonly string[] }[];
}

/** The curl of the guide, with the CID and the argument filled in. */
function curl(cid: string, method: string): string[] {
  const body = executeBody(cid, method, '1', 'ETH');
  const headers = ['Accept: application/json, text/plain, */*', 'Content-Type: application/json;charset=UTF-8'];
  const url = 'http://localhost:6000/api/v1/functions/execute';
  return ['-s', '--location', url, ...headers.flatMap((line) => ['--header', line]), '--data', JSON.stringify(body)];
}

/** Asks the head at port 6000 of a network, until a worker that had to install the function first has it. */
export async function ask(network: Network, cid: string, method: string): Promise<{ answer: Answer; text: string }> {
  for (let attempt = 1; ; attempt++) {
    const { stdout, stderr, code } = network.exec('curl', curl(cid, method));
    assert.equal(code, 0, stderr);
    const answer: Answer = JSON.parse(stdout);
    if (answer.code === '200' || attempt === 20) return { answer, text: stdout };
    await setTimeout(500);
  }
}
