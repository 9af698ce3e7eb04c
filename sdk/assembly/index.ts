// What a function imports: `import { env, model, output } from "inferbase/sdk"`.
import * as env from "./env";
import * as stdin from "./stdin";
import * as http from "./http";
import * as model from "./model";
import * as cgi from "./cgi";
import * as JSON from "./json";
import * as output from "./output";
import * as log from "./log";
import * as random from "./random";
import * as time from "./time";

export { env, stdin, http, model, cgi, JSON, output, log, random, time };
export { args } from "./args";
export { HttpRequest, HttpResult } from "./http-request";
export { Response } from "./http-response";
export { HttpError } from "./http-error";
export { CgiExtension } from "./cgi";
export { CgiCommand, CgiResult } from "./cgi-command";
export { CgiError } from "./cgi-error";
export { JSONKind, JSONValue } from "./json-value";
export { JSONError, JSONResult } from "./json-result";
export { serve } from "./serve";
export { WebRequest } from "./web-request";
export { WebResponse } from "./web-response";
export { percentDecode, percentEncode } from "./url";
