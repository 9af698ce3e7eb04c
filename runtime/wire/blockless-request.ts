import type {
  BlocklessAttributes,
  BlocklessConfig,
  BlocklessRequest,
  BlocklessRuntime,
  Named,
} from '../core/blockless-request.ts';
import { LIMIT_NAMES } from '../core/limits.ts';
import { encodeString } from './go-json.ts';
import {
  everyText,
  type Field,
  flag,
  float,
  integer,
  integerPointer,
  list,
  listPointer,
  nested,
  object,
  optional,
  text,
  textPointer,
} from './go-writer.ts';

/**
 * An execute request as Go's structs are written (b7s models/execute/request.go): `config`, `config.runtime`,
 * `config.result_aggregation` and `attributes.attestors` are always there, all else only where it says something. Ours,
 * `config.inferbase`, comes last, so that a request without it has the bytes that Go signs.
 */
const writeNamed = object<Named>(text('name'), text('value'));

const writeRuntime = object<BlocklessRuntime>(
  text('entry'),
  integer('run_time'),
  flag('debug_info'),
  integer('limited_fuel'),
  integer('limited_memory'),
  text('runtime_logger'),
  text('drivers_root_path'),
);

type Aggregation = NonNullable<BlocklessConfig['result_aggregation']>;
const writeAggregation = object<Aggregation>(flag('enable'), text('type'), list('parameters', writeNamed));

type Attestors = NonNullable<BlocklessAttributes['attestors']>;
/** JSON of what a roll call or a request wants a worker to be. */
export const encodeAttributes = object<BlocklessAttributes>(
  list('values', writeNamed),
  flag('attestation_required'),
  nested('attestors', object<Attestors>(list('each', encodeString), list('one_of', encodeString))),
);

type Limits = Readonly<Record<string, number | undefined>>;
interface Extras {
  readonly limits?: Limits | undefined;
  readonly permissions?: readonly string[];
  readonly stdin?: string | undefined;
}
/** In the order of our table, whatever the order of the request; other names mean nothing. */
const writeExtras = object<Extras>(
  optional('limits', object<Limits>(...LIMIT_NAMES.map((name) => integerPointer(name.toLowerCase())))),
  listPointer('permissions', encodeString),
  optional('stdin', encodeString),
);

const writeConfig = object<BlocklessConfig>(
  nested('runtime', writeRuntime),
  list('env_vars', writeNamed),
  textPointer('stdin'),
  list('permissions', encodeString),
  nested('result_aggregation', writeAggregation),
  optional('attributes', encodeAttributes),
  integer('number_of_nodes'),
  integer('timeout'),
  text('consensus_algorithm'),
  float('threshold'),
  (config) => {
    const { limits, stdin } = config.inferbase ?? {};
    const allowsNone = permissionsOf(config)?.length === 0;
    if (limits === undefined && stdin === undefined && !allowsNone) return '';
    return `"inferbase":${writeExtras({ limits, stdin, ...(allowsNone && { permissions: [] }) })}`;
  },
);

/** What the request narrows permissions to; `undefined`: nothing. */
function permissionsOf({ permissions, inferbase }: BlocklessConfig): readonly string[] | undefined {
  return permissions ?? inferbase?.permissions;
}

const UNSIGNED_FIELDS: readonly Field<BlocklessRequest>[] = [
  everyText('function_id'),
  everyText('method'),
  list('parameters', writeNamed),
  nested('config', writeConfig),
];

/** Unlike Go's, an empty list of permissions is told from none. */
const writeAsked = object<
  Omit<BlocklessConfig, 'permissions'> & { readonly permissions: readonly string[] | undefined }
>(
  nested('runtime', writeRuntime),
  list('env_vars', writeNamed),
  textPointer('stdin'),
  listPointer('permissions', encodeString),
  (config) => {
    const { limits, stdin } = config.inferbase ?? {};
    return limits === undefined && stdin === undefined ? '' : `"inferbase":${writeExtras({ limits, stdin })}`;
  },
);

/** The fields of a request inside a message, without `topic`, which stands elsewhere in each. */
export const REQUEST_FIELDS: readonly Field<BlocklessRequest>[] = [...UNSIGNED_FIELDS, text('signature')];

/** Go-canonical JSON of a request, `signature` included, `topic` not: the struct `execute.Request` of b7s. */
export const encodeRequest = object<BlocklessRequest>(...REQUEST_FIELDS);

/** The bytes of a request that a head signs (b7s models/execute/request_signature.go), as text. */
export const encodeUnsignedRequest = object<BlocklessRequest>(...UNSIGNED_FIELDS);

/**
 * What a worker was asked to run, as text that everybody can make again: the fields that decide what comes of it, as above.
 * Which nodes run it, and what a head makes of their answers, is left out; so is `signature`.
 */
export const encodeAskedRequest = object<BlocklessRequest>(
  everyText('function_id'),
  everyText('method'),
  list('parameters', writeNamed),
  nested('config', (config: BlocklessConfig) => writeAsked({ ...config, permissions: permissionsOf(config) })),
);
