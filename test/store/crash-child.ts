import { createStore } from '../../runtime/store/store.ts';

/**
 * Installs a function and pins it, telling each step on stdout, and kills itself as by `kill -9` at one of them.
 * Arguments: data folder, gateway, CID, number of the step (−1: none).
 */
const [dataDir = '', url = '', cid = '', killAt = '-1'] = process.argv.slice(2);
let count = 0;
const store = await createStore({
  dataDir,
  gateways: [url],
  log: () => {},
  onStep: (step) => {
    if (count++ === Number(killAt)) process.kill(process.pid, 'SIGKILL');
    console.log(step);
  },
});
const { signal } = new AbortController();
await store.get(cid, { method: '', signal });
await store.pin(cid, 'crash');
await store.close();
