//! The migrations, carried in the binary.

use diesel_async::AsyncMigrationHarness;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{Conn, Error};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

/// Where a database's schema stands beside the one this binary was built for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// The same.
    Current,
    /// So many migrations are still to be applied.
    Behind(usize),
    /// It has a migration that this binary does not know.
    Unknown(String),
}

/// What to do with the migrations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Only look.
    Look,
    /// Apply those that are missing.
    Up,
    /// Undo them all.
    Down,
}

/// Takes a step, and says where the schema stands after it.
///
/// diesel's harness blocks, so it has a thread and a runtime to itself.
pub fn run(url: &str, step: Step) -> Result<State, Error> {
    let url = url.to_owned();
    let bug = |error: &dyn std::fmt::Display| Error::Bug(error.to_string());
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(|error| bug(&error))?;
        runtime.block_on(async move {
            let conn = super::connect(&url).await.map_err(|error| Error::Unavailable(error.to_string()))?;
            let mut harness = AsyncMigrationHarness::new(conn);
            match step {
                Step::Look => {}
                Step::Up if unknown(&mut harness)?.is_some() => {}
                Step::Up => drop(harness.run_pending_migrations(MIGRATIONS).map_err(|error| bug(&error))?),
                Step::Down => drop(harness.revert_all_migrations(MIGRATIONS).map_err(|error| bug(&error))?),
            }
            if let Some(version) = unknown(&mut harness)? {
                return Ok(State::Unknown(version));
            }
            let behind = harness.pending_migrations(MIGRATIONS).map_err(|error| bug(&error))?.len();
            Ok(if behind == 0 { State::Current } else { State::Behind(behind) })
        })
    });
    thread.join().unwrap_or_else(|_| Err(Error::Bug("the migrations' thread panicked".to_owned())))
}

/// A migration that the database has and this binary does not.
fn unknown(harness: &mut AsyncMigrationHarness<Conn>) -> Result<Option<String>, Error> {
    use diesel::migration::MigrationSource;
    let bug = |error: Box<dyn std::error::Error + Send + Sync>| Error::Bug(error.to_string());
    let known: Vec<String> = MigrationSource::<diesel::pg::Pg>::migrations(&MIGRATIONS)
        .map_err(bug)?
        .iter()
        .map(|migration| migration.name().version().to_string())
        .collect();
    let applied = harness.applied_migrations().map_err(bug)?;
    Ok(applied.into_iter().map(|version| version.to_string()).find(|version| !known.contains(version)))
}

#[derive(diesel::QueryableByName)]
struct Newest {
    #[diesel(sql_type = diesel::sql_types::Nullable<diesel::sql_types::Text>)]
    version: Option<String>,
}

/// Refuses, as unavailable, a database whose newest migration is not the newest of this binary.
pub async fn expected(conn: &mut Conn) -> Result<(), Error> {
    use diesel::migration::MigrationSource;
    use diesel_async::RunQueryDsl;
    let migrations = MigrationSource::<diesel::pg::Pg>::migrations(&MIGRATIONS).map_err(|error| Error::Bug(error.to_string()))?;
    let ours = migrations.iter().map(|migration| migration.name().version().to_string()).max();
    let query = diesel::sql_query("SELECT max(version)::text AS version FROM __diesel_schema_migrations");
    let theirs = query.get_result::<Newest>(conn).await.map_err(Error::from)?.version;
    if ours == theirs { Ok(()) } else { Err(Error::Unavailable(format!("the schema is at {theirs:?}, not at {ours:?}"))) }
}
