import { stat } from 'node:fs/promises';
import { toErrorData } from '../core/errors.ts';
import type { Package } from '../store/package.ts';
import { EXIT } from './exit.ts';
import {
  askedLines,
  type Inspection,
  inspectBytes,
  inspectFacts,
  inspectModules,
  type ModuleReport,
  type Need,
  needsOf,
  verifiedSums,
} from './inspection.ts';
import { watchInterrupt } from './interrupt.ts';
import { withReadingRuntime, withRuntime } from './open-runtime.ts';
import type { AddCommand } from './program.ts';
import { withProgress } from './progress.ts';
import { addSettingsFlags, COMMON_KEYS, type CommandSettings, commandSettings } from './settings-flags.ts';
import { cidOf, MAX_CAR_BYTES, readTarget, readTree } from './target.ts';
import { print, printable, size } from './terminal.ts';

const EXAMPLES = `
Examples:
  $ inferbase inspect functions/hello/build/hello.wasm
  $ inferbase inspect functions/hello/build/hello      a package before it is pinned: its CID, sums, permissions, limits
  $ inferbase inspect bafy…
  $ inferbase inspect bafk… --json

Exit codes: 0 when every module of it would run here, 1 when one would not or it cannot be read, 2 wrong usage.`;

/** `inspect <cid|file|folder>`: what it is, and whether it could run. */
export const addInspect: AddCommand = (program, done) => {
  const command = program
    .command('inspect')
    .description(
      'Show what a CID, a file or a package is: files, checked sums, permissions and limits it asks for, imports, exports, memory, and whether it could run here.',
    )
    .argument('<cid|file|folder>', 'CID of a function, a .wasm file, a CAR file, or the folder of a package')
    .option('--json', 'one JSON object')
    .addHelpText('after', EXAMPLES);
  addSettingsFlags(command, [...COMMON_KEYS, 'limits.memoryPages']).action(
    async (text: string, options: Record<string, unknown>) => {
      const loaded = await commandSettings(options, { defaults: { 'log.level': 'warn', 'sandbox.threads': 1 } });
      const { signal } = watchInterrupt();
      const quiet = options.json === true;
      const inspection = await withProgress(`reading ${text}`, { quiet }, () => inspect(text, loaded, signal));
      if (quiet) print(JSON.stringify(inspection));
      else show(inspection);
      const { modules } = inspection;
      done(modules.length > 0 && modules.every(({ refused }) => refused === null) ? EXIT.ok : EXIT.failure);
    },
  );
};

async function inspect(text: string, loaded: CommandSettings, signal: AbortSignal): Promise<Inspection> {
  const { memoryPages } = loaded.settings.limits;
  const found = await stat(text).catch(() => undefined);
  if (found?.isDirectory()) return await inspectFolder(text, loaded, signal);
  const target = await readTarget(text);
  if (target.kind === 'file') {
    const { name, bytes } = target;
    const modules = [await inspectBytes(name, bytes, memoryPages)];
    return {
      kind: 'file',
      cid: null,
      size: bytes.length,
      files: [{ path: name, size: bytes.length }],
      manifest: null,
      verified: [],
      asks: null,
      needs: needsOf(modules),
      modules,
    };
  }
  const open = target.kind === 'cid' ? withReadingRuntime : withRuntime;
  return open(loaded, async ({ store }) => {
    const cid = await cidOf(target, store, signal);
    const { kind, files, manifest, size: total } = await store.list(cid, { signal });
    const methods = kind === 'file' ? [''] : moduleNames(files);
    const read: string[] = [];
    const modules: ModuleReport[] = [];
    for (const method of methods) {
      try {
        const { facts, name } = await store.get(cid, { method, signal });
        read.push(method);
        modules.push(inspectFacts(name, facts, { pages: memoryPages, manifest }));
      } catch (error) {
        modules.push({ name: method || cid, refused: toErrorData(error).message });
      }
    }
    const asks = askedLines(manifest, loaded.settings.policy.allow);
    const verified = verifiedSums(manifest, read);
    return { kind, cid, size: total, files, manifest, verified, asks, needs: needsOf(modules), modules };
  });
}

/** A folder is what it would be under the CID that `pin` gives it; nothing is stored. */
async function inspectFolder(path: string, { settings }: CommandSettings, signal: AbortSignal): Promise<Inspection> {
  const { openLocalPackage } = await import('../store/local-package.ts');
  const tree = await readTree(path, settings.dataDir);
  const { cid, opened } = await openLocalPackage(tree, { maxBytes: MAX_CAR_BYTES, signal });
  // A folder is never one file.
  const { kind, manifest, list, content } = opened as Extract<Package, { kind: 'package' | 'directory' }>;
  const files = await list();
  const read = new Map<string, Uint8Array<ArrayBuffer>>();
  const unreadable: ModuleReport[] = [];
  for (const name of moduleNames(files)) {
    try {
      read.set(name, Uint8Array.from(await content(name)));
    } catch (error) {
      unreadable.push({ name, refused: toErrorData(error).message });
    }
  }
  const modules = [...(await inspectModules(read, { pages: settings.limits.memoryPages, manifest })), ...unreadable];
  const total = files.reduce((sum, file) => sum + file.size, 0);
  const asks = askedLines(manifest, settings.policy.allow);
  const verified = verifiedSums(manifest, [...read.keys()]);
  return { kind, cid, size: total, files, manifest, verified, asks, needs: needsOf(modules), modules };
}

/** What a method can name: a file in a folder has no such name. */
function moduleNames(files: readonly { readonly path: string }[]): string[] {
  return files.map(({ path }) => path).filter((path) => path.endsWith('.wasm') && !path.includes('/'));
}

/** Names in it are a stranger's: none may write a line of its own, or steer the terminal. */
function put(line: string): void {
  print(printable(line));
}

function show({ kind, cid, size: total, files, manifest, verified, asks, needs, modules }: Inspection): void {
  put(`kind     ${kind}, ${size(total)}`);
  if (cid !== null) put(`cid      ${cid}`);
  for (const file of files) put(`file     ${file.path || '(the CID itself)'} ${size(file.size)}`);
  if (manifest !== null) {
    const { permissions } = manifest;
    put(`manifest ${manifest.name || '(no name)'}`);
    for (const sum of verified) put(`verified ${sum}`);
    if (permissions === null) put('asks for whatever the operator allows');
    else if (permissions.length === 0) put('asks for nothing but named upstreams');
    else for (const { line, state } of asks ?? []) put(`asks for ${line} (${STATES[state]})`);
    for (const [key, value] of Object.entries(manifest.limits)) put(`limit    ${key} ${value}`);
  }
  for (const need of needs) showNeed(need);
  for (const module of modules) showModule(module);
  if (modules.length === 0) put('refused  it has no .wasm file');
}

const STATES = {
  allowed: 'allowed by policy.allow',
  denied: 'denied: not in policy.allow',
  void: 'no URL: grants nothing here',
} as const;

/** What the operator would have to set, where it is not set yet. */
function showNeed({ permission }: Need): void {
  if (permission === 'network') put('needs    the network (http): policy.allow, for all but named upstreams');
  else put('needs    programs (cgi): extensions.dir, extensions.NAME.command or extensions.allora');
}

function showModule(module: ModuleReport): void {
  put(`module   ${module.name}`);
  if (module.sha256 !== undefined) put(`sha256   ${module.sha256}`);
  const { memory } = module;
  if (memory !== undefined) {
    const pages = memory === null ? 'none' : `${memory.initial} to ${memory.maximum ?? 'any number of'} 64 KiB pages`;
    put(`memory   ${pages}`);
  }
  if (module.hasStart !== undefined) put(`start    ${module.hasStart ? 'has a start section' : 'no start section'}`);
  if (module.varies !== undefined) {
    put(`varies   ${[...module.varies, 'stack depth'].join(', ').replaceAll('-', ' ')}`);
  }
  const kinds = Map.groupBy(module.imports ?? [], ({ kind }) => kind);
  if (kinds.size > 0) put(`uses     ${[...kinds].map(([kind, calls]) => `${kind} (${calls.length})`).join(', ')}`);
  for (const { module: from, name, note } of module.imports ?? []) put(`import   ${from}.${name}: ${note}`);
  for (const { name, kind } of module.exports ?? []) put(`export   ${name} (${kind})`);
  put(module.refused === null ? 'runs     yes' : `refused  ${module.refused}`);
}
