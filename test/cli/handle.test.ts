import assert from 'node:assert/strict';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ROOT, run, shell, temporaryFolder } from './command.ts';

const SHORTEST = `export function handle(input: string): string {
  return "Hello, " + input + "!";
}
`;

test('the shortest function is three lines: built, run with an argument and with input, and tested', async () => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, 'hi', 'assembly'), { recursive: true });
  await mkdir(join(folder.path, 'node_modules'));
  await symlink(join(ROOT, 'node_modules', 'assemblyscript'), join(folder.path, 'node_modules', 'assemblyscript'));
  await writeFile(join(folder.path, 'hi', 'asconfig.json'), '{"entries": ["assembly/index.ts"]}');
  await writeFile(join(folder.path, 'hi', 'assembly', 'index.ts'), SHORTEST);
  const built = await run(['build', 'hi'], folder.path);
  assert.equal(built.code, 0, built.stderr);
  assert.doesNotMatch(built.stderr, /warning/);

  const argument = await run(['exec', 'hi/build/hi.wasm', '--', 'Ada'], folder.path);
  assert.deepEqual([argument.code, argument.stdout, argument.stderr], [0, 'Hello, Ada!', '']);
  const input = await run(['exec', 'hi/build/hi.wasm#handle', '--stdin', '-'], folder.path, { input: 'Jürgen' });
  assert.equal(input.stdout, 'Hello, Jürgen!');
  const hint = await shell('echo data | inferbase exec hi/build/hi.wasm', folder.path);
  assert.match(hint.stderr, /gets no standard input; give it ours with --stdin -/);

  await writeFile(
    join(folder.path, 'hi', 'hi.test.yaml'),
    'tests:\n  - { name: greets, stdin: Ada, expect: { stdout: "Hello, Ada!" } }\n  - { name: by its name, method: "#handle", args: [Bo], expect: { stdout: "Hello, Bo!" } }\n',
  );
  // What the author declares holds in a test as it will in the package.
  await writeFile(join(folder.path, 'hi', 'inferbase.yaml'), 'function: { limits: { stdoutBytes: 4 } }\n');
  const limited = await run(['test', 'hi', '--filter', 'greets'], folder.path);
  assert.deepEqual([limited.code, /\+ Hell\n/.test(limited.stdout)], [1, true], limited.stdout);
  await writeFile(join(folder.path, 'hi', 'inferbase.yaml'), 'function: {}\n');

  const tested = await run(['test', 'hi'], folder.path);
  assert.deepEqual([tested.code, tested.stderr], [0, ''], tested.stdout);
  assert.match(tested.stdout, /2 passed/);
});

test('with the SDK, a function that exports handle is called the same way and its top-level code runs before', async () => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, 'sdk-hi', 'assembly'), { recursive: true });
  const asconfig = { extends: './node_modules/inferbase/sdk/asconfig.json', entries: ['assembly/index.ts'] };
  await writeFile(join(folder.path, 'sdk-hi', 'asconfig.json'), JSON.stringify(asconfig));
  const source = `import { env } from "inferbase/sdk";
let greeting = "Hello";
greeting += ", ";
function handle(input: string): string { return greeting + env.getOr("NAME", input); }
export { handle };`;
  await writeFile(join(folder.path, 'sdk-hi', 'assembly', 'index.ts'), source);
  await mkdir(join(folder.path, 'node_modules'));
  await symlink(join(ROOT, 'node_modules', 'assemblyscript'), join(folder.path, 'node_modules', 'assemblyscript'));
  const built = await run(['build', 'sdk-hi'], folder.path);
  assert.equal(built.code, 0, built.stderr);
  assert.doesNotMatch(built.stderr, /warning/);
  const done = await run(['exec', 'sdk-hi/build/sdk-hi.wasm', '--env', 'NAME=env'], folder.path);
  assert.deepEqual([done.code, done.stdout, done.stderr], [0, 'Hello, env', '']);
});
