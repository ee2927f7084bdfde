//! What is acknowledged stays, and what is half-done goes: under `kill -9` of the service and of its PostgreSQL, and
//! when clients vanish in the middle of their writes.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use diesel::{QueryableByName, sql_query, sql_types::BigInt};
use diesel_async::RunQueryDsl;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};

use crate::support::house;

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// The service itself, on a folder of its own, with a key.
pub struct Service {
    dir: PathBuf,
    pub address: String,
    child: Option<Child>,
    pub http: reqwest::Client,
}

impl Service {
    pub fn new(name: &str) -> Self {
        let dir = PathBuf::from(format!("/tmp/territoires-industrie-crash-{name}-{}", std::process::id()));
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        // The library asks for one provider of cryptography a process.
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(Duration::from_secs(10)).build().unwrap();
        let mut service = Self { dir, address, child: None, http };
        service.start();
        service
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_territoires-industrie"));
        command.env_remove("DATABASE_URL").env("DATA_DIR", &self.dir).env("RUST_LOG", "error").env("RATE_READS", "0").env("RATE_WRITES", "0");
        command
    }

    pub fn start(&mut self) {
        let mut command = self.command();
        command.args(["serve", "--no-demo", "--workers", "2", "--bind", &self.address]);
        self.child = Some(command.stdout(Stdio::null()).spawn().unwrap());
    }

    pub fn key(&self) -> String {
        let made = self.command().args(["keys", "create", "writers", "--grant", "approver@nation"]).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        String::from_utf8(made.stdout).unwrap().trim().to_owned()
    }

    /// Waits until it answers from its database (its health may be told from a second ago).
    pub async fn ready(&self) {
        let start = Instant::now();
        tokio::time::sleep(Duration::from_millis(50)).await;
        while !self.http.get(format!("http://{}/api/v1/partners?limit=1", self.address)).send().await.is_ok_and(|answer| answer.status() == 200) {
            assert!(start.elapsed() < Duration::from_secs(30), "the service did not come back");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub fn kill_service(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Sends a signal, and waits for the end.
    pub fn stop(&mut self, signal: Signal) {
        let mut child = self.child.take().unwrap();
        kill_process(Pid::from_child(&child), signal).unwrap();
        child.wait().unwrap();
    }

    fn kill_postgres(&self) {
        let pid = fs::read_to_string(self.dir.join("pgdata/postmaster.pid")).ok();
        let pid = pid.and_then(|text| text.lines().next()?.parse().ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = kill_process(Pid::from_child(child), Signal::TERM);
            drop(child.wait());
        }
        drop(fs::remove_dir_all(&self.dir));
    }
}

/// Two rows in one transaction, and a name of their own.
fn territory(name: &str) -> Value {
    json!({ "name": name, "members": [{ "kind": "other", "name": "Un" }, { "kind": "other", "name": "Deux" }] })
}

/// Four writers, who send again what they do not know the outcome of, and ten kills under them. Returns how many writes were acknowledged.
async fn survive(name: &str, kill: impl Fn(&mut Service)) -> usize {
    let mut service = Service::new(name);
    service.ready().await;
    let key = service.key();
    let acknowledged = Arc::new(Mutex::new(Vec::<String>::new()));
    let asked = Arc::new(Mutex::new(Vec::<String>::new()));
    let stop = Arc::new(Mutex::new(false));
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (http, address, key) = (service.http.clone(), service.address.clone(), key.clone());
            let (acknowledged, asked, stop) = (acknowledged.clone(), asked.clone(), stop.clone());
            actix_web::rt::spawn(async move {
                let mut number = 0;
                while !*stop.lock().unwrap() {
                    number += 1;
                    let name = format!("Territoire {writer} {number}");
                    let request = || {
                        http.post(format!("http://{address}/api/v1/territories")).bearer_auth(&key).header("Idempotency-Key", name.replace(' ', "-"))
                    };
                    // Whoever never learns what became of it sends it again.
                    loop {
                        match request().json(&territory(&name)).send().await {
                            Ok(answer) if answer.status() == 201 => {
                                let made: Value = answer.json().await.unwrap_or_default();
                                if let Some(id) = made["id"].as_str() {
                                    acknowledged.lock().unwrap().push(id.to_owned());
                                    break;
                                }
                            }
                            // It was done, and the service died before it knew what it had answered.
                            Ok(answer) if answer.status() == 409 => {
                                let refused: Value = answer.json().await.unwrap_or_default();
                                if refused["code"] == "already_done" {
                                    break;
                                }
                            }
                            // 503 while the database is away; nothing else of ours.
                            Ok(answer) => assert_eq!(answer.status(), 503),
                            Err(_) => {}
                        }
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                    asked.lock().unwrap().push(name);
                }
            })
        })
        .collect();
    for round in 0..10 {
        tokio::time::sleep(Duration::from_millis(300 + 37 * round)).await;
        kill(&mut service);
        service.ready().await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    *stop.lock().unwrap() = true;
    for writer in writers {
        writer.await.unwrap();
    }
    let acknowledged = acknowledged.lock().unwrap().clone();
    let mut kept = std::collections::HashMap::new();
    let mut names = Vec::new();
    let mut next = Some(format!("http://{}/api/v1/territories?include=members&limit=1000", service.address));
    while let Some(page) = next {
        let page: Value = service.http.get(page).send().await.unwrap().json().await.unwrap();
        assert!(page["data"].is_array(), "{page:#}");
        for row in page["data"].as_array().unwrap() {
            kept.insert(row["id"].as_str().unwrap().to_owned(), row["members"].as_array().unwrap().len());
            names.push(row["name"].as_str().unwrap().to_owned());
        }
        next = page["links"]["next"].as_str().map(str::to_owned);
    }
    for id in &acknowledged {
        assert!(kept.contains_key(id), "{id} was acknowledged and is lost");
    }
    assert!(kept.values().all(|members| *members == 2), "a write was half-applied");
    let mut asked = asked.lock().unwrap().clone();
    asked.sort();
    names.sort();
    assert!(names == asked, "each was done once: {} of {}", names.len(), asked.len());
    acknowledged.len()
}

#[actix_web::test]
async fn what_was_acknowledged_survives_the_death_of_the_service() {
    let acknowledged = survive("service", |service| {
        service.kill_service();
        service.start();
    })
    .await;
    assert!(acknowledged > 100, "the writers wrote: {acknowledged}");
}

#[actix_web::test]
async fn what_was_acknowledged_survives_the_death_of_its_postgresql() {
    let acknowledged = survive("postgresql", |service| service.kill_postgres()).await;
    assert!(acknowledged > 100, "the writers wrote: {acknowledged}");
}

/// Sends a whole request and resets the connection without waiting for the answer.
fn send_and_reset(address: SocketAddr, request: &str, wait: Duration) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.connect(&address.into()).unwrap();
    socket.set_linger(Some(Duration::ZERO)).unwrap();
    let mut stream = TcpStream::from(socket);
    stream.write_all(request.as_bytes()).unwrap();
    std::thread::sleep(wait);
}

#[actix_web::test]
async fn a_client_that_vanishes_leaves_its_write_whole_or_absent() {
    let house = house().await;
    let address: SocketAddr = house.address.trim_start_matches("http://").parse().unwrap();
    let key = house.editor.key.clone().unwrap();
    let resets = tokio::task::spawn_blocking(move || {
        for number in 0..200_u64 {
            let body = territory(&format!("Territoire {number}")).to_string();
            let request = format!(
                "POST /api/v1/territories HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            );
            send_and_reset(address, &request, Duration::from_micros(number * 40));
        }
    });
    resets.await.unwrap();
    // Those that were taken in go on, however long it takes.
    let mut conn = house.database().await;
    let mut made = -1;
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let creations = sql_query("SELECT count(*) AS count FROM ledger WHERE noun = 'territories' AND action = 'create'");
        let count = creations.get_result::<Count>(&mut conn).await.unwrap().count;
        if std::mem::replace(&mut made, count) == count {
            break;
        }
    }
    let territories = house.all("/territories?include=members").await;
    assert!(territories.iter().all(|territory| territory["members"].as_array().unwrap().len() == 2), "a write was half-applied");
    assert!(territories.len() > 20, "some writes went through: {}", territories.len());
    let idle = sql_query("SELECT count(*) AS count FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'");
    assert_eq!(idle.get_result::<Count>(&mut conn).await.unwrap().count, 0);
    assert_eq!(made, territories.len() as i64);
}

/// A stop lets what is running finish, and takes nothing more in.
#[actix_web::test]
async fn a_stop_lets_what_is_running_finish() {
    let mut service = Service::new("stop");
    service.ready().await;
    let (key, address) = (service.key(), service.address.clone());
    let body = territory("Alençon").to_string();
    let running = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        let head = format!("POST /api/v1/territories HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\n");
        write!(stream, "{head}Content-Length: {}\r\n\r\n{}", body.len(), &body[..10]).unwrap();
        std::thread::sleep(Duration::from_millis(1500));
        stream.write_all(&body.as_bytes()[10..]).unwrap();
        let mut answer = [0; 400];
        let length = stream.read(&mut answer).unwrap();
        String::from_utf8_lossy(&answer[..length]).into_owned()
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let mut child = service.child.take().unwrap();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let answer = running.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert!(child.wait().unwrap().success());
    assert!(TcpStream::connect(&service.address).is_err());
    assert!(!service.dir.join("pgdata/postmaster.pid").exists(), "its PostgreSQL has stopped with it");
    service.start();
    service.ready().await;
    let kept: Value =
        service.http.get(format!("http://{}/api/v1/territories?count=true", service.address)).send().await.unwrap().json().await.unwrap();
    assert_eq!(kept["meta"]["total"], 1);
}

/// Runs the service where it cannot start, and gives what it says.
fn refusal(dir: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_territoires-industrie"));
    let output = command.env_remove("DATABASE_URL").env("DATA_DIR", dir).env("RUST_LOG", "error").args(arguments).output().unwrap();
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[actix_web::test]
async fn what_cannot_start_says_why() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = refusal(Path::new("/tmp/territoires-industrie-nowhere"), &["serve", "--bind", &address]);
    assert!(said.contains(&address) && said.contains("BIND="), "{said}");
    assert!(!Path::new("/tmp/territoires-industrie-nowhere").exists(), "and it has touched nothing");
    let service = Service::new("double");
    service.ready().await;
    let said = refusal(&service.dir, &["serve", "--bind", "127.0.0.1:0"]);
    assert!(said.contains("another service is running on"), "{said}");
}

/// The database of a service is away when it starts, then comes: it says so meanwhile, and goes on by itself.
#[actix_web::test]
async fn a_service_waits_for_its_database() {
    let mut lender = Service::new("lender");
    lender.ready().await;
    let socket = lender.dir.join("socket").to_string_lossy().replace('/', "%2F");
    let url = format!("postgresql://tdi@/later?host={socket}");
    let mut conn = territoires_industrie::db::connect(&url.replace("/later", "/postgres")).await.unwrap();
    sql_query("CREATE DATABASE later TEMPLATE template0").execute(&mut conn).await.unwrap();
    lender.stop(Signal::TERM);
    let mut waiting = Service { dir: lender.dir.join("none"), address: free(), child: None, http: lender.http.clone() };
    let mut command = waiting.command();
    command.env("DATABASE_URL", &url).args(["serve", "--workers", "1", "--bind", &waiting.address]);
    waiting.child = Some(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let get = async |path: &str| waiting.http.get(format!("http://{}{path}", waiting.address)).send().await;
    while get("/health/live").await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for path in ["/health/ready", "/api/v1/partners"] {
        let away = get(path).await.unwrap();
        assert_eq!(away.status(), 503);
        assert!(away.headers()["retry-after"].to_str().unwrap().parse::<u32>().unwrap() >= 1);
    }
    lender.start();
    lender.ready().await;
    assert!(waiting.command().env("DATABASE_URL", &url).arg("migrate").stdout(Stdio::null()).status().unwrap().success());
    waiting.ready().await;
    assert_eq!(get("/api/v1/partners").await.unwrap().status(), 200);
}

fn free() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}
