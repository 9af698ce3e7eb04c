import process from 'node:process';
import { parseListenAddress } from '../config/listen.ts';
import { openMetrics } from '../http/metrics.ts';
import type { Runtime } from '../runtime.ts';
import { labelText } from '../telemetry/counters.ts';
import type { CommandSettings } from './settings-flags.ts';

export interface MetricsAbout {
  readonly peerId: string;
  readonly version: string;
}

/**
 * Serves the node's metrics at `listen.metrics`; where that is taken it is told, and the node goes on, as the Go nodes do.
 * @returns the URL, `null` where they are not served; ends when disposed of
 */
export async function serveMetrics(
  { settings, log }: Pick<CommandSettings, 'settings' | 'log'>,
  { counters }: Pick<Runtime, 'counters'>,
  { peerId, version }: MetricsAbout,
): Promise<{ readonly url: string | null } & AsyncDisposable> {
  const none = { url: null, [Symbol.asyncDispose]: async () => {} };
  const address = settings.listen.metrics;
  const place = address === null ? undefined : parseListenAddress(address);
  if (place === undefined || counters === null) return none;
  const info = `b7s_node_info${labelText({ id: peerId, version, role: settings.role })}`;
  const render = (): string => `# TYPE b7s_node_info gauge\n${info} 1\n${counters.render()}${ofProcess()}`;
  try {
    return await openMetrics(place, render);
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException;
    log.warn(`metrics cannot be served at ${address} (${code}); set listen.metrics to another address`);
    return none;
  }
}

/** By the names that Prometheus' own clients give them. */
function ofProcess(): string {
  const { user, system } = process.cpuUsage();
  const rows: readonly [name: string, kind: string, value: number][] = [
    ['process_cpu_seconds_total', 'counter', (user + system) / 1e6],
    ['process_resident_memory_bytes', 'gauge', process.memoryUsage.rss()],
    ['process_start_time_seconds', 'gauge', Math.round(Date.now() / 1000 - process.uptime())],
  ];
  return rows.map(([name, kind, value]) => `# TYPE ${name} ${kind}\n${name} ${value}\n`).join('');
}
