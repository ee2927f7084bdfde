//! Of which instant something is asked: of now, or of one that is past.

use chrono::TimeDelta;

use super::super::{Problem, Result, Said, Wrong, kinds, problem::Place};
use crate::{
    db::{Conn, Db, Sees},
    rights::Reach,
    values::{Day, Instant},
};

/// By so much a client's clock may be ahead of the database's: it is waited for.
const AHEAD: TimeDelta = TimeDelta::seconds(1);

/// Of which instant something is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum When {
    /// Of now.
    #[default]
    Now,
    /// Of this one, with `as_of`.
    Then(Instant),
}

impl When {
    /// Reads `as_of`: an instant, or a day for its end in Paris. One that is still to come is refused.
    pub(super) fn read(&mut self, value: &str, errors: &mut Vec<Wrong>) {
        if *self != Self::Now {
            errors.push(Wrong::parameter("as_of", "repeated_parameter", Said::new("Is given more than once.", "Est donné plusieurs fois.")));
            return;
        }
        match Day::parse(value).map(Instant::end_of).or_else(|_| Instant::parse(value)) {
            Ok(instant) if instant.ago() < -AHEAD => {
                let said =
                    Said::new("Is not past yet; a day is past at its end, in Paris.", "N'est pas encore passé ; un jour l'est à sa fin, à Paris.");
                errors.push(Wrong::parameter("as_of", "not_past", said));
            }
            Ok(instant) => *self = Self::Then(instant),
            Err(code) => errors.push(Wrong::fault(Place::Parameter("as_of".to_owned()), code)),
        }
    }

    /// Asks the database something, of that instant, for a caller of this reach.
    pub(super) async fn ask<T>(self, db: &Db, reach: &Reach, ask: impl AsyncFn(&mut Conn) -> Result<T>) -> Result<T> {
        match self {
            Self::Now => db.read(ask).await,
            Self::Then(instant) => then(db, instant, reach, ask).await,
        }
    }

    /// Asks several things of one and the same state of the database, of that instant.
    pub(super) async fn snapshot<T>(self, db: &Db, reach: &Reach, ask: impl AsyncFn(&mut Conn) -> Result<T>) -> Result<T> {
        match self {
            Self::Now => db.snapshot(ask).await,
            Self::Then(instant) => then(db, instant, reach, ask).await,
        }
    }
}

/// What may not be seen today is not seen as it was. What was not there then is not found, whatever became of it.
async fn then<T>(db: &Db, instant: Instant, reach: &Reach, ask: impl AsyncFn(&mut Conn) -> Result<T>) -> Result<T> {
    let sees = if reach.everything { None } else { Some(Sees { partners: reach.partner_places(), teams: reach.team_places() }) };
    let answer = db.past(instant, sees.as_ref(), ask).await;
    answer.map_err(|problem| if std::ptr::eq(problem.kind(), &kinds::GONE) { Problem::new(&kinds::NOT_FOUND) } else { problem })
}
