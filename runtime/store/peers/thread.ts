import { parentPort } from 'node:worker_threads';
import { serveHostThread } from './host-thread.ts';

/** Entry of the thread that speaks libp2p to exchange blocks, and nothing else. */
if (parentPort === null) throw new Error('This file runs as a worker thread only.');
serveHostThread(parentPort);
