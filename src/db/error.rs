//! The errors of PostgreSQL, classified in this one place.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error as DieselError};
use tokio_postgres::error::SqlState;

/// Why a read or a write failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// There is no such row.
    #[error("no such row")]
    NotFound,
    /// The write broke a rule of the schema.
    #[error("{0:?}")]
    Violated(Violation),
    /// PostgreSQL asks for the whole transaction to be run again.
    #[error("to be run again: {0}")]
    Again(String),
    /// The database cannot be reached, is starting, or has no connection free.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// The caller has too much running already, and waited too long for its turn.
    #[error("too much at once")]
    Crowded,
    /// The statement took too long.
    #[error("timed out: {0}")]
    TimedOut(String),
    /// The database's storage is full.
    #[error("storage full: {0}")]
    StorageFull(String),
    /// The connection was lost while a transaction was being committed.
    #[error("the outcome of the commit is unknown")]
    OutcomeUnknown,
    /// Any other error is a bug of this service.
    #[error("{0}")]
    Bug(String),
}

/// Which rule of the schema a write broke.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Violation {
    /// What sort of rule.
    pub rule: Breach,
    /// The table of the rule.
    pub table: String,
    /// The name of the constraint.
    pub constraint: String,
    /// PostgreSQL's own detail, never shown.
    pub detail: String,
}

/// The sorts of rules a schema has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Breach {
    /// A rule of uniqueness: there is such a row already.
    #[default]
    Unique,
    /// The row refers to another one that does not exist.
    Reference,
    /// Another row still refers to this one.
    Referenced,
    /// A CHECK constraint.
    Check,
}

/// An error that may come from the database.
pub trait Caused {
    /// The database's own error, if that is the cause.
    fn caused(&self) -> Option<&Error>;
}

impl Caused for Error {
    fn caused(&self) -> Option<&Error> {
        Some(self)
    }
}

impl From<DieselError> for Error {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::NotFound => Self::NotFound,
            DieselError::DatabaseError(kind, info) => classify(kind, info.as_ref()),
            DieselError::BrokenTransactionManager | DieselError::AlreadyInTransaction | DieselError::NotInTransaction => {
                Self::Unavailable(error.to_string())
            }
            other => Self::Bug(other.to_string()),
        }
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        error.as_db_error().map_or_else(|| Self::Unavailable(error.to_string()), |told| of_state(told.code(), told.message().to_owned()))
    }
}

/// Classifies an error by its kind in diesel, which diesel-async derives from the SQLSTATE. Other SQLSTATEs have no kind: see
/// [`of_message`].
fn classify(kind: DatabaseErrorKind, info: &dyn DatabaseErrorInformation) -> Error {
    let message = info.message().to_owned();
    let violated = |rule| {
        let text = |part: Option<&str>| part.unwrap_or_default().to_owned();
        Error::Violated(Violation { rule, table: text(info.table_name()), constraint: text(info.constraint_name()), detail: text(info.details()) })
    };
    match kind {
        // Another transaction made this version of the thing meanwhile.
        DatabaseErrorKind::UniqueViolation if info.constraint_name() == Some("ledger_version_key") => Error::Again(message),
        DatabaseErrorKind::UniqueViolation | DatabaseErrorKind::ExclusionViolation => violated(Breach::Unique),
        // Both directions of a reference have one SQLSTATE (23503): the message alone tells which one was broken.
        DatabaseErrorKind::RestrictViolation => violated(Breach::Referenced),
        DatabaseErrorKind::ForeignKeyViolation if message.starts_with("update or delete") => violated(Breach::Referenced),
        DatabaseErrorKind::ForeignKeyViolation => violated(Breach::Reference),
        DatabaseErrorKind::CheckViolation => violated(Breach::Check),
        DatabaseErrorKind::SerializationFailure => Error::Again(message),
        DatabaseErrorKind::ReadOnlyTransaction | DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => {
            Error::Unavailable(message)
        }
        _ => of_message(message),
    }
}

/// Classifies an error of tokio-postgres, without diesel, by its SQLSTATE.
fn of_state(state: &SqlState, message: String) -> Error {
    match *state {
        SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => Error::Again(message),
        SqlState::QUERY_CANCELED | SqlState::LOCK_NOT_AVAILABLE => Error::TimedOut(message),
        SqlState::DISK_FULL => Error::StorageFull(message),
        SqlState::ADMIN_SHUTDOWN
        | SqlState::CRASH_SHUTDOWN
        | SqlState::CANNOT_CONNECT_NOW
        | SqlState::TOO_MANY_CONNECTIONS
        | SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT
        | SqlState::READ_ONLY_SQL_TRANSACTION => Error::Unavailable(message),
        _ => Error::Bug(message),
    }
}

/// Classifies an error by the beginning of its message, which is always English (`lc_messages=C`), because the SQLSTATE cannot be read:
/// diesel-async 0.9 keeps the error of tokio-postgres in a private type, and diesel 2.3 shows no SQLSTATE
/// (<https://github.com/diesel-rs/diesel/pull/5232> would). Once it does, [`of_state`] serves here too.
fn of_message(message: String) -> Error {
    const AGAIN: [&str; 1] = ["deadlock detected"];
    // The SQL function `settle()` raises this message as well.
    const TIMED_OUT: [&str; 1] = ["canceling statement due to"];
    const FULL: [&str; 3] = ["could not extend file", "could not write to file", "No space left on device"];
    const AWAY: [&str; 5] =
        ["terminating connection", "the database system is", "sorry, too many clients already", "remaining connection slots", "too many connections"];
    let begins = |words: &[&str]| words.iter().any(|word| message.starts_with(word));
    if begins(&AGAIN) {
        Error::Again(message)
    } else if begins(&TIMED_OUT) {
        Error::TimedOut(message)
    } else if begins(&FULL) {
        Error::StorageFull(message)
    } else if begins(&AWAY) {
        Error::Unavailable(message)
    } else {
        Error::Bug(message)
    }
}
