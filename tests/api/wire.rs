//! HTTP as it is written (RFC 9110 to 9112): refusals, conditional requests, codings and negotiation, pages of other sites, proxies. Asked by
//! plain sockets where a client would mend what it sends.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use clap::Parser;
use reqwest::{Method, header};
use serde_json::{Value, json};
use territoires_industrie::config::Config;

use crate::support::{Answer, House, build, demo_house, house, makers, send};

/// What came back on a socket.
#[derive(Debug)]
struct Raw {
    /// Such as `HTTP/1.1 200 OK`.
    line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Raw {
    fn status(&self) -> u16 {
        self.line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
    }

    /// All lines of a header.
    fn header(&self, name: &str) -> String {
        let values = self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        values.collect::<Vec<_>>().join(", ")
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// Sends these bytes, and reads one answer to its end.
async fn raw(house: &House, request: impl Into<Vec<u8>>) -> Raw {
    let (address, request) = (house.address.trim_start_matches("http://").to_owned(), request.into());
    tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(8))).unwrap();
        drop(stream.write_all(&request));
        let (mut answer, mut buffer) = (Vec::new(), [0; 65_536]);
        loop {
            let head = answer.windows(4).position(|end| end == b"\r\n\r\n").map(|at| at + 4);
            let length = head.and_then(|head| {
                let text = String::from_utf8_lossy(&answer[..head]).to_lowercase();
                let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
                let none = request.starts_with(b"HEAD ") || text.starts_with("http/1.1 304") || text.starts_with("http/1.1 204");
                if none { Some(head) } else { Some(head + length?) }
            });
            if length.is_some_and(|length| answer.len() >= length) {
                break;
            }
            match stream.read(&mut buffer) {
                Ok(0) | Err(_) => break,
                Ok(read) => answer.extend_from_slice(&buffer[..read]),
            }
        }
        let head = answer.windows(4).position(|end| end == b"\r\n\r\n").unwrap_or(answer.len());
        let text = String::from_utf8_lossy(&answer[..head]).into_owned();
        let mut lines = text.split("\r\n").map(str::to_owned);
        let line = lines.next().unwrap_or_default();
        let headers = lines.filter_map(|line| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()))).collect();
        Raw { line, headers, body: answer.split_off((head + 4).min(answer.len())) }
    })
    .await
    .unwrap()
}

/// A GET of this path, with these lines of headers.
fn get(path: &str, lines: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n{lines}\r\n")
}

/// Whoever refuses, this service or what it is built with: the answer is a problem, has an identifier, and a page may read it.
#[actix_web::test]
async fn every_refusal_is_a_problem_document() {
    let house = house().await;
    let origin = "Origin: https://anyone.example\r\n";
    let post = |lines: &str, body: &str| format!("POST /api/v1/partners HTTP/1.1\r\nHost: x\r\n{lines}\r\n{body}");
    for (request, status) in [
        (get("/api/v1/partners", &format!("{origin}Accept-Encoding: identity;q=0\r\n")), 406),
        (get("/api/v1/partners", &format!("{origin}Accept-Encoding: *;q=0\r\n")), 406),
        (get("/health/live", &format!("{origin}Accept-Encoding: identity;q=0\r\n")), 406),
        (get("/docs/", &format!("{origin}Accept-Encoding: identity;q=0\r\n")), 406),
        (get("/api/v1/partners", &format!("{origin}Accept: text/html\r\n")), 406),
        (get("/api/v1/partners?limit=1", &format!("{origin}If-None-Match: v5\r\n")), 400),
        (get("/api/v1/partners?q=%FF", origin), 400),
        (get("/nothing", origin), 404),
        (get("/docs/nothing", origin), 404),
        (get("/api/v1/r%C3%A9gions", origin), 404),
        (format!("OPTIONS /nothing HTTP/1.1\r\nHost: x\r\n{origin}Access-Control-Request-Method: GET\r\n\r\n"), 404),
        (post("Content-Length: 0\r\n", ""), 401),
        (post("Content-Encoding: gzip\r\nContent-Length: 2\r\n", "{}"), 401),
        ("POST /openapi.json HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".to_owned(), 405),
        ("DELETE / HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 405),
        ("PUT /docs/ HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".to_owned(), 405),
        ("TRACE /api/v1/partners HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 405),
        ("get /api/v1/partners HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 405),
        ("CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 404),
    ] {
        let refused = raw(&house, request.clone()).await;
        assert_eq!(refused.status(), status, "{request}{refused:?}");
        assert_eq!(refused.header("content-type"), "application/problem+json", "{request}");
        let (id, body) = (refused.header("x-request-id"), refused.json());
        assert!(!id.is_empty() && body["instance"] == format!("urn:request:{id}") && body["status"] == status, "{request}{body}");
        assert_eq!(refused.header("content-length"), refused.body.len().to_string(), "{request}");
        assert!(refused.header("vary").contains("Accept-Encoding"), "{request}");
        if request.starts_with("GET") {
            assert_eq!(refused.header("access-control-allow-origin"), "*", "{request}");
        }
        if status == 405 {
            assert!(refused.header("allow").starts_with("GET"), "{request}");
        }
    }
}

/// The codings, as a client reads them back.
fn decoded(coding: &str, body: &[u8]) -> Vec<u8> {
    let mut read = Vec::new();
    match coding {
        "" => read.extend_from_slice(body),
        "gzip" => drop(flate2::read::GzDecoder::new(body).read_to_end(&mut read).unwrap()),
        "deflate" => drop(flate2::read::ZlibDecoder::new(body).read_to_end(&mut read).unwrap()),
        "br" => brotli::BrotliDecompress(&mut &*body, &mut read).unwrap(),
        "zstd" => read = zstd::stream::decode_all(body).unwrap(),
        other => panic!("{other} is no coding of ours"),
    }
    read
}

/// A compressed answer is one piece with its length, has a tag that no other coding has, and says what it depends on.
#[actix_web::test]
async fn an_answer_is_compressed_whole() {
    let house = demo_house().await;
    let fiche = house.anyone.get("/action-fiches?limit=1").await.rows()[0]["id"].as_str().unwrap().to_owned();
    for path in [
        format!("/api/v1/action-fiches/{fiche}"),
        "/api/v1/action-fiches".to_owned(),
        "/openapi-3.0.json".to_owned(),
        "/docs/swagger-ui.css".to_owned(),
    ] {
        let plain = raw(&house, get(&path, "")).await;
        let tag = plain.header("etag");
        assert_eq!((plain.status(), plain.header("content-encoding")), (200, String::new()), "{path}");
        assert!(plain.body.len() > 1000 && plain.header("vary").contains("Accept-Encoding"), "{path}");
        for (asked, coding) in [
            ("gzip", "gzip"),
            ("gzip, deflate, br, zstd", "br"),
            ("zstd ; q=0.7 , gzip;q=0.6", "zstd"),
            ("deflate\r\nAccept-Encoding: br;q=0", "deflate"),
            ("identity;q=0, *", "gzip"),
            ("gzip;q=0.1, identity;q=0.2", ""),
            ("compress", ""),
        ] {
            let answer = raw(&house, get(&path, &format!("Accept-Encoding: {asked}\r\n"))).await;
            let place = format!("{path} {asked}");
            assert_eq!(
                (answer.status(), answer.header("content-encoding").as_str(), answer.header("transfer-encoding").as_str()),
                (200, coding, ""),
                "{place}"
            );
            assert_eq!(answer.header("content-length"), answer.body.len().to_string(), "{place}");
            assert!(decoded(coding, &answer.body) == plain.body, "{place} reads as something else");
            let weak = if coding.is_empty() { tag.clone() } else { format!("W/{}", tag.trim_start_matches("W/")) };
            assert_eq!(answer.header("etag"), weak, "{place}");
            assert!(answer.header("vary").contains("Accept-Encoding"), "{place}");
            // What the client has, it has in either coding; and the answer has the tag that the whole would have.
            for known in [&tag, &weak] {
                let unchanged = raw(&house, get(&path, &format!("Accept-Encoding: {asked}\r\nIf-None-Match: {known}\r\n"))).await;
                assert_eq!((unchanged.status(), unchanged.header("etag"), unchanged.body.len()), (304, weak.clone(), 0), "{place} {known}");
                assert!(unchanged.header("vary").contains("Accept-Encoding"), "{place}");
            }
        }
    }
    let small = raw(&house, get("/health/live", "Accept-Encoding: gzip\r\n")).await;
    assert_eq!(small.header("content-encoding"), "");
    let small = raw(&house, get("/health/live", "Accept-Encoding: gzip, identity;q=0\r\n")).await;
    assert_eq!((small.header("content-encoding").as_str(), decoded("gzip", &small.body).is_empty()), ("gzip", false));
    let head = raw(&house, get("/api/v1/action-fiches", "Accept-Encoding: gzip\r\n").replacen("GET", "HEAD", 1)).await;
    assert_eq!((head.header("content-encoding").as_str(), head.body.len()), ("gzip", 0));
}

/// Preconditions, on whatever has a tag.
#[actix_web::test]
async fn conditions_hold_as_the_standard_says() {
    let house = demo_house().await;
    let partner = makers::partner(&house, "Ateliers du Bocage").await;
    let one = format!("/api/v1/partners/{partner}");
    for path in [
        &one[..],
        "/api/v1/partners?limit=1",
        "/api/v1/action-fiches/transitions",
        "/openapi.json",
        "/openapi-3.0.json",
        "/docs/",
        "/docs/swagger-ui-bundle.js",
    ] {
        let whole = raw(&house, get(path, "")).await;
        let tag = whole.header("etag");
        let (strong, bare) = (!tag.starts_with("W/"), tag.trim_start_matches("W/").trim_matches('"').to_owned());
        assert!(!bare.is_empty(), "{path} has no tag");
        for (known, status) in [
            (format!("\"{bare}\""), 304),
            (format!("W/\"{bare}\""), 304),
            (format!("\"{bare}-gzip\""), 304),
            (format!("W/\"{bare}--gzip\""), 304),
            (format!("\"a,b\" ,\"{bare}\""), 304),
            (format!("\"a\"\r\nIf-None-Match: W/\"{bare}\""), 304),
            ("*".to_owned(), 304),
            ("\"v99\"".to_owned(), 200),
            (format!("\"{bare}-other\""), 200),
            (String::new(), 200),
            (bare.clone(), 400),
            (format!("\"{bare}"), 400),
            (format!("*, \"{bare}\""), 400),
        ] {
            let answer = raw(&house, get(path, &format!("If-None-Match: {known}\r\n"))).await;
            assert_eq!(answer.status(), status, "{path} {known}");
            if status == 304 {
                assert_eq!((answer.header("etag"), answer.header("cache-control")), (tag.clone(), whole.header("cache-control")), "{path}");
            }
        }
        for (wanted, status) in [(format!("\"{bare}\""), if strong { 200 } else { 412 }), ("*".to_owned(), 200), ("\"v99\"".to_owned(), 412)] {
            let answer = raw(&house, get(path, &format!("If-Match: {wanted}\r\n"))).await;
            assert_eq!(answer.status(), status, "{path} {wanted}");
        }
    }
    // A change, at the version that a proxy in between has renamed.
    let path = format!("/partners/{partner}");
    let change = async |lines: &[(&str, &str)], acronym: &str| -> Answer {
        let request = lines.iter().fold(house.request(Method::PATCH, &path), |request, (name, value)| request.header(*name, *value));
        send(request.json(&json!({ "acronym": acronym }))).await
    };
    for (number, tag) in ["\"v1\"", "W/\"v2\"", "\"v3-gzip\"", "\"v4.pub;br\"", "\"v99\", W/\"v5.pub\"", "*"].into_iter().enumerate() {
        let changed = change(&[("If-Match", tag)], &format!("A{number}")).await.expect(200);
        assert_eq!(changed.body["version"], number as i64 + 2, "{tag}");
    }
    for (lines, status) in [
        (&[("If-Match", "\"v1\"")][..], 412),
        (&[("If-Match", "\"v07\"")], 412),
        (&[("If-Match", "\"v+7\"")], 412),
        (&[("If-Match", "v7")], 400),
        (&[("If-Match", "\"v7")], 400),
        (&[("If-Match", "\"v7\""), ("If-None-Match", "v7")], 400),
        (&[("If-Match", "\"v7\""), ("If-None-Match", "*")], 412),
        (&[("If-Match", "*"), ("If-None-Match", "W/\"v7\"")], 412),
        (&[("If-None-Match", "\"v7\"")], 428),
    ] {
        change(lines, "B").await.expect(status);
    }
    let changed = change(&[("If-Match", "\"v7\""), ("If-None-Match", "\"v6\"")], "C").await.expect(200);
    assert_eq!(changed.body["version"], 8);
}

/// HTTP/1.0 knows no chunks.
#[actix_web::test]
async fn an_old_client_gets_no_chunks() {
    let house = demo_house().await;
    makers::partner(&house, "Ateliers du Bocage").await;
    for path in ["/api/v1/action-fiches", "/openapi.json"] {
        let answer = raw(&house, format!("GET {path} HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n")).await;
        assert_eq!((answer.line.as_str(), answer.header("transfer-encoding").as_str()), ("HTTP/1.0 200 OK", ""), "{path}");
        assert!(serde_json::from_slice::<Value>(&decoded("gzip", &answer.body)).is_ok(), "{path}");
    }
    let stream = |version: &str| format!("GET /api/v1/changes/stream HTTP/{version}\r\nHost: x\r\nConnection: keep-alive\r\n\r\n");
    let (address, request) = (house.address.trim_start_matches("http://").to_owned(), stream("1.0"));
    let begin = tokio::task::spawn_blocking(move || {
        let mut socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(8))).unwrap();
        socket.write_all(request.as_bytes()).unwrap();
        let (mut answer, mut buffer) = (String::new(), [0; 4096]);
        while !answer.contains("event: change") {
            let read = socket.read(&mut buffer).unwrap();
            assert!(read > 0, "{answer}");
            answer.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
        answer
    });
    let begin = begin.await.unwrap();
    let (head, body) = begin.split_once("\r\n\r\n").unwrap();
    assert!(!head.contains("transfer-encoding") && !head.contains("keep-alive") && !head.contains("content-encoding"), "{head}");
    assert!(body.starts_with("id: ") || body.starts_with(": here"), "{body}");
}

/// What a request prefers, however it is written.
#[actix_web::test]
async fn preferences_are_read_however_they_are_written() {
    let house = house().await;
    for (lines, language) in [
        ("Accept-Language: fr-CA ; q=0.8 , en;q=0.7\r\n", "fr"),
        ("Accept-Language: de\r\nAccept-Language: fr;q=0.2\r\n", "fr"),
        ("Accept-Language: fr ; q=0.1,en\r\n", "en"),
    ] {
        assert_eq!(raw(&house, get("/nothing", lines)).await.header("content-language"), language, "{lines}");
    }
    for (lines, status) in [
        ("Accept: application/json ; q=0.5\r\n", 200),
        ("Accept: text/html\r\nAccept: application/json\r\n", 200),
        ("Accept: text/html, *; q=.2, */*; q=.2\r\n", 200),
        ("Accept: */*, application/json;q=0\r\n", 406),
    ] {
        let answer = raw(&house, get("/api/v1/partners", lines)).await;
        assert_eq!(answer.status(), status, "{lines}");
        assert!(status == 200 || answer.json()["detail"] == "Served here: application/json.", "{answer:?}");
    }
    for (number, kind) in
        ["application/json;charset=utf8", "application/json ; charset = \"UTF-8\"", "Application/JSON", "application/json;profile=x"]
            .into_iter()
            .enumerate()
    {
        let request = house.request(Method::POST, "/partners").header("Content-Type", kind).header("Content-Encoding", "Identity");
        send(request.body(format!(r#"{{"name":"Ateliers {number}","kind":"company"}}"#))).await.expect(201);
    }
}

/// A page of another site may read with whatever headers; and is told why it may not write.
#[actix_web::test]
async fn a_page_of_another_site_is_told_what_it_may_do() {
    let house = build("demo", &["--cors-origins", "https://tableau.example"]).await;
    let ask = |path: &'static str, origin: &'static str, method: &'static str, headers: &'static str| {
        let request = house.anyone.request(Method::OPTIONS, path).header("Origin", origin);
        send(request.header("Access-Control-Request-Method", method).header("Access-Control-Request-Headers", headers))
    };
    let documents = house.address.clone() + "/openapi.json";
    for path in ["/partners", "/changes/stream", &documents] {
        let path: &'static str = Box::leak(path.to_owned().into_boxed_str());
        let read = ask(path, "https://anyone.example", "GET", "last-event-id,x-anything").await.expect(204);
        assert_eq!(
            (read.header("access-control-allow-origin"), read.header("access-control-allow-headers")),
            ("*", "last-event-id,x-anything"),
            "{path}"
        );
        assert!(read.headers.get_all("vary").iter().any(|vary| vary.to_str().unwrap().contains("Access-Control-Request-Headers")));
    }
    let write = ask("/partners", "https://tableau.example", "POST", "authorization, sentry-trace").await.expect(204);
    assert_eq!(write.header("access-control-allow-headers"), "authorization, sentry-trace");
    let refused = ask("/partners", "https://anyone.example", "POST", "authorization").await.expect(403);
    assert_eq!((refused.body["code"].as_str(), refused.header("access-control-allow-origin")), (Some("origin_not_allowed"), ""));
    assert!(refused.body["detail"].as_str().unwrap().contains("CORS_ORIGINS"), "{}", refused.body);
    let refused = ask("/partners", "https://tableau.example", "PUT", "authorization").await.expect(405);
    assert_eq!(refused.header("allow"), "GET, POST, HEAD, OPTIONS");
    // The answer to a read is the same whoever asks: a cache may give it to a page.
    let read = house.anyone.get("/partners?limit=1").await.expect(200);
    assert_eq!(read.header("access-control-allow-origin"), "*");
    assert!(read.headers.get_all("vary").iter().all(|vary| !vary.to_str().unwrap().contains("Origin")));
}

/// Behind a proxy that serves it below a path, and takes the path away.
#[actix_web::test]
async fn the_service_lives_below_a_path() {
    let house = build("demo", &["--public-url", "https://industrie.example/ti/"]).await;
    let plain = |path: &str| house.anyone.http.get(format!("{}{path}", house.address)).send();
    for name in ["/openapi.json", "/openapi-3.0.json"] {
        let document: Value = plain(name).await.unwrap().json().await.unwrap();
        assert_eq!(document["servers"], json!([{ "url": "https://industrie.example/ti" }]), "{name}");
        let flow = &document["components"]["securitySchemes"]["oauth2"]["flows"]["clientCredentials"];
        assert_eq!(flow["tokenUrl"], "https://industrie.example/ti/oauth/token", "{name}");
    }
    let direct = reqwest::Client::builder().no_proxy().tls_certs_only([]).redirect(reqwest::redirect::Policy::none()).build().unwrap();
    for path in ["/", "/docs"] {
        let moved = direct.get(format!("{}{path}", house.address)).send().await.unwrap();
        assert_eq!((moved.status().as_u16(), moved.headers()[header::LOCATION].to_str().unwrap()), (307, "/ti/docs/"), "{path}");
    }
    assert!(plain("/docs/swagger-initializer.js").await.unwrap().text().await.unwrap().contains("\"/ti/openapi-3.0.json\""));
    let server: Value = plain("/.well-known/oauth-authorization-server").await.unwrap().json().await.unwrap();
    assert_eq!(server["token_endpoint"], "https://industrie.example/ti/oauth/token");
    let page = house.anyone.get("/partners?limit=1").await.expect(200);
    assert!(page.body["links"]["next"].as_str().unwrap().starts_with("https://industrie.example/ti/api/v1/partners?"), "{}", page.body["links"]);
    let made = house.post("/partners", json!({ "name": "Ateliers du Bocage", "kind": "company" })).await.expect(201);
    assert!(made.location.unwrap().starts_with("https://industrie.example/ti/api/v1/partners/"));
    for wrong in ["industrie.example", "ftp://industrie.example", "https://industrie.example?x", "localhost:8080"] {
        let refused = Config::try_parse_from(["territoires-industrie", "--public-url", wrong]).unwrap_err().to_string();
        assert!(refused.contains("is no address such as https://"), "{wrong}: {refused}");
    }
}

/// What the framework cannot read, it refuses with a bare status; the connection makes a problem of it. And an accent is read.
#[actix_web::test]
async fn what_is_not_read_is_refused_as_well() {
    let house = demo_house().await;
    let headers: String = (0..200).map(|number| format!("X-{number}: y\r\n")).collect();
    for (request, status, code) in [
        (get("/api/v1/partners?q=a b", ""), 400, "bad_request"),
        ("GET /api/v1/partners HTTP/1.1\r\n\r\n".to_owned(), 400, "bad_request"),
        (get("/api/v1/partners", "Host: y\r\n"), 400, "bad_request"),
        (get("/api/v1/partners", "Content-Length: x\r\n"), 400, "bad_request"),
        (get(&format!("/api/v1/partners?q={}", "a".repeat(70_000)), ""), 400, "bad_request"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), 400, "bad_request"),
        (get("/api/v1/partners", &headers), 431, "head_too_large"),
        (get("/api/v1/partners", &format!("X: {}\r\n", "a".repeat(140_000))), 431, "head_too_large"),
        ("GET /api/v1/partners HTTP/1.1\r\n".to_owned(), 408, "request_timeout"),
    ] {
        let refused = raw(&house, request).await;
        let id = refused.header("x-request-id");
        assert_eq!((refused.status(), refused.json()["code"].as_str()), (status, Some(code)), "{refused:?}");
        assert_eq!(
            (refused.header("content-type").as_str(), refused.header("access-control-allow-origin").as_str()),
            ("application/problem+json", "*")
        );
        assert!(!id.is_empty() && refused.json()["instance"] == format!("urn:request:{id}"), "{refused:?}");
    }
    let plain = raw(&house, get("/api/v1/territories?q=alen%C3%A7on", "")).await;
    let accent = raw(&house, get("/api/v1/territories?q=alençon", "")).await;
    assert_eq!((accent.status(), &accent.json()["data"]), (200, &plain.json()["data"]));
    assert_eq!(raw(&house, b"GET /api/v1/territories?q=\xe9 HTTP/1.1\r\nHost: x\r\n\r\n".to_vec()).await.json()["code"], "invalid_parameters");
}
