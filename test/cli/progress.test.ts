import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { createProgressDisplay } from '../../runtime/cli/progress.ts';
import { NO_TERMINAL, runAtTerminal, screenOf, startAtTerminal } from '../support/pseudo-terminal.ts';
import { ROOT } from './command.ts';

const SHOWN_AT_ONCE = { delay: 0, every: 1 };

/** A stream that keeps what it is given, and tells when something has been written. */
function collecting(isTTY: boolean, columns = 80) {
  let text = '';
  let told: (() => void) | undefined;
  return {
    stream: {
      isTTY,
      columns,
      write(chunk: string | Uint8Array): boolean {
        text += chunk;
        told?.();
        return true;
      },
    },
    text: () => text,
    async until(pattern: RegExp): Promise<void> {
      while (!pattern.test(text)) {
        const { promise, resolve } = Promise.withResolvers<void>();
        told = resolve;
        await promise;
      }
    },
  };
}

describe('progress', () => {
  test('is a bar on a terminal that is gone afterwards', async () => {
    const { stream, text, until } = collecting(true);
    const display = createProgressDisplay(stream, {}, SHOWN_AT_ONCE);
    await display.run('fetching x', { total: 4_194_304, unit: 'bytes' }, async (progress) => {
      progress.add(1_048_576);
      await until(/fetching x ▕█{5}░{15}▏ 25 % 1\.0 MiB of 4\.0 MiB/);
      progress.at(6_000_000);
      progress.label('unpacking');
      await until(/unpacking ▕█{20}▏ 100 %/);
    });
    assert.equal(screenOf(text()), '');
  });

  test('never wraps, and shows no control character of a label', async () => {
    const { stream, text, until } = collecting(true, 24);
    const display = createProgressDisplay(stream, { NO_COLOR: '1' }, SHOWN_AT_ONCE);
    await display.run(`a\u001b[2Jb\nc ${'x'.repeat(100)}`, { total: 10 }, async (progress) => {
      progress.at(3);
      await until(/…/);
    });
    const lines = text().split('\r\u001b[2K').filter(Boolean);
    assert.ok(lines.every((line) => Array.from(line).length <= 23));
    assert.match(lines[0] ?? '', /^⠋ a�\[2J/);
  });

  test('is lines without cursor movements where there is no terminal, or a dumb one', async () => {
    for (const [isTTY, env] of [
      [false, {}],
      [true, { TERM: 'dumb' }],
    ] as const) {
      const { stream, text, until } = collecting(isTTY);
      const display = createProgressDisplay(stream, env, SHOWN_AT_ONCE);
      await display.run('reading', {}, async (progress) => {
        await until(/^reading\n/);
        progress.at(3, 12);
        await until(/^reading 25 % 3 of 12$/m);
      });
      assert.ok(!text().includes('\r') && !text().includes('\u001b'));
    }
  });

  test('is nothing when quiet, and nothing for work that is done at once', async () => {
    const { stream, text } = collecting(true);
    const display = createProgressDisplay(stream, {}, SHOWN_AT_ONCE);
    await display.run('x', { quiet: true }, () => new Promise((resolve) => setTimeout(resolve, 20)));
    assert.equal(await createProgressDisplay(stream, {}).run('x', {}, async () => 7), 7);
    assert.equal(text(), '');
  });

  test('works side by side share one line, which the last one gives back', async () => {
    const { stream, text, until } = collecting(true);
    const display = createProgressDisplay(stream, {}, SHOWN_AT_ONCE);
    await display.run('outer', {}, async () => {
      const over = Promise.withResolvers<void>();
      const inner = display.run('inner', {}, () => over.promise);
      await assert.rejects(
        display.run('failing', {}, async () => {
          await until(/failing/);
          throw new Error('no');
        }),
        /no/,
      );
      over.resolve();
      await inner;
      await until(/failing[\s\S]*outer/);
    });
    assert.equal(screenOf(text()), '');
    assert.equal(process.listenerCount('SIGINT'), 0);
  });

  const PROBE = [process.execPath, '--input-type=module', '--eval'];
  const program = (body: string): string =>
    `import { withProgress, step } from ${JSON.stringify(join(ROOT, 'runtime/cli/progress.ts'))};
     import { print } from ${JSON.stringify(join(ROOT, 'runtime/cli/terminal.ts'))};
     const wait = (ms) => new Promise((r) => setTimeout(r, ms));
     ${body}`;

  test('Ctrl-C at a terminal ends the command and leaves a clean line', { skip: NO_TERMINAL }, async () => {
    const command = [...PROBE, program("await withProgress('waiting for good', {}, () => wait(60_000));")];
    const terminal = startAtTerminal([], ROOT, { command });
    await terminal.until(/waiting for good/);
    terminal.type('\u0003');
    const { code, screen } = await terminal.finished;
    assert.equal(code, 130);
    assert.match(screen, /^(?:\^C)?\s*$/);
  });

  test('what a command prints meanwhile is above the bar', { skip: NO_TERMINAL }, async () => {
    const body = `await step('working', async () => { await wait(400); print('a line'); await wait(400); }, () => 'done');`;
    const { code, raw, screen } = await runAtTerminal([], ROOT, { command: [...PROBE, program(body)] });
    assert.equal(code, 0);
    assert.match(raw, /⠋\S* working/);
    assert.equal(screen, 'a line\n✓ done\n');
  });

  test('colours only where NO_COLOR does not forbid them', { skip: NO_TERMINAL }, async () => {
    const command = [...PROBE, program("await step('x', async () => {}, () => 'done');")];
    assert.equal((await runAtTerminal([], ROOT, { command })).raw, '\u001b[32m✓\u001b[39m done\r\n');
    assert.equal((await runAtTerminal([], ROOT, { command, env: { NO_COLOR: '1' } })).raw, '✓ done\r\n');
  });
});
