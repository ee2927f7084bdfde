//! Two partners that are one, and are two again: no link is lost on the way.

use std::collections::BTreeMap;

use diesel::{QueryableByName, sql_query, sql_types::Text};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use reqwest::{Method, redirect};
use serde_json::{Value, json};

use crate::support::{Answer, Client, House, demo_house, house, makers, send};

#[derive(QueryableByName)]
struct Told {
    #[diesel(sql_type = Text)]
    told: String,
}

async fn ask(house: &House, query: &str) -> Vec<String> {
    let told: Vec<Told> = sql_query(query).load(&mut house.database().await).await.unwrap();
    told.into_iter().map(|told| told.told).collect()
}

/// Every row that refers to a partner, by the member that does: `committee_seats.partner_id`.
async fn links(house: &House, partner: &str) -> BTreeMap<String, Vec<String>> {
    links_to(house, "partners", partner).await
}

/// Every row that refers to a thing of this noun.
async fn links_to(house: &House, noun: &str, thing: &str) -> BTreeMap<String, Vec<String>> {
    let members = format!(
        "SELECT conrelid::regclass || '.' || attname AS told FROM pg_constraint
        JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1] WHERE contype = 'f' AND confrelid = '{noun}'::regclass"
    );
    let mut links = BTreeMap::new();
    for member in ask(house, &members).await {
        let table = member.split('.').next().unwrap();
        let rows = ask(house, &format!("SELECT id::text AS told FROM {table} WHERE {member} = '{thing}' ORDER BY id")).await;
        if !rows.is_empty() {
            links.insert(member, rows);
        }
    }
    let cited = format!("SELECT id::text AS told FROM citations WHERE noun = '{noun}' AND thing_id = '{thing}' ORDER BY id");
    links.insert("citations.thing_id".to_owned(), ask(house, &cited).await);
    links
}

async fn merge(client: &Client, one: &str, into: &str) -> Answer {
    let request = client.request(Method::POST, &format!("/partners/{one}/merge")).header("if-match", "*");
    send(request.json(&json!({ "into_id": into, "reason": "Doublon" }))).await
}

/// What it says of itself.
async fn said(client: &Client, partner: &str) -> Value {
    let mut body = client.get(&format!("/partners/{partner}")).await.expect(200).body;
    for moved in ["version", "updated_at", "created_at"] {
        body.as_object_mut().unwrap().shift_remove(moved);
    }
    body
}

#[actix_web::test]
async fn every_link_moves_and_comes_back() {
    let house = demo_house().await;
    let find = async |siren: &str| house.get(&format!("/partners?siren={siren}")).await.expect(200).rows()[0].clone();
    let (vire, flers) = (find("200068799").await, find("200035814").await);
    let (one, into) = (vire["id"].as_str().unwrap(), flers["id"].as_str().unwrap());
    assert_eq!(merge(&house, one, into).await.expect(422).wrongs(), [("/into_id".to_owned(), "different_sirens".to_owned())]);
    house.patch(&format!("/partners/{into}"), Some("*"), json!({ "siren": null, "website": null })).await.expect(200);

    // One stands in the place of the other, one cites it, and one is a part of it; and both stand in one place.
    let shared = house.all(&format!("/action-fiches?partner_id={into}&include=participants")).await.remove(0);
    let role = shared["participants"].as_array().unwrap().iter().find(|part| part["partner_id"] == into).unwrap()["role"].clone();
    let twice = format!("/action-fiches/{}/participants", shared["id"].as_str().unwrap());
    if !shared["participants"].as_array().unwrap().iter().any(|part| part["partner_id"] == one && part["role"] == role) {
        house.post(&twice, json!({ "partner_id": one, "role": role, "note": "Deux fois" })).await.expect(201);
    }
    let within = json!({ "name": "Service commun", "kind": "other", "parent_id": one, "predecessor_id": one });
    makers::make(&house, "/partners", within).await;
    let document = makers::make(&house, "/documents", json!({ "title": "Statuts", "kind": "report" })).await;
    makers::make(&house, "/citations", json!({ "document_id": document, "noun": "partners", "thing_id": one })).await;
    let changed = makers::make(&house, &format!("/partners/{one}/commitments"), {
        let territory = house.all("/territories?q=collines").await.remove(0);
        json!({ "territory_id": territory["id"], "side": "intercommunality", "text": "Accueille les entreprises." })
    })
    .await;
    house.patch(&format!("/partners/{into}"), Some("*"), json!({ "predecessor_id": one })).await.expect(200);

    let (before, theirs) = (links(&house, one).await, links(&house, into).await);
    let (was, were) = (said(&house, one).await, said(&house, into).await);
    assert!(before.len() >= 8, "only {:?} refer to it", before.keys());
    let then = chrono::Utc::now();

    let merged = merge(&house, one, into).await.expect(200).body;
    assert_eq!((&merged["id"], &merged["siren"], &merged["predecessor_id"]), (&json!(into), &vire["siren"], &json!(null)));
    let gone = links(&house, one).await;
    assert_eq!(gone.values().map(Vec::len).sum::<usize>(), 0, "{gone:?}");
    let now = links(&house, into).await;
    let mut twice = 0;
    for (member, rows) in &before {
        for row in rows {
            // What is there of both is there once; and nobody is its own predecessor.
            let there = now.get(member).is_some_and(|rows| rows.contains(row)) || row == into;
            twice += usize::from(!there);
            assert!(there || member == "action_fiche_participants.partner_id", "{member} {row} is lost");
        }
    }
    assert!(twice >= 1, "both stood in one place");

    // By its old names the other one is found; its old address is the other one's.
    let found = house.anyone.get("/partners?q=intercom%20vire%20noireau").await.expect(200);
    assert_eq!(found.rows().iter().map(|row| &row["id"]).collect::<Vec<_>>(), [&json!(into)]);
    let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).redirect(redirect::Policy::none()).build().unwrap();
    let still = Client { http, ..house.anyone.clone() };
    for tail in ["", "/commitments", "?include=commitments"] {
        let moved = still.get(&format!("/partners/{one}{tail}")).await.expect(308);
        let there = format!("/api/v1/partners/{into}{tail}");
        assert!(moved.location.as_deref().unwrap().ends_with(&there), "{:?} for {there}", moved.location);
        assert_eq!((&moved.body["code"], &moved.body["merged_into"]), (&json!("merged"), &json!(into)));
        assert_eq!(house.anyone.get(&format!("/partners/{one}{tail}")).await.expect(200).body, house.anyone.get(&there[7..]).await.expect(200).body);
    }
    house.patch(&format!("/partners/{one}"), Some("*"), json!({ "name": "X" })).await.expect(410);
    assert_eq!(house.post(&format!("/partners/{one}/restore"), json!({ "version": 1 })).await.expect(409).body["code"], "merged_away");
    let past = then.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    assert_eq!(house.get(&format!("/partners/{one}?as_of={past}")).await.expect(200).body["name"], vire["name"]);

    // The feed says what became of it, and the history why.
    let told = house.get("/changes?noun=partners&limit=1000").await.expect(200).rows().clone();
    let of = |id: &str| told.iter().rev().find(|event| event["id"] == id).unwrap();
    assert_eq!((&of(one)["action"], &of(one)["merged_into"], &of(one)["data"]), (&json!("delete"), &json!(into), &json!(null)));
    assert_eq!((&of(into)["action"], &of(into)["merged_into"]), (&json!("merge"), &json!(null)));
    let history = house.get(&format!("/partners/{into}/history?limit=1")).await.expect(200);
    assert_eq!((&history.rows()[0]["action"], &history.rows()[0]["reason"]), (&json!("merge"), &json!("Doublon")));

    // What somebody changed since stays; all else is as it was.
    let moved = format!("/partners/{into}/commitments/{changed}");
    house.patch(&moved, Some("*"), json!({ "text": "Accueille et accompagne." })).await.expect(200);
    let undo = json!({ "reason": "Deux établissements" });
    let back = house.post(&format!("/partners/{one}/unmerge"), undo.clone()).await.expect(200);
    assert_eq!((&back.body["id"], &back.body["siren"]), (&json!(one), &vire["siren"]));
    assert_eq!((links(&house, one).await, links(&house, into).await), (before, theirs));
    assert_eq!((said(&house, one).await, said(&house, into).await), (was, were));
    let kept = house.get(&format!("/partners/{one}/commitments/{changed}")).await.expect(200).body;
    assert_eq!(kept["text"], "Accueille et accompagne.");
    assert_eq!(house.post(&format!("/partners/{one}/unmerge"), undo).await.expect(409).body["code"], "not_merged");
    let told = house.get("/changes?noun=partners&limit=1000").await.expect(200).rows().clone();
    assert_eq!(told.iter().rev().find(|event| event["id"] == one).unwrap()["action"], "restore");
}

/// One after the other into a third one, and back in the other order.
#[actix_web::test]
async fn merges_are_undone_from_the_last_one() {
    let house = house().await;
    let [a, b, c] = [makers::partner(&house, "A").await, makers::partner(&house, "B").await, makers::partner(&house, "C").await];
    let seat = json!({ "partner_id": a, "function": "Membre" });
    let committee = makers::make(&house, "/committees", json!({ "name": "C", "level": "national", "kind": "project", "seats": [seat] })).await;
    let sits = async || house.get(&format!("/committees/{committee}/seats")).await.expect(200).rows()[0]["partner_id"].clone();
    assert_eq!(merge(&house, &a, &a).await.expect(422).wrongs()[0].0, "/into_id");
    assert_eq!(merge(&house, &a, &committee).await.expect(422).wrongs(), [("/into_id".to_owned(), "unknown_reference".to_owned())]);
    merge(&house, &a, &b).await.expect(200);
    merge(&house, &b, &c).await.expect(200);
    assert_eq!(sits().await, json!(c));
    assert_eq!(house.anyone.get(&format!("/partners/{a}")).await.expect(200).body["id"], json!(c), "from one to the other, and on");
    assert_eq!(merge(&house, &a, &c).await.expect(410).body["code"], "gone");
    // What it was merged into is not there: first that one.
    house.post(&format!("/partners/{a}/unmerge"), json!({})).await.expect(409);
    house.post(&format!("/partners/{b}/unmerge"), json!({})).await.expect(200);
    assert_eq!(sits().await, json!(b));
    house.post(&format!("/partners/{a}/unmerge"), json!({})).await.expect(200);
    assert_eq!(sits().await, json!(a));
    assert_eq!(said(&house, &c).await["aliases"], json!([]));
    // A link that somebody gave to another one since stays there.
    merge(&house, &a, &b).await.expect(200);
    let seats = house.get(&format!("/committees/{committee}/seats")).await.expect(200).rows()[0].clone();
    let path = format!("/committees/{committee}/seats/{}", seats["id"].as_str().unwrap());
    house.patch(&path, Some("*"), json!({ "partner_id": c })).await.expect(200);
    house.post(&format!("/partners/{a}/unmerge"), json!({})).await.expect(200);
    assert_eq!(sits().await, json!(c));
}

/// A partner that cannot be read for the moment is not one that is not there: the answer is 503, which a client sends again.
#[actix_web::test]
async fn a_partner_that_cannot_be_read_is_not_missing() {
    let house = house().await;
    let [one, into] = [makers::partner(&house, "A").await, makers::partner(&house, "B").await];
    let mut other = house.database().await;
    other.batch_execute("SET idle_in_transaction_session_timeout = 0").await.unwrap();
    let row = format!("BEGIN; SELECT FROM partners WHERE id = '{into}' FOR UPDATE");
    let table = "BEGIN; LOCK TABLE partners IN ACCESS EXCLUSIVE MODE";
    other.batch_execute(&row).await.unwrap();
    assert_eq!(merge(&house, &one, &into).await.expect(503).body["code"], "timed_out");
    other.batch_execute("ROLLBACK").await.unwrap();
    merge(&house, &one, &into).await.expect(200);
    for held in [row.as_str(), table] {
        other.batch_execute(held).await.unwrap();
        assert_eq!(house.post(&format!("/partners/{one}/unmerge"), json!({})).await.expect(503).body["code"], "timed_out", "{held}");
        other.batch_execute("ROLLBACK").await.unwrap();
    }
    house.post(&format!("/partners/{one}/unmerge"), json!({})).await.expect(200);
}

/// What may stand once only, of a partner: `merge_partners` knows each of them.
#[actix_web::test]
async fn every_rule_that_a_merge_could_break_is_known() {
    let house = house().await;
    let rules = "SELECT conname AS told FROM pg_constraint uniqueness WHERE contype IN ('u', 'p', 'x') AND EXISTS (
        SELECT FROM pg_constraint link WHERE link.contype = 'f' AND link.confrelid = 'partners'::regclass
            AND link.conrelid = uniqueness.conrelid AND link.conkey && uniqueness.conkey)";
    assert_eq!(ask(&house, rules).await, ["action_fiche_participants_role_key"]);
}

/// One territory that was taken for two, in two phases: all of it is one thing, and two again.
#[actix_web::test]
async fn territories_that_are_one_become_one_and_two_again() {
    let house = house().await;
    let phases = [makers::phase(&house, 1).await, makers::phase(&house, 2).await];
    let label = |phase: usize, name: &str| json!([{ "phase_id": phases[phase - 1], "official_code": "ti-2801", "name": name, "status": "labelled" }]);
    let member = |phase: usize| json!([{ "kind": "intercommunality", "siren": "246100663", "name": "CU d'Alençon", "phase_id": phases[phase - 1] }]);
    let territory = json!({ "name": "Bocage ornais", "website": "https://exemple.fr/", "labels": label(1, "Bocage ornais"), "members": member(1) });
    let one = makers::make(&house, "/territories", territory).await;
    let into = makers::make(&house, "/territories", json!({ "name": "Bocage", "labels": label(2, "Bocage"), "members": member(2) })).await;
    let after = makers::make(&house, "/territories", json!({ "name": "Plaine" })).await;
    for (from, to) in [(&one, &into), (&one, &after)] {
        makers::make(&house, &format!("/territories/{from}/successions"), json!({ "successor_id": to, "kind": "continued" })).await;
    }
    let at = |id: &str, more: Value| {
        let mut body = json!({ "territory_id": id });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    // Things of one that name each other.
    let objective = makers::make(&house, "/objectives", at(&one, json!({ "wording": "Attirer" }))).await;
    let fiche = makers::make(&house, "/action-fiches", at(&one, json!({ "title": "F", "reference": "FA-1", "objective_id": objective }))).await;
    makers::make(&house, "/action-fiches", at(&one, json!({ "title": "G", "parent_id": fiche }))).await;
    let indicator = makers::indicator(&house, 1).await;
    let figure = json!({ "indicator_id": indicator, "subject": "action_fiche", "action_fiche_id": fiche, "kind": "actual", "value": 3 });
    makers::make(&house, "/observations", at(&one, figure)).await;
    let protocol = makers::make(&house, "/agreements", at(&one, json!({ "title": "Protocole", "kind": "protocol", "status": "signed" }))).await;
    makers::make(&house, "/agreements", at(&one, json!({ "title": "Contrat", "kind": "contract", "status": "planned", "parent_id": protocol })))
        .await;
    let document = makers::make(&house, "/documents", at(&one, json!({ "title": "Carte", "kind": "report" }))).await;
    makers::make(&house, "/citations", json!({ "document_id": document, "noun": "territories", "thing_id": one })).await;
    let theirs = makers::make(&house, "/action-fiches", at(&into, json!({ "title": "H", "reference": "fa-1" }))).await;
    let editor = house.with(&[&format!("editor@territory:{one}")]).await;
    // What a key may do is remembered for half a second.
    let may_write = async |fiche: &str, may: u16| {
        for _ in 0..100 {
            let answer = editor.patch(&format!("/action-fiches/{fiche}"), Some("*"), json!({ "description": format!("{may}") })).await;
            if answer.status.as_u16() == may {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("{fiche} is never answered with {may}");
    };
    may_write(&fiche, 200).await;
    may_write(&theirs, 403).await;
    let merge = async |one: &str, into: &str| {
        let request = house.request(Method::POST, &format!("/territories/{one}/merge")).header("if-match", "*");
        send(request.json(&json!({ "into_id": into, "reason": "Même territoire" }))).await
    };

    // What would be two is not one.
    let twin = makers::make(&house, "/territories", json!({ "name": "Autre", "labels": [{ "phase_id": phases[0], "status": "candidate" }] })).await;
    assert_eq!(merge(&one, &twin).await.expect(422).wrongs(), [("/into_id".to_owned(), "same_phase".to_owned())]);
    assert_eq!(merge(&one, &one).await.expect(422).wrongs()[0].0, "/into_id");
    assert_eq!(merge(&one, &into).await.expect(422).wrongs(), [("/into_id".to_owned(), "broken_rule".to_owned())], "two fiches with one reference");
    house.patch(&format!("/action-fiches/{theirs}"), Some("*"), json!({ "reference": "2" })).await.expect(200);
    makers::make(&house, &format!("/territories/{after}/successions"), json!({ "successor_id": twin, "kind": "split" })).await;
    assert_eq!(merge(&twin, &into).await.expect(200).body["id"], json!(into));
    assert_eq!(merge(&one, &into).await.expect(422).wrongs()[0].1, "same_phase");
    house.post(&format!("/territories/{twin}/unmerge"), json!({})).await.expect(200);

    let (before, others) = (links_to(&house, "territories", &one).await, links_to(&house, "territories", &into).await);
    let merged = merge(&one, &into).await.expect(200).body;
    assert_eq!((&merged["website"], &merged["aliases"]), (&json!("https://exemple.fr/"), &json!([{ "name": "Bocage ornais" }])));
    assert_eq!(links_to(&house, "territories", &one).await.values().map(Vec::len).sum::<usize>(), 0);
    let whole = house.get(&format!("/territories/{into}?include=labels,members,successions,predecessors")).await.expect(200).body;
    assert_eq!((whole["labels"].as_array().unwrap().len(), whole["members"].as_array().unwrap().len()), (2, 2));
    assert_eq!((whole["successions"][0]["successor_id"].clone(), whole["predecessors"].as_array().unwrap().len()), (json!(after), 0));
    assert_eq!(house.all(&format!("/action-fiches?territory_id={into}")).await.len(), 3);
    assert_eq!(house.anyone.get(&format!("/territories/{one}")).await.expect(200).body["id"], json!(into), "its address leads there");
    may_write(&theirs, 200).await;
    let theirs_too = house.with(&[&format!("admin@territory:{into}")]).await.get("/grants").await.expect(200).body;
    assert!(theirs_too["data"].as_array().unwrap().iter().any(|grant| grant["territory_id"] == one.as_str()), "it hands on what is over both");
    house.patch(&format!("/territories/{one}"), Some("*"), json!({ "name": "X" })).await.expect(410);

    // Linked meanwhile across what would be two: that link goes first.
    let across = makers::make(
        &house,
        "/agreements",
        at(&into, json!({ "title": "Avenant", "kind": "amendment", "status": "planned", "parent_id": protocol })),
    )
    .await;
    let undo = async || house.post(&format!("/territories/{one}/unmerge"), json!({ "reason": "Deux territoires" })).await;
    // (They succeed each other again: so this one may stay.) Without a succession it may not.
    assert_eq!(undo().await.expect(200).body["id"], json!(one));
    house.delete(&format!("/agreements/{across}"), Some("*")).await.expect(204);
    assert_eq!((links_to(&house, "territories", &one).await, links_to(&house, "territories", &into).await), (before, others));
    may_write(&fiche, 200).await;
    may_write(&theirs, 403).await;
    assert_eq!(undo().await.expect(409).body["code"], "not_merged");
    let link = house.all(&format!("/territories/{one}/successions")).await.into_iter().find(|link| link["successor_id"] == into.as_str()).unwrap();
    house.delete(&format!("/territories/{one}/successions/{}", link["id"].as_str().unwrap()), Some("*")).await.expect(204);
    merge(&one, &into).await.expect(200);
    let across = makers::make(
        &house,
        "/agreements",
        at(&into, json!({ "title": "Avenant", "kind": "amendment", "status": "planned", "parent_id": protocol })),
    )
    .await;
    assert_eq!(undo().await.expect(409).body["code"], "still_referenced");
    house.delete(&format!("/agreements/{across}"), Some("*")).await.expect(204);
    let figure = json!({ "indicator_id": indicator, "subject": "action_fiche", "action_fiche_id": fiche, "kind": "target", "value": 4 });
    let across = makers::make(&house, "/observations", at(&into, figure)).await;
    assert_eq!(undo().await.expect(409).body["code"], "still_referenced", "the fiche would go back, and its figure stay");
    house.delete(&format!("/observations/{across}"), Some("*")).await.expect(204);
    house.post(&format!("/partners/{one}/unmerge"), json!({})).await.expect(404);
    undo().await.expect(200);
}

/// What may stand once only, of a territory: a merge refuses what would stand twice.
#[actix_web::test]
async fn every_rule_that_a_merge_of_territories_could_break_is_known() {
    let house = house().await;
    let rules = "SELECT relname::text AS told FROM pg_index JOIN pg_class ON oid = indexrelid WHERE (indisunique OR indisexclusion) AND EXISTS (
        SELECT FROM pg_constraint link WHERE link.contype = 'f' AND link.confrelid = 'territories'::regclass
            AND link.conrelid = indrelid AND link.conkey && indkey::int2[]) ORDER BY relname";
    let known =
        ["action_fiches_reference_key", "action_fiches_territory_id_key", "territory_labels_phase_id_key", "territory_successions_successor_id_key"];
    assert_eq!(ask(&house, rules).await, known);
}
