// The image's health check: looks at what the processes of this container listen on. Healthy where one of them answers as
// the REST API does; a worker without one is where it listens at all and nothing of it hangs.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { get } from 'node:http';

const LISTENING = '0A';
const WAIT_MS = 3_000;

/** Inodes of the sockets of all processes whose files may be looked at: those of this user. */
function ownSockets() {
  const inodes = new Set();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      for (const fd of readdirSync(`/proc/${pid}/fd`)) {
        inodes.add(/^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1]);
      }
    } catch {
      // Gone by now, or of another user.
    }
  }
  return inodes;
}

/** `host`, `port` of every TCP socket that one of them listens on (proc(5), net/tcp). */
function listeners() {
  const inodes = ownSockets();
  return ['tcp', 'tcp6'].flatMap((table) => {
    let text = '';
    try {
      text = readFileSync(`/proc/net/${table}`, 'utf8');
    } catch {
      // No IPv6 here.
    }
    const rows = text.split('\n').slice(1);
    return rows
      .map((row) => row.trim().split(/\s+/))
      .filter((columns) => columns[3] === LISTENING && inodes.has(columns[9]))
      .map(([, local = '']) => local.split(':'))
      .map(([address = '', port = '0']) => ({ host: hostOf(address), port: Number.parseInt(port, 16) }));
  });
}

/** Four bytes in the machine's order are an IPv4 address; of IPv6 only "any" and loopback matter here. */
function hostOf(address) {
  if (/^0+$/.test(address)) return '127.0.0.1';
  if (address.length > 8) return '::1';
  return [...Buffer.from(address, 'hex')].reverse().join('.');
}

/** @returns {Promise<'ours' | 'other' | 'hangs'>} what is there */
function ask({ host, port }) {
  return new Promise((resolve) => {
    const request = get({ host, port, path: '/api/v1/health', timeout: WAIT_MS }, (response) => {
      response.resume();
      resolve(response.statusCode === 200 ? 'ours' : 'other');
    });
    request.on('timeout', () => {
      resolve('hangs');
      request.destroy();
    });
    request.on('error', () => resolve('other'));
  });
}

const answers = await Promise.all(listeners().map(ask));
const healthy = answers.includes('ours') || (answers.length > 0 && !answers.includes('hangs'));
if (!healthy) console.error(answers.length === 0 ? 'nothing listens here' : 'a listener does not answer');
process.exit(healthy ? 0 : 1);
