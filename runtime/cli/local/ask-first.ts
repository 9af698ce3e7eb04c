import { setTimeout as sleep } from 'node:timers/promises';
import { InferbaseError } from '../../core/errors.ts';
import { type ExecuteBody, sendExecute } from '../execute-request.ts';
import { step } from '../progress.ts';
import { printable, printError } from '../terminal.ts';
import { lastLines } from './last-lines.ts';

const ATTEMPTS = 10;
const PAUSE_MS = 300;
const SHOWN = 500;

interface Reply {
  readonly code?: string;
  readonly message?: string;
  readonly results?: readonly { readonly result?: { stdout?: string; stderr?: string; exit_code?: number } }[] | null;
}

/**
 * Sends the first execute request to a head whose worker has just come, and shows what the function printed. What it
 * printed is not judged: that is for `inferbase test`.
 * @param url of the head's API
 * @returns the whole answer
 * @throws InferbaseError `ERR_INTERNAL` with the worker's log where no worker runs it
 */
export async function askFirst(
  url: string,
  body: ExecuteBody,
  { root, signal, quiet }: { readonly root: string; readonly signal: AbortSignal; readonly quiet: boolean },
): Promise<object> {
  const argument = body.config.env_vars.at(-1)?.value ?? '';
  const reply = await step(
    `asking for ${argument}`,
    () => askUntilAnswered(url, body, root, signal),
    (answer) => `asked for ${argument} on topic ${body.topic}: ${shown(answer.results?.[0]?.result?.stdout)}`,
    { quiet },
  );
  const { exit_code: exitCode = 0, stderr } = reply.results?.[0]?.result ?? {};
  if (exitCode !== 0) printError(`warning: the function ended with ${exitCode}: ${shown(stderr)}`);
  return reply;
}

async function askUntilAnswered(url: string, body: ExecuteBody, root: string, signal: AbortSignal): Promise<Reply> {
  for (let attempt = 1; ; attempt++) {
    const reply = (await sendExecute(url, body, signal)) as Reply;
    if (reply.code === '200' && (reply.results ?? []).length > 0) return reply;
    if (attempt === ATTEMPTS) {
      throw new InferbaseError(
        'ERR_INTERNAL',
        `no worker answers the head, which says ${reply.code}${reply.message === undefined ? '' : `: ${reply.message}`}; see what the worker says`,
        { details: await lastLines(root, 'worker') },
      );
    }
    await sleep(PAUSE_MS, undefined, { signal });
  }
}

function shown(text = ''): string {
  return printable(text.trim().slice(0, SHOWN));
}
