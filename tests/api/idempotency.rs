//! What is sent again is done once: `Idempotency-Key`.

use diesel::sql_query;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Client, House, erase, house, makers, restore, send};

/// Posts a body under this key.
async fn post(client: &Client, path: &str, key: &str, body: &Value) -> Answer {
    send(client.request(Method::POST, path).header("Idempotency-Key", key).json(body)).await
}

async fn partners(house: &House) -> Value {
    house.get("/partners?count=true").await.expect(200).body["meta"]["total"].clone()
}

#[actix_web::test]
async fn what_is_sent_again_is_answered_as_it_was() {
    let house = house().await;
    let newmatec = json!({ "name": "Newmatec", "kind": "company" });
    let first = post(&house, "/partners", "a-1", &newmatec).await.expect(201);
    assert!(!first.headers.contains_key("idempotent-replayed"));
    let again = post(&house, "/partners", "a-1", &newmatec).await.expect(201);
    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!((&again.body, &again.etag, &again.location), (&first.body, &first.etag, &first.location));
    assert_eq!(again.header("content-type"), first.header("content-type"));
    assert_eq!(partners(&house).await, 1);
    // Another request is another one: by its body, by its path.
    for (path, body) in [("/partners", json!({ "name": "Siemens", "kind": "company" })), ("/people", newmatec.clone())] {
        assert_eq!(post(&house, path, "a-1", &body).await.expect(422).body["code"], "idempotency_key_reused");
    }
    // So is another caller's.
    let other = house.with(&["editor@nation", "approver@nation"]).await;
    let theirs = post(&other, "/partners", "a-1", &newmatec).await.expect(201);
    assert_ne!(theirs.body["id"], first.body["id"]);
    // What was refused is tried again.
    post(&house, "/partners", "b", &json!({ "name": "Bpifrance" })).await.expect(422);
    post(&house, "/partners", "b", &json!({ "name": "Bpifrance", "kind": "company" })).await.expect(201);
    // A key has a form; and nothing but what is made is made once.
    for key in ["", "a b", "é", &"k".repeat(256)] {
        post(&house, "/partners", key, &newmatec).await.expect(400);
    }
    post(&house, "/partners", &"k".repeat(255), &newmatec).await.expect(201);
    post(&house.anyone, "/partners", "c", &newmatec).await.expect(401);
    post(&house.with(&["reader@nation"]).await, "/partners", "c", &newmatec).await.expect(403);
    let long = json!({ "name": "n", "kind": "company", "note": "x".repeat(300_000) });
    post(&house, "/partners", "long", &long).await.expect(413);
    assert_eq!(partners(&house).await, 4);
    // A move, a restoring and a merge as well.
    let (mine, theirs) = (first.body["id"].as_str().unwrap(), theirs.body["id"].as_str().unwrap());
    let merge = async || {
        let merge = house.request(Method::POST, &format!("/partners/{mine}/merge")).header("If-Match", "*").header("Idempotency-Key", "m");
        send(merge.json(&json!({ "into_id": theirs, "reason": "Doublon" }))).await.expect(200)
    };
    assert_eq!(merge().await.body, merge().await.body);
}

#[actix_web::test]
async fn of_fifty_at_once_one_is_done() {
    let house = house().await;
    let body = json!({ "name": "Newmatec", "kind": "company" });
    for round in 0..4 {
        let key = format!("round-{round}");
        let answers = join_all((0..50).map(|_| post(&house, "/partners", &key, &body))).await;
        let mut made = Vec::new();
        for answer in answers {
            match answer.status.as_u16() {
                201 => made.push(answer.body["id"].clone()),
                _ => {
                    let refused = answer.expect(409);
                    let known = ["under_way", "already_done"].iter().any(|code| refused.body["code"] == *code);
                    assert!(known, "{:#}", refused.body);
                }
            }
        }
        made.push(post(&house, "/partners", &key, &body).await.expect(201).body["id"].clone());
        assert!(made.iter().all(|id| *id == made[0]), "{made:?}");
        assert_eq!(partners(&house).await, round + 1);
    }
    // Who holds it for longer than a second is not waited for.
    let mut other = house.database().await;
    let held = "BEGIN; INSERT INTO idempotency_keys (caller, key, digest) SELECT caller, 'held', digest FROM idempotency_keys LIMIT 1";
    other.batch_execute(held).await.unwrap();
    let refused = post(&house, "/partners", "held", &body).await.expect(409);
    assert_eq!((&refused.body["code"], refused.header("retry-after")), (&json!("under_way"), "1"));
    other.batch_execute("ROLLBACK").await.unwrap();
    post(&house, "/partners", "held", &body).await.expect(201);
}

#[actix_web::test]
async fn what_is_not_to_be_said_again_is_not() {
    let house = house().await;
    let body = json!({ "name": "Jeanne Martin", "mandates": [{ "function": "Maire" }] });
    let person = post(&house, "/people", "p", &body).await.expect(201).body["id"].as_str().unwrap().to_owned();
    let done = async |path: &str, key: &str, body: &Value| {
        let refused = post(&house, path, key, body).await.expect(409);
        assert_eq!((&refused.body["code"], refused.body["done_at"].is_string()), (&json!("already_done"), true));
    };
    // Who was erased.
    erase(&house, &person, "*").await.expect(200);
    done("/people", "p", &body).await;
    // A secret, which is shown once.
    let (nation, key) = (house.with(&["admin@nation"]).await, json!({ "name": "k" }));
    post(&nation, "/api-keys", "k", &key).await.expect(201);
    assert_eq!(post(&nation, "/api-keys", "k", &key).await.expect(409).body["code"], "already_done");
    assert_eq!(nation.get("/api-keys?name=k&count=true").await.expect(200).body["meta"]["total"], 1);
    // What was done just before the service was killed: nobody knows what it was answered.
    let body = json!({ "name": "Newmatec", "kind": "company" });
    post(&house, "/partners", "q", &body).await.expect(201);
    let mut conn = house.database().await;
    conn.batch_execute("UPDATE idempotency_keys SET status = NULL, body = NULL WHERE key = 'q'").await.unwrap();
    done("/partners", "q", &body).await;
    // After a day it is another request.
    conn.batch_execute("UPDATE idempotency_keys SET made_at = made_at - interval '25 hours' WHERE key = 'q'").await.unwrap();
    post(&house, "/partners", "q", &body).await.expect(201);
    assert_eq!(partners(&house).await, 2);
}

/// Erasure finds an answer by what it speaks of: one that does not tell the identifier, and one that is stored beside the erasure.
#[actix_web::test]
async fn no_answer_gives_an_erased_person_back() {
    let house = house().await;
    let body = json!({ "name": "Jeanne Martin", "mandates": [{ "function": "Maire de Xanton" }] });
    let person = makers::make(&house, "/people", body).await;
    let one = format!("/people/{person}");
    house.patch(&one, Some("*"), json!({ "name": "J. Martin" })).await.expect(200);
    // A restoring tells the names and not the identifier; a seat, its function.
    let again = async |path: &str, key: &str, body: &Value| {
        let request = house.request(Method::POST, path).header("If-Match", "*").header("Idempotency-Key", key);
        send(request.json(body)).await
    };
    let restored = again(&format!("{one}/restore"), "r", &json!({ "version": 1 })).await.expect(200);
    assert!(restored.body.to_string().contains("Jeanne Martin") && !restored.body.to_string().contains(&person));
    let committee = json!({ "name": "CoPil", "level": "national", "kind": "steering" });
    let seats = format!("/committees/{}/seats", makers::make(&house, "/committees", committee).await);
    let seat = json!({ "person_id": person, "function": "Maire de Xanton" });
    let seated = again(&seats, "s", &seat).await.expect(201).body["id"].clone();
    let document = makers::make(&house, "/documents", json!({ "title": "Portrait", "kind": "report", "visibility": "public" })).await;
    let cited = json!({ "document_id": document, "noun": "committee-seats", "thing_id": seated, "passage": "Martin, maire" });
    again("/citations", "c", &cited).await.expect(201);
    let replayed = [(format!("{one}/restore"), "r", json!({ "version": 1 })), (seats, "s", seat), ("/citations".to_owned(), "c", cited)];
    for (path, key, body) in &replayed {
        assert_eq!(again(path, key, body).await.header("idempotent-replayed"), "true", "{path}");
    }
    erase(&house, &person, "*").await.expect(200);
    for (path, key, body) in &replayed {
        assert_eq!(again(path, key, body).await.expect(409).body["code"], "already_done", "{path}");
    }
    // What is stored once the write is over comes too late.
    let mut conn = house.database().await;
    let late = "SELECT keep_answer(caller, key, 201, NULL, NULL, 'Jeanne Martin') FROM idempotency_keys";
    conn.batch_execute(late).await.unwrap();
    for (path, key, body) in &replayed {
        assert_eq!(again(path, key, body).await.expect(409).body["code"], "already_done", "{path}");
    }
}

/// An answer is given again to who may see today what it speaks of.
#[actix_web::test]
async fn a_repeated_answer_obeys_the_rights_of_today() {
    let house = house().await;
    let [here, there] = [makers::territory(&house, "Alençon").await, makers::territory(&house, "Cambrai").await];
    let editor = house.with(&[&format!("editor@territory:{here}")]).await;
    let body = json!({ "territory_id": here, "title": "Usine", "visibility": "restricted" });
    let fiche = post(&editor, "/action-fiches", "f", &body).await.expect(201).body["id"].as_str().unwrap().to_owned();
    let milestone = json!({ "title": "Permis" });
    let milestones = format!("/action-fiches/{fiche}/milestones");
    post(&editor, &milestones, "m", &milestone).await.expect(201);
    let replays = async |told: bool| {
        for (path, key, body) in [("/action-fiches", "f", &body), (&milestones, "m", &milestone)] {
            let answer = post(&editor, path, key, body).await;
            let code = answer.body["code"].clone();
            assert_eq!((answer.status == 201, code == "already_done"), (told, !told), "{path}: {:#}", answer.body);
            assert!(told || !answer.body.to_string().contains("Usine") && answer.location.is_none() && answer.etag.is_none());
        }
    };
    replays(true).await;
    // It goes elsewhere, and comes back.
    for (territory, told) in [(&there, false), (&here, true)] {
        let moved = format!("UPDATE action_fiches SET territory_id = '{territory}'");
        let mut conn = house.database().await;
        conn.batch_execute(&format!("SET app.author = 'test'; {moved}")).await.unwrap();
        replays(told).await;
    }
    // Or the caller loses the right.
    let mut conn = house.database().await;
    conn.batch_execute("UPDATE grants SET ends_at = now() WHERE perimeter = 'territory'").await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    replays(false).await;
    // A person is not named where it may not be named any more, nor once it is deleted.
    let person = makers::make(&house, "/people", json!({ "name": "Jeanne Martin", "publication_basis": "elected_mandate" })).await;
    let committee = json!({ "name": "CoPil", "level": "territorial", "kind": "project", "territory_id": here });
    let seats = format!("/committees/{}/seats", makers::make(&house, "/committees", committee).await);
    let approver = house.with(&[&format!("approver@territory:{here}")]).await;
    let seat = json!({ "person_id": person, "function": "Maire" });
    post(&approver, &seats, "s", &seat).await.expect(201);
    house.patch(&format!("/people/{person}"), Some("*"), json!({ "publication_basis": "not_publishable" })).await.expect(200);
    post(&approver, &seats, "s", &seat).await.expect(201);
    conn.batch_execute(&format!("SET app.author = 'test'; UPDATE committees SET territory_id = '{there}'")).await.unwrap();
    assert_eq!(post(&approver, &seats, "s", &seat).await.expect(409).body["code"], "already_done");
    let made = json!({ "name": "Paul Durand", "publication_basis": "elected_mandate" });
    let made_id = post(&house, "/people", "p", &made).await.expect(201).body["id"].as_str().unwrap().to_owned();
    house.delete(&format!("/people/{made_id}"), Some("*")).await.expect(204);
    assert_eq!(post(&house, "/people", "p", &made).await.expect(409).body["code"], "already_done");
    restore(&house, &format!("/people/{made_id}"), "*", 1).await.expect(200);
    post(&house, "/people", "p", &made).await.expect(201);
}

/// What is older than a day goes by the clock, and so much is kept of one caller.
#[actix_web::test]
async fn answers_are_kept_for_a_day_and_so_many_of_them() {
    let house = house().await;
    let mut conn = house.database().await;
    let body = json!({ "name": "Newmatec", "kind": "company" });
    post(&house, "/partners", "a", &body).await.expect(201);
    let used = "SELECT amount FROM usage WHERE what = 'answers'";
    assert_eq!(sql_query(used).load::<Amount>(&mut conn).await.unwrap().iter().map(|used| used.amount).collect::<Vec<_>>(), [1]);
    let age = "UPDATE idempotency_keys SET made_at = made_at - interval '25 hours'; UPDATE usage SET hour = hour - interval '26 hours'";
    conn.batch_execute(age).await.unwrap();
    let left = "SELECT (SELECT count(*) FROM idempotency_keys) + (SELECT count(*) FROM usage WHERE what <> 'written_bytes') AS amount";
    while sql_query(left).get_result::<Amount>(&mut conn).await.unwrap().amount > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    for (what, most) in [("answers", 100_000), ("answer_bytes", 64 << 20)] {
        post(&house, "/partners", what, &body).await.expect(201);
        let full = format!("UPDATE usage SET amount = CASE what WHEN '{what}' THEN {most} ELSE 0 END WHERE what LIKE 'answer%'");
        conn.batch_execute(&full).await.unwrap();
        let refused = post(&house, "/partners", &format!("{what}-2"), &body).await.expect(429);
        assert_eq!(
            (&refused.body["code"], refused.body["detail"].as_str().unwrap().contains("Idempotency-Key")),
            (&json!("too_many_requests"), true)
        );
        assert!((1..=3600).contains(&refused.header("retry-after").parse::<u64>().unwrap()));
        // Without the header the write is done; what was done is told again; another caller has its own.
        house.post("/partners", body.clone()).await.expect(201);
        post(&house, "/partners", what, &body).await.expect(201);
        post(&house.with(&["approver@nation"]).await, "/partners", "b", &body).await.expect(201);
        conn.batch_execute("UPDATE usage SET amount = 0").await.unwrap();
    }
}

#[derive(diesel::QueryableByName)]
struct Amount {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    amount: i64,
}
