import { hash } from 'node:crypto';
import { writeSync } from 'node:fs';
import type { Order, Report } from './protocol.ts';
import { randomFrom } from './random.ts';
import { NeedsNewProcess, type OpenTarget } from './target.ts';
import { TARGETS } from './targets.ts';

/** How long one target is tried before the next has its turn, in ms. */
const TURN_MS = 250;
const MEMORY_EVERY_MS = 10_000;

const order = JSON.parse(process.argv[2] ?? '{}') as Order;
const say = (report: Report): void => void process.send?.(report);
const next: Record<string, number> = { ...order.from };
const open = new Map<string, OpenTarget>();
for (const target of TARGETS) if (order.targets.includes(target.name)) open.set(target.name, await target.open());

/** The seed of a case, which depends on nothing that was tried before it. */
function seedOf(target: string, index: number): number {
  return Number.parseInt(hash('sha256', `${order.seed} ${target} ${index}`).slice(0, 8), 16);
}

const endsAt = performance.now() + order.seconds * 1_000;
let weighedAt = performance.now();
let again = false;
while (!again && open.size > 0 && (order.cases !== null || performance.now() < endsAt)) {
  for (const [name, target] of open) {
    again = await turn(name, target);
    if (again) break;
  }
  if (performance.now() < weighedAt + MEMORY_EVERY_MS) continue;
  weighedAt = performance.now();
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  say({ kind: 'memory', liveBytes: heapUsed + external });
}
for (const target of open.values()) await target.close?.();
say({ kind: 'end', next, again });
process.disconnect?.();

/** @returns whether a new process has to go on */
async function turn(name: string, target: OpenTarget): Promise<boolean> {
  const until = performance.now() + TURN_MS;
  say({ kind: 'at', target: name, index: next[name] ?? 0, rssBytes: process.memoryUsage.rss() });
  do {
    const index = next[name] ?? 0;
    if (order.cases !== null && index >= (order.from[name] ?? 0) + order.cases) {
      open.delete(name);
      await target.close?.();
      return false;
    }
    next[name] = index + 1;
    if (order.verbose) writeSync(1, `${name} case ${index}\n`);
    try {
      await target.try(randomFrom(seedOf(name, index)));
    } catch (error) {
      if (error instanceof NeedsNewProcess) return true;
      say({ kind: 'find', target: name, index, error: error instanceof Error ? String(error.stack) : String(error) });
      open.delete(name);
      await target.close?.();
      return false;
    }
  } while (performance.now() < until);
  return false;
}
