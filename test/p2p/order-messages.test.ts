import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BlocklessRequest } from '../../runtime/core/blockless-request.ts';
import type { WorkOrder } from '../../runtime/core/work.ts';
import { encodeToWorker } from '../../runtime/p2p/lasting/messages.ts';
import { createOrderMessages } from '../../runtime/p2p/order-messages.ts';
import { createOrderCodec } from '../../runtime/p2p/port/order-codec.ts';
import { orderOf } from './b7s-peers.ts';

/** An order, and how often its standard input was looked at. */
function watched(stdin: string): { readonly order: WorkOrder; readonly reads: () => number } {
  let reads = 0;
  const config = {
    get stdin() {
      reads++;
      return stdin;
    },
  };
  const request: BlocklessRequest = { function_id: 'f', method: 'm.wasm', config };
  return { order: { ...orderOf('id'), request }, reads: () => reads };
}

test('an order for many workers is encoded once in each dialect, and once for kept streams', () => {
  const messages = createOrderMessages('head');
  const { order, reads } = watched('x'.repeat(100_000));
  const [execute, workOrder] = messages.encode('first', order);
  const once = reads();
  for (let i = 0; i < 10; i++) {
    const again = messages.encode(`worker ${i}`, order);
    assert.equal(again[0], execute);
    assert.equal(again[1], workOrder);
  }
  assert.equal(reads(), once);
  const other = messages.encode('first', orderOf('other'));
  assert.match(String(other[0]), /"request_id":"other"/);

  const frames = Array.from({ length: 10 }, (_, id) => encodeToWorker({ kind: 'order', id, order }));
  assert.equal(reads(), once + 1);
  assert.equal(new Set(frames.map((frame) => frame.length)).size, 1);
});

test('an order for many workers crosses to the thread of the host as the same bytes, and is read once', () => {
  const [front, host] = [createOrderCodec(), createOrderCodec()];
  const order = { ...orderOf('id'), request: { function_id: 'f', config: { stdin: 'ü'.repeat(10_000) } } };
  const buffers: Uint8Array[] = [];
  const packed = ['a', 'b', 'c'].map((peerId) => front.pack({ peerId, order }, buffers));
  assert.equal(new Set(buffers).size, 1);
  assert.equal(buffers[0]?.byteLength, buffers[0]?.buffer.byteLength);
  const crossed = structuredClone(buffers);
  const orders = packed.map((one) => host.unpack(JSON.parse(JSON.stringify(one)), crossed)) as { order: WorkOrder }[];
  assert.deepEqual(orders.at(-1), { peerId: 'c', order });
  assert.equal(new Set(orders.map((one) => one.order)).size, 1);
  const small = { peerId: 'a', order: orderOf('small') };
  assert.equal(front.pack(small, buffers), small);
  assert.equal(host.unpack(small, crossed), small);
});
