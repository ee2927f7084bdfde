//! What a test stands on: a house (a database and a server of its own), clients by role, makers of bodies.

pub mod contract;
pub mod makers;

use std::{
    fs::File,
    net::TcpListener,
    path::PathBuf,
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use clap::Parser;
use diesel_async::SimpleAsyncConnection;
use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use territoires_industrie::{
    api::keys,
    config::Config,
    db::{
        self, Db,
        embedded::{Embedded, Options},
        migrate::{self, Task},
    },
    demo,
    rights::NewGrant,
    server,
};

/// One throw-away cluster a run, with a template database that is migrated, and one that has the demo data as well.
struct Cluster {
    _embedded: Embedded,
    url: String,
}

const PREFIX: &str = "territoires-industrie-tests-";

/// Removes what former runs left: their lock is free.
fn sweep() {
    for entry in std::fs::read_dir("/tmp").unwrap().flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let lock = File::open(entry.path().join("service.lock"));
        if ours && lock.is_ok_and(|lock| lock.try_lock().is_ok()) {
            drop(std::fs::remove_dir_all(entry.path()));
        }
    }
}

fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        sweep();
        let data_dir = PathBuf::from(format!("/tmp/{PREFIX}{}", std::process::id()));
        let embedded = Embedded::start(&Options { data_dir, bin_dir: None, durable: false, connections: 100 }).unwrap();
        let url = embedded.url().to_owned();
        let cluster = Cluster { _embedded: embedded, url };
        // Its own thread and runtime: a test may be inside of one already.
        let template = cluster.url.clone();
        std::thread::spawn(move || {
            assert_eq!(migrate::run(&template, Task::Up).unwrap(), migrate::State::Current);
            actix_web::rt::System::new().block_on(async {
                let mut conn = db::connect(&admin(&template)).await.unwrap();
                conn.batch_execute("CREATE DATABASE demo TEMPLATE territoires_industrie").await.unwrap();
                demo::load(&Db::new(&named(&template, "demo"), 1).unwrap()).await.unwrap();
            });
        })
        .join()
        .unwrap();
        cluster
    })
}

/// The log of the tests' PostgreSQL.
pub fn postgres_log() -> String {
    std::fs::read_to_string(format!("/tmp/{PREFIX}{}/postgres.log", std::process::id())).unwrap()
}

fn named(url: &str, database: &str) -> String {
    url.replace("/territoires_industrie?", &format!("/{database}?"))
}

fn admin(url: &str) -> String {
    named(url, "postgres")
}

/// A new database, copied from a template.
async fn copy(template: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let url = &cluster().url;
    let name = format!("house_{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let mut conn = db::connect(&admin(url)).await.unwrap();
    // Two copies of one template at a time get in each other's way.
    static ONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _one = ONE.lock().await;
    // A busy machine takes its time, which says nothing of the service.
    conn.batch_execute("SET statement_timeout = 0").await.unwrap();
    conn.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE {template}")).await.unwrap();
    named(url, &name)
}

/// A database and a server of one test's own, and a client with the key of a national approver.
pub struct House {
    /// The database.
    pub url: String,
    /// Where the server listens.
    pub address: String,
    /// With a national approver's key.
    pub editor: Client,
    /// With no key.
    pub anyone: Client,
    server: actix_web::dev::ServerHandle,
}

impl std::ops::Deref for House {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.editor
    }
}

impl Drop for House {
    fn drop(&mut self) {
        drop(actix_web::rt::spawn(self.server.stop(false)));
    }
}

impl House {
    /// A client whose key holds these grants, such as `reader@territory:…`.
    pub async fn with(&self, grants: &[&str]) -> Client {
        let name = grants.join(" ");
        Client {
            key: Some(key_with(if grants.is_empty() { "nothing" } else { &name }, grants, &mut self.database().await).await),
            ..self.anyone.clone()
        }
    }

    /// A connection to its database, past the service.
    pub async fn database(&self) -> db::Conn {
        db::connect(&self.url).await.unwrap()
    }
}

/// An empty house.
pub async fn house() -> House {
    build("territoires_industrie", &[]).await
}

/// A house with the demo data.
pub async fn demo_house() -> House {
    build("demo", &[]).await
}

/// A house of this template, served with these flags.
pub async fn build(template: &str, flags: &[&str]) -> House {
    let url = copy(template).await;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    // A test asks as fast as it can, and wrongly on purpose.
    let unlimited = ["--rate-reads", "--rate-writes", "--rate-exports", "--rate-failures"].into_iter().filter(|limit| !flags.contains(limit));
    let flags = ["territoires-industrie", "--workers", "1"].into_iter().chain(unlimited.flat_map(|limit| [limit, "0"])).chain(flags.iter().copied());
    let settings = Config::try_parse_from(flags).unwrap().serve;
    let server = server::serve(listener, &url, &settings).unwrap();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    let mut conn = db::connect(&url).await.unwrap();
    let key = key_with("editor of the tests", &["approver@nation"], &mut conn).await;
    let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
    let client = |key| Client { http: http.clone(), address: address.clone(), key };
    House { editor: client(Some(key)), anyone: client(None), url, address, server: handle }
}

/// A name that nothing else of this run has: a name of a key is given once.
pub fn unique(name: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("{name} {}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A key that holds these grants, such as `reader@territory:…`. The second key of one name has a number at its end.
pub async fn key_with(name: &str, grants: &[&str], conn: &mut db::Conn) -> String {
    let grants: Vec<NewGrant> = grants.iter().map(|grant| NewGrant::parse(grant).unwrap()).collect();
    match keys::create(name, &grants, Some(1), "tests", conn).await {
        Ok(secret) => secret.to_string(),
        Err(_) => keys::create(&unique(name), &grants, Some(1), "tests", conn).await.unwrap().to_string(),
    }
}

/// Someone who asks.
#[derive(Clone)]
pub struct Client {
    pub http: reqwest::Client,
    pub address: String,
    pub key: Option<String>,
}

impl Client {
    /// The full address of a path below `/api/v1`, or of a full address as it is.
    pub fn at(&self, path: &str) -> String {
        if path.starts_with("http") { path.to_owned() } else { format!("{}/api/v1{path}", self.address) }
    }

    /// A request, to be completed by hand.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, self.at(path));
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        send(self.request(Method::POST, path).json(&body)).await
    }

    /// Changes a thing, at the version that its tag names.
    pub async fn patch(&self, path: &str, tag: Option<&str>, body: Value) -> Answer {
        send(tagged(self.request(Method::PATCH, path), tag).json(&body)).await
    }

    pub async fn delete(&self, path: &str, tag: Option<&str>) -> Answer {
        send(tagged(self.request(Method::DELETE, path), tag)).await
    }

    /// Every row of a list, by its cursors.
    pub async fn all(&self, path: &str) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut next = Some(self.at(path));
        while let Some(link) = next {
            let page = self.get(&link).await.expect(200);
            rows.extend(page.body["data"].as_array().unwrap().iter().cloned());
            next = page.body["links"]["next"].as_str().map(str::to_owned);
        }
        rows
    }
}

fn tagged(request: reqwest::RequestBuilder, tag: Option<&str>) -> reqwest::RequestBuilder {
    match tag {
        Some(tag) => request.header("If-Match", tag),
        None => request,
    }
}

/// Brings a thing back to this version of it.
pub async fn restore(client: &Client, one: &str, tag: &str, version: i64) -> Answer {
    send(client.request(Method::POST, &format!("{one}/restore")).header("If-Match", tag).json(&json!({ "version": version }))).await
}

/// Forgets a person, who asked for it.
pub async fn erase(client: &Client, person: &str, tag: &str) -> Answer {
    let request = client.request(Method::POST, &format!("/people/{person}/erasure")).header("If-Match", tag);
    send(request.json(&json!({ "reason": "À sa demande" }))).await
}

/// Sends a request, and holds what comes back against the document.
pub async fn send(request: reqwest::RequestBuilder) -> Answer {
    let (client, request) = request.build_split();
    let request = request.unwrap();
    let (method, url) = (request.method().clone(), request.url().clone());
    let sent: Value = request.body().and_then(|body| serde_json::from_slice(body.as_bytes()?).ok()).unwrap_or(Value::Null);
    let response = client.execute(request).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    // A stream has no end to wait for.
    let streamed = headers.get("content-type").is_some_and(|kind| kind == "text/event-stream");
    let bytes = if streamed { Default::default() } else { response.bytes().await.unwrap() };
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (etag, location) = (text("etag"), text("location"));
    let body: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    let answer = Answer { line: format!("{method} {url}").chars().take(300).collect(), status, headers, body, etag, location };
    contract::check(&method, url.path(), &answer);
    contract::check_pointers(&method, url.path(), &sent, &answer);
    answer
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    line: String,
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// The body, null when it is not JSON.
    pub body: Value,
    pub etag: Option<String>,
    pub location: Option<String>,
}

impl Answer {
    /// The same, when it has this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}\n{:#}", self.line, self.body);
        self
    }

    /// The rows of a page.
    #[track_caller]
    pub fn rows(&self) -> &Vec<Value> {
        self.body["data"].as_array().unwrap_or_else(|| panic!("{} is no list: {:#}", self.line, self.body))
    }

    /// What is wrong, as (place, code) pairs.
    pub fn wrongs(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let errors = self.body["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| (text(error.get("pointer").unwrap_or(&error["parameter"])), text(&error["code"]))).collect()
    }

    /// A header.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}
