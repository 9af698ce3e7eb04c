import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { chooseFile } from '../../runtime/store/method.ts';

const GUIDE = 'allora-inference-function.wasm';

suite('the file that a method names', () => {
  test("the method of the Allora guides' requests means the one module of a function, whatever its name", () => {
    const names = ['manifest.json', 'price-feed.wasm'];
    assert.equal(chooseFile({ names, entryModule: 'price-feed.wasm' }, GUIDE), 'price-feed.wasm');
  });

  test('it means nothing but itself where a module has that name, and nothing where there are several', () => {
    assert.equal(chooseFile({ names: ['a.wasm', GUIDE], entryModule: 'a.wasm' }, GUIDE), GUIDE);
    assert.throws(() => chooseFile({ names: ['a.wasm', 'b.wasm'], entryModule: 'a.wasm' }, GUIDE), {
      code: 'ERR_FUNCTION_NOT_FOUND',
      message: /is not in the function; there are .*a\.wasm/,
    });
  });

  test('every other name has to be that of a file', () => {
    assert.throws(() => chooseFile({ names: ['price-feed.wasm'], entryModule: null }, 'other.wasm'), {
      code: 'ERR_FUNCTION_NOT_FOUND',
      message: /other\.wasm.* is not in the function; there is .*price-feed\.wasm/,
    });
  });
});
