//! PostgreSQL as any noun would use it. Knows no noun, and nothing of HTTP.

mod budget;
pub mod contours;
pub mod embedded;
mod error;
mod lease;
mod link;
pub mod listing;
pub mod migrate;
pub mod refs;
mod stream;
mod told;

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use deadpool::managed::{Hook, HookError};
use diesel::ConnectionError;
use diesel_async::{
    AsyncPgConnection, SimpleAsyncConnection,
    pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod, deadpool::Pool},
};
use futures_util::FutureExt;

pub use budget::{BUDGET, Budget, Weighed};
pub use error::{Breach, Caused, Error, Violation};
pub use link::{check_url, connect};

pub use self::lease::on_behalf_of;
use self::lease::{Lease, Turns};
use crate::values::{Id, Instant};

/// A connection to PostgreSQL.
pub type Conn = AsyncPgConnection;

/// How long a request waits for a connection of the pool, or for a new one.
const WAIT: Duration = Duration::from_secs(2);

/// How long a connection is used, before a new one takes its place: what PostgreSQL keeps in memory for a session is given back.
const OLDEST: Duration = Duration::from_secs(1800);

/// How often a transaction is tried at most, when PostgreSQL asks to run it again.
const TRIES: u32 = 4;

/// The SQL for today in Paris, or for the day of `as_of`.
pub const TODAY: &str = "(coalesce(nullif(current_setting('app.as_of', true), '')::timestamptz, now()) AT TIME ZONE 'Europe/Paris')::date";

/// The opening of a transaction that sees one state of the database throughout.
const SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// The longest time between the last line of a transaction in the ledger and its commit. The limits of the session are far below.
const SETTLED: TimeDelta = TimeDelta::minutes(1);

/// The author of a write. Without an author the database refuses a write.
#[derive(Debug, Clone)]
pub struct Author {
    /// The name that the ledger records.
    pub name: String,
    /// The key that was used, if one was.
    pub key: Option<Id>,
    /// The request that made the write.
    pub request: Option<String>,
    /// What identifies the request, if it is to be done once.
    pub idempotency: Option<Idempotency>,
    /// How much the author may write a day; none when there is no limit.
    pub allowance: Option<Allowance>,
}

/// How much a caller may write a day.
#[derive(Debug, Clone)]
pub struct Allowance {
    /// The caller.
    pub caller: String,
    /// The bytes that its lines may have in the ledger.
    pub bytes: u64,
}

/// A request that is done once, however often it is sent.
#[derive(Debug, Clone)]
pub struct Idempotency {
    /// The caller.
    pub caller: String,
    /// The `Idempotency-Key` of the caller.
    pub key: String,
    /// The digest of the whole request.
    pub digest: Vec<u8>,
}

impl Author {
    /// A command of the command line.
    pub fn command(name: &str) -> Self {
        Self { name: format!("command: {name}"), key: None, request: None, idempotency: None, allowance: None }
    }

    /// The opening of a transaction that this author signs, in one message.
    fn begin(&self) -> String {
        let key = self.key.map(|key| key.to_string()).unwrap_or_default();
        let request = self.request.as_deref().unwrap_or_default();
        let once = self.idempotency.as_ref().map(|Idempotency { caller, key, digest }| {
            format!("; SELECT begin_idempotent({}, {}, '\\x{}')", quoted(caller), quoted(key), hex::encode(digest))
        });
        let allowed = self
            .allowance
            .as_ref()
            .map(|Allowance { caller, bytes }| format!("; SELECT refuse_overuse({}, 'written_bytes', {bytes})", quoted(caller)));
        format!(
            "BEGIN; SET LOCAL app.author = {}; SET LOCAL app.key = {}; SET LOCAL app.request = {}{}{}",
            quoted(&self.name),
            quoted(&key),
            quoted(request),
            allowed.unwrap_or_default(),
            once.unwrap_or_default()
        )
    }
}

/// A text as an SQL literal.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\0', "").replace('\'', "''"))
}

/// What a caller sees who does not see everything. Some lines of the ledger have an audience; the caller belongs to it in these places.
#[derive(Debug, Clone)]
pub struct Sees {
    /// The places where the caller sees what is for partners.
    pub partners: Vec<String>,
    /// The places where the caller also sees what is restricted.
    pub restricted: Vec<String>,
}

impl Sees {
    /// The SQL that sets this for the views of the past.
    fn set(&self) -> String {
        let list = |places: &[String]| quoted(&format!("{{{}}}", places.join(",")));
        format!(
            "SET LOCAL app.sees = ''; SET LOCAL app.sees_partners = {}; SET LOCAL app.sees_restricted = {}",
            list(&self.partners),
            list(&self.restricted)
        )
    }
}

/// How long PostgreSQL waits inside of a transaction, before it ends the transaction.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For the end of a statement.
    pub statement: Duration,
    /// For the next statement.
    pub silence: Duration,
}

/// A small pool of connections. Each worker has its own.
#[derive(Clone)]
pub struct Db {
    pool: Pool<Conn>,
    turns: Arc<Turns>,
    url: Arc<str>,
    patience: Option<Patience>,
}

impl Db {
    /// A pool of at most `size` connections. Nothing is opened before it is needed.
    pub fn new(url: &str, size: usize) -> Result<Self, Error> {
        check_url(url)?;
        let mut config = ManagerConfig::default();
        config.recycling_method = RecyclingMethod::Fast;
        config.custom_setup = Box::new(|url| {
            let url = url.to_owned();
            async move { serving(&url).await }.boxed()
        });
        let manager = AsyncDieselConnectionManager::new_with_config(url, config);
        let pool = Pool::builder(manager)
            .max_size(size)
            .wait_timeout(Some(WAIT))
            .create_timeout(Some(WAIT))
            .recycle_timeout(Some(WAIT))
            .pre_recycle(Hook::sync_fn(|_, metrics| if metrics.age() < OLDEST { Ok(()) } else { Err(HookError::message("old enough")) }))
            .runtime(deadpool::Runtime::Tokio1)
            .build()
            .map_err(|error| Error::Unavailable(error.to_string()))?;
        Ok(Self { pool, turns: Arc::new(Turns::new(size)), url: url.into(), patience: None })
    }

    /// The same database, with another patience in each transaction: for an operation that takes long. (`run` uses no
    /// transaction, with the patience of the session: five seconds.)
    pub fn patient(&self, patience: Patience) -> Self {
        Self { patience: Some(patience), ..self.clone() }
    }

    /// A connection of the pool, when it is the caller's turn.
    async fn connection(&self) -> Result<Lease, Error> {
        let turn = self.turns.take().await?;
        let conn = self.pool.get().await.map_err(|error| Error::Unavailable(error.to_string()))?;
        Ok(Lease::new(conn, self.url.clone(), turn))
    }

    /// A new connection instead of a lost one. The other connections of the pool are probably lost as well, so they are dropped.
    async fn fresh(&self, lost: Lease) -> Result<Lease, Error> {
        lost.discard();
        self.pool.retain(|_, _| false);
        self.connection().await
    }

    /// Runs statements outside of a transaction, each on its own: questions, and writes that keep no ledger. A connection that was lost
    /// meanwhile is replaced once, and the statements are run again: so they may be run twice.
    pub async fn run<T, E: From<Error> + Caused>(&self, ask: impl AsyncFn(&mut Conn) -> Result<T, E>) -> Result<T, E> {
        let mut conn = self.connection().await?;
        let mut answer = ask(&mut conn).await;
        if answer.as_ref().is_err_and(lost) {
            conn = self.fresh(conn).await?;
            answer = ask(&mut conn).await;
        }
        conn.give_back();
        answer
    }

    /// Asks several questions about one state of the database.
    pub async fn snapshot<T, E: From<Error> + Caused>(&self, ask: impl AsyncFn(&mut Conn) -> Result<T, E>) -> Result<T, E> {
        self.looking(SNAPSHOT, ask).await
    }

    /// Asks about an instant in the past: the tables of the nouns are as they were then, without the things that the caller may not see
    /// today. Without `sees`, the caller may see everything. The answer is final: if a transaction may still add to that instant, the
    /// question waits for it.
    pub async fn past<T, E>(&self, instant: Instant, sees: Option<&Sees>, ask: impl AsyncFn(&mut Conn) -> Result<T, E>) -> Result<T, E>
    where
        E: From<Error> + Caused,
    {
        let begin = self.back_to(instant, sees).await?;
        self.looking(&begin, ask).await
    }

    /// Waits until the state of this instant is final. Returns the SQL that begins a transaction about that instant.
    async fn back_to(&self, instant: Instant, sees: Option<&Sees>) -> Result<String, Error> {
        // What is still to come is waited for without a connection.
        if let Ok(ahead) = (-instant.ago()).to_std() {
            tokio::time::sleep(ahead).await;
        }
        if instant.ago() < SETTLED {
            let settle = format!("SELECT settle('{instant}')");
            self.run(async |conn| conn.batch_execute(&settle).await.map_err(Error::from)).await?;
        }
        let sees = sees.map_or_else(|| "SET LOCAL app.sees = 'everything'".to_owned(), Sees::set);
        Ok(format!("{SNAPSHOT}; SET LOCAL search_path = as_of, public; SET LOCAL app.as_of = '{instant}'; {sees}"))
    }

    async fn looking<T, E: From<Error> + Caused>(&self, begin: &str, ask: impl AsyncFn(&mut Conn) -> Result<T, E>) -> Result<T, E> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.transaction(begin, &ask).await {
                Err(error) if lost(&error) && tries < 2 => {}
                answer => return answer,
            }
        }
    }

    /// Writes in one transaction, with an author. The transaction is committed if `act` succeeds, and rolled back if it fails. When
    /// PostgreSQL asks to run the transaction again (a deadlock, a serialization failure), it is run again.
    pub async fn write<T, E: From<Error> + Caused>(&self, author: &Author, act: impl AsyncFn(&mut Conn) -> Result<T, E>) -> Result<T, E> {
        let begin = author.begin();
        let act = async |conn: &mut Conn| -> Result<T, E> {
            let done = act(conn).await?;
            if let Some(Idempotency { caller, key, .. }) = &author.idempotency {
                let end = format!("SELECT end_idempotent({}, {})", quoted(caller), quoted(key));
                conn.batch_execute(&end).await.map_err(Error::from)?;
            }
            Ok(done)
        };
        let mut tries = 0;
        loop {
            tries += 1;
            match self.transaction(&begin, &act).await {
                Err(error) if matches!(error.caused(), Some(Error::Again(_))) && tries < TRIES => {
                    tokio::time::sleep(Duration::from_millis(rand::random_range(1..=50))).await;
                }
                answer => return answer,
            }
        }
    }

    /// Writes reference data in bulk by COPY, which diesel does not support: in one transaction, on a connection of its own, without a
    /// ledger. The transaction is committed if `act` succeeds, and rolled back if it fails.
    pub async fn copy<T>(&self, act: impl AsyncFn(&tokio_postgres::Transaction<'_>) -> Result<T, tokio_postgres::Error>) -> Result<T, Error> {
        let (mut client, connection) = link::session(&self.url).await?;
        let driver = tokio::spawn(connection);
        client.batch_execute(&format!("SET statement_timeout = 0; {ROLE}")).await?;
        let transaction = client.transaction().await?;
        let done = act(&transaction).await?;
        transaction.commit().await?;
        drop(client);
        driver.await.map_err(|error| Error::Bug(error.to_string()))??;
        Ok(done)
    }

    /// A connection on which a transaction has begun.
    async fn begin(&self, begin: &str) -> Result<Lease, Error> {
        let patience = self.patience.map(|Patience { statement, silence }| {
            let (statement, silence) = (milliseconds(statement), milliseconds(silence));
            format!("{begin}; SET LOCAL statement_timeout = {statement}; SET LOCAL idle_in_transaction_session_timeout = {silence}")
        });
        let begin = patience.as_deref().unwrap_or(begin);
        let mut conn = self.connection().await?;
        if let Err(error) = conn.batch_execute(begin).await {
            // The transaction has not begun. So a connection that was lost while it lay in the pool can be replaced, once.
            let error = Error::from(error);
            if !matches!(error, Error::Unavailable(_)) {
                // The opening refused the caller; the connection is sound.
                if conn.batch_execute("ROLLBACK").await.is_ok() {
                    conn.give_back();
                }
                return Err(error);
            }
            conn = self.fresh(conn).await?;
            conn.batch_execute(begin).await?;
        }
        Ok(conn)
    }

    async fn transaction<T, E: From<Error> + Caused>(&self, begin: &str, act: &impl AsyncFn(&mut Conn) -> Result<T, E>) -> Result<T, E> {
        let mut conn = self.begin(begin).await?;
        let answer = act(&mut conn).await;
        let end = if answer.is_ok() { "COMMIT" } else { "ROLLBACK" };
        match conn.batch_execute(end).await.map_err(Error::from) {
            Ok(()) => {
                conn.give_back();
                answer
            }
            // There is nobody left to be told to stop. When the answer to a commit is lost, nobody knows whether it was made.
            Err(Error::Unavailable(_)) => {
                conn.discard();
                answer.and_then(|_| Err(Error::OutcomeUnknown.into()))
            }
            // PostgreSQL rolls a refused commit back.
            Err(error) if answer.is_ok() => {
                conn.give_back();
                Err(error.into())
            }
            Err(_) => answer,
        }
    }
}

/// A time as a setting of PostgreSQL.
fn milliseconds(time: Duration) -> String {
    format!("'{}ms'", time.as_millis())
}

fn lost<E: Caused>(error: &E) -> bool {
    matches!(error.caused(), Some(Error::Unavailable(_)))
}

/// The SQL that takes the role which cannot rewrite the ledger, if `guard_ledger` has given it its rights.
const ROLE: &str = "SELECT set_config('role', rolname, false) FROM pg_roles WHERE rolname = 'territoires_service' AND pg_has_role(oid, 'MEMBER') \
    AND has_table_privilege(oid, to_regclass('public.ledger'), 'INSERT')";

/// Opens a connection in the role that cannot rewrite the ledger, if the role exists.
async fn serving(url: &str) -> Result<Conn, ConnectionError> {
    let mut conn = connect(url).await.map_err(|error| ConnectionError::BadConnection(error.to_string()))?;
    conn.batch_execute(ROLE).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(conn)
}
