// One of four programs that do the same: see ../program-tests.ts.
import { args, env, JSON, JSONValue, log, output, random, stdin, time } from "../../../sdk/assembly";
import * as files from "./files";

const NOENT: i32 = 44;

function greet(words: string[]): void {
  output.text(`args ${words.join("|")}\nGREETING=${env.getOr("GREETING", "")}\nstdin ${stdin.bytes().length} bytes\n`);
  log.info("greeted");
}

function sumOf(path: string): i64 {
  const lines = files.read(path)!.split("\n");
  let sum: i64 = 0;
  for (let i = 0; i < lines.length; i++) if (lines[i].length > 0) sum += I64.parseInt(lines[i]);
  return sum;
}

function list(path: string): void {
  const names = files.list(path);
  output.text(`/${path}:`);
  for (let i = 0; i < names.length; i++) output.text(` ${names[i]}`);
  output.text("\n");
}

function touchFiles(): void {
  output.text(`sum ${sumOf("data/numbers.txt")}\n`);
  files.makeDirectory("out");
  files.makeDirectory("out/deep");
  files.write("out/deep/draft.txt", "sum 60\n");
  files.write("out/deep/draft.txt", "end\n", true);
  files.rename("out/deep/draft.txt", "out/report.txt");
  output.text(`report ${files.size("out/report.txt")} bytes, last line ${files.read("out/report.txt", -4)!}`);
  list("out");
  files.removeDirectory("out/deep");
  files.remove("out/report.txt");
  list("out");
  files.write("data/numbers.txt", "1\n");
  output.text(`sum ${sumOf("data/numbers.txt")}\n`);
  const missing = files.read("data/missing.txt");
  output.text(`missing: ${missing === null && files.errno == NOENT ? "no such file" : "unexpected"}\n`);
}

function sort(): void {
  const rows = stdin.json().value;
  const sorted: JSONValue[] = [];
  for (let i = 0; i < rows.length; i++) sorted.push(rows.at(i));
  sorted.sort((a, b) => {
    const difference = b.get("value").asF64() - a.get("value").asF64();
    return difference > 0 ? 1 : difference < 0 ? -1 : 0;
  });
  output.text(`${JSON.stringify(JSONValue.from(sorted))}\n`);
}

function wait(ms: i64): void {
  const before = time.nowMs();
  files.sleep(ms);
  const now = time.nowMs();
  // Milliseconds cut off at both ends may lose one.
  output.text(`${now - before >= ms - 1 ? "waited" : "woke early"} after 2024: ${now > 1735689600000 ? "yes" : "no"}\n`);
}

function randomBytes(): void {
  const bytes = random.bytes(16);
  for (let i = 0; i < bytes.length; i++) output.text((<u32>bytes[i] + 256).toString(16).substring(1));
  output.text("\n");
}

const words = args();
const command = words.length > 0 ? words[0] : "";
if (command == "greet") greet(words.slice(1));
else if (command == "files") touchFiles();
else if (command == "sort") sort();
else if (command == "wait") wait(I64.parseInt(words[1]));
else if (command == "random") randomBytes();
else if (command == "exit") output.fail(I32.parseInt(words[1]), "as asked");
else if (command == "crash") throw new Error("as asked");
else output.fail(64, `unknown command ${command}`);
