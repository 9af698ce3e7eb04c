import { createServer, type Server, type ServerResponse } from 'node:http';
import { type Forecast, forecast, type HoldOut } from './forecast.ts';
import type { PriceTable } from './series.ts';

/**
 * A model server over one price table, every answer worked out before it listens. Routes, all JSON:
 * `GET /inference/{token}` (upper or lower case) → `{token, value, as_of, model, holdout}` with `value` a decimal
 * string; `GET /holdout` → errors of all tokens; `GET /health`. Anything else is answered with `{"error"}`.
 * @returns the server, not yet listening, and the forecasts it serves
 * @throws SeriesError when a series is too short
 */
export function createInferenceServer({ dates, series }: PriceTable): {
  server: Server;
  forecasts: readonly Forecast[];
} {
  const forecasts = series.map(forecast);
  const asOf = dates.at(-1) ?? '';
  const tokens = forecasts.map(({ token }) => token);
  const inferences = new Map(forecasts.map((one) => [one.token.toLowerCase(), encode(inference(one, asOf))]));
  const pages = new Map([
    ['/health', encode({ status: 'ok', tokens, as_of: asOf })],
    [
      '/holdout',
      encode({ as_of: asOf, tokens: Object.fromEntries(forecasts.map((one) => [one.token, errors(one.holdout)])) }),
    ],
  ]);

  const server = createServer((request, response) => {
    request.resume();
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      send(response, 405, encode({ error: `${request.method} is not served here; use GET.` }));
      return;
    }
    const [path = '/'] = (request.url ?? '/').split('?');
    const page = pages.get(path);
    if (page !== undefined) send(response, 200, page);
    else if (path.startsWith('/inference/')) sendInference(response, path.slice('/inference/'.length));
    else
      send(response, 404, encode({ error: 'There is no such page; ask for /inference/{token}, /holdout or /health.' }));
  });

  function sendInference(response: ServerResponse, encoded: string): void {
    const token = decode(encoded);
    const answer = token === null ? undefined : inferences.get(token.toLowerCase());
    if (token === null)
      send(response, 400, encode({ error: `"${encoded.slice(0, 60)}" is not percent-encoded UTF-8.` }));
    else if (answer !== undefined) send(response, 200, answer);
    else
      send(
        response,
        404,
        encode({ error: `No model for "${token.slice(0, 60)}"; known: ${tokens.join(', ')}.`, known: tokens }),
      );
  }

  return { server, forecasts };
}

function inference({ token, value, holdout }: Forecast, asOf: string) {
  return { token, value: decimal(value), as_of: asOf, model: 'ridge', holdout: errors(holdout) };
}

function errors({ days, ridge, lastValue }: HoldOut) {
  return { days, ridge, last_value: lastValue };
}

/** A price as plain decimal text, never with an exponent: about ten significant digits, at least two after the point. */
export function decimal(value: number): string {
  const digits = 10 - Math.ceil(Math.log10(value));
  return value.toFixed(Math.min(30, Math.max(2, digits)));
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

function encode(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function send(response: ServerResponse, status: number, body: Buffer): void {
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': body.length });
  response.end(body);
}
