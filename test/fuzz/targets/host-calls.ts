import type { Cause } from '../../../runtime/core/execution.ts';
import { HOST_CALLS } from '../../../runtime/core/host-calls.ts';
import { type Role, rolesOf } from '../../hostile/arguments.ts';
import { openHostile } from '../../hostile/sandbox.ts';
import { assemble, type Code, call, constant } from '../../support/assemble.ts';
import { EDGES, json, type Random, text } from '../random.ts';
import { type FuzzTarget, require } from '../target.ts';

const CALLS = HOST_CALLS.filter(
  ({ unservedErrno, name }) => unservedErrno === null && name !== 'proc_exit' && name !== 'abort',
);
const CAUSES: readonly Cause[] = ['exited', 'trapped', 'deadline', 'fuel', 'output', 'calls'];
/** Executions at once, as many as there are cases in one of this target's. */
const BATCH = 32;
const KEYS = ['method', 'GET', 'headers', 'body', 'command', 'say', 'args', 'envs', 'name', 'value'];

/** Of numbers that are no pointer, mostly small: descriptors, handles, flags. */
function argument(random: Random, role: Role, type: 'i32' | 'i64' | 'f32' | 'f64'): Code {
  if (type === 'f64' || type === 'f32') return constant(type, random.below(100));
  if (random.once(6)) return constant(type, random.pick(EDGES));
  if (type === 'i64') return constant(type, random.once(2) ? random.below(100) : -1n);
  if (role.startsWith('n')) return constant(type, random.once(2) ? random.below(8) : Number(role.slice(1)));
  return constant(type, role === 'len' || role === 'cap' || role === 'count' ? random.below(40) : random.below(2_048));
}

/** A few calls with any arguments, over a memory that holds paths, URLs, lists of buffers and whatever else. */
function someGuest(random: Random): Uint8Array {
  const imports = Array.from({ length: 1 + random.below(8) }, () => random.pick(CALLS));
  const code: number[] = [];
  for (let count = 1 + random.below(60); count > 0; count--) {
    const index = random.below(imports.length);
    const row = imports[index] as (typeof imports)[number];
    const roles = rolesOf(row) ?? [];
    for (const [at, type] of row.params.entries()) code.push(...argument(random, roles[at] ?? 'n0', type));
    code.push(...call(index));
    if (row.results.length > 0) code.push(0x1a);
  }
  const lists = Uint8Array.from(Uint32Array.from({ length: 32 }, () => random.below(200)).map((value) => value * 8));
  const data: [number, string | Uint8Array][] = [
    [0, lists],
    [256, random.pick(['http://model/half', 'http://model/', 'f', 'd/../f', text(random)])],
    [300, JSON.stringify(json(random, KEYS)).slice(0, 500)],
    [900, random.bytes(200)],
  ];
  return assemble({ imports, functions: [code], data });
}

/** Live guests that make any host call with any arguments: each comes to its end, and nothing of ours fails. */
export const hostCalls: FuzzTarget = {
  name: 'host-calls',
  async open() {
    const hostile = await openHostile({ files: true });
    return {
      async try(random) {
        const guests = Array.from({ length: BATCH }, () => someGuest(random));
        const limits = { deadlineMs: 60, fuel: 50_000_000, hostCalls: 200, stdoutBytes: 1_000, stderrBytes: 1_000 };
        const outcomes = await Promise.all(guests.map((bytes) => hostile.run(bytes, { limits })));
        hostile.answerNow();
        for (const { cause, message } of outcomes) require(CAUSES.includes(cause), `${cause}: ${message}`);
        const [mistake] = hostile.lines.filter((line) => / failed: /.test(line));
        require(mistake === undefined, String(mistake));
        hostile.forget();
      },
      close: () => hostile.close(),
    };
  },
};
