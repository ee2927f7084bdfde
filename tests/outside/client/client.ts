// A program of somebody else's: it knows the service by its document alone. Whatever compiles here is typed there.

import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

type Partner = components["schemas"]["Partner"];
type Problem = components["schemas"]["Problem"];

const { URL: baseUrl, KEY: key } = process.env;
assert(baseUrl && key, "URL and KEY are needed");
const client = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${key}` } });

/** The answer that was hoped for. */
function ok<Data>(answer: { data?: Data; error?: Problem; response: Response }): NonNullable<Data> {
    assert(answer.data, `${answer.response.status}: ${answer.error?.detail}`);
    return answer.data;
}

/** The refusal that was provoked. */
function refused(answer: { data?: unknown; error?: Problem; response: Response }, status: number): Problem {
    assert.equal(answer.response.status, status);
    assert(answer.error, "a refusal is a problem");
    assert.equal(answer.error.status, status);
    assert.match(answer.response.headers.get("content-type") ?? "", /^application\/problem\+json/);
    return answer.error;
}

// Lists: filters, what comes along, pages.
const query = { q: "Alençon", include: ["labels", "members"], sort: "name", count: true } as const;
const page = ok(await client.GET("/api/v1/territories", { params: { query: { ...query, include: [...query.include] } } }));
const first = page.data[0];
assert(first, "the demo data knows Alençon");
assert.equal(page.meta.total, page.data.length);
const sirens: (string | null | undefined)[] = (first.members ?? []).map((member) => member.siren);
assert(sirens.length > 0, "its members came along");

const walk: string[] = [];
let cursor: string | null | undefined;
do {
    const next = ok(await client.GET("/api/v1/partners", { params: { query: { limit: 10, sort: "name", ...(cursor ? { cursor } : {}) } } }));
    walk.push(...next.data.map((partner) => partner.id));
    cursor = next.meta.next_cursor;
} while (cursor);
const { total } = ok(await client.GET("/api/v1/partners", { params: { query: { limit: 1, count: true } } })).meta;
assert.equal(new Set(walk).size, total, "a walk along the cursors meets each thing once");

// One thing; then again, unchanged.
const path = { id: first.id };
const one = await client.GET("/api/v1/territories/{id}", { params: { path } });
assert.equal(ok(one).name, first.name);
const etag = one.response.headers.get("etag");
assert(etag);
const again = await client.GET("/api/v1/territories/{id}", { params: { path }, headers: { "If-None-Match": etag } });
assert.equal(again.response.status, 304);

// What is not there, and what is not understood.
const nowhere = await client.GET("/api/v1/territories/{id}", { params: { path: { id: "00000000-0000-0000-0000-000000000000" } } });
assert.equal(refused(nowhere, 404).code, "not_found");
// @ts-expect-error the compiler knows the parameters, and so does the service
const mistyped = await client.GET("/api/v1/territories", { params: { query: { nmae: "Alençon" } } });
assert.equal(refused(mistyped, 400).errors?.[0]?.parameter, "nmae");

// Made, refused with all that is wrong, changed, refused as stale, deleted.
const made = await client.POST("/api/v1/partners", { body: { name: `Fonderie ${Date.now()}`, kind: "company" } });
const partner: Partner = ok(made);
assert.equal(made.response.status, 201);
assert.equal(made.response.headers.get("location"), `${baseUrl}/api/v1/partners/${partner.id}`);

// @ts-expect-error a kind of the document's, no other
const wrong = await client.POST("/api/v1/partners", { body: { name: "", kind: "factory" } });
assert(refused(wrong, 422).errors?.length);
const invalid = refused(await client.POST("/api/v1/partners", { body: { name: "", kind: "company", siren: "123456789" } }), 422);
const pointers: (string | null | undefined)[] = (invalid.errors ?? []).map((error) => error.pointer);
assert.deepEqual(pointers.toSorted(), ["/name", "/siren"]);

const version = made.response.headers.get("etag");
assert(version);
const change = (ifMatch: string, acronym: string | null) =>
    client.PATCH("/api/v1/partners/{id}", {
        params: { path: { id: partner.id }, header: { "If-Match": ifMatch } },
        body: { acronym },
    });
const changed = await change(version, "FDR");
assert.equal(ok(changed).acronym, "FDR");
assert.equal(ok(changed).version, partner.version + 1);
const stale = refused(await change(version, null), 412);
assert.equal(stale.version, partner.version + 1, "the refusal tells which version stands");

const current = changed.response.headers.get("etag");
assert(current);
const gone = await client.DELETE("/api/v1/partners/{id}", { params: { path: { id: partner.id }, header: { "If-Match": current } } });
assert.equal(gone.response.status, 204);
assert.equal(refused(await client.GET("/api/v1/partners/{id}", { params: { path: { id: partner.id } } }), 410).code, "gone");

console.log(`${walk.length} partners walked, one made, changed and deleted`);
