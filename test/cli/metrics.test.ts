import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { serveMetrics } from '../../runtime/cli/metrics.ts';
import { loadSettings } from '../../runtime/config/load.ts';
import { createCounters } from '../../runtime/telemetry/counters.ts';
import { createLog } from '../../runtime/telemetry/log.ts';

const ABOUT = { peerId: '12D3KooW', version: '1.2.3' };

async function serve(address: string | undefined, lines: string[] = []) {
  const flags = { role: 'worker', 'listen.metrics': address };
  const { settings } = await loadSettings({ cwd: '/nowhere', env: {}, flags });
  const log = createLog({ level: 'info', pretty: false, write: (line) => lines.push(line) });
  const counters = createCounters();
  counters.add('b7s_node_workorders', { function: 'bafy' });
  return await serveMetrics({ settings, log }, { counters }, ABOUT);
}

test('metrics are served at /metrics and nowhere else, with who the node is and what its process takes', async () => {
  await using metrics = await serve('127.0.0.1:0');
  const url = metrics.url ?? '';
  const answer = await fetch(url);
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  const text = await answer.text();
  assert.match(text, /^b7s_node_info\{id="12D3KooW",version="1\.2\.3",role="worker"\} 1$/m);
  assert.match(text, /^# TYPE b7s_node_workorders counter\nb7s_node_workorders\{function="bafy"\} 1$/m);
  for (const name of ['process_cpu_seconds_total', 'process_resident_memory_bytes', 'process_start_time_seconds']) {
    assert.match(text, new RegExp(`^${name} [\\d.]+$`, 'm'));
  }
  for (const line of text.trimEnd().split('\n'))
    assert.match(line, /^(?:# TYPE \w+ (?:counter|gauge)|\w+(?:\{.*\})? [\d.]+)$/);
  assert.equal((await fetch(new URL('/', url))).status, 404);
  assert.equal((await fetch(url, { method: 'POST' })).status, 404);
});

test('without an address nothing listens, and one that is taken is told with the remedy', async () => {
  await using none = await serve(undefined);
  assert.equal(none.url, null);
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  try {
    const lines: string[] = [];
    await using taken = await serve(`127.0.0.1:${(other.address() as AddressInfo).port}`, lines);
    assert.equal(taken.url, null);
    assert.match(lines.join(''), /metrics cannot be served at 127\.0\.0\.1:\d+ \(EADDRINUSE\); set listen\.metrics/);
  } finally {
    other.close();
  }
});
