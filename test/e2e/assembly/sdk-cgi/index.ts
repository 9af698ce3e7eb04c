import { cgi, env, log, output } from "../../../../sdk/assembly";

const offered = cgi.list();
for (let i = 0; i < offered.length; i++) log.info(offered[i].alias + " " + offered[i].description);
const result = cgi.command(env.getOr("ALIAS", "echo")).arg("an argument").env("TOPIC_ID", "7").run("naïve");
if (!result.ok) output.fail(2, result.error!.message);
output.text(result.stdout + "|" + result.stderr);
