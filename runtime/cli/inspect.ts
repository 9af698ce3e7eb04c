import { stat } from 'node:fs/promises';
import { toErrorData } from '../core/errors.ts';
import type { Package } from '../store/package.ts';
import { EXIT } from './exit.ts';
import { type Inspection, inspectBytes, inspectFacts, type ModuleReport, verifiedSums } from './inspection.ts';
import { watchInterrupt } from './interrupt.ts';
import { withRuntime } from './open-runtime.ts';
import type { AddCommand } from './program.ts';
import { withProgress } from './progress.ts';
import { addSettingsFlags, COMMON_KEYS, type CommandSettings, commandSettings } from './settings-flags.ts';
import { cidOf, MAX_CAR_BYTES, readTarget, readTree } from './target.ts';
import { print, size } from './terminal.ts';

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
    return {
      kind: 'file',
      cid: null,
      size: bytes.length,
      files: [{ path: name, size: bytes.length }],
      manifest: null,
      verified: [],
      modules: [await inspectBytes(name, bytes, memoryPages)],
    };
  }
  return withRuntime(loaded, async ({ store }) => {
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
    return { kind, cid, size: total, files, manifest, verified: verifiedSums(manifest, read), modules };
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
  const read: string[] = [];
  const modules: ModuleReport[] = [];
  for (const name of moduleNames(files)) {
    try {
      const bytes = Uint8Array.from(await content(name));
      read.push(name);
      modules.push(await inspectBytes(name, bytes, settings.limits.memoryPages, manifest));
    } catch (error) {
      modules.push({ name, refused: toErrorData(error).message });
    }
  }
  const total = files.reduce((sum, file) => sum + file.size, 0);
  return { kind, cid, size: total, files, manifest, verified: verifiedSums(manifest, read), modules };
}

/** What a method can name: a file in a folder has no such name. */
function moduleNames(files: readonly { readonly path: string }[]): string[] {
  return files.map(({ path }) => path).filter((path) => path.endsWith('.wasm') && !path.includes('/'));
}

function show({ kind, cid, size: total, files, manifest, verified, modules }: Inspection): void {
  print(`kind     ${kind}, ${size(total)}`);
  if (cid !== null) print(`cid      ${cid}`);
  for (const file of files) print(`file     ${file.path || '(the CID itself)'} ${size(file.size)}`);
  if (manifest !== null) {
    const { permissions } = manifest;
    print(`manifest ${manifest.name || '(no name)'}`);
    for (const sum of verified) print(`verified ${sum}`);
    if (permissions === null) print('asks for whatever the operator allows');
    else if (permissions.length === 0) print('asks for nothing but named upstreams');
    else for (const line of permissions) print(`asks for ${line}`);
    for (const [key, value] of Object.entries(manifest.limits)) print(`limit    ${key} ${value}`);
  }
  for (const module of modules) showModule(module);
  if (modules.length === 0) print('refused  it has no .wasm file');
}

function showModule(module: ModuleReport): void {
  print(`module   ${module.name}`);
  if (module.sha256 !== undefined) print(`sha256   ${module.sha256}`);
  const { memory } = module;
  if (memory !== undefined) {
    const pages = memory === null ? 'none' : `${memory.initial} to ${memory.maximum ?? 'any number of'} 64 KiB pages`;
    print(`memory   ${pages}`);
  }
  if (module.hasStart !== undefined) print(`start    ${module.hasStart ? 'has a start section' : 'no start section'}`);
  if (module.varies !== undefined) {
    print(`varies   ${[...module.varies, 'stack depth'].join(', ').replaceAll('-', ' ')}`);
  }
  const kinds = Map.groupBy(module.imports ?? [], ({ kind }) => kind);
  if (kinds.size > 0) print(`uses     ${[...kinds].map(([kind, calls]) => `${kind} (${calls.length})`).join(', ')}`);
  for (const { module: from, name, note } of module.imports ?? []) print(`import   ${from}.${name}: ${note}`);
  for (const { name, kind } of module.exports ?? []) print(`export   ${name} (${kind})`);
  print(module.refused === null ? 'runs     yes' : `refused  ${module.refused}`);
}
