import { memory } from "@blockless/sdk/assembly";
import { CgiCommand, cgiExtendsList } from "@blockless/sdk/assembly/cgi";
import { buffer2string } from "@blockless/sdk/assembly/strings";

// The calls of Allora's published function: environment, list, open, two writes, one read of 65 535 bytes, close.
function say(line: string): void {
  process.stdout.write(line + "\n");
}

const variables = new memory.EnvVars().read().toJSON();
const argument = variables.get("ALLORA_ARG_PARAMS");
const topic = variables.get("TOPIC_ID");
const height = variables.get("ALLORA_BLOCK_HEIGHT_CURRENT");
if (!argument || !topic) {
  say("error: inference param not available: ALLORA_ARG_PARAMS or TOPIC_ID, source: cgi-allora-infer");
} else if (cgiExtendsList() == null) {
  say("error: inference extension not available, source: cgi-allora-infer");
} else {
  const command = new CgiCommand("cgi-allora-infer", null, null);
  if (command.exec()) {
    const heights = height ? `, "blockheight":"${height!.toString()}", "blockheighteval":""` : "";
    const request = `{"arguments":["${argument!.toString()}"], "topicid":"${topic!.toString()}"${heights}}`;
    command.stdinWriteString(`${request.length}\r\n`);
    command.stdinWriteString(`${request}\r\n`);
    const buffer = new Array<u8>(65535);
    const count = command.stdoutRead(buffer);
    say(buffer2string(buffer.slice(0, count), count));
  } else {
    say("error: no response from the inference extension, source: cgi-allora-infer");
  }
  command.close();
}
