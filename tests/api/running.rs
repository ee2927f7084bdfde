//! How the service is run: its settings, the database that it is given, and TLS on the way there.

use std::{
    fs,
    net::TcpListener,
    os::unix::{
        fs::{MetadataExt, OpenOptionsExt, chown},
        process::CommandExt,
    },
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use clap::CommandFactory;
use diesel::{QueryableByName, sql_query, sql_types};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use territoires_industrie::{
    config::Config,
    db::{
        self, Conn, Db, Error, Patience,
        embedded::{Embedded, Options},
    },
};

#[derive(QueryableByName)]
struct Said {
    #[diesel(sql_type = sql_types::Text)]
    said: String,
}

/// What a question answers, as a text.
async fn ask(question: &str, conn: &mut Conn) -> Result<String, Error> {
    Ok(sql_query(format!("SELECT ({question})::text AS said")).get_result::<Said>(conn).await?.said)
}

/// The program, with this database.
fn program(url: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_territoires-industrie"));
    command.env("DATABASE_URL", url).env("RUST_LOG", "warn").env("CURSOR_SECRET", "of the tests");
    command
}

fn said(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said)).concat()
}

fn run(url: &str, arguments: &[&str]) -> String {
    let output = program(url).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    said(&output)
}

/// What the program says when it does not start.
fn refusal(url: &str, arguments: &[&str]) -> String {
    let output = program(url).args(arguments).output().unwrap();
    assert!(!output.status.success(), "{arguments:?} with {url}: {}", said(&output));
    said(&output)
}

/// A PostgreSQL as others run it: over the network, with passwords and certificates. The superuser comes in by a socket.
struct Postgres {
    dir: PathBuf,
    program: String,
    port: u16,
    child: Option<Child>,
}

impl Postgres {
    /// A cluster in which these statements were run.
    async fn new(name: &str, statements: &[&str]) -> Self {
        let dir = PathBuf::from(format!("/tmp/territoires-industrie-running-{name}-{}", std::process::id()));
        let embedded = Embedded::start(&Options { data_dir: dir.clone(), bin_dir: None, durable: false, connections: 0 }).unwrap();
        let mut conn = db::connect(embedded.url()).await.unwrap();
        for statement in statements {
            sql_query(*statement).execute(&mut conn).await.unwrap();
        }
        let program = fs::read_to_string(dir.join("pgdata/postmaster.opts")).unwrap().split(' ').next().unwrap().to_owned();
        embedded.stop();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Self { dir, program, port, child: None }
    }

    /// A file of the cluster, which PostgreSQL's account alone may read.
    fn write(&self, name: &str, text: &str) {
        let path = self.dir.join("pgdata").join(name);
        let owner = fs::metadata(self.dir.join("pgdata")).unwrap();
        let file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path).unwrap();
        std::io::Write::write_all(&mut &file, text.as_bytes()).unwrap();
        chown(path, Some(owner.uid()), Some(owner.gid())).unwrap();
    }

    /// A file beside it. Returns its path, as a part of a URL.
    fn keep(&self, name: &str, text: &str) -> String {
        let path = self.dir.join(name);
        fs::write(&path, text).unwrap();
        path.to_string_lossy().replace('/', "%2F")
    }

    /// Starts it: who comes in from where, and further settings.
    async fn start(&mut self, doors: &str, settings: &[&str]) {
        self.write("doors.conf", &format!("local all tdi trust\n{doors}"));
        let pgdata = self.dir.join("pgdata");
        let owner = fs::metadata(&pgdata).unwrap();
        let mut command = Command::new(&self.program);
        command.arg("-D").arg(&pgdata).current_dir("/").env("LOCPATH", self.dir.join("locale"));
        let (port, hba) = (format!("port={}", self.port), format!("hba_file={}/doors.conf", pgdata.display()));
        let socket = format!("unix_socket_directories={}", pgdata.display());
        for setting in ["listen_addresses=127.0.0.1", "fsync=off", &port, &hba, &socket].iter().chain(settings) {
            command.args(["-c", setting]);
        }
        if rustix::process::geteuid().is_root() {
            command.uid(owner.uid()).gid(owner.gid());
        }
        let log = fs::File::create(self.dir.join("own.log")).unwrap();
        self.child = Some(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap());
        let start = Instant::now();
        while db::connect(&self.superuser("territoires_industrie")).await.is_err() {
            assert!(start.elapsed() < Duration::from_secs(60), "{}", fs::read_to_string(self.dir.join("own.log")).unwrap());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = kill_process(Pid::from_child(&child), Signal::INT);
            drop(child.wait());
        }
    }

    fn superuser(&self, database: &str) -> String {
        format!("postgresql://tdi@/{database}?host={}&port={}", self.dir.join("pgdata").to_string_lossy().replace('/', "%2F"), self.port)
    }

    fn url(&self, user: &str, host: &str, more: &str) -> String {
        format!("postgresql://{user}@{host}:{}/owned?{more}", self.port)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
        drop(fs::remove_dir_all(&self.dir));
    }
}

type Authority = CertifiedIssuer<'static, KeyPair>;

/// An authority that makes certificates.
fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, format!("{:?}", Instant::now()));
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate of this authority, and its key.
fn certificate(of: &Authority, name: &str, hosts: &[&str]) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(hosts.iter().map(|host| (*host).to_owned()).collect::<Vec<_>>()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    (params.signed_by(&key, of).unwrap().pem(), key.serialize_pem())
}

const OWNER: &str = "CREATE ROLE owner LOGIN PASSWORD 'right' NOSUPERUSER NOCREATEROLE NOCREATEDB";
const OWNED: &str = "CREATE DATABASE owned OWNER owner";
const TLS: [&str; 4] = ["ssl=on", "ssl_cert_file=server.pem", "ssl_key_file=server.key", "ssl_ca_file=ca.pem"];

#[actix_web::test]
async fn tls_is_as_libpq_has_it() {
    let others = ["CREATE ROLE certed LOGIN", "CREATE ROLE plain LOGIN"];
    let mut postgres = Postgres::new("tls", &[OWNER, others[0], others[1], OWNED]).await;
    let (ours, other) = (authority(), authority());
    let (server, server_key) = certificate(&ours, "PostgreSQL", &["localhost"]);
    let (client, client_key) = certificate(&ours, "certed", &[]);
    let (stranger, stranger_key) = certificate(&other, "certed", &[]);
    for (name, text) in [("server.pem", &server), ("server.key", &server_key), ("ca.pem", &ours.pem())] {
        postgres.write(name, text);
    }
    let [ca, other, server, client, client_key, stranger, stranger_key] = [
        ("ca.pem", &ours.pem()),
        ("other.pem", &other.pem()),
        ("server.pem", &server),
        ("client.pem", &client),
        ("client.key", &client_key),
        ("stranger.pem", &stranger),
        ("stranger.key", &stranger_key),
    ]
    .map(|(name, text)| postgres.keep(name, text));
    let doors = "hostssl owned owner all scram-sha-256\nhostssl owned certed all cert\nhostnossl owned plain all trust";
    postgres.start(doors, &TLS).await;

    // How it is reached: "", or what the refusal says.
    let tries = [
        ("owner:right", "localhost", "sslmode=disable".to_owned(), "28000"),
        ("owner:right", "localhost", "connect_timeout=2".to_owned(), ""),
        ("owner:right", "127.0.0.1", "sslmode=prefer".to_owned(), ""),
        ("owner:right", "127.0.0.1", "sslmode=require".to_owned(), ""),
        ("owner:right", "127.0.0.1", format!("sslmode=verify-ca&sslrootcert={ca}"), ""),
        ("owner:right", "localhost", format!("sslmode=verify-full&sslrootcert={ca}"), ""),
        ("owner:right", "localhost", format!("sslmode=verify-full&sslrootcert={server}"), ""),
        ("owner:right", "127.0.0.1", format!("sslmode=verify-full&sslrootcert={ca}"), "certificate"),
        ("owner:right", "localhost", format!("sslmode=verify-ca&sslrootcert={other}"), "certificate"),
        ("owner:right", "localhost", format!("sslmode=require&sslrootcert={other}"), "certificate"),
        ("owner:right", "localhost", format!("sslmode=prefer&sslrootcert={other}"), "without TLS"),
        ("owner:right", "localhost", "sslrootcert=system".to_owned(), "certificate"),
        ("owner:right", "localhost", "sslmode=verify-full&sslrootcert=%2Fnowhere.pem".to_owned(), "/nowhere.pem"),
        // Channel binding: the password is proved to this server, and to none in between.
        ("owner:right", "127.0.0.1", "sslmode=require&channel_binding=require".to_owned(), ""),
        ("owner:wrong", "127.0.0.1", "sslmode=require&channel_binding=require".to_owned(), "28P01"),
        ("plain", "127.0.0.1", "channel_binding=require".to_owned(), "channel binding"),
        ("certed", "127.0.0.1", format!("sslmode=require&sslcert={client}&sslkey={client_key}"), ""),
        ("certed", "127.0.0.1", format!("sslmode=require&sslcert={stranger}&sslkey={stranger_key}"), "fatal alert"),
        ("certed", "127.0.0.1", format!("sslmode=require&sslcert={client}&sslkey={stranger_key}"), "client.pem"),
        ("certed", "127.0.0.1", "sslmode=require".to_owned(), "28000"),
        // What is only preferred is left out where it is not taken.
        ("plain", "127.0.0.1", "sslmode=prefer".to_owned(), ""),
        ("plain", "127.0.0.1", "sslmode=require".to_owned(), "28000"),
    ];
    for (user, host, more, wrong) in tries {
        let url = postgres.url(user, host, &more);
        match db::connect(&url).await {
            Ok(mut conn) if wrong.is_empty() => {
                let secured = ask("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &mut conn).await.unwrap();
                assert_eq!(secured, (user != "plain").to_string(), "{url}");
            }
            Err(Error::Refused(said)) if !wrong.is_empty() => assert!(said.contains(wrong), "{url}: {said}"),
            outcome => panic!("{url}: {:?}", outcome.map(drop)),
        }
    }

    // What cannot come back ends the start, in PostgreSQL's own words; a command too.
    let serve = ["serve", "--bind", "127.0.0.1:0"];
    let secure = |user: &str| postgres.url(user, "localhost", &format!("sslmode=verify-full&sslrootcert={ca}"));
    for (url, word) in [
        (secure("owner:wrong"), "28P01 password authentication failed for user \"owner\""),
        (secure("nobody:right"), "28000 no pg_hba.conf entry"),
        (secure("owner:right").replace("/owned", "/nothing"), "28000 no pg_hba.conf entry"),
        (postgres.url("owner:right", "localhost", &format!("sslmode=verify-full&sslrootcert={other}")), "certificate"),
        (postgres.superuser("nothing"), "3D000 database \"nothing\" does not exist"),
        (postgres.superuser("territoires_industrie").replace("tdi@", "nobody@"), "28000"),
        ("nowhere".to_owned(), "DATABASE_URL"),
    ] {
        for arguments in [&serve[..], &["serve", "--bind", "127.0.0.1:0", "--migrate"], &["migrate"], &["keys", "list"]] {
            let said = refusal(&url, arguments);
            assert!(said.contains(word), "{arguments:?}: {said}");
        }
    }

    // A server without TLS.
    postgres.stop();
    postgres.start("host owned owner all scram-sha-256", &["ssl=off"]).await;
    assert!(db::connect(&postgres.url("owner:right", "127.0.0.1", "sslmode=prefer")).await.is_ok());
    let asked = db::connect(&postgres.url("owner:right", "127.0.0.1", "sslmode=require")).await.map(drop);
    assert!(matches!(&asked, Err(Error::Refused(said)) if said.contains("no TLS")), "{asked:?}");
    let away = postgres.url("owner:right", "127.0.0.1", "");
    postgres.stop();
    assert!(matches!(db::connect(&away).await, Err(Error::Unavailable(_))), "what is not there may come back");
}

/// A connection that is dropped in the middle of a statement closes its socket: PostgreSQL, which looks, ends the statement.
async fn closes_when_dropped(url: &str, watcher: &mut Conn) {
    let mut conn = db::connect(url).await.unwrap();
    conn.batch_execute("SET statement_timeout = 0; SET client_connection_check_interval = 20").await.unwrap();
    let pid = ask("pg_backend_pid()", &mut conn).await.unwrap();
    let sleep = conn.batch_execute("SELECT pg_sleep(600)");
    assert!(tokio::time::timeout(Duration::from_millis(200), sleep).await.is_err());
    drop(conn);
    let start = Instant::now();
    while ask(&format!("SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}"), watcher).await.unwrap() != "0" {
        assert!(start.elapsed() < Duration::from_secs(60), "it sleeps on");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A service that runs until it is dropped.
struct Serving {
    child: Child,
    address: String,
    http: reqwest::Client,
}

impl Serving {
    async fn start(command: &mut Command) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let child = command.args(["serve", "--bind", &address]).stdout(Stdio::null()).spawn().unwrap();
        drop(rustls::crypto::ring::default_provider().install_default());
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(Duration::from_secs(20)).build().unwrap();
        let mut serving = Self { child, address, http };
        let start = Instant::now();
        while !serving.http.get(format!("http://{}/health/ready", serving.address)).send().await.is_ok_and(|answer| answer.status() == 200) {
            assert!(serving.child.try_wait().unwrap().is_none() && start.elapsed() < Duration::from_secs(60), "it does not serve");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        serving
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    fn at(&self, path: &str) -> String {
        format!("http://{}/api/v1{path}", self.address)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        drop(self.child.wait());
    }
}

/// The owner of a database, who is nobody else in the cluster, runs everything over TLS; and PostgreSQL speaks French.
#[actix_web::test]
async fn an_ordinary_role_is_enough_in_any_language() {
    let mut postgres = Postgres::new("ordinary", &[OWNER, OWNED, "CREATE DATABASE thrice OWNER owner"]).await;
    let ours = authority();
    let (server, server_key) = certificate(&ours, "PostgreSQL", &["localhost"]);
    for (name, text) in [("server.pem", &server), ("server.key", &server_key), ("ca.pem", &ours.pem())] {
        postgres.write(name, text);
    }
    // The machine may have neither the locale nor the sources of it; then PostgreSQL speaks English.
    fs::create_dir(postgres.dir.join("locale")).unwrap();
    let locale = Command::new("localedef").args(["-i", "fr_FR", "-f", "UTF-8"]).arg(postgres.dir.join("locale/fr_FR.UTF-8")).output();
    let french = locale.is_ok_and(|made| made.status.success());
    let language = if french { "lc_messages=fr_FR.UTF-8" } else { "lc_messages=C" };
    postgres.start("hostssl all owner all scram-sha-256", &[&TLS[..], &[language]].concat()).await;
    let ca = postgres.keep("ca.pem", &ours.pem());
    let url = postgres.url("owner:right", "localhost", &format!("sslmode=verify-full&sslrootcert={ca}"));

    // Of three that migrate at once one does, and the others wait.
    let thrice = url.replace("/owned", "/thrice");
    let three: Vec<Child> = (0..3).map(|_| program(&thrice).arg("migrate").stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()).collect();
    for one in three {
        let output = one.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
    }

    // Without the role of the service, its triggers guard the ledger.
    assert!(run(&url, &["migrate"]).contains("territoires_service"), "it says what is missing");
    run(&url, &["load", "demo"]);
    let user = async |conn: &mut Conn| ask("current_user", conn).await;
    assert_eq!(Db::new(&url, 1).unwrap().run(user).await.unwrap(), "owner");
    let mut superuser = db::connect(&postgres.superuser("owned")).await.unwrap();
    superuser.batch_execute("CREATE ROLE territoires_service NOLOGIN").await.unwrap();
    superuser.batch_execute("GRANT territoires_service TO owner").await.unwrap();
    assert_eq!(Db::new(&url, 1).unwrap().run(user).await.unwrap(), "owner", "a role without its rights is not taken");
    assert!(!run(&url, &["migrate"]).contains("territoires_service"));
    let db = Db::new(&url, 1).unwrap();
    assert_eq!(db.run(user).await.unwrap(), "territoires_service");
    let forged = async |conn: &mut Conn| Ok::<_, Error>(conn.batch_execute("UPDATE ledger SET author = 'x'").await?);
    assert!(matches!(db.run(forged).await, Err(Error::Bug(said)) if said.starts_with("42501 ")));

    // Every command works, and every connection has TLS.
    let key =
        run(&url, &["keys", "create", "writers", "--grant", "approver@nation"]).lines().find(|line| line.starts_with("tdi_")).unwrap().to_owned();
    let serving = Serving::start(program(&url).args(["--workers", "1"]).env("RATE_WRITES", "0")).await;
    let make = |path: &str, body: Value| serving.http.post(serving.at(path)).bearer_auth(&key).json(&body);
    let (status, partner) = serving.send(make("/partners", json!({ "name": "Un", "kind": "company", "siren": "732829320" }))).await;
    assert_eq!(status, 201, "{partner:#}");
    let (status, twice) = serving.send(make("/partners", json!({ "name": "Deux", "kind": "company", "siren": "732829320" }))).await;
    assert_eq!((status, &twice["existing"]), (409, &partner["id"]), "{twice:#}");
    let (_, child) = serving.send(make("/partners", json!({ "name": "Trois", "kind": "company", "parent_id": partner["id"] }))).await;
    assert_eq!(child["parent_id"], partner["id"]);
    let whole = serving.http.delete(serving.at(&format!("/partners/{}", partner["id"].as_str().unwrap()))).bearer_auth(&key);
    let (status, kept) = serving.send(whole.header("If-Match", "\"v1\"")).await;
    assert_eq!((status, &kept["code"]), (409, &json!("still_referenced")), "{kept:#}");
    let unknown = json!({ "name": "Quatre", "kind": "company", "parent_id": "01890000-0000-7000-8000-000000000000" });
    let (status, refused) = serving.send(make("/partners", unknown)).await;
    assert_eq!((status, &refused["errors"][0]["pointer"]), (422, &json!("/parent_id")), "{refused:#}");
    let start = Instant::now();
    while serving.send(serving.http.get(serving.at("/changes?noun=partners&limit=1000"))).await.1["data"].as_array().is_none_or(Vec::is_empty) {
        assert!(start.elapsed() < Duration::from_secs(20), "the ledger is not numbered");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let open = "SELECT count(*) FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) WHERE usename = 'owner' AND ";
    assert_ne!(ask(&format!("{open} ssl"), &mut superuser).await.unwrap(), "0");
    assert_eq!(ask(&format!("{open} NOT ssl"), &mut superuser).await.unwrap(), "0");
    drop(serving);
    for arguments in [&["verify", "ledger"][..], &["grants", "list"], &["keys", "list"], &["new-epoch"], &["load", "demo"]] {
        run(&url, arguments);
    }

    // Each error is known by its SQLSTATE.
    let hasty = db.patient(Patience { statement: Duration::from_millis(100), silence: Duration::from_secs(5) });
    let sleep = async |conn: &mut Conn| Ok::<_, Error>(conn.batch_execute("SELECT pg_sleep(2)").await?);
    let Err(Error::TimedOut(said)) = hasty.snapshot(sleep).await else { panic!("it is patient") };
    assert!(said.starts_with("57014 ") && said.contains("canceling statement") != french, "{said}");
    let (mut one, mut other) = (db::connect(&url).await.unwrap(), db::connect(&url).await.unwrap());
    one.batch_execute("BEGIN; SELECT pg_advisory_xact_lock(1)").await.unwrap();
    other.batch_execute("BEGIN; SELECT pg_advisory_xact_lock(2)").await.unwrap();
    let (one, other) = tokio::join!(one.batch_execute("SELECT pg_advisory_xact_lock(2)"), other.batch_execute("SELECT pg_advisory_xact_lock(1)"));
    let stuck = one.and(other).map_err(Error::from);
    assert!(matches!(&stuck, Err(Error::Again(said)) if said.starts_with("40P01 ")), "{stuck:?}");
    closes_when_dropped(&url, &mut superuser).await;
    let died = db::connect(&url).await.unwrap().batch_execute("SELECT pg_terminate_backend(pg_backend_pid())").await.map_err(Error::from);
    assert!(matches!(&died, Err(Error::Unavailable(said)) if said.starts_with("57P01 ")), "{died:?}");
}

#[test]
fn settings_are_checked_at_the_start() {
    let openapi = |variable: &str, value: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_territoires-industrie"));
        command.env_remove("DATABASE_URL").env(variable, value).arg("openapi").output().unwrap()
    };
    // An empty variable is one that is not set; an empty secret is refused.
    let variables: Vec<String> = Config::command().get_arguments().filter_map(|argument| argument.get_env()?.to_str().map(str::to_owned)).collect();
    assert!(variables.len() > 20, "{variables:?}");
    for variable in &variables {
        let output = openapi(variable, "");
        assert_eq!(output.status.success(), variable != "CURSOR_SECRET", "{variable}: {}", String::from_utf8_lossy(&output.stderr));
    }
    for (variable, value) in [
        ("WORKERS", "0"),
        ("WORKERS", "100000"),
        ("POOL_SIZE", "0"),
        ("POOL_SIZE", "100000"),
        ("MAX_CONNECTIONS", "0"),
        ("MAX_STREAMS", "99999999999"),
        ("SHUTDOWN_TIMEOUT", "99999999999"),
        ("TOKEN_LIFETIME", "0"),
        ("RATE_FAILURES", "99999999999"),
        ("CURSOR_SECRET", "  "),
        ("BIND", "8080"),
        ("BIND", "localhost"),
        ("CORS_ORIGINS", "https://a.example/path"),
        ("CORS_ORIGINS", "https://a.example,b.example"),
        ("CORS_ORIGINS", "*"),
        ("TRUSTED_PROXIES", "10.0.0.0/64"),
        ("OIDC_ISSUERS", "https://a.example"),
        ("LOG_FORMAT", "xml"),
    ] {
        let output = openapi(variable, value);
        let said = String::from_utf8_lossy(&output.stderr);
        let flag = variable.to_lowercase().replace('_', "-").replace("issuers", "issuer");
        assert!(!output.status.success() && said.contains(&flag), "{variable}={value}: {said}");
    }
    assert!(openapi("CORS_ORIGINS", "https://a.example,http://localhost:5173").status.success());
}

/// The private PostgreSQL lets the workers open all that they may.
#[actix_web::test]
async fn the_private_postgresql_has_room_for_the_workers() {
    let dir = PathBuf::from(format!("/tmp/territoires-industrie-running-room-{}", std::process::id()));
    let mut command = Command::new(env!("CARGO_BIN_EXE_territoires-industrie"));
    command.env_remove("DATABASE_URL").env("DATA_DIR", &dir).env("RUST_LOG", "error").env("CURSOR_SECRET", "of the tests");
    let serving = Serving::start(command.args(["--no-demo", "--workers", "2", "--pool-size", "100"])).await;
    let url = format!("postgresql://tdi@/territoires_industrie?host={}", dir.join("socket").to_string_lossy().replace('/', "%2F"));
    let mut conn = db::connect(&url).await.unwrap();
    let room: usize = ask("current_setting('max_connections')", &mut conn).await.unwrap().parse().unwrap();
    assert!(room > 200, "{room}");
    closes_when_dropped(&url, &mut conn).await;
    drop(serving);
    drop(fs::remove_dir_all(dir));
}
