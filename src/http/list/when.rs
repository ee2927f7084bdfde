//! The instant that a request asks about: now, or an instant in the past.

use chrono::TimeDelta;

use super::super::{Problem, Result, Said, Wrong, kinds, problem::Position};
use crate::{
    db::{Conn, Db, Sees},
    rights::Reach,
    values::{Day, Instant},
};

/// The clock of a client may be ahead of the database's by this much: then the request waits.
const AHEAD: TimeDelta = TimeDelta::seconds(1);

/// The instant that a request asks about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum When {
    /// Now.
    #[default]
    Now,
    /// This instant, which `as_of` named.
    Then(Instant),
}

impl When {
    /// Reads `as_of`: an instant, or a day, which means the end of that day in Paris. An instant in the future is refused.
    pub(super) fn read(value: &str, errors: &mut Vec<Wrong>) -> Self {
        match Day::parse(value).map(Instant::end_of).or_else(|_| Instant::parse(value)) {
            Ok(instant) if instant.ago() < -AHEAD => {
                let said =
                    Said::new("Is not past yet; a day is past at its end, in Paris.", "N'est pas encore passé ; un jour l'est à sa fin, à Paris.");
                errors.push(Wrong::parameter("as_of", "not_past", said));
                Self::Now
            }
            Ok(instant) => Self::Then(instant),
            Err(_) => {
                errors.push(Wrong::fault(Position::Parameter("as_of".to_owned()), "invalid_moment"));
                Self::Now
            }
        }
    }

    /// Asks the database about that instant, for a caller with this reach.
    pub(super) async fn ask<T>(self, db: &Db, reach: &Reach, ask: impl AsyncFn(&mut Conn) -> Result<T>) -> Result<T> {
        match self {
            Self::Now => db.run(ask).await,
            Self::Then(instant) => then(db, instant, reach, ask).await,
        }
    }

    /// Asks several questions about one state of the database, at that instant.
    pub(super) async fn snapshot<T>(self, db: &Db, reach: &Reach, ask: impl AsyncFn(&mut Conn) -> Result<T>) -> Result<T> {
        match self {
            Self::Now => db.snapshot(ask).await,
            Self::Then(instant) => then(db, instant, reach, ask).await,
        }
    }
}

/// Asks about the past. A thing that is hidden from the caller today is hidden in the past as well. A thing that did not exist then is not
/// found (404), even if it was deleted later.
async fn then<T>(db: &Db, instant: Instant, reach: &Reach, ask: impl AsyncFn(&mut Conn) -> Result<T>) -> Result<T> {
    let sees = if reach.everything { None } else { Some(Sees { partners: reach.partner_places(), restricted: reach.restricted_places() }) };
    let answer = db.past(instant, sees.as_ref(), ask).await;
    answer.map_err(|problem| if std::ptr::eq(problem.kind(), &kinds::GONE) { Problem::new(&kinds::NOT_FOUND) } else { problem })
}
