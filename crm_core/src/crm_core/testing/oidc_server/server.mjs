// An OpenID provider for tests: oauth2-mock-server, made as strict as real ones are where it is lenient.
// It demands PKCE and the redirect address of the authorization request, hands refresh tokens out for one use
// (a second one ends the grant), and obeys POST /control: whatever JSON it gets replaces its present whims.
import { OAuth2Server } from "oauth2-mock-server";

const server = new OAuth2Server();
await server.issuer.keys.generate("RS256");
const codes = new Map(), grants = new Map(), revoked = [];
let whims = {}, requests = [], number = 0;

const refuse = (answer, error, status = 400) => { answer.statusCode = status; answer.body = { error }; };
const drop = (target, names) => { for (const name of names ?? []) delete target[name]; };

server.service.addRoute("POST", "/control", (request, response) => {
  whims = request.body ?? {};
  requests = [];
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ revoked }));
});
server.service.addRoute("GET", "/requests", (request, response) => {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ requests, revoked }));
});
server.service.on("beforeWellKnownOpenIdConfiguration", (answer) => {
  delete answer.body.token_endpoint_auth_methods_supported;
  Object.assign(answer.body, whims.discovery ?? {});
});
server.service.on("beforeAuthorizeRedirect", (redirect, request) => {
  const asked = request.query, parameters = redirect.url.searchParams;
  codes.set(parameters.get("code"), { scope: asked.scope, redirect: asked.redirect_uri, challenge: asked.code_challenge });
  for (const [name, value] of Object.entries(whims.redirect ?? {})) {
    if (value === null) parameters.delete(name); else parameters.set(name, value);
  }
});
server.service.on("beforeTokenSigning", (token) => {
  token.payload.jti = crypto.randomUUID(); // else two tokens of one second are the same
  Object.assign(token.payload, whims.claims ?? {});
  drop(token.payload, whims.drop);
});
server.service.on("beforeUserinfo", (answer) => {
  Object.assign(answer.body, whims.userinfo ?? {});
  if (whims.userinfo_status) answer.statusCode = whims.userinfo_status;
});
server.service.on("beforeRevoke", (answer, request) => {
  revoked.push(request.body?.token ?? "");
  if (whims.revoke_status) answer.statusCode = whims.revoke_status;
});
server.service.on("beforeResponse", (answer, request) => {
  const body = request.body;
  requests.push({ grant_type: body.grant_type });
  if (whims.error) return refuse(answer, whims.error, whims.status ?? 400);
  if (body.grant_type === "authorization_code") {
    const known = codes.get(body.code);
    codes.delete(body.code);
    if (!known || !known.challenge || !body.code_verifier || known.redirect !== body.redirect_uri) {
      return refuse(answer, "invalid_grant");
    }
    answer.body.scope = known.scope;
    grant(answer.body, { id: ++number, ended: false });
  } else if (body.grant_type === "refresh_token") {
    const known = grants.get(body.refresh_token);
    if (known) known.times += 1;
    if (!known || known.grant.ended || known.times > 1) {
      if (known) known.grant.ended = true; // used twice: as after a theft, nothing of it counts any more
      return refuse(answer, "invalid_grant");
    }
    delete answer.body.id_token;
    delete answer.body.scope;
    grant(answer.body, known.grant);
  }
  Object.assign(answer.body, whims.token ?? {});
  drop(answer.body, whims.drop_token);
});
function grant(body, made) {
  body.refresh_token = `${whims.mark ?? "refresh"}-${crypto.randomUUID()}`;
  if (whims.mark) body.access_token = `${whims.mark}-${crypto.randomUUID()}`;
  grants.set(body.refresh_token, { grant: made, times: 0 });
}

await server.start(Number(process.argv[2] ?? 0), "127.0.0.1");
server.issuer.url = `http://127.0.0.1:${server.address().port}`;
console.log(server.issuer.url);
