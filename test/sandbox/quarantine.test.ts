import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Quarantine } from '../../runtime/sandbox/quarantine.ts';

const MINUTE = 60_000;

function open(): { quarantine: Quarantine; pass(ms: number): void } {
  let now = Date.UTC(2030, 0, 1);
  return {
    quarantine: new Quarantine(() => now),
    pass: (ms) => {
      now += ms;
    },
  };
}

test('two strikes within an hour quarantine a function for ten minutes, and say until when', () => {
  const { quarantine, pass } = open();
  assert.equal(quarantine.strike('a'), false);
  assert.equal(quarantine.refusal('a'), undefined);
  pass(59 * MINUTE);
  assert.equal(quarantine.strike('a'), true);
  const refusal = quarantine.refusal('a');
  assert.equal(refusal?.code, 'ERR_QUARANTINED');
  assert.match(refusal?.message ?? '', /2030-01-01T01:09:00\.000Z/);
  pass(9 * MINUTE);
  assert.ok(quarantine.refusal('a'));
  pass(MINUTE);
  assert.equal(quarantine.refusal('a'), undefined);
});

test('strikes further apart do not count together, nor do those of others', () => {
  const { quarantine, pass } = open();
  quarantine.strike('a');
  pass(61 * MINUTE);
  assert.equal(quarantine.strike('a'), false);
  assert.equal(quarantine.strike('b'), false);
  assert.equal(quarantine.refusal('b'), undefined);
});

test('after a quarantine a function starts afresh', () => {
  const { quarantine, pass } = open();
  quarantine.strike('a');
  quarantine.strike('a');
  pass(10 * MINUTE);
  assert.equal(quarantine.strike('a'), false);
  assert.equal(quarantine.refusal('a'), undefined);
});
