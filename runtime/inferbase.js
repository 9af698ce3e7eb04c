#!/usr/bin/env node
// The launcher. It must parse on Node 12 and later, so that an old Node is told what it lacks in one sentence instead of
// a syntax error or ERR_UNKNOWN_FILE_EXTENSION: no `??`, no `?.`, no `node:` imports, no top-level await, no TypeScript.
import { spawn } from 'child_process';
import fs from 'fs';
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

function main() {
  if (hasNeededFeatures()) {
    const source = new URL('./main.ts', import.meta.url);
    import(fs.existsSync(source) ? source.href : new URL('../dist/main.js', import.meta.url).href);
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
      'or `npm install` in a clone.\n',
  );
  process.exitCode = EXIT_OLD_NODE;
}

main();
