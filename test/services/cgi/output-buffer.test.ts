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

  test('is waited for', async () => {
    const buffer = new OutputBuffer(100, 'wait');
    const reading = buffer.read(3);
    setImmediate(() => buffer.push(Buffer.from('x')));
    setTimeout(() => buffer.push(Buffer.from('yz')), 5);
    assert.equal(text(await reading), 'xyz');
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
