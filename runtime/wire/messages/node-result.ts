import { ANY, INT, STRING, struct, TIME, UINT } from '../go-json.ts';
import { anything, everyInteger, everyText, type Field, integer, nested, object, text, time } from '../go-writer.ts';

/**
 * What one node made of a request, as answers carry it (b7s models/execute/response.go of `a` and `b`, result.go of `c`).
 */
export interface NodeResult {
  readonly code?: string;
  readonly result?: { readonly stdout?: string; readonly stderr?: string; readonly exit_code?: number };
  /** `a` and `b` */
  readonly request_id?: string;
  readonly usage?: NodeUsage;
  /** hex, `c` */
  readonly signature?: string;
  /** `c` */
  readonly pbft?: PbftInfo;
  /** Anything, `c`. */
  readonly metadata?: unknown;
}

/** Times in ns. */
interface NodeUsage {
  readonly wall_clock_time?: number;
  readonly cpu_user_time?: number;
  readonly cpu_sys_time?: number;
  readonly memory_max_kb?: number;
}

export interface PbftInfo {
  readonly view?: number;
  readonly request_timestamp?: string;
  /** base58 peer id */
  readonly replica?: string;
}

/** All nodes that got the work. */
export interface Cluster {
  readonly main?: string;
  readonly peers?: readonly string[];
}

export const PBFT_INFO = struct('execute.PBFTResultInfo', { view: UINT, request_timestamp: TIME, replica: STRING });

export const NODE_RESULT = struct('execute.NodeResult', {
  code: STRING,
  result: struct('execute.RuntimeOutput', { stdout: STRING, stderr: STRING, exit_code: INT }),
  request_id: STRING,
  usage: struct('execute.Usage', {
    wall_clock_time: INT,
    cpu_user_time: INT,
    cpu_sys_time: INT,
    memory_max_kb: INT,
  }),
  signature: STRING,
  pbft: PBFT_INFO,
  metadata: ANY,
});

type Output = NonNullable<NodeResult['result']>;
const OUTPUT = nested('result', object<Output>(everyText('stdout'), everyText('stderr'), everyInteger('exit_code')));
const USAGE = nested(
  'usage',
  object<NodeUsage>(
    integer('wall_clock_time'),
    integer('cpu_user_time'),
    integer('cpu_sys_time'),
    integer('memory_max_kb'),
  ),
);
/** Field `pbft` of a result or an answer. */
export const PBFT: Field<{ readonly pbft?: PbftInfo }> = nested(
  'pbft',
  object<PbftInfo>(everyInteger('view'), time('request_timestamp'), text('replica')),
);

/** In the answers of `a` and `b`. */
export const encodeForkResult = object<NodeResult>(everyText('code'), OUTPUT, everyText('request_id'), USAGE);

/** In those of `c`. */
export const encodeNodeResult = object<NodeResult>(
  ...[everyText('code'), OUTPUT, USAGE, text('signature'), PBFT, anything('metadata')],
);
