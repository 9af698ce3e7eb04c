/**
 * Entry of the example model server: `node server.ts [--port 8000] [--host 127.0.0.1] [--data FILE]`.
 * Ends with code 0 on SIGINT or SIGTERM, with 1 and one sentence when it cannot start.
 */
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Forecast } from './forecast.ts';
import { createInferenceServer } from './inference-server.ts';
import { parsePrices, SeriesError } from './series.ts';

const USAGE = 'Usage: node server.ts [--port 8000] [--host 127.0.0.1] [--data FILE]';
/** How long a client may take to end after a signal, in ms. */
const GRACE_MS = 2_000;

class StartError extends Error {}

interface Settings {
  readonly port: number;
  readonly host: string;
  readonly data: string;
}

function parseSettings(args: readonly string[]): Settings {
  const { port, host, data } = parseFlags(args);
  const number = /^\d{1,5}$/.test(port) ? Number(port) : Number.NaN;
  if (!(number <= 65_535)) throw new StartError(`--port "${port}" is no port; give a number from 0 to 65535.`);
  return { port: number, host, data };
}

function parseFlags(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        port: { type: 'string', default: '8000' },
        host: { type: 'string', default: '127.0.0.1' },
        data: { type: 'string', default: fileURLToPath(new URL('prices.csv', import.meta.url)) },
      },
    }).values;
  } catch (cause) {
    throw new StartError(`${(cause as Error).message}\n${USAGE}`, { cause });
  }
}

async function readTable(path: string) {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new StartError(`Cannot read the prices: ${(cause as Error).message}; name a CSV file with --data.`, {
      cause,
    });
  }
  return parsePrices(text, path);
}

/** One line a token: what the model missed by on days it had not seen, beside the baseline, in the prices' unit. */
function describe({ token, holdout: { days, ridge, lastValue } }: Forecast): string {
  const both = (ours: number, base: number) => `${ours.toPrecision(5)} vs ${base.toPrecision(5)}`;
  const rmse = both(ridge.rmse, lastValue.rmse);
  return `  ${token.padEnd(6)} last ${days} days: RMSE ${rmse} (${compare(ridge.rmse, lastValue.rmse)}), MAE ${both(ridge.mae, lastValue.mae)}`;
}

function compare(ours: number, base: number): string {
  if (base === 0) return 'the price never moved';
  const gain = 100 * (1 - ours / base);
  return gain >= 0 ? `${gain.toFixed(1)} % better` : `${(-gain).toFixed(1)} % worse`;
}

async function start(args: readonly string[]): Promise<void> {
  const settings = parseSettings(args);
  const table = await readTable(settings.data);
  const { server, forecasts } = createInferenceServer(table);
  console.log(
    `${table.series.length} tokens, ${table.dates.length} days to ${table.dates.at(-1)}${table.note && `. ${table.note}`}`,
  );
  console.log('hold-out error of the next-day price, ridge regression vs last value:');
  for (const forecast of forecasts) console.log(describe(forecast));

  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => reject(listenError(cause, settings)));
    server.listen(settings.port, settings.host, resolve);
  });
  const { address, family, port } = server.address() as AddressInfo;
  console.log(`model server listening on http://${family === 'IPv6' ? `[${address}]` : address}:${port}`);

  const stop = () => {
    server.close();
    server.closeIdleConnections();
    setTimeout(() => server.closeAllConnections(), GRACE_MS).unref();
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

function listenError(cause: NodeJS.ErrnoException, { host, port }: Settings): StartError {
  const reason =
    cause.code === 'EADDRINUSE'
      ? `Port ${port} on ${host} is taken`
      : `Cannot listen on ${host}, port ${port}: ${cause.message}`;
  return new StartError(`${reason}; stop the other program or choose another with --port or --host.`, { cause });
}

try {
  await start(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof StartError) && !(error instanceof SeriesError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
