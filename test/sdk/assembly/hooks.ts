// What the compiler's own hooks do.
import { log, output } from "../../../sdk/assembly";

console.log("console 🎉");
console.warn("careful");
trace("numbers", 2, 1.5, -2);
log.debug("d");
log.info("i");
log.warn("w");
log.error("e");
output.text((Math.random() < 1).toString() + " " + Date.now().toString());
assert(false, "the price is missing");
