/**
 * Builds what is published: `dist/` holds the runtime as JavaScript with every package it needs inside, and the
 * licences of those packages. Nothing else needs a build; a clone runs the TypeScript as it is.
 */
import { existsSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';

const ROOT = import.meta.dirname;
const OUT = join(ROOT, 'dist');

/** Entries below `runtime/` without suffix: the program, each thread and process as `core/thread-url.ts` names it. */
const THREADS = ['guest/thread', 'store/preparation/thread', 'store/peers/thread', 'p2p/thread'];
const ENTRIES = ['main', ...THREADS, 'cli/local/child'];

/** Some bundled packages are CommonJS and call `require` of Node's own modules. */
const BANNER = `import { createRequire as inferbaseCreateRequire } from 'node:module';
const require = inferbaseCreateRequire(import.meta.url);`;

/** `(await import('undici')).Agent`: Node finds the names that a CommonJS package exports, esbuild would not. */
const namedExports: Plugin = {
  name: 'named-exports',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[^./]/ }, ({ kind, path, resolveDir }) =>
      kind === 'dynamic-import' && !isBuiltin(path)
        ? { path, namespace: 'named-exports', pluginData: resolveDir }
        : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'named-exports' }, async ({ path, pluginData }) => {
      const names = Object.keys(await import(path)).filter((name) => /^[\w$]+$/.test(name));
      return { contents: `export { ${names.join(', ')} } from '${path}';`, resolveDir: pluginData };
    });
  },
};

interface BundledPackage {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  /** Text of its licence and notice files; empty when it ships none. */
  readonly text: string;
}

/** Folders of the packages that a bundle took files from: the part of a path up to the last package name in it. */
function packageFolders(metafile: Metafile): string[] {
  const used = Object.values(metafile.outputs).flatMap((output) => Object.keys(output.inputs));
  const folders = used.map((path) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]);
  return [...new Set(folders.filter((folder) => folder !== undefined))].toSorted();
}

function readPackage(folder: string): BundledPackage {
  const { name, version, license } = JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8'));
  const files = globSync(['LICEN[CS]E*', 'licen[cs]e*', 'NOTICE*', 'COPYING*'], { cwd: join(ROOT, folder) }).toSorted();
  const texts = files.map((file) => readFileSync(join(ROOT, folder, file), 'utf8').trim());
  return { name, version, license: license ?? 'see below', text: texts.join('\n\n') };
}

function renderNotices(packages: readonly BundledPackage[]): string {
  const intro = `# Third-party notices

The files in this folder contain code of the packages below, under their own licences.
`;
  const sections = packages.map(({ name, version, license, text }) => {
    const body = text === '' ? '' : `\n\`\`\`\`text\n${text}\n\`\`\`\`\n`;
    return `\n## ${name} ${version}\n\nLicence: ${license}\n${body}`;
  });
  return intro + sections.join('');
}

async function main(): Promise<void> {
  const missing = ENTRIES.filter((entry) => !existsSync(join(ROOT, 'runtime', `${entry}.ts`)));
  if (missing.length > 0)
    throw new Error(`build.ts: no such entry: ${missing.map((e) => `runtime/${e}.ts`).join(', ')}`);
  rmSync(OUT, { recursive: true, force: true });
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: ENTRIES.map((entry) => ({ in: `runtime/${entry}.ts`, out: entry })),
    outdir: OUT,
    bundle: true,
    // Lazily imported packages stay in files of their own, read at first use; all lie beside main.js (thread-url.ts).
    splitting: true,
    chunkNames: '[name]-[hash]',
    format: 'esm',
    platform: 'node',
    target: 'node24',
    minifySyntax: true,
    minifyWhitespace: true,
    banner: { js: BANNER },
    legalComments: 'none',
    metafile: true,
    plugins: [namedExports],
    logLevel: 'warning',
  });
  const packages = packageFolders(metafile).map(readPackage);
  writeFileSync(join(OUT, 'THIRD_PARTY_NOTICES.md'), renderNotices(packages));
  const bytes = Object.values(metafile.outputs).reduce((sum, output) => sum + output.bytes, 0);
  console.log(
    `dist/: ${Object.keys(metafile.outputs).length} files, ${Math.round(bytes / 1024)} KiB, ${packages.length} packages inside`,
  );
}

await main();
