import { access } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { CgiStream } from '../../core/services.ts';
import { type AlloraRequest, type ArgvOrder, alloraArgv, readAlloraRequest } from './allora-request.ts';
import { type Child, startChild } from './child.ts';
import type { CgiProcess, Extension } from './extension.ts';
import { OutputBuffer } from './output-buffer.ts';
import type { ProcessGroups } from './process-groups.ts';
import { createReader } from './program.ts';

/** Where the images of the old stack keep the user's script. */
const SEARCH_ORDER = [
  '/tmp/runtime/extensions/main.py',
  '/app/main.py',
  '/app/runtime/extensions/main.py',
  './main.py',
];
const OUTPUT_BYTES = 1_048_576;
/** Most input kept while a request is not complete. */
const INPUT_BYTES = 4_194_304;

/** The first script of the search order that there is. */
export async function findAlloraScript(): Promise<string | null> {
  for (const path of SEARCH_ORDER) {
    try {
      await access(path);
      return resolve(path);
    } catch {
      // The next one.
    }
  }
  return null;
}

export interface AlloraInit {
  /** Path of the user's `main.py`. */
  readonly script: string;
  readonly argvOrder: ArgvOrder;
  /** Names of variables of the node's own environment that the script is given. */
  readonly env: readonly string[];
}

/**
 * `cgi-allora-infer`, built in: takes one framed request, runs `python3 main.py …` and prints what that printed on both
 * streams, or `Error running script: …` where it failed; its output is then on stderr.
 */
export function createAllora(
  { groups, log }: { groups: ProcessGroups; log: (line: string) => void },
  { script, argvOrder, env: names }: AlloraInit,
): Extension {
  const given = names.map((name) => [name, groups.variable(name)] as const).filter(([, value]) => value !== undefined);
  const env = { ...Object.fromEntries(given), PATH: groups.path };
  return {
    alias: 'cgi-allora-infer',
    fileName: 'allora-inference-extension',
    description: 'allora cgi extension for blockless runtime',
    md5: '',
    start: () => {
      const run = (request: AlloraRequest, output: OutputBuffer): Child | string =>
        startChild(groups, {
          command: 'python3',
          args: [script, ...alloraArgv(argvOrder, request)],
          env,
          stdout: output,
          stderr: output,
        });
      return new AlloraProcess(run, (line) => log(`cgi-allora-infer: ${script}: ${line}`));
    },
  };
}

class AlloraProcess implements CgiProcess {
  readonly #run: (request: AlloraRequest, output: OutputBuffer) => Child | string;
  readonly #log: (line: string) => void;
  readonly #streams: Record<CgiStream, OutputBuffer> = {
    stdout: new OutputBuffer(OUTPUT_BYTES, 'drop'),
    stderr: new OutputBuffer(OUTPUT_BYTES, 'drop'),
  };
  readonly read = createReader(this.#streams, () => this.#take(new Uint8Array(0), true));
  readonly ended: Promise<void>;
  #end: () => void = () => {};
  #input: Uint8Array = new Uint8Array(0);
  #child: Child | null = null;
  #complete = false;

  constructor(run: (request: AlloraRequest, output: OutputBuffer) => Child | string, log: (line: string) => void) {
    this.#run = run;
    this.#log = log;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  async write(bytes: Uint8Array): Promise<boolean> {
    if (this.#complete || this.#input.length + bytes.length > INPUT_BYTES) return false;
    this.#take(bytes, false);
    return true;
  }

  kill(): void {
    this.#complete = true;
    if (this.#child === null) this.#finish('', '');
    else this.#child.kill();
  }

  #take(bytes: Uint8Array, ended: boolean): void {
    if (this.#complete) return;
    this.#input = Buffer.concat([this.#input, bytes]);
    const request = readAlloraRequest(this.#input, ended);
    if (request === null) return;
    this.#complete = true;
    this.#input = new Uint8Array(0);
    if (typeof request === 'string') this.#finish(`${request}\n`, '');
    else void this.#runScript(request);
  }

  async #runScript(request: AlloraRequest): Promise<void> {
    const output = new OutputBuffer(OUTPUT_BYTES, 'drop');
    const child = this.#run(request, output);
    if (typeof child === 'string') {
      this.#log(child);
      this.#finish('Error running script: python3 could not be started\n', '');
      return;
    }
    this.#child = child;
    child.closeStdin();
    const exit = await child.ended;
    const printed = output.take(OUTPUT_BYTES);
    if (exit === 0) {
      this.#finish(printed, '');
      return;
    }
    const status = typeof exit === 'number' ? `exit status ${exit}` : `signal: ${exit}`;
    this.#log(`${status}: ${new TextDecoder().decode(printed.subarray(-1_000))}`);
    this.#finish(`Error running script: ${status}\n`, printed);
  }

  #finish(stdout: Uint8Array | string, stderr: Uint8Array | string): void {
    this.#streams.stdout.push(Buffer.from(stdout as string));
    this.#streams.stderr.push(Buffer.from(stderr as string));
    this.#streams.stdout.end();
    this.#streams.stderr.end();
    this.#end();
  }
}
