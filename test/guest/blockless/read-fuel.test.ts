import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { openTestRuntime, runIn } from '../../support/run-guest.ts';
import { wat } from '../../support/wat.ts';

/** Asks once, then reads with a buffer of 1 001 bytes until nothing comes. */
const READER = `(module
  (import "blockless_http" "http_req" (func $req (param i32 i32 i32 i32 i32 i32) (result i32)))
  (import "blockless_http" "http_read_body" (func $read (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 1024) "http://model/")
  (data (i32.const 1088) "{\\"method\\":\\"GET\\"}")
  (func (export "_start")
    (if (call $req (i32.const 1024) (i32.const 13) (i32.const 1088) (i32.const 16) (i32.const 12) (i32.const 16))
      (then unreachable))
    (loop $again
      (if (call $read (i32.load (i32.const 12)) (i32.const 4096) (i32.const 1001) (i32.const 8)) (then unreachable))
      (br_if $again (i32.load (i32.const 8))))))`;

test('a body costs the same fuel whether it is here when it is read or comes by and by', async (t) => {
  let pauseMs = 0;
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-length': 10_003 });
    let left = 10_003;
    const send = (): void => {
      const size = Math.min(left, pauseMs === 0 ? left : 3_333);
      left -= size;
      response.write(Buffer.alloc(size, 'x'));
      if (left === 0) response.end();
      else setTimeout(send, pauseMs);
    };
    setTimeout(send, pauseMs);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const runtime = await openTestRuntime({ 'upstreams.model.url': url });
  t.after(() => runtime.close());
  const wasm = await wat(READER);
  const fuel = new Set<number>();
  for (const pause of [0, 20, 0, 5]) {
    pauseMs = pause;
    const { cause, message, usage } = await runIn(runtime, wasm);
    assert.deepEqual([cause, message], ['exited', '']);
    assert.equal(usage.bytesIn, 10_003);
    fuel.add(usage.fuel);
  }
  assert.equal(fuel.size, 1, [...fuel].join(' '));
});
