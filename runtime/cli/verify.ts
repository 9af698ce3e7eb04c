import { createReadStream } from 'node:fs';
import process from 'node:process';
import { InferbaseError } from '../core/errors.ts';
import { EXECUTE_REQUEST, toExecuteRequest } from '../wire/execute-request.ts';
import { decodeJson } from '../wire/go-json.ts';
import { type CheckedPeer, checkAnswer } from '../wire/signed-answer.ts';
import { createColours } from './colour.ts';
import { EXIT } from './exit.ts';
import type { AddCommand } from './program.ts';
import { print, printable, printError } from './terminal.ts';

const EXAMPLES = `
Examples:
  $ curl --json @request.json http://localhost:6000/api/v1/functions/execute > answer.json
  $ inferbase verify answer.json --request request.json
  $ curl … | inferbase verify - --json

A worker with work.sign set signs what it answered with its peer key. Checked are the signature of each peer, that it is
about the result beside it, and with --request that it is about that request. Nothing is asked of the network. An
attestation says who answered what to which request; it does not say that the answer is right.

Exit codes: 0 every peer signed and nothing is wrong, 1 a signature is wrong or missing, 2 wrong usage or a file that
cannot be read.`;

/** Longest answer, in bytes: a thousand peers with different outputs of some length. */
const MAX_BYTES = 256 * 1_048_576;

interface Options {
  readonly request?: string;
  readonly json?: boolean;
}

/** `verify FILE|-`: who signed this answer? */
export const addVerify: AddCommand = (program, done) => {
  program
    .command('verify')
    .description('Check the signatures of workers in an answer of a head, offline.')
    .argument('<file>', 'body of an answer of functions/execute or requests/result; - for standard input')
    .option('--request <file>', 'JSON of the request that it should be the answer to')
    .option('--json', 'one JSON object per peer')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, options: Options) => {
      const peers = await readAndCheck(file, options.request).catch((error: unknown) => {
        if (!(error instanceof InferbaseError)) throw error;
        printError(printable(`error ${error.code}: ${error.message}`));
        return null;
      });
      if (peers === null) return done(EXIT.usage);
      const lineOf = options.json ? toJson : createDescriber();
      for (const peer of peers) print(lineOf(peer));
      if (peers.length === 0) printError('no results: nobody has answered, so nobody has signed');
      done(peers.length > 0 && peers.every(({ flaw }) => flaw === null) ? EXIT.ok : EXIT.failure);
    });
};

async function readAndCheck(file: string, requestFile: string | undefined): Promise<readonly CheckedPeer[]> {
  if (file === '-' && requestFile === '-') {
    throw new InferbaseError('ERR_INVALID_REQUEST', 'answer and request cannot both be standard input; name a file');
  }
  const request = requestFile === undefined ? null : await readRequest(requestFile);
  return checkAnswer(await readBytes(file), request);
}

/** As the workers got it: the head adds the variable TOPIC_ID. */
async function readRequest(file: string) {
  try {
    return toExecuteRequest(decodeJson(await readBytes(file), EXECUTE_REQUEST)).body;
  } catch (error) {
    if (!(error instanceof InferbaseError)) throw error;
    throw new InferbaseError('ERR_INVALID_REQUEST', `--request ${file}: ${error.message}`);
  }
}

async function readBytes(file: string): Promise<Buffer> {
  if (file === '-' && process.stdin.isTTY) {
    throw new InferbaseError(
      'ERR_INVALID_REQUEST',
      '- is standard input, and that is a terminal; name a file, or pipe',
    );
  }
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of file === '-' ? process.stdin : createReadStream(file)) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > MAX_BYTES) throw tooLong(file);
    }
  } catch (error) {
    if (error instanceof InferbaseError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new InferbaseError('ERR_INVALID_REQUEST', `${file} cannot be read (${code}); give a readable file`);
  }
  return Buffer.concat(chunks);
}

function tooLong(file: string): InferbaseError {
  return new InferbaseError('ERR_INVALID_REQUEST', `${file} has more than ${MAX_BYTES} bytes; no answer is that long`);
}

function createDescriber(): (peer: CheckedPeer) => string {
  const colours = createColours(process.stdout);
  return ({ peerId, attestation, flaw }) => {
    const peer = printable(peerId);
    if (flaw !== null) return `${colours.red('✗')} ${peer}: ${flaw}`;
    return `${colours.green('✓')} ${peer} signed at ${attestation?.time} for ${attestation?.functionId}`;
  };
}

function toJson({ peerId, attestation, flaw }: CheckedPeer): string {
  return JSON.stringify({ peerId, valid: flaw === null, ...(flaw !== null && { flaw }), attestation });
}
