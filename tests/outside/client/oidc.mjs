// Signs tokens as a provider in use does (npm oidc-provider), and shows them to the service, which was told of it.
// Needs URL (the service), ISSUER (a free address of this machine) and AUDIENCE.

import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { Provider } from "oidc-provider";

const { URL: service, ISSUER: issuer, AUDIENCE: audience } = process.env;
assert(service && issuer && audience, "URL, ISSUER and AUDIENCE are needed");

let made = 0;
function key(alg) {
    const { privateKey } = alg === "ES256" ? generateKeyPairSync("ec", { namedCurve: "P-256" }) : generateKeyPairSync("rsa", { modulusLength: 2048 });
    return { ...privateKey.export({ format: "jwk" }), kid: `${alg}-${(made += 1)}`, alg, use: "sig" };
}

/** Starts a provider that signs with the first of these keys. */
async function provide(keys) {
    const client = (id) => ({
        client_id: id,
        client_secret: "secret-of-this-proof",
        grant_types: ["client_credentials"],
        response_types: [],
        redirect_uris: [],
    });
    const provider = new Provider(issuer, {
        jwks: { keys },
        clients: [client("anct"), client("nobody")],
        features: {
            clientCredentials: { enabled: true },
            devInteractions: { enabled: false },
            resourceIndicators: {
                enabled: true,
                defaultResource: () => audience,
                getResourceServerInfo: (_, resource) => ({
                    scope: "",
                    audience: resource,
                    accessTokenTTL: 300,
                    accessTokenFormat: "jwt",
                    jwt: { sign: { alg: keys[0].alg, kid: keys[0].kid } },
                }),
            },
        },
        extraTokenClaims: (_, token) => ({ groups: token.clientId === "anct" ? ["staff", "anct"] : ["staff"] }),
    });
    // No connection outlives an answer: the next provider is another one.
    provider.use((context, next) => {
        context.set("connection", "close");
        return next();
    });
    const server = provider.listen(Number(new globalThis.URL(issuer).port), "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    return async () => {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
    };
}

async function token(id, resource = audience) {
    const response = await fetch(`${issuer}/token`, {
        method: "POST",
        headers: { authorization: `Basic ${btoa(`${id}:secret-of-this-proof`)}` },
        body: new URLSearchParams({ grant_type: "client_credentials", resource }),
    });
    const answer = await response.json();
    assert.equal(response.status, 200, JSON.stringify(answer));
    return answer.access_token;
}

let number = 100;
async function ask(bearer, method = "GET") {
    const response = await fetch(`${service}/api/v1/programme-phases`, {
        method,
        headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json" },
        body: method === "POST" ? JSON.stringify({ number: (number += 1), name: `Phase ${number}` }) : undefined,
    });
    await response.arrayBuffer();
    return response.status;
}

const [rsa, elliptic] = [key("RS256"), key("ES256")];
let close = await provide([rsa]);
const first = await token("anct");
assert.equal(await ask(first, "POST"), 201, "its group was granted this");
const nobody = await token("nobody");
assert.equal(await ask(nobody), 200, "who was granted nothing reads what is public");
assert.equal(await ask(nobody, "POST"), 403);
assert.equal(await ask(await token("anct", "https://elsewhere.example")), 401, "a token for another service");
assert.equal(await ask(`${first.slice(0, -8)}AAAAAAAA`), 401, "another signature");

// The provider changes its keys: those it had stay for a while.
await close();
close = await provide([elliptic, rsa]);
const second = await token("anct");
assert.equal(await ask(second, "POST"), 201, "the new key is asked for when it is met");
assert.equal(await ask(first, "POST"), 201, "the old one still holds");

// It goes away: what it signed holds.
await close();
await wait(1000);
for (const one of [first, second]) assert.equal(await ask(one, "POST"), 201, "the issuer is away");
const flood = performance.now();
const statuses = await Promise.all(
    Array.from({ length: 200 }, (_, index) => {
        const [, claims, signature] = second.split(".");
        const header = Buffer.from(JSON.stringify({ alg: "ES256", typ: "at+jwt", kid: `unknown-${index}` })).toString("base64url");
        return ask(`${header}.${claims}.${signature}`);
    }),
);
assert(statuses.every((status) => status === 401), "unknown keys");
console.log(`A real provider: granted, refused, two keys, away; 200 unknown keys in ${Math.round(performance.now() - flood)} ms.`);
