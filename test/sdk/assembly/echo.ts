import { output, stdin } from "../../../sdk/assembly";

output.bytes(stdin.bytes());
