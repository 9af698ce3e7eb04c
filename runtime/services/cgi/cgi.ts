import type { CgiCommand, ServiceOp, ServiceOps, Services } from '../../core/services.ts';
import { type AlloraInit, createAllora, findAlloraScript } from './allora.ts';
import type { CgiProcess, Extension } from './extension.ts';
import { readExtensionFolder } from './extension-folder.ts';
import type { ProcessGroups } from './process-groups.ts';
import { createProgram } from './program.ts';

/** Processes of one execution: alive at once, and started in all, since starting one takes this thread's time. */
const MAX_ALIVE = 8;
const MAX_STARTED = 64;
/** Processes of all executions, alive at once. */
const MAX_ALIVE_IN_ALL = 64;

export interface CgiComponents {
  readonly groups: ProcessGroups;
  log(line: string): void;
}

export interface CgiInit {
  /** Folder of extensions that say themselves what they are. */
  readonly dir: string | null;
  /** The Allora extension: on when a script is named, or enabled and one is found. */
  readonly allora: Omit<AlloraInit, 'script'> & { readonly enabled: boolean; readonly script: string | null };
  /** Alias → program. */
  readonly programs: ReadonlyMap<
    string,
    { readonly argv: readonly [string, ...string[]]; readonly timeoutMs: number | null }
  >;
}

/** The operator's extensions and the processes that guests run of them. */
export interface Cgi extends Services {
  /** Looks for the extensions, once: now, or when a guest first asks. Resolves when all are known. */
  index(): Promise<void>;
  /** Ends every process and waits for it. */
  close(): Promise<void>;
}

/** Whether the operator configured anything that guests could run. */
export function hasExtensions({ dir, allora, programs }: CgiInit): boolean {
  return dir !== null || allora.enabled || allora.script !== null || programs.size > 0;
}

interface Owner {
  readonly processes: Map<number, CgiProcess>;
  started: number;
  /** One line per alias and reason at most. */
  readonly logged: Set<string>;
  released: boolean;
}

/** Looks for the extensions and serves `cgi.*`. */
export function createCgi(components: CgiComponents, init: CgiInit): Cgi {
  const extensions = new Map<string, Extension>();
  const owners = new Map<number, Owner>();
  const alive = new Set<CgiProcess>();
  let listing: Uint8Array = new Uint8Array(0);
  let closed = false;
  const closing = new AbortController();
  let indexed: Promise<void> | null = null;
  const ready = (): Promise<void> => {
    indexed ??= index();
    return indexed;
  };

  async function index(): Promise<void> {
    const add = (extension: Extension): void => {
      if (extensions.has(extension.alias)) {
        components.log(`extension ${extension.fileName} is left out: another one has the alias ${extension.alias}`);
      } else extensions.set(extension.alias, extension);
    };
    for (const [alias, { argv, timeoutMs }] of init.programs) {
      const fileName = argv[0].slice(argv[0].lastIndexOf('/') + 1);
      add(createProgram(components, { alias, fileName, description: '', md5: '', argv, timeoutMs }));
    }
    const { enabled, argvOrder, env } = init.allora;
    const script = init.allora.script ?? (enabled ? await findAlloraScript() : null);
    if (script !== null) add(createAllora(components, { script, argvOrder, env }));
    else if (enabled)
      components.log('extensions.allora.enabled: no main.py was found; name it as extensions.allora.script');
    if (init.dir !== null)
      for (const extension of await readExtensionFolder(components, init.dir, closing.signal)) add(extension);
    const rows = Array.from(extensions.values(), ({ fileName, alias, md5, description }) => ({
      fileName,
      alias,
      md5,
      description,
    }));
    listing = new TextEncoder().encode(JSON.stringify(rows));
  }

  function open(owner: Owner, command: CgiCommand): number | 'unknown' | 'failed' {
    const extension = extensions.get(command.alias);
    if (extension === undefined) return 'unknown';
    if (owner.released || closed) return 'failed';
    if (owner.processes.size >= MAX_ALIVE || owner.started >= MAX_STARTED || alive.size >= MAX_ALIVE_IN_ALL) {
      const most = `${MAX_ALIVE} at once and ${MAX_STARTED} in all for one execution, ${MAX_ALIVE_IN_ALL} at once for all`;
      return failed(owner, `extension ${command.alias} was not started: too many processes (most are ${most})`);
    }
    // One that cannot be started takes this thread's time as well.
    const number = ++owner.started;
    const running = extension.start(command);
    if (typeof running === 'string') return failed(owner, `extension ${command.alias}: ${running}`);
    alive.add(running);
    void running.ended.then(() => alive.delete(running));
    owner.processes.set(number, running);
    return number;
  }

  /** A guest can fail as often as it likes; of each execution the log has each line once. */
  function failed(owner: Owner, line: string): 'failed' {
    if (!owner.logged.has(line)) components.log(line);
    owner.logged.add(line);
    return 'failed';
  }

  async function close(owner: Owner, number: number): Promise<boolean> {
    const ending = owner.processes.get(number);
    if (ending === undefined) return false;
    ending.kill();
    await ending.ended;
    return owner.processes.delete(number);
  }

  async function ask<Op extends ServiceOp>(owner: Owner, op: Op, payload: unknown): Promise<unknown> {
    switch (op) {
      case 'cgi.list':
        await ready();
        return listing;
      case 'cgi.open':
        await ready();
        return open(owner, payload as ServiceOps['cgi.open']['payload']);
      case 'cgi.read': {
        const [number, stream, capacity] = payload as ServiceOps['cgi.read']['payload'];
        return (await owner.processes.get(number)?.read(stream, capacity)) ?? null;
      }
      case 'cgi.write': {
        const [number, bytes] = payload as ServiceOps['cgi.write']['payload'];
        return (await owner.processes.get(number)?.write(bytes)) ?? false;
      }
      case 'cgi.close':
        return close(owner, payload as ServiceOps['cgi.close']['payload']);
    }
  }

  return {
    index: ready,
    ask(execution, op, payload) {
      const owner = owners.get(execution) ?? {
        processes: new Map(),
        started: 0,
        logged: new Set<string>(),
        released: false,
      };
      owners.set(execution, owner);
      return ask(owner, op, payload);
    },
    release(execution) {
      const owner = owners.get(execution);
      if (owner === undefined) return;
      owners.delete(execution);
      owner.released = true;
      for (const running of owner.processes.values()) running.kill();
    },
    async close() {
      closed = true;
      closing.abort();
      await indexed;
      for (const running of alive) running.kill();
      await Promise.all(Array.from(alive, ({ ended }) => ended));
    },
  };
}
