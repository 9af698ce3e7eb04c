import { HttpRequest } from "./http-request";

/** A GET request; nothing is sent before `.send()`. */
export function get(url: string): HttpRequest {
  return new HttpRequest("GET", url);
}

/** A POST request; nothing is sent before `.send()`. */
export function post(url: string): HttpRequest {
  return new HttpRequest("POST", url);
}

/** A request of any method; bls-runtime serves GET and POST only. */
export function request(method: string, url: string): HttpRequest {
  return new HttpRequest(method, url);
}
