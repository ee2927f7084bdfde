//! What is the same for any noun: how a thing is found, listed, written, removed and brought back, and in which order a
//! caller's rights, the version and the body are checked. A noun brings its types, its card and its statements.
//!
//! A *noun* is a kind of thing with addresses of its own (`objectives`), or a *part* of one (`action-fiches/{id}/milestones`).
//! Both implement [`Noun`]; [`Whole`] says which of the two it is.
//!
//! - `act`: the one way of writing: every handler, command and loader writes through it.
//! - `entry`: a route together with its entry in the document.
//! - `routes`: the five operations, for the nouns that choose them.
//! - `history`: what happened to a thing, and the way back.
//! - `merging`: two things that are one, and two again.

mod act;
mod card;
mod entry;
mod history;
mod merging;
mod moves;
mod naming;
mod routes;
mod whole;

use std::fmt::Debug;

use diesel::{NotFound, QueryResult};
use serde::de::DeserializeOwned;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

pub use self::{
    act::{Act, Done, Parts, act, open},
    card::{Card, Face, Rule, in_words},
    entry::Entry,
    history::Restoration,
    merging::{Merge, Merging, merge, unmerge},
    moves::may_move,
    naming::{Naming, may_cite_so},
    routes::Operations,
    whole::{Address, Alone, Of, Paged, Whole, Within},
};
use crate::{
    db::{Conn, refs::lock_row},
    http::{OrGone, Problem, Resource, Result, Right, Writer, kinds},
    rights::{Place, Reach},
    values::Id,
};

/// The place over which a caller must hold the role of the noun ([`Noun::Right`]) to do something to a thing.
pub enum Where<T> {
    /// The nation.
    Nation,
    /// Any place: the particular rules of the noun decide.
    Anywhere,
    /// The place over which the whole is changed. For parts only.
    Whole,
    /// The place that the thing, or the body of a new thing, names.
    At(fn(&T) -> Place),
}

/// Who may create, change and remove the things of a noun.
pub struct Writing<N: Noun> {
    /// Who may create a thing.
    pub make: Where<N::New>,
    /// Who may change a thing.
    pub change: Where<N>,
    /// Who may remove a thing.
    pub remove: Where<N>,
}

impl<N: Noun> Writing<N> {
    /// Only the nation writes the things.
    pub const NATION: Self = Self { make: Where::Nation, change: Where::Nation, remove: Where::Nation };
    /// Callers who may change the whole may write its parts.
    pub const WHOLE: Self = Self { make: Where::Whole, change: Where::Whole, remove: Where::Whole };

    /// Callers with the role over the place of a thing may write it: the place of an existing thing, and of a new one.
    pub const fn at(stands: fn(&N) -> Place, made: fn(&N::New) -> Place) -> Self {
        Self { make: Where::At(made), change: Where::At(stands), remove: Where::At(stands) }
    }
}

/// A noun, or a part of one: its types, its card, its four statements, and its particular rules.
///
/// The statements are concrete over the table of the noun. [`act()`] does the checks around them, in one order.
pub trait Noun: Paged + Resource + ToSchema {
    /// What is true of the noun and not said by its types.
    const CARD: Card;
    /// Who may write the things of the noun.
    const WRITING: Writing<Self>;
    /// The members that name things which not everyone may see.
    const NAMES: &'static [Naming<Self>] = &[];
    /// May a caller with this reach see the row? If the row itself can tell, the statement that reads it is the same for every caller. Else
    /// [`Shown::scope`](crate::http::Shown::scope) becomes a part of the statement.
    const SEEN: Option<fn(&Self, &Reach) -> bool> = None;
    /// The parts of the noun.
    const PARTS: &'static [Face] = &[];
    /// What the things are parts of: of another noun ([`Of`]), or of nothing ([`Alone`]).
    type Whole: Whole;
    /// The role that writing needs. A caller without the role is refused before the body is read.
    type Right: Right;
    /// The body of a request that creates a thing.
    type New: DeserializeOwned + ToSchema + Debug + 'static;
    /// The body of a request that changes a thing.
    type Patch: DeserializeOwned + ToSchema + 'static;

    /// Registers the operations of the noun. Most nouns take the shared [`Operations`]. The operations of its parts are registered without
    /// this.
    fn routes(routes: &mut ServiceConfig);

    /// Finds the row at this address.
    fn fetch(at: Address<Self>, conn: &mut Conn) -> impl Future<Output = QueryResult<Self>>;
    /// Inserts the row at this address, without the parts in its body.
    fn insert(at: Address<Self>, new: &Self::New, conn: &mut Conn) -> impl Future<Output = Result<Self>>;
    /// Updates the row at this address.
    fn patch(at: Address<Self>, patch: &Self::Patch, conn: &mut Conn) -> impl Future<Output = QueryResult<Self>>;
    /// Deletes the row at this address.
    fn remove(at: Address<Self>, conn: &mut Conn) -> impl Future<Output = QueryResult<usize>>;

    /// Hands over the parts in the body, with the member that holds each kind of part.
    fn parts(_new: &Self::New, _parts: &mut Parts<'_>) -> impl Future<Output = Result<()>> {
        std::future::ready(Ok(()))
    }

    /// The thing that the thing with this identifier was merged into, if it was merged.
    fn moved(_id: Id, _conn: &mut Conn) -> impl Future<Output = Result<Option<Id>>> {
        std::future::ready(Ok(None))
    }

    /// Checks the particular rules of creating. It runs before the write: else the refusal of a constraint could tell about a thing that
    /// the caller may not see.
    fn may_make(_new: &Self::New, _by: &Writer, _conn: &mut Conn) -> impl Future<Output = Result<()>> {
        std::future::ready(Ok(()))
    }

    /// Checks further rules of who may change or remove the thing, beyond [`WRITING`](Self::WRITING). It runs before the version is
    /// checked.
    fn may_write(&self, _by: &Writer, _conn: &mut Conn) -> impl Future<Output = Result<()>> {
        std::future::ready(Ok(()))
    }

    /// Checks the particular rules of changing.
    fn may_change(&self, _patch: &Self::Patch, _by: &Writer, _conn: &mut Conn) -> impl Future<Output = Result<()>> {
        std::future::ready(Ok(()))
    }

    /// Checks the particular rules of removing. It runs before the version is checked.
    fn may_remove(&self, _by: &Writer, _conn: &mut Conn) -> impl Future<Output = Result<()>> {
        std::future::ready(Ok(()))
    }

    /// Does what follows from creating or changing the thing, and checks what only the written row can tell.
    fn settle(&self, _by: &Writer, _conn: &mut Conn) -> impl Future<Output = Result<()>> {
        std::future::ready(Ok(()))
    }

    /// Checks the particular rules of restoring: `last` is the last row of the thing, `then` the row that is restored.
    fn may_restore(_restoration: &Restoration<'_>, _by: &Writer, _conn: &mut Conn) -> impl Future<Output = Result<()>> {
        std::future::ready(Ok(()))
    }

    /// Checks, after the restore, what only the restored rows can tell.
    fn settle_restored(_restoration: &Restoration<'_>, _by: &Writer, _conn: &mut Conn) -> impl Future<Output = Result<()>> {
        std::future::ready(Ok(()))
    }
}

/// Finds the thing at this address, if the caller may see it. The error is 404, or 410 if the thing was deleted.
pub async fn look<N: Noun>(at: Address<N>, reach: &Reach, conn: &mut Conn) -> Result<N> {
    let found = match (N::scope(reach), N::SEEN) {
        (None, _) => N::fetch(at, conn).await,
        (Some(_), Some(seen)) => N::fetch(at, conn).await.and_then(|thing| if seen(&thing, reach) { Ok(thing) } else { Err(NotFound) }),
        (Some(scope), None) => N::one::<N::Whole>(at.whole, at.id, scope, conn).await,
    };
    found.or_gone(N::CARD.table, N::Whole::id(at.whole), at.id, reach, conn).await
}

/// Finds the thing at this address, for reading: for a merged thing, 308 names the thing that stays.
pub async fn find<N: Noun>(at: Address<N>, reach: &Reach, conn: &mut Conn) -> Result<N> {
    match look(at, reach, conn).await {
        Err(problem) if problem.kind() == &kinds::GONE => Err(N::moved(at.id, conn).await?.map_or(problem, Problem::moved)),
        found => found,
    }
}

/// Finds the thing at this address, which is not a part, and locks it until the transaction ends. The caller must be allowed to see it.
/// This is checked before the lock: else a caller could learn from the waiting time that a hidden thing exists.
pub async fn lock<N: Noun>(at: Address<N>, reach: &Reach, conn: &mut Conn) -> Result<N> {
    let thing = look(at, reach, conn).await?;
    match lock_row(N::CARD.table, at.id, conn).await? {
        Some(version) if version == thing.version() => Ok(thing),
        // Somebody else changed it between the look and the lock.
        _ => look(at, reach, conn).await,
    }
}

/// The identifier that this member of a row holds.
pub fn id_in(row: &Value, member: &str) -> Option<Id> {
    Id::parse(row.get(member)?.as_str()?).ok()
}
