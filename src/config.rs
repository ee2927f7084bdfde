//! Every setting, once: a flag, or the environment variable of its name, or a default. The only reader of the environment.

use std::{
    ffi::OsString,
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    path::PathBuf,
    str::FromStr,
    thread,
};

use clap::{
    Args, CommandFactory, Error, FromArgMatches, Parser, Subcommand, ValueEnum,
    builder::{RangedU64ValueParser, Resettable},
};
use ipnet::IpNet;

/// The information system of the French programme Territoires d'industrie.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 110)]
pub struct Config {
    /// What to do; by default `serve`.
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub database: Database,
    #[command(flatten)]
    pub serve: Serve,
    /// How the log is written.
    #[arg(long, env = "LOG_FORMAT", default_value = "readable", global = true)]
    pub log_format: LogFormat,
    /// What is logged: a level (error, warn, info, debug), or levels of parts, such as info,tokio_postgres=debug.
    #[arg(long, env = "RUST_LOG", default_value = "info", global = true)]
    pub log_filter: String,
}

impl Config {
    /// Reads the arguments and the environment. An empty environment variable is one that is not set, so that a compose file may pass on what
    /// it does not have; but an empty secret is refused, because someone meant to set it.
    #[expect(clippy::disallowed_methods, reason = "this file is the reader of the environment")]
    pub fn read(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Result<Self, Error> {
        let mut command = Self::command().mut_args(|argument| {
            let empty = argument.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
            if empty && !SECRETS.contains(&argument.get_id().as_str()) { argument.env(Resettable::Reset) } else { argument }
        });
        Self::from_arg_matches(&command.try_get_matches_from_mut(arguments)?).map_err(|error| error.format(&mut command))
    }
}

/// The settings that are secrets.
const SECRETS: [&str; 1] = ["cursor_secret"];

/// The database.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Database")]
pub struct Database {
    /// The PostgreSQL to use (14 to 18), such as postgresql://user:password@host/database. Without this setting the service runs a private
    /// PostgreSQL of its own.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, global = true)]
    pub database_url: Option<String>,
    /// The folder of the private PostgreSQL. By default /var/lib/territoires-industrie for root, else a folder of the user.
    #[arg(long, env = "DATA_DIR", global = true)]
    pub data_dir: Option<PathBuf>,
    /// The folder of PostgreSQL's `initdb` and `postgres`. By default they are looked for.
    #[arg(long, env = "POSTGRES_BIN_DIR", global = true)]
    pub postgres_bin_dir: Option<PathBuf>,
    #[arg(long, env = "HOME", hide = true, global = true)]
    pub home: Option<PathBuf>,
    #[arg(long, env = "XDG_DATA_HOME", hide = true, global = true)]
    pub xdg_data_home: Option<PathBuf>,
}

/// How to serve.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Serving")]
pub struct Serve {
    /// The address to listen on.
    #[arg(long, env = "BIND", default_value = "127.0.0.1:8080", global = true)]
    pub bind: SocketAddr,
    /// The address of the service from outside, for the links in answers: http or https, with a path if a proxy serves the service below
    /// one and takes it away. By default http:// and BIND.
    #[arg(long, env = "PUBLIC_URL", value_parser = PublicUrl::parse, global = true)]
    pub public_url: Option<PublicUrl>,
    /// The number of workers, each on a thread of its own. By default one for each core.
    #[arg(long, env = "WORKERS", value_parser = within(1..=256), global = true)]
    pub workers: Option<usize>,
    /// The most connections to PostgreSQL of each worker.
    #[arg(long, env = "POOL_SIZE", default_value_t = 4, value_parser = within(1..=256), global = true)]
    pub pool_size: usize,
    /// The most clients that each worker serves at once; more clients wait.
    #[arg(long, env = "MAX_CONNECTIONS", default_value_t = 5000, value_parser = within(1..=1_000_000), global = true)]
    pub max_connections: usize,
    /// The most connections at once from one address, unless it is one of TRUSTED_PROXIES; more are refused with 429.
    #[arg(long, env = "ADDRESS_CONNECTIONS", default_value_t = 256, value_parser = within(1..=1_000_000), global = true)]
    pub address_connections: usize,
    /// The most open streams of changes; more are refused with 503.
    #[arg(long, env = "MAX_STREAMS", default_value_t = 200, value_parser = within(0..=1_000_000), global = true)]
    pub max_streams: usize,
    /// How long a stop waits for running requests, in seconds.
    #[arg(long, env = "SHUTDOWN_TIMEOUT", default_value_t = 30, value_parser = clap::value_parser!(u64).range(0..=86_400), global = true)]
    pub shutdown_timeout: u64,
    /// The origins whose pages may write, separated by commas. Reading is open to all.
    #[arg(long, env = "CORS_ORIGINS", value_delimiter = ',', value_parser = origin, global = true)]
    pub cors_origins: Vec<String>,
    /// Seals cursors and access tokens; the same for all instances. By default made of DATABASE_URL; at random for the private
    /// PostgreSQL.
    #[arg(long, env = "CURSOR_SECRET", hide_env_values = true, value_parser = secret, global = true)]
    pub cursor_secret: Option<String>,
    /// The identity providers whose tokens are accepted: ISSUER=AUDIENCE, separated by commas. ISSUER is the `iss` of the tokens, and the
    /// address of the OpenID Connect discovery (https, or http on this machine). `grants give` gives rights to their identities.
    #[arg(long = "oidc-issuer", env = "OIDC_ISSUERS", value_delimiter = ',', global = true)]
    pub oidc_issuers: Vec<OidcIssuer>,
    /// The algorithms of these tokens, separated by commas; never one with a shared secret.
    #[arg(long, env = "OIDC_ALGORITHMS", value_delimiter = ',', default_value = "RS256,ES256", global = true)]
    pub oidc_algorithms: Vec<String>,
    /// The lifetime of an access token that is given for a key, in seconds.
    #[arg(long, env = "TOKEN_LIFETIME", default_value_t = 3600, value_parser = clap::value_parser!(u32).range(1..=86_400), global = true)]
    pub token_lifetime: u32,
    /// The most reading requests a minute of one key, identity or address; 0 for no limit.
    #[arg(long, env = "RATE_READS", default_value_t = 6000, global = true)]
    pub rate_reads: u32,
    /// The most writing requests a minute of one key, identity or address; 0 for no limit.
    #[arg(long, env = "RATE_WRITES", default_value_t = 1200, global = true)]
    pub rate_writes: u32,
    /// The most pages of the feed (exports) a minute of one key, identity or address; 0 for no limit.
    #[arg(long, env = "RATE_EXPORTS", default_value_t = 600, global = true)]
    pub rate_exports: u32,
    /// The most wrong credentials a minute from one address; 0 for no limit.
    #[arg(long, env = "RATE_FAILURES", default_value_t = 20, value_parser = within(0..=1_000_000), global = true)]
    pub rate_failures: usize,
    /// The most bytes that one key or identity, with the keys that it made, may write into the ledger in 24 hours; 0 for no limit.
    #[arg(long, env = "DAILY_BYTES", default_value_t = 1 << 30, global = true)]
    pub daily_bytes: u64,
    /// The proxies in front of the service, as addresses or networks such as 10.0.0.0/8, separated by commas. The service believes their
    /// X-Forwarded-For, and ignores it from anyone else.
    #[arg(long, env = "TRUSTED_PROXIES", value_delimiter = ',', value_parser = network, global = true)]
    pub trusted_proxies: Vec<IpNet>,
    /// Apply missing migrations to DATABASE_URL at start (the private PostgreSQL always gets them).
    #[arg(long, env = "MIGRATE", global = true)]
    pub migrate: bool,
    /// Do not load the demo data into an empty private PostgreSQL, nor make its demo key.
    #[arg(long, env = "NO_DEMO", global = true)]
    pub no_demo: bool,
}

/// An identity provider whose tokens are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcIssuer {
    /// The `iss` of its tokens. The address of its discovery begins with it.
    pub url: String,
    /// The `aud` of the tokens that are meant for this service.
    pub audience: String,
}

impl FromStr for OidcIssuer {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (url, audience) =
            text.trim().rsplit_once('=').filter(|(url, audience)| !url.is_empty() && !audience.is_empty()).ok_or("ISSUER=AUDIENCE")?;
        Ok(Self { url: url.to_owned(), audience: audience.to_owned() })
    }
}

/// A network, or an address alone.
fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).map_err(|_| format!("{text} is no address and no network"))
}

/// A number within these ends.
fn within(ends: RangeInclusive<u64>) -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(ends)
}

/// The origin of a page, as browsers send it: a scheme and a host, perhaps a port, and nothing after them.
fn origin(text: &str) -> Result<String, String> {
    let text = text.trim();
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let plain = |host: &str| !host.is_empty() && !host.contains(|c: char| c.is_whitespace() || c.is_uppercase() || "/?#@*".contains(c));
    if plain(host) { Ok(text.to_owned()) } else { Err(format!("{text:?} is no origin: https://host or https://host:port, in small letters")) }
}

/// A secret, which is never empty.
fn secret(text: &str) -> Result<String, &'static str> {
    if text.trim().is_empty() { Err("a secret is not empty: set it, or remove the variable") } else { Ok(text.to_owned()) }
}

/// The address of the service from outside. An empty variable counts as not set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublicUrl {
    /// The whole address, without a slash at its end. Empty when it is not told.
    url: String,
    /// Its path, without a slash at its end; mostly empty.
    path: String,
}

impl PublicUrl {
    /// Reads an http(s) address.
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let refused = || format!("{text} is no address such as https://example.fr or https://example.fr/industrie");
        let url = reqwest::Url::parse(text.trim()).map_err(|_| refused())?;
        let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
        if !(plain && matches!(url.scheme(), "http" | "https") && url.has_host()) {
            return Err(refused());
        }
        let short = |text: &str| text.trim_end_matches('/').to_owned();
        Ok(Self { url: short(url.as_str()), path: short(url.path()) })
    }
}

impl Serve {
    /// The number of workers.
    pub fn threads(&self) -> usize {
        self.workers.unwrap_or_else(|| thread::available_parallelism().map_or(2, usize::from))
    }

    /// The address of the service from outside, if it is told.
    pub fn told_url(&self) -> Option<&PublicUrl> {
        self.public_url.as_ref().filter(|public| !public.url.is_empty())
    }

    /// The address of the service from outside, without a slash at its end.
    pub fn public_url(&self, address: SocketAddr) -> String {
        self.told_url().map_or_else(|| format!("http://{address}"), |public| public.url.clone())
    }

    /// The path that a proxy in front takes away, without a slash at its end; mostly empty.
    pub fn path(&self) -> String {
        self.told_url().map_or_else(String::new, |public| public.path.clone())
    }
}

/// What the command line can do.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Serve the API and its documentation.
    Serve,
    /// Apply the migrations that are missing, and the functions.
    Migrate,
    /// Load data.
    Load {
        #[command(subcommand)]
        what: Load,
    },
    /// Make, list and revoke API keys.
    Keys {
        #[command(subcommand)]
        what: Keys,
    },
    /// Prove that stored data was not changed.
    Verify {
        #[command(subcommand)]
        what: Verify,
    },
    /// After the database was restored from a dump: tell every reader of the changes to start again.
    NewEpoch,
    /// Give, list and end grants of identities. The first administrator gets the first grant so.
    Grants {
        #[command(subcommand)]
        what: Grants,
    },
    /// Print the OpenAPI document.
    Openapi,
    /// Ask the service at BIND whether it is ready; fails when it is not. For health checks of containers.
    Health,
}

/// What can be loaded.
#[derive(Debug, Clone, Subcommand)]
pub enum Load {
    /// The facts of five public documents on the programme. Loading them twice changes nothing.
    Demo,
    /// The official geographic code (COG) of a year: regions, departments, intercommunalities, communes. Other years stay.
    Cog {
        /// The year.
        #[arg(long, value_parser = clap::value_parser!(i32).range(2000..=2100))]
        year: i32,
        /// A folder laid out as the npm package @etalab/decoupage-administratif is (`make cog` fetches it).
        dir: PathBuf,
    },
    /// The official lists of a phase: territories, labels, members, and the successions from one phase to the next.
    Territories {
        /// The number of the phase.
        #[arg(long)]
        phase: i32,
        /// A CSV file that says which territories of two phases are one: with the columns `id_ti_phase1` and `id_ti_phase2`. A row with one
        /// code alone says that this territory is not in the other phase.
        #[arg(long)]
        map: Option<PathBuf>,
        /// CSV or GeoJSON files of that phase, in any layout of ANCT.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Contours of territories, intercommunalities, communes, departments or regions: GeoJSON whose properties name them.
    Contours {
        /// The number of the phase whose official codes are meant.
        #[arg(long)]
        phase: Option<i32>,
        /// What the features are. By default what the finest code among their properties names.
        #[arg(long)]
        of: Option<ContoursOf>,
        /// The file.
        file: PathBuf,
    },
}

/// What the features of a file of contours are, from the finest to the largest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum ContoursOf {
    /// Communes, by their codes of the COG.
    Communes,
    /// Intercommunalities, by their SIREN.
    Intercommunalities,
    /// Territories, by their official codes in a phase.
    Territories,
    /// Departments, by their codes of the COG.
    Departments,
    /// Regions, by their codes of the COG.
    Regions,
}

/// What can be verified.
#[derive(Debug, Clone, Subcommand)]
pub enum Verify {
    /// Verify the ledger's chain of hashes: the command reports an altered, missing or moved line, and fails.
    Ledger {
        /// A number and its hash that an earlier run printed, such as `120:5ab3…`. The command fails if they are gone.
        #[arg(long, value_parser = noted)]
        noted: Option<(i64, String)>,
    },
}

fn noted(text: &str) -> Result<(i64, String), String> {
    let (seq, hash) = text.split_once(':').ok_or("a number, a colon and a hash")?;
    Ok((seq.parse().map_err(|_| "a number comes first")?, hash.to_owned()))
}

/// What can be done with keys.
#[derive(Debug, Clone, Subcommand)]
pub enum Keys {
    /// Make a key and print it. It is shown only this once.
    Create {
        /// What the key is for. The ledger records this name.
        name: String,
        /// What the key may do, and where: `role@nation`, `role@region:28`, `role@department:61`, `role@territory:<id>` or
        /// `role@fiche:<id>`. A role is `reader`, `editor`, `approver` or `admin`. May be repeated.
        #[arg(long = "grant", default_value = "reader@nation")]
        grants: Vec<String>,
        /// The number of days after which the key ends.
        #[arg(long, default_value_t = 365)]
        days: i64,
    },
    /// List the keys.
    List,
    /// End a key now.
    Revoke {
        /// The public identifier: the sixteen characters after `tdi_`.
        public_id: String,
    },
}

/// What can be done with grants.
#[derive(Debug, Clone, Subcommand)]
pub enum Grants {
    /// Give grants to everyone whose token of an issuer has a claim.
    Give {
        /// The issuer: the `iss` of its tokens.
        #[arg(long)]
        issuer: String,
        /// The name of the claim: `sub` for one identity.
        #[arg(long, default_value = "sub")]
        claim: String,
        /// The value of the claim, or one of its values.
        #[arg(long)]
        value: String,
        /// What the holder may do, and where, such as `admin@nation`; see `keys create`.
        #[arg(required = true)]
        grants: Vec<String>,
    },
    /// List the grants in force, of keys and of identities.
    List,
    /// End a grant now.
    End {
        /// The identifier.
        id: String,
    },
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Readable,
    /// One JSON object a line.
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_from_outside_is_one_of_http() {
        for (text, due) in [
            ("https://industrie.fr", Some(("https://industrie.fr", ""))),
            (" https://industrie.fr/ ", Some(("https://industrie.fr", ""))),
            ("HTTP://Industrie.fr:8443/ti/api/", Some(("http://industrie.fr:8443/ti/api", "/ti/api"))),
            ("http://[::1]:8080", Some(("http://[::1]:8080", ""))),
            ("", Some(("", ""))),
            ("industrie.fr", None),
            ("localhost:8080", None),
            ("ftp://industrie.fr", None),
            ("https://", None),
            ("https://industrie.fr:99999", None),
            ("https://industrie.fr?x=1", None),
            ("https://industrie.fr/#a", None),
            ("https://key@industrie.fr", None),
            ("/ti", None),
            ("javascript:alert(1)", None),
        ] {
            let read = PublicUrl::parse(text).ok();
            assert_eq!(read.as_ref().map(|public| (public.url.as_str(), public.path.as_str())), due, "{text}");
        }
    }
}
