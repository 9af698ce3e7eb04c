import { parseCgiCommand } from '../../../runtime/guest/blockless/cgi-command.ts';
import { parseHttpOptions } from '../../../runtime/guest/blockless/http-options.ts';
import { OutboundError } from '../../../runtime/guest/outbound/errors.ts';
import { checkHeaders } from '../../../runtime/guest/outbound/headers.ts';
import { checkMethod } from '../../../runtime/guest/outbound/hops.ts';
import { json, mutate, text } from '../random.ts';
import { type FuzzTarget, require } from '../target.ts';

const KEYS = [
  ...[
    'method',
    'headers',
    'body',
    'connectTimeout',
    'readTimeout',
    'GET',
    'X-A',
    'Host',
    'Content-Length',
    'authorization',
  ],
  ...['command', 'args', 'envs', 'name', 'value', 'env_name', 'env_val', '__proto__', 'constructor', 'a\r\nb'],
];
const GOOD = ['{"method":"GET","headers":"{\\"X-A\\":\\"b\\"}","body":null}', '{"command":"a","args":["b"],"envs":[]}'];
const LINE_BREAK = /[\r\n\0]/;

/** What guests send as JSON with a request or a command: an errno, or nothing that could become a second line. */
export const httpOptions: FuzzTarget = {
  name: 'options',
  async open() {
    return {
      try(random) {
        const value = json(random, KEYS);
        const source = random.once(2)
          ? random.pick(GOOD)
          : JSON.stringify(random.once(2) ? value : { method: 'GET', headers: value });
        const sent = random.once(2) ? source : Buffer.from(mutate(Buffer.from(source), random)).toString();
        const command = parseCgiCommand(sent);
        const words = command === null ? [] : [command.alias, ...command.args, ...command.env.flat()];
        require(words.every((word) => typeof word === 'string' && !word.includes('\0')), 'a command with a NUL');
        const options = parseHttpOptions(sent);
        if (typeof options === 'number') return require(options === 10 || options === 15, `errno ${options}`);
        try {
          const method = checkMethod(random.once(2) ? options.method : text(random));
          require(!LINE_BREAK.test(method) && method !== '', `method ${JSON.stringify(method)}`);
          for (const [name, header] of checkHeaders(options.headers)) {
            require(!LINE_BREAK.test(name + header) && name === name.toLowerCase(), `header ${JSON.stringify(name)}`);
            require(!['host', 'content-length', 'transfer-encoding', 'connection'].includes(name), `header ${name}`);
          }
        } catch (error) {
          if (!(error instanceof OutboundError)) throw error;
        }
      },
    };
  },
};
