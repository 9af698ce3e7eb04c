import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createProcessGroups } from '../../../runtime/cli/process-groups.ts';
import { DEFAULT_LIMITS } from '../../../runtime/core/limits.ts';
import { NO_PERMISSIONS } from '../../../runtime/core/permissions.ts';
import { createSandbox } from '../../../runtime/sandbox/sandbox.ts';
import { createCgi } from '../../../runtime/services/cgi/cgi.ts';
import { prepareModule } from '../../../runtime/wasm/prepare.ts';
import { guest } from '../../support/wat.ts';
import { extension, folderOf, processesWith } from './extensions.ts';

test('processes end with their execution when their thread is ended because of another guest', async (t) => {
  const dir = await folderOf(t, { hold: extension('hold', 'sleep 7171 & sleep 7171') });
  const allora = { enabled: false, script: null, argvOrder: 'v0.1.4', env: [] } as const;
  const cgi = createCgi({ groups: createProcessGroups(), log: () => {} }, { dir, allora, programs: new Map() });
  t.after(() => cgi.close());
  const sandbox = createSandbox({
    ...{ threads: 1, concurrency: 10, queue: 10, upstreams: {}, memoryPages: 256, processes: true, log: () => {} },
    // Slices that last for seconds: a guest that spins in one holds the CPU, and only ending its thread helps.
    sliceFuel: 2_000_000_000,
    services: cgi,
  });
  t.after(() => sandbox.close());
  const run = async (name: string, stdin: string, deadlineMs: number) => {
    const { facts, bytes } = prepareModule(await guest(name));
    const entry = { module: new WebAssembly.Module(bytes), facts: { ...facts, entry: '_start' } };
    const grant = { limits: { ...DEFAULT_LIMITS, deadlineMs }, permissions: NO_PERMISSIONS };
    return sandbox.run(entry, grant, { args: ['guest.wasm'], env: [], stdin: new TextEncoder().encode(stdin) });
  };

  const running = run('cgi-once', '{"command":"hold"}\n', 20_000);
  assert.equal((await processesWith('sleep\u00007171', 2)).length, 2);
  assert.equal((await run('spin-slowly', '', 200)).cause, 'deadline');
  assert.equal((await running).cause, 'interrupted');
  assert.deepEqual(await processesWith('7171'), []);
});
