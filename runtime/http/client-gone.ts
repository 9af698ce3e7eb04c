import type { Socket } from 'node:net';
import { InferbaseError } from '../core/errors.ts';

/** Requests in progress by connection. One listener a connection, since a kept-alive one carries many requests. */
const inProgress = new WeakMap<Socket, Set<AbortController>>();

/**
 * A signal that aborts when the client's connection closes before `release` is called.
 * @returns `release` must be called once the request is answered
 */
export function watchClient(socket: Socket): { readonly signal: AbortSignal; release(): void } {
  const controller = new AbortController();
  const requests = inProgress.get(socket) ?? watch(socket);
  requests.add(controller);
  if (socket.destroyed) abort(requests);
  return { signal: controller.signal, release: () => requests.delete(controller) };
}

function watch(socket: Socket): Set<AbortController> {
  const requests = new Set<AbortController>();
  inProgress.set(socket, requests);
  socket.once('close', () => abort(requests));
  return requests;
}

function abort(requests: Set<AbortController>): void {
  if (requests.size === 0) return;
  const reason = new InferbaseError('ERR_CANCELLED', 'the client closed its connection before the answer was ready');
  for (const controller of requests) controller.abort(reason);
  requests.clear();
}
