import { env, output } from "../../../sdk/assembly";

output.text("before\n");
output.text(env.require("TOKEN"));
