//! What one caller can hold or cost is bounded: bytes of an answer, connections, streams, questions that run at once.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use diesel::{QueryableByName, sql_query, sql_types::BigInt};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use futures_util::future::join_all;
use reqwest::Method;
use rustix::process::{Resource, getrlimit};
use serde_json::{Value, json};
use territoires_industrie::db::{BUDGET, Conn};

use crate::support::{Answer, Client, House, build, house, makers, send};

/// A page may have as many bytes of rows, and one row more; the rest is links.
const LARGEST: usize = BUDGET + 300_000;

/// A text of 80 KB, the largest there is.
fn large() -> String {
    "𐍈".repeat(20_000)
}

/// A territory with so many fiches of 240 KB.
async fn large_fiches(house: &House, count: usize) -> Vec<String> {
    let territory = makers::territory(house, "Alençon").await;
    let mut fiches = Vec::new();
    for number in 0..count {
        let title = format!("Fiche {number:02}");
        let body = json!({ "territory_id": territory, "title": title, "context": large(), "description": large(), "expected_results": large() });
        fiches.push(makers::make(house, "/action-fiches", body).await);
    }
    fiches
}

fn ids(page: &Answer) -> Vec<String> {
    page.rows().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

/// The pages from this address on, by this link.
async fn pages(client: &Client, path: &str, link: &str) -> Vec<Answer> {
    let mut pages = vec![client.get(path).await.expect(200)];
    while let Some(next) = pages.last().unwrap().body["links"][link].as_str().map(str::to_owned) {
        pages.push(client.get(&next).await.expect(200));
    }
    pages
}

fn size(page: &Answer) -> usize {
    page.body.to_string().len()
}

#[actix_web::test]
async fn a_page_is_bounded_in_bytes_and_nothing_is_left_out() {
    let house = house().await;
    let fiches = large_fiches(&house, 24).await;
    for query in ["", "&offset=0", "&include=notes,participants&count=true"] {
        let found = pages(&house, &format!("/action-fiches?limit=1000{query}"), "next").await;
        assert!(found.len() == 2 && found.iter().all(|page| size(page) < LARGEST), "{query}: {:?}", found.iter().map(size).collect::<Vec<_>>());
        assert_eq!(found.iter().flat_map(ids).collect::<Vec<_>>(), fiches, "{query}");
        assert_eq!(found.iter().map(|page| &page.body["meta"]["ended_early"]).collect::<Vec<_>>(), [&json!(true), &Value::Null], "{query}");
    }
    // Backwards from the end, no row is told twice, nor none.
    let last = house.get("/action-fiches?limit=1000").await.body["links"]["next"].as_str().unwrap().to_owned();
    let found = pages(&house, &last, "prev").await;
    let mut told: Vec<String> = found.iter().rev().flat_map(ids).collect();
    told.dedup();
    assert_eq!(told, fiches);
    // A page that ends by its limit does not say that it ended early.
    assert_eq!(house.get("/action-fiches?limit=5").await.body["meta"].get("ended_early"), None);

    // The history, of which each version may be as large.
    let one = format!("/action-fiches/{}", fiches[0]);
    for version in 1..12 {
        house.patch(&one, Some(&format!("\"v{version}\"")), json!({ "title": format!("Fiche 00, {version}") })).await.expect(200);
    }
    let found = pages(&house, &format!("{one}/history?limit=200"), "next").await;
    assert!(found.len() > 1 && found.iter().all(|page| size(page) < LARGEST));
    let versions: Vec<i64> = found.iter().flat_map(Answer::rows).map(|row| row["version"].as_i64().unwrap()).collect();
    assert_eq!(versions, (1..=12).rev().collect::<Vec<_>>());

    // The feed.
    let mut told = Vec::new();
    let mut next = Some("/changes?noun=action-fiches&limit=1000".to_owned());
    let begin = Instant::now();
    while told.len() < 24 && begin.elapsed() < Duration::from_secs(20) {
        let page = house.get(&next.clone().unwrap()).await.expect(200);
        assert!(size(&page) < LARGEST);
        for id in ids(&page) {
            if !told.contains(&id) {
                told.push(id);
            }
        }
        // What was just written has no number yet.
        next = page.body["links"]["next"].as_str().map(str::to_owned).or(next);
    }
    assert_eq!(told, fiches);
}

#[actix_web::test]
async fn what_comes_along_is_bounded_in_bytes() {
    let house = house().await;
    let fiches = large_fiches(&house, 6).await;
    let noted = async |fiche: &String, count: usize| {
        for _ in 0..count {
            makers::make(&house, &format!("/action-fiches/{fiche}/notes"), json!({ "text": large(), "dated_on": "2024-05-14" })).await;
        }
    };
    for fiche in &fiches {
        noted(fiche, 15).await;
    }
    let found = pages(&house, "/action-fiches?include=notes", "next").await;
    assert!(found.len() > 1 && found.iter().all(|page| size(page) < LARGEST));
    assert_eq!(found.iter().flat_map(ids).collect::<Vec<_>>(), fiches);
    assert!(found.iter().flat_map(Answer::rows).all(|row| row["notes"].as_array().unwrap().len() == 15));
    let last = found.last().unwrap().body["links"]["self"].as_str().unwrap().to_owned();
    let mut told: Vec<String> = pages(&house, &last, "prev").await.iter().rev().flat_map(ids).collect();
    told.dedup();
    assert_eq!(told, fiches, "backwards");
    // Too much for one thing alone is refused, and read by its own list.
    noted(&fiches[0], 35).await;
    let one = format!("/action-fiches/{}", fiches[0]);
    for number in 0..5 {
        makers::make(&house, &format!("{one}/milestones"), json!({ "title": format!("Jalon {number}"), "note": large() })).await;
    }
    let both = "include=notes,milestones";
    assert_eq!(house.get(&format!("{one}?{both}")).await.expect(400).wrongs(), [("include".to_owned(), "too_large".to_owned())]);
    assert_eq!(house.get(&format!("/action-fiches?{both}")).await.expect(400).wrongs(), [("include".to_owned(), "too_large".to_owned())]);
    assert_eq!(pages(&house, &format!("{one}/notes?limit=1000"), "next").await.iter().flat_map(ids).count(), 50);
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// How many sessions of this database wait for a lock.
async fn waiting(conn: &mut Conn) -> i64 {
    let query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    sql_query(query).get_result::<Count>(conn).await.unwrap().count
}

/// Waits until this many sessions wait for a lock, or fewer.
async fn settled(most: i64, conn: &mut Conn) {
    let begin = Instant::now();
    while waiting(conn).await > most {
        assert!(begin.elapsed() < Duration::from_secs(2), "what nobody awaits any more goes on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Holds a table, so that each question about it waits.
async fn locked(house: &House) -> Conn {
    let mut conn = house.database().await;
    conn.batch_execute("SET idle_in_transaction_session_timeout = 0; BEGIN; LOCK TABLE partners IN ACCESS EXCLUSIVE MODE").await.unwrap();
    conn
}

#[actix_web::test]
async fn what_nobody_awaits_is_stopped() {
    let house = house().await;
    let mut lock = locked(&house).await;
    let mut conn = house.database().await;
    let address = house.address.strip_prefix("http://").unwrap().to_owned();
    for question in ["/partners", "/partners?count=true"] {
        for _ in 0..12 {
            let mut stream = TcpStream::connect(&address).unwrap();
            write!(stream, "GET /api/v1{question} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            tokio::time::sleep(Duration::from_millis(15)).await;
            // There are four connections in the pool, and nobody makes PostgreSQL work on more.
            assert!(waiting(&mut conn).await <= 4, "{question}");
        }
        settled(0, &mut conn).await;
    }
    lock.batch_execute("ROLLBACK").await.unwrap();
    // The connections go on as before.
    for _ in 0..8 {
        house.get("/partners?count=true").await.expect(200);
    }
}

#[actix_web::test]
async fn one_caller_has_one_fingerprint_computed_at_once() {
    let house = house().await;
    let mut lock = house.database().await;
    lock.batch_execute("BEGIN; LOCK TABLE stamps IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let both = join_all((0..2).map(|_| house.anyone.get("/changes/fingerprint")));
    let release = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        lock.batch_execute("ROLLBACK").await.unwrap();
    };
    let (answers, ()) = futures_util::future::join(both, release).await;
    let mut told: Vec<u16> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    told.sort_unstable();
    assert_eq!(told, [200, 429]);
    house.anyone.get("/changes/fingerprint").await.expect(200);
}

#[actix_web::test]
async fn one_caller_leaves_some_connections_to_the_others() {
    let house = house().await;
    let mut lock = locked(&house).await;
    let other = house.with(&["reader@nation"]).await;
    other.get("/themes").await.expect(200);
    let many = join_all((0..40).map(|_| house.anyone.get("/partners")));
    let beside = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        for _ in 0..5 {
            other.get("/themes").await.expect(200);
        }
    };
    let (answers, ()) = futures_util::future::join(many, beside).await;
    // Three had their turn, and waited for the lock; the others waited for their turn.
    let of = |status: u16| answers.iter().filter(|answer| answer.status == status).collect::<Vec<_>>();
    assert_eq!((of(503).len(), of(429).len()), (3, 37), "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    assert!(of(429).iter().all(|answer| answer.header("retry-after") == "2" && answer.body["code"] == "too_many_requests"));
    lock.batch_execute("ROLLBACK").await.unwrap();
    house.anyone.get("/partners").await.expect(200);
}

/// What the service says on a connection of its own.
fn ask(address: &str, request: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let (mut told, mut buffer) = (Vec::new(), [0; 4096]);
    while !told.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(read) if read > 0 => told.extend(&buffer[..read]),
            _ => break,
        }
    }
    (stream, String::from_utf8(told).unwrap())
}

#[actix_web::test]
async fn one_address_holds_only_so_many_connections() {
    const ALIVE: &str = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";
    let house = build("territoires_industrie", &["--address-connections", "3"]).await;
    let address = house.address.strip_prefix("http://").unwrap().to_owned();
    let asked = tokio::task::spawn_blocking(move || {
        let mut held: Vec<_> = (0..3).map(|_| ask(&address, ALIVE)).collect();
        assert!(held.iter().all(|(_, told)| told.starts_with("HTTP/1.1 200")), "{held:?}");
        let (mut refused, mut told) = ask(&address, ALIVE);
        refused.read_to_string(&mut told).unwrap();
        let (head, body) = told.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 429") && head.contains("retry-after: 30"), "{head}");
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!((&body["code"], &body["status"]), (&json!("too_many_requests"), &json!(429)));
        held.pop();
        let begin = Instant::now();
        while !ask(&address, ALIVE).1.starts_with("HTTP/1.1 200") {
            assert!(begin.elapsed() < Duration::from_secs(5));
        }
    });
    asked.await.unwrap();
    // Many clients come by way of a proxy.
    let house = build("territoires_industrie", &["--address-connections", "3", "--trusted-proxies", "127.0.0.1"]).await;
    let address = house.address.strip_prefix("http://").unwrap().to_owned();
    let asked = tokio::task::spawn_blocking(move || {
        let held: Vec<_> = (0..30).map(|_| ask(&address, ALIVE)).collect();
        assert!(held.iter().all(|(_, told)| told.starts_with("HTTP/1.1 200")));
    });
    asked.await.unwrap();
    let limit = getrlimit(Resource::Nofile);
    assert_eq!(limit.current, limit.maximum, "a service opens as many files as the system allows");
}

#[actix_web::test]
async fn a_question_for_the_head_of_a_stream_holds_nothing() {
    let house = build("territoires_industrie", &["--max-streams", "8"]).await;
    let address = house.address.strip_prefix("http://").unwrap().to_owned();
    let held = tokio::task::spawn_blocking(move || {
        (0..20).map(|_| ask(&address, "HEAD /api/v1/changes/stream HTTP/1.1\r\nHost: x\r\n\r\n")).collect::<Vec<_>>()
    });
    let held = held.await.unwrap();
    assert!(held.iter().all(|(_, told)| told.starts_with("HTTP/1.1 200") && told.contains("text/event-stream")), "{held:?}");
    // One caller may have two of eight; the others are for others.
    let mut open = Vec::new();
    for _ in 0..2 {
        open.push(house.request(Method::GET, "/changes/stream").send().await.unwrap());
    }
    assert!(open.iter().all(|stream| stream.status() == 200));
    let refused = send(house.request(Method::GET, "/changes/stream")).await.expect(429);
    assert_eq!(refused.header("retry-after"), "30");
    drop(open.pop());
    let begin = Instant::now();
    while house.request(Method::GET, "/changes/stream").send().await.unwrap().status() != 200 {
        assert!(begin.elapsed() < Duration::from_secs(5), "the seat is free again with the connection");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[actix_web::test]
async fn a_body_that_never_ends_holds_no_connection() {
    let house = house().await;
    let address = house.address.strip_prefix("http://").unwrap().to_owned();
    let rest = "Host: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    let asked = ["POST /api/v1/partners", "GET /api/v1/partners", "POST /nowhere", "GET /health/live"].map(|what| {
        let (address, request) = (address.clone(), format!("{what} HTTP/1.1\r\n{rest}1\r\n "));
        tokio::task::spawn_blocking(move || {
            let (mut stream, told) = ask(&address, &request);
            assert!(told.to_ascii_lowercase().contains("connection: close"), "{what} {told}");
            stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
            let begin = Instant::now();
            loop {
                let sent = stream.write_all(b"\r\n1\r\n ");
                match stream.read(&mut [0; 4096]) {
                    _ if sent.is_err() => break,
                    Ok(0) => break,
                    _ => assert!(begin.elapsed() < Duration::from_secs(30), "{what} is read for ever"),
                }
            }
        })
    });
    for asked in asked {
        asked.await.unwrap();
    }
}
