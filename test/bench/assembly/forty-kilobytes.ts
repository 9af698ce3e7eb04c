// A program of ordinary size: it links the JSON reader, the HTTP client and the environment of @blockless/sdk, and
// calls the network only when it is told to.
import { http, json, memory } from '@blockless/sdk/assembly';

const environment = new memory.EnvVars().read().toJSON();
const url = environment.getString('BENCH_URL');
if (url !== null) {
  const answer = new http.Client().get(url!.valueOf());
  console.log(answer.stringify());
} else {
  const value = new json.JSON.Obj();
  value.set('infererValue', '512.34');
  console.log(value.stringify());
}
