import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createCounters } from '../../runtime/telemetry/counters.ts';

test('counters are told in the text format, and no label breaks it', () => {
  const counters = createCounters();
  assert.equal(counters.render(), '');
  counters.add('a_total');
  counters.add('a_total');
  counters.add('b_total', { function: 'x"\\\n', consensus: '' });
  assert.equal(
    counters.render(),
    '# TYPE a_total counter\na_total 2\n# TYPE b_total counter\nb_total{function="x\\"\\\\\\n",consensus=""} 1\n',
  );
  counters.add('c_total', { function: 'y'.repeat(10_000) });
  assert.ok(counters.render().length < 500);
});

test('names that strangers make up fill no memory: past a thousand they are counted together', () => {
  const counters = createCounters();
  for (let i = 0; i < 3_000; i++) counters.add('a_total', { function: `cid-${i}` });
  const lines = counters.render().trimEnd().split('\n');
  assert.equal(lines.length, 1_002);
  assert.equal(lines.at(-1), 'a_total{function="other"} 2000');
  counters.add('a_total', { function: 'cid-0' });
  assert.match(counters.render(), /\{function="cid-0"\} 2$/m);
});
