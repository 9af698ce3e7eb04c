import { execFile } from 'node:child_process';
import { hash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const CACHE = join(import.meta.dirname, '../../node_modules/.cache/inferbase-programs');
const COMPILE_LIMIT_MS = 110_000;

/** A compiler found on this machine. */
export interface Toolchain {
  /** Its name and version, as it tells them. */
  readonly version: string;
  /** Compiles one source file. */
  compile(source: string, out: string): Promise<void>;
}

/** A compiler, or why there is none here that can do it and what would bring one. */
export type Found = Toolchain | { readonly missing: string };

const MISSING_C =
  'no clang here builds for wasm32-wasi; apt-get install clang lld wasi-libc libclang-rt-14-dev-wasm32 brings one';
const MISSING_RUST =
  'no rustc here has a WASI preview 1 target; apt-get install rustc libstd-rust-dev-wasm32 brings one';

/** The output of a command; `undefined` when it is not there or fails. */
async function ask(command: string, args: readonly string[], env = process.env): Promise<string | undefined> {
  try {
    return (await run(command, args, { env, timeout: 20_000 })).stdout.trim();
  } catch {
    return undefined;
  }
}

async function compileWith(command: string, args: readonly string[], env = process.env): Promise<void> {
  await run(command, args, { env, timeout: COMPILE_LIMIT_MS });
}

export async function findC(): Promise<Found> {
  const target = ['--target=wasm32-wasi'];
  const version = await ask('clang', ['--version']);
  const library = await ask('clang', [...target, '-print-file-name=libc.a']);
  const builtins = await ask('clang', [...target, '-print-libgcc-file-name']);
  const linker = await ask('wasm-ld', ['--version']);
  const whole = [library, builtins].every((file) => file !== undefined && existsSync(file)) && linker !== undefined;
  if (version === undefined || !whole) return { missing: MISSING_C };
  return {
    version,
    compile: (source, out) => compileWith('clang', [...target, '-std=c11', '-O2', '-Wall', '-o', out, source]),
  };
}

/** Rust calls the target `wasm32-wasi` before 1.78 and `wasm32-wasip1` after it. */
export async function findRust(): Promise<Found> {
  for (const rustc of ['rustc', '/usr/bin/rustc']) {
    const version = await ask(rustc, ['--version']);
    for (const target of version === undefined ? [] : ['wasm32-wasip1', 'wasm32-wasi']) {
      const library = await ask(rustc, ['--print', 'target-libdir', '--target', target]);
      if (library === undefined || !existsSync(library)) continue;
      const options = ['--edition', '2021', '-O', '-C', 'strip=debuginfo', '--target', target];
      return {
        version: `${version} ${target}`,
        compile: (source, out) => compileWith(rustc, [...options, '-o', out, source]),
      };
    }
  }
  return { missing: MISSING_RUST };
}

export async function findGo(): Promise<Found> {
  const version = await ask('go', ['env', 'GOVERSION']);
  const [, major = 0, minor = 0] = /^go(\d+)\.(\d+)/.exec(version ?? '') ?? [];
  if (version === undefined) return { missing: 'there is no go here; Go 1.21 or newer builds for wasip1' };
  if (Number(major) === 1 && Number(minor) < 21)
    return { missing: `${version} is too old; Go 1.21 or newer builds for wasip1` };
  // Its own cache stays where it is, or beside ours where there is no home folder for one.
  const cache = process.env.HOME === undefined ? { GOCACHE: join(CACHE, 'go') } : {};
  const env = {
    ...process.env,
    ...cache,
    GOOS: 'wasip1',
    GOARCH: 'wasm',
    GOTOOLCHAIN: 'local',
    GOPROXY: 'off',
    GOFLAGS: '',
  };
  return { version, compile: (source, out) => compileWith('go', ['build', '-ldflags=-s -w', '-o', out, source], env) };
}

/** A program to be built, or why it cannot be. */
export type Program = { readonly build: () => Promise<Uint8Array> } | { readonly missing: string };

/**
 * A program of this folder: compiled once per source and compiler, then kept in a cache beside the packages.
 * @param path of its only source file, below this folder
 */
export function programOf(path: string, found: Found): Program {
  if ('missing' in found) return found;
  const source = join(import.meta.dirname, path);
  return {
    build: async () => {
      const key = hash('sha256', `${found.version}\n${found.compile}\n${await readFile(source, 'utf8')}`);
      const kept = join(CACHE, `${key}.wasm`);
      if (!existsSync(kept)) {
        await mkdir(CACHE, { recursive: true });
        const fresh = join(CACHE, `${key}.${process.pid}.wasm`);
        try {
          await found.compile(source, fresh);
          await rename(fresh, kept);
        } finally {
          await rm(fresh, { force: true });
        }
      }
      return await readFile(kept);
    },
  };
}
