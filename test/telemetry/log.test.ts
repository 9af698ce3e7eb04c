import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createLog, type LogLevel } from '../../runtime/telemetry/log.ts';

function capture(level: LogLevel, pretty: boolean) {
  const lines: string[] = [];
  return { lines, log: createLog({ level, pretty, write: (text) => lines.push(text) }) };
}

describe('log', () => {
  test('writes one JSON object per line, with fields, level and time', () => {
    const { lines, log } = capture('info', false);
    log.child({ peer: 'p' }).warn({ code: 'ERR_BUSY', count: 3n }, 'two\nlines');
    assert.equal(lines.length, 1);
    const { time, ...rest } = JSON.parse(lines[0] ?? '');
    assert.equal(typeof time, 'number');
    assert.deepEqual(rest, { level: 40, peer: 'p', code: 'ERR_BUSY', count: '3', msg: 'two\nlines' });
    assert.equal(lines[0]?.indexOf('\n'), (lines[0]?.length ?? 0) - 1);
  });

  test('leaves out what is less severe than its level', () => {
    const { lines, log } = capture('warn', false);
    log.debug('no');
    log.info('no');
    log.error('yes');
    assert.equal(lines.length, 1);
    const silent = capture('silent', false);
    silent.log.fatal('no');
    assert.deepEqual(silent.lines, []);
  });

  test('never writes a secret, at any depth and in either form', () => {
    for (const pretty of [false, true]) {
      const { lines, log } = capture('info', pretty);
      const upstreams = { model: { url: 'http://m', headers: { authorization: 'Bearer hunter2' } } };
      log.info({ upstreams, Authorization: 'hunter2', 'x-api-key': 'hunter2' }, 'opened');
      assert.match(lines[0] ?? '', /http:\/\/m/);
      assert.doesNotMatch(lines[0] ?? '', /hunter2/);
    }
  });

  test('a person gets short lines that cannot steer the terminal', () => {
    const { lines, log } = capture('info', true);
    log.info({ code: 7 }, 'ready\u001b[31m\nerror fake');
    assert.deepEqual(lines, ['info ready [31m error fake code=7\n']);
  });

  test('fields that cannot be written do not throw', () => {
    const { lines, log } = capture('info', false);
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    log.info(circle, 'x');
    assert.match(lines[0] ?? '', /fields cannot be written/);
    log.error({ error: new TypeError('why') }, 'x');
    assert.equal(JSON.parse(lines[1] ?? '').error.message, 'why');
  });
});
