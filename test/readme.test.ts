import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { EXIT } from '../runtime/cli/exit.ts';
import { SETTING_KEYS } from '../runtime/config/keys.ts';
import { ERROR_CODES } from '../runtime/core/errors.ts';
import { CAUSE_EXIT_CODES } from '../runtime/core/exit-codes.ts';
import { HOST_CALLS } from '../runtime/core/host-calls.ts';
import { startKubo } from './support/kubo-stand-in.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = await readFile(join(root, 'README.md'), 'utf8');
/** What an author looks up. */
const sdk = await readFile(join(root, 'sdk/README.md'), 'utf8');
const run = promisify(execFile);

let dataDir = '';
let node: ChildProcess;
/** Where the node of `npm start` listens, and the CID it printed. */
let api = '';
let coin = '';

/** As a reader's shell would run it, on a data folder of the test's own. */
async function shell(command: string): Promise<string> {
  const env = { ...process.env, INFERBASE_DATA_DIR: dataDir, INFERBASE_LISTEN_API: '127.0.0.1:0' };
  return (await run('bash', ['-c', command], { cwd: root, env, maxBuffer: 1e7 })).stdout;
}

async function untilPrinted(child: ChildProcess, pattern: RegExp): Promise<string> {
  let text = '';
  for await (const chunk of child.stdout ?? []) {
    text += chunk;
    if (pattern.test(text)) return text;
  }
  throw new Error(`${pattern} was never printed:\n${text}`);
}

function background(command: string): ChildProcess {
  const env = { ...process.env, INFERBASE_DATA_DIR: dataDir, INFERBASE_LISTEN_API: '127.0.0.1:0' };
  return spawn('bash', ['-c', command], { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'], detached: true });
}

/** Ends a command and all it started, as Ctrl-C in a terminal does. */
async function interrupt(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  if (child.pid !== undefined) process.kill(-child.pid, 'SIGINT');
  await ended;
}

async function startAndStop(command: string, ready: RegExp): Promise<void> {
  const child = background(command);
  await untilPrinted(child, ready);
  await interrupt(child);
}

/** Every command of the README, and how it is seen to work. */
const COMMANDS: Readonly<Record<string, (command: string) => Promise<void>>> = {
  // The install is what `.ci/run` begins with; the start is what `before` waits for.
  'npm install && npm start': async () => assert.match(coin, /^baf/),
  'npm install && npm test': async () => assert.match(await readFile(join(root, '.ci/run'), 'utf8'), /npm test/),
  curl: async (command) => {
    const answer = await shell(command.replace('http://localhost:6000', api).replace('"CID"', `"${coin}"`));
    const reply = JSON.parse(answer) as { code: string; results: { result: { stdout: string } }[] };
    assert.equal(reply.code, '200');
    assert.match(reply.results[0]?.result.stdout ?? '', /^\{"infererValue":"[0-9.]+"\}$/);
  },
  'npx inferbase build': async (command) => assert.match(await shell(command), /moving-average\.wasm/),
  'npx inferbase exec': async (command) => assert.equal(await shell(command), '{"infererValue":"3.5"}'),
  'npx inferbase inspect': async (command) => assert.match(await shell(command), /runs +yes/),
  'npx inferbase dev': async (command) => startAndStop(command.concat(' --port 0'), /runs it; Ctrl-C ends/),
  'npx inferbase test': async (command) => assert.match(await shell(command), /^\d+ passed \(/m),
  'npx inferbase pins': async (command) =>
    assert.match(await shell(command), /^bafkrei\w+ local pinned \S+ hello\.wasm$/m),
  'npx inferbase pin': async (command) => {
    const ends: (() => unknown)[] = [];
    const kubo = await startKubo({ after: (end) => ends.push(end) });
    try {
      assert.match(await shell(command.replace('http://127.0.0.1:5001', kubo.url)), /bafkrei/);
      assert.equal(kubo.pins.size, command.includes('kubo=') ? 1 : 0);
    } finally {
      for (const end of ends) end();
    }
  },
  'npx inferbase unpin': async (command) => assert.match(await shell(command), /unpinned, local/),
  'npx inferbase store export': async (command) => {
    assert.match(await shell(command.replace('CID', coin).replace('average.car', carFile())), /average\.car/);
  },
  'npx inferbase store ls': async (command) => assert.match(await shell(command), /pinned average/),
  'npx inferbase store stat': async (command) => assert.match(await shell(command), /blocks +\d+/),
  'npx inferbase store verify': async (command) => assert.match(await shell(command), /all good/),
  'npx inferbase store gc': async (command) => assert.match(await shell(command), /^removed/),
  'npx inferbase store import': async (command) => {
    assert.match(await shell(command.replace('average.car', carFile())), /pinned as average/);
  },
  'npx inferbase keys': async (command) => assert.match(await shell(command), /^peer id 12D3KooW/),
  'npx inferbase verify': async (command) => {
    const signing = background('npx inferbase serve --work-sign true');
    try {
      const listening = /API (http:\/\/127\.0\.0\.1:\d+)/;
      const url = listening.exec(await untilPrinted(signing, listening))?.[1] ?? '';
      const request = join(dataDir, 'request.json');
      const answer = join(dataDir, 'answer.json');
      const config = { env_vars: [{ name: 'ALLORA_ARG_PARAMS', value: 'ETH' }] };
      await writeFile(
        request,
        JSON.stringify({ function_id: coin, method: 'coin-prediction.wasm', topic: '1', config }),
      );
      await shell(`curl -s --json @${request} ${url}/api/v1/functions/execute > ${answer}`);
      const own = command.replace('answer.json', answer).replace('request.json', request);
      assert.match(await shell(own), /^✓ 12D3KooW\w+ signed at \S+Z for baf\w+\n$/);
    } finally {
      await interrupt(signing);
    }
  },
  'npx inferbase serve --role head': async (command) =>
    startAndStop(inDataDir(command).replace('/tcp/9010', '/tcp/0'), /head ready/),
  'npx inferbase serve --role worker': async (command) => {
    const head = background(
      `npx inferbase serve --role head --peers-listen /ip4/127.0.0.1/tcp/0 --data-dir ${dataDir}/head`,
    );
    try {
      const [, address = '', headApi = ''] =
        /peer address (\S+)[\s\S]*API (\S+)\nhead ready/.exec(await untilPrinted(head, /head ready/)) ?? [];
      const here = inDataDir(command).replace(
        /--boot-nodes \S+/,
        `--boot-nodes ${address} --peers-listen /ip4/127.0.0.1/tcp/0`,
      );
      const worker = background(here);
      try {
        const [, id = ''] = /peer id (\S+)/.exec(await untilPrinted(worker, /worker ready/)) ?? [];
        const seen = async (): Promise<string> => (await fetch(`${headApi}/api/v1/workers?topic=1`)).text();
        while (!(await seen()).includes(id)) await new Promise((resolve) => setTimeout(resolve, 100));
      } finally {
        await interrupt(worker);
      }
    } finally {
      await interrupt(head);
    }
  },
  // Another node may be running on this machine.
  'npx inferbase serve': async (command) => startAndStop(command.replace('/tcp/9011', '/tcp/0'), /API http/),
  // No container engine runs everywhere: this test takes the Dockerfile's steps one by one instead.
  docker: async () => access(join(root, 'test/packaging/image.slow.test.ts')),
  'npm run bench': async () => assert.match(await readFile(join(root, 'package.json'), 'utf8'), /"bench"/),
};

const inDataDir = (command: string): string => command.replace(/(?<=--data-dir )/, `${dataDir}/`);
const carFile = (): string => join(dataDir, 'average.car');

before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'inferbase-readme-'));
  node = background('npm start');
  // To its last line: a command whose reader is gone ends with its next print.
  const text = await untilPrinted(node, /curl [\s\S]*http:\/\/[0-9.:]+\/api[\s\S]*Serving until/);
  api = /http:\/\/127\.0\.0\.1:\d+(?=\/api)/.exec(text)?.[0] ?? '';
  coin = /stored coin-prediction: (\S+)/.exec(text)?.[1] ?? '';
});

after(async () => {
  await interrupt(node);
  await rm(dataDir, { recursive: true, force: true });
});

/** Commands of the `sh` blocks; one may run over several lines inside quotes. */
function commands(): string[] {
  const blocks = [...`${readme}\n${sdk}`.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, block = '']) => block);
  return blocks.flatMap((block) => {
    const found: string[] = [];
    let open = '';
    for (const line of block.trimEnd().split('\n')) {
      open += open === '' ? line : `\n${line}`;
      if ((open.match(/'/g)?.length ?? 0) % 2 === 0) {
        found.push(open);
        open = '';
      }
    }
    return found;
  });
}

for (const command of commands()) {
  test(`README: ${command.split('\n')[0]}`, async () => {
    const known = Object.entries(COMMANDS).find(([start]) => command.startsWith(start));
    assert.ok(known, 'no test knows this command');
    await known[1](command);
  });
}

/** Code in the first column of the table under a heading row; `.leaf` goes on from the name before it. */
function tableKeys(heading: string): string[] {
  const [, table = ''] = readme.split(`\n${heading}\n`);
  const rows = table.slice(0, table.indexOf('\n\n')).split('\n').slice(1);
  return rows.flatMap((row) => {
    const [, first = ''] = /^\| (.*?) \|/.exec(row) ?? [];
    const names = [...first.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
    const [group = ''] = names;
    return names.map((name) => (name.startsWith('.') ? group.slice(0, group.lastIndexOf('.')) + name : name));
  });
}

test('README has every setting, error code and cause, and no other', () => {
  assert.deepEqual(tableKeys('| key | default | meaning |').toSorted(), SETTING_KEYS.map(({ key }) => key).toSorted());
  assert.deepEqual(tableKeys('| code | |').toSorted(), Object.keys(ERROR_CODES).toSorted());
  const causes = [...Object.keys(CAUSE_EXIT_CODES), 'exited', 'trapped'];
  assert.deepEqual(tableKeys('| cause | exit code | |').toSorted(), causes.toSorted());
});

test('README has every exit code of the program, and no other', () => {
  assert.deepEqual(tableKeys('| exit code | of a command |'), Object.values(EXIT).map(String));
});

test('README names every module of host calls that is not served', () => {
  for (const { module, unservedErrno } of HOST_CALLS) {
    if (unservedErrno !== null) assert.ok(readme.includes(`\`${module}\``) || module.startsWith('wasi_'), module);
  }
});

/** As GitHub names the heading in an address. */
function anchors(text: string): Set<string> {
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading.toLowerCase());
  return new Set(headings.map((heading) => heading.replace(/[^\w\- ]/g, '').replaceAll(' ', '-')));
}

for (const page of ['README.md', 'sdk/README.md', 'deploy/README.md']) {
  test(`links of ${page} lead somewhere`, async () => {
    const text = await readFile(join(root, page), 'utf8');
    for (const [, file = '', anchor] of text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g)) {
      const target = file === '' ? join(root, page) : join(root, dirname(page), file);
      await access(target);
      if (anchor === undefined) continue;
      assert.ok(anchors(await readFile(target, 'utf8')).has(anchor), `${page}: ${file}#${anchor}`);
    }
  });
}
