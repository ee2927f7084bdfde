//! Keys, grants and tokens: who may give what, how soon it ends, how often one may ask.

use std::{
    fs::File,
    net::TcpListener,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use diesel::{QueryableByName, sql_query, sql_types::BigInt};
use diesel_async::RunQueryDsl;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Answer, Client, House, build, house,
    makers::{self, make, territory},
    send, unique,
};

fn bearer(house: &House, token: &str) -> Client {
    Client { key: Some(token.to_owned()), ..house.anyone.clone() }
}

/// Makes a key, and gives its identifier and a client that has it.
async fn key(admin: &Client, house: &House, grants: Value) -> (String, Client) {
    let made = admin.post("/api-keys", json!({ "name": unique("Une clé"), "grants": grants })).await.expect(201);
    assert_eq!(made.header("cache-control"), "no-store");
    (made.body["id"].as_str().unwrap().to_owned(), bearer(house, made.body["secret"].as_str().unwrap()))
}

/// Asks until the answer has this status: for a second at most.
async fn within_a_second(what: &str, status: u16, ask: impl AsyncFn() -> Answer) {
    let begun = Instant::now();
    loop {
        let answer = ask().await;
        if answer.status.as_u16() == status {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(1), "{what}: still {} after {:?}", answer.status, begun.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn member(house: &House, territory: &str, departments: Value) {
    let body = json!({ "kind": "intercommunality", "siren": "246100663", "name": "CU d'Alençon", "department_codes": departments });
    house.post(&format!("/territories/{territory}/members"), body).await.expect(201);
}

#[actix_web::test]
async fn an_administrator_gives_what_lies_within_its_perimeter() {
    let house = house().await;
    let (ours, theirs) = (territory(&house, "Alençon").await, territory(&house, "Cambrai").await);
    member(&house, &ours, json!(["61", "72"])).await;
    let fiche = |territory: &str, title: &str| json!({ "territory_id": territory, "title": title });
    let (mine, other) = (make(&house, "/action-fiches", fiche(&ours, "A")).await, make(&house, "/action-fiches", fiche(&theirs, "B")).await);
    let nation = json!({ "role": "reader", "perimeter": "nation" });
    let region = |role: &str, code: &str| json!({ "role": role, "perimeter": "region", "region_code": code });
    let department = |role: &str, code: &str| json!({ "role": role, "perimeter": "department", "department_code": code });
    let of = |role: &str, id: &str| json!({ "role": role, "perimeter": "territory", "territory_id": id });
    let pilot = |role: &str, id: &str| json!({ "role": role, "perimeter": "fiche", "action_fiche_id": id });
    let all = [
        nation,
        region("reader", "28"),
        region("admin", "28"),
        region("reader", "52"),
        department("editor", "61"),
        department("editor", "72"),
        of("reader", &ours),
        of("admin", &ours),
        of("reader", &theirs),
        pilot("editor", &mine),
        pilot("editor", &other),
    ];
    let ours_only = format!("admin@territory:{ours}");
    let mine_only = format!("admin@fiche:{mine}");
    // The oracle: which of them each administrator gives.
    let table: [(&str, [bool; 11]); 5] = [
        ("admin@nation", [true; 11]),
        ("admin@region:28", [false, true, true, false, false, false, true, false, false, false, false]),
        ("admin@department:61", [false, false, false, false, true, false, false, false, false, false, false]),
        (&ours_only, [false, false, false, false, false, false, true, true, false, true, false]),
        (&mine_only, [false, false, false, false, false, false, false, false, false, true, false]),
    ];
    let national = house.with(&["admin@nation"]).await;
    for (name, gives) in table {
        let admin = house.with(&[name]).await;
        for (grant, gives) in all.iter().zip(gives) {
            let by_key = admin.post("/api-keys", json!({ "name": unique("k"), "grants": [grant] })).await;
            assert_eq!(by_key.status, if gives { 201 } else { 403 }, "{name} {grant}: {:#}", by_key.body);
            let mut identity = grant.clone();
            identity["issuer"] = json!("https://idp.example");
            identity["claim"] = json!("sub");
            identity["value"] = json!("camille");
            let to_identity = admin.post("/grants", identity).await;
            assert_eq!(to_identity.status, by_key.status, "{name} {grant}");
            if !gives {
                assert_eq!(by_key.body["code"], "outside_perimeter");
                // What the nation gave, it does not see: as if there were none.
                let (hidden, _) = key(&national, &house, json!([grant])).await;
                let never = "00000000-0000-7000-8000-000000000000";
                for path in ["/rotation", "/revocation"] {
                    let ask = async |id: &str| {
                        let request = admin.request(Method::POST, &format!("/api-keys/{id}{path}")).header("X-Request-Id", "same");
                        send(request.json(&json!({ "reason": "x" }))).await.expect(404).body
                    };
                    assert_eq!(ask(&hidden).await, ask(never).await);
                }
                admin.get(&format!("/api-keys/{hidden}")).await.expect(404);
                let held = national.get(&format!("/grants?key_id={hidden}")).await.expect(200).rows()[0]["id"].as_str().unwrap().to_owned();
                admin.get(&format!("/grants/{held}")).await.expect(404);
                admin.post(&format!("/grants/{held}/end"), json!({ "reason": "x" })).await.expect(404);
                let more = json!({ "key_id": hidden, "role": "reader", "perimeter": "nation" });
                let refused = admin.post("/grants", more).await.expect(422);
                assert_eq!(refused.wrongs(), [("/key_id".to_owned(), "unknown_reference".to_owned())]);
            }
        }
        // It sees what it could have given, and no key without any grant.
        let (bare, _) = key(&national, &house, json!([])).await;
        let keys = admin.all("/api-keys?include=grants&limit=7").await;
        assert_eq!(admin.get("/api-keys?count=true&limit=1").await.expect(200).body["meta"]["total"], keys.len());
        assert_eq!(keys.iter().any(|key| key["id"] == bare.as_str()), name == "admin@nation");
        for grant in keys.iter().flat_map(|key| key["grants"].as_array().unwrap()).chain(&admin.all("/grants").await) {
            let known = all.iter().zip(gives).any(|(one, gives)| {
                let same = |member: &str| one.get(member).unwrap_or(&Value::Null) == &grant[member];
                gives && ["role", "perimeter", "region_code", "department_code", "territory_id", "action_fiche_id"].iter().all(|member| same(member))
            });
            // And its own, which is not among those that it was tried with.
            let place = ["region_code", "department_code", "territory_id", "action_fiche_id"].into_iter().find_map(|member| grant[member].as_str());
            let own = name == format!("{}@{}:{}", grant["role"].as_str().unwrap(), grant["perimeter"].as_str().unwrap(), place.unwrap_or_default());
            assert!(known || own || name == "admin@nation", "{name} sees {grant}");
        }
        let without = admin.post("/api-keys", json!({ "name": unique("k") })).await;
        assert_eq!(without.status, if name == "admin@nation" { 201 } else { 403 }, "a key that holds nothing belongs to the nation");
    }
}

#[actix_web::test]
async fn a_key_is_given_with_care() {
    let house = house().await;
    let admin = house.with(&["admin@nation"]).await;
    let wrong = async |body: Value, pointer: &str, code: &str| {
        let refused = admin.post("/api-keys", body.clone()).await.expect(422);
        assert_eq!(refused.wrongs(), [(pointer.to_owned(), code.to_owned())], "{body}");
    };
    let never = "00000000-0000-7000-8000-000000000000";
    let grant = |grant: Value| json!({ "name": "k", "grants": [grant] });
    wrong(grant(json!({ "role": "reader", "perimeter": "territory", "territory_id": never })), "/grants/0/territory_id", "unknown_reference").await;
    wrong(grant(json!({ "role": "reader", "perimeter": "fiche", "action_fiche_id": never })), "/grants/0/action_fiche_id", "unknown_reference").await;
    wrong(grant(json!({ "role": "reader", "perimeter": "region", "region_code": "99" })), "/grants/0/region_code", "unknown_reference").await;
    wrong(grant(json!({ "role": "reader", "perimeter": "department", "department_code": "99" })), "/grants/0/department_code", "unknown_reference")
        .await;
    wrong(grant(json!({ "role": "reader", "perimeter": "region" })), "/grants/0/region_code", "broken_rule").await;
    wrong(grant(json!({ "role": "reader", "perimeter": "nation", "region_code": "28" })), "/grants/0/region_code", "broken_rule").await;
    wrong(grant(json!({ "role": "reader", "perimeter": "nation", "ends_at": "2020-01-01T00:00:00Z" })), "/grants/0/ends_at", "broken_rule").await;
    wrong(grant(json!({ "role": "owner", "perimeter": "nation" })), "/grants/0/role", "unknown_word").await;
    wrong(json!({ "name": "k", "expires_at": "2099-01-01T00:00:00Z" }), "/expires_at", "broken_rule").await;
    wrong(json!({ "name": "k", "expires_at": "2020-01-01T00:00:00Z" }), "/expires_at", "broken_rule").await;
    wrong(json!({ "name": "k", "expires_at": "demain" }), "/expires_at", "invalid_instant").await;
    wrong(json!({ "name": "k", "secret_hash": "x" }), "/secret_hash", "unknown_field").await;
    assert!(admin.get("/api-keys?name=k").await.expect(200).rows().is_empty(), "nothing of it was kept");

    let (id, client) = key(&admin, &house, json!([{ "role": "editor", "perimeter": "nation", "reason": "Reprise" }])).await;
    let shown = admin.get(&format!("/api-keys/{id}")).await.expect(200);
    let secret = client.key.clone().unwrap();
    assert_eq!((&shown.body["public_id"], &shown.body["created_by"]), (&json!(secret[4..20]), &json!("admin@nation")));
    assert_eq!((&shown.body["grants"][0]["reason"], &shown.body["grants"][0]["granted_by"]), (&json!("Reprise"), &json!("admin@nation")));
    let (made, ends) = (&shown.body["created_at"], shown.body["expires_at"].as_str().unwrap());
    let days = chrono::DateTime::parse_from_rfc3339(ends).unwrap() - chrono::DateTime::parse_from_rfc3339(made.as_str().unwrap()).unwrap();
    assert!((364..=365).contains(&days.num_days()), "{days}");
    assert!(!shown.body.to_string().contains(&secret[21..85]));
    // They are of now: the ledger does not keep them.
    let then = admin.get("/api-keys?as_of=2026-01-01").await.expect(400);
    assert_eq!(then.wrongs(), [("as_of".to_owned(), "unknown_parameter".to_owned())]);
    // Keys are the administrators' business; a grant is of a key or of an identity.
    for path in ["/api-keys", "/grants"] {
        house.anyone.get(path).await.expect(401);
        house.get(path).await.expect(403);
    }
    house.get(&format!("/api-keys/{id}")).await.expect(404);
    for body in [json!({}), json!({ "key_id": id, "issuer": "x", "claim": "sub", "value": "y" }), json!({ "issuer": "x", "claim": "sub" })] {
        let mut body = body;
        body["role"] = json!("reader");
        body["perimeter"] = json!("nation");
        assert_eq!(admin.post("/grants", body).await.expect(422).wrongs(), [(String::new(), "broken_rule".to_owned())]);
    }
}

#[actix_web::test]
async fn what_is_taken_back_ends_within_a_second() {
    let house = house().await;
    let admin = house.with(&["admin@nation"]).await;
    let write = async |client: &Client, n: u32| client.post("/programme-phases", json!({ "number": n, "name": format!("Phase {n}") })).await;
    // A grant that is ended, for the key and for a token of it.
    let (id, client) = key(&admin, &house, json!([{ "role": "approver", "perimeter": "nation" }])).await;
    write(&client, 1).await.expect(201);
    let grant = admin.get(&format!("/grants?key_id={id}")).await.expect(200).rows()[0]["id"].as_str().unwrap().to_owned();
    let ended = admin.post(&format!("/grants/{grant}/end"), json!({ "reason": "Fin de mission" })).await.expect(200);
    assert_eq!((&ended.body["end_reason"], &ended.body["ended_by"]), (&json!("Fin de mission"), &json!("admin@nation")));
    within_a_second("an ended grant", 403, async || write(&client, 1).await).await;
    client.get("/territories").await.expect(200);
    let again = admin.post(&format!("/grants/{grant}/end"), json!({ "reason": "Encore" })).await.expect(200);
    assert_eq!(again.body, ended.body, "ended again, it stays as it is");
    // And given anew.
    admin.post("/grants", json!({ "key_id": id, "role": "approver", "perimeter": "nation" })).await.expect(201);
    within_a_second("a new grant", 201, async || write(&client, 2).await).await;
    // A secret that is exchanged: both hold for a while; then the first is out at once.
    let token = |answer: &Answer| bearer(&house, answer.body["secret"].as_str().unwrap());
    let rotated = admin.post(&format!("/api-keys/{id}/rotation"), json!({})).await.expect(200);
    let made = &rotated.body["rotations"][0];
    assert_eq!((&made["rotated_by"], &made["rotated_at"]), (&json!("admin@nation"), &rotated.body["rotated_at"]), "whoever rotates it knows it");
    let second = token(&rotated);
    write(&second, 3).await.expect(201);
    tokio::time::sleep(Duration::from_millis(600)).await;
    write(&client, 4).await.expect(201);
    let third = token(&admin.post(&format!("/api-keys/{id}/rotation"), json!({ "overlap_hours": 1 })).await.expect(200));
    within_a_second("two secrets are alive, not three", 401, async || write(&client, 5).await).await;
    write(&second, 6).await.expect(201);
    let access = exchange(&second, "").await.expect(200);
    let access = bearer(&house, access.body["access_token"].as_str().unwrap());
    write(&access, 7).await.expect(201);
    let fourth = token(&admin.post(&format!("/api-keys/{id}/rotation"), json!({ "overlap_hours": 0 })).await.expect(200));
    within_a_second("no overlap", 401, async || write(&third, 8).await).await;
    within_a_second("a token ends with its secret", 401, async || write(&access, 8).await).await;
    write(&fourth, 9).await.expect(201);
    for hours in [json!(-1), json!(721), json!(1.5)] {
        admin.post(&format!("/api-keys/{id}/rotation"), json!({ "overlap_hours": hours })).await.expect(422);
    }
    // A key that is revoked, and its tokens.
    let access = exchange(&fourth, "").await.expect(200);
    let access = bearer(&house, access.body["access_token"].as_str().unwrap());
    write(&access, 10).await.expect(201);
    let revoked = admin.post(&format!("/api-keys/{id}/revocation"), json!({ "reason": "Fuite" })).await.expect(200);
    assert_eq!((&revoked.body["revocation_reason"], &revoked.body["revoked_by"]), (&json!("Fuite"), &json!("admin@nation")));
    within_a_second("a revoked key", 401, async || write(&fourth, 11).await).await;
    within_a_second("a token of a revoked key", 401, async || write(&access, 11).await).await;
    let again = admin.post(&format!("/api-keys/{id}/revocation"), json!({ "reason": "Encore" })).await.expect(200);
    assert_eq!(again.body, revoked.body);
    assert_eq!(admin.post(&format!("/api-keys/{id}/rotation"), json!({})).await.expect(409).body["code"], "forbidden_transition");
    admin.post("/grants", json!({ "key_id": id, "role": "reader", "perimeter": "nation" })).await.expect(422);
}

/// Asks for a token for a key, in the form.
async fn exchange(client: &Client, scope: &str) -> Answer {
    let key = client.key.clone().unwrap();
    let mut form = vec![("grant_type", "client_credentials"), ("client_id", &key[4..20]), ("client_secret", &key)];
    if !scope.is_empty() {
        form.push(("scope", scope));
    }
    send(token_request(client, &form)).await
}

fn token_request(client: &Client, form: &[(&str, &str)]) -> reqwest::RequestBuilder {
    let body = form.iter().map(|(name, value)| format!("{name}={}", value.replace(' ', "+"))).collect::<Vec<_>>().join("&");
    let request = client.http.post(format!("{}/oauth/token", client.address));
    request.header("Content-Type", "application/x-www-form-urlencoded").body(body)
}

#[actix_web::test]
async fn a_key_is_exchanged_for_a_token_that_does_no_more() {
    let house = house().await;
    let both = house.with(&["approver@nation", "admin@nation"]).await;
    let key = both.key.clone().unwrap();
    let (id, rest) = (&key[4..20], &key[21..]);
    let basic = |secret: &str| format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")));
    let credentials = [("grant_type", "client_credentials")];
    for secret in [rest, &key] {
        let answer = send(token_request(&house, &credentials).header("Authorization", basic(secret))).await.expect(200);
        assert_eq!((&answer.body["token_type"], &answer.body["expires_in"]), (&json!("Bearer"), &json!(3600)));
        assert_eq!((answer.header("cache-control"), answer.header("pragma")), ("no-store", "no-cache"));
        assert_eq!(answer.body["scope"], "approver admin");
        let client = bearer(&house, answer.body["access_token"].as_str().unwrap());
        client.get("/api-keys").await.expect(200);
        client.post("/programme-phases", json!({})).await.expect(422);
    }
    // Narrowed, it may do that alone.
    let scoped = async |scope: &str| {
        let answer = exchange(&both, scope).await.expect(200);
        assert_eq!(answer.body["scope"], scope);
        bearer(&house, answer.body["access_token"].as_str().unwrap())
    };
    let admin = scoped("admin").await;
    admin.get("/api-keys").await.expect(200);
    admin.post("/programme-phases", json!({})).await.expect(403);
    let reader = scoped("reader").await;
    reader.get("/api-keys").await.expect(403);
    reader.post("/programme-phases", json!({})).await.expect(403);
    // It sees what its key sees of what is not public.
    let place = territory(&house, "Alençon").await;
    make(&house, "/action-fiches", json!({ "territory_id": place, "title": "A", "visibility": "restricted" })).await;
    for (client, seen) in [(&reader, 1), (&admin, 0), (&house.anyone, 0)] {
        assert_eq!(client.get("/action-fiches").await.expect(200).rows().len(), seen);
    }
    let refused = async |request: reqwest::RequestBuilder, status: u16, error: &str| {
        let answer = send(request).await.expect(status);
        assert_eq!((answer.body["error"].as_str(), answer.header("cache-control")), (Some(error), "no-store"));
        answer
    };
    let form = |pairs: &[(&str, &str)]| token_request(&house, pairs);
    let (with_id, with_secret) = (("client_id", id), ("client_secret", rest));
    let wrong = format!("tdi_{}_{}", "0".repeat(16), "0".repeat(72));
    for secret in [&rest[1..], &wrong, ""] {
        let answer = refused(form(&credentials).header("Authorization", basic(secret)), 401, "invalid_client").await;
        assert_eq!(answer.header("www-authenticate"), "Basic realm=\"territoires-industrie\"");
    }
    refused(form(&credentials), 401, "invalid_client").await;
    refused(form(&[credentials[0], with_id]), 401, "invalid_client").await;
    refused(form(&[credentials[0], ("client_id", "0000000000000000"), ("client_secret", &key)]), 401, "invalid_client").await;
    refused(form(&[with_id, with_secret]), 400, "invalid_request").await;
    refused(form(&[credentials[0], credentials[0], with_id, with_secret]), 400, "invalid_request").await;
    refused(form(&[credentials[0], with_id, with_secret]).header("Authorization", basic(rest)), 400, "invalid_request").await;
    refused(form(&[("grant_type", "password"), with_id, with_secret]), 400, "unsupported_grant_type").await;
    refused(form(&[credentials[0], with_id, with_secret, ("scope", "owner")]), 400, "invalid_scope").await;
    let key = house.editor.key.clone().unwrap();
    let of_editor = [credentials[0], ("client_id", &key[4..20]), ("client_secret", &key), ("scope", "admin")];
    refused(form(&of_editor), 400, "invalid_scope").await;
    let json = house.http.post(format!("{}/oauth/token", house.address)).json(&json!({ "grant_type": "client_credentials" }));
    refused(json, 400, "invalid_request").await;
    send(form(&[("grant_type", &"x".repeat(20_000))])).await.expect(413);
    // Changed in any place, it is no token.
    let token = both.key.clone().unwrap();
    let good = exchange(&bearer(&house, &token), "reader").await.expect(200).body["access_token"].as_str().unwrap().to_owned();
    for place in 4..good.len() {
        let mut forged = good.clone().into_bytes();
        forged[place] = if forged[place] == b'A' { b'B' } else { b'A' };
        bearer(&house, std::str::from_utf8(&forged).unwrap()).get("/territories").await.expect(401);
    }
    let metadata = send(house.http.get(format!("{}/.well-known/oauth-authorization-server", house.address))).await.expect(200);
    assert_eq!(metadata.body["issuer"], house.address);
    assert_eq!(metadata.body["token_endpoint"], format!("{}/oauth/token", house.address));
    assert_eq!(metadata.body["scopes_supported"], json!(["reader", "editor", "approver", "admin"]));
}

#[actix_web::test]
async fn a_token_ends_by_itself() {
    let house = build("territoires_industrie", &["--token-lifetime", "1"]).await;
    let answer = exchange(&house.editor, "").await.expect(200);
    let client = bearer(&house, answer.body["access_token"].as_str().unwrap());
    client.get("/territories").await.expect(200);
    tokio::time::sleep(Duration::from_millis(2100)).await;
    client.get("/territories").await.expect(401);
}

#[actix_web::test]
async fn the_nation_keeps_an_administrator() {
    let house = house().await;
    for round in 0..20 {
        // Two administrators, each of whom takes the other's power away.
        let (one, two) = (house.with(&["admin@nation"]).await, house.with(&["admin@nation"]).await);
        let keys: Vec<String> = one
            .all("/api-keys?include=grants&revoked_at__null=true")
            .await
            .iter()
            .filter_map(|key| {
                let mine = [&one, &two].iter().any(|client| client.key.as_ref().unwrap()[4..20] == *key["public_id"].as_str().unwrap());
                mine.then(|| key["id"].as_str().unwrap().to_owned())
            })
            .collect();
        let grant = async |key: &str| one.get(&format!("/grants?key_id={key}")).await.expect(200).rows()[0]["id"].as_str().unwrap().to_owned();
        let (first, second) = (grant(&keys[0]).await, grant(&keys[1]).await);
        // By an ended grant and by a revoked key, in turns.
        let ways = [format!("/grants/{first}/end"), format!("/api-keys/{}/revocation", keys[1])];
        let other = [format!("/api-keys/{}/revocation", keys[0]), format!("/grants/{second}/end")];
        let [a, b] = if round % 2 == 0 { ways } else { other };
        let body = json!({ "reason": "x" });
        let (a, b) = tokio::join!(two.post(&a, body.clone()), one.post(&b, body.clone()));
        let mut statuses = [a.status.as_u16(), b.status.as_u16()];
        statuses.sort_unstable();
        // The one that loses is refused as the last but one, or is no administrator any more when it is looked at.
        assert!(matches!(statuses, [200, 404 | 409]), "round {round}: {:#} {:#}", a.body, b.body);
        for answer in [&a, &b].into_iter().filter(|answer| answer.status == 409) {
            assert_eq!(answer.body["code"], "last_admin");
        }
        // The one that is left goes at the command line, for the next round.
        use diesel_async::SimpleAsyncConnection;
        house.database().await.batch_execute("UPDATE grants SET ends_at = now() WHERE role = 'admin' AND ends_at IS NULL").await.unwrap();
    }
}

#[actix_web::test]
async fn wrong_credentials_are_few() {
    let house = build("territoires_industrie", &["--rate-failures", "20"]).await;
    house.get("/territories").await.expect(200);
    let guess = async |n: u32| {
        let secret = format!("{n:064x}");
        let id = format!("{n:016x}");
        let sum = crc32fast::hash(format!("{id}_{secret}").as_bytes());
        bearer(&house, &format!("tdi_{id}_{secret}{sum:08x}")).get("/territories").await
    };
    let answers = join_all((0..60).map(&guess)).await;
    let passed = answers.iter().filter(|answer| answer.status == 401).count();
    assert!(passed <= 20, "{passed} guesses passed");
    for refused in answers.iter().filter(|answer| answer.status != 401) {
        assert_eq!((refused.status.as_u16(), &refused.body["code"]), (429, &json!("too_many_requests")));
        let wait: u64 = refused.header("retry-after").parse().unwrap();
        assert!((1..=61).contains(&wait), "{wait}");
    }
    // A valid key passes: one that was shown before, one that is new here, and the token that it is exchanged for. So does who shows nothing.
    let other = house.with(&["reader@nation"]).await;
    other.get("/territories").await.expect(200);
    let token = exchange(&other, "").await.expect(200);
    bearer(&house, token.body["access_token"].as_str().unwrap()).get("/territories").await.expect(200);
    house.get("/territories").await.expect(200);
    house.anyone.get("/territories").await.expect(200);
    // A wrong one is no second way to guess.
    exchange(&bearer(&house, &format!("tdi_{}_{}", "0".repeat(16), "0".repeat(72))), "").await.expect(429);
}

/// What an address may try is bounded, whoever is behind it: each try counts as a request without a credential.
#[actix_web::test]
async fn an_address_tries_so_many_credentials_and_no_more() {
    let house = build("territoires_industrie", &["--rate-failures", "2", "--rate-reads", "30"]).await;
    let wrong = bearer(&house, &format!("tdt_{}_{}", "0".repeat(16), "0".repeat(72)));
    house.get("/territories").await.expect(200);
    let mut statuses = Vec::new();
    for _ in 0..40 {
        statuses.push(wrong.get("/territories").await.status.as_u16());
    }
    assert_eq!((&statuses[..2], statuses[2..].iter().all(|status| *status == 429)), (&[401, 401][..], true), "{statuses:?}");
    // As many tries are used up as requests without a credential are.
    house.anyone.get("/territories").await.expect(429);
    let new = house.with(&["reader@nation"]).await;
    assert_eq!(new.get("/territories").await.expect(429).body["code"], "too_many_requests");
    house.get("/territories").await.expect(200);
}

/// An administrator of a territory makes so many keys, they make so many with it, and together they ask so often.
#[actix_web::test]
async fn the_keys_of_one_administrator_are_bounded_together() {
    let house = build("territoires_industrie", &["--rate-reads", "200"]).await;
    let territory = territory(&house, "Alençon").await;
    let admin = house.with(&[&format!("admin@territory:{territory}")]).await;
    let body = |role: &str| json!({ "name": unique("k"), "grants": [{ "role": role, "perimeter": "territory", "territory_id": territory }] });
    let second = bearer(&house, admin.post("/api-keys", body("admin")).await.expect(201).body["secret"].as_str().unwrap());
    let mut answers = Vec::new();
    for _ in 0..40 {
        let (one, two, three) =
            tokio::join!(admin.post("/api-keys", body("reader")), second.post("/api-keys", body("reader")), admin.post("/api-keys", body("reader")));
        answers.extend([one, two, three]);
    }
    let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 201);
    assert_eq!((made.len(), refused.len()), (99, 21));
    for answer in refused {
        assert_eq!(answer.expect(409).body["code"], "limit_reached");
    }
    // One that is revoked makes room for one.
    let id = made[0].body["id"].as_str().unwrap();
    admin.post(&format!("/api-keys/{id}/revocation"), json!({ "reason": "Départ" })).await.expect(200);
    admin.post("/api-keys", body("reader")).await.expect(201);
    second.post("/api-keys", body("reader")).await.expect(409);
    house.with(&[&format!("admin@territory:{territory}")]).await.post("/api-keys", body("reader")).await.expect(201);
    // Each of them asks as often as any key does; all of them four times as often.
    let clients: Vec<Client> = made[1..7].iter().map(|answer| bearer(&house, answer.body["secret"].as_str().unwrap())).collect();
    let mut passed = 0;
    for client in &clients {
        for _ in 0..19 {
            let answers = join_all((0..10).map(|_| client.get("/territories?limit=1"))).await;
            passed += answers.iter().filter(|answer| answer.status == 200).count();
        }
    }
    // (A limit fills again while they ask.)
    assert!((790..1140).contains(&passed), "{passed} requests passed");
    house.get("/territories").await.expect(200);
    // A key has so many grants.
    let key = made[9].body["id"].as_str().unwrap();
    let grant = json!({ "key_id": key, "role": "reader", "perimeter": "territory", "territory_id": territory });
    let mut given = Vec::new();
    for _ in 0..35 {
        given.extend(join_all((0..3).map(|_| admin.post("/grants", grant.clone()))).await);
    }
    assert_eq!(given.iter().filter(|answer| answer.status == 201).count(), 99);
    assert_eq!(given.iter().filter(|answer| answer.body["code"] == "limit_reached").count(), 6);
}

/// What an administrator of one territory gives, makes and links does not stand in the way of another one.
#[actix_web::test]
async fn an_administrator_does_not_stand_in_the_way_of_another() {
    let house = house().await;
    let [ours, theirs] = [territory(&house, "Alençon").await, territory(&house, "Flers").await];
    let all = |territory: &str| ["admin", "editor", "approver"].map(|role| format!("{role}@territory:{territory}"));
    let [ours_all, theirs_all] = [all(&ours), all(&theirs)];
    let us = house.with(&ours_all.each_ref().map(String::as_str)).await;
    let them = house.with(&theirs_all.each_ref().map(String::as_str)).await;
    let grant = |territory: &str| json!({ "issuer": "https://idp.example", "claim": "sub", "value": "somebody", "role": "reader", "perimeter": "territory", "territory_id": territory });
    let mut conn = house.database().await;
    let used = "SELECT coalesce(sum(amount), 0)::bigint AS count FROM usage WHERE what = 'written_bytes'";
    let before: Used = sql_query(used).get_result(&mut conn).await.unwrap();
    for _ in 0..100 {
        us.post("/grants", grant(&ours)).await.expect(201);
    }
    us.post("/grants", grant(&ours)).await.expect(409);
    them.post("/grants", grant(&theirs)).await.expect(201);
    house.with(&["admin@nation"]).await.post("/grants", grant(&theirs)).await.expect(201);
    let after: Used = sql_query(used).get_result(&mut conn).await.unwrap();
    assert!(after.count > before.count + 50_000, "grants are written for ever, and count");

    // Its keys follow the feed as one caller does.
    let (_, child) = key(&us, &house, json!([{ "role": "reader", "perimeter": "territory", "territory_id": ours }])).await;
    let open = join_all((0..20).map(|_| us.request(Method::GET, "/changes/stream").send())).await;
    assert!(open.iter().all(|stream| stream.as_ref().unwrap().status() == 200));
    send(child.request(Method::GET, "/changes/stream")).await.expect(429);
    assert_eq!(them.request(Method::GET, "/changes/stream").send().await.unwrap().status(), 200);

    let partner = makers::partner(&house, "Région Normandie").await;
    let commitment = |territory: &str| json!({ "territory_id": territory, "side": "economic", "text": "x" });
    let commitments = format!("/partners/{partner}/commitments");
    for _ in 0..100 {
        us.post(&commitments, commitment(&ours)).await.expect(201);
    }
    assert_eq!(us.post(&commitments, commitment(&ours)).await.expect(409).body["code"], "limit_reached");
    them.post(&commitments, commitment(&theirs)).await.expect(201);

    let indicator = makers::indicator(&house, 1).await;
    let document = makers::make(&them, "/documents", json!({ "title": "Bilan", "kind": "report", "territory_id": theirs })).await;
    let figure = |territory: &str, visibility: &str| json!({ "indicator_id": indicator, "subject": "territory", "territory_id": territory, "value": 1, "document_id": document, "visibility": visibility });
    let hidden = makers::make(&us, "/observations", figure(&ours, "restricted")).await;
    let own = makers::make(&them, "/observations", figure(&theirs, "public")).await;
    let erase = async |path: String| them.delete(&path, Some("*")).await;
    assert_eq!(erase(format!("/documents/{document}")).await.expect(409).body["code"], "still_referenced");
    erase(format!("/observations/{own}")).await.expect(204);
    erase(format!("/documents/{document}")).await.expect(204);
    assert_eq!(us.get(&format!("/observations/{hidden}")).await.expect(200).body["document_id"], json!(null));

    let theme = |scheme: &str, territory: &str| json!({ "scheme": scheme, "code": "land", "label_fr": "Foncier", "label_en": "Land", "position": 1, "territory_id": territory });
    let other = makers::make(&them, "/themes", theme("flers", &theirs)).await;
    let mapped = makers::make(&us, "/themes", theme("alencon", &ours)).await;
    let like = json!({ "other_theme_id": other });
    us.post(&format!("/themes/{mapped}/correspondences"), like).await.expect(201);
    erase(format!("/themes/{other}")).await.expect(204);
    assert!(us.get(&format!("/themes/{mapped}/correspondences")).await.expect(200).rows().is_empty());
}

#[derive(QueryableByName)]
struct Used {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Whose name a line bears is who wrote it: a name is given once, the service's own are not given, and the key is told beside it.
#[actix_web::test]
async fn nobody_signs_with_the_name_of_another() {
    let house = house().await;
    let nation = house.with(&["admin@nation"]).await;
    let make = async |name: &str| nation.post("/api-keys", json!({ "name": name, "grants": [{ "role": "approver", "perimeter": "nation" }] })).await;
    let dreets = make("DREETS Normandie").await.expect(201).body;
    for same in ["DREETS Normandie", "dreets normandie", " Dréets Normandie "] {
        assert_eq!(make(same).await.expect(409).wrongs(), [("/name".to_owned(), "already_exists".to_owned())], "{same}");
    }
    for house in ["demo", "Démo", "command: serve", "Command : keys", "idp.example/realms/x: camille", "localhost:8080: camille"] {
        assert_eq!(make(house).await.expect(422).wrongs(), [("/name".to_owned(), "reserved".to_owned())], "{house}");
    }
    make("Bureau: Normandie").await.expect(201);
    // Nor is the name of who has left given again.
    nation.post(&format!("/api-keys/{}/revocation", dreets["id"].as_str().unwrap()), json!({ "reason": "Départ" })).await.expect(200);
    make("DREETS Normandie").await.expect(409);
    // The command holds to it as well.
    for (name, made) in [("demo", false), ("dreets normandie", false), ("DREETS Bretagne", true)] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_territoires-industrie"));
        command.args(["keys", "create", name, "--grant", "reader@nation"]).env("DATABASE_URL", &house.url);
        let done = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        assert_eq!(done.status.success(), made, "{name}: {done:?}");
    }
    // What a key wrote names the key.
    let writer = make("DREETS Occitanie").await.expect(201).body;
    let client = bearer(&house, writer["secret"].as_str().unwrap());
    let partner = format!("/partners/{}", make_partner(&client).await);
    client.patch(&partner, Some("*"), json!({ "acronym": "N" })).await.expect(200);
    let version = house.get(&format!("{partner}/history")).await.expect(200).rows()[0].clone();
    assert_eq!((&version["author"], &version["author_key"]), (&json!("DREETS Occitanie"), &writer["id"]));
    let stale = house.patch(&partner, Some("\"v1\""), json!({ "acronym": "M" })).await.expect(412);
    assert_eq!(stale.body["changes"][0]["author_key"], writer["id"]);
    territoires_industrie::ledger::stamper::catch_up(&mut house.database().await).await.unwrap();
    let told = async |client: &Client| client.get("/changes?noun=partners").await.expect(200).rows()[0]["author_key"].clone();
    assert_eq!((told(&house).await, told(&house.anyone).await), (writer["id"].clone(), Value::Null));
    let told = house.anyone.get(&format!("{partner}/history")).await.expect(200);
    assert_eq!((&told.rows()[0]["author"], &told.rows()[0]["author_key"]), (&Value::Null, &Value::Null));
}

async fn make_partner(client: &Client) -> String {
    client.post("/partners", json!({ "name": "Newmatec", "kind": "company" })).await.expect(201).body["id"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn each_caller_has_so_many_requests_a_minute() {
    let flags = ["--rate-reads", "5", "--rate-writes", "3", "--rate-exports", "2", "--trusted-proxies", "127.0.0.0/8"];
    let house = build("territoires_industrie", &flags).await;
    let from = |address: &str| house.anyone.request(Method::GET, "/territories").header("X-Forwarded-For", address);
    for left in (0..5).rev() {
        let answer = send(from("198.51.100.1")).await.expect(200);
        assert_eq!(answer.header("ratelimit-policy"), "\"reads\";q=5;w=60");
        assert!(answer.header("ratelimit").starts_with(&format!("\"reads\";r={left};t=")), "{}", answer.header("ratelimit"));
    }
    let refused = send(from("198.51.100.1")).await.expect(429);
    assert_eq!((&refused.body["code"], refused.header("ratelimit-policy")), (&json!("too_many_requests"), "\"reads\";q=5;w=60"));
    assert!((1..=13).contains(&refused.header("retry-after").parse::<u64>().unwrap()));
    // Others are counted apart: another address, a key, its writes; what a client says of itself changes nothing.
    send(from("203.0.113.7, 198.51.100.1")).await.expect(429);
    send(from("198.51.100.2")).await.expect(200);
    for _ in 0..3 {
        let answer = house.post("/programme-phases", json!({})).await.expect(422);
        assert_eq!(answer.header("ratelimit-policy"), "\"writes\";q=3;w=60");
    }
    house.post("/programme-phases", json!({})).await.expect(429);
    house.get("/territories").await.expect(200);
    let token = exchange(&house.editor, "").await.expect(200);
    let token = bearer(&house, token.body["access_token"].as_str().unwrap());
    token.post("/programme-phases", json!({})).await.expect(429);
    // So are pages of the feed, which are exports.
    for due in [200, 200, 429] {
        let page = send(house.anyone.request(Method::GET, "/changes?limit=1").header("X-Forwarded-For", "198.51.100.1")).await.expect(due);
        assert_eq!(page.header("ratelimit-policy"), "\"exports\";q=2;w=60");
    }
    // What is not there, or not allowed, counts as well, and tells as well.
    let missing = house.get("/nothing").await.expect(404);
    assert!(missing.header("ratelimit").starts_with("\"reads\";r=3;"), "{}", missing.header("ratelimit"));
    let origin = send(from("198.51.100.3").header("Origin", "https://page.example")).await.expect(200);
    assert!(origin.header("access-control-expose-headers").contains("RateLimit, RateLimit-Policy"));
    for _ in 0..20 {
        let health = send(house.http.get(format!("{}/health/live", house.address))).await.expect(200);
        assert!(health.headers.get("ratelimit").is_none());
    }
}

#[actix_web::test]
async fn no_secret_is_in_the_log() {
    let house = house().await;
    let admin = house.with(&["admin@nation"]).await;
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let path = format!("/tmp/territoires-industrie-log-{}", std::process::id());
    let mut service = Command::new(env!("CARGO_BIN_EXE_territoires-industrie"));
    service.args(["serve", "--bind", &address]).env("DATABASE_URL", &house.url).env("RUST_LOG", "debug");
    service.env("CURSOR_SECRET", "the-secret-of-cursors").stdout(Stdio::null()).stderr(File::create(&path).unwrap());
    let mut service = service.spawn().unwrap();
    let there = |key: &str| Client { key: Some(key.to_owned()), address: format!("http://{address}"), ..house.anyone.clone() };
    let admin = there(admin.key.as_ref().unwrap());
    for _ in 0..200 {
        if house.http.get(format!("http://{address}/health/live")).send().await.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let made = admin.post("/api-keys", json!({ "name": "Une clé", "grants": [{ "role": "editor", "perimeter": "nation" }] })).await.expect(201);
    let key = made.body["secret"].as_str().unwrap().to_owned();
    let rotated = admin.post(&format!("/api-keys/{}/rotation", made.body["id"].as_str().unwrap()), json!({})).await.expect(200);
    let new = rotated.body["secret"].as_str().unwrap().to_owned();
    let token = exchange(&there(&new), "editor").await.expect(200).body["access_token"].as_str().unwrap().to_owned();
    for secret in [&key, &new, &token] {
        there(secret).get("/territories").await.expect(200);
        there(secret).get(&format!("/territories?api_key={secret}")).await.expect(400);
        there(&format!("{secret}x")).get("/territories").await.expect(401);
        send(token_request(&there(secret), &[("grant_type", "client_credentials"), ("client_id", secret), ("client_secret", secret)]))
            .await
            .expect(401);
    }
    service.kill().unwrap();
    service.wait().unwrap();
    let log = std::fs::read_to_string(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let public_id = made.body["public_id"].as_str().unwrap();
    for line in [format!("key {public_id} was made by key "), format!("the secret of key {public_id} was exchanged by key ")] {
        assert!(log.contains(&line), "{log}");
    }
    for secret in [&key[21..85], &new[21..85], &admin.key.as_ref().unwrap()[21..85], &token[30..], "the-secret-of-cursors"] {
        assert!(!log.contains(secret), "a secret is in the log");
    }
}

#[actix_web::test]
async fn the_first_administrator_comes_in_at_the_command_line() {
    let house = house().await;
    let command = async |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_territoires-industrie"));
        command.args(arguments).env("DATABASE_URL", &house.url);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let issuer = "https://idp.example";
    let (given, ids) = command(&["grants", "give", "--issuer", issuer, "--value", "camille", "admin@nation", "reader@region:28"]).await;
    let ids: Vec<&str> = ids.lines().collect();
    assert!(given && ids.len() == 2);
    assert!(!command(&["grants", "give", "--issuer", issuer, "--value", "camille", "admin@everywhere"]).await.0);
    let (_, listed) = command(&["grants", "list"]).await;
    for (id, grant) in ids.iter().zip(["admin@nation", "reader@region:28"]) {
        let line = listed.lines().find(|line| line.starts_with(id)).unwrap();
        assert!(line.contains(grant) && line.ends_with(&format!("{issuer} sub camille")), "{line}");
    }
    let (_, keys) = command(&["keys", "list"]).await;
    assert!(keys.lines().any(|line| line.ends_with("editor of the tests: approver@nation")), "{keys}");
    assert!(command(&["grants", "end", ids[0]]).await.0);
    for id in [ids[0], "00000000-0000-7000-8000-000000000000", "x"] {
        assert!(!command(&["grants", "end", id]).await.0);
    }
    let (_, listed) = command(&["grants", "list"]).await;
    assert!(!listed.contains(ids[0]) && listed.contains(ids[1]));
    // Of an issuer that the service was not told of, it counts for no administrator.
    let admin = house.with(&["admin@nation"]).await;
    command(&["grants", "give", "--issuer", issuer, "--value", "camille", "admin@nation"]).await;
    let own = admin.get("/grants?role=admin&key_id__null=false").await.expect(200).rows()[0]["id"].as_str().unwrap().to_owned();
    let last = admin.post(&format!("/grants/{own}/end"), json!({ "reason": "x" })).await.expect(409);
    assert_eq!(last.body["code"], "last_admin");
}
