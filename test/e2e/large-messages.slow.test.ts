import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { B7S_PROTOCOL } from '../../runtime/p2p/swarm.ts';
import { temporaryFolder } from '../cli/command.ts';
import { startScriptedHead } from '../p2p/scripted-head.ts';
import { until } from '../p2p/support.ts';
import { cidOf, startNode } from './nodes.ts';

test('messages of the greatest length that become whole at once do not end a worker’s host', {
  timeout: 200_000,
}, async (t) => {
  await using folder = await temporaryFolder();
  const worker = await startNode(t, {
    ...{ dir: join(folder.path, 'worker'), role: 'worker', guests: ['echo'] },
    args: ['--work-topics', '1'],
  });
  const head = await startScriptedHead(t, worker.address, '1');
  const workerId = worker.peerId;
  const echo = await cidOf('echo');
  // One character beyond Latin-1 makes two bytes of each.
  const stdin = `${'x'.repeat(31_000_000)}中`;
  const streams = [];
  for (let i = 0; i < 6; i++) {
    const stream = await head.swarm.open(workerId, B7S_PROTOCOL);
    const order = JSON.stringify({
      type: 'MsgWorkOrder',
      request_id: `large-${i}`,
      function_id: echo,
      config: { stdin },
    });
    stream.send(Buffer.from(order.slice(0, -1)));
    await until(() => stream.writeBufferLength === 0, 60_000);
    streams.push(stream);
  }
  for (const stream of streams) stream.send(Buffer.from('}\n'));
  const codes = [];
  for (let i = 0; i < 6; i++) codes.push((await head.answerTo(`large-${i}`)).code);
  assert.deepEqual(
    codes.filter((code) => !['400', '500', '503', '200'].includes(code ?? '')),
    [],
  );
  await head.say({ type: 'MsgWorkOrder', function_id: echo, request_id: 'small', config: { stdin: 'small' } });
  assert.equal((await head.answerTo('small')).result?.result?.stdout, 'small');
});
