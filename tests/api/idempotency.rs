//! What is sent again is done once: `Idempotency-Key`.

use diesel_async::SimpleAsyncConnection;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Client, House, erase, house, send};

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
