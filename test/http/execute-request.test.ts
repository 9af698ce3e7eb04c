import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ExecuteRequest } from '../../runtime/core/node.ts';
import { askedBy, EXECUTE, post, stubApi } from './stub-node.ts';

const NOTHING: Omit<ExecuteRequest, 'body'> = {
  functionId: '',
  method: '',
  parameters: [],
  env: [['TOPIC_ID', '']],
  stdin: new Uint8Array(0),
  permissions: null,
  limits: {},
  nodeCount: 0,
  consensus: '',
  topic: '',
};

const ALLORA_CURL = `{
    "function_id": "bafybeigpiwl3o73zvvl6dxdqu7zqcub5mhg65jiky2xqb4rdhfmikswzqm",
    "method": "allora-inference-function.wasm",
    "parameters": null,
    "topic": "1",
    "config": {
        "env_vars": [
            {"name": "BLS_REQUEST_PATH", "value": "/api"},
            {"name": "ALLORA_ARG_PARAMS", "value": "ETH"}
        ],
        "number_of_nodes": -1,
        "timeout" : 2
    }
}`;

const READ: readonly (readonly [name: string, body: string, asked: Partial<ExecuteRequest>])[] = [
  ['no fields', '{}', {}],
  ['null', 'null', {}],
  ['an empty body', '', {}],
  [
    "the Allora guide's curl",
    ALLORA_CURL,
    {
      functionId: 'bafybeigpiwl3o73zvvl6dxdqu7zqcub5mhg65jiky2xqb4rdhfmikswzqm',
      method: 'allora-inference-function.wasm',
      env: [
        ['BLS_REQUEST_PATH', '/api'],
        ['ALLORA_ARG_PARAMS', 'ETH'],
        ['TOPIC_ID', '1'],
      ],
      topic: '1',
      nodeCount: -1,
    },
  ],
  ['keys in another case', '{"FUNCTION_ID":"a","Config":{"Number_Of_Nodes":2}}', { functionId: 'a', nodeCount: 2 }],
  ['two spellings of a key, the last counts', '{"Method":"a","method":"b","METHOD":"c"}', { method: 'c' }],
  ['a later null, the value before it stays', '{"Method":"a","METHOD":null}', { method: 'a' }],
  ['unknown fields', '{"x":[{"y":{}}],"function_id":"a","config":{"z":1}}', { functionId: 'a' }],
  ['null everywhere', '{"function_id":null,"config":{"env_vars":null,"stdin":null,"runtime":null}}', {}],
  ['another value after the first', '{"method":"m"} {"method":"n"', { method: 'm' }],
  ['garbage after the first value', '{"method":"}\\"]"}]]]\u0000', { method: '}"]' }],
  ['white space around', ' \r\n\t{"method":"m"}\n', { method: 'm' }],
  ['__proto__ and constructor keys', '{"__proto__":{"method":"p"},"constructor":{"prototype":{"topic":"x"}}}', {}],
  [
    'parameters, of which only values that say something',
    '{"parameters":[{"name":"a","value":"1"},{"name":"b"},{"value":""},null,{"value":"2"}]}',
    { parameters: ['1', '2'] },
  ],
  [
    'environment in order, duplicates and gaps kept, the topic last',
    '{"topic":"7/reputer","config":{"env_vars":[{"name":"A","value":"1"},null,{"name":"A","value":null},{"value":"x"},{"name":"TOPIC_ID","value":"mine"}]}}',
    {
      env: [
        ['A', '1'],
        ['', ''],
        ['A', ''],
        ['', 'x'],
        ['TOPIC_ID', 'mine'],
        ['TOPIC_ID', '7/reputer'],
      ],
      topic: '7/reputer',
    },
  ],
  [
    'an environment variable named __proto__',
    '{"config":{"env_vars":[{"name":"__proto__","value":"x"}]}}',
    {
      env: [
        ['__proto__', 'x'],
        ['TOPIC_ID', ''],
      ],
    },
  ],
  ['stdin as UTF-8', '{"config":{"stdin":"é\\u0000"}}', { stdin: new Uint8Array([0xc3, 0xa9, 0]) }],
  ['permissions', '{"config":{"permissions":["https://a.example/"]}}', { permissions: ['https://a.example/'] }],
  ['an empty permission list', '{"config":{"permissions":[]}}', { permissions: [] }],
  [
    'limits',
    '{"config":{"runtime":{"run_time":250,"limited_memory":16,"limited_fuel":9}}}',
    { limits: { deadlineMs: 250, memoryPages: 16, fuel: 9 } },
  ],
  [
    'every limit by its own name, the smallest where there are two',
    '{"config":{"runtime":{"run_time":250,"limited_fuel":9},"inferbase":{"limits":{"deadlineMs":300,"fuel":8,"STDOUTBYTES":0}}}}',
    { limits: { deadlineMs: 250, fuel: 8, stdoutBytes: 0 } },
  ],
  ['null for our own limits', '{"config":{"inferbase":{"limits":{"handles":null}}}}', {}],
  ['limits of 0', '{"config":{"runtime":{"run_time":0,"limited_memory":0,"limited_fuel":0,"entry":"other"}}}', {}],
  [
    'the largest unsigned number',
    '{"config":{"runtime":{"run_time":18446744073709551615}}}',
    { limits: { deadlineMs: 2 ** 64 } },
  ],
  ['a consensus name in any case', '{"config":{"consensus_algorithm":"PBFT","threshold":0.6}}', { consensus: 'pbft' }],
  [
    'an unknown value nested 30 000 deep',
    `{"x":${'['.repeat(30_000)}${']'.repeat(30_000)},"method":"m"}`,
    { method: 'm' },
  ],
];

for (const [name, body, asked] of READ) {
  test(`an execute request is read as Go reads it: ${name}`, async () => {
    const { body: _, ...request } = (await askedBy(body)) ?? assert.fail('it was not asked');
    assert.deepEqual(request, { ...NOTHING, ...asked });
  });
}

const TYPE = 'could not unpack request: code=400, message=Unmarshal type error: ';
const SYNTAX = 'could not unpack request: code=400, message=Syntax error: ';

/** Every message compared with what echo 4.11 and encoding/json answer to the same body. */
const REFUSED: readonly (readonly [name: string, body: string, message: string])[] = [
  ['only white space', ' ', 'could not unpack request: code=400, message=EOF, internal=EOF'],
  ['cut off', '{"a"', 'could not unpack request: code=400, message=unexpected EOF, internal=unexpected EOF'],
  [
    'cut off in a literal',
    '{"a":tru',
    'could not unpack request: code=400, message=unexpected EOF, internal=unexpected EOF',
  ],
  [
    'cut off after a wrong type',
    '{"function_id":1,"method":"m"',
    'could not unpack request: code=400, message=unexpected EOF, internal=unexpected EOF',
  ],
  [
    'not JSON',
    'x',
    `${SYNTAX}offset=1, error=invalid character 'x' looking for beginning of value, internal=invalid character 'x' looking for beginning of value`,
  ],
  [
    'a byte order mark',
    '\ufeff{}',
    `${SYNTAX}offset=1, error=invalid character 'ï' looking for beginning of value, internal=invalid character 'ï' looking for beginning of value`,
  ],
  [
    'single quotes',
    "{'a':1}",
    `${SYNTAX}offset=2, error=invalid character '\\'' looking for beginning of object key string, internal=invalid character '\\'' looking for beginning of object key string`,
  ],
  [
    'a trailing comma',
    '{"a":1,}',
    `${SYNTAX}offset=8, error=invalid character '}' looking for beginning of object key string, internal=invalid character '}' looking for beginning of object key string`,
  ],
  [
    'a missing comma',
    '[1 2]',
    `${SYNTAX}offset=4, error=invalid character '2' after array element, internal=invalid character '2' after array element`,
  ],
  [
    'a missing colon',
    '{"a" 1}',
    `${SYNTAX}offset=6, error=invalid character '1' after object key, internal=invalid character '1' after object key`,
  ],
  [
    'a leading zero',
    '{"a":01}',
    `${SYNTAX}offset=7, error=invalid character '1' after object key:value pair, internal=invalid character '1' after object key:value pair`,
  ],
  [
    'half a fraction',
    '{"a":1.}',
    `${SYNTAX}offset=8, error=invalid character '}' after decimal point in numeric literal, internal=invalid character '}' after decimal point in numeric literal`,
  ],
  [
    'a raw control character',
    '{"a":"\n"}',
    `${SYNTAX}offset=7, error=invalid character '\\n' in string literal, internal=invalid character '\\n' in string literal`,
  ],
  [
    'an unknown escape',
    '{"a":"\\x"}',
    `${SYNTAX}offset=8, error=invalid character 'x' in string escape code, internal=invalid character 'x' in string escape code`,
  ],
  [
    'half a unicode escape',
    '{"a":"\\u12g4"}',
    `${SYNTAX}offset=11, error=invalid character 'g' in \\u hexadecimal character escape, internal=invalid character 'g' in \\u hexadecimal character escape`,
  ],
  [
    'a literal misspelt',
    '{"a":nil}',
    `${SYNTAX}offset=7, error=invalid character 'i' in literal null (expecting 'u'), internal=invalid character 'i' in literal null (expecting 'u')`,
  ],
  [
    'nested too deep and broken',
    '['.repeat(20_000),
    `${SYNTAX}offset=10001, error=exceeded max depth, internal=exceeded max depth`,
  ],
  [
    'an array',
    '[]',
    `${TYPE}expected=main.ExecuteRequest, got=array, field=, offset=1, internal=json: cannot unmarshal array into Go value of type main.ExecuteRequest`,
  ],
  [
    'a string',
    '"a"',
    `${TYPE}expected=main.ExecuteRequest, got=string, field=, offset=3, internal=json: cannot unmarshal string into Go value of type main.ExecuteRequest`,
  ],
  [
    'a number for the function',
    '{"function_id":1}',
    `${TYPE}expected=string, got=number, field=function_id, offset=16, internal=json: cannot unmarshal number into Go struct field ExecuteRequest.function_id of type string`,
  ],
  [
    'a number for the topic, after é',
    '{"x":"é","topic":1}',
    `${TYPE}expected=string, got=number, field=topic, offset=19, internal=json: cannot unmarshal number into Go struct field ExecuteRequest.topic of type string`,
  ],
  [
    'an array for the config',
    '{"config":[]}',
    `${TYPE}expected=execute.Config, got=array, field=config, offset=11, internal=json: cannot unmarshal array into Go struct field ExecuteRequest.config of type execute.Config`,
  ],
  [
    'an object for a list',
    '{"config":{"env_vars":{}}}',
    `${TYPE}expected=[]execute.EnvVar, got=object, field=config.env_vars, offset=23, internal=json: cannot unmarshal object into Go struct field Config.config.env_vars of type []execute.EnvVar`,
  ],
  [
    'a number in a list',
    '{"config":{"permissions":["a",1]}}',
    `${TYPE}expected=string, got=number, field=config.permissions, offset=31, internal=json: cannot unmarshal number into Go struct field Config.config.permissions of type string`,
  ],
  [
    'a number for a value',
    '{"config":{"env_vars":[{"name":"a"},{"name":2}]}}',
    `${TYPE}expected=string, got=number, field=config.env_vars.name, offset=45, internal=json: cannot unmarshal number into Go struct field EnvVar.config.env_vars.name of type string`,
  ],
  [
    'a fraction of nodes',
    '{"config":{"number_of_nodes":1.5}}',
    `${TYPE}expected=int, got=number 1.5, field=config.number_of_nodes, offset=32, internal=json: cannot unmarshal number 1.5 into Go struct field Config.config.number_of_nodes of type int`,
  ],
  [
    'a negative time',
    '{"config":{"runtime":{"run_time":-1}}}',
    `${TYPE}expected=uint64, got=number -1, field=config.runtime.run_time, offset=35, internal=json: cannot unmarshal number -1 into Go struct field BLSRuntimeConfig.config.runtime.run_time of type uint64`,
  ],
  [
    'an infinite threshold',
    '{"config":{"threshold":1e999}}',
    `${TYPE}expected=float64, got=number 1e999, field=config.threshold, offset=28, internal=json: cannot unmarshal number 1e999 into Go struct field Config.config.threshold of type float64`,
  ],
  [
    'a word for a switch',
    '{"config":{"result_aggregation":{"enable":"x"}}}',
    `${TYPE}expected=bool, got=string, field=config.result_aggregation.enable, offset=45, internal=json: cannot unmarshal string into Go struct field ResultAggregation.config.result_aggregation.enable of type bool`,
  ],
  [
    'a wrong type under a key in capitals',
    '{"TOPIC":true}',
    `${TYPE}expected=string, got=bool, field=topic, offset=13, internal=json: cannot unmarshal bool into Go struct field ExecuteRequest.topic of type string`,
  ],
];

for (const [name, body, message] of REFUSED) {
  test(`an unreadable execute request is a 400 in echo's words: ${name}`, async () => {
    const app = await stubApi();
    const answer = await post(app, EXECUTE, body);
    assert.equal(answer.status, 400);
    assert.equal(JSON.parse(answer.body).message, message);
    assert.equal(answer.type, 'application/json; charset=UTF-8');
    assert.ok(answer.body.endsWith('}\n'));
  });
}

const UNSUPPORTED = '{"message":"could not unpack request: code=415, message=Unsupported Media Type"}\n';
const CONTENT_TYPES: readonly (readonly [type: string | null, body: string, status: number])[] = [
  ['application/json;charset=UTF-8', '{}', 200],
  ['application/json; charset=utf-8; x=y', '{}', 200],
  ['application/json; charset', '{}', 200],
  ['application/jsonx', '{}', 200],
  ['text/plain', '{}', 400],
  ['application/x-www-form-urlencoded', 'a=b', 400],
  ['application/vnd.api+json', '{}', 400],
  ['nonsense', '{}', 400],
  [null, '{}', 400],
  ['text/plain', '', 200],
  [null, '', 200],
];

for (const [type, body, status] of CONTENT_TYPES) {
  test(`a ${body === '' ? 'missing body' : 'body'} of content type ${type} is answered ${status}`, async () => {
    const app = await stubApi();
    const answer = await post(app, EXECUTE, Buffer.from(body), type);
    assert.equal(answer.status, status);
    if (status === 400) assert.equal(answer.body, UNSUPPORTED);
  });
}
