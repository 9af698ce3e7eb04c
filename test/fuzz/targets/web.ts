import { GatewayRefusal, parseGatewayRequest } from '../../../runtime/http/gateway-request.ts';
import { readResponse } from '../../../runtime/http/web/envelope.ts';
import { readWebTarget, toWebExecution } from '../../../runtime/http/web/request.ts';
import { json, mutate, type Random, text } from '../random.ts';
import { type FuzzTarget, refusable, require } from '../target.ts';

const BOUNDARY = '0123456789abcdef0123456789abcdef';
const NAMES = [
  'x-a',
  'content-type',
  'Set-Cookie',
  'content-length',
  'location',
  'a b',
  'x\r\ny',
  '',
  'transfer-encoding',
];
const CID = 'bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy';
const LINE_BREAK = /[\r\n\0]/;
/** A function may not speak for the connection or the origin. */
const OURS = ['content-length', 'transfer-encoding', 'connection', 'set-cookie', 'strict-transport-security'];

function someOutput(random: Random): Uint8Array {
  const headers = random.times(4, () => [random.once(2) ? random.pick(NAMES) : text(random), text(random)]);
  const good = { status: random.pick([200, 204, 404, 599]), headers, length: random.below(6) };
  const head = random.once(3) ? json(random, ['status', 'headers', 'length', '__proto__']) : good;
  const mark = random.once(8) ? text(random) : `--inferbase ${BOUNDARY} `;
  const printed = `${text(random)}${mark}${JSON.stringify(head)}\nhello${text(random)}`;
  const data = `data:${random.pick(['text/html', 'a/b', '/'])};base64,${random.pick(['aGk=', 'a', '=', ' '])}`;
  const bytes = Buffer.from(random.once(6) ? data : printed);
  return random.once(2) ? bytes : mutate(bytes, random);
}

function someUrl(random: Random): string {
  const words = [
    '/',
    '//',
    '..',
    '%2e%2e',
    '%2F',
    '%',
    '%zz',
    '?',
    '#',
    '%23run',
    'a.wasm',
    CID,
    '=',
    '&',
    'format=car',
    'é',
  ];
  const query = [
    'dag-scope=all',
    'entity-bytes=0:5',
    'entity-bytes=-5:*',
    'format=raw',
    'car-version=2',
    'car-order=dfs',
  ];
  return random.times(6, () => random.pick(random.once(3) ? query : words)).join(random.pick(['', '/', '&', '?']));
}

/** Web functions and the gateway: what a guest prints, and the paths and headers of whoever asks. */
export const web: FuzzTarget = {
  name: 'web',
  async open() {
    return {
      try(random) {
        const output = someOutput(random);
        const response = refusable(['ERR_INVALID_REQUEST'], () => readResponse(output, BOUNDARY));
        if (response !== undefined) {
          const { status, headers, body } = response;
          require(Number.isInteger(status) && status >= 200 && status < 600, `status ${status}`);
          require(body.length <= output.length, 'a body longer than what was printed');
          for (const [name, values] of headers) {
            require(!OURS.includes(name), `header ${name}`);
            require(!LINE_BREAK.test([name, ...values].join('')), `header ${JSON.stringify([name, values])}`);
          }
        }
        const url = someUrl(random);
        const target = readWebTarget(`/fn/${url}`);
        require(target.path.startsWith('/'), `path ${target.path}`);
        const given = { method: 'GET', rawHeaders: random.times(6, () => text(random)), body: random.bytes(10) };
        const asked = toWebExecution(CID, target, given, BOUNDARY);
        require(asked.env.every((pair) => pair.every((part) => typeof part === 'string')), 'variables');
        try {
          const accept = random.once(2) ? undefined : `application/vnd.ipld.car; ${text(random)}, ${text(random)}`;
          refusable(['ERR_INVALID_CID'], () =>
            parseGatewayRequest(`/ipfs/${random.once(2) ? `${CID}/` : ''}${url}`, accept),
          );
        } catch (error) {
          if (!(error instanceof GatewayRefusal) || error.status < 400 || error.status > 406) throw error;
        }
      },
    };
  },
};
