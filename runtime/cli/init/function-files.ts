/** The function's source, complete and short. */
export function functionSource(python: boolean): string {
  return python ? PYTHON_SOURCE : MODEL_SOURCE;
}

/** Tests that pass as generated; `inferbase test` runs them. */
export function functionTest(name: string, python: boolean): string {
  return `# Run by: inferbase test\n${(python ? PYTHON_TEST : MODEL_TEST).replaceAll('NAME', name)}`;
}

/** The script that `cgi-allora-infer` runs: `python3 main.py TOPIC ARGUMENT`. */
export function mainScript(): string {
  return MAIN;
}

const MODEL_SOURCE = `// The node function: asks your model server for a prediction and prints it as Allora workers do.
// As generated it makes a value up where no model server answers; see FILL IN.
import { env, JSONValue, log, model, output, percentEncode, random } from "inferbase/sdk";

// What the request asks for: the argument of its topic.
const token = env.getOr("ALLORA_ARG_PARAMS", "ETH");

// http://model/ is what upstreams.model.url of the node names.
const reply = model.get("/inference/" + percentEncode(token)).send();
let value = "";
if (!reply.ok) {
  // FILL IN: once your model server runs, end here with output.fail(2, reply.error!.message) instead.
  log.warn("the value is random, no model server answers: " + reply.error!.message);
  value = (random.f64() * 1000.0).toString();
} else if (!reply.response.ok) {
  output.fail(3, "the model server answered " + reply.response.status.toString() + ": " + reply.response.text());
} else {
  value = reply.response.json().value.getString("value");
  if (value == "") output.fail(4, 'the model server must answer {"value": "123.45"}, not ' + reply.response.text());
}

output.json(JSONValue.object().set("infererValue", value));
`;

const MODEL_TEST = `tests:
  - name: hands on what the model server says
    env: { ALLORA_ARG_PARAMS: ETH }
    upstreams:
      model:
        - request: { method: GET, path: /inference/ETH }
          response: { json: { value: "2976.97" } }
    expect:
      stdout: '{"infererValue":"2976.97"}'

  - name: says what the model server refused
    env: { ALLORA_ARG_PARAMS: DOGE }
    upstreams:
      model:
        - request: { path: /inference/DOGE }
          response: { status: 404, body: no model for DOGE }
    expect:
      exitCode: 3
      stderr: { contains: no model for DOGE }

  # FILL IN: as generated the value is random without a model server; expect an exit code once yours runs.
  - name: makes a value up where no model server answers
    upstreams:
      model:
        - request: { path: /inference/ETH }
          response: { drop: true }
    expect:
      json: { infererValue: { $matches: '^[0-9.]+$' } }
      stderr: { contains: the value is random }
`;

const PYTHON_SOURCE = `// The node function: has your main.py predict, through the node's extension cgi-allora-infer, and prints what it says.
import { cgi, env, JSONValue, output } from "inferbase/sdk";

// What the request asks for: the argument of its topic, and the topic.
const argument = env.getOr("ALLORA_ARG_PARAMS", "ETH");
const topic = env.getOr("TOPIC_ID", "1");

const request = JSONValue.object().set("arguments", [argument]).set("topicid", topic);
const reply = cgi.run("cgi-allora-infer", request.stringify());
if (!reply.ok) output.fail(2, "main.py was not run: " + reply.error!.message + "; the node needs extensions.allora and python3");

const answer = reply.json();
if (!answer.ok || !answer.value.isObject) output.fail(3, "main.py must print one JSON object, not " + reply.stdout);
output.json(answer.value);
`;

const PYTHON_TEST = `# The tests run main.py with this machine's python3.
tests:
  - name: hands on what main.py says
    env: { ALLORA_ARG_PARAMS: ETH, TOPIC_ID: "1" }
    expect:
      json: { infererValue: { $matches: '^[0-9.]+$' } }

  - name: has main.py say what it does not know
    env: { ALLORA_ARG_PARAMS: "", TOPIC_ID: "1" }
    expect:
      json: { error: { $matches: argument } }
`;

const MAIN = `"""Predicts. The node runs it as: python3 main.py TOPIC ARGUMENT, and hands on the JSON it prints."""

import json
import random
import sys


def predict(topic: str, argument: str) -> float:
    # FILL IN: ask your model or your inference server here. As generated the value is random.
    return random.uniform(0, 1000)


def main() -> None:
    topic = sys.argv[1] if len(sys.argv) > 1 else ""
    argument = sys.argv[2] if len(sys.argv) > 2 else ""
    if argument == "":
        print(json.dumps({"error": "no argument: set ALLORA_ARG_PARAMS, for example to ETH"}))
        return
    print(json.dumps({"infererValue": f"{predict(topic, argument):.6f}"}))


if __name__ == "__main__":
    main()
`;
