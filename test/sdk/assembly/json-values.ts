// Typed reading and building.
import { JSON, JSONKind, JSONValue, output } from "../../../sdk/assembly";

const parsed = JSON.parse(
  '{"a":{"b":[{"c":"deep"},2.5,9007199254740993]},"n":null,"t":true,"x.y":"dotted","whole":3.0,"neg":-1,"min":-9223372036854775808}'
);
const value = parsed.value;
const lines = JSONValue.array();
lines.push(value.getString("a.b[0].c", "no"));
lines.push(value.getString('["x.y"]', "no"));
lines.push(value.get("x.y").asString());
lines.push(value.getF64("a.b[1]"));
lines.push(value.getF64("a.b[2]"));
lines.push(value.getI64("a.b[2]"));
lines.push(value.getI64("whole", -1));
lines.push(value.getI64("a.b[1]", -1));
lines.push(value.getI64("min"));
lines.push(value.getBool("t"));
lines.push(value.getBool("neg", true));
lines.push(value.getString("a.b[9].c", "no"));
lines.push(value.getString("a.b[99999999999].c", "no"));
lines.push(value.getString("a..b", "no"));
lines.push(value.getString("a.b[0", "no"));
lines.push(value.getString("a.b[-1]", "no"));
lines.push(value.getString("[", "no"));
lines.push(value.getString('["', "no"));
lines.push(value.getF64("t", -1));
lines.push(value.get("n").exists);
lines.push(value.get("nowhere").exists);
lines.push(value.get("nowhere").get("further").at(3).path("on.and[1].on").asString("no"));
lines.push(value.path("a.b").at(-1).asI64());
lines.push(value.at(0).isNull);
lines.push(value.length);
lines.push(value.path("a.b").length);
lines.push(value.keys());
lines.push(value.has("n"));
lines.push(value.has("m"));
lines.push(value.get("n").kind == JSONKind.NULL);
output.json(lines);
output.text("\n");

const loop = JSONValue.array();
loop.push(loop);
const built = JSONValue.object()
  .set("text", "a\"b\\c\b\f\n\r\t\x01\x00é🎉" + String.fromCharCode(0xd800))
  .set("key \"quoted\"\n", 1)
  .set("i64", i64.MIN_VALUE)
  .set("u64", u64.MAX_VALUE)
  .set("u8", <u8>255)
  .set("f32", <f32>0.5)
  .set("nan", NaN)
  .set("infinity", -Infinity)
  .set("minus", -0.0)
  .set("small", 5e-324)
  .set("large", 1.7976931348623157e308)
  .set("none", JSONValue.ofNull())
  .set("null", changetype<string | null>(0))
  .set("numbers", <f64[]>[1, 2.5])
  .set("strings", ["x", "y"])
  .set("twice", 1)
  .set("twice", 2)
  .set("depth", loop.stringify().length);
JSONValue.array().set("ignored", 1);
JSONValue.object().push(1);
output.json(built);
