/**
 * Runs executions in one sandbox thread and tells, as JSON, what memory is left after `COUNT` and after twice as many,
 * garbage collected in every thread. `node soak-child.ts ended|killed COUNT`
 */
import { Session } from 'node:inspector/promises';
import process from 'node:process';
import { openSandbox } from '../support/open-sandbox.ts';

export interface Memory {
  /** Heaps of all threads and what they hold outside, in bytes. */
  readonly heldBytes: number;
  readonly residentBytes: number;
}

const AT_ONCE = 64;

interface HeapUsage {
  readonly usedSize: number;
  readonly embedderHeapUsedSize: number;
  readonly backingStorageSize: number;
}

/** Has every thread of this process collect its garbage, and adds up what is left. */
async function collect(): Promise<Memory> {
  const session = new Session();
  session.connect();
  const answers = new Map<string, (result: unknown) => void>();
  const workers: string[] = [];
  session.on('NodeWorker.attachedToWorker', ({ params }) => workers.push(params.sessionId));
  session.on('NodeWorker.receivedMessageFromWorker', ({ params }) => {
    const { id, result } = JSON.parse(params.message) as { id: number; result: unknown };
    answers.get(`${params.sessionId} ${id}`)?.(result);
  });
  await session.post('NodeWorker.enable', { waitForDebuggerOnStart: false });
  let next = 1;
  const ask = (sessionId: string, method: string): Promise<unknown> => {
    const id = next++;
    const answer = new Promise((resolve) => answers.set(`${sessionId} ${id}`, resolve));
    void session.post('NodeWorker.sendMessageToWorker', { sessionId, message: JSON.stringify({ id, method }) });
    return answer;
  };
  const usages: HeapUsage[] = [];
  for (let round = 0; round < 3; round++) {
    await session.post('HeapProfiler.collectGarbage');
    for (const worker of workers) await ask(worker, 'HeapProfiler.collectGarbage');
  }
  usages.push((await session.post('Runtime.getHeapUsage')) as unknown as HeapUsage);
  for (const worker of workers) usages.push((await ask(worker, 'Runtime.getHeapUsage')) as HeapUsage);
  session.disconnect();
  const heldBytes = usages.reduce(
    (sum, usage) => sum + usage.usedSize + (usage.embedderHeapUsedSize ?? 0) + (usage.backingStorageSize ?? 0),
    0,
  );
  return { heldBytes, residentBytes: process.memoryUsage.rss() };
}

async function main(): Promise<void> {
  const [mode, text] = process.argv.slice(2);
  const count = Number(text);
  const closers: (() => void)[] = [];
  const after = (close: unknown): void => void closers.push(close as () => void);
  const { run } = await openSandbox({ after }, ['exit-three', 'sleep', 'nap']);

  const ended = async (): Promise<void> => {
    const outcomes = await Promise.all(Array.from({ length: AT_ONCE }, () => run('exit-three')));
    if (outcomes.some(({ exitCode }) => exitCode !== 3)) throw new Error('an execution went wrong');
  };
  const killed = async (): Promise<void> => {
    const caller = new AbortController();
    const sleeping = Array.from({ length: AT_ONCE }, () => run('sleep', { signal: caller.signal }));
    // Started after them: when it is over, they are parked.
    await run('exit-three');
    caller.abort();
    const causes = (await Promise.all(sleeping)).map(({ cause }) => cause);
    if (causes.some((cause) => cause !== 'cancelled')) throw new Error('an execution was not killed');
  };
  const batch = mode === 'killed' ? killed : ended;
  const memories: Memory[] = [];
  for (let part = 0; part < 2; part++) {
    for (let done = 0; done < count; done += AT_ONCE) await batch();
    memories.push(await collect());
  }
  console.log(JSON.stringify(memories));
  process.exit(0);
}

await main();
