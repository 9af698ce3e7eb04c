import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { OutputBuffer } from '../../../runtime/services/cgi/output-buffer.ts';

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

describe('output that waits to be read', () => {
  test('comes in order, cut at the capacity, and ends with no bytes', async () => {
    const buffer = new OutputBuffer(100, 'wait');
    for (const part of ['ab', 'c', 'defg']) buffer.push(Buffer.from(part));
    assert.equal(text(await buffer.read(1)), 'a');
    assert.equal(text(await buffer.read(4)), 'bcde');
    buffer.end();
    assert.equal(text(await buffer.read(100)), 'fg');
    assert.equal((await buffer.read(100)).length, 0);
  });

  test('is waited for, and then for a full buffer, the end or a quiet moment', async () => {
    const full = new OutputBuffer(100, 'wait');
    const reading = full.read(3);
    await new Promise(setImmediate);
    full.push(Buffer.from('x'));
    full.push(Buffer.from('yz'));
    assert.equal(text(await reading), 'xyz');
    const ended = new OutputBuffer(100, 'wait');
    const toTheEnd = ended.read(3);
    ended.push(Buffer.from('x'));
    ended.end();
    assert.equal(text(await toTheEnd), 'x');
    const quiet = new OutputBuffer(100, 'wait');
    quiet.push(Buffer.from('x'));
    assert.equal(text(await quiet.read(3)), 'x');
  });

  test('past its limit holds up the writer until some was read', async () => {
    const buffer = new OutputBuffer(4, 'wait');
    let space = 0;
    buffer.onSpace = () => space++;
    assert.equal(buffer.push(Buffer.from('abc')), true);
    assert.equal(buffer.push(Buffer.from('def')), false);
    // More than the limit is asked for than will ever be there at once.
    assert.equal(text(await buffer.read(1000)), 'abcdef');
    assert.equal(space, 1);
  });

  test('past its limit is lost where nobody is to be held up', async () => {
    const buffer = new OutputBuffer(4, 'drop');
    assert.equal(buffer.push(Buffer.from('abcdef')), true);
    assert.equal(buffer.push(Buffer.from('gh')), true);
    buffer.end();
    assert.equal(text(await buffer.read(10)), 'abcd');
  });

  test('after the end is not taken', async () => {
    const buffer = new OutputBuffer(4, 'wait');
    buffer.end();
    buffer.push(Buffer.from('x'));
    assert.equal((await buffer.read(10)).length, 0);
  });
});
