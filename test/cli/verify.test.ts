import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { NO_USAGE, type Outcome } from '../../runtime/core/execution.ts';
import type { ExecuteReply, PeerResult } from '../../runtime/core/node.ts';
import { encodeExecuteError, encodeExecuteReply } from '../../runtime/http/execute-reply.ts';
import { encodePeerResults } from '../../runtime/http/peer-result.ts';
import { signAttestation } from '../../runtime/wire/attestation.ts';
import { EXECUTE_REQUEST, toExecuteRequest } from '../../runtime/wire/execute-request.ts';
import { decodeJson } from '../../runtime/wire/go-json.ts';
import { signer } from '../wire/signer.ts';
import { run, temporaryFolder } from './command.ts';

const FUNCTION_ID = 'bafybeigpiwl3o73zvvl6dxdqu7zqcub5mhg65jiky2xqb4rdhfmikswzqm';
const REQUEST = JSON.stringify({
  function_id: FUNCTION_ID,
  method: 'a.wasm',
  topic: '1',
  config: { number_of_nodes: -1, env_vars: [{ name: 'A', value: '<b>' }], inferbase: { limits: { deadlineMs: 500 } } },
});
const REQUEST_ID = '3f1c1a52-6d4e-4b39-9f0e-7a8c1d2e3f40';

const outcome: Outcome = {
  cause: 'exited',
  exitCode: 0,
  message: '',
  stdout: new Uint8Array([0x34, 0x32, 0x0a, 0xe2, 0x82]),
  stderr: new Uint8Array(0),
  stdoutTruncated: true,
  stderrTruncated: false,
  usage: NO_USAGE,
};
const { body } = toExecuteRequest(decodeJson(Buffer.from(REQUEST), EXECUTE_REQUEST));
const workers = [signer('inferbase test key 1'), signer('inferbase test key 2'), signer('inferbase test key 3')];

/** What each worker answers, and signs. */
function signed(change: Partial<Outcome> = {}): PeerResult[] {
  return workers.map((worker) => {
    const own = { ...outcome, ...change };
    return {
      peerId: worker.peerId,
      outcome: own,
      attestation: signAttestation(worker, { request: body, outcome: own }),
    };
  });
}

function reply(results: readonly PeerResult[]): string {
  const answer: ExecuteReply = { requestId: REQUEST_ID, code: '200', results, cluster: [], remarks: [] };
  return encodeExecuteReply(answer);
}

describe('verify', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  before(async () => {
    folder = await temporaryFolder();
    await writeFile(join(folder.path, 'request.json'), REQUEST);
    await writeFile(join(folder.path, 'other.json'), REQUEST.replace('"topic":"1"', '"topic":"2"'));
    await writeFile(join(folder.path, 'answer.json'), reply(signed()));
  });
  after(() => folder[Symbol.asyncDispose]());

  const verify = (args: readonly string[], input = '') => run(['verify', ...args], folder.path, { input });

  test('an answer of three workers that signed is good, one line each, with the request and without', async () => {
    for (const args of [['answer.json'], ['answer.json', '--request', 'request.json']]) {
      const { code, stdout, stderr } = await verify(args);
      assert.equal(code, 0, stdout + stderr);
      const lines = stdout.trimEnd().split('\n');
      assert.equal(lines.length, 3);
      for (const { peerId } of workers) {
        const line = lines.find((text) => text.includes(peerId)) ?? '';
        assert.match(line, new RegExp(`^✓ ${peerId} signed at \\d{4}-\\S+Z for ${FUNCTION_ID}$`));
      }
    }
  });

  test('the same from standard input, and of requests/result', async () => {
    assert.equal((await verify(['-', '--request', 'request.json'], reply(signed()))).code, 0);
    const { code, stdout } = await verify(['-', '--request', 'request.json'], encodePeerResults(REQUEST_ID, signed()));
    assert.equal(code, 0);
    assert.equal(stdout.trimEnd().split('\n').length, 3);
  });

  test('another request is told', async () => {
    const { code, stdout } = await verify(['answer.json', '--request', 'other.json']);
    assert.equal(code, 1);
    assert.equal(stdout.match(/^✗ 12D3KooW\w+: it is of another request$/gm)?.length, 3);
  });

  test('a result that was changed on the way is told, and so is its cause', async () => {
    for (const [was, is] of [
      ['"stdout":"42', '"stdout":"43'],
      ['"exit_code":0', '"exit_code":1'],
      ['"cause":"exited"', '"cause":"fuel"'],
      ['"truncated":["stdout"]', '"truncated":["stderr"]'],
    ] as const) {
      const { code, stdout } = await verify(['-'], reply(signed()).replaceAll(was, is));
      assert.equal(code, 1, is);
      assert.equal(stdout.match(/^✗ 12D3KooW\w+: it is of another outcome$/gm)?.length, 3, stdout);
    }
  });

  test('one worker of three whose signature is wrong makes it bad, and the others are told to be good', async () => {
    const results = signed();
    const [first] = results;
    assert.ok(first?.attestation !== undefined);
    const signature = first.attestation.signature.replace(/^../, (byte) => (byte === '00' ? '01' : '00'));
    const forged = { ...first, attestation: { ...first.attestation, signature } };
    const { code, stdout } = await verify(['-', '--json'], reply([forged, ...results.slice(1)]));
    assert.equal(code, 1);
    const rows = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { peerId: string; valid: boolean });
    for (const { peerId, valid } of rows) assert.equal(valid, peerId !== first.peerId);
    assert.equal(rows.length, 3);
    assert.match(stdout, /"flaw":"its signature is wrong","attestation":\{"peerId"/);
  });

  test('the signature of another worker does not do', async () => {
    const [one, two] = signed();
    assert.ok(one !== undefined && two?.attestation !== undefined);
    const { code, stdout } = await verify(['-'], reply([{ ...one, attestation: two.attestation }, two]));
    assert.equal(code, 1);
    assert.match(stdout, new RegExp(`^✗ ${one.peerId}: it is of another peer$`, 'm'));
  });

  test('a worker that did not sign, and an answer without results', async () => {
    const [one] = signed();
    assert.ok(one !== undefined);
    const unsigned = await verify(['-'], reply([{ peerId: one.peerId, outcome }]));
    assert.deepEqual([unsigned.code, unsigned.stdout], [1, `✗ ${one.peerId}: it did not sign\n`]);
    const failed = await verify(['-'], encodeExecuteError(REQUEST_ID, new Error('x')));
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /^no results/);
  });

  const wrong: readonly (readonly [name: string, args: readonly string[], input: string, message: RegExp])[] = [
    ['no file', [], '', /missing required argument 'file'/],
    ['a file that is not there', ['none.json'], '', /none\.json cannot be read \(ENOENT\)/],
    ['a folder', ['.'], '', /\. cannot be read \(EISDIR\)/],
    ['nothing', ['-'], '', /the answer cannot be read: it is empty/],
    ['headers of curl -i', ['-'], 'HTTP/1.1 200 OK\n', /invalid character 'H' looking for beginning of value/],
    ['a list', ['-'], '[]', /it is no JSON object/],
    ['results that are none', ['-'], '{"code":"200","results":[{"peers":"x"}]}', /results\.peers is string where/],
    ['a request that is none', ['answer.json', '--request', '-'], '{', /--request -: could not unpack request/],
    ['both from standard input', ['-', '--request', '-'], '{}', /cannot both be standard input/],
  ];
  for (const [name, args, input, message] of wrong) {
    test(`${name}: exit code 2 and one error`, async () => {
      const { code, stdout, stderr } = await verify(args, input);
      assert.equal(code, 2, stdout + stderr);
      assert.match(stderr, message);
      assert.equal(stdout, '');
    });
  }
});
