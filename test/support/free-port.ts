import { freePort as freePortOf } from '../../runtime/cli/local/free-port.ts';

/** A port of loopback that nobody has just now, nor is given by the system soon. */
export function freePort(): Promise<number> {
  return freePortOf('127.0.0.1');
}
