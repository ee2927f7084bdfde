//! The feed: nothing is missed, nothing comes twice, and a copy that is built from it alone is exact, for whoever follows.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use diesel::{
    QueryableByName, sql_query,
    sql_types::{BigInt, Double, Text},
};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use futures_util::{StreamExt, future::join_all};
use reqwest::Method;
use rustix::process::Signal;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use territoires_industrie::{
    api,
    db::{self, BUDGET},
    ledger::{
        self,
        feed::{self, Filter, Most},
        stamper,
    },
    rights::Reach,
};

use crate::{
    crashes::Service,
    support::{Client, build, house, makers, send},
};

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

async fn count(conn: &mut db::Conn, query: &str) -> i64 {
    sql_query(query).get_result::<Count>(conn).await.unwrap().count
}

/// Twelve writers, transactions of several lines, one in twenty undone; two stampers; one who follows meanwhile.
#[actix_web::test]
async fn of_racing_writers_nothing_is_missed_and_nothing_comes_twice() {
    #[derive(QueryableByName)]
    struct Delay {
        #[diesel(sql_type = Double)]
        half: f64,
        #[diesel(sql_type = Double)]
        most: f64,
    }
    const LINES: u32 = 20_000;
    let house = house().await;
    let _second = stamper::start(&house.url);
    let written = Arc::new(AtomicU32::new(0));
    let begin = Instant::now();
    let writers = (0..12).map(|writer| {
        let (url, written) = (house.url.clone(), written.clone());
        tokio::spawn(async move {
            let mut conn = db::connect(&url).await.unwrap();
            let mut turn = 0_u32;
            while AtomicU32::load(&written, Ordering::Relaxed) < LINES {
                turn += 1;
                let end = if turn.is_multiple_of(20) { "ROLLBACK" } else { "COMMIT" };
                // The rows of all writers are changed by all of them: a later transaction may well be committed first.
                let act = format!(
                    "BEGIN; SET LOCAL app.author = 'writer {writer}';
                     INSERT INTO programme_phases (id, number, name) SELECT gen_random_uuid(), {writer} * 1000000 + {turn} * 10 + n, 'Phase' FROM generate_series(1, 5) n;
                     UPDATE programme_phases SET description = '{writer} {turn}' WHERE id = (SELECT id FROM programme_phases OFFSET {turn} % 10 LIMIT 1 FOR UPDATE SKIP LOCKED);
                     {end}"
                );
                conn.batch_execute(&act).await.unwrap();
                tokio::time::sleep(Duration::from_millis(15)).await;
                if end == "COMMIT" {
                    written.fetch_add(6, Ordering::Relaxed);
                }
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    // Who follows reads on and on from where it stands.
    let mut conn = house.database().await;
    let all = Reach { everything: true, ..Reach::default() };
    let (mut after, mut versions) = (0, HashMap::new());
    let mut finished = false;
    loop {
        let head = feed::head(&mut conn).await.unwrap();
        let batch = feed::read(after, head.seq, Most { events: 1000, bytes: BUDGET }, &Filter::default(), &all, &mut conn).await.unwrap();
        for (seq, event) in batch.events {
            assert_eq!(seq, after + 1, "no number is passed over, none comes twice");
            after = seq;
            let before = versions.insert(event.id, event.version).unwrap_or(0);
            assert_eq!(event.version, before + 1, "what builds on a change comes after it");
        }
        assert_eq!(batch.up_to, after);
        if finished && after == count(&mut conn, "SELECT count(*) FROM ledger").await {
            break;
        }
        finished = writers.iter().all(|writer| writer.is_finished());
        assert!(begin.elapsed() < Duration::from_secs(60), "{after} numbers after a minute");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for writer in writers {
        writer.await.unwrap();
    }
    assert!(after >= i64::from(LINES) * 5 / 6);
    assert_eq!(count(&mut conn, "SELECT count(*) FROM stamps").await, after);
    assert_eq!(count(&mut conn, "SELECT max(seq) AS count FROM stamps").await, after);
    let delay = sql_query(
        "SELECT (percentile_cont(0.5) WITHIN GROUP (ORDER BY delay))::float8 AS half, max(delay)::float8 AS most
         FROM (SELECT extract(epoch FROM stamped_at - recorded_at) * 1000 AS delay FROM stamps JOIN ledger ON ledger.id = line) delays",
    );
    let delay: Delay = delay.get_result(&mut conn).await.unwrap();
    println!(
        "{after} lines in {:.1} s; from line to number {:.0} ms at the median, {:.0} ms at most",
        begin.elapsed().as_secs_f64(),
        delay.half,
        delay.most
    );
}

/// An open transaction holds back nothing but itself, and comes when it is committed, whatever came before.
#[actix_web::test]
async fn an_open_transaction_holds_nobody_back_and_is_not_missed() {
    let house = house().await;
    let mut open = house.database().await;
    let late = "BEGIN; SET LOCAL app.author = 'late'; INSERT INTO programme_phases (id, number, name) VALUES (gen_random_uuid(), 1, 'Tard')";
    open.batch_execute(late).await.unwrap();
    let mut conn = house.database().await;
    for number in 2..40 {
        makers::phase(&house, number).await;
        stamper::catch_up(&mut conn).await.unwrap();
    }
    let seen = house.get("/changes").await.expect(200);
    assert_eq!((seen.rows().len(), &seen.body["meta"]["more"]), (38, &json!(false)));
    open.batch_execute("COMMIT").await.unwrap();
    stamper::catch_up(&mut conn).await.unwrap();
    let then = house.get(&format!("/changes?cursor={}", seen.body["meta"]["next_cursor"].as_str().unwrap())).await.expect(200);
    assert_eq!((then.rows().len(), &then.rows()[0]["data"]["name"]), (1, &json!("Tard")));
    // A row that comes from a dump of another cluster, whose transactions are far ahead, is numbered too.
    conn.batch_execute(
        "INSERT INTO ledger (noun, thing, version, action, after, author, transaction)
         SELECT noun, gen_random_uuid(), 1, 'create', after, 'elsewhere', '999999999999' FROM ledger LIMIT 1",
    )
    .await
    .unwrap();
    for number in 40..43 {
        stamper::catch_up(&mut conn).await.unwrap();
        makers::phase(&house, number).await;
    }
    // Whoever is at it already is waited for.
    open.batch_execute("BEGIN; SELECT stamp_ledger(1000)").await.unwrap();
    let done = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        open.batch_execute("COMMIT").await.unwrap();
    };
    let waiting = async {
        stamper::catch_up(&mut conn).await.unwrap();
        count(&mut conn, "SELECT count(*) FROM ledger WHERE NOT EXISTS (SELECT FROM stamps WHERE line = ledger.id)").await
    };
    assert_eq!(tokio::join!(done, waiting), ((), 0));
    let verdict = ledger::verify::verify(None, &mut conn).await.unwrap();
    assert!(matches!(verdict, ledger::verify::Verdict::Sound { lines: 43, .. }), "{verdict:?}");
}

/// What a follower holds: rows by noun and identifier, and where it stands.
struct Copy {
    client: Client,
    filters: String,
    next: String,
    rows: BTreeMap<(String, String), Value>,
    versions: BTreeMap<String, (String, i64)>,
    events: usize,
}

impl Copy {
    fn new(client: &Client, filters: &str) -> Self {
        let next = client.at(&format!("/changes?limit=50{filters}"));
        Self { client: client.clone(), filters: filters.to_owned(), next, rows: BTreeMap::new(), versions: BTreeMap::new(), events: 0 }
    }

    /// Applies one page. Is there more?
    async fn follow(&mut self) -> Option<bool> {
        let answer = self.client.request(Method::GET, &self.next).send().await.ok()?;
        let page: Value = (answer.status() == 200).then_some(answer)?.json().await.ok()?;
        for event in page["data"].as_array().unwrap() {
            self.apply(event);
        }
        let cursor = page["meta"]["next_cursor"].as_str().unwrap();
        self.next = self.client.at(&format!("/changes?limit=50{}&cursor={cursor}", self.filters));
        // Who follows the links comes to the end of them, and not before.
        assert_eq!(page["links"]["next"].is_string(), page["meta"]["more"] == true);
        page["meta"]["more"].as_bool()
    }

    fn apply(&mut self, event: &Value) {
        self.events += 1;
        let text = |name: &str| event[name].as_str().unwrap().to_owned();
        let (noun, id) = (text("noun"), text("id"));
        if event["action"] == "delete" {
            assert!(event["data"].is_null());
            self.rows.remove(&(noun, id.clone()));
            self.versions.remove(&id);
        } else {
            let known = self.versions.insert(id.clone(), (noun.clone(), event["version"].as_i64().unwrap()));
            assert!(known.is_some() || !matches!(text("action").as_str(), "update" | "erase"), "{event}: an update of what is not there");
            self.rows.insert((noun, id), event["data"].clone());
        }
    }

    /// Reads on until this thing has come, which was made after all else.
    async fn reach(&mut self, last: &str) {
        let begin = Instant::now();
        while !self.versions.contains_key(last) {
            self.follow().await.expect("the feed answers");
            assert!(begin.elapsed() < Duration::from_secs(20), "the last event does not come");
        }
    }

    /// Reads on until nothing more comes.
    async fn finish(&mut self) {
        let mut still = 0;
        while still < 3 {
            let before = self.events;
            let more = self.follow().await.expect("the feed answers");
            still = if more || self.events > before { 0 } else { still + 1 };
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The recipe of the document.
    fn fingerprint(&self) -> (usize, String) {
        let lines: String = self.versions.iter().map(|(id, (noun, version))| format!("{noun} {id} {version}\n")).collect();
        (self.versions.len(), hex(&Sha256::digest(lines)))
    }

    /// Compares with what the service itself answers this client, noun by noun and part by part.
    async fn compare(&self, whom: &str, territory: Option<&str>) {
        let told = self.client.get(&format!("/changes/fingerprint?{}", self.filters.trim_start_matches('&'))).await.expect(200);
        assert_eq!((json!(self.versions.len()), json!(self.fingerprint().1)), (told.body["count"].clone(), told.body["sha256"].clone()), "{whom}");
        let mut seen = HashSet::new();
        let wholes = [
            ("programme-phases", vec![]),
            ("themes", vec!["correspondences"]),
            ("territories", vec!["labels", "members", "successions"]),
            ("partners", vec!["commitments"]),
            ("people", vec!["mandates"]),
            ("committees", vec!["seats"]),
            ("action-fiches", vec!["participants", "themes"]),
        ];
        for (noun, parts) in wholes {
            let query = match (territory, noun) {
                (None, _) => "limit=1000",
                (Some(id), "committees" | "action-fiches") => &format!("limit=1000&territory_id={id}"),
                _ => continue,
            };
            for row in self.client.all(&format!("/{noun}?{query}")).await {
                let id = row["id"].as_str().unwrap().to_owned();
                for part in &parts {
                    let singular = match noun {
                        "people" => "person",
                        "territories" => "territory",
                        noun => noun.trim_end_matches('s'),
                    };
                    for row in self.client.all(&format!("/{noun}/{id}/{part}?limit=1000")).await {
                        seen.insert(self.same(whom, &format!("{singular}-{part}"), &row));
                    }
                }
                seen.insert(self.same(whom, noun, &row));
            }
        }
        let strange: Vec<_> = self.rows.keys().filter(|key| !seen.contains(*key)).collect();
        assert!(territory.is_some() || strange.is_empty(), "{whom} holds what is not there: {strange:?}");
    }

    #[track_caller]
    fn same(&self, whom: &str, noun: &str, row: &Value) -> (String, String) {
        let key = (noun.to_owned(), row["id"].as_str().unwrap().to_owned());
        let copied = self.rows.get(&key).unwrap_or_else(|| panic!("{whom} misses {noun} {row}"));
        // What is computed for the day that is asked of is not of the row.
        for (name, value) in row.as_object().unwrap().iter().filter(|(name, _)| *name != "late") {
            assert_eq!(copied.get(name), Some(value), "{whom}: {noun} {name}\n{row:#}\n{copied:#}");
        }
        key
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The writers: each does this and that to its own and to all that there is, as long as it may.
async fn write(client: Client, writer: u64, turns: u64, places: Arc<Vec<String>>, stop: Arc<AtomicBool>) -> u64 {
    let mut seed = writer + 1;
    let mut dice = move |sides: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % sides
    };
    let (mut people, mut committees, mut fiches, mut gone) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut done = 0;
    let ask = async |method: Method, path: String, body: Value| -> Option<Value> {
        let request = client.request(method, &path).header("If-Match", "*").json(&body).send().await.ok()?;
        // Whom another one has deleted, or whoever comes first: that is what writers meet.
        assert!(matches!(request.status().as_u16(), 200..=204 | 404 | 409 | 410 | 422 | 503), "{path}: {}", request.status());
        if request.status().as_u16() > 201 { Some(Value::Null) } else { request.json().await.ok() }
    };
    let id = |made: Option<Value>| made.and_then(|made| made["id"].as_str().map(str::to_owned));
    for turn in 0..turns {
        if AtomicBool::load(&stop, Ordering::Relaxed) {
            break;
        }
        let place = &places[usize::try_from(dice(2)).unwrap()];
        let pick = |from: &Vec<String>, number: u64| from.get(usize::try_from(number).unwrap() % from.len().max(1)).cloned();
        let visibility = ["public", "partners", "restricted"][usize::try_from(dice(3)).unwrap()];
        let basis = ["not_publishable", "elected_mandate"][usize::try_from(dice(2)).unwrap()];
        let (one, other) = (dice(1 << 20), dice(1 << 20));
        let made = match dice(16) {
            0 | 1 => {
                let body = json!({ "name": format!("Personne {writer} {turn}"), "publication_basis": basis, "mandates": [{ "function": "Maire" }] });
                let made = id(ask(Method::POST, "/people".to_owned(), body).await);
                made.map(|id| people.push(id))
            }
            2 | 3 => {
                let seats: Vec<Value> =
                    [pick(&people, one), pick(&people, other)].into_iter().flatten().map(|id| json!({ "person_id": id })).collect();
                let body = json!({ "name": format!("Comité {writer} {turn}"), "level": "territorial", "kind": "steering", "territory_id": place, "seats": seats });
                let made = id(ask(Method::POST, "/committees".to_owned(), body).await);
                made.map(|id| committees.push(id))
            }
            4 | 5 => {
                let partner =
                    id(ask(Method::POST, "/partners".to_owned(), json!({ "name": format!("Partenaire {writer} {turn}"), "kind": "company" })).await);
                let participants: Vec<Value> = partner.into_iter().map(|id| json!({ "partner_id": id, "role": "lead" })).collect();
                let body = json!({ "territory_id": place, "title": format!("Fiche {writer} {turn}"), "visibility": visibility, "budget_eur": 12.5, "participants": participants });
                let made = id(ask(Method::POST, "/action-fiches".to_owned(), body).await);
                made.map(|id| fiches.push(id))
            }
            6..=8 => match pick(&fiches, one) {
                Some(fiche) => {
                    ask(Method::PATCH, format!("/action-fiches/{fiche}"), json!({ "visibility": visibility, "title": format!("Titre {turn}") }))
                        .await
                        .map(drop)
                }
                None => Some(()),
            },
            9 | 10 => match pick(&people, one) {
                Some(person) => ask(Method::PATCH, format!("/people/{person}"), json!({ "publication_basis": basis })).await.map(drop),
                None => Some(()),
            },
            11 => match pick(&committees, one) {
                Some(committee) => ask(Method::PATCH, format!("/committees/{committee}"), json!({ "territory_id": place })).await.map(drop),
                None => Some(()),
            },
            12 => match pick(&committees, one).zip(pick(&people, other)) {
                Some((committee, person)) => {
                    ask(Method::POST, format!("/committees/{committee}/seats"), json!({ "person_id": person })).await.map(drop)
                }
                None => Some(()),
            },
            13 => match (pick(&committees, one), turn % 2) {
                (Some(committee), 0) => ask(Method::DELETE, format!("/committees/{committee}"), json!({})).await.map(drop),
                _ => Some(()),
            },
            14 => match pick(&fiches, one) {
                Some(fiche) => {
                    gone.push(fiche.clone());
                    ask(Method::DELETE, format!("/action-fiches/{fiche}"), json!({})).await.map(drop)
                }
                None => Some(()),
            },
            _ => match (pick(&gone, one), pick(&people, other), turn % 3) {
                (Some(fiche), _, 0 | 1) => ask(Method::POST, format!("/action-fiches/{fiche}/restore"), json!({ "version": 1 })).await.map(drop),
                (_, Some(person), _) => ask(Method::POST, format!("/people/{person}/erasure"), json!({ "reason": "Demandé" })).await.map(drop),
                _ => Some(()),
            },
        };
        done += u64::from(made.is_some());
    }
    done
}

#[actix_web::test]
async fn a_copy_made_of_the_feed_alone_is_exact_for_whoever_follows() {
    let house = build("territoires_industrie", &["--pool-size", "8"]).await;
    let places = Arc::new(vec![makers::territory(&house, "Alençon").await, makers::territory(&house, "Châtellerault").await]);
    let reader = house.with(&[&format!("reader@territory:{}", places[0])]).await;
    let team = house.with(&[&format!("editor@territory:{}", places[1])]).await;
    let only = format!("&territory={}", places[0]);
    let mut copies = vec![
        ("who sees all", Copy::new(&house, ""), None),
        ("anyone", Copy::new(&house.anyone, ""), None),
        ("a reader", Copy::new(&reader, ""), None),
        ("a team", Copy::new(&team, ""), None),
        ("anyone, of one territory", Copy::new(&house.anyone, &only), Some(places[0].clone())),
    ];
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..8).map(|writer| actix_web::rt::spawn(write(house.editor.clone(), writer, 60, places.clone(), stop.clone()))).collect();
    // One transaction stays open all the while.
    let mut open = house.database().await;
    let late = "SET idle_in_transaction_session_timeout = 0; BEGIN; SET LOCAL app.author = 'late'; INSERT INTO programme_phases (id, number, name) VALUES (gen_random_uuid(), 1, 'Tard')";
    open.batch_execute(late).await.unwrap();
    while !writers.iter().all(|writer| writer.is_finished()) {
        for (_, copy, _) in &mut copies {
            copy.follow().await.unwrap();
        }
    }
    let written: u64 = join_all(writers).await.into_iter().map(Result::unwrap).sum();
    open.batch_execute("COMMIT").await.unwrap();
    let mut conn = house.database().await;
    for (whom, copy, territory) in &mut copies {
        stamper::catch_up(&mut conn).await.unwrap();
        copy.finish().await;
        copy.compare(whom, territory.as_deref()).await;
        println!("{whom}: {} events, {} things", copy.events, copy.versions.len());
    }
    assert!(written > 400 && copies[0].1.rows.len() > copies[1].1.rows.len(), "{written}");
    assert!(copies[0].1.rows.contains_key(&(
        "programme-phases".to_owned(),
        copies[0].1.versions.iter().find(|(_, (noun, _))| noun == "programme-phases").unwrap().0.clone()
    )));
    let verdict = ledger::verify::verify(None, &mut conn).await.unwrap();
    assert!(matches!(verdict, ledger::verify::Verdict::Sound { .. }), "{verdict:?}");
}

fn client(service: &Service, key: Option<String>) -> Client {
    Client { http: service.http.clone(), address: format!("http://{}", service.address), key }
}

#[actix_web::test]
async fn a_copy_is_exact_after_a_kill_in_the_middle() {
    let mut service = Service::new("feed");
    service.ready().await;
    let editor = client(&service, Some(service.key()));
    let anyone = client(&service, None);
    let places = Arc::new(vec![makers::territory(&editor, "Alençon").await, makers::territory(&editor, "Châtellerault").await]);
    let (mut all, mut public) = (Copy::new(&editor, ""), Copy::new(&anyone, ""));
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..8).map(|writer| actix_web::rt::spawn(write(editor.clone(), writer, u64::MAX, places.clone(), stop.clone()))).collect();
    for _ in 0..3 {
        let until = Instant::now() + Duration::from_millis(700);
        while Instant::now() < until {
            all.follow().await;
            public.follow().await;
        }
        service.kill_service();
        service.start();
        service.ready().await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    stop.store(true, Ordering::Relaxed);
    let written: u64 = join_all(writers).await.into_iter().map(Result::unwrap).sum();
    let last = makers::partner(&editor, "Le dernier").await;
    all.reach(&last).await;
    public.reach(&last).await;
    all.compare("who sees all", None).await;
    public.compare("anyone", None).await;
    println!("{written} writes, three kills: {} and {} events, {} and {} things", all.events, public.events, all.rows.len(), public.rows.len());
    assert!(all.events > 100);
}

/// Reads a stream until it has so many events, or ends.
async fn events(client: &Client, path: &str, last: Option<&str>, most: usize) -> Vec<(String, Value)> {
    let mut request = client.request(Method::GET, path).header("Accept", "text/event-stream");
    if let Some(last) = last {
        request = request.header("Last-Event-ID", last);
    }
    let answer = request.send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()), (200, "text/event-stream"));
    assert!(answer.headers().get("content-encoding").is_none());
    let mut stream = answer.bytes_stream();
    let (mut text, mut found) = (String::new(), Vec::new());
    while found.len() < most {
        let Some(Ok(bytes)) = stream.next().await else { break };
        text.push_str(std::str::from_utf8(&bytes).unwrap());
        while let Some((event, rest)) = text.split_once("\n\n") {
            let lines: Vec<(&str, &str)> = event.lines().filter_map(|line| line.split_once(": ")).collect();
            if let [("id", id), ("event", "change"), ("data", data)] = lines[..] {
                let data: Value = serde_json::from_str(data).unwrap();
                assert_eq!(data["cursor"], id);
                found.push((id.to_owned(), data));
            }
            text = rest.to_owned();
        }
    }
    found
}

#[actix_web::test]
async fn a_stream_goes_on_across_a_restart_and_ends_with_the_service() {
    let mut service = Service::new("stream");
    service.ready().await;
    let (editor, anyone) = (client(&service, Some(service.key())), client(&service, None));
    let follower = anyone.clone();
    let before = actix_web::rt::spawn(async move { events(&follower, "/changes/stream?noun=partners", None, 20).await });
    for number in 0..20 {
        makers::partner(&editor, &format!("Avant {number}")).await;
    }
    let mut found = before.await.unwrap();
    service.kill_service();
    service.start();
    service.ready().await;
    for number in 0..20 {
        makers::partner(&editor, &format!("Après {number}")).await;
    }
    // It had got no further than the twelfth.
    found.truncate(12);
    let last = found.last().unwrap().0.clone();
    found.extend(events(&anyone, "/changes/stream?noun=partners", Some(&last), 28).await);
    let names: Vec<&str> = found.iter().map(|(_, event)| event["data"]["name"].as_str().unwrap()).collect();
    let expected: Vec<String> = ["Avant", "Après"].iter().flat_map(|when| (0..20).map(move |number| format!("{when} {number}"))).collect();
    assert_eq!(names, expected);

    // A graceful stop ends the streams, and waits for nothing else.
    let last = found.last().unwrap().0.clone();
    let follower = anyone.clone();
    let open = actix_web::rt::spawn(async move { events(&follower, "/changes/stream?noun=partners", Some(&last), 2).await });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let begin = Instant::now();
    service.stop(Signal::TERM);
    assert!(open.await.unwrap().is_empty() && begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
}

#[actix_web::test]
async fn a_stream_ends_with_its_key_and_there_are_only_so_many() {
    let house = build("territoires_industrie", &["--max-streams", "2"]).await;
    let reader = house.with(&["reader@nation"]).await;
    let open = actix_web::rt::spawn({
        let reader = reader.clone();
        async move { events(&reader, "/changes/stream", None, 1000).await }
    });
    let public = house.anyone.request(Method::GET, "/changes/stream").send().await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let refused = send(house.anyone.request(Method::GET, "/changes/stream")).await.expect(503);
    assert_eq!(refused.header("retry-after"), "30");
    drop(public);
    makers::partner(&house, "Newmatec").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    house.database().await.batch_execute("UPDATE api_keys SET revoked_at = clock_timestamp() WHERE name = 'reader@nation'").await.unwrap();
    let begin = Instant::now();
    // What happens a second later is told no more.
    tokio::time::sleep(Duration::from_secs(1)).await;
    makers::partner(&house, "Siemens").await;
    let found = open.await.unwrap();
    assert!(found.len() == 1 && begin.elapsed() < Duration::from_secs(5), "{found:?} {:?}", begin.elapsed());
    // The places of those who left are free again.
    let begin = Instant::now();
    while house.request(Method::GET, "/changes/stream").send().await.unwrap().status() != 200 {
        assert!(begin.elapsed() < Duration::from_secs(5));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[actix_web::test]
async fn a_cursor_is_for_one_feed_of_one_epoch() {
    let house = house().await;
    let partner = makers::partner(&house, "Newmatec").await;
    let mut conn = house.database().await;
    stamper::catch_up(&mut conn).await.unwrap();
    let page = house.get("/changes?noun=partners").await.expect(200);
    let cursor = page.body["meta"]["next_cursor"].as_str().unwrap().to_owned();
    let event = &page.rows()[0];
    assert_eq!(
        (&event["noun"], &event["id"], &event["action"], &event["version"], &event["seq"]),
        (&json!("partners"), &json!(partner), &json!("create"), &json!(1), &json!(1))
    );
    assert_eq!(event["data"], house.get(&format!("/partners/{partner}")).await.expect(200).body);
    // Who sees less is told no numbers, nor who wrote; and no two cursors are alike.
    let seen = house.anyone.get("/changes?noun=partners").await.expect(200);
    assert_eq!((&seen.rows()[0]["seq"], &seen.rows()[0]["author"]), (&json!(null), &json!(null)));
    assert_ne!(seen.rows()[0]["cursor"], house.anyone.get("/changes?noun=partners").await.expect(200).rows()[0]["cursor"]);
    // On a page with nothing more, there is no next one; its cursor goes on later.
    assert_eq!(page.body["links"]["next"], json!(null));
    let empty = house.get(&format!("/changes?noun=partners&cursor={cursor}")).await.expect(200);
    assert!(empty.rows().is_empty() && empty.body["links"]["next"].is_null() && empty.body["meta"]["next_cursor"].is_string());
    // One event's cursor goes on after it.
    let after = house.get(&format!("/changes?noun=partners&cursor={}", event["cursor"].as_str().unwrap())).await.expect(200);
    assert!(after.rows().is_empty());

    let wrong = |code: &str| vec![("cursor".to_owned(), code.to_owned())];
    for (client, query, code) in [
        (&house.editor, format!("noun=people&cursor={cursor}"), "incompatible_cursor"),
        (&house.editor, format!("cursor={cursor}"), "incompatible_cursor"),
        (&house.editor, format!("noun=partners&territory={partner}&cursor={cursor}"), "incompatible_cursor"),
        (&house.anyone, format!("noun=partners&cursor={cursor}"), "incompatible_cursor"),
        (&house.editor, format!("noun=partners&cursor={}", &cursor[1..]), "invalid_cursor"),
        (&house.editor, "noun=partners&cursor=x".to_owned(), "invalid_cursor"),
    ] {
        for path in ["/changes", "/changes/fingerprint", "/changes/stream"] {
            assert_eq!(client.get(&format!("{path}?{query}")).await.expect(400).wrongs(), wrong(code), "{path} {query}");
        }
    }
    for (query, code) in [
        ("noun=partner", "unknown_word"),
        ("territory=x", "invalid_id"),
        ("limit=0", "out_of_range"),
        ("noun=people&noun=themes", "repeated_parameter"),
    ] {
        assert_eq!(house.get(&format!("/changes?{query}")).await.expect(400).wrongs()[0].1, code);
    }

    ledger::new_epoch(&mut conn).await.unwrap();
    for name in ["cursor", "cursor[]", "cursor%5B%5D"] {
        let expired = house.get(&format!("/changes?noun=partners&{name}={cursor}")).await.expect(410);
        assert_eq!(expired.body["code"], "expired_cursor");
        let anew = house.get(expired.body["restart"].as_str().unwrap()).await.expect(200);
        assert_eq!(anew.rows().len(), 1, "{name}");
    }
    house.get(&format!("/changes/stream?noun=partners&cursor={cursor}")).await.expect(410);
    // Whatever keeps the ledger can be followed.
    #[derive(QueryableByName)]
    struct Noun {
        #[diesel(sql_type = Text)]
        noun: String,
    }
    let kept: Vec<Noun> = sql_query("SELECT noun FROM kept ORDER BY noun COLLATE \"C\"").load(&mut conn).await.unwrap();
    let mut known: Vec<_> = api::kept().map(|face| face.card.table).collect();
    known.sort_unstable();
    assert_eq!(
        kept.into_iter().map(|kept| kept.noun).collect::<Vec<_>>(),
        known,
        "To fix this: a noun is one line of `api::NOUNS`, and its migration ends with `keep_ledger`."
    );
}

/// Who follows the links until there is none, as loaders do, comes to an end and has read all.
#[actix_web::test]
async fn the_links_of_the_feed_have_an_end() {
    let house = house().await;
    for number in 0..5 {
        makers::partner(&house, &format!("P{number}")).await;
    }
    stamper::catch_up(&mut house.database().await).await.unwrap();
    let (mut next, mut read) = (Some("/changes?noun=partners&limit=2".to_owned()), Vec::new());
    while let Some(path) = next {
        let page = house.get(&path).await.expect(200);
        read.push(page.rows().len());
        next = page.body["links"]["next"].as_str().map(str::to_owned);
    }
    assert_eq!(read, [2, 2, 1]);
}
