//! What reviews with fresh eyes got at, of what was not theirs: none of it leads there any more.

use diesel_async::SimpleAsyncConnection;
use reqwest::Method;
use serde_json::{Value, json};

use territoires_industrie::ledger::stamper;

use crate::support::{Client, House, erase, house, makers, restore, send};

/// Two territories of Normandy, with an editor and an approver of each, and the fiches of the second one by visibility.
struct World {
    house: House,
    mine: String,
    theirs: String,
    me: Client,
    their_editor: Client,
    public: String,
    restricted: String,
}

async fn world() -> World {
    let house = house().await;
    let member = json!([{ "kind": "other", "name": "member", "department_codes": ["61"] }]);
    let mine = makers::make(&house, "/territories", json!({ "name": "A", "members": member })).await;
    let theirs = makers::make(&house, "/territories", json!({ "name": "V", "members": member })).await;
    let me = house.with(&[&format!("approver@territory:{mine}")]).await;
    let their_editor = house.with(&[&format!("editor@territory:{theirs}")]).await;
    let mut fiches = Vec::new();
    for visibility in ["public", "restricted"] {
        fiches.push(makers::make(&house, "/action-fiches", json!({ "territory_id": theirs, "title": visibility, "visibility": visibility })).await);
    }
    let [public, restricted] = fiches.try_into().unwrap();
    World { house, mine, theirs, me, their_editor, public, restricted }
}

/// Is this thing told to a caller: read, in its history, in the feed? (Once the feed has it, as the nation sees.)
async fn told(house: &House, client: &Client, noun: &str, id: &str, feed: &str) -> [bool; 3] {
    let event = async |client: &Client| {
        let events = client.get(&format!("/changes?noun={feed}&limit=1000")).await.expect(200);
        events.rows().iter().any(|event| (event["id"] == *id || event["parent"]["id"] == *id) && event["data"].is_object())
    };
    while !event(house).await {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let read = client.get(&format!("/{noun}/{id}")).await.status == 200;
    let history = client.get(&format!("/{noun}/{id}/history")).await.status == 200;
    [read, history, event(client).await]
}

#[actix_web::test]
async fn what_names_a_fiche_is_told_to_who_sees_both() {
    let World { house, theirs, their_editor, restricted, .. } = world().await;
    let pilot = house.with(&[&format!("editor@fiche:{restricted}")]).await;
    let decisions = json!([{ "text": "SECRET", "action_fiche_id": restricted }]);
    for (territory, seen) in [(Value::Null, false), (json!(theirs), true)] {
        let body = json!({ "title": "m", "territory_id": territory, "visibility": "restricted", "decisions": decisions });
        let meeting = makers::make(&house, "/meetings", body).await;
        assert_eq!(told(&house, &pilot, "meetings", &meeting, "meeting-decisions").await, [false; 3]);
        assert_eq!(told(&house, &their_editor, "meetings", &meeting, "meeting-decisions").await, [seen; 3]);
        assert_eq!(told(&house, &house, "meetings", &meeting, "meeting-decisions").await, [true; 3]);
    }
    let indicator = makers::indicator(&house, 1).await;
    let body = json!({ "indicator_id": indicator, "subject": "action_fiche", "action_fiche_id": restricted, "territory_id": theirs,
        "text": "SECRET", "visibility": "restricted" });
    let observation = makers::make(&house, "/observations", body).await;
    for (client, seen) in [(&pilot, false), (&their_editor, true)] {
        assert_eq!(told(&house, client, "observations", &observation, "observations").await, [seen; 3]);
    }
}

#[actix_web::test]
async fn what_is_regional_is_told_to_the_region() {
    let World { house, me, .. } = world().await;
    let [normandy, loire] = [house.with(&["approver@region:28"]).await, house.with(&["approver@region:52"]).await];
    for visibility in ["partners", "restricted"] {
        let meeting = makers::make(&normandy, "/meetings", json!({ "title": "m", "region_code": "28", "visibility": visibility })).await;
        assert_eq!(told(&house, &normandy, "meetings", &meeting, "meetings").await, [true; 3], "{visibility}");
        for client in [&loire, &me, &house.anyone] {
            assert_eq!(told(&house, client, "meetings", &meeting, "meetings").await, [false; 3], "{visibility}");
        }
        normandy.delete(&format!("/meetings/{meeting}"), Some("*")).await.expect(204);
    }
}

#[actix_web::test]
async fn a_citation_is_told_to_who_sees_both_of_its_ends() {
    let World { house, mine, theirs, me, their_editor, restricted, public } = world().await;
    let document = json!({ "title": "D", "kind": "report", "territory_id": mine, "visibility": "restricted" });
    let document = makers::make(&me, "/documents", document).await;
    let cite = json!({ "document_id": document, "noun": "action-fiches", "thing_id": restricted, "passage": "S" });
    let citation = makers::make(&house, "/citations", cite.clone()).await;
    for client in [&me, &their_editor] {
        assert_eq!(told(&house, client, "citations", &citation, "citations").await, [false; 3]);
    }
    // What it names is hidden: it does not come back, and nothing fails.
    let cited = makers::make(&me, "/citations", json!({ "document_id": document, "noun": "action-fiches", "thing_id": public })).await;
    me.delete(&format!("/citations/{cited}"), Some("*")).await.expect(204);
    house.patch(&format!("/action-fiches/{public}"), Some("*"), json!({ "visibility": "restricted" })).await.expect(200);
    me.post(&format!("/citations/{cited}/restore"), json!({ "version": 1 })).await.expect(422);
    // Hidden while it is cited, it is cited before or not at all.
    let agreement =
        makers::make(&house, "/agreements", json!({ "title": "P", "territory_id": theirs, "kind": "contract", "status": "signed" })).await;
    for round in 0..40 {
        let document = makers::make(&me, "/documents", json!({ "title": format!("D{round}"), "kind": "report", "territory_id": mine })).await;
        let path = format!("/documents/{document}");
        let hide = me.patch(&path, Some("*"), json!({ "visibility": "restricted" }));
        let cite = me.post("/citations", json!({ "document_id": document, "noun": "agreements", "thing_id": agreement, "passage": "RACE" }));
        let (hidden, _) = futures_util::future::join(hide, cite).await;
        hidden.expect(200);
    }
    assert_eq!(house.anyone.get("/citations?count=true").await.expect(200).body["meta"]["total"], 0);
}

#[actix_web::test]
async fn nobody_hangs_his_things_on_those_of_others() {
    let World { house, mine, theirs, me, .. } = world().await;
    let committee = json!({ "name": "C", "level": "territorial", "kind": "project", "territory_id": theirs });
    let committee = makers::make(&house, "/committees", committee).await;
    let objective = makers::make(&house, "/objectives", json!({ "territory_id": theirs, "wording": "O" })).await;
    let event = makers::make(&house, "/events", json!({ "territory_id": theirs, "name": "E", "kind": "workshop" })).await;
    let normandy = house.with(&["approver@region:28"]).await;
    let refused = async |client: &Client, path: &str, body: Value, pointer: &str| {
        assert_eq!(client.post(path, body).await.expect(422).wrongs(), [(pointer.to_owned(), "broken_rule".to_owned())], "{path}");
    };
    refused(&me, "/meetings", json!({ "territory_id": mine, "committee_id": committee, "ordinal": 41 }), "/committee_id").await;
    refused(&normandy, "/meetings", json!({ "region_code": "28", "committee_id": committee, "ordinal": 41 }), "/committee_id").await;
    refused(&me, "/action-fiches", json!({ "territory_id": mine, "title": "x", "objective_id": objective }), "/objective_id").await;
    refused(&me, "/objectives", json!({ "territory_id": mine, "wording": "x", "parent_id": objective }), "/parent_id").await;
    refused(&me, "/events", json!({ "territory_id": mine, "name": "x", "kind": "session", "parent_id": event }), "/parent_id").await;
    let meeting = makers::make(&me, "/meetings", json!({ "territory_id": mine, "title": "x" })).await;
    me.patch(&format!("/meetings/{meeting}"), Some("*"), json!({ "committee_id": committee })).await.expect(422);
    for (path, id) in [("committees", committee), ("objectives", objective), ("events", event)] {
        house.delete(&format!("/{path}/{id}"), Some("*")).await.expect(204);
    }
}

#[actix_web::test]
async fn what_was_decided_is_the_approvers_and_said_to_whom_it_is_for() {
    let World { house, theirs, their_editor, public, .. } = world().await;
    let approver = house.with(&[&format!("approver@territory:{theirs}")]).await;
    let submit = approver.request(Method::POST, &format!("/action-fiches/{public}/transitions")).header("if-match", "*");
    send(submit.json(&json!({ "axis": "validation", "to": "submitted" }))).await.expect(200);
    let refuse = json!({ "text": "SECRET", "action_fiche_id": public, "effect": "refused" });
    let planned = json!({ "territory_id": theirs, "title": "m", "status": "planned", "decisions": [refuse] });
    assert_eq!(approver.post("/meetings", planned).await.expect(422).wrongs(), [("/decisions/0/effect".to_owned(), "not_held".to_owned())]);
    let body = json!({ "territory_id": theirs, "title": "m", "visibility": "restricted", "decisions": [refuse] });
    let meeting = makers::make(&approver, "/meetings", body).await;
    let fiche = house.anyone.get(&format!("/action-fiches/{public}")).await.expect(200).body;
    assert_eq!((&fiche["validation"], &fiche["validation_reason"]), (&json!("refused"), &Value::Null));
    let decisions = approver.get(&format!("/meetings/{meeting}/decisions")).await.expect(200);
    let decision = format!("/meetings/{meeting}/decisions/{}", decisions.rows()[0]["id"].as_str().unwrap());
    assert_eq!(their_editor.patch(&decision, Some("*"), json!({ "text": "Réécrit" })).await.expect(403).body["code"], "insufficient_role");
    their_editor.delete(&decision, Some("*")).await.expect(403);
    their_editor.delete(&format!("/meetings/{meeting}"), Some("*")).await.expect(403);
    let restore = their_editor.request(Method::POST, &format!("/meetings/{meeting}/restore")).header("if-match", "*");
    send(restore.json(&json!({ "version": 1 }))).await.expect(403);
    approver.patch(&decision, Some("*"), json!({ "text": "Relu" })).await.expect(200);
}

#[actix_web::test]
async fn nothing_comes_back_that_one_may_not_name_any_more() {
    let World { house, mine, me, public, .. } = world().await;
    let agreement = makers::make(&me, "/agreements", json!({ "title": "P", "territory_id": mine, "kind": "contract", "status": "signed" })).await;
    let link = makers::make(&me, &format!("/agreements/{agreement}/fiches"), json!({ "action_fiche_id": public })).await;
    let version = me.get(&format!("/agreements/{agreement}")).await.expect(200).body["version"].clone();
    me.delete(&format!("/agreements/{agreement}/fiches/{link}"), Some("*")).await.expect(204);
    let restore = async || {
        let restore = me.request(Method::POST, &format!("/agreements/{agreement}/restore")).header("if-match", "*");
        send(restore.json(&json!({ "version": version }))).await
    };
    house.patch(&format!("/action-fiches/{public}"), Some("*"), json!({ "visibility": "restricted" })).await.expect(200);
    assert_eq!(restore().await.expect(422).wrongs(), [("/version".to_owned(), "unknown_reference".to_owned())]);
    house.patch(&format!("/action-fiches/{public}"), Some("*"), json!({ "visibility": "public" })).await.expect(200);
    restore().await.expect(200);
}

#[actix_web::test]
async fn what_is_hidden_moves_nothing_of_what_is_seen() {
    let World { house, theirs, their_editor, public, restricted, .. } = world().await;
    let agreement =
        makers::make(&house, "/agreements", json!({ "title": "Contrat", "kind": "contract", "status": "signed", "territory_id": theirs })).await;
    let meeting = makers::make(&house, "/meetings", json!({ "title": "m", "territory_id": theirs })).await;
    let (fiche, agreement, meeting) = (format!("/action-fiches/{public}"), format!("/agreements/{agreement}"), format!("/meetings/{meeting}"));
    let note = |visibility: &str| json!({ "dated_on": "2026-11-01", "text": "SECRET", "visibility": visibility });
    let link = json!({ "action_fiche_id": restricted });
    for (whole, parts, body) in [
        (&fiche, "notes", note("restricted")),
        (&agreement, "fiches", link.clone()),
        (&meeting, "decisions", json!({ "text": "SECRET", "action_fiche_id": restricted })),
    ] {
        let looks = async |client: &Client| {
            let (one, history) = (client.get(whole).await.expect(200), client.get(&format!("{whole}/history")).await.expect(200));
            (one.etag, one.body, history.body)
        };
        let before = looks(&house.anyone).await;
        let part = their_editor.post(&format!("{whole}/{parts}"), body).await.expect(201).body["id"].as_str().unwrap().to_owned();
        let change = if parts == "fiches" { json!({ "number": 7 }) } else { json!({ "text": "SECRET 2" }) };
        their_editor.patch(&format!("{whole}/{parts}/{part}"), Some("*"), change).await.expect(200);
        assert_eq!(looks(&house.anyone).await, before, "{whole}");
        // Who may know it finds it where it was done, with who did it.
        let history = their_editor.get(&format!("{whole}/history")).await.expect(200);
        let told = history.rows()[0]["parts"].as_array().unwrap();
        assert_eq!(told.iter().map(|part| &part["action"]).collect::<Vec<_>>(), ["create", "update"], "{told:#?}");
        assert!(told.iter().all(|change| change["id"] == *part && change["author"].is_string()), "{told:#?}");
        their_editor.delete(&format!("{whole}/{parts}/{part}"), Some("*")).await.expect(204);
        assert_eq!(looks(&house.anyone).await, before, "{whole}");
    }
    // A part that is shown, or was, moves it.
    let tag = house.anyone.get(&fiche).await.expect(200).etag;
    let part = their_editor.post(&format!("{fiche}/notes"), note("restricted")).await.expect(201).body["id"].as_str().unwrap().to_owned();
    assert_eq!(house.anyone.get(&fiche).await.expect(200).etag, tag);
    for visibility in ["public", "restricted"] {
        let tag = house.anyone.get(&fiche).await.expect(200).etag;
        their_editor.patch(&format!("{fiche}/notes/{part}"), Some("*"), json!({ "visibility": visibility })).await.expect(200);
        assert_ne!(house.anyone.get(&fiche).await.expect(200).etag, tag, "{visibility}");
    }
    // And a fiche that is hidden or shown moves the agreement that names it.
    their_editor.post(&format!("{agreement}/fiches"), link).await.expect(201);
    for visibility in ["public", "restricted"] {
        let tag = house.anyone.get(&agreement).await.expect(200).etag;
        their_editor.patch(&format!("/action-fiches/{restricted}"), Some("*"), json!({ "visibility": visibility })).await.expect(200);
        assert_ne!(house.anyone.get(&agreement).await.expect(200).etag, tag, "{visibility}");
    }
    // What a restoring brings back of what is hidden is what stood under that version.
    let version = house.get(&fiche).await.expect(200).body["version"].as_i64().unwrap();
    let text = |text: &str| json!({ "text": text });
    let note = format!("{fiche}/notes/{part}");
    their_editor.patch(&note, Some("*"), text("under it")).await.expect(200);
    their_editor.patch(&fiche, Some("*"), json!({ "title": "next" })).await.expect(200);
    their_editor.patch(&note, Some("*"), text("later")).await.expect(200);
    let restore = async |version: i64| restore(&their_editor, &fiche, "*", version).await;
    restore(version).await.expect(200);
    assert_eq!(their_editor.get(&note).await.expect(200).body["text"], "under it");
    their_editor.patch(&note, Some("*"), text("last")).await.expect(200);
    let version = house.get(&fiche).await.expect(200).body["version"].as_i64().unwrap();
    their_editor.delete(&fiche, Some("*")).await.expect(204);
    restore(version).await.expect(200);
    assert_eq!(their_editor.get(&note).await.expect(200).body["text"], "last");
}

#[actix_web::test]
async fn citations_go_and_come_with_what_they_cite() {
    let World { house, mine, me, their_editor, theirs, public, .. } = world().await;
    let document = |territory: &str| json!({ "title": "d", "kind": "report", "territory_id": territory, "visibility": "public" });
    let mine = makers::make(&house, "/documents", document(&mine)).await;
    let hidden = json!({ "title": "h", "territory_id": theirs, "visibility": "restricted" });
    let hidden = makers::make(&house, "/action-fiches", hidden).await;
    let mut citations = Vec::new();
    for thing in [&public, &hidden] {
        let body = json!({ "document_id": mine, "noun": "action-fiches", "thing_id": thing, "passage": "p. 3" });
        citations.push(their_editor.post("/citations", body).await.expect(201).body["id"].as_str().unwrap().to_owned());
    }
    let there = async |citation: &str| house.get(&format!("/citations/{citation}")).await.status.as_u16();
    // Nothing of what others made of it, which one does not see, is in the way.
    me.get(&format!("/citations/{}", citations[1])).await.expect(404);
    me.delete(&format!("/documents/{mine}"), Some("*")).await.expect(204);
    assert_eq!((there(&citations[0]).await, there(&citations[1]).await), (410, 410));
    // One thing goes meanwhile: the document comes back, and cites the other one.
    their_editor.delete(&format!("/action-fiches/{hidden}"), Some("*")).await.expect(204);
    restore(&me, &format!("/documents/{mine}"), "*", 1).await.expect(200);
    assert_eq!((there(&citations[0]).await, there(&citations[1]).await), (200, 410));
    // Of what is not there, none comes back on its own either.
    restore(&house, &format!("/citations/{}", citations[1]), "*", 1).await.expect(422);
    // With the thing it went with, it comes and goes.
    their_editor.delete(&format!("/action-fiches/{public}"), Some("*")).await.expect(204);
    assert_eq!(there(&citations[0]).await, 410);
    restore(&their_editor, &format!("/action-fiches/{public}"), "*", 1).await.expect(200);
    assert_eq!(there(&citations[0]).await, 200);
}

#[actix_web::test]
async fn a_pilot_learns_nothing_of_the_other_fiches_of_its_territory() {
    let World { house, their_editor, public, restricted, .. } = world().await;
    their_editor.patch(&format!("/action-fiches/{restricted}"), Some("*"), json!({ "reference": "12" })).await.expect(200);
    let pilot = house.with(&[&format!("editor@fiche:{public}")]).await;
    let fiche = format!("/action-fiches/{public}");
    for reference in ["12", "13"] {
        pilot.patch(&fiche, Some("*"), json!({ "reference": reference })).await.expect(403);
    }
    pilot.patch(&fiche, Some("*"), json!({ "reference": null, "parent_id": null, "title": "T" })).await.expect(200);
    their_editor.patch(&fiche, Some("*"), json!({ "reference": "14" })).await.expect(200);
    restore(&pilot, &fiche, "*", 1).await.expect(403);
    restore(&pilot, &fiche, "*", 3).await.expect(200);
    their_editor.patch(&fiche, Some("*"), json!({ "reference": "12" })).await.expect(409);
}

/// What comes of it while somebody else is at it, in a transaction that ends after a while.
async fn beside<T>(house: &House, statement: &str, act: impl Future<Output = T>) -> T {
    let mut conn = house.database().await;
    conn.batch_execute(&format!("BEGIN; SET LOCAL app.author = 'another'; {statement}")).await.unwrap();
    let ends = async {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        conn.batch_execute("COMMIT").await.unwrap();
    };
    tokio::join!(ends, act).1
}

#[actix_web::test]
async fn what_comes_back_is_for_whom_it_is_for_once_others_are_done() {
    let World { house, theirs, public, .. } = world().await;
    let document = makers::make(&house, "/documents", json!({ "title": "d", "kind": "report", "visibility": "public" })).await;
    let cite = json!({ "document_id": document, "noun": "action-fiches", "thing_id": public, "passage": "SECRET" });
    let citation = format!("/citations/{}", makers::make(&house, "/citations", cite).await);
    let agreement =
        json!({ "title": "Contrat", "kind": "contract", "status": "signed", "territory_id": theirs, "fiches": [{ "action_fiche_id": public }] });
    let agreement = format!("/agreements/{}", makers::make(&house, "/agreements", agreement).await);
    let link = house.get(&format!("{agreement}/fiches")).await.expect(200).rows()[0]["id"].as_str().unwrap().to_owned();
    let document = format!("/documents/{document}");
    let (hide, gone) = (
        format!("UPDATE action_fiches SET visibility = 'restricted', version = version + 1 WHERE id = '{public}'"),
        format!("DELETE FROM agreement_fiches WHERE action_fiche_id = '{public}'; DELETE FROM action_fiches WHERE id = '{public}'"),
    );
    for (statement, comes) in [(hide, true), (gone, false)] {
        house.delete(&document, Some("*")).await.expect(204);
        house.delete(&format!("{agreement}/fiches/{link}"), Some("*")).await.expect(204);
        let both = async { tokio::join!(restore(&house, &document, "*", 1), restore(&house, &agreement, "*", 1)) };
        let (cited, named) = beside(&house, &statement, both).await;
        cited.expect(200);
        named.expect(if comes { 200 } else { 422 });
        for path in [&citation, &format!("{agreement}/fiches/{link}")] {
            assert_eq!(house.get(path).await.status.as_u16(), if comes { 200 } else { 410 }, "{path}");
            assert!([404, 410].contains(&house.anyone.get(path).await.status.as_u16()), "{path}");
        }
        stamper::catch_up(&mut house.database().await).await.unwrap();
        let seen = house.anyone.get("/changes?limit=1000").await.expect(200).body;
        let last = seen["data"].as_array().unwrap().iter().rev().find(|event| event["id"] == *link).unwrap();
        assert_eq!(last["action"], "delete", "{last:#}");
    }
}

/// Who cites a thing to the brim keeps nobody from restoring it: what is too many stays gone, and comes back alone when there is room.
#[actix_web::test]
async fn a_thing_comes_back_however_often_it_was_cited() {
    let house = house().await;
    let fiche = makers::fiche(&house, 1).await;
    let document = async |title: &str| makers::make(&house, "/documents", json!({ "title": title, "kind": "report" })).await;
    let (one, another) = (document("one").await, document("another").await);
    // By identifiers in their order, and older than any that the service gives.
    let cite = async |document: &str, first: i32| {
        let rows = format!(
            "BEGIN; SET LOCAL app.author = 'test';
             INSERT INTO citations (id, document_id, noun, thing_id, relation)
                SELECT ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, '{document}', 'action-fiches', '{fiche}', 'source'
                FROM generate_series({first}, {first} + 599) n; COMMIT"
        );
        house.database().await.batch_execute(&rows).await.unwrap();
    };
    let cited = async || house.get(&format!("/citations?thing_id={fiche}&count=true&limit=1")).await.expect(200).body["meta"]["total"].clone();
    let address = format!("/documents/{one}");
    cite(&one, 1).await;
    house.delete(&address, Some("*")).await.expect(204);
    cite(&another, 601).await;
    let body = json!({ "document_id": another, "noun": "action-fiches", "thing_id": fiche });
    let last = format!("/citations/{}", makers::make(&house, "/citations", body.clone()).await);
    house.delete(&format!("/action-fiches/{fiche}"), Some("*")).await.expect(204);
    restore(&house, &address, "*", 1).await.expect(200);
    restore(&house, &format!("/action-fiches/{fiche}"), "*", 1).await.expect(200);
    assert_eq!(cited().await, 1000);
    // The youngest of the 1201 stayed away: there is no room for it, nor for a new one, until another one goes.
    restore(&house, &last, "*", 1).await.expect(422);
    assert_eq!(house.post("/citations", body).await.expect(422).wrongs(), [("/thing_id".to_owned(), "broken_rule".to_owned())]);
    house.delete(&address, Some("*")).await.expect(204);
    restore(&house, &last, "*", 1).await.expect(200);
    restore(&house, &address, "*", 1).await.expect(200);
    assert_eq!(cited().await, 1000);
}

#[actix_web::test]
async fn a_person_is_forgotten_by_who_cites_it_just_then() {
    let house = house().await;
    let person = makers::make(&house, "/people", json!({ "name": "Jeanne Martin", "mandates": [{ "function": "Maire" }] })).await;
    let mandate = house.get(&format!("/people/{person}/mandates")).await.expect(200).rows()[0]["id"].as_str().unwrap().to_owned();
    let document = makers::make(&house, "/documents", json!({ "title": "d", "kind": "report" })).await;
    let cite = format!(
        "SELECT FROM person_mandates WHERE id = '{mandate}' FOR SHARE;
         INSERT INTO citations (id, document_id, noun, thing_id, relation, passage)
            VALUES (gen_random_uuid(), '{document}', 'person-mandates', '{mandate}', 'source', 'Jeanne SECRET')"
    );
    beside(&house, &cite, erase(&house, &person, "*")).await.expect(200);
    let told = house.get(&format!("/citations?thing_id={mandate}")).await.expect(200);
    assert_eq!((told.rows().len(), &told.rows()[0]["passage"]), (1, &Value::Null));
    let history = house.get(&format!("/citations/{}/history", told.rows()[0]["id"].as_str().unwrap())).await.expect(200);
    assert!(!history.body.to_string().contains("SECRET"), "{:#}", history.body);
}

#[actix_web::test]
async fn citations_come_back_whichever_end_went_first_and_out_of_a_merge() {
    let house = house().await;
    let document = makers::make(&house, "/documents", json!({ "title": "d", "kind": "report" })).await;
    let cite = async |noun: &str, thing: &str| {
        let body = json!({ "document_id": document, "noun": noun, "thing_id": thing });
        format!("/citations/{}", makers::make(&house, "/citations", body).await)
    };
    let territory = makers::territory(&house, "A").await;
    let mut partners = Vec::new();
    for name in ["A", "B"] {
        partners.push(makers::make(&house, "/partners", json!({ "name": name, "kind": "company" })).await);
    }
    let participants: Vec<Value> = partners.iter().map(|partner| json!({ "partner_id": partner, "role": "lead" })).collect();
    let fiche = json!({ "territory_id": territory, "title": "f", "participants": participants });
    let fiche = makers::make(&house, "/action-fiches", fiche).await;
    let twice = house.get(&format!("/action-fiches/{fiche}/participants?partner_id={}", partners[0])).await.expect(200).rows()[0]["id"].clone();
    let of_participant = cite("action-fiche-participants", twice.as_str().unwrap()).await;
    let merge = |what: &str| house.request(Method::POST, &format!("/partners/{}/{what}", partners[0])).header("If-Match", "*");
    send(merge("merge").json(&json!({ "into_id": partners[1], "reason": "x" }))).await.expect(200);
    house.get(&of_participant).await.expect(410);
    send(merge("unmerge").json(&json!({ "reason": "x" }))).await.expect(200);
    house.get(&of_participant).await.expect(200);

    let objective = makers::make(&house, "/objectives", json!({ "territory_id": territory, "wording": "o" })).await;
    let citation = cite("objectives", &objective).await;
    // And a citation of the citation.
    let of_citation = cite("citations", citation.rsplit_once('/').unwrap().1).await;
    let [objective, document] = [format!("/objectives/{objective}"), format!("/documents/{document}")];
    for [first, second] in [[&objective, &document], [&document, &objective]] {
        for (restored, other) in [(first, second), (second, first)] {
            house.delete(first, Some("*")).await.expect(204);
            house.delete(second, Some("*")).await.expect(204);
            restore(&house, restored, "*", 1).await.expect(200);
            house.get(&citation).await.expect(410);
            restore(&house, other, "*", 1).await.expect(200);
            house.get(&citation).await.expect(200);
            house.get(&of_citation).await.expect(200);
        }
    }
    // What was taken away by hand stays away.
    house.delete(&citation, Some("*")).await.expect(204);
    house.delete(&objective, Some("*")).await.expect(204);
    restore(&house, &objective, "*", 1).await.expect(200);
    house.get(&citation).await.expect(410);
}

/// What is said in public of a thing is said by whose it is: not by who publishes his document afterwards, nor by who brings one back.
#[actix_web::test]
async fn nobody_speaks_in_public_of_what_is_others() {
    let World { house, mine, me, public, .. } = world().await;
    let document = async |visibility: &str| {
        let body = json!({ "title": "d", "kind": "report", "territory_id": mine, "visibility": visibility });
        format!("/documents/{}", makers::make(&me, "/documents", body).await)
    };
    let cite = async |document: &str| {
        let body = json!({ "document_id": document.rsplit_once('/').unwrap().1, "noun": "action-fiches", "thing_id": public, "passage": "Planted" });
        me.post("/citations", body).await
    };
    cite(&document("public").await).await.expect(403);
    // By publishing the document.
    let one = document("restricted").await;
    let citation = format!("/citations/{}", cite(&one).await.expect(201).body["id"].as_str().unwrap());
    me.patch(&one, Some("*"), json!({ "visibility": "public" })).await.expect(403);
    me.patch(&one, Some("*"), json!({ "title": "Other" })).await.expect(200);
    // By taking it away meanwhile.
    me.delete(&citation, Some("*")).await.expect(204);
    me.patch(&one, Some("*"), json!({ "visibility": "public" })).await.expect(200);
    restore(&me, &citation, "*", 1).await.expect(403);
    // By bringing back the document as it was when it was public.
    let two = document("public").await;
    me.patch(&two, Some("*"), json!({ "visibility": "restricted" })).await.expect(200);
    cite(&two).await.expect(201);
    me.delete(&two, Some("*")).await.expect(204);
    restore(&me, &two, "*", 1).await.expect(403);
    restore(&me, &two, "*", 2).await.expect(200);
    assert!(house.anyone.get(&format!("/citations?thing_id={public}")).await.expect(200).rows().is_empty());
    // The nation says what it likes, and an editor brings back what was said so.
    let three = document("public").await;
    let body = json!({ "document_id": three.rsplit_once('/').unwrap().1, "noun": "action-fiches", "thing_id": public });
    let said = format!("/citations/{}", makers::make(&house, "/citations", body).await);
    me.delete(&three, Some("*")).await.expect(204);
    restore(&me, &three, "*", 1).await.expect(200);
    house.anyone.get(&said).await.expect(200);
}

#[actix_web::test]
async fn a_theme_comes_back_into_no_scheme_of_others() {
    let World { house, mine, me, .. } = world().await;
    let theme = json!({ "scheme": "first", "territory_id": mine, "code": "a", "label_fr": "A", "label_en": "A", "position": 1 });
    let theme = format!("/themes/{}", makers::make(&me, "/themes", theme).await);
    me.patch(&theme, Some("*"), json!({ "scheme": "second" })).await.expect(200);
    makers::make(&house, "/themes", json!({ "scheme": "first", "code": "n", "label_fr": "N", "label_en": "N", "position": 1 })).await;
    restore(&me, &theme, "*", 1).await.expect(403);
    restore(&me, &theme, "*", 2).await.expect(200);
    // Nor does the nation bring a territory's theme into its own scheme.
    let refused = restore(&house, &theme, "*", 1).await.expect(422);
    assert_eq!(refused.wrongs(), [("/version".to_owned(), "broken_rule".to_owned())]);
}

/// Who calls a meeting does not undo, by the meeting, what approvers elsewhere decided in it.
#[actix_web::test]
async fn what_was_decided_of_a_territory_is_its_approvers() {
    let World { house, theirs, public, .. } = world().await;
    let region = house.with(&["approver@region:28"]).await;
    let meeting = json!({ "title": "m", "region_code": "28", "status": "held", "held_on": "2026-01-10" });
    let meeting = format!("/meetings/{}", makers::make(&region, "/meetings", meeting).await);
    let approver = house.with(&[&format!("approver@territory:{theirs}")]).await;
    let move_to = async |to: &str| {
        let asked = approver.request(Method::POST, &format!("/action-fiches/{public}/transitions")).header("If-Match", "*");
        send(asked.json(&json!({ "axis": "validation", "to": to, "reason": "r" }))).await.expect(200)
    };
    move_to("submitted").await;
    let decision = json!({ "text": "Refusée", "action_fiche_id": public, "effect": "refused", "reason": "r" });
    region.post(&format!("{meeting}/decisions"), decision.clone()).await.expect(403);
    let decision = format!("{meeting}/decisions/{}", makers::make(&house, &format!("{meeting}/decisions"), decision).await);
    house.patch(&decision, Some("*"), json!({ "text": "Refusée, pour cette fois" })).await.expect(200);
    let version = house.get(&meeting).await.expect(200).body["version"].as_i64().unwrap();
    restore(&region, &meeting, "*", version - 1).await.expect(403);
    move_to("submitted").await;
    restore(&region, &meeting, "*", 1).await.expect(403);
    region.delete(&meeting, Some("*")).await.expect(403);
    house.get(&decision).await.expect(200);
    restore(&house, &meeting, "*", version - 1).await.expect(200);
}

/// Nobody's things hold those of another, who could not delete them any more.
#[actix_web::test]
async fn nobody_holds_the_things_of_others() {
    let World { house, mine, theirs, me, public, .. } = world().await;
    let committee = |territory: &str| json!({ "name": "c", "level": "territorial", "kind": "project", "territory_id": territory });
    let agreement = |territory: &str| json!({ "title": "a", "kind": "contract", "status": "signed", "territory_id": territory });
    let theme = |territory: &str, code: &str| json!({ "scheme": format!("of-{code}"), "territory_id": territory, "code": code, "label_fr": code, "label_en": code, "position": 1 });
    let their_committee = makers::make(&house, "/committees", committee(&theirs)).await;
    let their_agreement = makers::make(&house, "/agreements", agreement(&theirs)).await;
    let their_theme = makers::make(&house, "/themes", theme(&theirs, "theirs")).await;
    let with = |mut body: Value, member: &str, id: &str| {
        body[member] = json!(id);
        body
    };
    for (path, body, member, id) in [
        ("/committees", committee(&mine), "parent_id", &their_committee),
        ("/committees", committee(&mine), "becomes_id", &their_committee),
        ("/agreements", agreement(&mine), "parent_id", &their_agreement),
        ("/action-fiches", json!({ "territory_id": mine, "title": "f" }), "proposed_by_committee_id", &their_committee),
        ("/objectives", json!({ "territory_id": mine, "wording": "o" }), "theme_id", &their_theme),
        ("/themes", theme(&mine, "mine"), "parent_id", &their_theme),
    ] {
        let refused = me.post(path, with(body.clone(), member, id)).await.expect(422);
        assert_eq!(refused.wrongs(), [(format!("/{member}"), "broken_rule".to_owned())], "{path}");
        me.post(path, body).await.expect(201);
    }
    // What works at the national level is the nation's, with its meetings.
    for place in [json!({ "territory_id": mine }), json!({ "region_code": "28" })] {
        let mut body = json!({ "name": "n", "level": "national", "kind": "steering" });
        body.as_object_mut().unwrap().extend(place.as_object().unwrap().clone());
        assert_eq!(house.post("/committees", body).await.expect(422).wrongs(), [("/level".to_owned(), "broken_rule".to_owned())]);
    }
    let national = makers::make(&house, "/committees", json!({ "name": "n", "level": "national", "kind": "steering" })).await;
    me.post("/meetings", json!({ "title": "m", "committee_id": national })).await.expect(403);
    me.post("/meetings", json!({ "title": "m", "committee_id": national, "territory_id": mine })).await.expect(422);
    house.delete(&format!("/action-fiches/{public}"), Some("*")).await.expect(204);
}

#[actix_web::test]
async fn who_may_not_be_named_today_is_not_named_as_of_then() {
    let World { house, mine, theirs, me, .. } = world().await;
    let person = makers::make(&house, "/people", json!({ "name": "Jeanne Martin", "publication_basis": "elected_mandate" })).await;
    let mut seats = Vec::new();
    for territory in [&mine, &theirs] {
        let body = json!({ "name": "c", "level": "territorial", "kind": "project", "territory_id": territory, "seats": [{ "person_id": person }] });
        let committee = makers::make(&house, "/committees", body).await;
        let seat = house.get(&format!("/committees/{committee}/seats")).await.expect(200).rows()[0]["id"].as_str().unwrap().to_owned();
        seats.push(format!("/committees/{committee}/seats/{seat}"));
    }
    let then = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    let asked = async |person: &str| {
        let named = [me.get(&format!("{}?as_of={then}", seats[0])).await, me.get(&format!("{}?as_of={then}", seats[1])).await];
        let found = me.get(&format!("/committees?person_id={person}&as_of={then}")).await.expect(200).rows().len();
        (named.map(|seat| seat.expect(200).body["person_id"].is_string()), found)
    };
    assert_eq!(asked(&person).await, ([true, true], 2));
    house.patch(&format!("/people/{person}"), Some("*"), json!({ "publication_basis": "not_publishable" })).await.expect(200);
    assert_eq!(asked(&person).await, ([true, false], 1));
}

#[actix_web::test]
async fn what_was_public_and_is_hidden_is_not_told_again() {
    let World { house, theirs, their_editor, .. } = world().await;
    let fiche = makers::make(&house, "/action-fiches", json!({ "territory_id": theirs, "title": "SECRET", "visibility": "public" })).await;
    let one = format!("/action-fiches/{fiche}");
    let told = async |client: &Client| {
        stamper::catch_up(&mut house.database().await).await.unwrap();
        let events = client.get("/changes?noun=action-fiches&limit=1000").await.expect(200);
        let mine = events.rows().iter().filter(|event| event["id"] == *fiche);
        mine.map(|event| (event["action"].as_str().unwrap().to_owned(), event["data"]["title"] == "SECRET")).collect::<Vec<_>>()
    };
    let event = |action: &str, told: bool| (action.to_owned(), told);
    house.patch(&one, Some("*"), json!({ "visibility": "restricted" })).await.expect(200);
    assert_eq!(told(&house.anyone).await, [event("create", false), event("delete", false)]);
    assert_eq!(told(&their_editor).await, [event("create", true), event("update", true)]);
    house.delete(&one, Some("*")).await.expect(204);
    assert_eq!(told(&house.anyone).await, [event("create", false), event("delete", false)]);
    assert_eq!(told(&their_editor).await, [event("create", true), event("update", true), event("delete", false)]);
}

/// A figure is told with its document to who sees that, and to others without it.
#[actix_web::test]
async fn a_figure_names_no_document_that_is_hidden() {
    let World { house, theirs, their_editor, .. } = world().await;
    let body = json!({ "title": "d", "kind": "report", "territory_id": theirs, "visibility": "restricted" });
    let document = makers::make(&house, "/documents", body).await;
    let indicator = makers::indicator(&house, 1).await;
    let body =
        json!({ "indicator_id": indicator, "subject": "territory", "territory_id": theirs, "kind": "actual", "value": 52, "document_id": document });
    let one = format!("/observations/{}", makers::make(&house, "/observations", body).await);
    let named = async |client: &Client| {
        stamper::catch_up(&mut house.database().await).await.unwrap();
        let (read, history) = (client.get(&one).await.expect(200), client.get(&format!("{one}/history")).await.expect(200));
        let found = client.get(&format!("/observations?document_id={document}")).await.expect(200).rows().len();
        let feed = client.get("/changes?noun=observations").await.expect(200);
        [read.body["document_id"].is_string(), history.body.to_string().contains(&document), found == 1, feed.body.to_string().contains(&document)]
    };
    assert_eq!([named(&house.anyone).await, named(&their_editor).await], [[false; 4], [true; 4]]);
    let version = house.anyone.get(&one).await.expect(200).body["version"].clone();
    house.patch(&format!("/documents/{document}"), Some("*"), json!({ "visibility": "public" })).await.expect(200);
    assert_eq!(named(&house.anyone).await, [true; 4]);
    assert_ne!(house.anyone.get(&one).await.expect(200).body["version"], version);
    house.patch(&format!("/documents/{document}"), Some("*"), json!({ "visibility": "partners" })).await.expect(200);
    assert_eq!([named(&house.anyone).await, named(&their_editor).await], [[false; 4], [true; 4]]);
}

/// Nothing stands above itself, comes before itself or stands in for itself, by however many steps.
#[actix_web::test]
async fn nothing_leads_back_to_itself() {
    let house = house().await;
    let wrong = |member: &str| vec![(format!("/{member}"), "broken_rule".to_owned())];
    for (list, member) in [
        ("/themes", "parent_id"),
        ("/partners", "parent_id"),
        ("/partners", "predecessor_id"),
        ("/committees", "parent_id"),
        ("/committees", "becomes_id"),
        ("/objectives", "parent_id"),
        ("/events", "parent_id"),
        ("/agreements", "parent_id"),
    ] {
        let mut chain: Vec<String> = Vec::new();
        let mut territory = Value::Null;
        for number in 0..3 {
            let mut body = makers::body(&house, list, 7000 + number).await;
            if body["territory_id"].is_string() {
                territory = if territory.is_null() { body["territory_id"].clone() } else { territory };
                body["territory_id"] = territory.clone();
            }
            if let Some(above) = chain.last() {
                body[member] = json!(above);
            }
            // Each noun is asked for anew in each of its hierarchies.
            for name in ["name", "code", "title", "wording"] {
                if body[name].is_string() {
                    body[name] = json!(format!("{member}_{number}"));
                }
            }
            chain.push(makers::make(&house, list, body).await);
        }
        let of = |id: &str| format!("{list}/{id}");
        for above in &chain[1..] {
            let refused = house.patch(&of(&chain[0]), Some("*"), json!({ member: above })).await.expect(422);
            assert_eq!(refused.wrongs(), wrong(member), "{list}");
        }
        // What hangs below may hang elsewhere; and two who close a circle together do not get there.
        house.patch(&of(&chain[2]), Some("*"), json!({ member: chain[0] })).await.expect(200);
        for id in &chain {
            house.patch(&of(id), Some("*"), json!({ member: null })).await.expect(200);
        }
        let [there, back] = [(&chain[0], &chain[1]), (&chain[1], &chain[0])].map(|(one, other)| {
            let (path, editor, body) = (of(one), house.editor.clone(), json!({ member: other }));
            async move { editor.patch(&path, Some("*"), body).await.status.as_u16() }
        });
        let (there, back) = tokio::join!(there, back);
        assert!(matches!((there, back), (200, 422) | (422, 200)), "{list} {member}: {there} {back}");
    }
    let mut territories = Vec::new();
    for name in ["A", "B", "C"] {
        territories.push(makers::territory(&house, name).await);
    }
    let succeed = async |from: usize, to: usize| {
        house.post(&format!("/territories/{}/successions", territories[from]), json!({ "successor_id": territories[to], "kind": "continued" })).await
    };
    succeed(0, 1).await.expect(201);
    succeed(1, 2).await.expect(201);
    assert_eq!(succeed(2, 0).await.expect(422).wrongs(), wrong("successor_id"));
    let committee = makers::body(&house, "/committees", 8000).await;
    let seats = format!("/committees/{}/seats", makers::make(&house, "/committees", committee).await);
    let first = makers::make(&house, &seats, json!({ "function": "Élue" })).await;
    let second = makers::make(&house, &seats, json!({ "function": "Industriel", "alternate_of": first })).await;
    let refused = house.patch(&format!("{seats}/{first}"), Some("*"), json!({ "alternate_of": second })).await.expect(422);
    assert_eq!(refused.wrongs(), wrong("alternate_of"));
}
