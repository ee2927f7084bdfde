//! The errors of PostgreSQL, classified in this one place.

use std::{
    error::{self, Error as _},
    io, iter,
};

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
    /// The database cannot be used with these settings, and waiting helps nothing: the address, the password, the role, the database, the
    /// certificate.
    #[error("PostgreSQL cannot be used so: {0}")]
    Refused(String),
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
        error.as_db_error().map_or_else(|| Self::Unavailable(causes(&error)), |told| of_state(told.code(), told.message().to_owned()))
    }
}

/// An error and its causes, of which tokio-postgres tells only the first.
pub(super) fn causes(error: &tokio_postgres::Error) -> String {
    iter::successors(error.source(), |cause| (**cause).source()).fold(error.to_string(), |told, cause| format!("{told}: {cause}"))
}

/// Classifies why no connection could be opened. What the network or the machine refuses can come back, and of what PostgreSQL refuses what
/// [`of_state`] knows as passing; anything else would be refused again, in PostgreSQL's own words or in those of the library.
pub(super) fn unconnected(error: tokio_postgres::Error) -> Error {
    let Some(told) = error.as_db_error() else {
        // TLS fails inside of an error of the network.
        let passing = |cause: &io::Error| !cause.get_ref().is_some_and(<dyn error::Error + Send + Sync>::is::<rustls::Error>);
        let io = error.source().and_then(<dyn error::Error>::downcast_ref).is_some_and(passing);
        return if error.is_closed() || io { Error::Unavailable(causes(&error)) } else { Error::Refused(causes(&error)) };
    };
    match of_state(told.code(), told.to_string()) {
        Error::Bug(message) => Error::Refused(message),
        passing => passing,
    }
}

/// Classifies an error by its kind in diesel, which diesel-async derives from the SQLSTATE. Other SQLSTATEs have no kind, and stand before the
/// message ([`super::told`]).
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
        // Both directions of a reference have one SQLSTATE (23503). The detail names the columns, in any language: those of the row that is
        // still referred to, which is by its `id`; or those by which a row refers to one that does not exist.
        DatabaseErrorKind::RestrictViolation => violated(Breach::Referenced),
        DatabaseErrorKind::ForeignKeyViolation if info.details().is_some_and(|detail| detail.contains("(id)=(")) => violated(Breach::Referenced),
        DatabaseErrorKind::ForeignKeyViolation => violated(Breach::Reference),
        DatabaseErrorKind::CheckViolation => violated(Breach::Check),
        DatabaseErrorKind::SerializationFailure => Error::Again(message),
        DatabaseErrorKind::ReadOnlyTransaction | DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => {
            Error::Unavailable(message)
        }
        _ => match message.split_once(' ').map(|(state, _)| SqlState::from_code(state)) {
            Some(state) => of_state(&state, message),
            None => Error::Bug(message),
        },
    }
}

/// Classifies an error by its SQLSTATE.
fn of_state(state: &SqlState, message: String) -> Error {
    match *state {
        SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => Error::Again(message),
        SqlState::QUERY_CANCELED | SqlState::LOCK_NOT_AVAILABLE => Error::TimedOut(message),
        SqlState::DISK_FULL => Error::StorageFull(message),
        SqlState::ADMIN_SHUTDOWN
        | SqlState::CRASH_SHUTDOWN
        | SqlState::CANNOT_CONNECT_NOW
        | SqlState::TOO_MANY_CONNECTIONS
        | SqlState::OUT_OF_MEMORY
        | SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT
        | SqlState::READ_ONLY_SQL_TRANSACTION => Error::Unavailable(message),
        // The connection itself failed, which is what a pooler in between says.
        _ if state.code().starts_with("08") => Error::Unavailable(message),
        _ => Error::Bug(message),
    }
}
