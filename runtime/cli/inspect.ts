import { toErrorData } from '../core/errors.ts';
import { EXIT } from './exit.ts';
import { type Inspection, inspectBytes, inspectFacts, type ModuleReport } from './inspection.ts';
import { watchInterrupt } from './interrupt.ts';
import { withRuntime } from './open-runtime.ts';
import type { AddCommand } from './program.ts';
import { addSettingsFlags, COMMON_KEYS, type CommandSettings, commandSettings } from './settings-flags.ts';
import { cidOf, readTarget, type Target } from './target.ts';
import { print, size } from './terminal.ts';

const EXAMPLES = `
Examples:
  $ inferbase inspect functions/hello/build/hello.wasm
  $ inferbase inspect bafk… --json

Exit code: 0 when every module of it would run here, else 1.`;

/** `inspect <cid|file>`: what it is, and whether it could run. */
export const addInspect: AddCommand = (program, done) => {
  const command = program
    .command('inspect')
    .description('Show what a CID or a file is: files, imports, exports, memory, and whether it could run here.')
    .argument('<cid|file>', 'CID of a function, a .wasm file, or a CAR file')
    .option('--json', 'one JSON object')
    .addHelpText('after', EXAMPLES);
  addSettingsFlags(command, [...COMMON_KEYS, 'limits.memoryPages']).action(
    async (text: string, options: Record<string, unknown>) => {
      const loaded = await commandSettings(options, { defaults: { 'log.level': 'warn', 'sandbox.threads': 1 } });
      const inspection = await inspect(await readTarget(text), loaded);
      if (options.json === true) print(JSON.stringify(inspection));
      else show(inspection);
      const { modules } = inspection;
      done(modules.length > 0 && modules.every(({ refused }) => refused === null) ? EXIT.ok : EXIT.failure);
    },
  );
};

async function inspect(target: Target, loaded: CommandSettings): Promise<Inspection> {
  const { memoryPages } = loaded.settings.limits;
  if (target.kind === 'file') {
    const { name, bytes } = target;
    return {
      kind: 'file',
      size: bytes.length,
      files: [{ path: name, size: bytes.length }],
      manifest: null,
      modules: [await inspectBytes(name, bytes, memoryPages)],
    };
  }
  const { signal } = watchInterrupt();
  return withRuntime(loaded, async ({ store }) => {
    const cid = await cidOf(target, store, signal);
    const { kind, files, manifest, size: total } = await store.list(cid, { signal });
    const methods = kind === 'file' ? [''] : files.map(({ path }) => path).filter((path) => path.endsWith('.wasm'));
    const modules: ModuleReport[] = [];
    for (const method of methods) {
      try {
        const { facts, name } = await store.get(cid, { method, signal });
        modules.push(inspectFacts(name, facts, memoryPages));
      } catch (error) {
        modules.push({ name: method || cid, refused: toErrorData(error).message });
      }
    }
    return { kind, size: total, files, manifest, modules };
  });
}

function show({ kind, size: total, files, manifest, modules }: Inspection): void {
  print(`kind     ${kind}, ${size(total)}`);
  for (const file of files) print(`file     ${file.path || '(the CID itself)'} ${size(file.size)}`);
  if (manifest !== null) {
    const { permissions } = manifest;
    print(`manifest ${manifest.name || '(no name)'}`);
    print(`         permissions ${permissions === null ? 'not narrowed' : permissions.join(' ') || 'none'}`);
    for (const [key, value] of Object.entries(manifest.limits)) print(`         limit ${key} ${value}`);
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
  for (const { module: from, name, note } of module.imports ?? []) print(`import   ${from}.${name}: ${note}`);
  for (const { name, kind } of module.exports ?? []) print(`export   ${name} (${kind})`);
  print(module.refused === null ? 'runs     yes' : `refused  ${module.refused}`);
}
