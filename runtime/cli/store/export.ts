import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import process from 'node:process';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { InferbaseError } from '../../core/errors.ts';
import { watchInterrupt } from '../interrupt.ts';
import { withReadingRuntime } from '../open-runtime.ts';
import { withProgress } from '../progress.ts';
import { addSettingsFlags, COMMON_KEYS, commandSettings } from '../settings-flags.ts';
import { readTarget } from '../target.ts';
import { print, size } from '../terminal.ts';
import type { AddStoreCommand } from './store.ts';

const EXAMPLES = `
Examples:
  $ inferbase store export bafy… -o price-feed.car
  $ inferbase store export bafy… -o - | ipfs dag import
What is not here is fetched first, where gateways are set. The same CID gives the same bytes everywhere.`;

/** `store export CID`: everything below a CID as a CAR. */
export const addExport: AddStoreCommand = (store) => {
  const command = store
    .command('export')
    .description('Write everything below a CID as a CAR file of version 1.')
    .argument('<cid>', 'CID of a function')
    .option('-o, --output <file|->', 'where to (default: CID.car)')
    .option('--json', 'one JSON object when done; not with -o -')
    .addHelpText('after', EXAMPLES);
  addSettingsFlags(command, COMMON_KEYS).action(async (text: string, options: { output?: string; json?: boolean }) => {
    const interrupt = watchInterrupt();
    const target = await readTarget(text);
    if (target.kind !== 'cid')
      throw new InferbaseError('ERR_INVALID_CID', `${text} is a file; give the CID of a function`);
    const { output = `${target.cid}.car` } = options;
    const loaded = await commandSettings({ ...options }, { defaults: { 'log.level': 'warn', 'sandbox.threads': 1 } });
    await withReadingRuntime(loaded, async (runtime) => {
      const { signal } = interrupt;
      const bytes = await withProgress(
        `exporting ${target.cid}`,
        { unit: 'bytes', quiet: options.json === true },
        (progress) =>
          writeTo(output, runtime.store.exportCar(target.cid, { signal }), {
            signal,
            tell: (done) => progress.at(done),
          }),
      );
      if (output === '-') return;
      if (options.json) print(JSON.stringify({ cid: target.cid, file: output, size: bytes }));
      else print(`${target.cid} ${size(bytes)} ${output}`);
    });
  });
};

/** A file is there whole or not at all. Returns the bytes written. */
async function writeTo(
  output: string,
  chunks: AsyncIterable<Uint8Array>,
  { signal, tell }: { signal: AbortSignal; tell: (bytes: number) => void },
): Promise<number> {
  let bytes = 0;
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      tell(bytes);
      yield chunk;
    }
  }
  const source = Readable.from(counted(), { objectMode: false });
  if (output === '-') {
    await pipeline(source, process.stdout, { signal, end: false });
    return bytes;
  }
  const temp = `${output}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    await pipeline(source, createWriteStream(temp, { flags: 'wx' }), { signal });
    await rename(temp, output);
  } catch (error) {
    await rm(temp, { force: true });
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (syscall === undefined || error instanceof InferbaseError) throw error;
    throw new InferbaseError('ERR_INVALID_REQUEST', `${output} cannot be written (${code}); choose another with -o`, {
      cause: error,
    });
  }
  return bytes;
}
