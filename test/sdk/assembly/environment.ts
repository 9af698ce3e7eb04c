// Prints the arguments, then the variables named by them, then how many there are.
import { args, env, output } from "../../../sdk/assembly";

const names = args();
for (let i = 0; i < names.length; i++) {
  const value = env.get(names[i]);
  output.text(names[i] + (value === null ? " is not set\n" : "=" + value + "\n"));
}
output.text(env.getOr("NOWHERE", "fallback") + "\n");
output.text(env.all().size.toString() + "\n");
