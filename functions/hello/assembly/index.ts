import { output, random } from "../../../sdk/assembly";

// Put together from whole numbers: text of an f64 would take more code than all the rest.
const cents = <u32>(random.f64() * 100000.0);
output.text(`{"infererValue":"${cents / 100}.${cents / 10 % 10}${cents % 10}"}`);
