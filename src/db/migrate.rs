//! The migrations and the functions, carried in the binary.
//!
//! A migration makes or changes tables, and is never edited once it has landed. A function stands once, in its last form, in
//! `functions/*.sql`: to change it, edit its file. Which functions a database has is told by their hash, in its table `functions`.
//!
//! [`Task::Up`] goes in this order:
//!
//! 1. Before each missing migration, every function is made that the database does not have yet, as far as the types it names are
//!    there. So a migration may create triggers, and call `keep_ledger`. The functions that the database has stay as they are:
//!    the service may be running, and they belong to the tables as they are.
//! 2. After the last migration, all functions are made anew, in one transaction. This is done as well when no migration is missing
//!    but the hash differs.
//! 3. `guard_ledger` makes the role in which the service works, where it may.
//!
//! What follows for whoever writes them:
//!
//! - A function that computes a generated column or an index stands in a migration. Its change must rewrite what was stored.
//! - Where `CREATE OR REPLACE` cannot change a function (its parameters, what it returns), a migration drops it first, with
//!   `DROP FUNCTION IF EXISTS` and the old parameters. A function whose file is gone is dropped in the same way.
//! - On an empty database the first migrations meet the functions of today. So `keep_ledger` must keep taking what they pass.

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

use diesel::{
    OptionalExtension, QueryDsl,
    connection::SimpleConnection,
    dsl::{select, sql},
    migration::{Migration, MigrationSource},
    pg::Pg,
    sql_types::Bool,
};
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use sha2::{Digest, Sha256};

use super::{Conn, Error};
use crate::schema::functions;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

/// The functions, in an order in which they can be made: one that is written `RETURN …` follows those it calls.
const FUNCTIONS: [&str; 15] = [
    include_str!("functions/search.sql"),
    include_str!("functions/idempotency.sql"),
    include_str!("functions/territories.sql"),
    include_str!("functions/geography.sql"),
    include_str!("functions/references.sql"),
    include_str!("functions/action_fiches.sql"),
    include_str!("functions/meetings.sql"),
    include_str!("functions/erase.sql"),
    include_str!("functions/audience.sql"),
    include_str!("functions/record.sql"),
    include_str!("functions/stamps.sql"),
    include_str!("functions/past.sql"),
    include_str!("functions/restore.sql"),
    include_str!("functions/merge.sql"),
    include_str!("functions/role.sql"),
];

/// How each function begins.
const FUNCTION: &str = "\nCREATE OR REPLACE FUNCTION ";

/// How often the log tells that another process is waited for, which migrates the same database.
const TOLD: Duration = Duration::from_secs(10);

/// How the schema of a database compares with the schema of this binary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// The same.
    Current,
    /// This number of migrations is still to be applied.
    Behind(usize),
    /// All migrations are applied, but the functions are of another version.
    OtherFunctions,
    /// The database has a migration that this binary does not know.
    Unknown(String),
}

/// What to do with the migrations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Only look.
    Look,
    /// Apply those that are missing, and the functions.
    Up,
    /// Undo them all.
    Down,
}

/// diesel migrates over a connection that blocks.
type Blocking = AsyncConnectionWrapper<Conn>;

/// Takes a step, and returns the state of the schema after it.
///
/// The connection blocks, so it gets a thread and a runtime of its own.
pub fn run(url: &str, task: Task) -> Result<State, Error> {
    let url = url.to_owned();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(|error| bug(error.into()))?;
        let conn = runtime.block_on(super::connect(&url))?;
        let _inside = runtime.enter();
        let conn = &mut Blocking::from(conn);
        if task != Task::Look {
            lock(conn)?;
        }
        match task {
            Task::Look => {}
            Task::Up => up(conn)?,
            Task::Down => down(conn)?,
        }
        state(conn)
    });
    thread.join().unwrap_or_else(|_| Err(Error::Bug("the migrations' thread panicked".to_owned())))
}

fn bug(error: Box<dyn std::error::Error + Send + Sync>) -> Error {
    Error::Bug(error.to_string())
}

/// Keeps other processes from migrating the same database, until this session ends. Of several that come at once one migrates, and the others
/// wait for as long as it takes: PostgreSQL ends the lock with the session that holds it.
///
/// The lock is tried again and again. A statement that waits for a lock would block `CREATE INDEX CONCURRENTLY`.
fn lock(conn: &mut Blocking) -> Result<(), Error> {
    use diesel::RunQueryDsl;
    let mut told: Option<Instant> = None;
    while !select(sql::<Bool>("pg_try_advisory_lock(hashtextextended('migrate', 0))")).get_result(conn)? {
        if told.is_none_or(|told| told.elapsed() > TOLD) {
            log::info!("another process is migrating the database: waiting for it");
            told = Some(Instant::now());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    // A migration may take long, so its statements have no time limit. The body of a function may name something that a later migration
    // makes, so bodies are not checked.
    Ok(conn.batch_execute("SET statement_timeout = 0; SET check_function_bodies = off")?)
}

fn up(conn: &mut Blocking) -> Result<(), Error> {
    use diesel::RunQueryDsl;
    match state(conn)? {
        State::Unknown(_) => return Ok(()),
        State::Current => {}
        State::Behind(_) | State::OtherFunctions => renew(conn)?,
    }
    if !select(sql::<Bool>("guard_ledger()")).get_result::<bool>(conn)? {
        log::warn!(
            "the ledger is guarded by its triggers alone: this role may not make the role territoires_service. CREATE ROLE territoires_service NOLOGIN; \
             GRANT territoires_service TO the owner of the database; then migrate again"
        );
    }
    Ok(())
}

fn renew(conn: &mut Blocking) -> Result<(), Error> {
    let missing = missing();
    for migration in conn.pending_migrations(MIGRATIONS).map_err(bug)? {
        conn.batch_execute(&missing)?;
        conn.run_migration(&migration).map_err(bug)?;
    }
    Ok(conn.batch_execute(&format!(
        "BEGIN; SET LOCAL lock_timeout = '2s'; {} INSERT INTO functions (sha256) VALUES ('{}') ON CONFLICT (one) DO UPDATE SET sha256 = excluded.sha256; COMMIT",
        FUNCTIONS.concat(),
        *HASH
    ))?)
}

fn down(conn: &mut Blocking) -> Result<(), Error> {
    // What triggers and views call goes after them; anything else goes before the tables whose types it names.
    let names = names();
    for function in names.iter().rev() {
        conn.batch_execute(&format!(
            "DO $down$ BEGIN DROP FUNCTION IF EXISTS {function}; EXCEPTION WHEN dependent_objects_still_exist THEN NULL; END $down$"
        ))?;
    }
    conn.revert_all_migrations(MIGRATIONS).map_err(bug)?;
    Ok(conn.batch_execute(&format!("DROP FUNCTION IF EXISTS {} CASCADE", names.join(", ")))?)
}

fn state(conn: &mut Blocking) -> Result<State, Error> {
    use diesel::RunQueryDsl;
    if let Some(version) = unknown(conn)? {
        return Ok(State::Unknown(version));
    }
    let behind = conn.pending_migrations(MIGRATIONS).map_err(bug)?.len();
    if behind > 0 {
        return Ok(State::Behind(behind));
    }
    let theirs = functions::table.select(functions::sha256).first::<String>(conn).optional()?;
    Ok(if theirs.as_ref() == Some(&*HASH) { State::Current } else { State::OtherFunctions })
}

/// A migration that the database has and this binary does not.
fn unknown(conn: &mut Blocking) -> Result<Option<String>, Error> {
    let known = versions()?;
    let applied = conn.applied_migrations().map_err(bug)?;
    Ok(applied.into_iter().map(|version| version.to_string()).find(|version| !known.contains(version)))
}

/// The migrations that this binary knows.
fn versions() -> Result<Vec<String>, Error> {
    let migrations: Vec<Box<dyn Migration<Pg>>> = MIGRATIONS.migrations().map_err(bug)?;
    Ok(migrations.iter().map(|migration| migration.name().version().to_string()).collect())
}

/// The hash of the functions.
static HASH: LazyLock<String> = LazyLock::new(|| hex::encode(Sha256::digest(FUNCTIONS.concat())));

/// Each function, from its name on.
fn each() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().flat_map(|file| file.split(FUNCTION).skip(1))
}

/// The names of the functions, in the order of their files.
fn names() -> Vec<&'static str> {
    each().filter_map(|function| function.split('(').next()).collect()
}

/// Makes each missing function whose types and columns exist.
fn missing() -> String {
    let make = |function| {
        format!(
            "DO $missing$ BEGIN CREATE FUNCTION {function}
             EXCEPTION WHEN duplicate_function OR undefined_object OR undefined_table OR undefined_column OR undefined_function THEN NULL; END $missing$;"
        )
    };
    each().map(make).collect()
}

#[derive(diesel::QueryableByName)]
struct Newest {
    #[diesel(sql_type = diesel::sql_types::Nullable<diesel::sql_types::Text>)]
    version: Option<String>,
}

/// Refuses, as unavailable, a database whose newest migration is not the newest of this binary, or whose functions are not this
/// binary's.
pub async fn expected(conn: &mut Conn) -> Result<(), Error> {
    use diesel_async::RunQueryDsl;
    let ours = versions()?.into_iter().max();
    let query = diesel::sql_query("SELECT max(version)::text AS version FROM __diesel_schema_migrations");
    let theirs = query.get_result::<Newest>(conn).await?.version;
    if ours != theirs {
        return Err(Error::Unavailable(format!("the schema is at {theirs:?}, not at {ours:?}")));
    }
    let theirs = functions::table.select(functions::sha256).first::<String>(conn).await.optional()?;
    if theirs.as_ref() == Some(&*HASH) { Ok(()) } else { Err(Error::Unavailable(format!("the functions are {theirs:?}, not {:?}", *HASH))) }
}
