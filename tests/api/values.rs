//! Texts and codes: one rule for what is written, looked for and loaded; and every message, held against the request that caused it.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, House, contract::DOCUMENT, demo_house, house, makers, send};

/// Asks with a query that may hold any character.
async fn ask(client: &Client, path: &str, query: &[(&str, &str)]) -> crate::support::Answer {
    send(client.request(Method::GET, path).query(query)).await
}

#[actix_web::test]
async fn a_name_is_one_however_it_is_written() {
    let house = house().await;
    makers::territory(&house, "Vallée de l'Œuvre-Est").await;
    for twin in ["VALLEE DE L’ŒUVRE-EST", "Valle\u{301}e de l'Oeuvre\u{2011}Est", "Vallée\u{a0}de  l'Œuvre-Est", " Vallée de l'Œuvre-Est "] {
        let refused = house.post("/territories", json!({ "name": twin })).await.expect(409);
        assert_eq!(refused.wrongs(), [("/name".to_owned(), "already_exists".to_owned())], "{twin:?}");
        assert!(refused.location.is_some(), "{twin:?}");
    }
    // Twenty of those that nobody sees, in a name that is taken, alone, and in texts of other members.
    let unseen = [
        '\u{ad}',
        '\u{34f}',
        '\u{61c}',
        '\u{115f}',
        '\u{1160}',
        '\u{17b4}',
        '\u{180e}',
        '\u{200b}',
        '\u{200c}',
        '\u{200d}',
        '\u{200e}',
        '\u{200f}',
        '\u{202e}',
        '\u{2060}',
        '\u{2064}',
        '\u{2800}',
        '\u{3164}',
        '\u{fe0f}',
        '\u{feff}',
        '\u{ffa0}',
        '\u{fffb}',
        '\u{e0041}',
        '\u{e0100}',
    ];
    for char in unseen {
        for name in [format!("Vallée de l'{char}Œuvre-Est"), char.to_string()] {
            let refused = house.post("/territories", json!({ "name": name })).await.expect(422);
            assert_eq!(refused.wrongs(), [("/name".to_owned(), "forbidden_character".to_owned())], "{name:?}");
        }
        let text = format!("a{char}b");
        let body = json!({ "name": "T", "description": text, "aliases": [{ "name": text, "source": text }] });
        assert_eq!(house.post("/territories", body).await.expect(422).wrongs().len(), 3, "{text:?}");
        for parameter in ["q", "name"] {
            let refused = ask(&house, "/territories", &[(parameter, &text)]).await.expect(400);
            assert_eq!(refused.wrongs(), [(parameter.to_owned(), "forbidden_character".to_owned())], "{text:?}");
        }
    }
    let told = house.post("/territories", json!({ "name": "Par\u{200b}c" })).await.expect(422);
    assert_eq!(told.body["errors"][0]["detail"], "Contains a character that is not allowed here: U+200B, which is character 4 of the text.");
    // A joiner that its script needs stays; the name without it is no other.
    let persian = makers::territory(&house, "می\u{200c}خواهم").await;
    assert_eq!(house.get(&format!("/territories/{persian}")).await.expect(200).body["name"], "می\u{200c}خواهم");
    house.post("/territories", json!({ "name": "میخواهم" })).await.expect(409);
    // What past builds let in is not unique by it either: the database folds on its own.
    use diesel_async::SimpleAsyncConnection;
    let taken = "BEGIN; SET LOCAL app.author = 't'; INSERT INTO territories (id, name, aliases) VALUES (gen_random_uuid(), U&'Vall\\00E9e de l''\\200B\\0152uvre-Est', '[]'); COMMIT";
    let error = house.database().await.batch_execute(taken).await.unwrap_err();
    assert!(error.to_string().contains("territories_name_key"), "{error}");
}

/// What is unique within its whole is so in the same way.
#[actix_web::test]
async fn what_is_unique_in_its_place_is_unique_however_it_is_written() {
    let house = house().await;
    let territory = makers::territory(&house, "T").await;
    let fiche = |reference: &str| json!({ "territory_id": territory, "title": "F", "reference": reference });
    let first = house.post("/action-fiches", fiche("Fiche N° 1, é")).await.expect(201);
    let twin = house.post("/action-fiches", fiche("FICHE  n° 1, E\u{301}")).await.expect(409);
    assert_eq!(twin.wrongs(), [("/reference".to_owned(), "already_exists".to_owned())]);
    house.post("/action-fiches", fiche("Fiche N° 11")).await.expect(201);
    let changed = house.patch(&first.location.unwrap(), Some("\"v1\""), json!({ "reference": "fiche n°\u{a0}11" })).await.expect(409);
    assert_eq!(changed.wrongs(), [("/reference".to_owned(), "already_exists".to_owned())]);
    let event = makers::make(&house, "/events", json!({ "name": "E", "kind": "workshop" })).await;
    let measures = format!("/events/{event}/measures");
    house.post(&measures, json!({ "label": "Présents", "value": 1 })).await.expect(201);
    house.post(&measures, json!({ "label": "presents", "value": 2 })).await.expect(409);
}

#[actix_web::test]
async fn filters_are_normalised_as_writes_are() {
    let house = house().await;
    makers::partner(&house, "Communauté d'Alençon").await;
    let nfd = "Communaute\u{301} d'Alenc\u{327}on";
    for query in [("name", nfd), ("name", " Communauté d'Alençon\u{a0}"), ("name__ne", "x"), ("q", "alenc\u{327}on"), ("q", "\u{a0}ALENÇON ")] {
        assert_eq!(ask(&house, "/partners", &[query]).await.expect(200).rows().len(), 1, "{query:?}");
    }
    assert_eq!(ask(&house, "/partners", &[("name__ne", nfd)]).await.expect(200).rows().len(), 0);
    for query in [("name", "\u{a0} "), ("q", " ")] {
        assert_eq!(ask(&house, "/partners", &[query]).await.expect(400).wrongs()[0].1, "blank", "{query:?}");
    }
}

/// A type of codes: its schema, a value, that value as people write it, and what is none.
type Sort = (&'static str, &'static str, &'static str, &'static str);

/// The types of codes.
const CODES: [Sort; 8] = [
    ("Siren", "200035814", "200\u{a0}035 814", "200 035 815"),
    ("Siret", "24610066300011", "246 100 663\u{202f}00011", "246 100 663 00012"),
    ("CommuneCode", "2A004", " 2a 004", "ABCDE"),
    ("DepartmentCode", "2B", "2b ", "Orne"),
    ("RegionCode", "28", " 28", "Normandie"),
    ("OfficialCode", "ti-2801", "TI\u{2011}2801", "ti-28"),
    ("Code", "attirer", "Attirer", "à tirer"),
    ("Scheme", "phase-1", "Phase-1 ", "phase_1"),
];

/// The type of the codes that a schema is of.
fn code_of(schema: &Value) -> Option<&'static Sort> {
    let text = schema.to_string();
    CODES.iter().find(|code| text.contains(&format!("schemas/{}\"", code.0)))
}

/// The parameters whose values are codes: those whose schema says so. One that is named as a member of such a type must say so: a filter
/// that reads any text finds nothing where it should refuse.
fn coded() -> Vec<(String, String, &'static Sort)> {
    let mut typed: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let schemas = DOCUMENT["components"]["schemas"].as_object().unwrap().values();
    for (member, schema) in schemas.flat_map(|schema| schema["properties"].as_object().into_iter().flatten()) {
        if let Some(code) = code_of(schema) {
            typed.entry(member.clone()).or_default().insert(code.0);
        }
    }
    assert!(typed.len() >= 12, "{typed:?}");
    let mut found = Vec::new();
    for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
        for parameter in item["get"]["parameters"].as_array().into_iter().flatten().filter(|parameter| parameter["in"] == "query") {
            let name = parameter["name"].as_str().unwrap();
            let plain = name.strip_suffix("__ne").or(name.strip_suffix("__null")).unwrap_or(name);
            let of = code_of(&parameter["schema"]).map(|of| of.0);
            for (_, codes) in typed.iter().filter(|(member, _)| *member == plain || *member != "code" && plain.ends_with(&format!("_{member}"))) {
                let read = of.is_some_and(|of| codes.contains(of)) || name.ends_with("__null");
                assert!(read, "{path}?{name} is read as {of:?}, and such members are {codes:?}");
            }
            if let Some(of) = code_of(&parameter["schema"]) {
                found.push((path.trim_start_matches("/api/v1").to_owned(), name.to_owned(), of));
            }
        }
    }
    found
}

#[actix_web::test]
async fn every_filter_by_a_code_reads_it_as_its_type_does() {
    let house = house().await;
    let admin = house.with(&["admin@nation"]).await;
    let found = coded();
    for (number, (path, name, (code, stored, written, none))) in (70_000..).zip(&found) {
        // A part's list is asked of its whole.
        let path = if path.contains("{id}") {
            let whole = path.split('/').nth(1).unwrap();
            let body = makers::body(&house, &format!("/{whole}"), number).await;
            path.replace("{id}", &makers::make(&house, &format!("/{whole}"), body).await)
        } else {
            path.clone()
        };
        let client = if path.starts_with("/grants") || path.starts_with("/api-keys") { &admin } else { &house.editor };
        let values = [(*stored).to_owned(), (*written).to_owned()];
        let several = path == "/action-fiches/funding";
        for value in values.iter().cloned().chain((!several).then(|| values.join(","))) {
            ask(client, &path, &[(name, &value)]).await.expect(200);
        }
        let lists = if several { vec![(*none).to_owned()] } else { vec![(*none).to_owned(), format!("{stored},{none}"), format!("{none},{none}")] };
        for value in lists {
            let refused = ask(client, &path, &[(name, &value)]).await.expect(400);
            assert!(
                refused.wrongs().iter().all(|(at, fault)| at == name && (fault.starts_with("invalid_") || fault == "too_long")),
                "{path}?{name}={value} ({code}): {:?}",
                refused.wrongs()
            );
        }
    }
    let names: BTreeSet<&str> = found.iter().map(|(_, name, _)| name.as_str()).collect();
    for name in ["siren", "siret", "member_siren", "member_commune_code", "official_code", "region_code__ne", "ept_siren", "scheme"] {
        assert!(names.contains(name), "{name} is not among {names:?}");
    }
    assert!(found.len() > 40, "{}", found.len());
}

/// The same row is found by each form of its code; of several codes, each.
#[actix_web::test]
async fn a_code_finds_what_it_names_however_it_is_written() {
    let house = demo_house().await;
    let names = async |path: &str, query: &[(&str, &str)]| -> Vec<String> {
        let page = ask(&house, path, query).await.expect(200);
        page.rows().iter().map(|row| row["name"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let flers = names("/partners", &[("siren", "200035814")]).await;
    assert_eq!(flers.len(), 1);
    assert_eq!(names("/partners", &[("siren", "200 035\u{a0}814")]).await, flers);
    assert_eq!(names("/partners", &[("siren", "200035814,246 100 663")]).await.len(), 2);
    assert_eq!(names("/territories", &[("official_code", "TI-2801")]).await, names("/territories", &[("official_code", "ti-2801")]).await);
    assert_eq!(names("/departments", &[("code", " 61")]).await, ["Orne"]);
    // Segré was a commune of its own; Segré-en-Anjou Bleu has its place, and an event that names either is found by both.
    assert_eq!(names("/communes", &[("code", "49081")]).await, ["Segré-en-Anjou Bleu"]);
    assert_eq!(names("/communes", &[("code", "49081,61001")]).await.len(), 2);
    assert_eq!(names("/communes", &[("code__ne", "49081")]).await, names("/communes", &[("code__ne", "49331")]).await);
    for (name, code) in [("Ancien", "49081"), ("Nouveau", "49331")] {
        house.post("/events", json!({ "name": name, "kind": "workshop", "commune_code": code })).await.expect(201);
    }
    for code in ["49081", "49331"] {
        let found: BTreeSet<String> = names("/events", &[("commune_code", code)]).await.into_iter().collect();
        assert_eq!(found, BTreeSet::from(["Ancien".to_owned(), "Nouveau".to_owned()]), "{code}");
    }
    // A territory whose member is named by its old code.
    let member = json!({ "kind": "commune", "commune_code": "49081", "name": "Segré" });
    house.post("/territories", json!({ "name": "Un de Segré", "members": [member] })).await.expect(201);
    for code in ["49081", "49331"] {
        assert!(names("/territories", &[("member_commune_code", code)]).await.contains(&"Un de Segré".to_owned()), "{code}");
    }
}

/// French ways of writing are read, and stored in one form.
#[actix_web::test]
async fn numbers_and_addresses_are_stored_in_one_form() {
    let house = house().await;
    let body = json!({ "name": "A", "kind": "company", "siren": "246 100\u{a0}663", "siret": "246\u{202f}100 663 00011", "website": "HTTPS://Site.fr?page=1",
        "contact_phone": "02\u{a0}31\u{202f}66 27 96" });
    let made = house.post("/partners", body).await.expect(201);
    let due = json!({ "siren": "246100663", "siret": "24610066300011", "website": "https://site.fr/?page=1", "contact_phone": "02 31 66 27 96" });
    for (member, value) in due.as_object().unwrap() {
        assert_eq!(&made.body[member], value, "{member}");
    }
    // Sent again as it was, it changes nothing.
    let again = house.patch(&made.location.unwrap(), Some("\"v1\""), json!({ "siren": "246 100 663", "website": "https://SITE.fr?page=1" })).await;
    assert_eq!(again.expect(200).body["version"], 1);
    let member = json!({ "kind": "commune", "commune_code": "2a 004", "name": "Ajaccio", "department_codes": ["2a"] });
    let territory = json!({ "name": "T", "members": [member] });
    let territory = house.post("/territories", territory).await.expect(201);
    let members = house.get(&format!("/territories/{}/members", territory.body["id"].as_str().unwrap())).await.expect(200);
    assert_eq!((&members.rows()[0]["commune_code"], &members.rows()[0]["department_codes"]), (&json!("2A004"), &json!(["2A"])));
}

/// A request, its status, and every fault of it in English: where, which, in what words.
async fn told(house: &House, method: Method, path: &str, tag: Option<&str>, body: Value, status: u16) -> Vec<String> {
    let mut request = house.request(method, path).header("Accept-Language", "en");
    if let Some(tag) = tag {
        request = request.header("If-Match", tag);
    }
    let answer = send(if body.is_null() { request } else { request.json(&body) }).await.expect(status);
    let errors = answer.body["errors"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let told = errors.iter().map(|error| format!("{}: {}", text(error.get("pointer").unwrap_or(&error["parameter"])), text(&error["detail"])));
    if errors.is_empty() { vec![text(&answer.body["detail"])] } else { told.collect() }
}

#[actix_web::test]
async fn every_message_is_of_the_request_that_caused_it() {
    let house = house().await;
    let territory = makers::territory(&house, "T").await;
    let partner = makers::partner(&house, "P").await;
    let document = makers::make(&house, "/documents", json!({ "title": "D", "kind": "report" })).await;
    let indicator = makers::indicator(&house, 1).await;
    let gone = "00000000-0000-7000-8000-000000000000";
    let kinds = DOCUMENT["components"]["schemas"]["PartnerKind"]["enum"].as_array().unwrap().iter().filter_map(Value::as_str).collect::<Vec<_>>();
    let kinds = format!("/kind: Is none of: {}.", kinds.join(", "));
    let not_there = |pointer: &str| format!("{pointer}: Refers to something that is not there.");
    let partners = "/partners";
    let cases: Vec<(&str, Value, Vec<String>)> = vec![
        // A closed list names its words, a range its ends, a wrong type the right one.
        (partners, json!({ "name": "A", "kind": "bank" }), vec![kinds.clone()]),
        (
            partners,
            json!({ "name": 1, "kind": null }),
            vec!["/name: Is not of the right type: a text is needed.".to_owned(), "/kind: Is null; a text is needed.".to_owned()],
        ),
        (
            partners,
            json!({ "name": "A", "kind": "company", "aliases": "x" }),
            vec!["/aliases: Is not of the right type: a list is needed.".to_owned()],
        ),
        (partners, json!([]), vec![": Is not of the right type: an object is needed.".to_owned()]),
        ("/programme-phases", json!({ "number": 0, "name": "A" }), vec!["/number: Is not from 1 to 1000000.".to_owned()]),
        ("/programme-phases", json!({ "number": "1", "name": "A" }), vec!["/number: Is not of the right type: a number is needed.".to_owned()]),
        ("/programme-phases", json!({ "number": 1.5, "name": "A" }), vec!["/number: Is not a whole number.".to_owned()]),
        (
            "/territories",
            json!({ "name": "A", "members": [{ "kind": "other", "name": "m", "coordinator": 1 }] }),
            vec!["/members/0/coordinator: Is not of the right type: true or false is needed.".to_owned()],
        ),
        ("/people", json!({ "name": "x".repeat(301) }), vec!["/name: Is too long: at most 300 characters.".to_owned()]),
        ("/people", json!({ "name": "x", "variants": vec!["v"; 101] }), vec!["/variants: Has more than 100 items.".to_owned()]),
        // What is needed is not to be left out.
        (
            partners,
            json!({ "name": " ", "kind": "company", "acronym": " " }),
            vec!["/name: Must not be blank.".to_owned(), "/acronym: Must not be blank; leave it out or send null instead.".to_owned()],
        ),
        (partners, json!({ "kind": "company" }), vec!["/name: Is needed.".to_owned()]),
        // Every unknown reference at once, beside the other errors.
        (
            partners,
            json!({ "name": "A", "kind": "bank", "parent_id": gone, "predecessor_id": gone, "commitments": [{ "territory_id": gone, "side": "state", "text": "t" }] }),
            vec![kinds, not_there("/parent_id"), not_there("/predecessor_id"), not_there("/commitments/0/territory_id")],
        ),
        (
            partners,
            json!({ "name": "A", "kind": "company", "parent_id": gone, "predecessor_id": gone }),
            vec![not_there("/parent_id"), not_there("/predecessor_id")],
        ),
        (
            "/action-fiches",
            json!({ "territory_id": territory, "title": "F", "proposed_by_id": gone, "themes": [{ "theme_id": gone }], "tools": [{ "support_tool_id": gone }] }),
            vec![not_there("/proposed_by_id"), not_there("/themes/0/theme_id"), not_there("/tools/0/support_tool_id")],
        ),
        (
            "/committees",
            json!({ "name": "C", "level": "territorial", "kind": "other", "seats": [{ "person_id": gone, "partner_id": gone }, { "partner_id": partner }] }),
            vec![not_there("/seats/0/person_id"), not_there("/seats/0/partner_id")],
        ),
        // A figure names what its subject needs, at its member.
        (
            "/observations",
            json!({ "indicator_id": indicator, "subject": "territory", "value": 1 }),
            vec!["/territory_id: The subject territory needs it.".to_owned()],
        ),
        (
            "/observations",
            json!({ "indicator_id": indicator, "subject": "region", "siren": "200035814", "value": 1 }),
            vec!["/siren: Does not go with the subject region.".to_owned(), "/region_code: The subject region needs it.".to_owned()],
        ),
    ];
    for (path, body, due) in cases {
        assert_eq!(told(&house, Method::POST, path, None, body.clone(), 422).await, due, "{path} {body}");
    }
    // A citation: its noun at its noun, and a member that the noun has not.
    let cited = |noun: &str, member: Value| json!({ "document_id": document, "noun": noun, "thing_id": partner, "member": member });
    let wrong = told(&house, Method::POST, "/citations", None, cited("partner", json!(null)), 422).await;
    assert!(wrong[0].starts_with("/noun: Is none of: action-fiche-funding-lines, ") && wrong[0].contains(", partners,"), "{wrong:?}");
    let wrong = told(&house, Method::POST, "/citations", None, cited("partners", json!("colour")), 422).await;
    assert!(wrong[0].starts_with("/member: Is none of: id, name, acronym,") && wrong[0].ends_with("updated_at, commitments."), "{wrong:?}");
    assert_eq!(told(&house, Method::POST, "/citations", None, cited("territories", json!(null)), 422).await, [not_there("/thing_id")]);
    for member in ["siren", "commitments"] {
        let made = house.post("/citations", cited("partners", json!(member))).await.expect(201);
        let wrong = told(&house, Method::PATCH, &made.location.unwrap(), Some("\"v1\""), json!({ "member": "colour" }), 422).await;
        assert!(wrong[0].starts_with("/member: Is none of: id,"), "{wrong:?}");
    }
    // Parameters.
    for (path, due) in [
        (
            "/partners?updated_at__gte=2026-11-27",
            "updated_at__gte: Is not an instant from 1900 to 2100, with its hour and its zone, as in 2026-11-22T22:00:00Z.",
        ),
        ("/partners?as_of=hier", "as_of: Is neither a day, as in 2026-11-22, nor an instant, as in 2026-11-22T22:00:00Z, from 1900 to 2100."),
        ("/action-fiches?planned_start_on=2026", "planned_start_on: Is not a day from 1900-01-01 to 2100-12-31, written YYYY-MM-DD."),
        ("/events?parent_id=1", "parent_id: Is not a UUID in its usual form of 36 characters."),
        ("/meetings?ordinal=un", "ordinal: Is not a whole number."),
        ("/meetings?ordinal=9999999999", "ordinal: Is not from -2147483648 to 2147483647."),
        ("/meetings?region_code=Normandie", "region_code: Is not a region code of the COG, such as 28."),
        ("/action-fiches?late=yes", "late: \"yes\" is none of: true, false."),
        ("/citations?noun=partner", "noun: Is not the name of a noun or of a part, such as partners or action-fiche-notes."),
        ("/action-fiches/funding?region_code=Normandie", "region_code: Is not a region code of the COG, such as 28."),
        ("/action-fiches/funding?validation=done", "validation: \"done\" is none of: draft, submitted, validated, postponed, refused, withdrawn."),
        ("/action-fiches/funding?year=1.5", "year: Is a whole number from 1 to 1000000."),
        ("/action-fiches/funding?year=2020&year=2021", "year: Is given more than once."),
        ("/action-fiches/funding?theme_id=x", "theme_id: Is not a UUID in its usual form of 36 characters."),
        ("/changes?territory=x", "territory: Is not a UUID in its usual form of 36 characters."),
    ] {
        assert_eq!(told(&house, Method::GET, path, None, Value::Null, 400).await, [due], "{path}");
    }
    let perimeter = format!("/territories/{territory}/perimeter");
    for (query, due) in [
        ("on=demain", "on: Is not a day from 1900-01-01 to 2100-12-31, written YYYY-MM-DD."),
        ("phase_id=1", "phase_id: Is not a UUID in its usual form of 36 characters."),
        ("on=2024-01-01&on=2025-01-01", "on: Is given more than once."),
    ] {
        assert_eq!(told(&house, Method::GET, &format!("{perimeter}?{query}"), None, Value::Null, 400).await, [due], "{query}");
    }
    // What is served is named.
    let refused = send(house.request(Method::GET, "/partners").header("Accept", "text/csv")).await.expect(406);
    assert_eq!(refused.body["detail"], "Served here: application/json.");
    // A tag that was once, and one that never was.
    let one = format!("/partners/{partner}");
    house.patch(&one, Some("\"v1\""), json!({ "acronym": "P" })).await.expect(200);
    let stale = house.patch(&one, Some("\"v1\""), json!({ "acronym": "Q" })).await.expect(412);
    assert_eq!(
        (&stale.body["code"], &stale.body["version"], &stale.body["changes"][0]["members"]),
        (&json!("stale"), &json!(2), &json!(["acronym"]))
    );
    for tag in ["\"v9\"", "\"v0\"", "\"abc\""] {
        let never = house.patch(&one, Some(tag), json!({ "acronym": "Q" })).await.expect(412);
        assert_eq!(
            (&never.body["code"], &never.body["version"], never.etag.as_deref()),
            (&json!("no_such_version"), &json!(2), Some("\"v2\"")),
            "{tag}"
        );
    }
}

/// Of more than twenty faults, twenty are told, and that there are more; of a body too large to be looked through, that there may be.
#[actix_web::test]
async fn a_body_with_more_faults_than_are_told_says_so() {
    let house = house().await;
    for (count, more) in [(19, false), (20, false), (21, true), (90, true)] {
        let aliases: Vec<Value> = (0..count).map(|_| json!({ "name": " " })).collect();
        let refused = house.post("/partners", json!({ "name": "A", "kind": "company", "aliases": aliases })).await.expect(422);
        assert_eq!(refused.wrongs().len(), count.min(20));
        assert_eq!(refused.body["detail"].as_str().unwrap().starts_with("There are more faults"), more, "{count}");
    }
    let large = json!({ "name": " ", "kind": "bank", "contact_service": "x".repeat(40_000) });
    let refused = house.post("/partners", large).await.expect(422);
    assert_eq!((refused.wrongs().len(), refused.body["detail"].as_str().unwrap()), (1, "There may be more faults: the search ended after these."));
}

/// A day in the future, in Paris, however the clock of this machine stands.
fn tomorrow() -> String {
    (chrono::Utc::now() + chrono::TimeDelta::days(2)).format("%Y-%m-%d").to_string()
}

/// What has happened did not happen on a day to come, in whatever noun.
#[actix_web::test]
async fn nothing_has_happened_in_the_future() {
    let house = house().await;
    let (day, past) = (tomorrow(), "2020-01-01");
    let territory = makers::territory(&house, "T").await;
    let fiche = json!({ "territory_id": territory, "title": "F" });
    let with = |body: &Value, member: &str, value: Value| {
        let mut body = body.clone();
        body[member] = value;
        body
    };
    let part = |path: &str, body: Value| {
        let (whole, part) = (fiche.clone(), path.to_owned());
        (whole, part, body)
    };
    let mut asked = 0;
    for member in ["actual_start_on", "actual_end_on"] {
        let refused = house.post("/action-fiches", with(&fiche, member, json!(day))).await.expect(422);
        assert_eq!(refused.wrongs(), [(format!("/{member}"), "broken_rule".to_owned())]);
        assert_eq!(refused.body["detail"], "Is a day to come: it has not happened yet.");
        let one = house.post("/action-fiches", with(&fiche, member, json!(past))).await.expect(201);
        let changed = house.patch(&one.location.unwrap(), Some("*"), json!({ member: day })).await.expect(422);
        assert_eq!(changed.wrongs(), [(format!("/{member}"), "broken_rule".to_owned())]);
        asked += 1;
    }
    for (whole, name, body) in [
        part("milestones", json!({ "title": "J", "done_on": day })),
        part("funding_lines", json!({ "funder": "state", "requested_on": day })),
        part("funding_lines", json!({ "funder": "state", "granted_eur": 1, "granted_on": day })),
        part("funding_lines", json!({ "funder": "state", "refused_on": day })),
        part("funding_lines", json!({ "funder": "state", "granted_eur": 1, "paid_eur": 1, "paid_on": day })),
        part("notes", json!({ "text": "n", "dated_on": day })),
    ] {
        let member = body.as_object().unwrap().iter().find(|(_, value)| **value == json!(day)).unwrap().0.clone();
        let refused = house.post("/action-fiches", with(&whole, &name, json!([body]))).await.expect(422);
        assert_eq!(refused.wrongs(), [(format!("/{name}/0/{member}"), "broken_rule".to_owned())]);
        asked += 1;
    }
    let partner = makers::partner(&house, "P").await;
    let phase = makers::phase(&house, 1).await;
    let indicator = makers::indicator(&house, 1).await;
    let agreement = json!({ "territory_id": territory, "title": "A", "kind": "contract", "status": "signed", "signed_on": day });
    let label = |status: &str, member: &str| json!({ "phase_id": phase, "status": status, member: day });
    let labels = format!("/territories/{territory}/labels");
    let cases = [
        ("/agreements", agreement.clone(), "signed_on"),
        ("/diagnoses", json!({ "territory_id": territory, "title": "D", "made_on": day }), "made_on"),
        ("/documents", json!({ "title": "D", "kind": "report", "published_on": day }), "published_on"),
        ("/documents", json!({ "title": "D", "kind": "report", "updated_on": day }), "updated_on"),
        ("/meetings", json!({ "territory_id": territory, "status": "held", "held_on": day }), "held_on"),
        (
            "/observations",
            json!({ "indicator_id": indicator, "subject": "territory", "territory_id": territory, "value": 1, "observed_on": day }),
            "observed_on",
        ),
        ("/people", json!({ "name": "N", "publication_basis": "consent", "consented_on": day }), "consented_on"),
        (&labels[..], label("labelled", "labelled_on"), "labelled_on"),
        (&labels[..], label("candidate", "applied_on"), "applied_on"),
        (&labels[..], label("withdrawn", "withdrawn_on"), "withdrawn_on"),
    ];
    for (path, body, member) in cases {
        let refused = house.post(path, body).await.expect(422);
        assert_eq!(refused.wrongs(), [(format!("/{member}"), "broken_rule".to_owned())], "{path}");
        asked += 1;
    }
    // What is planned is to come.
    for (path, body) in [
        ("/agreements", with(&agreement, "status", json!("planned"))),
        ("/meetings", json!({ "territory_id": territory, "status": "planned", "held_on": day })),
        (
            "/observations",
            json!({ "indicator_id": indicator, "subject": "territory", "territory_id": territory, "value": 1, "observed_on": day, "kind": "target" }),
        ),
        ("/action-fiches", with(&fiche, "planned_end_on", json!(day))),
    ] {
        let made = house.post(path, body).await.expect(201);
        if path == "/meetings" {
            let refused = house.patch(&made.location.unwrap(), Some("*"), json!({ "status": "held" })).await.expect(422);
            // The body has no such member: it is told of the whole.
            assert_eq!(refused.wrongs(), [("/held_on".to_owned(), "broken_rule".to_owned())]);
        }
    }
    let approvals = json!([{ "partner_id": partner, "outcome": "approved", "approved_on": day }]);
    let refused = house.post("/agreements", with(&with(&agreement, "signed_on", json!(past)), "approvals", approvals)).await.expect(422);
    assert_eq!(refused.wrongs(), [("/approvals/0/approved_on".to_owned(), "broken_rule".to_owned())]);
    assert_eq!(asked, 18);
}

/// A rule is told at a member that the body has, in the words of whoever has the rule.
#[actix_web::test]
async fn what_contradicts_itself_is_refused_at_a_member_of_the_body() {
    let house = house().await;
    let [here, there] = [makers::territory(&house, "Ici").await, makers::territory(&house, "Là").await];
    let theme = |scheme: &str, code: &str, territory: Option<&String>| json!({ "scheme": scheme, "code": code, "label_fr": "T", "label_en": "T", "position": 1, "territory_id": territory });
    let at = |answer: &crate::support::Answer| answer.wrongs()[0].0.clone();
    // A scheme is the nation's, or one territory's.
    let local = makers::make(&house, "/themes", theme("ici", "a", Some(&here))).await;
    makers::make(&house, "/themes", theme("nation", "a", None)).await;
    for (scheme, territory) in [("nation", Some(&here)), ("ici", Some(&there)), ("ici", None)] {
        assert_eq!(at(&house.post("/themes", theme(scheme, "b", territory)).await.expect(422)), "/scheme", "{scheme} {territory:?}");
    }
    assert_eq!(at(&house.patch(&format!("/themes/{local}"), Some("*"), json!({ "scheme": "nation" })).await.expect(422)), "/scheme");
    let editor = house.with(&[&format!("editor@territory:{here}")]).await;
    editor.post("/themes", theme("nation", "c", Some(&here))).await.expect(403);
    // Two at once do not make a scheme of two territories.
    let [one, other] = [theme("duel", "a", Some(&here)), theme("duel", "b", Some(&there))];
    let (one, other) = tokio::join!(house.post("/themes", one), house.post("/themes", other));
    let mut statuses = [one.status.as_u16(), other.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 422]);
    // A theme, a committee of another territory.
    let fiche = |territory: &str| json!({ "territory_id": territory, "title": "F" });
    let mine = makers::make(&house, "/action-fiches", fiche(&here)).await;
    let theirs = makers::make(&house, "/action-fiches", fiche(&there)).await;
    house.post(&format!("/action-fiches/{mine}/themes"), json!({ "theme_id": local })).await.expect(201);
    let refused = house.post(&format!("/action-fiches/{theirs}/themes"), json!({ "theme_id": local })).await.expect(422);
    assert_eq!((at(&refused), &refused.body["detail"]), ("/theme_id".to_owned(), &json!("It is of another territory.")));
    let mut whole = fiche(&there);
    whole["themes"] = json!([{ "theme_id": local }]);
    assert_eq!(at(&house.post("/action-fiches", whole).await.expect(422)), "/themes/0/theme_id");
    assert_eq!(at(&house.patch(&format!("/themes/{local}"), Some("*"), json!({ "territory_id": there })).await.expect(422)), "/territory_id");
    for part in ["stakes", "ambitions"] {
        let item = if part == "stakes" { json!({ "label": "E", "theme_id": local }) } else { json!({ "text": "A", "theme_id": local }) };
        let diagnosis = json!({ "territory_id": there, "title": "D", part: [item] });
        assert_eq!(at(&house.post("/diagnoses", diagnosis).await.expect(422)), format!("/{part}/0/theme_id"));
    }
    let committee =
        makers::make(&house, "/committees", json!({ "name": "C", "level": "territorial", "kind": "project", "territory_id": here })).await;
    let agreement = json!({ "territory_id": there, "title": "A", "kind": "contract", "status": "planned" });
    let agreement = makers::make(&house, "/agreements", agreement).await;
    let approval = json!({ "committee_id": committee, "outcome": "approved" });
    assert_eq!(at(&house.post(&format!("/agreements/{agreement}/approvals"), approval).await.expect(422)), "/committee_id");
    // A draft is not done, and what is done becomes no draft.
    let one = format!("/action-fiches/{mine}");
    house.patch(&one, Some("*"), json!({ "actual_end_on": "2024-01-01" })).await.expect(200);
    let advance = |axis: &str, to: &str| {
        send(
            house
                .request(Method::POST, &format!("{one}/transitions"))
                .header("If-Match", "*")
                .json(&json!({ "axis": axis, "to": to, "reason": "r" })),
        )
    };
    advance("progress", "in_progress").await.expect(200);
    let refused = advance("progress", "done").await.expect(422);
    assert_eq!((at(&refused), &refused.body["detail"]), ("/to".to_owned(), &json!("A draft is not done: submit it first.")));
    advance("validation", "submitted").await.expect(200);
    advance("progress", "done").await.expect(200);
    assert_eq!(at(&advance("validation", "draft").await.expect(422)), "/to");
    // A candidate has no label; what is given was asked for before.
    let phase = makers::phase(&house, 1).await;
    for (status, applied, labelled) in [("candidate", "2019-01-01", "2020-01-01"), ("labelled", "2020-01-02", "2020-01-01")] {
        let label = json!({ "phase_id": phase, "status": status, "applied_on": applied, "labelled_on": labelled });
        assert_eq!(at(&house.post(&format!("/territories/{here}/labels"), label).await.expect(422)), "/labelled_on", "{status}");
    }
    // A name that ended before it began.
    let alias = json!({ "name": "P", "kind": "company", "aliases": [{ "name": "Q", "valid_from": "2020-01-02", "valid_to": "2020-01-01" }] });
    assert_eq!(house.post("/partners", alias).await.expect(422).wrongs(), [("/aliases/0".to_owned(), "ends_first".to_owned())]);
    // A merge that would close a circle: its body knows no parent.
    let [upper, middle, lower] =
        [makers::partner(&house, "Haut").await, makers::partner(&house, "Milieu").await, makers::partner(&house, "Bas").await];
    for (one, parent) in [(&middle, &upper), (&lower, &middle)] {
        house.patch(&format!("/partners/{one}"), Some("*"), json!({ "parent_id": parent })).await.expect(200);
    }
    let merge = house.request(Method::POST, &format!("/partners/{upper}/merge")).header("If-Match", "*").json(&json!({ "into_id": lower }));
    let refused = send(merge).await.expect(422);
    assert_eq!((at(&refused), &refused.body["detail"]), ("/into_id".to_owned(), &json!("parent_id: The link would lead back to the thing itself.")));
}

/// The money: of a year, those fiches that have a line of it; a grant that does not say its basis is one of its budget's.
#[actix_web::test]
async fn funding_counts_what_the_filters_ask_for_and_grants_that_say_no_basis() {
    let house = house().await;
    let territory = makers::territory(&house, "T").await;
    let fiche = async |budget: Value, basis: Value, lines: Value| {
        let body = json!({ "territory_id": territory, "title": "F", "budget_eur": budget, "budget_basis": basis, "funding_lines": lines });
        house.post("/action-fiches", body).await.expect(201);
    };
    fiche(json!(100), json!("excl_tax"), json!([{ "funder": "state", "year": 2024, "granted_eur": 100 }])).await;
    fiche(json!(200), json!("excl_tax"), json!([{ "funder": "state", "year": 2025, "granted_eur": 50, "basis": "excl_tax" }])).await;
    fiche(json!(300), json!("incl_tax"), json!([{ "funder": "state", "granted_eur": 300, "basis": "excl_tax" }])).await;
    fiche(json!(400), json!(null), json!([{ "funder": "state", "granted_eur": 100, "basis": "incl_tax" }])).await;
    fiche(json!(null), json!(null), json!([])).await;
    let all = house.get("/action-fiches/funding").await.expect(200).body;
    assert_eq!(all["fiches"], 5);
    let remaining = |body: &Value| -> Vec<Value> {
        let rows = body["remaining"].as_array().unwrap().iter();
        rows.map(|row| json!([row["basis"], row["fiches"], row["basis_assumed"], row["budget_eur"], row["remaining_eur"]])).collect()
    };
    let due = vec![json!(["excl_tax", 2, 1, 300.0, 150.0]), json!(["incl_tax", 1, 0, 300.0, 300.0]), json!([null, 1, 1, 400.0, 300.0])];
    assert_eq!(remaining(&all), due);
    let year = house.get("/action-fiches/funding?year=2024").await.expect(200).body;
    assert_eq!((&year["fiches"], &year["total"][0]["granted_eur"]), (&json!(1), &json!(100.0)));
    assert_eq!(remaining(&year), [json!(["excl_tax", 1, 1, 100.0, 0.0])]);
    assert_eq!(house.get("/action-fiches/funding?year=1999").await.expect(200).body["fiches"], 0);
}

/// The plan has the axes that a territory works by before it has a fiche.
#[actix_web::test]
async fn a_plan_shows_the_themes_that_have_no_fiche_yet() {
    let house = house().await;
    let phase = makers::phase(&house, 2).await;
    let label = json!([{ "phase_id": phase, "status": "labelled" }]);
    let territory = makers::make(&house, "/territories", json!({ "name": "T", "labels": label })).await;
    let other = makers::territory(&house, "U").await;
    let theme = async |scheme: &str, code: &str, phase: Option<&String>, of: Option<&String>| {
        let body =
            json!({ "scheme": scheme, "code": code, "label_fr": code, "label_en": code, "position": 1, "phase_id": phase, "territory_id": of });
        makers::make(&house, "/themes", body).await
    };
    let named = async || -> Vec<Value> {
        let plan = house.get(&format!("/territories/{territory}/plan")).await.expect(200).body;
        plan["themes"].as_array().unwrap().iter().map(|theme| json!([theme["label_fr"], theme["fiches_count"]])).collect()
    };
    assert_eq!(named().await, [] as [Value; 0]);
    theme("phase-2", "axe", Some(&phase), None).await;
    theme("propre", "local", None, Some(&territory)).await;
    theme("autre", "ailleurs", None, Some(&other)).await;
    let used = theme("essai", "porte", None, None).await;
    theme("essai", "vide", None, None).await;
    assert_eq!(named().await, [json!(["axe", 0]), json!(["local", 0])]);
    house.post("/action-fiches", json!({ "territory_id": territory, "title": "F", "themes": [{ "theme_id": used }] })).await.expect(201);
    assert_eq!(named().await, [json!(["porte", 1]), json!(["vide", 0]), json!(["axe", 0]), json!(["local", 0])]);
}

/// The inhabitants of an intercommunality are those of its communes, as everywhere.
#[actix_web::test]
async fn a_population_is_that_of_the_communes() {
    let house = demo_house().await;
    for whole in house.all("/intercommunalities?include=places").await {
        let communes = house.all(&format!("/communes?intercommunality_siren={}&limit=1000", whole["siren"].as_str().unwrap())).await;
        let people: i64 = communes.iter().filter_map(|commune| commune["population"].as_i64()).sum();
        let places: i64 = whole["places"].as_array().unwrap().iter().filter_map(|place| place["population"].as_i64()).sum();
        assert_eq!((&whole["population"], places), (&json!(people), people), "{}", whole["name"]);
        assert!(people > 0);
    }
}

/// What a file of the official lists says is read by the same rule.
#[actix_web::test]
async fn a_loader_reads_texts_as_a_body_is_read() {
    use territoires_industrie::{api::territories::official, db::Db};
    let house = house().await;
    makers::phase(&house, 1).await;
    let file = |name: &str, text: &str| {
        let path = std::env::temp_dir().join(format!("territoires-industrie-values-{}-{name}.csv", std::process::id()));
        std::fs::write(&path, text).unwrap();
        path
    };
    let bad = file("bad", "id_ti,lib_ti\nti-2890,Par\u{200b}c\nti-2891,a\u{202e}b\n");
    let told = official::read(&[&bad]).unwrap_err().to_string();
    for part in [
        "line 2, lib_ti: \"Par\\u{200b}c\": Contains a character that is not allowed here: U+200B, which is character 4 of the text.",
        "line 3, lib_ti:",
    ] {
        assert!(told.contains(part), "{told}");
    }
    let good = file("good", "id_ti,lib_ti\nTI-2890, Alenc\u{327}on\u{a0}\n");
    let lists = official::read(&[&good]).unwrap();
    assert_eq!(official::load(&lists, 1, &official::Map::default(), &Db::new(&house.url, 1).unwrap()).await.unwrap().territories_made, 1);
    assert_eq!(ask(&house, "/territories", &[("name", "Alençon"), ("official_code", "ti-2890")]).await.expect(200).rows().len(), 1);
    for path in [bad, good] {
        std::fs::remove_file(path).unwrap();
    }
}
