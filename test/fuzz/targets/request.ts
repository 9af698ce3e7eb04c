import { EXECUTE_REQUEST, toExecuteRequest } from '../../../runtime/wire/execute-request.ts';
import { decodeJson, encodeString, indentJson } from '../../../runtime/wire/go-json.ts';
import { json, mutate, text } from '../random.ts';
import { type FuzzTarget, refusable, require } from '../target.ts';

const KEYS = [
  ...['function_id', 'method', 'parameters', 'config', 'signature', 'topic', 'name', 'value', 'runtime', 'env_vars'],
  ...['stdin', 'permissions', 'number_of_nodes', 'run_time', 'limited_fuel', 'limited_memory', 'entry', 'timeout'],
  ...['FUNCTION_ID', 'Config', 'conſig', '__proto__', 'constructor', 'toString', 'attributes', 'threshold'],
];
const GOOD =
  '{"function_id":"bafk","method":"a.wasm","parameters":[{"name":"n","value":"v"}],"config":{"env_vars":[{"name":"A",' +
  '"value":"1"}],"runtime":{"run_time":100},"stdin":"x","permissions":["http://a.com/"],"number_of_nodes":-1},"topic":"1"}';

/** Bodies of execute requests: the same values that JSON.parse sees, or an error in Go's words. */
export const request: FuzzTarget = {
  name: 'json',
  async open() {
    return {
      try(random) {
        const source = random.once(2) ? GOOD : JSON.stringify(json(random, KEYS));
        const body = random.once(3) ? Buffer.from(source) : Buffer.from(mutate(Buffer.from(source), random));
        const asked = refusable(['ERR_INVALID_REQUEST'], () => toExecuteRequest(decodeJson(body, EXECUTE_REQUEST)));
        if (asked !== undefined) {
          require(typeof asked.functionId === 'string' && typeof asked.method === 'string', 'texts');
          require(asked.parameters.every((value) => typeof value === 'string'), 'parameters');
          require(asked.env.every(
            ([name, value]) => typeof name === 'string' && typeof value === 'string',
          ), 'variables');
          require(Object.values(asked.limits).every((limit) => Number(limit) > 0), 'limits');
        }
        const written = text(random);
        const encoded = encodeString(written);
        require(JSON.parse(encoded) === written.toWellFormed(), 'a text that comes back as another');
        require(JSON.parse(indentJson(encoded)) === written.toWellFormed(), 'the same, indented');
      },
    };
  },
};
