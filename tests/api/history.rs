//! What happened to a thing: told to whom it may be told, brought back with its parts, and forgotten where a person asks.

use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use reqwest::Method;
use serde_json::{Value, json};
use territoires_industrie::ledger::{
    stamper,
    verify::{Verdict, verify},
};

use crate::support::{House, erase, house, makers, restore, send};

/// A fiche with two participants and a theme.
async fn fiche(house: &House) -> (String, Vec<String>) {
    let territory = makers::territory(house, "Alençon").await;
    let (one, other) = (makers::partner(house, "Un").await, makers::partner(house, "Deux").await);
    let theme = makers::theme(house, "eau").await;
    let body = json!({ "territory_id": territory, "title": "Usine", "budget_eur": 1234.5, "themes": [{ "theme_id": theme }],
        "participants": [{ "partner_id": one, "role": "lead" }, { "partner_id": other, "role": "partner" }] });
    let made = house.post("/action-fiches", body).await.expect(201);
    (format!("/action-fiches/{}", made.body["id"].as_str().unwrap()), vec![territory, one, other])
}

fn fields(version: &Value) -> Vec<(&str, &Value, &Value)> {
    version["fields"].as_array().unwrap().iter().map(|field| (field["name"].as_str().unwrap(), &field["before"], &field["after"])).collect()
}

#[actix_web::test]
async fn each_version_tells_what_changed_parts_included() {
    let house = house().await;
    let (one, _) = fiche(&house).await;
    house.patch(&one, Some("*"), json!({ "title": "Usine neuve", "budget_eur": null })).await.expect(200);
    let participants = house.get(&format!("{one}/participants?role=partner")).await.expect(200);
    let part = format!("{one}/participants/{}", participants.rows()[0]["id"].as_str().unwrap());
    house.patch(&part, Some("*"), json!({ "role": "pilot" })).await.expect(200);
    house.delete(&part, Some("*")).await.expect(204);
    let history = house.get(&format!("{one}/history")).await.expect(200);
    let [gone, moved, changed, made] = history.rows().as_slice() else { panic!("{:#}", history.body) };
    assert_eq!(made["parts"].as_array().unwrap().len(), 3);
    assert!(made["fields"].as_array().unwrap().contains(&json!({ "name": "title", "before": null, "after": "Usine" })));
    assert_eq!(fields(changed), [("title", &json!("Usine"), &json!("Usine neuve")), ("budget_eur", &json!(1234.5), &json!(null))]);
    assert_eq!((fields(moved), moved["parts"].as_array().unwrap().len()), (Vec::new(), 1));
    let told = &moved["parts"][0];
    assert_eq!((&told["noun"], &told["action"]), (&json!("action-fiche-participants"), &json!("update")));
    assert_eq!(fields(told), [("role", &json!("partner"), &json!("pilot"))]);
    assert_eq!(gone["parts"][0]["action"], "delete");
    assert!(gone["request"].is_string() && gone["recorded_at"].is_string());
}

#[actix_web::test]
async fn a_deleted_fiche_comes_back_with_its_parts_and_so_does_an_earlier_version() {
    let house = house().await;
    let (one, places) = fiche(&house).await;
    let at_first = house.get(&format!("{one}?include=participants,themes")).await.expect(200).body;
    house.delete(&format!("{one}/participants/{}", at_first["participants"][0]["id"].as_str().unwrap()), Some("*")).await.expect(204);
    let changed = json!({ "title": "Autre", "visibility": "restricted" });
    house.patch(&one, Some("*"), changed).await.expect(200);
    house.post(&format!("{one}/participants"), json!({ "partner_id": places[1], "role": "owner" })).await.expect(201);
    let before = house.get(&format!("{one}?include=participants,themes")).await.expect(200).body;
    house.delete(&one, Some("*")).await.expect(204);
    house.get(&one).await.expect(410);
    let team = house.with(&[&format!("editor@territory:{}", places[0])]).await;
    let elsewhere = house.with(&["editor@territory:00000000-0000-7000-8000-000000000000"]).await;
    for (client, status) in [(&house.anyone, 401), (&elsewhere, 404), (&team, 200)] {
        client.post(&format!("{one}/restore"), json!({ "version": 4 })).await.expect(status);
    }
    let same = |mut one: Value| {
        for name in ["version", "created_at", "updated_at"] {
            one.as_object_mut().unwrap().remove(name);
        }
        for parts in ["participants", "themes"] {
            for part in one[parts].as_array_mut().unwrap() {
                for name in ["version", "created_at", "updated_at"] {
                    part.as_object_mut().unwrap().remove(name);
                }
            }
        }
        one
    };
    let back = house.get(&format!("{one}?include=participants,themes")).await.expect(200).body;
    assert_eq!((same(back), json!(6)), (same(before), house.get(&one).await.expect(200).body["version"].clone()));
    // A living one goes back as a whole, too.
    restore(&team, &one, "\"v6\"", 1).await.expect(200);
    let first = house.get(&format!("{one}?include=participants,themes")).await.expect(200).body;
    assert_eq!((&first["version"], same(first.clone())), (&json!(7), same(at_first)));
    // What a committee decided is brought back by who may decide.
    let submit = json!({ "axis": "validation", "to": "submitted" });
    send(house.request(Method::POST, &format!("{one}/transitions")).header("If-Match", "\"v7\"").json(&submit)).await.expect(200);
    makers::decide(&house, &places[0], one.rsplit_once('/').unwrap().1, "validated", "Décidé").await.expect(201);
    restore(&team, &one, "\"v9\"", 1).await.expect(403);
    restore(&house, &one, "\"v9\"", 1).await.expect(200);
    restore(&team, &one, "\"v10\"", 9).await.expect(403);
    // What it leans on must be there.
    let lonely = house.post("/action-fiches", json!({ "territory_id": places[0], "title": "Seule", "participants": [{ "partner_id": makers::partner(&house, "Bref").await, "role": "lead" }] }));
    let lonely = lonely.await.expect(201).location.unwrap();
    let partner = house.get(&format!("{lonely}/participants")).await.expect(200).rows()[0]["partner_id"].as_str().unwrap().to_owned();
    house.delete(&lonely, Some("*")).await.expect(204);
    house.delete(&format!("/partners/{partner}"), Some("*")).await.expect(204);
    let refused = house.post(&format!("{lonely}/restore"), json!({ "version": 1 })).await.expect(422);
    assert_eq!(refused.wrongs(), [("/version".to_owned(), "unknown_reference".to_owned())]);
    assert_eq!(refused.body["detail"], "partner_id: Refers to something that is not there.");
}

#[actix_web::test]
async fn parts_that_lean_on_each_other_come_back_in_any_order() {
    let house = house().await;
    let made = house.post(
        "/committees",
        json!({ "name": "CoPil", "level": "national", "kind": "steering", "seats": [{ "function": "Préfet" }, { "function": "Adjoint" }] }),
    );
    let one = format!("/committees/{}", made.await.expect(201).body["id"].as_str().unwrap());
    let seats = house.get(&format!("{one}/seats")).await.expect(200);
    let id = |index: usize| seats.rows()[index]["id"].as_str().unwrap().to_owned();
    // The first leans on the second.
    house.patch(&format!("{one}/seats/{}", id(0)), Some("*"), json!({ "alternate_of": id(1), "capacity": "alternate" })).await.expect(200);
    house.delete(&one, Some("*")).await.expect(204);
    for (version, code) in [(json!(1.5), "not_whole"), (json!(0), "out_of_range"), (json!("2"), "invalid_type")] {
        let refused = house.post(&format!("{one}/restore"), json!({ "version": version })).await.expect(422);
        assert_eq!(refused.wrongs(), [("/version".to_owned(), code.to_owned())]);
    }
    // To JSON Schema, and to R, that is an integer.
    house.post(&format!("{one}/restore"), json!({ "version": 2.0 })).await.expect(200);
    assert_eq!(house.get(&format!("{one}/seats/{}", id(0))).await.expect(200).body["alternate_of"], id(1));
    restore(&house, &one, "\"v4\"", 1).await.expect(200);
    restore(&house, &one, "\"v5\"", 2).await.expect(200);
    assert_eq!(house.get(&format!("{one}/seats/{}", id(0))).await.expect(200).body["alternate_of"], id(1));
}

#[actix_web::test]
async fn a_history_tells_no_more_than_one_may_read() {
    let house = house().await;
    let territory = makers::territory(&house, "Alençon").await;
    let reader = house.with(&[&format!("reader@territory:{territory}")]).await;
    let made = house.post("/action-fiches", json!({ "territory_id": territory, "title": "Secret", "visibility": "partners" })).await.expect(201);
    let one = format!("/action-fiches/{}", made.body["id"].as_str().unwrap());
    // Hidden and absent are told alike.
    let (hidden, absent) = (
        house.anyone.get(&format!("{one}/history")).await.expect(404),
        house.anyone.get("/action-fiches/00000000-0000-7000-8000-000000000000/history").await.expect(404),
    );
    assert_eq!((&hidden.body["code"], &hidden.body["detail"]), (&absent.body["code"], &absent.body["detail"]));
    house.anyone.get(&format!("/partners/{}/history", made.body["id"].as_str().unwrap())).await.expect(404);
    house.get(&format!("/partners/{}/history", made.body["id"].as_str().unwrap())).await.expect(404);
    house.patch(&one, Some("*"), json!({ "title": "Public", "visibility": "public" })).await.expect(200);
    house.patch(&one, Some("*"), json!({ "title": "Réservé", "visibility": "restricted" })).await.expect(200);
    // What is hidden today has no history; once it is not, the history tells of what was not hidden then.
    house.anyone.get(&format!("{one}/history")).await.expect(404);
    reader.get(&format!("{one}/history")).await.expect(404);
    assert_eq!(house.get(&format!("{one}/history")).await.expect(200).rows().len(), 3);
    house.patch(&one, Some("*"), json!({ "title": "Publié", "visibility": "public" })).await.expect(200);
    let told = house.anyone.get(&format!("{one}/history")).await.expect(200);
    let actions = |told: &crate::support::Answer| told.rows().iter().map(|version| version["action"].clone()).collect::<Vec<Value>>();
    assert_eq!(actions(&told), ["create", "create"]);
    let text = told.body.to_string();
    assert!(!text.contains("Secret") && !text.contains("Réservé") && text.contains("Public"), "{text}");
    assert_eq!(actions(&reader.get(&format!("{one}/history")).await.expect(200)), ["create", "update", "create"]);

    // A person, and the seats that name it.
    let person =
        house.post("/people", json!({ "name": "Jeanne Martin", "publication_basis": "elected_mandate" })).await.expect(201).body["id"].clone();
    let person = person.as_str().unwrap();
    let committee = json!({ "name": "CoPil", "level": "territorial", "kind": "steering", "territory_id": territory, "seats": [{ "person_id": person, "function": "Maire" }] });
    let committee = format!("/committees/{}", house.post("/committees", committee).await.expect(201).body["id"].as_str().unwrap());
    house.anyone.get(&format!("/people/{person}/history")).await.expect(200);
    assert!(house.anyone.get(&format!("{committee}/history")).await.expect(200).body.to_string().contains(person));
    house.patch(&format!("/people/{person}"), Some("*"), json!({ "publication_basis": "not_publishable" })).await.expect(200);
    house.anyone.get(&format!("/people/{person}/history")).await.expect(404);
    let seen = house.anyone.get(&format!("{committee}/history")).await.expect(200).body.to_string();
    assert!(!seen.contains(person) && seen.contains("Maire"), "{seen}");
    assert!(reader.get(&format!("/people/{person}/history")).await.expect(200).rows().len() > 1);
    assert!(reader.get(&format!("{committee}/history")).await.expect(200).body.to_string().contains(person));
    // In the feed, what came before tells nobody's name any more.
    stamper::catch_up(&mut house.database().await).await.unwrap();
    let feed = house.anyone.get("/changes?limit=1000").await.expect(200);
    assert!(!feed.body.to_string().contains("Jeanne") && feed.rows().last().is_some(), "{:#}", feed.body);
    assert!(reader.get("/changes?limit=1000").await.expect(200).body.to_string().contains("Jeanne"));
}

#[actix_web::test]
async fn a_person_who_is_erased_is_erased_everywhere_and_the_chain_holds() {
    let house = house().await;
    let body = json!({ "name": "Jeanne Martin", "variants": ["J. Martin"], "publication_basis": "elected_mandate",
        "mandates": [{ "function": "Maire de Xanton", "note": "Élue en 2020" }, { "function": "Sénatrice" }] });
    let made = house.post("/people", body).await.expect(201);
    let id = made.body["id"].as_str().unwrap().to_owned();
    let one = format!("/people/{id}");
    let committee = json!({ "name": "CoPil", "level": "national", "kind": "steering", "seats": [{ "person_id": id }] });
    let committee = house.post("/committees", committee).await.expect(201).body["id"].as_str().unwrap().to_owned();
    house.patch(&one, Some("*"), json!({ "name": "Jeanne Martin-Durand" })).await.expect(200);
    let mut conn = house.database().await;
    stamper::catch_up(&mut conn).await.unwrap();
    let public = house.anyone.get("/changes?noun=people&limit=1000").await.expect(200);
    assert!(public.body.to_string().contains("Martin-Durand"));
    // Some of its lines have no number yet when it is erased.
    let mandate = house.get(&format!("{one}/mandates")).await.expect(200).rows()[1]["id"].as_str().unwrap().to_owned();
    // A document speaks of it, of a mandate that goes with what it says, and no more of it.
    let document = makers::make(&house, "/documents", json!({ "title": "Portrait", "kind": "report", "visibility": "public" })).await;
    let cite = async |noun: &str, thing: &str, passage: &str| {
        makers::make(&house, "/citations", json!({ "document_id": document, "noun": noun, "thing_id": thing, "passage": passage })).await
    };
    cite("people", &id, "Jeanne Martin préside").await;
    cite("person-mandates", &mandate, "Martin, Sénatrice").await;
    let withdrawn = cite("people", &id, "Martin partira").await;
    let other = cite("committees", &committee, "Le comité se réunit").await;
    house.delete(&format!("/citations/{withdrawn}"), Some("*")).await.expect(204);
    house.delete(&format!("{one}/mandates/{mandate}"), Some("*")).await.expect(204);

    // Where it sits, its function may name it; so may a passage about the seat, why a thing was written, and how a client called the request.
    let seats = format!("/committees/{committee}/seats");
    let seat =
        house.post(&seats, json!({ "person_id": id, "function": "Maire de Xanton" })).await.expect(201).body["id"].as_str().unwrap().to_owned();
    let successor = makers::make(&house, "/people", json!({ "name": "Paul Durand" })).await;
    let handed =
        house.post(&seats, json!({ "person_id": successor, "function": "Adjoint" })).await.expect(201).body["id"].as_str().unwrap().to_owned();
    cite("committee-seats", &seat, "Martin siège").await;
    let named = house.request(Method::PATCH, &format!("{seats}/{seat}")).header("If-Match", "*").header("X-Request-Id", "Martin-preside");
    send(named.json(&json!({ "capacity": "chair" }))).await.expect(200);
    let version = house.get(&format!("/committees/{committee}")).await.expect(200).body["version"].as_i64().unwrap();
    let back = house.request(Method::POST, &format!("/committees/{committee}/restore")).header("If-Match", "*");
    send(back.json(&json!({ "version": version - 1, "reason": "Mme Martin ne préside pas" }))).await.expect(200);
    stamper::catch_up(&mut conn).await.unwrap();

    let tag = house.get(&one).await.expect(200).etag.unwrap();
    erase(&house.anyone, &id, &tag).await.expect(401);
    erase(&house.with(&["editor@nation"]).await, &id, &tag).await.expect(403);
    erase(&house.with(&["approver@territory:00000000-0000-7000-8000-000000000000"]).await, &id, &tag).await.expect(403);
    erase(&house, &id, "\"v1\"").await.expect(412);
    let erased = erase(&house, &id, &tag).await.expect(200);
    let expected = json!({ "name": "Personne effacée", "variants": [], "publication_basis": "not_publishable" });
    for (member, value) in expected.as_object().unwrap() {
        assert_eq!(&erased.body[member], value);
    }
    let citations = format!("/citations?thing_id={id},{seat}");
    let committees = format!("/committees/{committee}/history?limit=200");
    for path in [
        format!("{one}?include=mandates"),
        format!("{one}/history?limit=200"),
        "/changes?limit=1000".to_owned(),
        citations,
        committees,
        seats.clone(),
    ] {
        stamper::catch_up(&mut conn).await.unwrap();
        let seen = house.get(&path).await.expect(200).body.to_string();
        for word in ["Jeanne", "Martin", "Xanton", "Élue", "Sénatrice"] {
            assert!(!seen.contains(word), "{path} tells {word}: {seen}");
        }
    }
    assert_eq!(house.get(&format!("/citations/{other}")).await.expect(200).body["passage"], "Le comité se réunit");
    assert_eq!(house.get(&format!("{seats}/{handed}")).await.expect(200).body["function"], "Adjoint");
    let lines = "SELECT ledger::text AS text FROM ledger UNION ALL SELECT idempotency_keys::text FROM idempotency_keys";
    let lines: Vec<Text> = diesel::sql_query(lines).load(&mut conn).await.unwrap();
    assert!(lines.iter().all(|line| !line.text.contains("Martin")), "a line tells the name");
    // Its seat and the trace of what was done stay.
    assert_eq!(house.get(&format!("/committees/{committee}/seats")).await.expect(200).rows()[0]["person_id"], id);
    let history = house.get(&format!("{one}/history")).await.expect(200);
    assert!(
        history
            .rows()
            .iter()
            .any(|version| version["action"] == "erase" && version["reason"] == "À sa demande" && version["author"] == "editor of the tests")
    );
    // Copies are told.
    let events = house.get("/changes?noun=people,person-mandates&limit=1000").await.expect(200);
    let erasure = events.rows().iter().find(|event| event["action"] == "erase" && event["id"] == id).unwrap();
    assert_eq!(erasure["data"]["name"], "Personne effacée");
    let next = format!("/changes?noun=people&limit=1000&cursor={}", public.body["meta"]["next_cursor"].as_str().unwrap());
    let events = house.anyone.get(&next).await.expect(200);
    assert_eq!((&events.rows().last().unwrap()["action"], &events.rows().last().unwrap()["data"]), (&json!("delete"), &json!(null)));
    assert!(matches!(verify(None, &mut conn).await.unwrap(), Verdict::Sound { lines, .. } if lines > 8));
    // An earlier version brings nothing back.
    let tag = house.get(&one).await.expect(200).etag.unwrap();
    restore(&house, &one, &tag, 1).await.expect(200);
    assert_eq!(house.get(&one).await.expect(200).body["name"], "Personne effacée");
}

/// Restores of what is deleted, beside its deletion: each version is made once, and the ledger agrees with what stands.
#[actix_web::test]
async fn a_version_is_made_once_whoever_restores_and_deletes_at_once() {
    let house = house().await;
    let mut conn = house.database().await;
    for round in 0..12 {
        let path = format!("/partners/{}", makers::partner(&house, &format!("Disputé {round}")).await);
        house.delete(&path, Some("*")).await.expect(204);
        let restore = || {
            let (restore, editor) = (format!("{path}/restore"), house.editor.clone());
            async move {
                let request = editor.request(Method::POST, &restore).header("If-Match", "*").json(&json!({ "version": 1 }));
                send(request).await.status.as_u16()
            }
        };
        let delete = || {
            let (path, editor) = (path.clone(), house.editor.clone());
            async move { editor.delete(&path, Some("*")).await.status.as_u16() }
        };
        let (one, two, three, gone, again) = tokio::join!(restore(), restore(), restore(), delete(), delete());
        assert!([one, two, three].iter().all(|status| *status == 200), "{one} {two} {three}");
        assert!([gone, again].iter().all(|status| matches!(status, 204 | 410)), "{gone} {again}");
        let versions = house.get(&format!("{path}/history?limit=100")).await.expect(200);
        let versions: Vec<i64> = versions.rows().iter().map(|row| row["version"].as_i64().unwrap()).collect();
        let last = versions.len() as i64;
        assert_eq!(versions, (1..=last).rev().collect::<Vec<_>>(), "{path}");
        let stands = house.get(&path).await;
        assert!(stands.status == 410 || stands.body["version"] == last, "{stands:?} at {last}");
    }
    stamper::catch_up(&mut conn).await.unwrap();
    assert!(matches!(verify(None, &mut conn).await.unwrap(), Verdict::Sound { .. }));
}

#[derive(diesel::QueryableByName)]
struct Text {
    #[diesel(sql_type = diesel::sql_types::Text)]
    text: String,
}

/// A page of a history costs what it tells, whatever was written under the thing before; and the thing can be restored.
#[actix_web::test]
async fn a_thing_with_thousands_of_changes_has_a_history_and_comes_back() {
    let house = house().await;
    let (one, _) = fiche(&house).await;
    let mut conn = house.database().await;
    // Each change of the participant in a transaction of its own.
    conn.batch_execute("SET statement_timeout = 0; SET app.author = 'test'").await.unwrap();
    let change = "DO $$ BEGIN FOR n IN 1..6000 LOOP
        UPDATE action_fiche_participants SET note = n::text WHERE role = 'lead'; COMMIT; END LOOP; END $$";
    conn.batch_execute(change).await.unwrap();
    let history = house.get(&format!("{one}/history?limit=1")).await.expect(200);
    let last = &history.rows()[0];
    assert_eq!((&last["version"], &last["parts"][0]["fields"][0]["after"]), (&json!(6001), &json!("6000")));
    let page = house.get(&format!("{one}/history?limit=200")).await.expect(200);
    assert!(page.rows().iter().all(|version| version["parts"].as_array().unwrap().len() == 1));
    house.patch(&one, Some("\"v1\""), json!({ "title": "x" })).await.expect(412);
    restore(&house, &one, "*", 1).await.expect(200);
    let lead = house.get(&format!("{one}/participants?role=lead")).await.expect(200);
    assert_eq!(lead.rows()[0]["note"], json!(null));
    stamper::catch_up(&mut conn).await.unwrap();
    house.get("/changes?limit=1000").await.expect(200);
}

/// The version of its whole that stands on the line of a part is the one that its transaction made last; else the one that stood.
#[actix_web::test]
async fn the_line_of_a_part_names_the_version_of_its_whole() {
    let house = house().await;
    let (one, places) = fiche(&house).await;
    let commit = async |partner: &str, text: &str| {
        let body = json!({ "territory_id": places[0], "side": "economic", "text": text });
        house.post(&format!("/partners/{partner}/commitments"), body).await.expect(201)
    };
    // A whole that its transaction changes twice: merged into what it was the parent of.
    commit(&places[2], "Dix emplois").await;
    house.patch(&format!("/partners/{}", places[1]), Some("*"), json!({ "parent_id": places[2] })).await.expect(200);
    let merge = house.request(Method::POST, &format!("/partners/{}/merge", places[2])).header("If-Match", "*");
    send(merge.json(&json!({ "into_id": places[1] }))).await.expect(200);
    send(house.request(Method::POST, &format!("/partners/{}/unmerge", places[2])).json(&json!({ "reason": "Deux" }))).await.expect(200);
    // A part for fewer than its whole moves nothing; then both change at once.
    house.patch(&one, Some("*"), json!({ "visibility": "public" })).await.expect(200);
    let note =
        house.post(&format!("{one}/notes"), json!({ "dated_on": "2025-01-31", "text": "Interne", "visibility": "restricted" })).await.expect(201);
    house.patch(&note.location.unwrap(), Some("*"), json!({ "text": "Interne aussi" })).await.expect(200);
    let mut conn = house.database().await;
    let both = "BEGIN; SET LOCAL app.author = 'test'; UPDATE action_fiche_notes SET text = 'z'; UPDATE action_fiches SET title = 'z'; COMMIT";
    conn.batch_execute(both).await.unwrap();
    house.patch(&one, Some("*"), json!({ "visibility": "restricted" })).await.expect(200);
    house.delete(&one, Some("*")).await.expect(204);
    house.post(&format!("{one}/restore"), json!({ "version": 1 })).await.expect(200);
    let odd = "SELECT line.id || ': ' || line.noun || ' of ' || coalesce(line.parent_version::text, 'none') || ' and not ' || due.version AS text
        FROM ledger line CROSS JOIN LATERAL (SELECT max(whole.version) AS version FROM ledger whole
            WHERE whole.thing = line.parent AND (whole.id < line.id OR whole.transaction = line.transaction)) due
        WHERE line.parent IS NOT NULL AND line.parent_version IS DISTINCT FROM due.version";
    let odd: Vec<Text> = diesel::sql_query(odd).load(&mut conn).await.unwrap();
    assert!(odd.is_empty(), "{:?}", odd.iter().map(|odd| &odd.text).collect::<Vec<_>>());
    let parts = diesel::sql_query("SELECT count(*)::text AS text FROM ledger WHERE parent IS NOT NULL").get_result::<Text>(&mut conn).await.unwrap();
    assert!(parts.text.parse::<u32>().unwrap() > 20, "{}", parts.text);
    stamper::catch_up(&mut conn).await.unwrap();
    assert!(matches!(verify(None, &mut conn).await.unwrap(), Verdict::Sound { .. }));
}
