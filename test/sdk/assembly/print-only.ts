import { output } from "../../../sdk/assembly";

output.text("héllo 🎉\n");
