import type { ComponentLogger, Logger } from '@libp2p/interface';

/**
 * A log that says nothing. libp2p makes one for every stream, and its own kind, silent or not, is a good part of what a
 * short stream costs.
 */
const QUIET: Logger = Object.assign(() => {}, {
  enabled: false,
  error: () => {},
  trace: () => {},
  newScope: () => QUIET,
});

export const QUIET_LOG: ComponentLogger = { forComponent: () => QUIET };
