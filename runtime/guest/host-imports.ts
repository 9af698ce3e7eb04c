import { findHostCall, type HostCall } from '../core/host-calls.ts';
import type { ModuleFacts } from '../core/module-facts.ts';
import { createEnv } from './assembly-script/env.ts';
import { createBlocklessCgi } from './blockless/cgi.ts';
import { createBlocklessHttp } from './blockless/http.ts';
import { createBlocklessMemory } from './blockless/memory.ts';
import type { Host, HostCallHandler, HostModule } from './host.ts';
import { createArgsEnviron } from './wasi/args-environ.ts';
import { createClock } from './wasi/clock.ts';
import type { Descriptors } from './wasi/descriptors.ts';
import { createFd } from './wasi/fd.ts';
import { createFdStat } from './wasi/fd-stat.ts';
import { type Layout, UNSTABLE } from './wasi/layout.ts';
import { createPath } from './wasi/path.ts';
import { createPathOpen } from './wasi/path-open.ts';
import { createPoll } from './wasi/poll.ts';
import { createProc } from './wasi/proc.ts';
import { createRandom } from './wasi/random.ts';
import { createReaddir } from './wasi/readdir.ts';
import { createSock } from './wasi/sock.ts';

/** Handlers of one noun, bound to one execution. */
type Noun = (host: Host, descriptors: Descriptors) => HostModule;

/** What the snapshot before preview 1 lays out differently is bound with its layout. */
const unstable =
  (noun: (host: Host, descriptors: Descriptors, layout: Layout) => HostModule): Noun =>
  (host, descriptors) =>
    noun(host, descriptors, UNSTABLE);
const NOUNS_OF_UNSTABLE: ReadonlyMap<Noun, Noun> = new Map(
  [createFd, createFdStat, createPath, createPoll].map((noun) => [noun, unstable(noun)]),
);

const WASI_NOUNS: readonly (readonly [noun: Noun, names: readonly string[]])[] = [
  [createArgsEnviron, ['args_get', 'args_sizes_get', 'environ_get', 'environ_sizes_get']],
  [createClock, ['clock_res_get', 'clock_time_get']],
  [createFd, ['fd_read', 'fd_write', 'fd_pread', 'fd_pwrite', 'fd_seek', 'fd_tell', 'fd_close', 'fd_renumber']],
  [createFd, ['fd_prestat_get', 'fd_prestat_dir_name']],
  [createFdStat, ['fd_fdstat_get', 'fd_fdstat_set_flags', 'fd_fdstat_set_rights', 'fd_filestat_get']],
  [createFdStat, ['fd_filestat_set_size', 'fd_filestat_set_times']],
  [createFdStat, ['fd_allocate', 'fd_advise', 'fd_sync', 'fd_datasync']],
  [createReaddir, ['fd_readdir']],
  [createPathOpen, ['path_open']],
  [createPath, ['path_create_directory', 'path_filestat_get', 'path_filestat_set_times', 'path_link', 'path_readlink']],
  [createPath, ['path_remove_directory', 'path_rename', 'path_symlink', 'path_unlink_file']],
  [createPoll, ['poll_oneoff', 'sched_yield']],
  [createProc, ['proc_exit', 'proc_raise']],
  [createRandom, ['random_get']],
  [createSock, ['sock_accept', 'sock_recv', 'sock_send', 'sock_shutdown']],
];

const NOUNS: ReadonlyMap<string, Noun> = new Map([
  ...WASI_NOUNS.flatMap(([noun, names]) =>
    names.flatMap((name): [string, Noun][] => [
      [`wasi_snapshot_preview1.${name}`, noun],
      [`wasi_unstable.${name}`, NOUNS_OF_UNSTABLE.get(noun) ?? noun],
    ]),
  ),
  ...['http_req', 'http_read_header', 'http_read_body', 'http_close'].map((name): [string, Noun] => [
    `blockless_http.${name}`,
    createBlocklessHttp,
  ]),
  ...['list_exec', 'list_read', 'open', 'stdout_read', 'stderr_read', 'stdin_write', 'close'].map(
    (name): [string, Noun] => [`blockless_cgi.cgi_${name}`, createBlocklessCgi],
  ),
  ...['abort', 'trace', 'seed'].map((name): [string, Noun] => [`env.${name}`, createEnv]),
  ...['memory_read', 'env_var_read'].map((name): [string, Noun] => [`blockless_memory.${name}`, createBlocklessMemory]),
]);

/** Whether a call has code behind it; the table's `unservedErrno` must say the same. */
export function isServed(call: HostCall): boolean {
  return NOUNS.has(`${call.module}.${call.name}`);
}

/** Wraps one handler with what every host call goes through; implemented by the execution. */
export type Dispatch = (call: HostCall, module: HostModule, handler: HostCallHandler) => CallableFunction;

/** What to link for one import; the same for every execution of a module, so it is looked up once. */
export interface PlannedImport {
  readonly module: string;
  readonly name: string;
  readonly call: HostCall;
  /** Index among the nouns; `null` where every call returns the row's errno. */
  readonly noun: number | null;
}

/** What a module imports of its host. */
export interface PlannedImports {
  readonly calls: readonly PlannedImport[];
  /** The nouns they are of, each once. */
  readonly nouns: readonly Noun[];
}

/** @throws TypeError for an import without a host call; the rewriter refused such modules */
export function planImports(imports: ModuleFacts['imports']): PlannedImports {
  const nouns = new Map<Noun, number>();
  const calls = imports.map(({ module, name }): PlannedImport => {
    const call = findHostCall(module, name);
    if (call === undefined) throw new TypeError(`unlinked import ${module}.${name}`);
    if (call.unservedErrno !== null) return { module, name, call, noun: null };
    const noun = NOUNS.get(`${module}.${name}`);
    if (noun === undefined) throw new TypeError(`no handler for ${module}.${name}`);
    const index = nouns.get(noun) ?? nouns.size;
    nouns.set(noun, index);
    return { module, name, call, noun: index };
  });
  return { calls, nouns: [...nouns.keys()] };
}

/**
 * The import object of one execution: exactly the host calls its module names, each through the dispatcher.
 * Every level has a null prototype; a plain object would hand a guest JavaScript's own functions by name.
 */
export function hostImports(
  { calls, nouns }: PlannedImports,
  host: Host,
  descriptors: Descriptors,
  dispatch: Dispatch,
): WebAssembly.Imports {
  const bound = nouns.map((noun) => noun(host, descriptors));
  const result: WebAssembly.Imports = Object.create(null);
  for (const planned of calls) {
    const names = result[planned.module] ?? (Object.create(null) as WebAssembly.ModuleImports);
    result[planned.module] = names;
    names[planned.name] = link(planned, dispatch, bound) as WebAssembly.ImportValue;
  }
  return result;
}

/** @param bound the handlers of each noun; the same ones for all calls of an instance */
function link({ call, noun }: PlannedImport, dispatch: Dispatch, bound: readonly HostModule[]): unknown {
  const module = noun === null ? undefined : bound[noun];
  if (module === undefined) {
    const errno = call.unservedErrno ?? 0;
    return dispatch(call, UNSERVED, () => errno);
  }
  const handler = module.calls[call.name];
  if (handler === undefined) throw new TypeError(`no handler for ${call.module}.${call.name}`);
  const linked = dispatch(call, module, handler);
  return call.suspends ? new WebAssembly.Suspending(linked) : linked;
}

const UNSERVED: HostModule = { calls: {}, faultErrno: 0, internalErrno: 0 };
