/**
 * Every import a module may have, with its full signature. What is not here is refused at install, by name.
 *
 * Sources: WASI preview 1 (`wasi_snapshot_preview1.witx`); the Blockless modules' witx files in bls-runtime.
 */

export type ValueType = 'i32' | 'i64' | 'f32' | 'f64';

/** What the operator's policy must grant before a call is served; the dispatcher asks, no handler can forget. */
export type HostCallPermission = 'none' | 'network' | 'processes';

export interface HostCall {
  readonly module: string;
  readonly name: string;
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
  readonly permission: HostCallPermission;
  /** Errno of every call while the operator grants no `permission`; the handler is then not reached. */
  readonly deniedErrno: number;
  /** Fuel for each byte of the guest's memory that it looks at or writes, beside what every call costs. */
  readonly fuelPerByte: number;
  /** Once made, the world is no longer as it was: an execution that made it cannot be run again without being noticed. */
  readonly outside: boolean;
  /** May park the guest: linked as a Suspending import. */
  readonly suspends: boolean;
  /** `null` when served; else the errno every call returns until it is. */
  readonly unservedErrno: number | null;
}

/** Fuel of a byte that is copied, or read as text. */
const COPIED = 1 / 8;

const LETTERS: Readonly<Record<string, ValueType>> = { i: 'i32', I: 'i64', d: 'f64' };

/** One letter a value: i = i32, I = i64, d = f64. `iIi` takes (i32, i64, i32) and returns an i32 errno. */
function row(module: string, name: string, params: string, over: Partial<HostCall> = {}): HostCall {
  return {
    module,
    name,
    params: Array.from(params, (letter) => LETTERS[letter] ?? 'i32'),
    results: ['i32'],
    permission: 'none',
    deniedErrno: 0,
    fuelPerByte: COPIED,
    outside: false,
    suspends: false,
    unservedErrno: null,
    ...over,
  };
}

const suspends = { suspends: true } as const;
const unserved = (errno: number): Partial<HostCall> => ({ unservedErrno: errno });

function wasi(module: 'wasi_snapshot_preview1' | 'wasi_unstable'): HostCall[] {
  return [
    row(module, 'args_get', 'ii'),
    row(module, 'args_sizes_get', 'ii'),
    row(module, 'environ_get', 'ii'),
    row(module, 'environ_sizes_get', 'ii'),
    row(module, 'clock_res_get', 'ii'),
    row(module, 'clock_time_get', 'iIi'),
    row(module, 'fd_advise', 'iIIi'),
    row(module, 'fd_allocate', 'iII'),
    row(module, 'fd_close', 'i'),
    row(module, 'fd_datasync', 'i'),
    row(module, 'fd_fdstat_get', 'ii'),
    row(module, 'fd_fdstat_set_flags', 'ii'),
    row(module, 'fd_fdstat_set_rights', 'iII'),
    row(module, 'fd_filestat_get', 'ii'),
    row(module, 'fd_filestat_set_size', 'iI'),
    row(module, 'fd_filestat_set_times', 'iIIi'),
    row(module, 'fd_pread', 'iiiIi'),
    row(module, 'fd_prestat_get', 'ii'),
    row(module, 'fd_prestat_dir_name', 'iii'),
    row(module, 'fd_pwrite', 'iiiIi'),
    row(module, 'fd_read', 'iiii'),
    row(module, 'fd_readdir', 'iiiIi'),
    row(module, 'fd_renumber', 'ii'),
    row(module, 'fd_seek', 'iIii'),
    row(module, 'fd_sync', 'i'),
    row(module, 'fd_tell', 'ii'),
    row(module, 'fd_write', 'iiii'),
    row(module, 'path_create_directory', 'iii'),
    row(module, 'path_filestat_get', 'iiiii'),
    row(module, 'path_filestat_set_times', 'iiiiIIi'),
    row(module, 'path_link', 'iiiiiii'),
    row(module, 'path_open', 'iiiiiIIii'),
    row(module, 'path_readlink', 'iiiiii'),
    row(module, 'path_remove_directory', 'iii'),
    row(module, 'path_rename', 'iiiiii'),
    row(module, 'path_symlink', 'iiiii'),
    row(module, 'path_unlink_file', 'iii'),
    row(module, 'poll_oneoff', 'iiii', { ...suspends, fuelPerByte: 4 }),
    row(module, 'proc_exit', 'i', { results: [] }),
    row(module, 'proc_raise', 'i'),
    row(module, 'sched_yield', '', suspends),
    row(module, 'random_get', 'ii', { fuelPerByte: 2 }),
    row(module, 'sock_accept', 'iii'),
    row(module, 'sock_recv', 'iiiiii'),
    row(module, 'sock_send', 'iiiii'),
    row(module, 'sock_shutdown', 'ii'),
  ];
}

/** 4, invalid_extension: to a guest there is none. */
const PROCESSES: Partial<HostCall> = { ...suspends, permission: 'processes', deniedErrno: 4 };
const IPFS_PERMISSION_DENY = unserved(10);
const S3_PERMISSION_DENY = unserved(12);
const LLM_NOT_SUPPORTED = unserved(2);

export const HOST_CALLS: readonly HostCall[] = [
  ...wasi('wasi_snapshot_preview1'),
  ...wasi('wasi_unstable'),

  row('blockless_http', 'http_req', 'iiiiii', { ...suspends, permission: 'network', outside: true }),
  row('blockless_http', 'http_read_header', 'iiiiii'),
  row('blockless_http', 'http_read_body', 'iiii', suspends),
  row('blockless_http', 'http_close', 'i'),

  row('blockless_memory', 'memory_read', 'iii'),
  row('blockless_memory', 'env_var_read', 'iii'),

  row('blockless_cgi', 'cgi_list_exec', 'i', PROCESSES),
  row('blockless_cgi', 'cgi_list_read', 'iiii', PROCESSES),
  row('blockless_cgi', 'cgi_open', 'iii', { ...PROCESSES, outside: true }),
  row('blockless_cgi', 'cgi_stdout_read', 'iiii', PROCESSES),
  row('blockless_cgi', 'cgi_stderr_read', 'iiii', PROCESSES),
  row('blockless_cgi', 'cgi_stdin_write', 'iiii', { ...PROCESSES, outside: true }),
  row('blockless_cgi', 'cgi_close', 'i', PROCESSES),

  row('blockless_ipfs', 'ipfs_command', 'iiii', IPFS_PERMISSION_DENY),
  row('blockless_ipfs', 'ipfs_read', 'iiii', IPFS_PERMISSION_DENY),
  row('blockless_ipfs', 'ipfs_write', 'iiii', IPFS_PERMISSION_DENY),
  row('blockless_ipfs', 'ipfs_close', 'i', IPFS_PERMISSION_DENY),

  row('blockless_s3', 'bucket_command', 'iiii', S3_PERMISSION_DENY),
  row('blockless_s3', 'bucket_put_object', 'iiii', S3_PERMISSION_DENY),
  row('blockless_s3', 's3_read', 'iiii', S3_PERMISSION_DENY),
  row('blockless_s3', 's3_close', 'i', S3_PERMISSION_DENY),

  row('blockless_llm', 'llm_set_model_request', 'iii', LLM_NOT_SUPPORTED),
  row('blockless_llm', 'llm_get_model_response', 'iiii', LLM_NOT_SUPPORTED),
  row('blockless_llm', 'llm_set_model_options_request', 'iii', LLM_NOT_SUPPORTED),
  row('blockless_llm', 'llm_get_model_options', 'iiii', LLM_NOT_SUPPORTED),
  row('blockless_llm', 'llm_prompt_request', 'iii', LLM_NOT_SUPPORTED),
  row('blockless_llm', 'llm_read_prompt_response', 'iiii', LLM_NOT_SUPPORTED),
  row('blockless_llm', 'llm_close', 'i', LLM_NOT_SUPPORTED),

  // What AssemblyScript's compiler imports on its own where no shim replaces it.
  row('env', 'abort', 'iiii', { results: [] }),
  row('env', 'trace', 'iiddddd', { results: [] }),
  row('env', 'seed', '', { results: ['f64'] }),

  row('bless', 'rpc_call', 'iiiii', unserved(2)),
  row('bless_crawl', 'scrape', 'iiiiiiii', unserved(1)),
  row('bless_crawl', 'close', 'iiiiiiii', unserved(1)),

  row('blockless_socket', 'create_tcp_bind_socket', 'iii', unserved(2)),
  row('blockless_socket', 'tcp_connect', 'iii', unserved(2)),
  row('blockless_drivers', 'blockless_open', 'iiiii', unserved(14)),
  row('blockless', 'mcall', 'iiii', unserved(4)),
  row('blockless', 'register', 'iiii', unserved(6)),
  row('wasi', 'thread-spawn', 'i', unserved(-1)),
];

/** `module.name` → row; a Map, so that `__proto__` and `constructor` are just names nobody listed. */
const BY_NAME: ReadonlyMap<string, HostCall> = new Map(
  HOST_CALLS.map((call) => [`${call.module}\u0000${call.name}`, call]),
);

const HOST_MODULES: ReadonlySet<string> = new Set(HOST_CALLS.map(({ module }) => module));

/** The host call behind an import, or `undefined` where there is none. */
export function findHostCall(module: string, name: string): HostCall | undefined {
  return BY_NAME.get(`${module}\u0000${name}`);
}

/** Whether a name is that of a module of host calls. */
export function isHostModule(module: string): boolean {
  return HOST_MODULES.has(module);
}
