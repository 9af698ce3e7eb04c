import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { access, constants, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { startChild } from './child.ts';
import { ALIAS, type Extension } from './extension.ts';
import { OutputBuffer } from './output-buffer.ts';
import type { ProcessGroups } from './process-groups.ts';
import { createProgram } from './program.ts';

/** How long a file may take to say what it is, in ms. */
const VERIFY_MS = 2_000;
const VERIFY_BYTES = 65_536;
/** Files asked at a time, and looked at in all. */
const AT_ONCE = 8;
const MAX_FILES = 256;
const MAX_DESCRIPTION = 1_024;

interface Components {
  readonly groups: ProcessGroups;
  log(line: string): void;
}

/**
 * Asks every executable file of a folder, not of those below it, what it is: `FILE --ext_verify` prints
 * `{"alias", "description", "is_cgi": true, "md5"?}`. One that does not, or not in time, is left out with a line in the
 * log and stops none of the others. Order is by file name.
 * @param signal aborted: what is being asked is ended and the rest is not
 */
export async function readExtensionFolder(
  components: Components,
  folder: string,
  signal: AbortSignal,
): Promise<Extension[]> {
  let names: string[];
  try {
    names = (await readdir(folder)).sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    components.log(`extensions.dir ${folder} cannot be read (${code}); there are no extensions of it`);
    return [];
  }
  if (names.length > MAX_FILES) components.log(`extensions.dir ${folder}: only the first ${MAX_FILES} files are asked`);
  const waiting = names.slice(0, MAX_FILES);
  const found = new Map<string, Extension>();
  const ask = async (): Promise<void> => {
    for (let name = waiting.shift(); name !== undefined && !signal.aborted; name = waiting.shift()) {
      const extension = await readFile(components, join(folder, name), signal);
      if (extension !== null) found.set(name, extension);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, ask));
  return names.flatMap((name) => found.get(name) ?? []);
}

async function readFile(components: Components, path: string, signal: AbortSignal): Promise<Extension | null> {
  try {
    if (!(await stat(path)).isFile()) return null;
    await access(path, constants.X_OK);
  } catch {
    // Not a program; folders of extensions hold other things too, such as the old index `.extsdb`.
    return null;
  }
  try {
    const answer = readAnswer(await verify(components.groups, path, signal));
    const md5 = answer.md5 ?? (await md5Of(path));
    return createProgram(components, { ...answer, md5, fileName: basename(path), argv: [path], timeoutMs: null });
  } catch (error) {
    components.log(`extension ${path} is left out: ${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
}

/** What `FILE --ext_verify` prints. */
async function verify(groups: ProcessGroups, path: string, signal: AbortSignal): Promise<string> {
  const stdout = new OutputBuffer(VERIFY_BYTES + 1, 'drop');
  const stderr = new OutputBuffer(0, 'drop');
  const child = startChild(groups, {
    command: path,
    args: ['--ext_verify'],
    env: { PATH: groups.path },
    stdout,
    stderr,
  });
  if (typeof child === 'string') throw new Error(child);
  child.closeStdin();
  signal.addEventListener('abort', child.kill, { once: true });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill();
  }, VERIFY_MS);
  const exit = await child.ended;
  clearTimeout(timer);
  signal.removeEventListener('abort', child.kill);
  if (late) throw new Error(`it did not answer --ext_verify within ${VERIFY_MS} ms`);
  if (exit !== 0) throw new Error(`--ext_verify ended with ${exit}`);
  const bytes = stdout.take(VERIFY_BYTES + 1);
  if (bytes.length > VERIFY_BYTES) throw new Error(`--ext_verify printed more than ${VERIFY_BYTES} bytes`);
  return new TextDecoder().decode(bytes);
}

function readAnswer(text: string): { alias: string; description: string; md5: string | null } {
  let answer: unknown;
  try {
    answer = JSON.parse(text.trim());
  } catch {
    throw new Error('--ext_verify printed no JSON');
  }
  const { alias, description, is_cgi: isCgi, md5 } = (answer ?? {}) as Record<string, unknown>;
  if (isCgi !== true) throw new Error('its --ext_verify does not say "is_cgi": true');
  if (typeof alias !== 'string' || !ALIAS.test(alias)) throw new Error('its --ext_verify has no usable "alias"');
  if (typeof description !== 'string') throw new Error('its --ext_verify has no "description"');
  const known = typeof md5 === 'string' && /^[0-9a-f]{32}$/i.test(md5);
  return { alias, description: description.slice(0, MAX_DESCRIPTION), md5: known ? md5 : null };
}

async function md5Of(path: string): Promise<string> {
  const hash = createHash('md5');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
