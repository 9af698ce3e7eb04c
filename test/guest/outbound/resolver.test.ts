import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createResolver } from '../../../runtime/guest/outbound/resolver.ts';

test('preferring an address of a name that can no longer be found does not end the thread', async (t) => {
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on('unhandledRejection', note);
  t.after(() => process.off('unhandledRejection', note));
  const resolver = createResolver();
  const asked = resolver.resolve('nowhere.invalid');
  resolver.prefer('nowhere.invalid', '192.0.2.1');
  await assert.rejects(async () => await asked);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(unhandled, []);
});
