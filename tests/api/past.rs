//! What it looked like then: every answer that was ever given is given again, asked of its instant.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    time::{Duration, Instant},
};

use chrono::{SecondsFormat, Utc};
use diesel::{QueryableByName, prelude::*, sql_query, sql_types::Text};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use serde_json::{Map, Value, json};
use territoires_industrie::{
    db::{Conn, Db, Error},
    ledger::stamper,
    schema::partners,
    values,
};

use crate::support::{
    Answer, Client, House, contract, house,
    makers::{self, Maker},
};

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Text)]
    text: String,
}

async fn ask(conn: &mut Conn, query: &str) -> Vec<String> {
    let found: Vec<Found> = sql_query(query).load(conn).await.unwrap_or_else(|error| panic!("{query}: {error}"));
    found.into_iter().map(|found| found.text).collect()
}

/// This instant, as a client writes it.
fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// The same address, asked of an instant.
fn then(path: &str, instant: &str) -> String {
    format!("{path}{}as_of={instant}", if path.contains('?') { '&' } else { '?' })
}

#[actix_web::test]
async fn what_is_asked_of_then_is_past_and_goes_with_reading_only() {
    let house = house().await;
    let territory = makers::territory(&house, "Alençon").await;
    let one = format!("/territories/{territory}");
    let made = now();
    for path in ["/territories", &one, &format!("{one}/labels")] {
        house.anyone.get(&then(path, &made)).await.expect(200);
        house.anyone.get(&then(path, "2019-01-01T00:00:00%2B01:00")).await.expect(if path == "/territories" { 200 } else { 404 });
        for (odd, code) in [
            ("2999-01-01", "invalid_moment"),
            ("2100-12-31", "not_past"),
            ("2099-01-01T00:00:00Z", "not_past"),
            (&(Utc::now() + chrono::Days::new(1)).date_naive().to_string(), "not_past"),
            ("yesterday", "invalid_moment"),
            ("2026-06-30T23:59:60Z", "invalid_moment"),
            ("2026-02-30", "invalid_moment"),
            ("';--", "invalid_moment"),
            ("", "invalid_moment"),
        ] {
            let refused = house.anyone.get(&then(path, odd)).await.expect(400);
            assert_eq!(refused.wrongs(), [("as_of".to_owned(), code.to_owned())], "{path} {odd}");
        }
        let twice = house.anyone.get(&then(&then(path, &made), &made)).await.expect(400);
        assert_eq!(twice.wrongs(), [("as_of".to_owned(), "repeated_parameter".to_owned())], "{path}");
    }
    for refused in [
        house.post(&then("/territories", &made), json!({ "name": "Argentan" })).await,
        house.patch(&then(&one, &made), Some("*"), json!({ "name": "Argentan" })).await,
        house.delete(&then(&one, &made), Some("*")).await,
    ] {
        assert_eq!(refused.expect(400).wrongs(), [("as_of".to_owned(), "unknown_parameter".to_owned())]);
    }
    house.delete(&one, Some("*")).await.expect(204);
    house.anyone.get(&one).await.expect(410);
    house.anyone.get(&then(&one, &now())).await.expect(404);
    let read = house.anyone.get(&then(&one, &made)).await.expect(200);
    assert_eq!((&read.body["name"], read.etag), (&json!("Alençon"), None), "it is no version to change");
}

#[actix_web::test]
async fn a_walk_along_a_list_stays_at_its_instant() {
    let house = house().await;
    for n in 0..7 {
        makers::partner(&house, &format!("Partenaire {n}")).await;
    }
    let instant = now();
    let whole = house.all("/partners?sort=-name").await;
    let mut next = Some(house.at(&then("/partners?sort=-name&limit=2&count=true", &instant)));
    let (mut walked, mut pages) = (Vec::new(), 0);
    while let Some(link) = next {
        let page = house.get(&link).await.expect(200);
        assert_eq!(page.body["meta"]["total"], 7);
        // Meanwhile the present moves.
        let first = page.rows()[0]["id"].as_str().unwrap().to_owned();
        house.patch(&format!("/partners/{first}"), Some("*"), json!({ "name": format!("Zzz {pages}") })).await.expect(200);
        makers::partner(&house, &format!("Aaa {pages}")).await;
        walked.extend(page.rows().iter().cloned());
        pages += 1;
        next = page.body["links"]["next"].as_str().map(str::to_owned);
        if let Some(cursor) = page.body["meta"]["next_cursor"].as_str() {
            for elsewhere in [format!("/partners?sort=-name&cursor={cursor}"), then(&format!("/partners?sort=-name&cursor={cursor}"), &now())] {
                let refused = house.get(&elsewhere).await.expect(400);
                assert_eq!(refused.wrongs(), [("cursor".to_owned(), "incompatible_cursor".to_owned())]);
            }
        }
    }
    assert_eq!((pages, walked), (4, whole));
}

/// The same statement, prepared once, answers for now, for then, and for now again.
#[actix_web::test]
async fn one_prepared_statement_answers_for_every_instant() {
    let house = house().await;
    let id = makers::partner(&house, "Avant").await;
    let instant = values::Instant::parse(&now()).unwrap();
    house.patch(&format!("/partners/{id}"), Some("*"), json!({ "name": "Après" })).await.expect(200);
    let db = Db::new(&house.url, 1).unwrap();
    let id = values::Id::parse(&id).unwrap();
    let name = async |conn: &mut Conn| -> Result<String, Error> { Ok(partners::table.find(id).select(partners::name).first(conn).await?) };
    for _ in 0..8 {
        assert_eq!(db.run(name).await.unwrap(), "Après");
        assert_eq!(db.past(instant, None, name).await.unwrap(), "Avant");
        assert_eq!(db.snapshot(name).await.unwrap(), "Après");
    }
    let statements = "SELECT (generic_plans + custom_plans)::text AS text FROM pg_prepared_statements WHERE statement LIKE 'SELECT \"partners\"%'";
    let statements = db.run(async |conn: &mut Conn| -> Result<_, Error> { Ok(ask(conn, statements).await) }).await.unwrap();
    assert_eq!(statements, ["24"], "it is one statement");
}

/// A transaction shows whole or not at all, and what was answered once is not added to.
#[actix_web::test]
async fn a_transaction_happens_at_once_and_one_under_way_is_waited_for() {
    let house = house().await;
    let [first, second] = [makers::partner(&house, "Un").await, makers::partner(&house, "Deux").await];
    let before = now();
    let mut writer = house.database().await;
    writer.batch_execute(&format!("BEGIN; SET LOCAL app.author = 'x'; UPDATE partners SET name = 'A' WHERE id = '{first}'")).await.unwrap();
    let between = now();
    writer.batch_execute(&format!("UPDATE partners SET name = 'A' WHERE id = '{second}'")).await.unwrap();
    let after = now();
    let commit = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        writer.batch_execute("COMMIT").await.unwrap();
    };
    let [last, middle, early] = [&after, &between, &before].map(|instant| then("/partners?name=A&count=true", instant));
    let began = Instant::now();
    let (read, _) = futures_util::future::join(house.get(&last), commit).await;
    assert!(began.elapsed() >= Duration::from_millis(300), "it may yet have happened before that instant");
    for (answer, total) in [(read, 2), (house.get(&last).await, 2), (house.get(&middle).await, 0), (house.get(&early).await, 0)] {
        assert_eq!(answer.expect(200).body["meta"]["total"], total);
    }
    // One that does not end keeps nobody waiting for long, and what is older is not kept at all.
    writer.batch_execute(&format!("BEGIN; SET LOCAL app.author = 'x'; UPDATE partners SET name = 'B' WHERE id = '{first}'")).await.unwrap();
    let began = Instant::now();
    assert_eq!(house.get(&then("/partners", &now())).await.expect(503).body["code"], "timed_out");
    house.get(&then("/partners", "2026-01-01T00:00:00Z")).await.expect(200);
    assert!(began.elapsed() < Duration::from_secs(4));
    writer.batch_execute("ROLLBACK").await.unwrap();
}

/// The views have the columns of their tables, of the same types, lengths and collations: a statement that was prepared for
/// the one goes with the other. A table that a migration changes and does not keep again is named here.
const DIFFERENT: &str = "
    WITH columns AS (
        SELECT relnamespace::regnamespace::text AS schema, relname, string_agg(concat_ws(' ', attname, format_type(atttypid, atttypmod), attcollation::regcollation), ', ' ORDER BY attnum) AS list
        FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid WHERE attnum > 0 AND NOT attisdropped GROUP BY 1, 2)
    SELECT noun || ': ' || here.list || ' / ' || coalesce(past.list, 'none') AS text
    FROM kept JOIN columns here ON here.schema = 'public' AND here.relname = noun LEFT JOIN columns past ON past.schema = 'as_of' AND past.relname = noun
    WHERE here.list IS DISTINCT FROM past.list";

#[actix_web::test]
async fn each_view_has_the_columns_of_its_table() {
    let house = house().await;
    let mut conn = house.database().await;
    assert_eq!(
        ask(&mut conn, DIFFERENT).await,
        [""; 0],
        "a table has other columns than its past. To fix this: end the migration that changed it with SELECT keep_ledger('…')"
    );
    assert!(ask(&mut conn, "SELECT noun AS text FROM kept").await.len() > 15);
    conn.batch_execute("ALTER TABLE partners ADD COLUMN more text").await.unwrap();
    assert_eq!(ask(&mut conn, DIFFERENT).await.len(), 1, "and it would be named");
}

/// What is hidden today was never to be seen; what was hidden then is hidden then; what was deleted is judged by how it was.
#[actix_web::test]
async fn the_past_tells_nothing_that_today_hides() {
    let house = house().await;
    let [territory, other] = [makers::territory(&house, "Alençon").await, makers::territory(&house, "Flers").await];
    let partner = makers::partner(&house, "Newmatec").await;
    let mut fiches = Vec::new();
    for (was, is) in [
        ("public", "restricted"),
        ("public", "partners"),
        ("restricted", "public"),
        ("partners", "public"),
        ("public", "public"),
        ("public", "restricted"),
        ("public", "public"),
    ] {
        let body = json!({ "territory_id": territory, "title": format!("{was} {is}"), "visibility": was, "participants": [{ "partner_id": partner, "role": "lead" }] });
        fiches.push((makers::make(&house, "/action-fiches", body).await, is));
    }
    let person = makers::person(&house, "Ada Lovelace").await;
    let body = json!({ "name": "Comité", "level": "territorial", "kind": "project", "territory_id": territory, "seats": [{ "person_id": person, "function": "Maire" }] });
    let committee = makers::make(&house, "/committees", body).await;
    let instant = now();
    for (id, is) in &fiches {
        house.patch(&format!("/action-fiches/{id}"), Some("*"), json!({ "visibility": is })).await.expect(200);
    }
    for (id, _) in &fiches[5..] {
        house.delete(&format!("/action-fiches/{id}"), Some("*")).await.expect(204);
    }
    house.patch(&format!("/people/{person}"), Some("*"), json!({ "publication_basis": "not_publishable" })).await.expect(200);

    let team = house.with(&[&format!("editor@territory:{territory}")]).await;
    let reader = house.with(&[&format!("reader@territory:{territory}")]).await;
    let region = house.with(&["reader@region:28"]).await;
    let stranger = house.with(&[&format!("editor@territory:{other}")]).await;
    // Which fiches each sees of then, and whether it knows who sits.
    for (client, seen, knows) in [
        (&house.editor, [true; 7], true),
        (&team, [true; 7], true),
        (&reader, [false, true, false, true, true, false, true], true),
        (&region, [false, false, false, false, true, false, true], false),
        (&stranger, [false, false, false, false, true, false, true], false),
        (&house.anyone, [false, false, false, false, true, false, true], false),
    ] {
        for ((id, _), seen) in fiches.iter().zip(seen) {
            for path in ["", "/participants", "/themes", "?include=participants"] {
                client.get(&then(&format!("/action-fiches/{id}{path}"), &instant)).await.expect(if seen { 200 } else { 404 });
            }
        }
        let total = seen.iter().filter(|seen| **seen).count();
        for query in [String::new(), format!("partner_id={partner}&"), "title=public%20public&".to_owned()] {
            let list = client.get(&then(&format!("/action-fiches?{query}count=true"), &instant)).await.expect(200);
            assert_eq!(list.body["meta"]["total"], list.rows().len(), "{query}");
            // Two fiches have that title, and everyone sees them.
            assert_eq!(list.rows().len(), if query.starts_with("title") { 2 } else { total }, "{query}");
        }
        client.get(&then(&format!("/people/{person}"), &instant)).await.expect(if knows { 200 } else { 404 });
        let people = client.get(&then("/people?count=true&q=lovelace", &instant)).await.expect(200);
        assert_eq!(people.body["meta"]["total"], usize::from(knows));
        let seats = client.get(&then(&format!("/committees/{committee}/seats"), &instant)).await.expect(200);
        assert_eq!(seats.rows()[0]["person_id"].is_string(), knows);
        let along = client.get(&then(&format!("/committees/{committee}?include=seats"), &instant)).await.expect(200);
        assert_eq!(along.body["seats"][0]["person_id"].is_string(), knows);
        let seat = seats.rows()[0]["id"].as_str().unwrap();
        let seat = client.get(&then(&format!("/committees/{committee}/seats/{seat}"), &instant)).await.expect(200);
        assert_eq!((seat.body["person_id"].is_string(), &seat.body["function"]), (knows, &json!("Maire")));
        let of = client.get(&then(&format!("/committees?count=true&person_id={person}"), &instant)).await.expect(200);
        assert_eq!(of.body["meta"]["total"], usize::from(knows));
    }
}

/// How a part that is gone is told of a time when it stood: its row as of then, its address today, and its making in the feed.
async fn told_of_gone(client: &Client, path: &str, instant: &str) -> (u16, u16, bool) {
    let id = path.rsplit_once('/').unwrap().1;
    let events = client.get("/changes?limit=1000").await.expect(200);
    let made = events.rows().iter().find(|event| event["id"] == id && event["action"] == "create");
    let [past, today] = [client.get(&then(path, instant)).await, client.get(path).await].map(|answer| answer.status.as_u16());
    (past, today, made.is_some_and(|event| event["data"].is_object()))
}

/// Whom something was for when it went is not whom it is for ever: of a part that is gone, the last line of its whole says it, of a link
/// to a fiche that of the fiche too; and what was for fewer by its own visibility stays for fewer.
#[actix_web::test]
async fn of_a_part_that_is_gone_its_whole_is_the_judge() {
    let house = house().await;
    let territory = makers::territory(&house, "Alençon").await;
    let partner = makers::partner(&house, "Newmatec").await;
    let note = |visibility: &str| json!({ "dated_on": "2025-01-31", "text": "Les travaux avancent.", "visibility": visibility });
    let fiche = async |title: &str| {
        let body = json!({ "territory_id": territory, "title": title, "notes": [note("public")], "participants": [{ "partner_id": partner, "role": "lead" }] });
        format!("/action-fiches/{}", makers::make(&house, "/action-fiches", body).await)
    };
    let part = async |whole: &str, parts: &str| {
        let parts = format!("{whole}/{parts}");
        let rows = house.all(&parts).await;
        format!("{parts}/{}", rows.last().unwrap()["id"].as_str().unwrap())
    };
    let agreement = json!({ "territory_id": territory, "title": "Contrat", "kind": "contract", "status": "signed" });
    let agreement = format!("/agreements/{}", makers::make(&house, "/agreements", agreement).await);
    let link = async |fiche: &str| {
        let body = json!({ "action_fiche_id": fiche.rsplit_once('/').unwrap().1 });
        format!("{agreement}/fiches/{}", makers::make(&house, &format!("{agreement}/fiches"), body).await)
    };
    let person = json!({ "name": "Ada", "publication_basis": "elected_mandate", "mandates": [{ "function": "Maire" }] });
    let person = format!("/people/{}", makers::make(&house, "/people", person).await);
    let [shown, hidden, gone, gone_hidden] = [fiche("shown").await, fiche("hidden").await, fiche("gone").await, fiche("gone hidden").await];
    let open = part(&shown, "notes").await;
    let narrow = format!("{shown}/notes/{}", makers::make(&house, &format!("{shown}/notes"), note("public")).await);
    // What each was, and whether anyone is told of it at the end.
    let parts = [
        (part(&shown, "participants").await, true),
        (open, true),
        (narrow.clone(), false),
        (part(&hidden, "participants").await, false),
        (part(&gone, "participants").await, true),
        (part(&gone_hidden, "participants").await, false),
        (link(&shown).await, true),
        (link(&hidden).await, false),
        (part(&person, "mandates").await, true),
    ];
    let instant = now();
    let see = async |whole: &str, visibility: &str| house.patch(whole, Some("*"), json!({ "visibility": visibility })).await.expect(200);
    let name = async |basis: &str| house.patch(&person, Some("*"), json!({ "publication_basis": basis })).await.expect(200);
    for one in [&shown, &gone, &gone_hidden, &narrow] {
        see(one, "restricted").await;
    }
    name("not_publishable").await;
    for (path, _) in &parts {
        house.delete(path, Some("*")).await.expect(204);
    }
    // What was hidden then is not any more, and the other way round.
    for (one, visibility) in [(&shown, "public"), (&gone, "public"), (&hidden, "restricted")] {
        see(one, visibility).await;
    }
    name("elected_mandate").await;
    for one in [&gone, &gone_hidden] {
        house.delete(one, Some("*")).await.expect(204);
    }
    stamper::catch_up(&mut house.database().await).await.unwrap();
    for (path, told) in &parts {
        assert_eq!(told_of_gone(&house, path, &instant).await, (200, 410, true), "{path}: the team");
        assert_eq!(told_of_gone(&house.anyone, path, &instant).await, if *told { (200, 410, true) } else { (404, 404, false) }, "{path}: anyone");
    }
}

/// Numbers that look random, the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// An answer as it was given, and what was asked.
struct Photograph {
    team: bool,
    path: String,
    instant: String,
    status: u16,
    body: Value,
}

/// What a body says, without its links, and with the reasons of a refusal left out.
fn said(answer: &Answer) -> (u16, Value) {
    let status = if answer.status == 410 { 404 } else { answer.status.as_u16() };
    match (status, answer.body.get("data")) {
        (200, Some(data)) => (status, json!({ "data": data, "total": answer.body["meta"]["total"] })),
        (200, None) => (status, answer.body.clone()),
        _ => (status, Value::Null),
    }
}

/// Where two bodies differ, as JSON pointers, with what stands there.
fn differences(due: &Value, got: &Value, at: &str, found: &mut Vec<String>) {
    match (due, got) {
        (Value::Object(one), Value::Object(other)) => {
            let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            names.into_iter().for_each(|name| differences(&due[name], &got[name], &format!("{at}/{name}"), found));
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            one.iter().zip(other).enumerate().for_each(|(index, (one, other))| differences(one, other, &format!("{at}/{index}"), found));
        }
        _ if due != got => found.push(format!("{at}: {due} was due, {got} came")),
        _ => {}
    }
}

/// A world in which things happen.
struct World {
    house: House,
    dice: Dice,
    makers: Vec<Maker>,
    /// Every thing that was ever made, by the path of its list.
    things: BTreeMap<String, Vec<String>>,
    /// Of each thing that is not for anyone at all times: may anyone see it, as it stands or stood last? The thing's own members say it.
    open: HashMap<String, bool>,
    photographs: Vec<Photograph>,
    writes: usize,
}

impl World {
    async fn new(seed: u64, nouns: &[&str]) -> Self {
        let (things, open, photographs) = (BTreeMap::new(), HashMap::new(), Vec::new());
        let makers = makers::makers().into_iter().filter(|maker| nouns.iter().any(|noun| maker.path.starts_with(noun))).collect();
        Self { house: house().await, dice: Dice(seed), makers, things, open, photographs, writes: 0 }
    }

    /// Notes for whom a thing is from now on.
    fn note(&mut self, thing: &Value) {
        let open = match (thing["visibility"].as_str(), thing["publication_basis"].as_str()) {
            (Some(visibility), _) => visibility == "public",
            (_, Some(basis)) => basis != "not_publishable",
            _ => return,
        };
        self.open.insert(thing["id"].as_str().unwrap().to_owned(), open);
    }

    /// The things below a path of a maker, each with its address.
    fn of(&self, maker: usize) -> Vec<String> {
        let path = self.makers[maker].path;
        let below = |list: &str| match path.split_once("/{id}") {
            None => list == path,
            Some((parent, rest)) => list.starts_with(parent) && list.ends_with(rest),
        };
        self.things.iter().filter(|(list, _)| below(list)).flat_map(|(_, things)| things).cloned().collect()
    }

    async fn create(&mut self, maker: usize) {
        let path = match self.makers[maker].path.split_once("/{id}") {
            None => self.makers[maker].path.to_owned(),
            Some((parent, rest)) => {
                let parents: Vec<String> = self.things.get(parent).cloned().unwrap_or_default();
                if parents.is_empty() {
                    return;
                }
                format!("{}{rest}", self.dice.pick(&parents))
            }
        };
        self.writes += 1;
        let body = (self.makers[maker].body)(&self.house, self.writes as u32 + 1000).await;
        let made = self.house.post(&path, body).await;
        assert!(matches!(made.status.as_u16(), 201 | 404 | 409 | 410), "{made:?}");
        if made.status == 201 {
            let id = made.body["id"].as_str().unwrap();
            self.things.entry(path.clone()).or_default().push(format!("{path}/{id}"));
            self.note(&made.body);
        }
    }

    /// A change of whatever the thing has that is a plain text, and of what its maker knows to change.
    async fn change(&mut self, maker: usize) {
        let (things, Some((change, _))) = (self.of(maker), self.makers[maker].change.clone()) else { return };
        if things.is_empty() {
            return;
        }
        let one = self.dice.pick(&things).clone();
        let word = ["Forêt", "Usine", "Étang", "Œuvre", "Atelier"][self.dice.below(5)];
        let mut patch = if self.dice.below(3) == 0 { change.as_object().cloned().unwrap() } else { Map::new() };
        for member in ["name", "title", "label_fr", "text", "function", "note"] {
            if self.house.get(&one).await.body.get(member).is_some() {
                patch.insert(member.to_owned(), format!("{word} {}", self.dice.below(20)).into());
            }
        }
        if matches!(self.makers[maker].path, "/action-fiches" | "/action-fiches/{id}/notes") {
            patch.insert("visibility".to_owned(), (*self.dice.pick(&["public", "partners", "restricted"])).into());
        }
        if self.makers[maker].path == "/people" {
            patch.insert("publication_basis".to_owned(), (*self.dice.pick(&["elected_mandate", "not_publishable", "company_register"])).into());
        }
        self.writes += 1;
        let changed = self.house.patch(&one, Some("*"), patch.into()).await;
        assert!(matches!(changed.status.as_u16(), 200 | 404 | 410), "{changed:?}");
        if changed.status == 200 {
            self.note(&changed.body);
        }
    }

    async fn delete(&mut self, maker: usize) {
        let things = self.of(maker);
        if things.is_empty() {
            return;
        }
        let one = self.dice.pick(&things).clone();
        self.writes += 1;
        let deleted = self.house.delete(&one, Some("*")).await;
        assert!(matches!(deleted.status.as_u16(), 204 | 404 | 409 | 410), "{deleted:?}");
        // Who was deleted is not named any more.
        if deleted.status == 204 && self.makers[maker].path == "/people" {
            self.open.insert(one.rsplit_once('/').unwrap().1.to_owned(), false);
        }
    }

    /// One write or a few, of any kind, on any noun or part.
    async fn happen(&mut self) {
        for _ in 0..=self.dice.below(3) {
            let maker = self.dice.below(self.makers.len());
            match self.dice.below(10) {
                0..4 => self.create(maker).await,
                4..8 => self.change(maker).await,
                _ => self.delete(maker).await,
            }
        }
    }

    /// What can be asked of a list, as the document says it: every order, everything along, searches, filters by what its
    /// rows hold.
    async fn questions(&mut self, list: &str, maker: usize) -> Vec<String> {
        let document = &contract::DOCUMENT["paths"][format!("/api/v1{}", self.makers[maker].path)]["get"]["parameters"];
        let parameter = |name: &str| document.as_array().unwrap().iter().find(|parameter| parameter["name"] == name && parameter["in"] == "query");
        let mut questions = vec![format!("{list}?limit=1000&count=true")];
        if let Some(include) = parameter("include") {
            let names: Vec<&str> = include["schema"]["items"]["enum"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
            questions.push(format!("{list}?limit=1000&include={}", names.join(",")));
        }
        if let Some(sort) = parameter("sort") {
            let pattern = sort["schema"]["pattern"].as_str().unwrap();
            let names: Vec<&str> = pattern.split(['(', ')']).nth(1).unwrap().split('|').collect();
            questions.push(format!("{list}?limit=1000&sort={}{}", ["", "-"][self.dice.below(2)], self.dice.pick(&names)));
        }
        if parameter("q").is_some() {
            questions.push(format!("{list}?limit=1000&count=true&q={}", self.dice.pick(&["usi", "foret", "oeuvre", "fiche", "autre"])));
        }
        let rows = self.house.get(&format!("{list}?limit=1000")).await;
        if let Some(row) = rows.body["data"].as_array().filter(|rows| !rows.is_empty()).map(|rows| self.dice.pick(rows)) {
            for (member, value) in row.as_object().unwrap() {
                let value = value.as_str().map(str::to_owned).or_else(|| value.as_i64().map(|number| number.to_string()));
                if let Some(value) = value.filter(|_| parameter(member).is_some() && self.dice.below(4) == 0) {
                    let value = value.replace(' ', "%20").replace('+', "%2B").replace('&', "%26");
                    questions.push(format!("{list}?limit=1000&count=true&{member}={value}"));
                }
            }
        }
        questions
    }

    /// Looks at a noun or part, as the team and as anyone does.
    async fn photograph(&mut self, maker: usize) {
        let mut asked = Vec::new();
        let things = self.of(maker);
        if !things.is_empty() {
            let one = self.dice.pick(&things).clone();
            let list = one.rsplit_once('/').unwrap().0.to_owned();
            asked.extend(self.questions(&list, maker).await);
            let along = asked.iter().find_map(|path| path.split_once("&include=")).map(|(_, names)| format!("{one}?include={names}"));
            asked.extend(along.into_iter().chain([one]));
        }
        let instant = now();
        for path in asked {
            for team in [true, false] {
                let client = if team { &self.house.editor } else { &self.house.anyone };
                let (status, body) = said(&client.get(&path).await);
                self.photographs.push(Photograph { team, path: path.clone(), instant: instant.clone(), status, body });
            }
        }
    }

    async fn live(&mut self, days: usize) {
        let [fiches, people] = ["/action-fiches", "/people"].map(|path| self.makers.iter().position(|maker| maker.path == path).unwrap());
        for day in 0..days {
            self.happen().await;
            // Who may see what changes often.
            let hidden = [fiches, people][day % 2];
            self.change(hidden).await;
            let looked_at = if day % 3 == 0 { hidden } else { self.dice.below(self.makers.len()) };
            self.photograph(looked_at).await;
        }
    }
}

/// What a photograph shows to who may not see these things any more: neither them, nor who holds a seat.
fn without(photograph: &Photograph, hidden: &HashSet<&str>) -> (u16, Value) {
    fn veil(value: &mut Value, hidden: &HashSet<&str>) {
        let is_hidden = |id: &Value| id.as_str().is_some_and(|id| hidden.contains(id));
        match value {
            Value::Object(members) => {
                if members.get("person_id").is_some_and(is_hidden) {
                    members["person_id"] = Value::Null;
                }
                members.values_mut().for_each(|member| veil(member, hidden));
            }
            Value::Array(list) => {
                list.retain(|item| !is_hidden(&item["id"]));
                list.iter_mut().for_each(|item| veil(item, hidden));
            }
            _ => {}
        }
    }
    let (place, asked) = photograph.path.split_once('?').unwrap_or((&photograph.path, ""));
    if hidden.iter().any(|id| place.contains(id)) {
        return (404, Value::Null);
    }
    let mut body = photograph.body.clone();
    if let Some(rows) = body.get_mut("data").and_then(Value::as_array_mut) {
        rows.retain(|_| !hidden.iter().any(|id| asked.contains(&format!("person_id={id}"))));
    }
    veil(&mut body, hidden);
    let left = body["data"].as_array().map(Vec::len);
    if let Some(left) = left.filter(|_| body["total"].is_number()) {
        body["total"] = left.into();
    }
    (photograph.status, body)
}

/// The worlds of all nouns that are lived through, each of a seed. No seed is chosen for what happens: a new noun makes another world of
/// each, and each must hold.
const WIDE: [u64; 2] = [1, 26];

/// The worlds of those nouns alone that are not for everyone at all times: there are few things in them, and much happens to each.
const NARROW: [u64; 8] = [2, 3, 5, 8, 13, 21, 27, 33];

/// How long each is lived in, before the release that comes in its middle and again after it.
const DAYS: usize = 8;

/// How many photographs there are, and of those: how many show something, are of what changed since, and are shown in part only. And
/// how many rows had columns that older lines do not know.
#[derive(Default)]
struct Album {
    count: usize,
    shown: usize,
    changed: usize,
    veiled: usize,
    rows: usize,
}

#[actix_web::test]
async fn every_photograph_is_answered_again_for_ever() {
    let mut album = Album::default();
    for seed in WIDE {
        live(seed, &["/"], &mut album).await;
    }
    for seed in NARROW {
        live(seed, &["/action-fiches", "/people", "/committees"], &mut album).await;
    }
    let Album { count, shown, changed, veiled, rows } = album;
    println!("{count} photographs, {shown} of something, {changed} changed since, {veiled} shown in part only");
    assert!(shown > count / 2 && changed > count / 8 && veiled > count / 100 && rows > 40, "a world in which nothing happens proves nothing");
}

/// A world of this seed and these nouns: what happens in it, what is seen meanwhile, and what is answered of it afterwards.
async fn live(seed: u64, nouns: &[&str], album: &mut Album) {
    let mut world = World::new(seed, nouns).await;
    for maker in 0..world.makers.len() {
        world.create(maker).await;
    }
    world.live(DAYS).await;
    // A release comes, with columns that older lines of the ledger do not know.
    let mut conn = world.house.database().await;
    conn.batch_execute(
        "BEGIN; ALTER TABLE partners ADD COLUMN rated boolean NOT NULL DEFAULT true, ADD COLUMN remark text, ADD COLUMN seen_at timestamptz NOT NULL DEFAULT now();
         SELECT keep_ledger('partners');
         ALTER TABLE committee_seats ADD COLUMN weight numeric(6, 3) NOT NULL DEFAULT 1.5;
         SELECT keep_ledger('committee_seats', 'committees', 'committee_id'); COMMIT",
    )
    .await
    .unwrap();
    assert_eq!(ask(&mut conn, DIFFERENT).await, [""; 0]);
    world.live(DAYS).await;

    let hidden: HashSet<&str> = world.open.iter().filter(|(_, open)| !**open).map(|(id, _)| id.as_str()).collect();
    for photograph in &world.photographs {
        let (who, client): (_, &Client) = if photograph.team { ("the team", &world.house.editor) } else { ("anyone", &world.house.anyone) };
        let again = said(&client.get(&then(&photograph.path, &photograph.instant)).await);
        let shot = (photograph.status, photograph.body.clone());
        let due = if photograph.team { shot.clone() } else { without(photograph, &hidden) };
        let mut differ = Vec::new();
        differences(&due.1, &again.1, "", &mut differ);
        assert!(
            again == due,
            "in the world of seed {seed}, {who} asks GET {} as of {}: {} was due, {} came\n{}\nTo fix this: what a thing was is what the ledger's \
             line of then says; who may be shown it is what the last line says, its own or its whole's (the view as_of.standing)",
            photograph.path,
            photograph.instant,
            due.0,
            again.0,
            differ.join("\n")
        );
        album.count += 1;
        album.veiled += usize::from(due != shot);
        album.shown += usize::from(photograph.body["data"].as_array().is_none_or(|rows| !rows.is_empty()));
        album.changed += usize::from(photograph.team && said(&client.get(&photograph.path).await) != shot);
    }

    // What older lines do not know is what older rows got.
    let late = "SET app.as_of = '2100-01-01'; SET app.sees = 'everything'; SET search_path = as_of, public";
    let of = |schema: &str| {
        format!(
            "SELECT concat_ws(' ', id, rated, remark, seen_at) AS text FROM {schema}.partners UNION ALL SELECT concat_ws(' ', id, weight) FROM {schema}.committee_seats ORDER BY 1"
        )
    };
    conn.batch_execute(late).await.unwrap();
    let (now, then) = (ask(&mut conn, &of("public")).await, ask(&mut conn, &of("as_of")).await);
    assert_eq!(then, now);
    album.rows += now.len();
}

/// Who asks about a moment ahead keeps no connection from others meanwhile.
#[actix_web::test]
async fn what_is_to_come_is_waited_for_without_a_connection() {
    let house = house().await;
    let db = Db::new(&house.url, 1).unwrap();
    let ahead = (chrono::Utc::now() + chrono::TimeDelta::milliseconds(800)).to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    let order = std::cell::RefCell::new(Vec::new());
    let past = async {
        db.past(values::Instant::parse(&ahead).unwrap(), None, async |_: &mut Conn| Ok::<(), Error>(())).await.unwrap();
        order.borrow_mut().push("the moment ahead");
    };
    let other = async {
        db.run(async |conn: &mut Conn| conn.batch_execute("SELECT 1").await.map_err(Error::from)).await.unwrap();
        order.borrow_mut().push("the other");
    };
    tokio::join!(past, other);
    assert_eq!(*order.borrow(), ["the other", "the moment ahead"]);
}

/// How long it takes to read one of many, of then.
#[actix_web::test]
async fn one_of_many_is_read_of_then() {
    let house = house().await;
    let mut conn = house.database().await;
    conn.batch_execute(
        "BEGIN; SET LOCAL statement_timeout = '60s'; SET LOCAL app.author = 'x'; INSERT INTO partners (id, name, kind, aliases) SELECT gen_random_uuid(), 'P' || n, 'company', '[]' FROM generate_series(1, 10000) n; COMMIT;
         BEGIN; SET LOCAL statement_timeout = '60s'; SET LOCAL app.author = 'x'; UPDATE partners SET acronym = 'A'; COMMIT; ANALYZE ledger",
    )
    .await
    .unwrap();
    let instant = values::Instant::parse(&now()).unwrap();
    let ids: Vec<values::Id> = partners::table.select(partners::id).limit(200).load(&mut conn).await.unwrap();
    let acronym = async |id: values::Id, conn: &mut Conn| -> Result<Option<String>, Error> {
        Ok(partners::table.find(id).select(partners::acronym).first(conn).await?)
    };
    let db = Db::new(&house.url, 1).unwrap();
    let took = db
        .past(instant, None, async |conn: &mut Conn| -> Result<_, Error> {
            let began = Instant::now();
            for id in &ids {
                assert_eq!(acronym(*id, conn).await?.as_deref(), Some("A"));
            }
            Ok(began.elapsed())
        })
        .await
        .unwrap();
    println!("a read by id of then, of 10 000 things with 20 000 lines: {:?}", took / 200);
    assert!(took < Duration::from_secs(2), "an index serves: {took:?}");
    let page = Instant::now();
    let rows = house.get(&format!("/partners?as_of={instant}&sort=created_at&limit=100")).await.expect(200);
    println!("a page of then, sorted: {:?}", page.elapsed());
    assert_eq!(rows.rows().len(), 100);
}
