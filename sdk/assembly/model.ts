import { HttpRequest } from "./http-request";

/** A GET request to the node's model server. */
export function get(path: string): HttpRequest {
  return request("GET", path);
}

/** A POST request to the node's model server. */
export function post(path: string): HttpRequest {
  return request("POST", path);
}

/** A request of any method to the node's model server. */
export function request(method: string, path: string): HttpRequest {
  return new HttpRequest(method, "http://model" + (path.startsWith("/") ? path : "/" + path));
}
