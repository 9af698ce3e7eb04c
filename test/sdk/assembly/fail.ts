import { args, output } from "../../../sdk/assembly";

output.text("so far");
output.fail(<i32>parseInt(args()[0]), "no price for “ETH” 🎉");
output.text("never");
