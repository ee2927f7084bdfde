//! What is the same for any noun: how a thing is found, listed, written, removed and brought back, and in which order a
//! caller's rights, the version and the body are checked. A noun brings its types, its card and its statements.
//!
//! A *noun* is a kind of thing with addresses of its own (`objectives`), or a *part* of one (`action-fiches/{id}/milestones`).
//! Both implement [`Noun`]; [`Whole`] says which of the two it is.
//!
//! - [`act`]: the one way of writing: every handler, command and loader writes through it.
//! - [`entry`]: a route together with its entry in the document.
//! - [`routes`]: the five operations, for the nouns that choose them.
//! - [`history`]: what happened to a thing, and the way back.

mod act;
mod card;
mod entry;
mod history;
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

/// Who does something to a thing: whoever holds the noun's role ([`Noun::Right`]) over this place.
pub enum Where<T> {
    /// Over the nation.
    Nation,
    /// Over any place at all: what is particular to the noun decides.
    Anywhere,
    /// Where its whole is changed. Of parts alone.
    Whole,
    /// Over the place that the thing, or what is to be made, names.
    At(fn(&T) -> Place),
}

/// Who makes, changes and removes the things of a noun.
pub struct Writing<N: Noun> {
    /// Makes one.
    pub make: Where<N::New>,
    /// Changes one.
    pub change: Where<N>,
    /// Removes one.
    pub remove: Where<N>,
}

impl<N: Noun> Writing<N> {
    /// The nation writes them all.
    pub const NATION: Self = Self { make: Where::Nation, change: Where::Nation, remove: Where::Nation };
    /// Who changes the whole writes its parts.
    pub const WHOLE: Self = Self { make: Where::Whole, change: Where::Whole, remove: Where::Whole };

    /// Who writes at their place writes them: the place of one that stands, and of one that is to be made.
    pub const fn at(stands: fn(&N) -> Place, made: fn(&N::New) -> Place) -> Self {
        Self { make: Where::At(made), change: Where::At(stands), remove: Where::At(stands) }
    }
}

/// A noun, or a part of one: its types, its card, its four statements, and what is particular to it.
///
/// The statements are concrete over the noun's table. What is checked around them, and in which order, is [`act`]'s.
pub trait Noun: Paged + Resource + ToSchema {
    /// What is true of it and not said by its types.
    const CARD: Card;
    /// Who writes it.
    const WRITING: Writing<Self>;
    /// The members by which it names something that not everyone may see.
    const NAMES: &'static [Naming<Self>] = &[];
    /// May a caller of this reach see the row? Where the row itself can tell, the statement that reads one is the same for
    /// every caller. Else [`Shown::scope`](crate::http::Shown::scope) goes into the statement.
    const SEEN: Option<fn(&Self, &Reach) -> bool> = None;
    /// Its parts.
    const PARTS: &'static [Face] = &[];
    /// What it is a part of: [`Of`] a noun, or [`Alone`].
    type Whole: Whole;
    /// The role by which it is written. A caller without that role is refused before the body is read.
    type Right: Right;
    /// The body that makes one.
    type New: DeserializeOwned + ToSchema + Debug + 'static;
    /// The body that changes one.
    type Patch: DeserializeOwned + ToSchema + 'static;

    /// Its operations, of which most nouns take [`Operations`] as they are. Those of its parts are added by themselves.
    fn routes(routes: &mut ServiceConfig);

    /// The one at this address.
    fn fetch(at: Address<Self>, conn: &mut Conn) -> impl Future<Output = QueryResult<Self>>;
    /// Makes one at this address, without the parts that come in its body.
    fn insert(at: Address<Self>, new: &Self::New, conn: &mut Conn) -> impl Future<Output = Result<Self>>;
    /// Changes the one at this address.
    fn patch(at: Address<Self>, patch: &Self::Patch, conn: &mut Conn) -> impl Future<Output = QueryResult<Self>>;
    /// Removes the one at this address.
    fn remove(at: Address<Self>, conn: &mut Conn) -> impl Future<Output = QueryResult<usize>>;

    /// Hands over the parts that come in its body, each kind with the member that holds them.
    fn parts(_new: &Self::New, _parts: &mut Parts<'_>) -> impl Future<Output = Result<()>> {
        std::future::ready(Ok(()))
    }

    /// Into which thing the one with this identifier was merged, if it was.
    fn moved(_id: Id, _conn: &mut Conn) -> impl Future<Output = Result<Option<Id>>> {
        std::future::ready(Ok(None))
    }

    /// Refuses what is particular in making one. Asked before the write: after it, a constraint's answer could tell of
    /// what the caller may not see.
    fn may_make(_new: &Self::New, _by: &Writer, _conn: &mut Conn) -> impl Future<Output = Result<()>> {
        std::future::ready(Ok(()))
    }

    /// Refuses who may not change or remove it as it stands, beyond [`WRITING`](Self::WRITING). Asked before the version.
    fn may_write(&self, _by: &Writer, _conn: &mut Conn) -> impl Future<Output = Result<()>> {
        std::future::ready(Ok(()))
    }

    /// Refuses what is particular in changing it.
    fn may_change(&self, _patch: &Self::Patch, _by: &Writer, _conn: &mut Conn) -> impl Future<Output = Result<()>> {
        std::future::ready(Ok(()))
    }

    /// Refuses what is particular in removing it. Asked before the version.
    fn may_remove(&self, _by: &Writer, _conn: &mut Conn) -> impl Future<Output = Result<()>> {
        std::future::ready(Ok(()))
    }

    /// Does what follows from making or changing it, and refuses what only the written row can tell.
    fn settle(&self, _by: &Writer, _conn: &mut Conn) -> impl Future<Output = Result<()>> {
        std::future::ready(Ok(()))
    }

    /// Refuses what is particular in restoring one: `last` is the row as it was last, `then` the row that comes back.
    fn may_restore(_restoration: &Restoration<'_>, _by: &Writer, _conn: &mut Conn) -> impl Future<Output = Result<()>> {
        std::future::ready(Ok(()))
    }

    /// Refuses, once one is restored, what only the restored rows can tell.
    fn settle_restored(_restoration: &Restoration<'_>, _by: &Writer, _conn: &mut Conn) -> impl Future<Output = Result<()>> {
        std::future::ready(Ok(()))
    }
}

/// The thing at this address, if the caller may see it. Errs with 404, or with 410 if it was deleted.
pub async fn look<N: Noun>(at: Address<N>, reach: &Reach, conn: &mut Conn) -> Result<N> {
    let found = match (N::scope(reach), N::SEEN) {
        (None, _) => N::fetch(at, conn).await,
        (Some(_), Some(seen)) => N::fetch(at, conn).await.and_then(|thing| if seen(&thing, reach) { Ok(thing) } else { Err(NotFound) }),
        (Some(scope), None) => N::one::<N::Whole>(at.whole, at.id, scope, conn).await,
    };
    found.or_gone(N::CARD.table, N::Whole::id(at.whole), at.id, reach, conn).await
}

/// The thing at this address, for who reads it: one that was merged is told to be where the other one is (308).
pub async fn find<N: Noun>(at: Address<N>, reach: &Reach, conn: &mut Conn) -> Result<N> {
    match look(at, reach, conn).await {
        Err(problem) if problem.kind() == &kinds::GONE => Err(N::moved(at.id, conn).await?.map_or(problem, Problem::moved)),
        found => found,
    }
}

/// The thing at this address, which is no part: seen by the caller, and locked until the transaction ends. It is looked at before
/// it is locked: a caller who does not see it must not learn by waiting that it is there.
pub async fn hold<N: Noun>(at: Address<N>, reach: &Reach, conn: &mut Conn) -> Result<N> {
    let thing = look(at, reach, conn).await?;
    match lock_row(N::CARD.table, at.id, conn).await? {
        Some(version) if version == thing.version() => Ok(thing),
        // Somebody else wrote it between the two.
        _ => look(at, reach, conn).await,
    }
}

/// The identifier that this member of a row holds.
pub fn id_in(row: &Value, member: &str) -> Option<Id> {
    Id::parse(row.get(member)?.as_str()?).ok()
}
