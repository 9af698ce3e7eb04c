import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { reportFailure } from '../../runtime/cli/exit.ts';
import { guest, wat } from '../support/wat.ts';
import { run, temporaryFolder } from './command.ts';

describe('inspect', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  before(async () => {
    folder = await temporaryFolder();
    for (const name of ['read-to-the-end', 'cgi-thousand', 'echo']) {
      await writeFile(join(folder.path, `${name}.wasm`), await guest(name));
    }
  });
  after(() => folder[Symbol.asyncDispose]());

  test('says what a function will ask for, by the host calls it imports', async () => {
    const inspect = async (name: string) => (await run(['inspect', `${name}.wasm`], folder.path)).stdout;
    assert.doesNotMatch(await inspect('echo'), /^needs/m);
    assert.match(await inspect('read-to-the-end'), /^needs {4}the network \(http\): policy\.allow/m);
    assert.match(await inspect('cgi-thousand'), /^needs {4}programs \(cgi\): extensions\.dir/m);
    const { needs } = JSON.parse((await run(['inspect', 'cgi-thousand.wasm', '--json'], folder.path)).stdout);
    assert.deepEqual(needs, [{ permission: 'processes', calls: ['blockless_cgi.cgi_open'] }]);
  });

  test('says of every permission line whether the settings allow it', async () => {
    await using package_ = await temporaryFolder();
    const permissions = ['https://api.good.com/v1/', 'https://api.good.com/v2/', 'file://a.txt', 'https://other.com/'];
    await writeFile(join(package_.path, 'manifest.json'), JSON.stringify({ name: 'asks', permissions }));
    await writeFile(join(package_.path, 'f.wasm'), await guest('read-to-the-end'));
    const { cid } = JSON.parse((await run(['pin', '.', '--json'], package_.path)).stdout);
    await writeFile(join(package_.path, 'inferbase.yaml'), 'policy: { allow: ["https://api.good.com/v1/"] }\n');
    const { stdout } = await run(['inspect', cid], package_.path);
    const states = permissions.map(
      (line) => new RegExp(`^asks for ${line.replaceAll('/', '\\/')} \\((\\w+)`, 'm').exec(stdout)?.[1],
    );
    assert.deepEqual(states, ['allowed', 'denied', 'no', 'denied']);
  });

  test('a package of several modules is linked before it is judged, from its folder and by its CID', async () => {
    await using package_ = await temporaryFolder();
    const main = await wat('(module (import "stats" "two" (func (result i32))) (func (export "_start") call 0 drop))');
    await writeFile(join(package_.path, 'main.wasm'), main);
    await writeFile(
      join(package_.path, 'stats.wasm'),
      await wat('(module (func (export "two") (result i32) i32.const 2))'),
    );
    const modules = [
      { file: 'main.wasm', type: 'entry', name: 'main' },
      { file: 'stats.wasm', type: 'module', name: 'stats' },
    ];
    await writeFile(join(package_.path, 'manifest.json'), JSON.stringify({ version: 1, entry: '_start', modules }));
    const { cid } = JSON.parse((await run(['pin', '.', '--json'], package_.path)).stdout);
    const inspected = await run(['inspect', '.', '--json'], package_.path);
    assert.equal(inspected.code, 0, inspected.stdout);
    assert.deepEqual(
      JSON.parse(inspected.stdout),
      JSON.parse((await run(['inspect', cid, '--json'], package_.path)).stdout),
    );

    await writeFile(
      join(package_.path, 'stats.wasm'),
      await wat('(module (func (export "three") (result i32) i32.const 3))'),
    );
    const broken = await run(['inspect', '.'], package_.path);
    assert.equal(broken.code, 1);
    assert.match(
      broken.stdout,
      /^refused +"main.wasm" imports the function "stats"\."two", which that module does not export/m,
    );
  });

  test('shows a name that could steer the terminal or pass for another line as what it is', async () => {
    await using package_ = await temporaryFolder();
    const evil = 'x\nruns     yes\u001b[2J\u202e';
    const manifest = { name: evil, permissions: [`http://a.com/\u001b[31m`] };
    await writeFile(join(package_.path, 'manifest.json'), JSON.stringify(manifest));
    await writeFile(join(package_.path, 'f.wasm'), 'no module');
    await writeFile(join(package_.path, 'a\nb\u009b1m'), '');
    const { cid } = JSON.parse((await run(['pin', '.', '--json'], package_.path)).stdout);
    const { code, stdout } = await run(['inspect', cid], package_.path);
    assert.equal(code, 1);
    assert.doesNotMatch(stdout.replaceAll('\n', ''), /[\p{Cc}\p{Bidi_Control}]/u);
    assert.doesNotMatch(stdout, /^runs/m);
    assert.ok(stdout.includes('x\\u{a}runs     yes\\u{1b}[2J\\u{202e}'), stdout);
  });
});

test('a failure that repeats what a stranger chose cannot steer the terminal; its own line ends stay', () => {
  const { lines } = reportFailure(new Error('first\nsecond \u001b]0;title\u0007'), true);
  assert.deepEqual(lines.slice(0, 2), ['error ERR_INTERNAL: first', 'second \\u{1b}]0;title\\u{7}']);
});
