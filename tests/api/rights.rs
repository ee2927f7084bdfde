//! What may not be seen is told by nothing; what is not one's own to set is not taken. (OWASP API1, API3: the matrix of
//! who may open what is in `doors.rs`.)

use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use serde_json::{Value, json};

use crate::support::{Client, House, contract, demo_house, house, makers, unique};

/// Is in every text of what is hidden.
const MARK: &str = "Zyxomma";

/// A house where T7 has a committee with an unnamed person, and fiches of which two are hidden; and what is hidden.
async fn with_secrets() -> (House, String, String, Vec<String>) {
    let house = house().await;
    let territory = makers::territory(&house, "T7").await;
    let person = makers::make(&house, "/people", json!({ "name": MARK, "variants": [MARK], "mandates": [{ "function": MARK }] })).await;
    let seats = json!([{ "person_id": person, "function": "Directeur d'usine", "capacity": "chair" }]);
    let committee = json!({ "name": "Comité", "level": "territorial", "kind": "project", "territory_id": territory, "seats": seats });
    let committee = makers::make(&house, "/committees", committee).await;
    let mut hidden = vec![person];
    for visibility in ["partners", "restricted"] {
        let title = format!("{MARK} {visibility}");
        let partner = makers::partner(&house, &format!("Partenaire {visibility}")).await;
        let participants = json!([{ "partner_id": partner, "role": "lead", "note": MARK }]);
        let fiche = json!({ "territory_id": territory, "title": title, "reference": MARK.to_owned() + visibility, "visibility": visibility, "participants": participants });
        hidden.push(makers::make(&house, "/action-fiches", fiche).await);
    }
    (house, territory, committee, hidden)
}

/// Every list of the document, with all that may come along.
fn lists() -> Vec<(String, Vec<String>)> {
    let paths = contract::DOCUMENT["paths"].as_object().unwrap();
    let lists = paths.iter().filter(|(path, item)| path.starts_with("/api/v1/") && !path.contains('{') && item["get"].is_object());
    lists
        .map(|(path, item)| {
            let names = item["get"]["parameters"].as_array().into_iter().flatten().filter(|parameter| parameter["in"] == "query");
            (path["/api/v1".len()..].to_owned(), names.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect())
        })
        .collect()
}

#[actix_web::test]
async fn nothing_tells_what_is_hidden() {
    let (house, territory, committee, hidden) = with_secrets().await;
    let other = makers::territory(&house, "T8").await;
    let strangers = [house.anyone.clone(), house.with(&[&format!("editor@territory:{other}")]).await, house.with(&["admin@nation"]).await];
    let team = house.with(&[&format!("reader@territory:{territory}")]).await;
    let mut asked = 0;
    for stranger in &strangers {
        for (path, names) in lists() {
            let mut queries: Vec<String> = vec!["limit=1000".to_owned()];
            for name in &names {
                match name.as_str() {
                    "include" => queries.extend(includes(&path).into_iter().map(|name| format!("include={name}"))),
                    "sort" => queries.extend(sorts(&path).into_iter().map(|name| format!("sort={name}"))),
                    "limit" | "cursor" | "offset" | "count" | "as_of" => {}
                    name if name.ends_with("_id") || name == "id" => queries.extend(hidden.iter().map(|id| format!("{name}={id}"))),
                    "q" => queries.push(format!("q={MARK}")),
                    _ => {}
                }
            }
            for query in queries {
                let answer = stranger.get(&format!("{path}?{query}")).await;
                if answer.status != 200 {
                    continue; // not a filter that takes such a value
                }
                asked += 1;
                let text = answer.body.to_string();
                let itself = text.replace(&query, "").replace(&hidden[0], if query.contains(&hidden[0]) { "" } else { &hidden[0] });
                assert!(!itself.contains(MARK), "{path}?{query} shows {MARK}");
                if hidden.iter().any(|id| query.contains(id.as_str())) || query.starts_with("q=") {
                    let found = answer.body["data"].as_array().map_or(answer.body["fiches"].clone(), |rows| rows.len().into());
                    // Sums are over what is seen: a funder or a tool is no fiche.
                    let of_fiches = ["territory_id", "theme_id"].iter().any(|name| query.starts_with(name));
                    assert!(found == 0 || path.ends_with("/funding") && !of_fiches, "{path}?{query} finds what is hidden");
                } else {
                    assert!(!hidden.iter().any(|id| text.contains(id.as_str())), "{path}?{query} names what is hidden");
                }
            }
        }
        for id in &hidden {
            for noun in ["people", "action-fiches"] {
                for part in ["", "/mandates", "/participants", "/themes"] {
                    let answer = stranger.get(&format!("/{noun}/{id}{part}")).await;
                    assert!(answer.status == 404, "/{noun}/{id}{part}: {}", answer.status);
                }
            }
        }
        let seats = stranger.get(&format!("/committees/{committee}/seats")).await.expect(200);
        assert_eq!((&seats.rows()[0]["person_id"], &seats.rows()[0]["function"]), (&Value::Null, &json!("Directeur d'usine")));
        for filter in ["person_id__ne", "person_id__null"] {
            stranger.get(&format!("/committees/{committee}/seats?{filter}=true")).await.expect(400);
        }
    }
    assert!(asked > 150, "{asked}");
    // Who works there sees them: what is for partners, and the person by name.
    assert_eq!(team.get(&format!("/people?q={MARK}")).await.expect(200).rows().len(), 1);
    assert_eq!(team.get(&format!("/action-fiches?q={MARK}")).await.expect(200).rows().len(), 1);
    let seats = team.get(&format!("/committees/{committee}?include=seats")).await.expect(200);
    assert_eq!(seats.body["seats"][0]["person_id"], json!(hidden[0]));
    assert_eq!(team.get(&format!("/committees?person_id={}", hidden[0])).await.expect(200).rows().len(), 1);
}

fn parameter(path: &str, name: &str) -> Value {
    let operation = &contract::DOCUMENT["paths"][format!("/api/v1{path}")]["get"];
    operation["parameters"].as_array().unwrap().iter().find(|parameter| parameter["name"] == name).unwrap()["schema"].clone()
}

fn includes(path: &str) -> Vec<String> {
    parameter(path, "include")["items"]["enum"].as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

fn sorts(path: &str) -> Vec<String> {
    let pattern = parameter(path, "sort")["pattern"].as_str().unwrap().to_owned();
    let names = pattern.split(['(', ')']).nth(1).unwrap().to_owned();
    names.split('|').map(str::to_owned).collect()
}

/// What is hidden changes no tag of what is shown; and a tag confirms no other view.
#[actix_web::test]
async fn a_tag_tells_nothing_of_what_is_hidden() {
    let house = house().await;
    let territory = makers::territory(&house, "T7").await;
    let (list, both) = (format!("/action-fiches?territory_id={territory}&count=true"), house.with(&["reader@nation"]).await);
    let before = house.anyone.get(&list).await.expect(200).etag;
    let fiche = json!({ "territory_id": territory, "title": "x", "visibility": "restricted" });
    let fiche = makers::make(&house, "/action-fiches", fiche).await;
    assert_eq!(house.anyone.get(&list).await.expect(200).etag, before);
    let one = format!("/action-fiches/{fiche}");
    let seen = both.get(&one).await.expect(200).etag.unwrap();
    let asked = |client: &Client, tag: &str| crate::support::send(client.request(reqwest::Method::GET, &one).header("if-none-match", tag));
    asked(&both, &seen).await.expect(304);
    for tag in [seen.as_str(), "*", "\"v1.pub\""] {
        asked(&house.anyone, tag).await.expect(404);
    }
    house.patch(&one, Some(&seen), json!({ "visibility": "public" })).await.expect(200);
    asked(&house.anyone, "\"v2\"").await.expect(200);
    asked(&house.anyone, "\"v2.pub\"").await.expect(304);
}

/// To name what one may not see is to name nothing.
#[actix_web::test]
async fn a_reference_to_what_is_hidden_is_a_reference_to_nothing() {
    let (house, _, _, hidden) = with_secrets().await;
    let other = makers::territory(&house, "T8").await;
    let approver = house.with(&[&format!("approver@territory:{other}")]).await;
    let committee = json!({ "name": "Comité de T8", "level": "territorial", "kind": "project", "territory_id": other });
    let committee = makers::make(&house, "/committees", committee).await;
    let seats = format!("/committees/{committee}/seats");
    let without = |mut body: Value| {
        body.as_object_mut().unwrap().shift_remove("instance");
        body
    };
    let never = "00000000-0000-7000-8000-000000000000";
    let seated = approver.post(&seats, json!({ "person_id": hidden[0] })).await.expect(422);
    let nobody = approver.post(&seats, json!({ "person_id": never })).await.expect(422);
    assert_eq!(without(seated.body), without(nobody.body));
    let inside = |id: &str| json!({ "name": "C", "level": "territorial", "kind": "project", "territory_id": other, "seats": [{ "person_id": id }] });
    let seated = approver.post("/committees", inside(&hidden[0])).await.expect(422);
    let nobody = approver.post("/committees", inside(never)).await.expect(422);
    assert_eq!((&seated.wrongs(), without(seated.body)), (&nobody.wrongs(), without(nobody.body)));
    let fiche = makers::make(&house, "/action-fiches", json!({ "territory_id": other, "title": "x", "visibility": "public" })).await;
    let pilot = house.with(&[&format!("editor@fiche:{fiche}")]).await;
    let brother = makers::make(&house, "/action-fiches", json!({ "territory_id": other, "title": "y", "visibility": "restricted" })).await;
    // A public fiche is part of no hidden one, and what has a public part is not hidden.
    let [path, whole] = [&fiche, &brother].map(|id| format!("/action-fiches/{id}"));
    let refused = house.patch(&path, Some("*"), json!({ "parent_id": brother })).await.expect(422);
    assert_eq!(refused.wrongs(), [("/visibility".to_owned(), "broken_rule".to_owned())]);
    house.patch(&whole, Some("*"), json!({ "visibility": "public" })).await.expect(200);
    house.patch(&path, Some("*"), json!({ "parent_id": brother })).await.expect(200);
    house.patch(&whole, Some("*"), json!({ "visibility": "restricted" })).await.expect(422);
    house.patch(&path, Some("*"), json!({ "parent_id": null })).await.expect(200);
    house.patch(&whole, Some("*"), json!({ "visibility": "restricted" })).await.expect(200);
    let path = format!("/action-fiches/{fiche}");
    let hidden = pilot.patch(&path, Some("*"), json!({ "parent_id": brother })).await.expect(403);
    let nothing = pilot.patch(&path, Some("*"), json!({ "parent_id": never })).await.expect(403);
    assert_eq!(without(hidden.body), without(nothing.body));
}

#[derive(diesel::QueryableByName)]
struct Line {
    #[diesel(sql_type = diesel::sql_types::Text)]
    line: String,
}

async fn lines(house: &House, noun: &str) -> Vec<String> {
    let lines = diesel::sql_query(
        "SELECT action || ' ' || version || ' ' || audience || ' ' || cardinality(places) AS line FROM ledger WHERE noun = $1 ORDER BY id",
    );
    let lines: Vec<Line> = lines.bind::<diesel::sql_types::Text, _>(noun).load(&mut house.database().await).await.unwrap();
    lines.into_iter().map(|line| line.line).collect()
}

/// When a thing is from now on for others, so are its parts and what names it: each has a line of its own that says so.
#[actix_web::test]
async fn the_ledger_says_of_each_line_whom_it_is_for() {
    let (house, territory, committee, hidden) = with_secrets().await;
    house.patch(&format!("/action-fiches/{}", hidden[2]), Some("*"), json!({ "visibility": "public" })).await.expect(200);
    assert_eq!(lines(&house, "action_fiches").await, ["create 1 partners 2", "create 1 restricted 2", "update 2 public 2"]);
    assert_eq!(lines(&house, "action_fiche_participants").await, ["create 1 partners 2", "create 1 restricted 2", "update 2 public 2"]);
    // The person sat nowhere yet, then in T7, and is then named.
    assert_eq!(lines(&house, "people").await, ["create 1 partners 1", "update 2 partners 1"]);
    house.patch(&format!("/people/{}", hidden[0]), Some("*"), json!({ "publication_basis": "consent" })).await.expect(422);
    let named = json!({ "publication_basis": "consent", "consented_on": "2026-01-31" });
    house.patch(&format!("/people/{}", hidden[0]), Some("*"), named).await.expect(200);
    assert_eq!(lines(&house, "people").await.last().unwrap(), "update 3 public 1");
    assert_eq!(lines(&house, "person_mandates").await, ["create 1 partners 1", "update 2 partners 1", "update 3 public 1"]);
    assert_eq!(lines(&house, "committee_seats").await, ["create 1 public 1", "update 2 public 1"]);
    let seats = house.anyone.get(&format!("/committees/{committee}/seats")).await.expect(200);
    assert_eq!(seats.rows()[0]["person_id"], json!(hidden[0]));
    // What is deleted was for whom it was for.
    house.delete(&format!("/action-fiches/{}", hidden[1]), Some("*")).await.expect(204);
    assert_eq!(lines(&house, "action_fiche_participants").await.last().unwrap(), "delete 2 partners 2");
    let [team, other] = ["reader@territory:".to_owned() + &territory, "reader@region:28".to_owned()];
    house.with(&[&team]).await.get(&format!("/action-fiches/{}", hidden[1])).await.expect(410);
    house.with(&[&other]).await.get(&format!("/action-fiches/{}", hidden[1])).await.expect(404);
}

/// An agency of a region reads all there is in each territory with a commune in it, one that crosses its border included.
#[actix_web::test]
async fn a_region_reaches_every_territory_that_has_a_commune_in_it() {
    let house = demo_house().await;
    for (grant, expected) in
        [("reader@region:52", vec!["Alençon", "Anjou Bleu"]), ("reader@department:72", vec!["Alençon"]), ("reader@region:11", vec![])]
    {
        let agency = house.with(&[grant]).await;
        for name in ["Alençon", "Anjou Bleu", "Grand Est Touraine"] {
            let territory = house.get(&format!("/territories?q={}", name.replace(' ', "%20"))).await.expect(200).rows()[0]["id"].clone();
            let fiche = json!({ "territory_id": territory, "title": grant, "visibility": "restricted" });
            let fiche = makers::make(&house, "/action-fiches", fiche).await;
            let seen = agency.get(&format!("/action-fiches/{fiche}")).await.status == 200;
            assert_eq!(seen, expected.contains(&name), "{grant} sees {name}");
            agency.patch(&format!("/action-fiches/{fiche}"), Some("*"), json!({})).await.expect(if seen { 403 } else { 404 });
        }
    }
}

/// No body takes a member that is not its own: what the service sets, it alone sets. (OWASP API3, T10.)
#[actix_web::test]
async fn what_the_service_sets_is_not_taken_from_a_body() {
    let house = house().await;
    let schemas = contract::DOCUMENT["components"]["schemas"].as_object().unwrap();
    let members = |schema: &Value| schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    let mut every: Vec<String> =
        schemas.values().flat_map(members).chain(["role", "created_by", "published_at", "territory", "search"].map(str::to_owned)).collect();
    every.sort();
    every.dedup();
    let mut refused = 0;
    for (path, item) in contract::DOCUMENT["paths"].as_object().unwrap().iter().filter(|(path, _)| path.starts_with("/api/v1/")) {
        for maker in makers::makers() {
            if *path != format!("/api/v1{}", maker.path) || path.contains('{') {
                continue;
            }
            let reference = item["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"].as_str().unwrap();
            let own = members(&schemas[reference.rsplit('/').next().unwrap()]);
            let valid = (maker.body)(&house.editor, 900).await;
            for name in every.iter().filter(|name| !own.contains(name)) {
                let mut body = valid.clone();
                body[name] = json!("x");
                let answer = house.post(maker.path, body).await.expect(422);
                assert_eq!(answer.wrongs(), [(format!("/{name}"), "unknown_field".to_owned())], "{path} takes {name}");
                refused += 1;
            }
        }
    }
    assert!(refused > 300, "{refused}");
}

/// What two reviews got at, each way once: none leads there any more.
#[actix_web::test]
async fn a_decision_is_not_undone_by_who_could_not_take_it() {
    let house = house().await;
    let territory = makers::territory(&house, "T7").await;
    let fiche = makers::make(&house, "/action-fiches", json!({ "territory_id": territory, "title": "x", "visibility": "public" })).await;
    let one = format!("/action-fiches/{fiche}");
    for reason in ["A", "B"] {
        let submitted = house.request(reqwest::Method::POST, &format!("{one}/transitions")).header("if-match", "*");
        crate::support::send(submitted.json(&json!({ "axis": "validation", "to": "submitted" }))).await.expect(200);
        makers::decide(&house, &territory, &fiche, "postponed", reason).await.expect(201);
    }
    let [editor, pilot] = [house.with(&[&format!("editor@territory:{territory}")]).await, house.with(&[&format!("editor@fiche:{fiche}")]).await];
    let back = async |client: &Client, version: i64| crate::support::restore(client, &one, "*", version).await;
    // Neither to another state, nor to the same one of another day for another reason.
    for version in [1, 3] {
        back(&pilot, version).await.expect(403);
        back(&editor, version).await.expect(403);
    }
    // Nor by who approves of nothing but the fiche: he sits in no meeting.
    let [approver, mine] = [house.with(&[&format!("approver@fiche:{fiche}")]).await, house.with(&[&format!("approver@territory:{territory}")]).await];
    back(&approver, 1).await.expect(403);
    // Nor by calling off the meeting that decided.
    let meetings = house.all(&format!("/meetings?territory_id={territory}")).await;
    assert_eq!(meetings.len(), 2);
    for meeting in meetings {
        let cancelled = mine.patch(&format!("/meetings/{}", meeting["id"].as_str().unwrap()), Some("*"), json!({ "status": "cancelled" })).await;
        assert_eq!(cancelled.expect(422).wrongs(), [("/status".to_owned(), "not_held".to_owned())]);
    }
    // Nor through a deletion: what a meeting decided on stays.
    editor.delete(&one, Some("*")).await.expect(409);
    assert_eq!(house.get(&one).await.expect(200).body["validation_reason"], "B");
    back(&house.editor, 3).await.expect(200);
}

#[actix_web::test]
async fn what_all_share_is_not_taken_by_adding_oneself_to_it() {
    let (house, _, _, hidden) = with_secrets().await;
    let other = makers::territory(&house, "T8").await;
    let approver = house.with(&[&format!("approver@territory:{other}")]).await;
    let minister = makers::person(&house, "Une ministre").await;
    let committee = json!({ "name": "C", "level": "territorial", "kind": "project", "territory_id": other });
    let committee = makers::make(&house, "/committees", committee).await;
    let seats = format!("/committees/{committee}/seats");
    let seat = approver.post(&seats, json!({ "person_id": minister })).await.expect(201);
    approver.patch(&format!("/people/{minister}"), Some("*"), json!({ "name": "Autre" })).await.expect(403);
    let partner = makers::partner(&house, "Bpifrance").await;
    approver.post(&format!("/partners/{partner}/commitments"), json!({ "territory_id": other, "side": "state", "text": "x" })).await.expect(201);
    approver.patch(&format!("/partners/{partner}"), Some("*"), json!({ "name": "Autre" })).await.expect(403);
    // Nor is a committee of the nation or of a region that of a territory.
    for (level, region) in [("national", None), ("territorial", Some("52"))] {
        let body = json!({ "name": "Faux", "level": level, "kind": "steering", "territory_id": other, "region_code": region });
        approver.post("/committees", body).await.expect(403);
    }
    // And going back asks for no less than a change does.
    let national = json!({ "name": "National", "level": "national", "kind": "steering" });
    let national = makers::make(&house, "/committees", national).await;
    approver.patch(&format!("/committees/{national}"), Some("*"), json!({})).await.expect(403);
    let back = approver.request(reqwest::Method::POST, &format!("/committees/{national}/restore")).header("if-match", "*");
    crate::support::send(back.json(&json!({ "version": 1 }))).await.expect(403);
    // Who was seated once, and may not be known any more, is not seated again by going back.
    approver.patch(seat.location.as_ref().unwrap(), Some("*"), json!({ "person_id": null, "function": "Siège" })).await.expect(200);
    house.patch(seat.location.as_ref().unwrap(), Some("*"), json!({ "person_id": hidden[0] })).await.expect(200);
    let version = house.get(&format!("/committees/{committee}")).await.expect(200).body["version"].clone();
    house.patch(seat.location.as_ref().unwrap(), Some("*"), json!({ "person_id": null })).await.expect(200);
    approver.get(&format!("/people/{}", hidden[0])).await.expect(404);
    let back = approver.request(reqwest::Method::POST, &format!("/committees/{committee}/restore")).header("if-match", "*");
    let refused = crate::support::send(back.json(&json!({ "version": version }))).await.expect(422);
    assert_eq!(refused.wrongs(), [("/version".to_owned(), "unknown_reference".to_owned())]);
    approver.get(&format!("/people/{}", hidden[0])).await.expect(404);
}

#[actix_web::test]
async fn no_answer_names_what_is_hidden_behind_a_conflict() {
    let (house, territory, _, hidden) = with_secrets().await;
    let fiche = makers::make(&house, "/action-fiches", json!({ "territory_id": territory, "title": "x", "visibility": "public" })).await;
    let pilot = house.with(&[&format!("editor@fiche:{fiche}")]).await;
    let taken = json!({ "reference": format!("{MARK}restricted") });
    pilot.patch(&format!("/action-fiches/{fiche}"), Some("*"), taken.clone()).await.expect(403);
    let told = house.patch(&format!("/action-fiches/{fiche}"), Some("*"), taken).await.expect(409);
    assert_eq!(told.body["existing"], json!(hidden[2]));

    // What was hidden of a thing's versions is not told by a stale change either.
    let one = format!("/action-fiches/{fiche}");
    house.patch(&one, Some("*"), json!({ "visibility": "restricted" })).await.expect(200);
    house.patch(&one, Some("*"), json!({ "visibility": "public" })).await.expect(200);
    let stranger = house.with(&[&format!("editor@territory:{territory}")]).await;
    let all = stranger.patch(&one, Some("\"v1\""), json!({})).await.expect(412);
    assert_eq!(all.body["changes"].as_array().unwrap().len(), 2, "the team sees all of it");

    // And the feed does not tell that something happened of which it tells nothing.
    let page = house.anyone.get("/changes?limit=1000").await.expect(200);
    let cursor = page.body["data"].as_array().unwrap().iter().rev().nth(1).unwrap()["cursor"].as_str().unwrap().to_owned();
    let more = |house: &House| {
        let (anyone, path) = (house.anyone.clone(), format!("/changes?limit=1&cursor={cursor}"));
        async move { anyone.get(&path).await.expect(200).body["meta"]["more"].clone() }
    };
    let before = more(&house).await;
    makers::make(&house, "/action-fiches", json!({ "territory_id": territory, "title": "y", "visibility": "restricted" })).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!((before, more(&house).await), (json!(false), json!(false)));
}

#[actix_web::test]
async fn a_key_that_held_more_is_not_exchanged_by_who_gives_less() {
    let house = house().await;
    let territory = makers::territory(&house, "T7").await;
    let [nation, admin] = [house.with(&["admin@nation"]).await, house.with(&[&format!("admin@territory:{territory}")]).await];
    let fiche = makers::make(&house, "/action-fiches", json!({ "territory_id": territory, "title": "x", "visibility": "public" })).await;
    let of = |perimeter: &str, member: &str, id: &str| json!({ "role": "approver", "perimeter": perimeter, member: id });
    let here = of("territory", "territory_id", &territory);
    let both = json!({ "name": "X", "grants": [here, { "role": "approver", "perimeter": "nation" }] });
    let key = nation.post("/api-keys", both).await.expect(201).body["id"].as_str().unwrap().to_owned();
    let grants = nation.get(&format!("/grants?key_id={key}&perimeter=nation")).await.expect(200);
    let ended = format!("/grants/{}/end", grants.rows()[0]["id"].as_str().unwrap());
    nation.post(&ended, json!({ "reason": "Congé" })).await.expect(200);
    admin.post(&format!("/api-keys/{key}/rotation"), json!({ "overlap_hours": 720 })).await.expect(404);
    // A key is not out of reach because the fiche that it was for is no more.
    let pilot = json!({ "name": "Y", "grants": [here, of("fiche", "action_fiche_id", &fiche)] });
    let key = admin.post("/api-keys", pilot).await.expect(201).body["id"].as_str().unwrap().to_owned();
    house.delete(&format!("/action-fiches/{fiche}"), Some("*")).await.expect(204);
    admin.post(&format!("/api-keys/{key}/revocation"), json!({ "reason": "Départ" })).await.expect(200);
    // Nor does who is an administrator until a day give for longer.
    let day = |days: i64| (chrono::Utc::now() + chrono::Duration::days(days)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let mine = |ends: Option<String>| json!({ "name": unique("Z"), "grants": [{ "role": "admin", "perimeter": "territory", "territory_id": territory, "ends_at": ends }] });
    let secret = nation.post("/api-keys", mine(Some(day(2)))).await.expect(201).body["secret"].as_str().unwrap().to_owned();
    let dated = Client { key: Some(secret), ..house.anyone.clone() };
    for (ends, status) in [(None, 403), (Some(day(3)), 403), (Some(day(1)), 201)] {
        dated.post("/api-keys", mine(ends)).await.expect(status);
    }
}

/// What ends one day is not made to last: not by another grant that does not cover it, not by the secret of somebody else's key.
#[actix_web::test]
async fn what_one_holds_for_a_time_is_not_handed_on_for_longer() {
    let house = house().await;
    let [here, there] = [makers::territory(&house, "T7").await, makers::territory(&house, "T8").await];
    let fiche = makers::make(&house, "/action-fiches", json!({ "territory_id": here, "title": "x", "visibility": "public" })).await;
    let nation = house.with(&["admin@nation"]).await;
    let soon = (chrono::Utc::now() + chrono::Duration::hours(1)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let over = |role: &str, territory: &str| json!({ "role": role, "perimeter": "territory", "territory_id": territory });
    let temporary = [
        (
            json!({ "role": "admin", "perimeter": "nation", "ends_at": soon }),
            json!({ "role": "admin", "perimeter": "fiche", "action_fiche_id": fiche }),
            json!({ "role": "admin", "perimeter": "nation" }),
        ),
        (json!({ "role": "admin", "perimeter": "territory", "territory_id": here, "ends_at": soon }), over("admin", &there), over("admin", &here)),
    ];
    for (dated, open, wanted) in temporary {
        let key = nation.post("/api-keys", json!({ "name": unique("dated"), "grants": [dated, open] })).await.expect(201).body;
        let me = Client { key: Some(key["secret"].as_str().unwrap().to_owned()), ..house.anyone.clone() };
        let with = |member: &str, value: Value| {
            let mut body = wanted.clone();
            body[member] = value;
            body
        };
        me.post("/grants", with("key_id", key["id"].clone())).await.expect(403);
        me.post("/api-keys", json!({ "name": unique("more"), "grants": [wanted] })).await.expect(403);
        me.post("/api-keys", json!({ "name": unique("as long"), "grants": [with("ends_at", json!(soon))] })).await.expect(201);
        // Nor by the secret of who holds it for good.
        let good =
            nation.post("/api-keys", json!({ "name": unique("good"), "grants": [wanted] })).await.expect(201).body["id"].as_str().unwrap().to_owned();
        me.post(&format!("/api-keys/{good}/rotation"), json!({})).await.expect(403);
        nation.post(&format!("/api-keys/{good}/rotation"), json!({})).await.expect(200);
    }
}

/// Who may exchange the secret of a key never comes to hold by it what he may not give.
#[actix_web::test]
async fn a_key_is_given_nothing_that_its_holders_could_not_give() {
    let house = house().await;
    let member = json!([{ "kind": "other", "name": "member", "department_codes": ["61"] }]);
    let territory = makers::make(&house, "/territories", json!({ "name": "T7", "members": member })).await;
    let fiche = makers::make(&house, "/action-fiches", json!({ "territory_id": territory, "title": "x", "visibility": "public" })).await;
    let [admin, region] = [house.with(&[&format!("admin@territory:{territory}")]).await, house.with(&["admin@region:28"]).await];
    let grant = |role: &str| json!({ "role": role, "perimeter": "territory", "territory_id": territory });
    let key = async |grant: Value| admin.post("/api-keys", json!({ "name": unique("k"), "grants": [grant] })).await.expect(201).body["id"].clone();
    let give = async |key: &Value, role: &str| {
        let mut body = grant(role);
        body["key_id"] = key.clone();
        admin.post("/grants", body).await
    };
    // A region gives readers; the pilot's administrator, what is of the fiche.
    let reader = key(grant("reader")).await;
    region.post(&format!("/api-keys/{}/rotation", reader.as_str().unwrap()), json!({})).await.expect(200);
    assert_eq!(give(&reader, "editor").await.expect(422).wrongs(), [("/key_id".to_owned(), "broken_rule".to_owned())]);
    let pilot = key(json!({ "role": "editor", "perimeter": "fiche", "action_fiche_id": fiche })).await;
    give(&pilot, "editor").await.expect(422);
    let editor = key(grant("editor")).await;
    give(&editor, "approver").await.expect(201);
    // Who holds several perimeters holds them together: not even the nation widens what he may exchange.
    let nation = house.with(&["admin@nation"]).await;
    let [second, third] = [makers::territory(&house, "T8").await, makers::territory(&house, "T9").await];
    let over = |territory: &str| json!({ "role": "editor", "perimeter": "territory", "territory_id": territory });
    let both = json!({ "name": "both", "grants": [grant("editor"), over(&second)] });
    let both = nation.post("/api-keys", both).await.expect(201).body["id"].clone();
    for (territory, status) in [(&third, 422), (&second, 201)] {
        let mut body = over(territory);
        body["key_id"] = both.clone();
        nation.post("/grants", body).await.expect(status);
    }
}

/// Who knows a person here does not know where else it sits, and nobody learns there that it came to sit here.
#[actix_web::test]
async fn the_seats_of_one_person_are_not_linked() {
    let house = house().await;
    let [here, there, elsewhere] =
        [makers::territory(&house, "T7").await, makers::territory(&house, "T8").await, makers::territory(&house, "T9").await];
    let person = makers::make(&house, "/people", json!({ "name": "Camille Martin" })).await;
    let seat = async |territory: &str| {
        let seats = json!([{ "person_id": person, "function": "Directeur d'usine" }]);
        let body = json!({ "name": "Comité", "level": "territorial", "kind": "project", "territory_id": territory, "seats": seats });
        let committee = makers::make(&house, "/committees", body).await;
        let seats = house.get(&format!("/committees/{committee}/seats")).await.expect(200);
        (committee.clone(), format!("/committees/{committee}/seats/{}", seats.rows()[0]["id"].as_str().unwrap()))
    };
    let ((mine, my_seat), (theirs, their_seat)) = (seat(&here).await, seat(&there).await);
    let reader = house.with(&[&format!("reader@territory:{here}")]).await;
    let tags = async || {
        let mut tags = Vec::new();
        for one in [&my_seat, &their_seat] {
            tags.push(house.anyone.get(one).await.expect(200).body["version"].clone());
        }
        tags
    };
    let before = tags().await;
    let document = makers::make(&house, "/documents", json!({ "title": "d", "kind": "report", "visibility": "public" })).await;
    let citation = json!({ "document_id": document, "noun": "people", "thing_id": person });
    let citation = format!("/citations/{}", makers::make(&house, "/citations", citation).await);
    let citing = house.get(&citation).await.expect(200).body["territory_id"].clone();
    let (_, new_seat) = seat(&elsewhere).await;
    // Nor do its citations change hands, nor does the feed say where else it sits, nor who seated it there.
    assert_eq!(house.get(&citation).await.expect(200).body["territory_id"], citing);
    territoires_industrie::ledger::stamper::catch_up(&mut house.database().await).await.unwrap();
    let events = async |client: &Client, query: &str| client.get(&format!("/changes?noun=people{query}")).await.expect(200).rows().clone();
    for event in events(&reader, "").await {
        assert_eq!(event["territories"], json!([here]), "{event:#}");
    }
    assert_eq!(events(&house, "").await.last().unwrap()["territories"].as_array().unwrap().len(), 3);
    for (territory, known) in [(&here, 1), (&there, 0), (&elsewhere, 0)] {
        assert_eq!(events(&reader, &format!("&territory={territory}")).await.is_empty(), known == 0, "{territory}");
        let fingerprint = reader.get(&format!("/changes/fingerprint?noun=people&territory={territory}")).await.expect(200);
        assert_eq!(fingerprint.body["count"], known);
    }
    let last = reader.get(&format!("/people/{person}/history")).await.expect(200).rows()[0].clone();
    assert_eq!([&last["author"], &last["request"], &events(&reader, "").await.last().unwrap()["author"]], [&Value::Null; 3]);
    assert_eq!(tags().await, before, "a seat elsewhere is told by nothing here");
    let named = async |path: &str| reader.get(path).await.expect(200).body["person_id"].clone();
    assert_eq!([named(&my_seat).await, named(&their_seat).await], [json!(person), Value::Null]);
    let found = reader.get(&format!("/committees?person_id={person}")).await.expect(200);
    assert_eq!(found.rows().iter().map(|row| &row["id"]).collect::<Vec<_>>(), [&json!(mine)]);
    for (committee, due) in [(&mine, 1), (&theirs, 0)] {
        assert_eq!(reader.get(&format!("/committees/{committee}/seats?person_id={person}")).await.expect(200).rows().len(), due);
        assert_eq!(house.anyone.get(&format!("/committees/{committee}/seats?person_id={person}")).await.expect(200).rows().len(), 0);
    }
    let include = reader.get("/committees?include=seats&limit=1000").await.expect(200);
    let told = include.rows().iter().filter(|row| row["seats"][0]["person_id"] == json!(person)).count();
    assert_eq!(told, 1);
    let events = reader.get("/changes?noun=committee-seats&limit=1000").await.expect(200);
    let told = events.rows().iter().filter(|event| event["data"]["person_id"] == json!(person)).count();
    assert_eq!((told, events.rows().len()), (1, 3));
    // Once it may be named, each of its seats says so, to everyone.
    house.patch(&format!("/people/{person}"), Some("*"), json!({ "publication_basis": "elected_mandate" })).await.expect(200);
    for one in [&my_seat, &their_seat, &new_seat] {
        let seat = house.anyone.get(one).await.expect(200).body;
        assert_eq!((&seat["person_id"], &seat["version"]), (&json!(person), &json!(before[0].as_i64().unwrap() + 1)));
    }
    assert_eq!(house.anyone.get(&format!("/committees?person_id={person}&count=true")).await.expect(200).body["meta"]["total"], 3);
}

/// Who writes in one place gives nothing away to another place, and takes nothing from there.
#[actix_web::test]
async fn a_thing_moves_only_where_the_caller_writes_too() {
    let house = house().await;
    let [here, there] = [makers::territory(&house, "T7").await, makers::territory(&house, "T8").await];
    let one = house.with(&[&format!("approver@territory:{here}")]).await;
    let both = house.with(&[&format!("approver@territory:{here}"), &format!("approver@territory:{there}")]).await;
    let committee = json!({ "name": "Comité", "level": "territorial", "kind": "project", "territory_id": here });
    let committee = format!("/committees/{}", makers::make(&house, "/committees", committee).await);
    let theme = json!({ "scheme": "t7", "territory_id": here, "code": "eau", "label_fr": "Eau", "label_en": "Water", "position": 1 });
    let theme = format!("/themes/{}", makers::make(&house, "/themes", theme).await);
    for path in [&committee, &theme] {
        let away = json!({ "territory_id": there });
        assert_eq!(one.patch(path, Some("*"), away.clone()).await.expect(403).body["code"], "outside_perimeter", "{path}");
        assert_eq!(house.get(path).await.body["territory_id"], json!(here), "{path}");
        both.patch(path, Some("*"), away).await.expect(200);
        one.patch(path, Some("*"), json!({ "territory_id": here })).await.expect(403);
    }
    // A region's own things are those of this region.
    let normandy = house.with(&["approver@region:28"]).await;
    let regional = json!({ "name": "Comité régional", "level": "regional", "kind": "project", "region_code": "28" });
    let regional = format!("/committees/{}", makers::make(&normandy, "/committees", regional).await);
    normandy.patch(&regional, Some("*"), json!({ "declared_size": 12 })).await.expect(200);
    normandy.patch(&regional, Some("*"), json!({ "region_code": "24" })).await.expect(403);
    house.patch(&regional, Some("*"), json!({ "region_code": "24" })).await.expect(200);
    normandy.patch(&regional, Some("*"), json!({ "declared_size": 13 })).await.expect(403);
}

/// What is compared with `If-Match` is the row as it is locked, not as it was seen before.
#[actix_web::test]
async fn a_version_is_compared_once_the_row_is_locked() {
    let house = house().await;
    let path = format!("/partners/{}", makers::partner(&house, "Newmatec").await);
    let mut other = house.database().await;
    other
        .batch_execute("BEGIN; SET LOCAL statement_timeout = '30s'; SET LOCAL app.author = 'other'; UPDATE partners SET acronym = 'N'")
        .await
        .unwrap();
    let changed = house.patch(&path, Some("\"v1\""), json!({ "name": "Autre" }));
    let committed = async {
        // Until somebody waits for the row.
        let waits = "SELECT count(*) AS count FROM pg_locks WHERE NOT granted AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())";
        while diesel::sql_query(waits).get_result::<Count>(&mut other).await.unwrap().count == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        other.batch_execute("COMMIT").await.unwrap();
    };
    let (changed, ()) = tokio::join!(changed, committed);
    changed.expect(412);
    assert_eq!(house.get(&path).await.body["acronym"], "N");
}

#[derive(diesel::QueryableByName)]
struct Count {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    count: i64,
}
