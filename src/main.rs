//! The command line.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use territoires_industrie::{
    api::{
        geography::{cog, contour_file},
        keys,
        territories::official,
    },
    config::{Command, Config, Database, Grants, Keys, Load, LogFormat, Verify},
    db::{
        self, Db,
        embedded::{self, Embedded, Error as EmbeddedError, Options},
        migrate::{self, State, Task},
    },
    demo,
    ledger::{
        self, stamper,
        verify::{self, Verdict},
    },
    rights::{Grant, NewGrant, Perimeter, Subject},
    server,
    values::{Id, Name},
};

/// The connections that the private database allows beside those of the workers: for the stamper, and for commands.
const BESIDE: usize = 20;

fn main() -> anyhow::Result<()> {
    let config = Config::read(std::env::args_os()).unwrap_or_else(|error| error.exit());
    log_as(config.log_format, &config.log_filter);
    match config.command.clone().unwrap_or(Command::Serve) {
        Command::Serve => serve(&config),
        Command::Migrate => {
            let home = Home::open(&config)?;
            apply(&home.url)?;
            println!("The schema is current.");
            Ok(())
        }
        Command::Load { what } => {
            let home = Home::open(&config)?;
            check_schema(&home, false)?;
            run(load(what, &home.url))
        }
        Command::Keys { what } => {
            let home = Home::open(&config)?;
            check_schema(&home, false)?;
            run(manage(what, &home.url))
        }
        Command::Verify { what: Verify::Ledger { noted } } => {
            let home = Home::open(&config)?;
            check_schema(&home, false)?;
            run(verify_ledger(&home.url, noted))
        }
        Command::NewEpoch => {
            let home = Home::open(&config)?;
            check_schema(&home, false)?;
            println!("The epoch is {}.", run(async { Ok(ledger::new_epoch(&mut db::connect(&home.url).await?).await?) })?);
            Ok(())
        }
        Command::Grants { what } => {
            let home = Home::open(&config)?;
            check_schema(&home, false)?;
            run(manage_grants(what, &home.url))
        }
        Command::Openapi => {
            println!("{}", server::document().to_pretty_json()?);
            Ok(())
        }
        Command::Health => health(config.serve.bind),
    }
}

/// The database of this run: the one of `DATABASE_URL`, or a private one.
struct Home {
    url: String,
    embedded: Option<Embedded>,
}

impl Home {
    fn open(config: &Config) -> anyhow::Result<Self> {
        Self::own(config).or_else(|error| match (error.downcast_ref(), Embedded::beside(&data_dir(&config.database))) {
            // The service is running: a command goes to its database.
            (Some(EmbeddedError::InUse(_)), Some(url)) => Ok(Self { url, embedded: None }),
            _ => Err(error),
        })
    }

    fn own(Config { database, serve, .. }: &Config) -> anyhow::Result<Self> {
        if let Some(url) = &database.database_url {
            db::check_url(url)?;
            return Ok(Self { url: url.clone(), embedded: None });
        }
        let connections = serve.threads() * serve.pool_size + BESIDE;
        let options = Options { data_dir: data_dir(database), bin_dir: database.postgres_bin_dir.clone(), durable: true, connections };
        let embedded = Embedded::start(&options)?;
        Ok(Self { url: embedded.url().to_owned(), embedded: Some(embedded) })
    }
}

/// The folder of the private database.
fn data_dir(database: &Database) -> PathBuf {
    let usual = || embedded::default_data_dir(database.home.as_deref(), database.xdg_data_home.as_deref());
    database.data_dir.clone().unwrap_or_else(usual)
}

fn run<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    actix_web::rt::System::new().block_on(work)
}

fn apply(url: &str) -> anyhow::Result<()> {
    match migrate::run(url, Task::Up)? {
        State::Current => Ok(()),
        State::Behind(count) => bail!("{count} migrations could not be applied"),
        State::OtherFunctions => bail!("the functions could not be applied"),
        State::Unknown(version) => bail!("the database has the migration {version}, which this version does not know: nothing was changed"),
    }
}

/// Refuses a schema that is not the schema of this binary. A database that is away is not refused: it may come back, and until then
/// `/health/ready` answers 503.
fn check_schema(home: &Home, migrate: bool) -> anyhow::Result<()> {
    if home.embedded.is_some() || migrate {
        return apply(&home.url);
    }
    match migrate::run(&home.url, Task::Look) {
        Ok(State::Current) => Ok(()),
        Ok(State::Behind(count)) => bail!("{count} migrations are missing: run `territoires-industrie migrate`, or serve with --migrate"),
        Ok(State::OtherFunctions) => {
            bail!("the functions are those of another version: run `territoires-industrie migrate`, or serve with --migrate")
        }
        Ok(State::Unknown(version)) => bail!("the database has the migration {version}, which this version does not know"),
        Err(db::Error::Unavailable(error)) => {
            log::warn!("the database is away, and will be used when it is back: {error}");
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

fn serve(config: &Config) -> anyhow::Result<()> {
    let mut settings = config.serve.clone();
    let listener = TcpListener::bind(settings.bind).with_context(|| {
        format!(
            "cannot listen on {0}: is another program there? Choose another address with --bind or BIND, such as BIND=127.0.0.1:8081",
            settings.bind
        )
    })?;
    let home = Home::own(config)?;
    check_schema(&home, settings.migrate)?;
    if settings.cursor_secret.is_none() && home.embedded.is_some() {
        settings.cursor_secret = Some(own_secret(&data_dir(&config.database))?);
    } else if settings.cursor_secret.is_none() {
        log::warn!("CURSOR_SECRET is not set: cursors and access tokens are sealed with DATABASE_URL");
    }
    let address = listener.local_addr()?;
    actix_web::rt::System::new().block_on(async {
        let key = if home.embedded.is_some() && !settings.no_demo { Some(welcome(&home.url).await?) } else { None };
        let server = server::serve(listener, &home.url, &settings)?;
        let public = settings.public_url(address);
        println!("API            {public}/api/v1");
        println!("Documentation  {public}/docs/");
        if let Some(key) = key {
            println!("Demo key       {key}");
        }
        std::io::stdout().flush()?;
        server.await?;
        anyhow::Ok(())
    })?;
    log::info!("stopped");
    Ok(())
}

/// The secret that seals the cursors and tokens of a private database: 256 random bits in a file beside it, made once.
fn own_secret(data_dir: &Path) -> anyhow::Result<String> {
    let file = data_dir.join("secret");
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    if kept.len() == 64 {
        return Ok(kept);
    }
    let secret = hex::encode(rand::random::<[u8; 32]>());
    let new = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&file);
    new.and_then(|mut new| new.write_all(secret.as_bytes())).with_context(|| format!("cannot keep a secret in {}", file.display()))?;
    Ok(secret)
}

/// Asks the service that listens at this address whether it is ready.
fn health(mut address: SocketAddr) -> anyhow::Result<()> {
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    let wait = Duration::from_secs(3);
    let mut stream = TcpStream::connect_timeout(&address, wait)?;
    stream.set_read_timeout(Some(wait))?;
    write!(stream, "GET /health/ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.starts_with("HTTP/1.1 200") { Ok(()) } else { bail!("not ready: {}", answer.lines().next().unwrap_or_default()) }
}

/// Loads the demo when the private database is empty, and makes the demo key of this run.
async fn welcome(url: &str) -> anyhow::Result<String> {
    if is_empty(url).await? {
        let made = demo::load(&Db::new(url, 1)?).await?;
        log::info!("the demo data is loaded: {made} things");
    }
    let mut conn = db::connect(url).await?;
    keys::revoke_demo("command: serve", &mut conn).await?;
    let grants: Vec<NewGrant> = ["approver@nation", "admin@nation"].into_iter().filter_map(NewGrant::parse).collect();
    Ok(keys::create(keys::DEMO, &grants, Some(30), "command: serve", &mut conn).await?.to_string())
}

/// Is the database empty?
async fn is_empty(url: &str) -> anyhow::Result<bool> {
    Ok(ledger::is_empty(&mut db::connect(url).await?).await?)
}

/// Loads data, and prints the result.
async fn load(what: Load, url: &str) -> anyhow::Result<()> {
    let db = Db::new(url, 1)?;
    match what {
        Load::Demo => println!("{} things made; what was there already is as it was.", demo::load(&db).await?),
        Load::Cog { year, dir } => {
            let cog = cog::read(&dir)?;
            for cog::Loaded { table, made, changed, removed, all } in cog::load(&cog, year, &db).await? {
                println!("{table:<18}  {all:>6}: {made} new, {changed} changed, {removed} removed");
            }
            cog.told.iter().for_each(|told| println!("{told}"));
        }
        Load::Territories { phase, map, files } => {
            let map = map.map(|file| official::Map::read(&file)).transpose()?.unwrap_or_default();
            let loaded = official::load(&official::read(&files)?, phase, &map, &db).await?;
            println!("territories  {:>6}: {} new, {} labels new", loaded.territories, loaded.territories_made, loaded.labels_made);
            for (how, count) in &loaded.recognised {
                println!("             {count:>6}: {}", how.words());
            }
            println!("members      {:>6}: {} new, {} removed", loaded.members, loaded.members_made, loaded.members_removed);
            println!("successions: {} new; contours: {} new or changed", loaded.successions_made, loaded.contours_drawn);
            loaded.told.iter().for_each(|told| println!("{told}"));
        }
        Load::Contours { phase, of, file } => {
            let loaded = contour_file::load(&contour_file::read(&file, of)?, phase, &db).await?;
            println!("{} contours are new or changed.", loaded.drawn);
            loaded.told.iter().for_each(|told| println!("{told}"));
        }
    }
    Ok(())
}

/// Numbers the lines without a number, then verifies the chain.
async fn verify_ledger(url: &str, noted: Option<(i64, String)>) -> anyhow::Result<()> {
    let mut conn = db::connect(url).await?;
    stamper::catch_up(&mut conn).await?;
    let name = |number: Option<i64>| number.map_or("none".to_owned(), |number| number.to_string());
    match verify::verify(noted, &mut conn).await? {
        Verdict::Sound { lines, hash } => {
            println!("{lines} lines verified.");
            println!("Keep {lines}:{hash}: with --noted, it tells later that none of them is gone.");
            Ok(())
        }
        Verdict::Broken { seq, line, how } => bail!("number {}, line {}: {how}", name(seq), name(line)),
    }
}

async fn manage(what: Keys, url: &str) -> anyhow::Result<()> {
    let mut conn = db::connect(url).await?;
    match what {
        Keys::Create { name, grants, days } => {
            let name = Name::parse(&name).map_err(|fault| anyhow::anyhow!("{name:?} is no name: {fault}"))?;
            if keys::is_of_the_house(name.as_str()) {
                bail!("the service signs with the name {:?} itself", name.as_str());
            }
            println!("{}", keys::create(name.as_str(), &read_grants(&grants)?, Some(days), "command: keys create", &mut conn).await?);
            eprintln!("Keep it: it is not shown again.");
        }
        Keys::List => {
            let date = |at: Option<chrono::DateTime<chrono::Utc>>| at.map_or("-".to_owned(), |at| at.format("%Y-%m-%d %H:%M").to_string());
            println!("{:<16}  {:<16}  {:<16}  {:<16}  {:<16}  name: grants", "id", "created", "expires", "revoked", "last used");
            for (key, grants) in keys::list(&mut conn).await? {
                let (created, expires) = (date(Some(key.created_at)), date(key.expires_at));
                let (revoked, used) = (date(key.revoked_at), date(key.last_used_at));
                println!("{:<16}  {created:<16}  {expires:<16}  {revoked:<16}  {used:<16}  {}: {}", key.public_id, key.name.as_str(), shown(&grants));
            }
        }
        Keys::Revoke { public_id } => {
            if !keys::revoke(&public_id, "command: keys revoke", &mut conn).await? {
                bail!("no live key has the identifier {public_id}");
            }
            println!("Revoked.");
        }
    }
    Ok(())
}

async fn manage_grants(what: Grants, url: &str) -> anyhow::Result<()> {
    let mut conn = db::connect(url).await?;
    match what {
        Grants::Give { issuer, claim, value, grants } => {
            let claims = [(claim, value)];
            let subject = Subject::Claims { issuer: &issuer, claims: &claims };
            for grant in read_grants(&grants)? {
                println!("{}", grant.give(&subject, "command: grants give", &mut conn).await?.id);
            }
        }
        Grants::List => {
            println!("{:<36}  {:<48}  of", "id", "grant");
            for grant in keys::grants::living(&mut conn).await? {
                let identity = [&grant.issuer, &grant.claim, &grant.value].map(|part| part.as_deref().unwrap_or_default()).join(" ");
                let of = grant.key_id.map_or(identity, |id| format!("key {id}"));
                println!("{}  {:<48}  {of}", grant.id, shown(std::slice::from_ref(&grant)));
            }
        }
        Grants::End { id } => {
            let known = Id::parse(&id).ok();
            let ended = match known {
                Some(id) => keys::grants::end(id, "command: grants end", &mut conn).await?,
                None => false,
            };
            if !ended {
                bail!("no living grant has the identifier {id}");
            }
            println!("Ended.");
        }
    }
    Ok(())
}

/// Reads grants such as `editor@territory:<id>`.
fn read_grants(texts: &[String]) -> anyhow::Result<Vec<NewGrant>> {
    let read = |text: &String| NewGrant::parse(text).with_context(|| format!("{text} is no grant: role@nation, role@territory:<id>, …"));
    texts.iter().map(read).collect()
}

/// Grants, in the form that `read_grants` reads.
fn shown(grants: &[Grant]) -> String {
    let over = |grant: &Grant| match grant.over() {
        Some(Perimeter::Region(code)) => format!("region:{}", code.as_str()),
        Some(Perimeter::Department(code)) => format!("department:{}", code.as_str()),
        Some(Perimeter::Territory(id)) => format!("territory:{id}"),
        Some(Perimeter::Fiche(id)) => format!("fiche:{id}"),
        _ => "nation".to_owned(),
    };
    grants.iter().map(|grant| format!("{}@{}", grant.role.code(), over(grant))).collect::<Vec<_>>().join(" ")
}

fn log_as(format: LogFormat, filter: &str) {
    let mut builder = env_logger::Builder::new();
    // A request that cannot be read is the client's fault, and has its line in the log as any other refusal.
    builder.filter_module("actix_http::h1::dispatcher", log::LevelFilter::Off);
    builder.parse_filters(filter);
    if format == LogFormat::Json {
        builder.format(|out, record| {
            let line = serde_json::json!({
                "at": chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
                "level": record.level().as_str(),
                "target": record.target(),
                "message": record.args().to_string(),
            });
            writeln!(out, "{line}")
        });
    }
    builder.init();
}
