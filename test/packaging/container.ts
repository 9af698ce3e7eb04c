import { spawnSync } from 'node:child_process';
import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cleanEnv, type Finished, runCommand, type Service, startService } from './commands.ts';
import type { Image } from './dockerfile.ts';

/** Why containers cannot be made here, or `false`: they are root's namespaces of this machine. */
export const NO_CONTAINERS: string | false =
  spawnSync('unshare', ['-n', '-m', 'sh', '-c', 'ip link set lo up && mount -t tmpfs none /mnt']).status !== 0 &&
  'it needs root, unshare, ip and mount';

export interface Container {
  readonly image: Image;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workdir: string;
  /** uid in place of the image's. */
  readonly user?: number;
  readonly mounts: readonly { readonly source: string; readonly target: string }[];
}

/** A network of its own that containers share, with nothing else on it. */
export interface Network {
  /** Starts a container, as the image's user, under a root of its own. */
  start(container: Container): Promise<Service>;
  /** Runs a container to its end. */
  run(container: Container): Finished;
  /** Runs a command of this machine on that network. */
  exec(command: string, args: readonly string[]): Finished;
  /** Starts one. */
  startHere(command: string, args: readonly string[], cwd: string): Service;
  close(): Promise<void>;
}

/**
 * Puts together what a container engine would: the system's own /usr and its like with the image's /usr/local over it, the
 * image's /app, /data and /functions or what is mounted there, accounts and host names. Arguments: root (an empty folder),
 * image, user, working folder, then mounts as SOURCE TARGET pairs up to `--`, the environment up to `--`, the command.
 */
const SCRIPT = `set -e
root=$1 image=$2 user=$3 workdir=$4; shift 4
mount --make-rprivate / && mount -t tmpfs none "$root"
for name in bin sbin lib lib64; do
  if [ -L "/$name" ]; then cp -a "/$name" "$root/$name"
  elif [ -d "/$name" ]; then mkdir "$root/$name" && mount --rbind "/$name" "$root/$name"; fi
done
for name in usr etc dev proc; do mkdir "$root/$name" && mount --rbind "/$name" "$root/$name"; done
mkdir -m 1777 "$root/tmp"
mount --rbind "$image/usr/local" "$root/usr/local"
mount --bind "$NODE" "$root/usr/local/bin/node"
for name in passwd hosts; do mount --bind "$image/.$name" "$root/etc/$name"; done
for name in app data functions; do mkdir "$root/$name" && mount --bind "$image/$name" "$root/$name"; done
while [ "$1" != -- ]; do mkdir -p "$root$2" && mount --bind "$1" "$root$2"; shift 2; done; shift
variables=(); while [ "$1" != -- ]; do variables+=("$1"); shift; done; shift
exec chroot --userspec="$user:$user" --groups= "$root" /usr/bin/env -i "\${variables[@]}" \\
  /bin/sh -c 'cd "$0" && exec "$@"' "$workdir" "$@"`;

/**
 * @param options.addresses that the network's only machine has
 * @param options.hosts lines of /etc/hosts
 * @param options.folder for what a container needs beside its image
 */
export async function openNetwork(options: {
  addresses: readonly string[];
  hosts: readonly string[];
  folder: string;
}): Promise<Network> {
  const script = 'ip link set lo up; for a; do ip addr add "$a/32" dev lo; done; echo ready; exec sleep 3600';
  const holder = startService('unshare', ['-n', 'bash', '-c', script, '-', ...options.addresses], {
    cwd: options.folder,
    env: cleanEnv(),
  });
  await holder.until(/ready/);
  const inside = ['nsenter', `--net=/proc/${holder.pid}/ns/net`] as const;
  let made = 0;

  const prepare = ({ image, command, env, workdir, mounts, user }: Container): string[] => {
    const root = join(options.folder, `root-${made++}`);
    mkdirSync(root);
    const uid = user ?? image.user ?? 0;
    const accounts = Object.entries(image.users).map(([name, id]) => `${name}:x:${id}:${id}::/app:/bin/bash`);
    writeFileSync(join(image.root, '.passwd'), `${accounts.join('\n')}\n`);
    writeFileSync(join(image.root, '.hosts'), ['127.0.0.1 localhost', ...options.hosts, ''].join('\n'));
    writeFileSync(join(image.root, 'usr/local/bin/node'), '');
    for (const { source } of mounts) {
      mkdirSync(source, { recursive: true });
      chownSync(source, uid, uid);
    }
    const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
    const variables = Object.entries({ PATH: path, HOME: '/app', ...image.env, ...env });
    return [
      ...['unshare', '-m', 'bash', '-c', SCRIPT, '-', root, image.root, String(uid), workdir],
      ...mounts.flatMap(({ source, target }) => [source, target]),
      '--',
      ...variables.map(([name, value]) => `${name}=${value}`),
      '--',
      ...command,
    ];
  };
  const withNode = cleanEnv({ NODE: process.execPath });
  return {
    async start(container) {
      const [first, ...args] = [...inside, ...prepare(container)];
      return startService(first, args, { cwd: options.folder, env: withNode });
    },
    run(container) {
      const [first, ...args] = [...inside, ...prepare(container)];
      return runCommand(first, args, { env: withNode, timeoutMs: 60_000 });
    },
    exec: (command, args) => runCommand(inside[0], [inside[1], command, ...args], { timeoutMs: 60_000 }),
    startHere: (command, args, cwd) => startService(inside[0], [inside[1], command, ...args], { cwd, env: cleanEnv() }),
    async close() {
      await holder.stop();
    },
  };
}
