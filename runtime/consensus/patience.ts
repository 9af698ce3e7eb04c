import { bounds } from './bounds.ts';

export interface PatienceComponents {
  readonly schedule: (ms: number, then: () => void) => () => void;
  /** The view has had its time. */
  readonly giveUp: () => void;
  /** What was said may have been lost. */
  readonly resend: () => void;
  /** Others have missed what was said. */
  readonly repeat: () => void;
}

/** What a replica waits for. */
export interface Waiting {
  /** For a decision, or for a new view that enough replicas wait for: then this view has only its time. */
  readonly impatient: boolean;
  /** For anything at all. */
  readonly open: boolean;
}

/** The timers of a replica. */
export interface Patience {
  /** Starts and stops them. */
  wait(waiting: Waiting): void;
  /** Something was decided: all the time is given again. */
  refresh(): void;
  /** The view has changed, or is being changed. Each after the first in a row has twice the time, so that replicas meet. */
  renew(view: number): void;
  /** Someone is behind. */
  remind(): void;
  close(): void;
}

/** @param ms what a view is given to decide something */
export function createPatience(ms: number, { schedule, giveUp, resend, repeat }: PatienceComponents): Patience {
  const first = ms / bounds.resendsOfFirst;
  let present = 0;
  /** Changes of it since something was decided. */
  let changes = 0;
  let stopGiveUp: (() => void) | null = null;
  let stopResend: (() => void) | null = null;
  let stopRepeat: (() => void) | null = null;
  let resendMs = first;
  let repeatMs = first;
  let closed = false;

  function stop(): void {
    stopGiveUp?.();
    stopResend?.();
    stopGiveUp = null;
    stopResend = null;
    resendMs = first;
    repeatMs = first;
  }

  function startResend(): void {
    stopResend = schedule(resendMs, () => {
      resendMs = Math.min(2 * resendMs, ms);
      startResend();
      resend();
    });
  }

  return {
    wait({ impatient, open }) {
      if (closed) return;
      if (!impatient) {
        stopGiveUp?.();
        stopGiveUp = null;
      } else if (stopGiveUp === null) {
        stopGiveUp = schedule(ms * 2 ** Math.min(Math.max(0, changes - 1), bounds.doublings), () => {
          stopGiveUp = null;
          giveUp();
        });
      }
      if (!open) {
        stopResend?.();
        stopResend = null;
        resendMs = first;
      } else if (stopResend === null) startResend();
    },
    refresh() {
      changes = 0;
      stop();
    },
    renew(view) {
      if (view !== present) changes++;
      present = view;
      stop();
    },
    remind() {
      // At most so often, whoever asks.
      if (closed || stopRepeat !== null) return;
      stopRepeat = schedule(repeatMs, () => {
        stopRepeat = null;
        repeatMs = Math.min(2 * repeatMs, ms);
        repeat();
      });
    },
    close() {
      closed = true;
      stop();
      stopRepeat?.();
    },
  };
}
