import { hash } from 'node:crypto';
import { parseBlockCid } from '../core/cid.ts';
import type { ByteSpan, CarRequest, DagScope } from '../core/local-blocks.ts';

/** What a request to a trustless gateway asks for (https://specs.ipfs.tech/http-gateways/trustless-gateway/). */
export type GatewayRequest = CarRequest & {
  readonly format: 'raw' | 'car';
  readonly contentType: string;
  /** With its quotes. The same request has the same bytes as its answer, so it is a strong one. */
  readonly etag: string;
  readonly filename: string;
};

export const RAW_TYPE = 'application/vnd.ipld.raw';
export const CAR_TYPE = 'application/vnd.ipld.car';
/** All that is ever sent: each block once, depth first. */
const CAR_CONTENT_TYPE = `${CAR_TYPE}; version=1; order=dfs; dups=n`;

/** A request that is answered with a status and one sentence. */
export class GatewayRefusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

interface Wanted {
  readonly format: 'raw' | 'car';
  readonly parameters: ReadonlyMap<string, string>;
}

/**
 * Reads a request.
 * @param url path and query, `/ipfs/CID/path?format=car`, percent-encoded as it came
 * @throws GatewayRefusal 400 for what is no request of this kind, 406 for a format that is not served
 * @throws InferbaseError ERR_INVALID_CID
 */
export function parseGatewayRequest(url: string, accept: string | undefined): GatewayRequest {
  const queryAt = url.indexOf('?');
  const query = new URLSearchParams(queryAt < 0 ? '' : url.slice(queryAt));
  const [text = '', ...names] = url.slice('/ipfs/'.length, queryAt < 0 ? undefined : queryAt).split('/');
  const cid = parseBlockCid(decodeName(text));
  const path = names.map(decodeName).filter((name) => name !== '');
  if (path.length > 64 || path.some((name) => name === '.' || name === '..')) {
    throw new GatewayRefusal(400, 'The path is no path in a DAG.');
  }
  const { format, parameters } = negotiate(query.get('format'), accept);
  if (format === 'raw') {
    if (path.length > 0)
      throw new GatewayRefusal(400, 'A raw block is asked for by its CID alone; ask for format=car.');
    const name = { contentType: RAW_TYPE, etag: `"${cid}.raw"`, filename: `${cid}.bin` };
    return { format, cid, path, scope: 'block', span: null, ...name };
  }
  checkCarParameters(query, parameters);
  const scope = parseScope(query.get('dag-scope'));
  const span = parseSpan(query.get('entity-bytes'));
  const shape = JSON.stringify([path, scope, scope === 'entity' ? span : null]);
  return {
    format,
    cid,
    path,
    scope,
    span: scope === 'entity' ? span : null,
    contentType: CAR_CONTENT_TYPE,
    etag: `"${cid}.car.${hash('sha256', shape).slice(0, 16)}"`,
    filename: `${cid}.car`,
  };
}

function decodeName(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new GatewayRefusal(400, 'The path is not percent-encoded as it should be.');
  }
}

/** `format` wins over `Accept`, of which the first type that is served counts. */
function negotiate(format: string | null, accept: string | undefined): Wanted {
  const offered = (accept ?? '')
    .slice(0, 4096)
    .split(',')
    .map(parseMediaType)
    .filter(({ type }) => type !== '');
  if (format !== null) {
    if (format !== 'raw' && format !== 'car')
      throw new GatewayRefusal(406, 'Only format=raw and format=car are served.');
    const type = format === 'raw' ? RAW_TYPE : CAR_TYPE;
    return { format, parameters: offered.find((item) => item.type === type)?.parameters ?? new Map() };
  }
  let refused: GatewayRefusal | undefined;
  for (const { type, parameters } of offered) {
    if (type === RAW_TYPE) return { format: 'raw', parameters };
    if (type !== CAR_TYPE) continue;
    try {
      checkCarParameters(new URLSearchParams(), parameters);
      return { format: 'car', parameters };
    } catch (error) {
      refused ??= error as GatewayRefusal;
    }
  }
  if (refused !== undefined) throw refused;
  const anything = offered.every(({ type }) => type === '*/*');
  throw anything
    ? new GatewayRefusal(400, 'Say what you want: format=raw or format=car, or the same as Accept.')
    : new GatewayRefusal(406, `Only ${RAW_TYPE} and ${CAR_TYPE} are served: this gateway is a trustless one.`);
}

function parseMediaType(text: string): { type: string; parameters: ReadonlyMap<string, string> } {
  const [type = '', ...rest] = text.split(';').map((part) => part.trim().toLowerCase());
  const pairs = rest.map((part) => part.split('=', 2).map((side) => side.trim().replace(/^"(.*)"$/, '$1')));
  return { type, parameters: new Map(pairs.map(([name = '', value = '']) => [name, value])) };
}

/** What cannot be promised is not acceptable. Parameters of the query, `car-…`, win over those of the type. */
function checkCarParameters(query: URLSearchParams, parameters: ReadonlyMap<string, string>): void {
  const served = { version: ['1'], order: ['dfs', 'unk'], dups: ['n'] } as const;
  for (const [name, values] of Object.entries(served)) {
    const asked = query.get(`car-${name}`) ?? parameters.get(name);
    if (asked === undefined || (values as readonly string[]).includes(asked)) continue;
    throw new GatewayRefusal(
      406,
      `A CAR is served with ${name}=${values[0]} only, not with ${name}=${asked.slice(0, 20)}.`,
    );
  }
}

function parseScope(text: string | null): DagScope {
  if (text === null) return 'all';
  if (text === 'block' || text === 'entity' || text === 'all') return text;
  throw new GatewayRefusal(400, 'dag-scope is block, entity or all.');
}

function parseSpan(text: string | null): ByteSpan | null {
  if (text === null) return null;
  const [, fromText = '', toText = ''] = /^(-?\d{1,15}):(-?\d{1,15}|\*)$/.exec(text) ?? [];
  const from = Number(fromText);
  const to = toText === '*' ? null : Number(toText);
  const sameSide = to !== null && from < 0 === to < 0;
  if (fromText === '' || (sameSide && to < from)) {
    throw new GatewayRefusal(
      400,
      'entity-bytes is FROM:TO or FROM:*, both counted from 0, or from the end as negative numbers.',
    );
  }
  return { from, to };
}
