/**
 * Tries what takes bytes from strangers with bytes from a seed: `npm run fuzz -- --seconds N [--seed S] [--target T]`.
 * Every case depends on seed, target and its number alone: `--from N --cases 1` tries one of them again, `--verbose` names
 * each before it is tried. Cases run in a process of their own, so that a crash and a hang are finds like others.
 */
import { fork } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import type { Order, Report } from './protocol.ts';
import { TARGETS } from './targets.ts';

/** A case takes milliseconds; the machine may be busy. */
const HANG_MS = 60_000;
const MAX_RSS_BYTES = 2 * 1_073_741_824;
/** Live bytes may grow by this much, and by half, between a fifth of the time and its end. */
const LEAK_BYTES = 64 * 1_048_576;
const USAGE = 'usage: npm run fuzz -- --seconds N [--seed S] [--target T] [--from CASE] [--cases N] [--verbose]';

interface Find {
  readonly target: string;
  readonly index: number;
  readonly error: string;
}

const names = TARGETS.map(({ name }) => name);
const mib = (bytes: number): string => `${Math.round(bytes / 1_048_576)} MiB`;

function readOrder(): Order {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '20' },
      seed: { type: 'string', default: String(randomInt(2 ** 31)) },
      target: { type: 'string', multiple: true, default: names },
      from: { type: 'string', default: '0' },
      cases: { type: 'string' },
      verbose: { type: 'boolean', default: false },
    },
  });
  const number = (name: string, text: string): number => {
    if (!/^\d{1,15}$/.test(text)) throw new Error(`--${name} ${text} is not a whole number`);
    return Number(text);
  };
  const unknown = values.target.filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new Error(`no target ${unknown.join(', ')}; there are ${names.join(', ')}`);
  const from = number('from', values.from);
  return {
    seed: number('seed', values.seed),
    seconds: number('seconds', values.seconds),
    targets: values.target,
    from: Object.fromEntries(values.target.map((name) => [name, from])),
    cases: values.cases === undefined ? null : number('cases', values.cases),
    verbose: values.verbose,
  };
}

/** What came of one process. */
interface Round {
  readonly next: Readonly<Record<string, number>>;
  readonly again: boolean;
  readonly finds: readonly Find[];
  readonly rssBytes: number;
  /** Live bytes over time. */
  readonly live: readonly number[];
}

function runChild(order: Order): Promise<Round> {
  const finds: Find[] = [];
  const live: number[] = [];
  let rssBytes = 0;
  let at: { target: string; index: number } = { target: order.targets[0] ?? '', index: 0 };
  const next: Record<string, number> = { ...order.from };
  let end: { next: Readonly<Record<string, number>>; again: boolean } | null = null;
  return new Promise((resolve) => {
    const child = fork(new URL('child.ts', import.meta.url), [JSON.stringify(order)], { execArgv: ['--expose-gc'] });
    let hung = false;
    const hang = (): void => {
      hung = true;
      child.kill('SIGKILL');
    };
    let timer = setTimeout(hang, HANG_MS);
    child.on('message', (report: Report) => {
      clearTimeout(timer);
      timer = setTimeout(hang, HANG_MS);
      if (report.kind === 'find') finds.push(report);
      else if (report.kind === 'memory') live.push(report.liveBytes);
      else if (report.kind === 'end') end = report;
      else {
        at = report;
        next[report.target] = report.index;
        rssBytes = Math.max(rssBytes, report.rssBytes);
      }
    });
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      if (end === null) {
        const what = hung ? `did not come back within ${HANG_MS / 1_000} s` : `ended the process (${signal ?? code})`;
        finds.push({ ...at, error: `a case from this one on ${what}; find which with --verbose` });
      }
      resolve({ next: end?.next ?? next, again: end?.again ?? false, finds, rssBytes, live });
    });
  });
}

async function main(): Promise<number> {
  let order: Order;
  try {
    order = readOrder();
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
    return 2;
  }
  const first = order.from;
  const finds: Find[] = [];
  const problems: string[] = [];
  let rssBytes = 0;
  const endsAt = performance.now() + order.seconds * 1_000;
  console.log(`fuzz: seed ${order.seed}, ${order.seconds} s, ${order.targets.join(' ')}`);
  for (let again = true; again; ) {
    const round = await runChild(order);
    finds.push(...round.finds);
    rssBytes = Math.max(rssBytes, round.rssBytes);
    const [early, late] = [round.live[Math.floor(round.live.length / 5)], round.live.at(-1)];
    if (early !== undefined && late !== undefined && late > early * 1.5 + LEAK_BYTES) {
      problems.push(`live bytes grew from ${mib(early)} to ${mib(late)}`);
    }
    const secondsLeft = Math.ceil((endsAt - performance.now()) / 1_000);
    again = round.again && secondsLeft > 0;
    const failed = new Set(finds.map(({ target }) => target));
    const targets = order.targets.filter((name) => !failed.has(name));
    order = { ...order, from: { ...order.from, ...round.next }, seconds: secondsLeft, targets };
  }
  if (rssBytes > MAX_RSS_BYTES) problems.push(`the process took ${mib(rssBytes)}`);
  let all = 0;
  for (const name of Object.keys(first)) {
    const cases = (order.from[name] ?? 0) - (first[name] ?? 0);
    all += cases;
    console.log(`${name.padEnd(12)} ${String(cases).padStart(9)} cases`);
  }
  for (const { target, index, error } of finds) {
    console.error(`\n${target} case ${index}: ${error}`);
    console.error(`again: npm run fuzz -- --seed ${order.seed} --target ${target} --from ${index} --cases 1`);
  }
  for (const problem of problems) console.error(`\n${problem}`);
  const outcome = finds.length + problems.length === 0 ? 'nothing found' : `${finds.length + problems.length} found`;
  console.log(`${'in all'.padEnd(12)} ${String(all).padStart(9)} cases, ${outcome}, ${mib(rssBytes)} resident at most`);
  return finds.length + problems.length === 0 ? 0 : 1;
}

process.exitCode = await main();
