import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { compile } from '../support/asc.ts';
import { runGuest } from '../support/run-guest.ts';

test("a function built from npm's @blockless/sdk reads a long body with a character across its buffer's end", async () => {
  // The SDK decodes 1 024 bytes at a time: put a two-byte character where the first 1 024 bytes end.
  const head = '{"text":"';
  const text = `${'a'.repeat(1023 - head.length)}é${'ü'.repeat(1500)}`;
  const body = Buffer.from(`${head}${text}","length":${text.length}}`);
  assert.equal(body.subarray(1023, 1025).toString(), 'é');

  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json');
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  try {
    const wasm = await compile(new URL('./assembly/blockless-client/', import.meta.url));
    const result = await runGuest(wasm, { env: { TARGET: `${url}long`, OTHER: 'a "quoted"\nline' }, allow: [url] });
    assert.deepEqual([result.cause, result.exitCode, result.stderr], ['exited', 0, '']);
    assert.equal(result.stdout, `${text}\n${text.length}\n`);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});
