import type { BlocklessConfig, BlocklessRequest } from '../core/blockless-request.ts';
import { InferbaseError } from '../core/errors.ts';
import { LIMIT_NAMES, type Limits } from '../core/limits.ts';
import type { ExecuteRequest } from '../core/node.ts';
import { exactBytes } from './exact-bytes.ts';
import { BOOL, type Decoded, FLOAT64, INT, list, STRING, struct, UINT64 } from './go-json.ts';

/**
 * The body of `POST /api/v1/functions/execute`, named as in b7s (models/execute/request.go, runtime.go) since those
 * names appear in error texts. Fields that mean nothing to one node are still read, so that a wrong type is an error.
 */
const PARAMETER = struct('execute.Parameter', { name: STRING, value: STRING });

const RUNTIME = struct('execute.BLSRuntimeConfig', {
  entry: STRING,
  run_time: UINT64,
  debug_info: BOOL,
  limited_fuel: UINT64,
  limited_memory: UINT64,
  runtime_logger: STRING,
  drivers_root_path: STRING,
});

/**
 * Ours: every limit by its own name, as under `inferbase.limits` in a manifest; keys match in any case. `permissions` is
 * what a head passes on where the request allows none, since Go leaves an empty list out; `stdin` the exact bytes, in base64.
 */
const EXTRAS = struct('execute.Inferbase', {
  limits: struct('execute.Limits', Object.fromEntries(LIMIT_NAMES.map((name) => [name.toLowerCase(), UINT64]))),
  permissions: list(STRING),
  stdin: STRING,
});

const ATTESTORS = struct('execute.AttributeAttestors', { each: list(STRING), one_of: list(STRING) });

/** What a worker has to be; also a field of roll calls. */
export const ATTRIBUTES = struct('execute.Attributes', {
  values: list(PARAMETER),
  attestation_required: BOOL,
  attestors: ATTESTORS,
});

const CONFIG = struct('execute.Config', {
  runtime: RUNTIME,
  env_vars: list(struct('execute.EnvVar', { name: STRING, value: STRING })),
  stdin: STRING,
  permissions: list(STRING),
  result_aggregation: struct('execute.ResultAggregation', { enable: BOOL, type: STRING, parameters: list(PARAMETER) }),
  attributes: ATTRIBUTES,
  number_of_nodes: INT,
  timeout: INT,
  consensus_algorithm: STRING,
  threshold: FLOAT64,
  inferbase: EXTRAS,
});

/** The fields of b7s's `execute.Request`; messages embed them. */
export const REQUEST_TYPES = {
  function_id: STRING,
  method: STRING,
  parameters: list(PARAMETER),
  config: CONFIG,
  signature: STRING,
};

export const EXECUTE_REQUEST = struct('main.ExecuteRequest', { ...REQUEST_TYPES, topic: STRING });

/** Most parameters and most variables of a request; millions fit into a body, and each is a string on two heaps. */
const MAX_ITEMS = 10_000;

const NO_LIMITS: Partial<Limits> = {};
const NO_BYTES = new Uint8Array(0);

/**
 * Translates a decoded body into our own words; nothing in it is checked against the store or the policy here.
 * @throws InferbaseError `ERR_INVALID_REQUEST` for more parameters or variables than are taken
 */
export function toExecuteRequest(body: Decoded<typeof EXECUTE_REQUEST>): ExecuteRequest {
  const { config = {}, topic = '' } = body;
  checkCount('config.env_vars', config.env_vars?.length);
  // The inference base image adds it whatever the topic is; functions read it as the last of its name.
  const variables = [...(config.env_vars ?? []), { name: 'TOPIC_ID', value: topic }];
  return translate({ ...body, config: { ...config, env_vars: variables } });
}

/**
 * Translates what a head passed on: it has added the variable TOPIC_ID, or its dialect knows none, and the topic in it
 * is that of the roll call.
 * @throws InferbaseError as {@link toExecuteRequest}
 */
export function toOrderedRequest(body: BlocklessRequest): ExecuteRequest {
  // One more than a caller may send: the head's.
  checkCount('config.env_vars', (body.config?.env_vars?.length ?? 0) - 1);
  return translate(body);
}

function translate(body: BlocklessRequest): ExecuteRequest {
  const config = body.config ?? {};
  checkCount('parameters', body.parameters?.length);
  const { stdin = '' } = config;
  return {
    functionId: body.function_id ?? '',
    method: body.method ?? '',
    parameters: (body.parameters ?? []).flatMap(({ value = '' }) => (value === '' ? [] : [value])),
    env: (config.env_vars ?? []).map(({ name = '', value = '' }): [string, string] => [name, value]),
    // Not Buffer.from: its bytes may lie in a pool, which a copy to another thread would take along whole.
    stdin: stdin === '' ? NO_BYTES : exactBytes(stdin, config.inferbase?.stdin),
    permissions: config.permissions ?? config.inferbase?.permissions ?? null,
    limits: askedLimits(config),
    nodeCount: config.number_of_nodes ?? 0,
    consensus: (config.consensus_algorithm ?? '').toLowerCase(),
    topic: body.topic ?? '',
    body,
  };
}

function checkCount(field: string, count = 0): void {
  if (count <= MAX_ITEMS) return;
  throw new InferbaseError(
    'ERR_INVALID_REQUEST',
    `${field} has ${count} items and at most ${MAX_ITEMS} are taken; send the rest as stdin`,
  );
}

/** In `runtime`, 0 asks for nothing, as with bls-runtime's flags; under `inferbase.limits` it is meant as written. */
function askedLimits({ runtime, inferbase }: BlocklessConfig): Partial<Limits> {
  if (runtime === undefined && inferbase === undefined) return NO_LIMITS;
  const { run_time = 0, limited_memory = 0, limited_fuel = 0 } = runtime ?? {};
  const blockless: Partial<Limits> = {
    ...(run_time > 0 && { deadlineMs: run_time }),
    ...(limited_memory > 0 && { memoryPages: limited_memory }),
    ...(limited_fuel > 0 && { fuel: limited_fuel }),
  };
  const asked: Partial<Record<keyof Limits, number>> = { ...blockless };
  for (const name of LIMIT_NAMES) {
    const value = inferbase?.limits?.[name.toLowerCase()];
    if (value !== undefined) asked[name] = Math.min(value, asked[name] ?? value);
  }
  return asked;
}
