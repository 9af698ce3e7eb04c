import { http } from "@blockless/sdk/assembly";

// As the examples of @blockless/sdk have it.
http.HttpComponent.serve((req: http.Request) => {
  const name = req.query.has("name") ? req.query.get("name") : "nobody";
  const agent = req.headers.has("user-agent") ? req.headers.get("user-agent") : "none";
  let body = req.method + " " + req.url + " " + name + " " + agent;
  if (req.body) body += " " + req.body!;
  return new http.Response(body);
});
