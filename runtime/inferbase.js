#!/usr/bin/env node
// The launcher. It must parse on Node 12 and later, so that an old Node is told what it lacks in one sentence instead of
// a syntax error or ERR_UNKNOWN_FILE_EXTENSION: no `??`, no `?.`, no `node:` imports, no top-level await, no TypeScript.
import { spawn } from 'child_process';
import fs from 'fs';
import * as nodeModule from 'module';
import os from 'os';
import path from 'path';
import { fileURLToPath } from 'url';

const EXIT_OLD_NODE = 78;

/** What the sandbox is built on: a guest that waits parks its stack (JSPI). Asked for by feature, not by version. */
function hasNeededFeatures() {
  return typeof WebAssembly.Suspending === 'function' && typeof WebAssembly.promising === 'function';
}

/**
 * The npm package `node`, a development dependency of a clone or of the project this package is installed in: looked for
 * from here upwards, as Node looks for packages. Only the nearest counts: two that are too old would call each other.
 */
function findOwnNode() {
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  let folder = path.dirname(fileURLToPath(import.meta.url));
  while (folder !== path.dirname(folder)) {
    folder = path.dirname(folder);
    const found = path.join(folder, 'node_modules', 'node', 'bin', name);
    if (fs.existsSync(found)) return fs.realpathSync(found) === fs.realpathSync(process.execPath) ? null : found;
  }
  return null;
}

/** Runs this file again on another Node and ends as that process ends. */
function runOn(node) {
  const script = fileURLToPath(import.meta.url);
  let child = null;
  // A terminal sends Ctrl-C to both processes; passed on as well, the child would take it for an impatient second one.
  const onTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !onTerminal) child.kill(signal);
    });
  }
  // After the handlers: a signal that comes at once must find them.
  child = spawn(node, process.execArgv.concat(script, process.argv.slice(2)), { stdio: 'inherit' });
  child.on('error', (error) => {
    process.stderr.write(`inferbase: could not start ${node}: ${error.message}\n`);
    process.exit(EXIT_OLD_NODE);
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

/**
 * Has Node keep what it makes of our files, TypeScript without its types among it: a command starts in half the time. In
 * a clone below node_modules, else in the user's cache folder; where neither can be written Node does without. Set
 * NODE_DISABLE_COMPILE_CACHE=1 to have none.
 */
function keepCompiledCode(isClone) {
  if (typeof nodeModule.enableCompileCache !== 'function') return;
  const clone = fileURLToPath(new URL('../node_modules/.cache', import.meta.url));
  try {
    const base = isClone ? clone : process.env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache');
    nodeModule.enableCompileCache(path.join(base, 'inferbase'));
  } catch (_error) {
    // A user without a home.
  }
}

function main() {
  if (hasNeededFeatures()) {
    const source = new URL('./main.ts', import.meta.url);
    const isClone = fs.existsSync(source);
    keepCompiledCode(isClone);
    import(isClone ? source.href : new URL('../dist/main.js', import.meta.url).href);
    return;
  }
  const ownNode = findOwnNode();
  if (ownNode !== null) {
    runOn(ownNode);
    return;
  }
  process.stderr.write(
    `inferbase needs Node 24 or later, but this is Node ${process.versions.node} (${process.execPath}), which has no ` +
      'WebAssembly.Suspending: install a newer one from https://nodejs.org, or type `npm install -D node` in your project, ' +
      '`npm install --global node` beside a global one, or `npm install` in a clone.\n',
  );
  process.exitCode = EXIT_OLD_NODE;
}

main();
