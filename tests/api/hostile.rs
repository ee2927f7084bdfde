//! Hostile input, kept as data in `hostile.json`: each has its exact answer, and nothing makes the service err.

use std::{
    collections::HashSet,
    io::{Read, Write},
    net::TcpStream,
    sync::LazyLock,
    time::Duration,
};

use diesel::{QueryableByName, sql_query, sql_types::Integer};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{House, contract::DOCUMENT, house, makers, send};

static CORPUS: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(include_str!("hostile.json")).unwrap());

fn texts() -> impl Iterator<Item = &'static str> {
    CORPUS["texts"].as_array().unwrap().iter().map(|text| text.as_str().unwrap())
}

#[actix_web::test]
async fn hostile_bodies_get_their_exact_answer() {
    let house = house().await;
    for case in CORPUS["bodies"].as_array().unwrap() {
        let request = house.request(Method::POST, "/partners").header("Content-Type", "application/json");
        let answer = send(request.body(case["body"].as_str().unwrap())).await;
        let code = answer.wrongs().first().map(|(_, code)| code.clone()).unwrap_or_default();
        assert_eq!(
            (answer.status.as_u16(), json!(code)),
            (case["status"].as_u64().unwrap() as u16, case["code"].clone()),
            "{}: {:#}",
            case["name"],
            answer.body
        );
    }
    for depth in [33, 200, 10_000] {
        let body = format!(r#"{{"name":{}1{}}}"#, "[".repeat(depth), "]".repeat(depth));
        let refused = send(house.request(Method::POST, "/partners").header("Content-Type", "application/json").body(body)).await.expect(400);
        assert_eq!(refused.wrongs(), [(String::new(), "json_too_deep".to_owned())]);
    }
    let most = json!({ "name": "A", "kind": "company", "aliases": vec![json!({ "name": "B" }); 101] });
    assert_eq!(house.post("/partners", most).await.expect(422).wrongs(), [("/aliases".to_owned(), "too_many".to_owned())]);
    let parts = json!({ "name": "A", "members": vec![json!({ "kind": "other", "name": "B" }); 101] });
    assert_eq!(house.post("/territories", parts).await.expect(422).wrongs(), [("/members".to_owned(), "too_many".to_owned())]);
    let long = json!({ "name": "é".repeat(301), "kind": "company" });
    assert_eq!(house.post("/partners", long).await.expect(422).wrongs(), [("/name".to_owned(), "too_long".to_owned())]);
    assert_eq!(house.get("/partners?count=true").await.body["meta"]["total"], 0, "none of them was kept");
}

#[actix_web::test]
async fn hostile_numbers_get_their_exact_answer() {
    let house = house().await;
    let territory = makers::territory(&house, "Alençon").await;
    let cases = [("amounts", "/action-fiches", "budget_eur"), ("counts", "/programme-phases", "number")];
    for (kind, path, member) in cases {
        for case in CORPUS[kind].as_array().unwrap() {
            let value = case["value"].as_str().unwrap();
            let rest = if kind == "amounts" { format!(r#""territory_id":"{territory}","title":"A""#) } else { r#""name":"A""#.to_owned() };
            let request = house.request(Method::POST, path).header("Content-Type", "application/json");
            let refused = send(request.body(format!(r#"{{{rest},"{member}":{value}}}"#))).await.expect(422);
            assert_eq!(refused.wrongs(), [(format!("/{member}"), case["code"].as_str().unwrap().to_owned())], "{value}");
        }
    }
}

/// One name, composed or not, in capitals or not: it is the same name.
#[actix_web::test]
async fn a_name_is_one_name_however_it_is_written() {
    let house = house().await;
    let first = house.post("/territories", json!({ "name": "Alenc\u{327}on" })).await.expect(201);
    assert_eq!(first.body["name"], "Alençon");
    for same in ["Alençon", "ALENCON", " alençon "] {
        let refused = house.post("/territories", json!({ "name": same })).await.expect(409);
        assert_eq!(refused.location, first.location, "{same}");
    }
}

/// Every text of every body, with every hostile text: refused or kept, never an error of ours; what is kept comes back.
#[actix_web::test]
async fn every_text_of_every_body_withstands_hostile_texts() {
    let house = house().await;
    let mut asked = 0;
    let mut known = HashSet::new();
    for (number, maker) in (1..).zip(makers::makers().into_iter().filter(|maker| !maker.path.contains("{id}"))) {
        let body = (maker.body)(&house, number).await;
        let schema = &DOCUMENT["paths"][format!("/api/v1{}", maker.path)]["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"];
        let properties = DOCUMENT.pointer(schema.as_str().unwrap().trim_start_matches('#')).unwrap()["properties"].as_object().unwrap();
        for (member, schema) in properties {
            // Members of one type are read by the same lines: asked whole once, and then by every tenth text.
            let step = if known.insert(schema.to_string()) { 1 } else { 10 };
            for text in texts().step_by(step) {
                let mut hostile = body.clone();
                hostile[member] = json!(text);
                let answer = house.post(maker.path, hostile).await;
                let status = answer.status.as_u16();
                assert!(matches!(status, 201 | 409 | 422), "{} {member} {text:?}: {status}", maker.path);
                if status == 201 {
                    assert!(!text.chars().any(|char| char.is_control() && char != '\n' && char != '\r' && char != '\t'), "{member} kept {text:?}");
                    let one = answer.location.clone().unwrap();
                    assert_eq!(house.get(&one).await.expect(200).body, answer.body);
                    house.delete(&one, answer.etag.as_deref()).await.expect(204);
                }
                asked += 1;
            }
        }
    }
    assert!(asked > 1000, "{asked}");
}

/// Every parameter of every operation, and every segment of every path, with every hostile text.
#[actix_web::test]
async fn every_parameter_and_path_withstands_hostile_texts() {
    let house = house().await;
    let mut asked = 0;
    let mut known = HashSet::new();
    for (path, item) in DOCUMENT["paths"].as_object().unwrap().iter().filter(|(path, _)| path.starts_with("/api/v1")) {
        if path.contains('{') {
            let mut plain = None;
            for text in ["x"].into_iter().chain(texts().filter(|text| !text.is_empty() && !text.contains(".."))) {
                let segment: String = text.bytes().map(|byte| format!("%{byte:02x}")).collect();
                let address =
                    format!("{}{}", house.address, path.replace("{id}", &segment).replace("{part_id}", &segment).replace("{code}", &segment));
                let answer = house.anyone.get(&address).await;
                assert!(matches!(answer.status.as_u16(), 404 | 405), "{address}: {}", answer.status);
                // Nothing of what is asked for is echoed: whatever it is, the answer is the same.
                let mut told = answer.body;
                told.as_object_mut().unwrap().shift_remove("instance");
                assert_eq!(&told, plain.get_or_insert_with(|| told.clone()), "{address}");
                asked += 1;
            }
            continue;
        }
        for parameter in item["get"]["parameters"].as_array().into_iter().flatten() {
            // One parameter of many lists is read by the same lines: asked whole once, and then by every tenth text.
            let step = if known.insert((&parameter["name"], &parameter["schema"])) { 1 } else { 10 };
            for text in texts().step_by(step) {
                let request = house.anyone.request(Method::GET, &format!("{}{path}", house.address));
                let answer = send(request.query(&[(parameter["name"].as_str().unwrap(), text)])).await;
                assert!(matches!(answer.status.as_u16(), 200 | 400 | 401), "{path} {} {text:?}: {}", parameter["name"], answer.status);
                asked += 1;
            }
        }
    }
    assert!(asked > 5000, "{asked}");
}

#[actix_web::test]
async fn hostile_framing_gets_its_exact_answer() {
    let house = house().await;
    for case in CORPUS["raw"].as_array().unwrap() {
        let headers: String = (0..200).map(|number| format!("X-{number}: y\r\n")).collect();
        let request = case["request"].as_str().unwrap().replace("@HEADERS@", &headers).replace("@LONG@", &"a".repeat(200_000));
        let address = house.address.trim_start_matches("http://").to_owned();
        let answer = tokio::task::spawn_blocking(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            drop(stream.write_all(request.as_bytes()));
            let mut answer = vec![0; 4000];
            let length = stream.read(&mut answer).unwrap_or(0);
            String::from_utf8_lossy(&answer[..length]).into_owned()
        });
        let answer = answer.await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {}", case["status"])), "{}: {answer}", case["name"]);
        assert!(!answer.contains("evil.example"), "a link is never made of the Host header");
    }
}

#[derive(QueryableByName)]
struct Session {
    #[diesel(sql_type = Integer)]
    pid: i32,
}

/// The memory that the sessions of this house have for themselves, in KB.
async fn memory(house: &House) -> u64 {
    use diesel_async::RunQueryDsl;
    let sessions = sql_query("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
    let sessions: Vec<Session> = sessions.load(&mut house.database().await).await.unwrap();
    let own = |session: &Session| {
        let status = std::fs::read_to_string(format!("/proc/{}/status", session.pid)).unwrap_or_default();
        let own = status.lines().find_map(|line| line.strip_prefix("RssAnon:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
        own.unwrap_or_default()
    };
    sessions.iter().map(own).sum()
}

/// A client that asks in ever new ways leaves nothing behind in PostgreSQL.
#[actix_web::test]
async fn a_question_in_a_new_shape_is_forgotten_once_it_is_answered() {
    let house = house().await;
    let fields = ["title", "-title", "budget_eur", "-budget_eur", "progress", "-validation", "reference", "-stage", "-created_at", "updated_at"];
    let mut shapes = Vec::new();
    for one in fields {
        for other in fields.iter().filter(|other| other.trim_start_matches('-') != one.trim_start_matches('-')) {
            for filter in ["", "&progress=done", "&scope__null=true", "&budget_eur__gte=1"] {
                shapes.push(format!("/action-fiches?count=true&sort={one},{other}{filter}"));
            }
        }
    }
    let (first, others) = shapes.split_at(60);
    for path in first {
        house.anyone.get(path).await.expect(200);
    }
    let before = memory(&house).await;
    for path in others {
        house.anyone.get(path).await.expect(200);
    }
    let grown = memory(&house).await.saturating_sub(before);
    println!("{} shapes: {before} KB, and {grown} KB more", others.len());
    assert!(others.len() > 250 && grown < 4000, "{} shapes took {grown} KB", others.len());
}

/// A refusal is no larger than 16 KB, whatever is asked in 8 KB: faults by the thousand, words that are none, the same once more.
#[actix_web::test]
async fn a_refusal_is_never_larger_than_what_it_refuses_deserves() {
    let house = house().await;
    let (mut asked, mut largest) = (0, 0);
    for (path, item) in DOCUMENT["paths"].as_object().unwrap().iter().filter(|(path, item)| path.starts_with("/api/v1/") && item["get"].is_object()) {
        let path = path["/api/v1".len()..].replace("{id}", "00000000-0000-7000-8000-000000000000").replace(['{', '}'], "");
        let names = item["get"]["parameters"].as_array().into_iter().flatten().filter(|parameter| parameter["in"] == "query");
        let names: Vec<&str> = names.filter_map(|parameter| parameter["name"].as_str()).collect();
        let mut queries = vec!["z&".repeat(4090), "titlf=1&".repeat(50)];
        for name in names {
            let words: String = (0..1500).map(|number| format!("x{number},")).collect();
            queries.extend([format!("{name}={}", "x,".repeat(4050)), format!("{name}={}", &words[..7800]), format!("{name}=x&").repeat(50)]);
        }
        for query in queries {
            let query = &query[..query.len().min(8192)];
            let answer = house.anyone.request(Method::GET, &format!("{path}?{query}")).send().await.unwrap();
            let (status, size) = (answer.status().as_u16(), answer.bytes().await.unwrap().len());
            if status == 200 {
                continue; // a text that is looked for, and not found
            }
            assert!((400..500).contains(&status), "GET {path}?{}…: {status}", &query[..20]);
            assert!(size <= 16 * 1024, "GET {path}?{}… is refused in {size} bytes", &query[..20]);
            (asked, largest) = (asked + 1, largest.max(size));
        }
    }
    println!("{asked} refusals, the largest of {largest} bytes");
    assert!(asked > 2000);
}
