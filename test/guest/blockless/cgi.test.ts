import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { createBlocklessCgi } from '../../../runtime/guest/blockless/cgi.ts';
import { parseCgiCommand } from '../../../runtime/guest/blockless/cgi-command.ts';
import { createGuest, type Guest } from './guest.ts';

describe('the command of cgi_open', () => {
  test('has an alias, arguments and variables in either spelling', () => {
    const text = JSON.stringify({
      command: 'a',
      args: ['x', 1, null, 'y'],
      envs: [{ name: 'A', value: '1' }, { env_name: 'B', env_val: '2' }, { name: 'C' }, 7, null, { name: 1, value: 2 }],
    });
    const env = [
      ['A', '1'],
      ['B', '2'],
    ];
    assert.deepEqual(parseCgiCommand(text), { alias: 'a', args: ['x', 'y'], env });
    assert.deepEqual(parseCgiCommand('{"command":"a"}'), { alias: 'a', args: [], env: [] });
    assert.deepEqual(parseCgiCommand('{"command":"a","args":null,"envs":"x"}'), { alias: 'a', args: [], env: [] });
  });

  test('is refused when it is none, too long, or cannot be an argv', () => {
    for (const text of [
      '',
      '{',
      '[]',
      'null',
      '"a"',
      '{}',
      '{"command":1}',
      '{"command":null}',
      '{"command":"a\\u0000"}',
    ]) {
      assert.equal(parseCgiCommand(text), null, text);
    }
    const many = (key: string, item: unknown) => JSON.stringify({ command: 'a', [key]: Array(257).fill(item) });
    assert.equal(parseCgiCommand(many('args', 'x')), null);
    assert.equal(parseCgiCommand(many('envs', { name: 'a', value: 'b' })), null);
    assert.equal(parseCgiCommand('{"command":"a","args":["\\u0000"]}'), null);
  });
});

describe('an answer that comes when the execution is over', () => {
  const late = (t: TestContext, answers: Record<string, unknown>): { guest: Guest; answer: () => void } => {
    let answer = () => {};
    const guest = createGuest(t, {
      ask: (op) =>
        op === 'cgi.open' && answers.open === undefined
          ? Promise.resolve(1)
          : new Promise((resolve) => {
              answer = () => resolve(answers[op.slice(4)]);
            }),
    });
    return { guest, answer: () => answer() };
  };
  const OUT = 16;
  const BUFFER = 1024;

  for (const [name, op, args, value] of [
    ['cgi_list_exec', 'list', [OUT], new Uint8Array([1])],
    ['cgi_stdout_read', 'read', [1, BUFFER, 8, OUT], new Uint8Array([1, 2, 3])],
    ['cgi_stderr_read', 'read', [1, BUFFER, 8, OUT], new Uint8Array([1, 2, 3])],
    ['cgi_stdin_write', 'write', [1, BUFFER, 8, OUT], true],
    ['cgi_close', 'close', [1], true],
    ['cgi_open', 'open', null, 5],
  ] as const) {
    test(`${name} writes nothing`, async (t) => {
      const { guest, answer } = late(t, { [op]: value });
      const module = createBlocklessCgi(guest.host);
      const command = guest.put('{"command":"x"}');
      if (args !== null && name !== 'cgi_list_exec')
        assert.equal(await guest.call(module, 'cgi_open', ...command, 0), 0);
      const bytes = guest.memory.bytes(0, 65_536);
      const before = bytes.slice();
      const parked = guest.call(module, name, ...(args ?? [...command, OUT]));
      guest.end();
      answer();
      // What it returns reaches nobody.
      await parked;
      assert.deepEqual(bytes, before);
    });
  }
});

test('a service that fails is errno 2 for the dispatcher to give, and no handle is spent', async (t) => {
  const guest = createGuest(t, { ask: () => Promise.reject(new Error('gone')) });
  const module = createBlocklessCgi(guest.host);
  assert.equal(module.internalErrno, 2);
  await assert.rejects(guest.call(module, 'cgi_list_exec', 16), /gone/);
  assert.equal(guest.memory.getU32(16), 0);
});

test('a long write goes in pieces and is counted whole', async (t) => {
  const pieces: number[] = [];
  const guest = createGuest(t, {
    ask: async (op, payload) => {
      if (op === 'cgi.open') return 1;
      pieces.push((payload as [number, Uint8Array])[1].length);
      return true;
    },
  });
  const module = createBlocklessCgi(guest.host);
  const command = guest.put('{"command":"x"}');
  await guest.call(module, 'cgi_open', ...command, 0);
  const size = 262_144 - 8_192;
  assert.equal(await guest.call(module, 'cgi_stdin_write', 1, 8_192, size, 16), 0);
  assert.deepEqual([pieces, guest.memory.getU32(16)], [[131_072, size - 131_072], size]);
});

test('bytes to and from a process are counted, and its handle is one of those an execution may have', async (t) => {
  const guest = createGuest(t, {
    limits: { handles: 1 },
    ask: (op) => Promise.resolve(op === 'cgi.open' ? 1 : op === 'cgi.read' ? new Uint8Array(7) : true),
  });
  const cgi = createBlocklessCgi(guest.host);
  const command = guest.put('{"command":"a"}');
  assert.equal(await guest.call(cgi, 'cgi_open', ...command, 16), 0);
  assert.equal(await guest.call(cgi, 'cgi_open', ...command, 16), 2);
  assert.equal(await guest.call(cgi, 'cgi_list_exec', 16), 2);
  assert.equal(await guest.call(cgi, 'cgi_stdin_write', 1, 65_536, 1_000, 16), 0);
  assert.equal(await guest.call(cgi, 'cgi_stdout_read', 1, 65_536, 100, 16), 0);
  assert.deepEqual(guest.host.traffic, { bytesIn: 7, bytesOut: 1_000 });
  assert.equal(await guest.call(cgi, 'cgi_close', 1), 0);
  assert.equal(await guest.call(cgi, 'cgi_open', ...command, 16), 0);
});
