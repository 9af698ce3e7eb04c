import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import process from 'node:process';
import { test } from 'node:test';
import { modelServer } from '../../runtime/cli/init/model-server-file.ts';
import { temporaryFolder } from './command.ts';

/** The status of the answer to a path that is sent as it is. */
async function statusOf(port: number, path: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  let text = '';
  for await (const chunk of socket) text += chunk;
  return text.slice(9, 12);
}

test('the model server of a new project tells its requests, and lives on after paths that cannot be read', async () => {
  await using folder = await temporaryFolder();
  const script = join(folder.path, 'server.mjs');
  await writeFile(script, modelServer());
  const server = spawn(process.execPath, [script], {
    env: { PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(server, 'exit');
  let said = '';
  server.stdout.on('data', (chunk) => {
    said += chunk;
  });
  try {
    while (!said.includes('\n')) await once(server.stdout, 'data');
    const port = Number(/:(\d+)\/inference/.exec(said)?.[1]);
    const paths = ['/inference/ETH?x=1', '/inference/%zz', '//', '/health'];
    const statuses = [];
    for (const path of paths) statuses.push(await statusOf(port, path));
    assert.deepEqual(statuses, ['200', '400', '404', '200']);
    while (!said.includes('/health 200\n')) await once(server.stdout, 'data');
    assert.match(said, /^GET \/inference\/ETH\?x=1 200$/m);
  } finally {
    server.kill();
    await ended;
  }
});
