//! What is particular to action fiches: the three axes of their state and the moves along them, two levels, shares.

use diesel_async::SimpleAsyncConnection;
use serde_json::{Value, json};

use crate::support::{Answer, Client, house, makers, send};

/// Moves a fiche, from the version it has now.
async fn advance(client: &Client, one: &str, step: Value) -> Answer {
    let tag = client.get(one).await.expect(200).etag.unwrap();
    send(client.request(reqwest::Method::POST, &format!("{one}/transitions")).header("If-Match", tag).json(&step)).await
}

async fn fiche(client: &Client, body: Value) -> String {
    client.post("/action-fiches", body).await.expect(201).location.unwrap()
}

#[actix_web::test]
async fn every_move_of_the_matrix_is_made_and_no_other() {
    let house = house().await;
    let territory = makers::territory(&house, "Anjou Bleu").await;
    let matrix = house.anyone.get("/action-fiches/transitions").await.expect(200);
    let allowed = |axis: &str, from: &str, to: &str| {
        matrix.rows().iter().find(|step| step["axis"] == axis && step["from"] == from && step["to"] == to).map(|step| step["reason_needed"] == true)
    };
    let axes = [
        ("validation", vec!["draft", "submitted", "validated", "postponed", "refused", "withdrawn"]),
        ("progress", vec!["not_started", "in_progress", "paused", "blocked", "done", "abandoned", "unknown"]),
    ];
    // How to come to each state from a new fiche.
    let way = |state: &str| {
        match state {
            "draft" | "not_started" => vec![],
            "validated" | "postponed" | "refused" => vec!["submitted", state],
            "paused" | "done" => vec!["in_progress", state],
            _ => vec![state],
        }
        .into_iter()
        .map(str::to_owned)
        .collect::<Vec<_>>()
    };
    let mut moves = 0;
    for (axis, states) in axes {
        for from in &states {
            for to in &states {
                let one = fiche(&house, json!({ "territory_id": territory, "title": format!("{from} {to}"), "actual_end_on": "2022-12-31" })).await;
                let id = one.rsplit_once('/').unwrap().1.to_owned();
                if axis == "progress" {
                    // A draft is not done.
                    advance(&house, &one, json!({ "axis": "validation", "to": "submitted" })).await.expect(200);
                }
                let is_decided = |state: &str| axis == "validation" && ["validated", "postponed", "refused", "withdrawn"].contains(&state);
                for step in way(from) {
                    if is_decided(&step) {
                        makers::decide(&house, &territory, &id, &step, "Décision").await.expect(201);
                    } else {
                        advance(&house, &one, json!({ "axis": axis, "to": step, "reason": "Décision" })).await.expect(200);
                    }
                }
                let mut bare = advance(&house, &one, json!({ "axis": axis, "to": to })).await;
                if is_decided(to) {
                    // A meeting decides, and the fiche says by which decision it stands so.
                    assert_eq!(bare.expect(422).wrongs(), [("/to".to_owned(), "needs_decision".to_owned())]);
                    bare = makers::decide(&house, &territory, &id, to, "Comité du 18 décembre").await;
                    if allowed(axis, from, to).is_some() {
                        let meeting = bare.expect(201).body["id"].as_str().unwrap().to_owned();
                        let decisions = house.get(&format!("/meetings/{meeting}/decisions")).await.expect(200);
                        let moved = house.get(&one).await.expect(200).body;
                        assert_eq!((&moved["validation"], &moved["validation_reason"]), (&json!(to), &json!("Comité du 18 décembre")));
                        assert_eq!(moved["validation_decision_id"], decisions.rows()[0]["id"]);
                        // What the fiche owes its validation to is not taken away.
                        house.delete(&format!("/meetings/{meeting}"), Some("*")).await.expect(409);
                        moves += 1;
                        continue;
                    }
                }
                match allowed(axis, from, to) {
                    None => {
                        let refused = bare.expect(409);
                        let listed: Vec<&str> = refused.body["allowed"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
                        let expected: Vec<&str> = states.iter().copied().filter(|to| allowed(axis, from, to).is_some()).collect();
                        assert!(listed.len() == expected.len() && expected.iter().all(|word| listed.contains(word)), "{from} {to}: {listed:?}");
                    }
                    Some(true) => {
                        assert_eq!(bare.expect(422).wrongs(), [("/reason".to_owned(), "missing_field".to_owned())]);
                        let moved = advance(&house, &one, json!({ "axis": axis, "to": to, "reason": "Comité du 18 décembre" })).await.expect(200);
                        assert_eq!((&moved.body[axis], &moved.body[format!("{axis}_reason")]), (&json!(to), &json!("Comité du 18 décembre")));
                        moves += 1;
                    }
                    Some(false) => {
                        let moved = bare.expect(200);
                        assert_eq!((&moved.body[axis], &moved.body[format!("{axis}_reason")]), (&json!(to), &Value::Null));
                        assert!(moved.body[format!("{axis}_since")].as_str() > moved.body["created_at"].as_str());
                        moves += 1;
                    }
                }
            }
        }
    }
    assert_eq!(moves, matrix.rows().len());
}

#[actix_web::test]
async fn a_state_moves_by_a_transition_alone_and_at_a_known_version() {
    let house = house().await;
    let territory = makers::territory(&house, "Anjou Bleu").await;
    let refused = house.post("/action-fiches", json!({ "territory_id": territory, "title": "A", "validation": "validated" })).await.expect(422);
    assert_eq!(refused.wrongs(), [("/validation".to_owned(), "unknown_field".to_owned())]);
    let one = fiche(&house, json!({ "territory_id": territory, "title": "A" })).await;
    house.patch(&one, Some("\"v1\""), json!({ "progress": "done" })).await.expect(422);
    house.post(&format!("{one}/transitions"), json!({ "axis": "validation", "to": "submitted" })).await.expect(428);
    let stale = house.request(reqwest::Method::POST, &format!("{one}/transitions")).header("If-Match", "\"v7\"");
    send(stale.json(&json!({ "axis": "validation", "to": "submitted" }))).await.expect(412);
    house.anyone.post(&format!("{one}/transitions"), json!({})).await.expect(401);
}

#[actix_web::test]
async fn done_needs_its_real_end_and_closed_children() {
    let house = house().await;
    let territory = makers::territory(&house, "Anjou Bleu").await;
    let parent = fiche(&house, json!({ "territory_id": territory, "title": "Parent" })).await;
    let id = parent.rsplit_once('/').unwrap().1;
    let child = fiche(&house, json!({ "territory_id": territory, "title": "Fille", "parent_id": id })).await;
    for one in [&parent, &child] {
        advance(&house, one, json!({ "axis": "validation", "to": "submitted" })).await.expect(200);
        advance(&house, one, json!({ "axis": "progress", "to": "in_progress" })).await.expect(200);
    }
    let done = json!({ "axis": "progress", "to": "done" });
    let undated = advance(&house, &child, done.clone()).await.expect(422);
    assert_eq!(undated.wrongs(), [("/to".to_owned(), "broken_rule".to_owned())]);
    for one in [&parent, &child] {
        let tag = house.get(one).await.etag;
        house.patch(one, tag.as_deref(), json!({ "actual_end_on": "2022-12-31" })).await.expect(200);
    }
    let open = advance(&house, &parent, done.clone()).await.expect(422);
    assert_eq!(open.wrongs(), [("/to".to_owned(), "broken_rule".to_owned())]);
    advance(&house, &child, done.clone()).await.expect(200);
    advance(&house, &parent, done).await.expect(200);
    // And a done fiche gets no open child any more, but may be changed otherwise.
    let late = house.post("/action-fiches", json!({ "territory_id": territory, "title": "Tardive", "parent_id": id })).await.expect(422);
    assert_eq!(late.wrongs(), [("/parent_id".to_owned(), "broken_rule".to_owned())]);
    advance(&house, &child, json!({ "axis": "progress", "to": "in_progress", "reason": "Reprise" })).await.expect(422);
    let tag = house.get(&parent).await.etag;
    house.patch(&parent, tag.as_deref(), json!({ "title": "Terminée" })).await.expect(200);
}

#[actix_web::test]
async fn late_is_what_should_have_ended_and_is_neither_done_nor_abandoned() {
    let house = house().await;
    let territory = makers::territory(&house, "Anjou Bleu").await;
    let one = async |title: &str, end: &str| {
        fiche(&house, json!({ "territory_id": territory, "title": title, "planned_end_on": end, "actual_end_on": "2020-02-01" })).await
    };
    let fiches =
        [one("late", "2020-01-31").await, one("ahead", "2099-01-31").await, one("done", "2020-01-31").await, one("given up", "2020-01-31").await];
    advance(&house, &fiches[2], json!({ "axis": "validation", "to": "submitted" })).await.expect(200);
    for (one, to) in [(2, "in_progress"), (2, "done"), (3, "abandoned")] {
        advance(&house, &fiches[one], json!({ "axis": "progress", "to": to, "reason": "Essai" })).await.expect(200);
    }
    for (one, late) in fiches.iter().zip([true, false, false, false]) {
        assert_eq!(house.get(one).await.expect(200).body["late"], late, "{one}");
    }
    for (late, count) in [("true", 1), ("false", 3)] {
        assert_eq!(house.get(&format!("/action-fiches?late={late}")).await.expect(200).rows().len(), count);
    }
}

#[actix_web::test]
async fn fiches_have_two_levels_within_one_territory() {
    let house = house().await;
    let [here, there] = [makers::territory(&house, "Ici").await, makers::territory(&house, "Là").await];
    let id = |one: &str| one.rsplit_once('/').unwrap().1.to_owned();
    let top = fiche(&house, json!({ "territory_id": here, "title": "Un" })).await;
    let below = fiche(&house, json!({ "territory_id": here, "title": "Deux", "parent_id": id(&top) })).await;
    let other = fiche(&house, json!({ "territory_id": here, "title": "Autre" })).await;
    let wrong = [("/parent_id".to_owned(), "broken_rule".to_owned())];
    for (territory, parent) in [(&here, &below), (&there, &top)] {
        let refused = house.post("/action-fiches", json!({ "territory_id": territory, "title": "Trois", "parent_id": id(parent) })).await.expect(422);
        assert_eq!(refused.wrongs(), wrong);
    }
    for (one, parent) in [(&top, &other), (&top, &below), (&top, &top)] {
        let refused = house.patch(one, Some("\"v1\""), json!({ "parent_id": id(parent) })).await.expect(422);
        assert_eq!(refused.wrongs(), wrong, "a cycle, or a third level");
    }
    house.delete(&top, Some("\"v1\"")).await.expect(409);
}

#[actix_web::test]
async fn a_fiche_that_several_share_counts_once() {
    let house = house().await;
    let territory = makers::territory(&house, "Collines").await;
    let [first, second] = [makers::partner(&house, "IVN").await, makers::partner(&house, "Flers Agglo").await];
    let shared = json!({ "territory_id": territory, "title": "Partagée", "participants": [
        { "partner_id": first, "role": "lead" }, { "partner_id": second, "role": "partner" } ] });
    let one = fiche(&house, shared).await;
    fiche(&house, json!({ "territory_id": territory, "title": "Seule", "participants": [{ "partner_id": first, "role": "lead" }] })).await;
    for (query, total) in [(first.clone(), 2), (second.clone(), 1), (format!("{first},{second}"), 2)] {
        let counted = house.anyone.get(&format!("/action-fiches?partner_id={query}&count=true")).await.expect(200);
        assert_eq!(counted.body["meta"]["total"], total);
    }
    let twice = house.post(&format!("{one}/participants"), json!({ "partner_id": second, "role": "partner" })).await.expect(409);
    assert_eq!(twice.wrongs()[0].1, "already_exists");
    house.post(&format!("{one}/participants"), json!({ "partner_id": second, "role": "pilot" })).await.expect(201);
}

/// A parent that cannot be read for the moment is not one that is not there: the answer is 503, which a client sends again.
#[actix_web::test]
async fn a_parent_that_cannot_be_read_is_not_missing() {
    let house = house().await;
    let territory = makers::territory(&house, "Alençon").await;
    let parent = makers::make(&house, "/action-fiches", json!({ "territory_id": territory, "title": "Mère" })).await;
    let child = json!({ "territory_id": territory, "title": "Fille", "parent_id": parent });
    let mut other = house.database().await;
    other.batch_execute("SET idle_in_transaction_session_timeout = 0; BEGIN; LOCK TABLE action_fiches IN ACCESS EXCLUSIVE MODE").await.unwrap();
    assert_eq!(house.post("/action-fiches", child.clone()).await.expect(503).body["code"], "timed_out");
    other.batch_execute("ROLLBACK").await.unwrap();
    house.post("/action-fiches", child).await.expect(201);
}
