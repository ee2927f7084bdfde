//! What is true of every request and answer: methods, languages, identifiers, caching, compression, origins, limits.

use std::io::{Read, Write};

use reqwest::{Method, header};
use serde_json::json;

use crate::support::{Answer, Client, build, demo_house, house, key_with, makers, send};

async fn plain(client: &Client, method: Method, path: &str) -> Answer {
    send(client.request(method, path)).await
}

#[actix_web::test]
async fn methods_are_those_of_the_document() {
    let house = demo_house().await;
    let list = house.get("/partners").await.expect(200);
    let head = plain(&house, Method::HEAD, "/partners").await.expect(200);
    assert_eq!((head.etag.clone(), head.header("content-type"), &head.body), (list.etag, "application/json", &serde_json::Value::Null));
    for (method, path, allow) in [
        ("OPTIONS", "/partners", "GET, POST, HEAD, OPTIONS"),
        ("OPTIONS", "/partners/00000000-0000-7000-8000-000000000000", "DELETE, GET, PATCH, HEAD, OPTIONS"),
        ("OPTIONS", "/action-fiches/transitions", "GET, HEAD, OPTIONS"),
    ] {
        let answer = plain(&house.anyone, method.parse().unwrap(), path).await.expect(204);
        assert_eq!(answer.header("allow"), allow, "{path}");
    }
    for (method, path) in [
        ("PUT", "/partners"),
        ("DELETE", "/partners"),
        ("TRACE", "/partners"),
        ("PROPFIND", "/partners"),
        ("POST", "/action-fiches/transitions"),
        ("PATCH", "/action-fiches/transitions"),
    ] {
        let answer = plain(&house.anyone, method.parse().unwrap(), path).await.expect(405);
        assert!(answer.header("allow").contains("GET"), "{method} {path}");
    }
    house.get("/nothing").await.expect(404);
    let elsewhere = house.at("/x").replace("/api/v1/x", "/etc/passwd");
    house.get(&elsewhere).await.expect(404);
}

#[actix_web::test]
async fn a_problem_speaks_the_language_of_its_reader() {
    let house = house().await;
    let ask = |languages: &'static str| send(house.request(Method::GET, "/partners?limti=3").header("Accept-Language", languages));
    let english = ask("de, en;q=0.5").await.expect(400);
    assert_eq!((english.header("content-language"), english.body["title"].as_str()), ("en", Some("The query string is not understood")));
    assert_eq!(english.body["errors"][0]["detail"], "Is not a parameter here; did you mean limit?");
    let french = ask("en;q=0.3, fr-FR").await.expect(400);
    assert_eq!((french.header("content-language"), french.body["title"].as_str()), ("fr", Some("Les paramètres ne sont pas compris")));
    assert_eq!(french.body["errors"][0]["detail"], "N'est pas un paramètre ici ; vouliez-vous dire limit ?");
    assert_eq!(french.body["type"], "urn:territoires-industrie:problem:invalid_parameters");
}

#[actix_web::test]
async fn a_body_is_told_everything_that_is_wrong_with_it_at_once() {
    let house = house().await;
    let body = json!({ "name": " ", "kind": "bank", "siren": "123456789", "colour": 1, "parent_id": "{x}", "website": 12,
        "aliases": [{ "name": "A\u{0}B" }, { "valid_from": "2023-02-30" }], "commitments": [{ "side": "state" }] });
    let refused = house.post("/partners", body).await.expect(422);
    let mut wrongs = refused.wrongs();
    wrongs.sort();
    let expected = [
        ("/aliases/0/name", "forbidden_character"),
        ("/aliases/1/name", "missing_field"),
        ("/aliases/1/valid_from", "invalid_date"),
        ("/colour", "unknown_field"),
        ("/commitments/0/territory_id", "missing_field"),
        ("/commitments/0/text", "missing_field"),
        ("/kind", "unknown_word"),
        ("/name", "blank"),
        ("/parent_id", "invalid_id"),
        ("/siren", "invalid_siren"),
        ("/website", "invalid_type"),
    ];
    assert_eq!(wrongs, expected.map(|(place, code)| (place.to_owned(), code.to_owned())));
    let empty = house.post("/committees", json!({})).await.expect(422);
    let names: Vec<String> = empty.wrongs().into_iter().map(|(place, _)| place).collect();
    assert_eq!(names, ["/name", "/level", "/kind"]);
}

/// A list of nothings is not an empty change.
#[actix_web::test]
async fn a_list_is_no_object() {
    let house = house().await;
    let meeting = makers::make(&house, "/meetings", json!({ "title": "m" })).await;
    for (body, due) in [("[null, null]", (422, "invalid_body")), (" []", (422, "invalid_body")), ("[", (400, "invalid_json"))] {
        let request = house.request(Method::PATCH, &format!("/meetings/{meeting}")).header("if-match", "\"v1\"");
        let answer = crate::support::send(request.header("content-type", "application/json").body(body)).await.expect(due.0);
        assert_eq!(answer.body["code"], due.1, "{body}");
    }
    // Nor is it one inside, in an alias, a part or a part of these.
    let purposes = json!({ "title": "m", "purposes": [["p"]], "decisions": [["d"], { "text": "d" }] });
    let wrongs = house.post("/meetings", purposes).await.expect(422).wrongs();
    let due = ["/purposes/0", "/decisions/0"].map(|pointer| (pointer.to_owned(), "invalid_type".to_owned()));
    assert_eq!(wrongs, due);
    let wrongs = house.post("/partners", json!({ "name": "p", "kind": "other", "aliases": [["x"], { "name": 7 }] })).await.expect(422).wrongs();
    assert_eq!(wrongs, ["/aliases/0", "/aliases/1/name"].map(|pointer| (pointer.to_owned(), "invalid_type".to_owned())));
}

#[actix_web::test]
async fn a_request_has_an_identifier_and_safe_headers() {
    let house = house().await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let own = house.anyone.request(Method::GET, "/partners").header("X-Request-Id", "agence-42").header("traceparent", trace);
    let own = send(own).await;
    assert_eq!((own.header("x-request-id"), own.header("traceparent")), ("agence-42", trace));
    let harmful = async || {
        let harmful = send(house.anyone.request(Method::GET, "/partners").header("X-Request-Id", "a b\"c")).await;
        territoires_industrie::values::Id::parse(harmful.header("x-request-id")).expect("an identifier of our own")
    };
    assert_ne!(harmful().await, harmful().await);
    let public = house.anyone.get("/partners").await;
    assert_eq!(public.header("cache-control"), "public, max-age=0, must-revalidate");
    assert!(public.headers.get_all("vary").iter().any(|vary| vary == "Authorization, Accept-Language, Accept-Encoding"));
    assert_eq!((public.header("x-content-type-options"), public.header("x-frame-options")), ("nosniff", "DENY"));
    assert!(public.header("content-security-policy").starts_with("default-src 'none'"));
    assert_eq!(house.get("/partners").await.header("cache-control"), "private, max-age=0, must-revalidate");
    assert_eq!(house.anyone.get("/nothing").await.header("cache-control"), "no-store");
    assert_eq!(house.get("/nothing").await.header("cache-control"), "private, no-store");
}

#[actix_web::test]
async fn what_a_client_has_already_is_not_sent_again() {
    let house = demo_house().await;
    let first = house.anyone.get("/partners?limit=1").await.expect(200);
    let one = format!("/partners/{}", first.rows()[0]["id"].as_str().unwrap());
    let thing = house.anyone.get(&one).await.expect(200);
    for (path, tag) in [(&one[..], thing.etag.unwrap()), ("/partners?limit=1", first.etag.unwrap())] {
        for told in [tag.clone(), format!("\"other\", {tag}"), "*".to_owned(), format!("W/{}", tag.trim_start_matches("W/"))] {
            let again = send(house.anyone.request(Method::GET, path).header(header::IF_NONE_MATCH, &told)).await.expect(304);
            assert_eq!(again.etag.as_ref(), Some(&tag), "{path} {told}");
        }
        send(house.anyone.request(Method::GET, path).header(header::IF_NONE_MATCH, "\"v99\"")).await.expect(200);
    }
}

#[actix_web::test]
async fn large_answers_are_compressed_and_small_ones_are_not() {
    let house = demo_house().await;
    for encoding in ["br", "zstd", "gzip"] {
        let large = house.anyone.request(Method::GET, "/action-fiches").header("Accept-Encoding", encoding).send().await.unwrap();
        assert_eq!(large.headers()["content-encoding"], encoding);
        assert!(large.headers().get_all("vary").iter().any(|vary| vary.to_str().unwrap().to_lowercase().contains("accept-encoding")));
        let small = house.anyone.request(Method::GET, "/people?limit=1").header("Accept-Encoding", encoding).send().await.unwrap();
        assert!(small.headers().get("content-encoding").is_none());
    }
}

#[actix_web::test]
async fn pages_of_other_sites_may_read_and_listed_ones_may_write() {
    let house = build("demo", &["--cors-origins", "https://tableau.example"]).await;
    let preflight = |origin: &'static str, method: &'static str| {
        let request = house.anyone.request(Method::OPTIONS, "/partners").header("Origin", origin);
        send(request.header("Access-Control-Request-Method", method).header("Access-Control-Request-Headers", "authorization"))
    };
    let read = send(house.anyone.request(Method::GET, "/partners").header("Origin", "https://anyone.example")).await.expect(200);
    assert_eq!(read.header("access-control-allow-origin"), "*");
    assert!(read.header("access-control-expose-headers").contains("ETag"));
    assert_eq!(read.header("access-control-allow-credentials"), "");
    assert_eq!(preflight("https://anyone.example", "GET").await.header("access-control-allow-origin"), "*");
    for origin in ["https://anyone.example", "null", "https://tableau.example.evil.example", "http://tableau.example"] {
        assert_eq!(preflight(origin, "POST").await.header("access-control-allow-origin"), "", "{origin}");
    }
    let write = preflight("https://tableau.example", "POST").await.expect(204);
    assert_eq!(write.header("access-control-allow-origin"), "https://tableau.example");
    assert!(write.header("access-control-allow-methods").contains("PATCH"));
}

#[actix_web::test]
async fn a_key_that_is_not_valid_is_refused_even_where_none_is_needed() {
    let house = house().await;
    let good = house.editor.key.clone().unwrap();
    let other = format!("tdi_{}_{}{}", "0".repeat(16), "0".repeat(64), "00000000");
    let wrong = good.replace(&good[25..26], if &good[25..26] == "0" { "1" } else { "0" });
    let mut bodies = Vec::new();
    for bad in [format!("Bearer {other}"), format!("Bearer {wrong}"), "Bearer x".to_owned(), format!("Basic {good}"), good.clone(), "é".to_owned()] {
        let request = house.anyone.request(Method::GET, "/partners").header("Authorization", bad.as_bytes()).header("X-Request-Id", "same");
        let refused = send(request).await.expect(401);
        assert!(refused.header("www-authenticate").contains("error=\"invalid_token\""));
        bodies.push(refused.body);
    }
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "nothing tells what was wrong");
    let asked = house.anyone.post("/partners", json!({})).await.expect(401);
    assert_eq!(asked.header("www-authenticate"), "Bearer realm=\"territoires-industrie\"");
    let in_url = house.anyone.get(&format!("/partners?api_key={good}")).await.expect(400);
    assert_eq!(in_url.wrongs(), [("api_key".to_owned(), "unknown_parameter".to_owned())]);
    // A revoked key ends within a second, and an expired one has ended.
    let mut conn = house.database().await;
    let public_id = &good[4..20];
    assert!(territoires_industrie::api::keys::revoke(public_id, "tests", &mut conn).await.unwrap());
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    house.get("/partners").await.expect(401);
    let expired = territoires_industrie::api::keys::create("expired", &[], Some(-1), "tests", &mut conn).await.unwrap();
    send(house.anyone.request(Method::GET, "/partners").bearer_auth(expired)).await.expect(401);
}

#[actix_web::test]
async fn the_use_of_a_key_is_noted() {
    let house = house().await;
    house.get("/partners").await.expect(200);
    let mut conn = house.database().await;
    for _ in 0..100 {
        if territoires_industrie::api::keys::list(&mut conn).await.unwrap()[0].0.last_used_at.is_some() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the use of the key was never noted");
}

#[actix_web::test]
async fn bodies_are_json_plain_and_not_too_large() {
    let house = house().await;
    let post = || house.request(Method::POST, "/partners");
    let json = r#"{"name":"A","kind":"company"}"#;
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", "application/merge-patch+json"] {
        let refused = send(post().header("Content-Type", content_type).body(json)).await.expect(415);
        assert_eq!(refused.header("accept"), "application/json");
    }
    send(post().body(json)).await.expect(415);
    send(post().header("Content-Type", "application/json").header("Content-Encoding", "gzip").body(json)).await.expect(415);
    send(post().header("Content-Type", "application/json; charset=UTF-8").body(json)).await.expect(201);
    let large = format!(r#"{{"name":"{}"}}"#, "a".repeat(300_000));
    send(post().header("Content-Type", "application/json").body(large.clone())).await.expect(413);
    let stream = reqwest::Body::wrap_stream(futures_util::stream::iter(
        large.into_bytes().chunks(10_000).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec())).collect::<Vec<_>>(),
    ));
    send(post().header("Content-Type", "application/json").body(stream)).await.expect(413);
    let partner = makers::partner(&house, "B").await;
    let patch = house.request(Method::PATCH, &format!("/partners/{partner}")).header("If-Match", "\"v1\"");
    send(patch.header("Content-Type", "application/merge-patch+json").body(r#"{"acronym":"B"}"#)).await.expect(200);
    let refused = send(house.request(Method::GET, "/partners").header("Accept", "text/csv")).await.expect(406);
    assert_eq!(refused.body["code"], "not_acceptable");
}

#[actix_web::test]
async fn a_body_that_comes_too_slowly_is_refused() {
    let house = house().await;
    let (address, key) = (house.address.trim_start_matches("http://").to_owned(), house.editor.key.clone().unwrap());
    let slow = tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(&address).unwrap();
        stream.set_read_timeout(Some(std::time::Duration::from_millis(400))).unwrap();
        write!(stream, "POST /api/v1/partners HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n").unwrap();
        let mut answer = [0; 1000];
        for _ in 0..60 {
            if let Ok(length) = stream.read(&mut answer) {
                return String::from_utf8_lossy(&answer[..length]).into_owned();
            }
            stream.write_all(b" ").unwrap();
        }
        "no answer".to_owned()
    });
    let answer = slow.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

/// A fault of ours says nothing but its request, and the service lives on.
#[actix_web::test]
async fn a_panic_is_a_problem_too() {
    use actix_web::{App, middleware::from_fn, test, web};
    use territoires_industrie::http::dress;
    async fn fails() -> &'static str {
        panic!("a secret that nobody should read")
    }
    for path in ["/read", "/write"] {
        let app = App::new().route("/read", web::get().to(fails)).route("/write", web::post().to(fails));
        let app = test::init_service(app.wrap(from_fn(dress::detach)).wrap(from_fn(dress::dress))).await;
        let request = if path == "/read" { test::TestRequest::get() } else { test::TestRequest::post() };
        let error = test::try_call_service(&app, request.uri(path).insert_header(("X-Request-Id", "r1")).to_request()).await.unwrap_err();
        let answer = error.error_response();
        assert_eq!(answer.status(), 500);
        let body: serde_json::Value = serde_json::from_slice(&actix_web::body::to_bytes(answer.into_body()).await.unwrap()).unwrap();
        assert_eq!((&body["code"], &body["instance"]), (&json!("internal"), &json!("urn:request:r1")));
        assert!(!body.to_string().contains("secret"));
    }
}

#[actix_web::test]
async fn the_service_tells_how_it_is() {
    let house = house().await;
    for path in ["/health/live", "/health/ready"] {
        let health = house.anyone.get(&format!("{}{path}", house.address)).await.expect(200);
        assert_eq!(health.body, json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }));
    }
    for (name, version) in [("openapi", "3.1.0"), ("openapi-3.0", "3.0.3")] {
        let address = format!("{}/{name}.json", house.address);
        let document = house.anyone.http.get(&address).send().await.unwrap();
        let tag = document.headers()["etag"].to_str().unwrap().to_owned();
        assert_eq!(document.json::<serde_json::Value>().await.unwrap()["openapi"], version);
        let again = house.anyone.http.get(&address).header("If-None-Match", tag).send().await.unwrap();
        assert_eq!(again.status(), 304);
    }
    let docs = house.anyone.http.get(format!("{}/docs/", house.address)).send().await.unwrap();
    assert!(docs.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'self'"));
    assert!(docs.text().await.unwrap().contains("swagger-ui"));
}

/// One connection, and somebody outside who holds a row: who waits too long, for the row or for the connection, is told
/// to come back, and all goes on as soon as the row is free.
#[actix_web::test]
async fn who_waits_too_long_is_told_to_come_back() {
    use diesel_async::SimpleAsyncConnection;
    let house = build("territoires_industrie", &["--pool-size", "1"]).await;
    let partner = makers::partner(&house, "ROVAL").await;
    let path = format!("/partners/{partner}");
    let (mut outside, mut outside_too) = (house.database().await, house.database().await);
    outside
        .batch_execute(&format!("SET idle_in_transaction_session_timeout = 0; BEGIN; SELECT FROM partners WHERE id = '{partner}' FOR UPDATE"))
        .await
        .unwrap();
    let mut callers = Vec::new();
    for number in 0..5 {
        let key = key_with(&format!("caller {number}"), &["approver@nation"], &mut outside_too).await;
        callers.push(Client { key: Some(key), ..house.anyone.clone() });
    }
    let waiting = callers.iter().map(|caller| caller.patch(&path, Some("\"v1\""), json!({ "acronym": "R" })));
    let answers = futures_util::future::join_all(waiting).await;
    let mut codes: Vec<&str> = Vec::new();
    for answer in &answers {
        assert_eq!(answer.status, 503);
        assert!((1..=5).contains(&answer.header("retry-after").parse::<u8>().unwrap()));
        codes.push(answer.body["code"].as_str().unwrap());
    }
    assert!(codes.contains(&"timed_out") && codes.contains(&"unavailable"), "{codes:?}");
    outside.batch_execute("COMMIT").await.unwrap();
    house.patch(&path, Some("\"v1\""), json!({ "acronym": "R" })).await.expect(200);
}
