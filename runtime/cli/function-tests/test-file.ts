import { dirname, resolve } from 'node:path';
import type { Cause } from '../../core/execution.ts';
import { DEFAULT_LIMITS, type Limits } from '../../core/limits.ts';
import { parsePermission } from '../../core/permissions.ts';
import type { FunctionTest, FunctionTestFile } from './function-test.ts';
import { readExchanges } from './mock-file.ts';
import { readBeside, readText, texts } from './test-values.ts';
import { readYaml, type YamlValue } from './yaml-value.ts';

const FILE_KEYS = ['tests', 'upstreams', 'env', 'module'];
const TEST_KEYS = [
  'name',
  'args',
  'env',
  'stdin',
  'method',
  'allow',
  'permissions',
  'limits',
  'upstreams',
  'expect',
  'skip',
];
const EXPECT_KEYS = ['stdout', 'stderr', 'json', 'exitCode', 'cause'];
const STDIN_KEYS = ['json', 'file', 'base64'];
const CAUSES: readonly Cause[] = [
  ...(['exited', 'trapped', 'deadline', 'fuel', 'memory'] as const),
  ...(['output', 'calls', 'cancelled', 'interrupted'] as const),
];
/** As in the settings: guests see it as `http://NAME/`. */
const UPSTREAM_NAME = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/i;

/**
 * Reads a file of function tests.
 * @param path absolute path
 * @param shown its name in reports and errors
 * @throws InferbaseError ERR_INVALID_REQUEST naming line, key and remedy
 */
export async function readTestFile(path: string, shown: string): Promise<FunctionTestFile> {
  const root = await readYaml(path, shown);
  const file = root.mapping(FILE_KEYS);
  const list = file.get('tests');
  if (list === undefined) throw root.fail('has no tests; write tests: and below it a list, each item with a name:');
  const folder = dirname(path);
  const common = {
    folder,
    env: readEnv(file.get('env')),
    upstreams: await readUpstreams(file.get('upstreams'), folder),
  };
  const tests: FunctionTest[] = [];
  for (const item of list.list()) tests.push(await readTest(item, common));
  const names = new Set<string>();
  for (const [index, { name }] of tests.entries()) {
    if (names.has(name))
      throw (list.list()[index] ?? list).fail(
        `has the name of an earlier test, ${JSON.stringify(name)}; choose another`,
      );
    names.add(name);
  }
  const module = file.get('module')?.text();
  return { file: shown, module: module === undefined ? null : resolve(folder, module), tests };
}

interface Common {
  /** Folder of the file: what paths in it start from. */
  readonly folder: string;
  readonly env: FunctionTest['env'];
  readonly upstreams: FunctionTest['upstreams'];
}

async function readTest(item: YamlValue, common: Common): Promise<FunctionTest> {
  const keys = item.mapping(TEST_KEYS);
  const name = keys.get('name')?.text() ?? '';
  if (name === '') throw item.fail('has no name; write name: and what the function should do');
  const own = await readUpstreams(keys.get('upstreams'), common.folder);
  const expect = keys.get('expect');
  if (expect === undefined)
    throw item.fail('expects nothing; write expect: with stdout:, json:, exitCode: or cause: below it');
  return {
    name,
    at: item.location,
    args: texts(keys.get('args')),
    env: [...common.env, ...readEnv(keys.get('env'))],
    stdin: await readStdin(keys.get('stdin'), common.folder),
    method: keys.get('method')?.text() ?? '',
    allow: permissionLines(keys.get('allow'), true) ?? [],
    permissions: permissionLines(keys.get('permissions'), false),
    limits: readLimits(keys.get('limits')),
    upstreams: new Map([...common.upstreams, ...own]),
    expect: readExpect(expect),
    skip: readSkip(keys.get('skip')),
  };
}

function readSkip(value: YamlValue | undefined): string | null {
  if (value === undefined || value.json() === false) return null;
  return value.kind === 'switch' ? 'marked skip' : value.text();
}

function readExpect(value: YamlValue): FunctionTest['expect'] {
  const keys = value.mapping(EXPECT_KEYS);
  const stdout = keys.get('stdout');
  const json = keys.get('json');
  const said = {
    ...(stdout === undefined ? {} : readText(stdout)),
    ...(json === undefined ? {} : { json: json.json() }),
  };
  const stderr = keys.get('stderr');
  const cause = keys.get('cause')?.text() ?? 'exited';
  if (!isCause(cause))
    throw (keys.get('cause') ?? value).fail(`is ${JSON.stringify(cause)}; write one of ${CAUSES.join(', ')}`);
  const exitCode = keys.get('exitCode')?.whole(0, 255, 'an exit code');
  return {
    ...(stdout === undefined && json === undefined ? {} : { stdout: said }),
    ...(stderr === undefined ? {} : { stderr: readText(stderr) }),
    cause,
    // What a guest that was ended has for a code is implied by the cause.
    exitCode: exitCode ?? (cause === 'exited' ? 0 : ANY_EXIT_CODE),
  };
}

/** No code is expected. */
export const ANY_EXIT_CODE = -1;

function isCause(text: string): text is Cause {
  return (CAUSES as readonly string[]).includes(text);
}

function readEnv(value: YamlValue | undefined): [string, string][] {
  if (value === undefined) return [];
  // A model's input is often JSON: written as YAML, it becomes that.
  return [...value.mapping()].map(([name, item]) => [
    name,
    item.kind === 'mapping' || item.kind === 'list' ? JSON.stringify(item.json()) : item.text(),
  ]);
}

async function readStdin(value: YamlValue | undefined, folder: string): Promise<Uint8Array> {
  if (value === undefined) return new Uint8Array(0);
  if (value.kind !== 'mapping') return new TextEncoder().encode(value.text());
  const keys = value.mapping(STDIN_KEYS);
  const [first, second] = keys;
  if (first === undefined || second !== undefined)
    throw value.fail(`needs one of ${STDIN_KEYS.join(', ')}; or write the text itself`);
  const [how, item] = first;
  if (how === 'json') return new TextEncoder().encode(JSON.stringify(item.json()));
  if (how === 'base64') return Uint8Array.from(Buffer.from(item.text(), 'base64'));
  return readBeside(item, folder);
}

function permissionLines(value: YamlValue | undefined, operator: boolean): string[] | null {
  if (value === undefined) return null;
  return value.list().map((item) => {
    try {
      parsePermission(item.text(), { operator });
    } catch (error) {
      throw item.fail(`is not usable: ${error instanceof Error ? error.message : ''}`);
    }
    return item.text();
  });
}

function readLimits(value: YamlValue | undefined): Partial<Limits> {
  const limits: Partial<Record<keyof Limits, number>> = {};
  if (value === undefined) return limits;
  for (const [key, item] of value.mapping(Object.keys(DEFAULT_LIMITS))) {
    limits[key as keyof Limits] = item.whole(0, Number.MAX_SAFE_INTEGER, key.replace(/^.*(?=[A-Z])/, '').toLowerCase());
  }
  return limits;
}

async function readUpstreams(value: YamlValue | undefined, folder: string): Promise<FunctionTest['upstreams']> {
  const upstreams = new Map<string, Awaited<ReturnType<typeof readExchanges>>>();
  if (value === undefined) return upstreams;
  for (const [name, exchanges] of value.mapping()) {
    if (!UPSTREAM_NAME.test(name))
      throw exchanges.fail('is no name of an upstream; use letters, digits and hyphens, as in http://NAME/');
    upstreams.set(name.toLowerCase(), await readExchanges(exchanges, folder));
  }
  return upstreams;
}
