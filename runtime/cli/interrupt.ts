import process from 'node:process';
import { InferbaseError } from '../core/errors.ts';
import { EXIT } from './exit.ts';

export interface Interrupt {
  /** Aborted by the first Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
  /** Which of them it was. */
  readonly name: NodeJS.Signals | undefined;
}

/**
 * Watches SIGINT and SIGTERM: the first aborts the returned signal so that the command can close in order, a second
 * Ctrl-C exits at once.
 */
export function watchInterrupt(): Interrupt {
  const controller = new AbortController();
  let name: NodeJS.Signals | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (name !== undefined) process.exit(EXIT.interrupted);
    name = signal;
    controller.abort(new Error(`ended by ${signal}`));
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    signal: controller.signal,
    get name() {
      return name;
    },
  };
}

/** @throws InferbaseError `ERR_CANCELLED` once the signal is aborted */
export function throwIfInterrupted(signal: AbortSignal): void {
  if (signal.aborted) throw new InferbaseError('ERR_CANCELLED', 'interrupted');
}

/** Resolves once the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
