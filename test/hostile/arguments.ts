import { HOST_CALLS, type HostCall } from '../../runtime/core/host-calls.ts';

/**
 * What a parameter of a host call means to the guest's memory:
 * `n…` a number that is no pointer, with the value it has here; `in:…` and `len` bytes the host reads, with those it
 * reads here; `out` and `cap` bytes it may write, all or (`some`) as many as it has; `iov` and `count` a list of such; `wN`
 * N bytes it writes; `r` a structure it reads; `text` an AssemblyScript string it reads.
 */
export type Role =
  | `n${bigint}`
  | `in:${string}`
  | 'len'
  | 'out'
  | 'some'
  | 'cap'
  | 'iov'
  | 'count'
  | `w${number}`
  | 'r'
  | 'text';

/** Descriptor 3 is `/`, 4 a file; `f` is a file, `d` a directory, `l` a link, `n` nothing yet; handle 1 is a response, or a process, or a list. */
const WASI: Readonly<Record<string, string>> = {
  args_get: 'w4 w10',
  args_sizes_get: 'w4 w4',
  environ_get: 'w4 w4',
  environ_sizes_get: 'w4 w4',
  clock_res_get: 'n0 w8',
  clock_time_get: 'n0 n0 w8',
  fd_advise: 'n4 n0 n0 n0',
  fd_allocate: 'n4 n0 n1',
  fd_close: 'n4',
  fd_datasync: 'n4',
  fd_fdstat_get: 'n4 w24',
  fd_fdstat_set_flags: 'n4 n0',
  fd_fdstat_set_rights: 'n4 n0 n0',
  fd_filestat_get: 'n4 w64',
  fd_filestat_set_size: 'n4 n1',
  fd_filestat_set_times: 'n4 n0 n0 n0',
  fd_pread: 'n4 iov count n0 w4',
  fd_prestat_get: 'n3 w8',
  fd_prestat_dir_name: 'n3 some cap',
  fd_pwrite: 'n4 iov count n0 w4',
  fd_read: 'n4 iov count w4',
  fd_readdir: 'n3 out cap n0 w4',
  fd_renumber: 'n4 n0',
  fd_seek: 'n4 n0 n0 w8',
  fd_sync: 'n4',
  fd_tell: 'n4 w8',
  fd_write: 'n4 iov count w4',
  path_create_directory: 'n3 in:n len',
  path_filestat_get: 'n3 n0 in:f len w64',
  path_filestat_set_times: 'n3 n0 in:f len n0 n0 n0',
  path_link: 'n3 n0 in:f len n3 in:n len',
  path_open: 'n3 n0 in:f len n0 n0 n0 n0 w4',
  path_readlink: 'n3 in:l len out cap w4',
  path_remove_directory: 'n3 in:d len',
  path_rename: 'n3 in:f len n3 in:n len',
  path_symlink: 'in:f len n3 in:n len',
  path_unlink_file: 'n3 in:f len',
  // One subscription and its event.
  poll_oneoff: 'r w32 n1 w4',
  proc_raise: 'n9',
  sched_yield: '',
  random_get: 'out cap',
  sock_accept: 'n4 n0 w4',
  sock_recv: 'n4 iov count n0 w4 w2',
  sock_send: 'n4 iov count n0 w4',
  sock_shutdown: 'n4 n3',
  proc_exit: 'n7',
};

const OTHERS: Readonly<Record<string, string>> = {
  'blockless_http.http_req': 'in:http://m/ len in:{"method":"GET"} len w4 w4',
  'blockless_http.http_read_header': 'n1 in:content-type len out cap w4',
  'blockless_http.http_read_body': 'n1 out cap w4',
  'blockless_http.http_close': 'n1',
  'blockless_memory.memory_read': 'out cap w4',
  'blockless_memory.env_var_read': 'out cap w4',
  'blockless_cgi.cgi_list_exec': 'w4',
  'blockless_cgi.cgi_list_read': 'n1 out cap w4',
  'blockless_cgi.cgi_open': 'in:{"command":"x"} len w4',
  'blockless_cgi.cgi_stdout_read': 'n1 out cap w4',
  'blockless_cgi.cgi_stderr_read': 'n1 out cap w4',
  'blockless_cgi.cgi_stdin_write': 'n1 in:text len w4',
  'blockless_cgi.cgi_close': 'n1',
  'env.abort': 'text text n1 n1',
  'env.trace': 'text n1 n1 n1 n1 n1 n1',
  'env.seed': '',
};

/** The roles of a call's parameters; `undefined` for one nobody wrote a row for. One that is not served has only numbers. */
export function rolesOf({ module, name, params, unservedErrno }: HostCall): readonly Role[] | undefined {
  if (unservedErrno !== null) return params.map(() => 'n1');
  const row = module.startsWith('wasi_') ? WASI[name] : OTHERS[`${module}.${name}`];
  return row?.split(' ').filter((role) => role !== '') as Role[] | undefined;
}

/** Calls without a row, or whose row has not as many roles as they have parameters; and rows without a call. */
export function rowsAmiss(): string[] {
  const amiss = HOST_CALLS.filter((row) => rolesOf(row)?.length !== row.params.length);
  const calls = new Set(HOST_CALLS.flatMap(({ module, name }) => [name, `${module}.${name}`]));
  const spare = [...Object.keys(WASI), ...Object.keys(OTHERS)].filter((name) => !calls.has(name));
  return [...amiss.map(({ module, name }) => `${module}.${name}`), ...spare];
}
