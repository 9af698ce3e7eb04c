import type { MockedExchange, TextExpectation } from './function-test.ts';
import { readBeside, readText } from './test-values.ts';
import type { YamlValue } from './yaml-value.ts';

const EXCHANGE_KEYS = ['request', 'response', 'times'];
const REQUEST_KEYS = ['method', 'path', 'query', 'headers', 'body'];
const RESPONSE_KEYS = ['status', 'headers', 'body', 'json', 'file', 'delayMs', 'drop'];
const BODY_KEYS = ['body', 'json', 'file'];
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const NOT_IN_A_HEADER = /[^\t\x20-\x7e\x80-\xff]/;

/**
 * Reads what one mocked upstream is asked and answers: a list of exchanges, or one.
 * @param folder what paths start from
 * @throws InferbaseError ERR_INVALID_REQUEST naming line, key and remedy
 */
export async function readExchanges(value: YamlValue, folder: string): Promise<MockedExchange[]> {
  const items = value.kind === 'list' ? value.list() : [value];
  return Promise.all(items.map((item) => readExchange(item, folder)));
}

async function readExchange(item: YamlValue, folder: string): Promise<MockedExchange> {
  const keys = item.mapping(EXCHANGE_KEYS);
  const request = keys.get('request');
  const response = keys.get('response');
  const times = keys.get('times');
  return {
    request: request === undefined ? {} : readRequest(request),
    response: await readResponse(response, folder),
    times: readTimes(times),
  };
}

function readTimes(value: YamlValue | undefined): number | null {
  if (value === undefined) return 1;
  return value.json() === 'any' ? null : value.whole(0, 1_000_000, 'requests (or any)');
}

function readRequest(value: YamlValue): MockedExchange['request'] {
  const keys = value.mapping(REQUEST_KEYS);
  const method = keys.get('method')?.text().toUpperCase();
  const path = keys.get('path');
  const query = keys.get('query');
  const headers = keys.get('headers');
  const body = keys.get('body');
  return {
    ...(method === undefined ? {} : { method }),
    ...(path === undefined ? {} : { ...readPath(path) }),
    ...(query === undefined ? {} : { query: readPairs(query) }),
    ...(headers === undefined ? {} : { headers: readExpectedHeaders(headers) }),
    ...(body === undefined ? {} : { body: readText(body) }),
  };
}

/** `/inference/ETH`, or with a query, which is compared by name. */
function readPath(value: YamlValue): Pick<MockedExchange['request'], 'path' | 'query'> {
  const text = value.text();
  if (!text.startsWith('/'))
    throw value.fail(`is ${JSON.stringify(text)}; a path begins with a slash, as in /inference/ETH`);
  const at = text.indexOf('?');
  if (at < 0) return { path: text };
  return { path: text.slice(0, at), query: Object.fromEntries(new URLSearchParams(text.slice(at))) };
}

function readPairs(value: YamlValue): Record<string, string> {
  return Object.fromEntries([...value.mapping()].map(([name, item]) => [name, item.text()]));
}

function readExpectedHeaders(value: YamlValue): Record<string, TextExpectation> {
  return Object.fromEntries([...value.mapping()].map(([name, item]) => [name.toLowerCase(), readText(item)]));
}

async function readResponse(value: YamlValue | undefined, folder: string): Promise<MockedExchange['response']> {
  const keys = value?.mapping(RESPONSE_KEYS) ?? new Map<string, YamlValue>();
  const headers: Record<string, string> = {};
  for (const [name, item] of keys.get('headers')?.mapping() ?? []) {
    if (!TOKEN.test(name)) throw item.fail('is no name of a header; use letters, digits and hyphens');
    if (NOT_IN_A_HEADER.test(item.text())) throw item.fail('has a character that no header may have; leave it out');
    headers[name.toLowerCase()] = item.text();
  }
  const bodies = BODY_KEYS.filter((key) => keys.has(key));
  if (value !== undefined && bodies.length > 1) throw value.fail(`has ${bodies.join(' and ')}; write one of them`);
  const json = keys.get('json');
  if (json !== undefined) headers['content-type'] ??= 'application/json';
  return {
    status: keys.get('status')?.whole(200, 599, 'an HTTP status') ?? 200,
    headers,
    body: await readBody(keys, folder),
    delayMs: keys.get('delayMs')?.whole(0, 600_000, 'ms') ?? 0,
    drop: keys.get('drop')?.json() === true,
  };
}

async function readBody(keys: ReadonlyMap<string, YamlValue>, folder: string): Promise<Uint8Array> {
  const [text, json, file] = BODY_KEYS.map((key) => keys.get(key));
  if (json !== undefined) return new TextEncoder().encode(JSON.stringify(json.json()));
  if (file !== undefined) return readBeside(file, folder);
  return new TextEncoder().encode(text?.text() ?? '');
}
