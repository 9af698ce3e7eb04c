import { parentPort, workerData } from 'node:worker_threads';
import { InferbaseError, toErrorData } from '../../core/errors.ts';
import { takeDecodedTypes } from '../../wasm/decoded-types.ts';
import { createAtomicFiles } from '../atomic-file.ts';
import { createBlockFolder } from '../block-folder.ts';
import { createBlockReaders } from '../block-reader.ts';
import { createLayout } from '../layout.ts';
import { abortable } from '../single-flight.ts';
import { createGatewaySources } from '../sources/gateway-source.ts';
import { createPortSource } from '../sources/port-source.ts';
import { createSourceRace } from '../sources/source-race.ts';
import { createJobs } from './jobs.ts';
import type { FromThread, Job, ThreadData, ToThread } from './protocol.ts';

/**
 * Entry of the preparation thread: fetches, hashes, unpacks, rewrites, compiles and writes to disk, so that HTTP never
 * waits for any of it.
 */
if (parentPort === null) throw new Error('This file runs as a worker thread only.');
const port = parentPort;
const data = workerData as ThreadData;

const post = (message: FromThread): void => port.postMessage(message);
const layout = createLayout(data.dataDir);
const files = createAtomicFiles({ tmpDir: layout.tmp, owner: data.owner, onStep: tellStep });
const log = (line: string, fields: object = {}): void => post({ type: 'log', line, fields });
const folder = createBlockFolder({ files, layout }, { log });
const portSources = data.sources.map(createPortSource);
const sources = createSourceRace({ sources: [...portSources, ...createGatewaySources(data)] }, data);
const jobs = createJobs(
  { layout, files, folder, readers: createBlockReaders({ folder, sources }, data) },
  { ...data, log },
);
const running = new Map<number, AbortController>();

/** The front thread's hook is to have returned before the next byte is written. */
function tellStep(step: string): void {
  if (data.stepCell === null) return;
  const cell = new Int32Array(data.stepCell);
  Atomics.store(cell, 0, 0);
  post({ type: 'step', step });
  Atomics.wait(cell, 0, 0);
}

async function run(id: number, job: Job): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  const timer = setTimeout(() => controller.abort(tooSlow()), data.totalTimeoutMs);
  const heavy = <T>(step: string, work: () => T): T => {
    post({ type: 'heavy', id, step });
    try {
      return work();
    } finally {
      post({ type: 'light', id, types: takeDecodedTypes() });
    }
  };
  try {
    const { signal } = controller;
    post({ type: 'done', id, result: await abortable(jobs.run(job, { signal, heavy }), signal) });
  } catch (error) {
    post({ type: 'failed', id, error: toErrorData(error) });
  } finally {
    clearTimeout(timer);
    running.delete(id);
  }
}

function tooSlow(): InferbaseError {
  return new InferbaseError(
    'ERR_SOURCE_UNAVAILABLE',
    `The function was not here within ${data.totalTimeoutMs} ms; try again or set faster gateways.`,
    { details: sources.names.map((name) => `${name}: asked, too slow`) },
  );
}

port.on('message', (message: ToThread) => {
  if (message.type === 'run') void run(message.id, message.job);
  else if (message.type === 'abort') running.get(message.id)?.abort();
  else if (message.type === 'source') {
    const { name, port: renewed } = message.source;
    portSources.find((source) => source.name === name)?.renew(renewed);
  } else {
    for (const controller of running.values()) controller.abort();
    // With the port closed and no request open the thread ends by itself, after the writes under way.
    void sources.close().finally(() => port.close());
  }
});
post({ type: 'ready' });
