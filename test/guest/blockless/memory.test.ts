import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { createBlocklessMemory } from '../../../runtime/guest/blockless/memory.ts';
import { createGuest, type GuestInit } from './guest.ts';

const BUFFER = 1024;
const COUNT = 16;
const UNTOUCHED = 0xdeadbeef;
/** One past the last byte of the guest's four pages. */
const END = 4 * 65_536;

async function read(t: TestContext, name: string, capacity: number, init: GuestInit) {
  const guest = createGuest(t, init);
  guest.memory.setU32(COUNT, UNTOUCHED);
  const errno = await guest.call(createBlocklessMemory(guest.host), name, BUFFER, capacity, COUNT);
  const count = guest.memory.getU32(COUNT);
  const text = errno === 0 ? guest.memory.text(BUFFER, count) : null;
  return { errno, count, text, lines: guest.lines };
}

describe('memory_read', () => {
  const stdin = Buffer.from('hello stdin');

  it('copies as much of stdin as fits, from its beginning each time', async (t) => {
    assert.equal((await read(t, 'memory_read', 1024, { stdin })).text, 'hello stdin');
    assert.equal((await read(t, 'memory_read', 5, { stdin })).text, 'hello');
    assert.equal((await read(t, 'memory_read', 5, {})).text, '');

    const guest = createGuest(t, { stdin });
    const module = createBlocklessMemory(guest.host);
    for (let times = 0; times < 2; times++) {
      assert.equal(await guest.call(module, 'memory_read', BUFFER, 1024, COUNT), 0);
      assert.equal(guest.memory.getU32(COUNT), stdin.length);
    }
  });

  it('is errno 3 for no room and 2 outside memory, and writes no count then', async (t) => {
    const none = await read(t, 'memory_read', 0, { stdin });
    assert.deepEqual([none.errno, none.count], [3, UNTOUCHED]);
    const guest = createGuest(t, { stdin });
    const module = createBlocklessMemory(guest.host);
    for (const [buffer, capacity, count] of [
      [END - 4, 5, COUNT],
      [-1, 4, COUNT],
      [BUFFER, -1, COUNT],
      [BUFFER, 4, END - 3],
      [BUFFER, 4, -4],
    ] as const) {
      assert.equal(await guest.call(module, 'memory_read', buffer, capacity, count), 2);
    }
  });
});

describe('env_var_read', () => {
  it('writes a JSON object in request order, duplicates kept, spaced as the official host does', async (t) => {
    const env = [
      ['B', '1'],
      ['A', 'two'],
      ['B', '3'],
    ] as const;
    assert.equal((await read(t, 'env_var_read', 1024, { env })).text, '{"B": "1","A": "two","B": "3"}');
  });

  it('is one empty entry without variables', async (t) => {
    assert.equal((await read(t, 'env_var_read', 1024, {})).text, '{"": ""}');
    assert.equal((await read(t, 'env_var_read', 7, {})).text, '{}');
  });

  it('escapes everything JSON needs, but no "\\f"', async (t) => {
    const value = '"\\\f\\f\n\r\t\b\u0000\u001f\u2028é😀</';
    const { text } = await read(t, 'env_var_read', 1024, { env: [['a"b', value]] });
    assert.deepEqual(JSON.parse(text ?? ''), { 'a"b': value });
    assert.ok(text?.includes('\\u000c\\\\f\\n'));
    assert.ok(text?.includes('\u2028é😀</'));
    assert.ok(!/(?<!\\)(?:\\\\)*\\f/.test(text ?? ''));
  });

  it('cannot be made to hold another key by a value', async (t) => {
    const { text } = await read(t, 'env_var_read', 1024, { env: [['A', 'x","ADMIN": "1']] });
    assert.deepEqual(Object.keys(JSON.parse(text ?? '')), ['A']);
  });

  it('leaves off whole entries that do not fit, and says so once', async (t) => {
    const env = [
      ['A', '1'],
      ['B', 'é'.repeat(10)],
      ['C', '3'],
    ] as const;
    const full = '{"A": "1","B": "éééééééééé","C": "3"}';
    const size = Buffer.byteLength(full);
    assert.equal((await read(t, 'env_var_read', size, { env })).text, full);
    const short = await read(t, 'env_var_read', size - 1, { env });
    assert.equal(short.text, '{"A": "1","B": "éééééééééé"}');
    assert.equal(short.lines.length, 1);
    assert.match(short.lines[0] ?? '', /last 1 variable/);
    assert.equal((await read(t, 'env_var_read', 12, { env })).text, '{"A": "1"}');
    assert.equal((await read(t, 'env_var_read', 9, { env })).text, '{}');
  });

  it('is errno 3 without room for an object, and 2 outside memory', async (t) => {
    for (const capacity of [0, 1]) assert.equal((await read(t, 'env_var_read', capacity, {})).errno, 3);
    const guest = createGuest(t);
    const module = createBlocklessMemory(guest.host);
    assert.equal(await guest.call(module, 'env_var_read', END - 1, 8, COUNT), 2);
    assert.equal(await guest.call(module, 'env_var_read', BUFFER, 8, END), 2);
  });
});
