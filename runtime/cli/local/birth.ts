import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import process from 'node:process';

/**
 * When a process was started, as text that is the same for the same process and for no other that later has its number:
 * on Linux the id of the system's start and the ticks since, elsewhere what `ps` says, to the second.
 * @returns `undefined` where there is no such process, or only what is left of one that has ended
 */
export function birthOf(pid: number, platform: string = process.platform): string | undefined {
  try {
    return platform === 'linux' ? fromProc(pid) : fromPs(pid);
  } catch {
    return undefined;
  }
}

/** Fields of proc(5)'s `stat`, counted from 1; the second is a name in brackets that may hold anything. */
const STATE = 3;
const START_TIME = 22;

function fromProc(pid: number): string | undefined {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const field = (number: number): string => fields[number - STATE] ?? '';
  return isDead(field(STATE)) ? undefined : `${bootId()} ${field(START_TIME)}`;
}

let boot: string | undefined;

function bootId(): string {
  boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  return boot;
}

function fromPs(pid: number): string | undefined {
  const env = { PATH: process.env.PATH ?? '', LC_ALL: 'C', TZ: 'UTC' };
  const text = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const [, state = '', start = ''] = /^\s*(\S+)\s+(.*\S)\s*$/.exec(text) ?? [];
  return start === '' || isDead(state) ? undefined : start;
}

/** A zombie: nobody has asked yet how it ended. In a container without an init nobody ever does. */
function isDead(state: string): boolean {
  return /^[ZX]/i.test(state);
}
