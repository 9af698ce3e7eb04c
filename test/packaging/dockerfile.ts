import { chmodSync, chownSync, cpSync, existsSync, globSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, matchesGlob } from 'node:path';
import { cleanEnv, mustRun, NEW_NODE_PATH } from './commands.ts';

export interface Instruction {
  readonly name: string;
  readonly args: string;
}

/** What a stage of a Dockerfile became: a folder that stands for its `/`, and how it is started. */
export interface Image {
  readonly root: string;
  readonly env: Record<string, string>;
  /** Name → uid. */
  readonly users: Record<string, number>;
  workdir: string;
  user: number | null;
  entrypoint: readonly string[];
  cmd: readonly string[];
}

const KNOWN = /^(?:ARG|FROM|WORKDIR|COPY|RUN|ENV|USER|EXPOSE|HEALTHCHECK|ENTRYPOINT|CMD)$/;

/** Reads a Dockerfile: comments dropped, continued lines joined. Throws on an instruction it does not know. */
function parseDockerfile(text: string): Instruction[] {
  const lines = text.split('\n').filter((line) => !line.trimStart().startsWith('#'));
  const joined = lines.join('\n').replace(/\\\n\s*/g, ' ');
  return joined
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name = '', args = ''] = /^(\S+)\s+(.*)$/.exec(line) ?? [];
      if (!KNOWN.test(name)) throw new Error(`unknown instruction: ${line}`);
      return { name, args };
    });
}

/** Files of the build context: all but those that .dockerignore names. */
function contextFiles(context: string): string[] {
  const path = join(context, '.dockerignore');
  const patterns = existsSync(path)
    ? readFileSync(path, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
    : [];
  const ignored = (file: string): boolean => patterns.some((pattern) => matchesGlob(file, pattern));
  const exclude = (file: string): boolean => {
    const below = file.startsWith(`${context}/`) ? file.slice(context.length + 1) : file;
    return ignored(below);
  };
  return globSync('**', { cwd: context, exclude })
    .filter((file) => file !== '.' && file !== '')
    .filter((file) => statSync(join(context, file)).isFile());
}

function copy(args: string, context: string, stages: ReadonlyMap<string, Image>, into: Image): void {
  const words = args.split(/\s+/);
  const flags = new Map(words.filter((w) => w.startsWith('--')).map((w) => w.slice(2).split('=') as [string, string]));
  const paths = words.filter((word) => !word.startsWith('--'));
  const target = paths.at(-1) ?? '';
  const stage = flags.get('from');
  const from = stage === undefined ? context : stages.get(stage)?.root;
  if (from === undefined) throw new Error(`COPY from an unknown stage: ${args}`);
  const destination = target.startsWith('/') ? join(into.root, target) : join(into.root, into.workdir, target);
  mkdirSync(target.endsWith('/') || target === '.' ? destination : join(destination, '..'), { recursive: true });
  for (const source of paths.slice(0, -1)) {
    const path = join(from, source);
    if (stage === undefined && statSync(path).isDirectory()) {
      for (const file of contextFiles(path)) cpSync(join(path, file), join(destination, file));
    } else if (statSync(path).isDirectory()) {
      cpSync(path, destination, { recursive: true, verbatimSymlinks: true });
    } else {
      cpSync(path, target.endsWith('/') ? join(destination, basename(source)) : destination);
    }
  }
  const mode = flags.get('chmod');
  if (mode !== undefined) chmodSync(destination, Number.parseInt(mode, 8));
  const owner = flags.get('chown')?.split(':').map(Number);
  if (owner !== undefined && process.getuid?.() === 0) {
    for (const path of [destination, ...globSync('**', { cwd: destination }).map((name) => join(destination, name))]) {
      chownSync(path, owner[0] ?? 0, owner[1] ?? 0);
    }
  }
}

function environmentOf(image: Image): Record<string, string> {
  const path = [join(image.root, 'usr/local/bin'), NEW_NODE_PATH].join(':');
  return cleanEnv({ ...image.env, PATH: path, NODE_ENV: image.env.NODE_ENV ?? '' });
}

function runStep(command: string, image: Image): void {
  // Packages of the base system: here they are this machine's own, and a test that needs one looks for it first.
  if (/^(?:apt-get|pip3?) /.test(command)) return;
  // An account is noted, and not made on this machine.
  const [, uid, name] = /^groupadd .*&& useradd .*--uid (\d+) .* (\w+)$/.exec(command) ?? [];
  if (name !== undefined) {
    image.users[name] = Number(uid);
    return;
  }
  // In a container `/x` is a path of the image; here it would be one of this machine.
  if (/(?:^|[\s=:"'>])\//.test(command)) throw new Error(`a RUN step names an absolute path: ${command}`);
  mustRun('sh', ['-c', command], { cwd: join(image.root, image.workdir), env: environmentOf(image) });
}

/**
 * Runs the steps of a Dockerfile without a container engine, each stage in a folder of its own below `workspace`.
 * @param options.target stage that is built; the last one when not given
 * @param options.images finished images that `FROM` may name; any other base is an empty folder with this Node
 */
export function buildImage(
  text: string,
  options: { context: string; workspace: string; images?: ReadonlyMap<string, Image>; target?: string },
): Image {
  const stages = new Map(options.images);
  let image: Image | null = null;
  for (const { name, args } of parseDockerfile(text)) {
    if (name === 'ARG') continue;
    if (name === 'FROM') {
      if (image !== null && image === stages.get(options.target ?? '')) return image;
      const [base = '', , alias = `stage-${stages.size}`] = args.replace(/^--platform=\S+\s+/, '').split(/\s+/);
      const known = stages.get(base);
      const root = join(options.workspace, alias);
      mkdirSync(root, { recursive: true });
      // With owners, as an engine keeps them.
      if (known !== undefined) mustRun('cp', ['-a', `${known.root}/.`, root]);
      const fresh = { env: {}, workdir: '/', user: null, entrypoint: [], cmd: [] };
      image = { ...(known ?? fresh), env: { ...known?.env }, users: { root: 0, ...known?.users }, root };
      stages.set(alias, image);
      continue;
    }
    if (image === null) throw new Error(`${name} before FROM`);
    applyInstruction({ name, args }, image, options.context, stages);
  }
  if (image === null) throw new Error('no FROM');
  return image;
}

function applyInstruction(
  { name, args }: Instruction,
  image: Image,
  context: string,
  stages: ReadonlyMap<string, Image>,
): void {
  if (name === 'COPY') copy(args, context, stages, image);
  if (name === 'RUN') runStep(args, image);
  if (name === 'USER') image.user = userOf(image, args);
  if (name === 'CMD') image.cmd = JSON.parse(args);
  if (name === 'WORKDIR') {
    image.workdir = args;
    mkdirSync(join(image.root, args), { recursive: true });
  }
  if (name === 'ENTRYPOINT') {
    // As in an engine: a new entry point forgets the command that belonged to the old one.
    image.entrypoint = JSON.parse(args);
    image.cmd = [];
  }
  if (name === 'ENV') {
    for (const [, key = '', value = ''] of args.matchAll(/(\w+)=(\S+)/g)) image.env[key] = value;
  }
}

/** `USER` takes a number or a name, each with or without a group. */
function userOf(image: Image, text: string): number {
  const [user = ''] = text.split(':');
  const uid = /^\d+$/.test(user) ? Number(user) : image.users[user];
  if (uid === undefined) throw new Error(`USER ${text}: there is no such user`);
  return uid;
}

/** The command line and environment of a container of this image, its absolute paths turned into ours. */
export function startCommand(
  image: Image,
  over: Readonly<Record<string, string>> = {},
): { command: string; args: string[]; cwd: string; env: Record<string, string> } {
  const inRoot = (text: string): string =>
    text.replace(/(^|\s)\/(data|functions|model|app)\b/g, (_, before, name) => `${before}${join(image.root, name)}`);
  const [command = '', ...args] = [...image.entrypoint, ...image.cmd].map(inRoot);
  const settings = Object.fromEntries(Object.entries(image.env).map(([name, value]) => [name, inRoot(value)]));
  const env = { ...environmentOf(image), ...settings, ...over };
  return { command, args, cwd: join(image.root, image.workdir), env };
}
