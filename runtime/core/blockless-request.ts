/**
 * An execute request as the Blockless dialect has it (b7s models/execute/request.go, runtime.go), decoded and otherwise
 * as it came. Nodes that pass a request on send these fields; what they mean to this node is in `node.ts`.
 */
export interface BlocklessRequest {
  readonly function_id?: string;
  readonly method?: string;
  readonly parameters?: readonly Named[];
  readonly config?: BlocklessConfig;
  readonly signature?: string;
  readonly topic?: string;
}

export interface Named {
  readonly name?: string;
  readonly value?: string;
}

export interface BlocklessConfig {
  readonly runtime?: BlocklessRuntime;
  readonly env_vars?: readonly Named[];
  readonly stdin?: string;
  readonly permissions?: readonly string[];
  readonly result_aggregation?: {
    readonly enable?: boolean;
    readonly type?: string;
    readonly parameters?: readonly Named[];
  };
  readonly attributes?: BlocklessAttributes;
  readonly number_of_nodes?: number;
  /** Window of the roll call, in s. */
  readonly timeout?: number;
  readonly consensus_algorithm?: string;
  readonly threshold?: number;
  /**
   * Ours; nodes that do not know it ignore it. `limits` by lower-case name; `permissions` where they are none at all, which
   * the b7s wire cannot say; `stdin` in base64 where it is not UTF-8, and its text is not all of it.
   */
  readonly inferbase?: {
    readonly limits?: Readonly<Record<string, number | undefined>>;
    readonly permissions?: readonly string[];
    readonly stdin?: string;
  };
}

export interface BlocklessRuntime {
  readonly entry?: string;
  /** ms */
  readonly run_time?: number;
  readonly debug_info?: boolean;
  readonly limited_fuel?: number;
  /** 64 KiB pages */
  readonly limited_memory?: number;
  readonly runtime_logger?: string;
  readonly drivers_root_path?: string;
}

/** What a worker has to be, as b7s compares its `attributes.bin`. */
export interface BlocklessAttributes {
  /** Each has to be an attribute of the worker with exactly this value. */
  readonly values?: readonly Named[];
  /** At least one attestor has to have signed the worker's attributes. */
  readonly attestation_required?: boolean;
  /** base58 peer ids */
  readonly attestors?: { readonly each?: readonly string[]; readonly one_of?: readonly string[] };
}
