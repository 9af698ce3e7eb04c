import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** A network of its own, reached from here by one link. */
export interface FarNetwork {
  /** Address of this end, and of the far one. */
  readonly near: string;
  readonly far: string;
  /** What a command line has to begin with to run at the far end. */
  readonly under: readonly string[];
  /** From now on. Without a number, that is as good as it can be. */
  set(quality: Quality): Promise<void>;
}

export interface Quality {
  /** Share of the packets that are lost. */
  readonly loss?: number;
  /** One way. */
  readonly delayMs?: number;
  readonly bytesPerSecond?: number;
  /** Nothing gets through. */
  readonly cut?: boolean;
}

/** Why this machine cannot make network namespaces, or `false` where it can. */
export function lacksNamespaces(): string | false {
  if (process.platform !== 'linux') return 'network namespaces are Linux’s';
  if (!existsSync('/dev/net/tun')) return 'there is no /dev/net/tun';
  const script = 'ip tuntap add dev ib0 mode tun && ip link set ib0 up && unshare -n true && python3 -c ""';
  try {
    execFileSync('unshare', ['-Urn', 'bash', '-c', script], { stdio: 'pipe' });
    return false;
  } catch (error) {
    return `no network namespaces, ip or python3 here: ${String(error).split('\n')[0]}`;
  }
}

/** Makes another network; call it in a network namespace that the test has for itself. */
export async function openFarNetwork(t: TestContext): Promise<FarNetwork> {
  const [near, far] = ['10.77.0.1', '10.77.0.2'];
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  const holder = spawn('unshare', ['-n', 'sh', '-c', 'echo in && exec sleep 3600'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(holder.stdout, 'data');
  const under = ['nsenter', '-t', String(holder.pid), '-n'];
  const link = spawn('python3', [join(import.meta.dirname, 'link.py'), String(holder.pid)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => {
    link.kill('SIGKILL');
    holder.kill('SIGKILL');
  });
  await once(link.stdout, 'data');
  const ends = [
    ['ip', near, far],
    [...under, 'ip', far, near],
  ] as const;
  for (const end of ends) {
    const [own, peer] = end.slice(-2) as [string, string];
    const [command = '', ...rest] = end.slice(0, -2);
    execFileSync(command, [...rest, 'link', 'set', 'lo', 'up']);
    execFileSync(command, [...rest, 'addr', 'add', own, 'peer', peer, 'dev', 'ib0']);
    execFileSync(command, [...rest, 'link', 'set', 'ib0', 'up']);
  }
  return {
    near,
    far,
    under,
    async set({ loss = 0, delayMs = 0, bytesPerSecond = 0, cut = false }) {
      link.stdin.write(`${loss} ${delayMs} ${bytesPerSecond} ${cut ? 1 : 0}\n`);
      await once(link.stdout, 'data');
    },
  };
}
