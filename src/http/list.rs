//! Lists: what a query string may ask, read against the noun's fields, and the page that answers it.

mod along;
mod cursor;
mod document;
mod page;
mod read;
mod when;

use std::future::ready;

use actix_web::{HttpRequest, web::Data};
use diesel::{Column, pg::Pg, query_builder::QueryFragment, sql_types::Uuid};
use diesel_async::methods::LoadQuery;
use serde::Serialize;

pub use self::{
    along::Along,
    page::{Page, elsewhere},
    read::{number, parameters, unknown},
};
use self::{
    along::Wanted,
    cursor::Cursor,
    page::{Links, Meta},
    when::When,
};
use super::{Caller, PartOf, Problem, Resource, Result, Site, Tagged, kinds};
use crate::{
    db::{
        Conn, Db,
        listing::{Keys, Listed, Listing, Names, Rows, Scope, Total},
    },
    rights::{self, MayName, Reach},
    values::Id,
};

/// How many rows a page has when nobody says, and at most.
const USUAL: i64 = 100;
const MOST: i64 = 1000;
/// The furthest a numbered page may begin. Beyond, a cursor goes on; by columns that are never empty, at the same cost.
const FURTHEST: i64 = 10_000;
/// The most values one filter may list, the most parameters, the longest search.
const VALUES: usize = 200;
const PARAMETERS: usize = 50;
const WORDS: usize = 200;

/// A noun as a list shows it.
pub trait Shown: Listed + Serialize {
    /// One row of the answer: the noun, with what may come along.
    type View: Serialize + From<Self>;
    /// What may come along, and what it is.
    const INCLUDES: &'static [(&'static str, &'static str)] = &[];
    /// Does the ledger keep it, so that it can be asked for as it was?
    const KEPT: bool = true;
    /// The order when nobody says, in the grammar of `sort`.
    const ORDER: &'static str = "";

    /// Which of them may be seen by a caller of this reach; nothing when all may.
    fn scope(_reach: &Reach) -> Option<Scope<Self::Table>> {
        None
    }

    /// Which of them are meant unless this field is asked for; all of them, as a rule.
    fn unless_asked() -> Option<(&'static str, Scope<Self::Table>)> {
        None
    }

    /// Loads what was asked along, in one statement each, whatever the number of rows.
    fn include(_along: &mut Along<'_, Self::View>) -> impl Future<Output = Result<()>> {
        ready(Ok(()))
    }

    /// Takes out what a caller of this reach may not see of those it sees.
    fn veil(_views: &mut Views<Self::View>, _reach: &Reach, _conn: &mut Conn) -> impl Future<Output = Result<()>> {
        ready(Ok(()))
    }
}

/// The rows of an answer, before what comes along is known.
pub type Views<V> = Vec<(Id, V)>;

/// What a query string asks of a noun's list.
pub struct List<N: Shown> {
    listing: Listing<N>,
    caller: Caller,
    when: When,
    wanted: Wanted,
    count: bool,
    limit: i64,
    /// Was it asked for by number, with `offset`? Then its pages go on so.
    numbered: bool,
    /// Says which list this is: a cursor of one goes with no other.
    digest: String,
    site: Data<Site>,
    request: HttpRequest,
}

/// What a query string asks of one thing: of which instant, and what comes along with it.
pub struct One<N> {
    caller: Caller,
    when: When,
    wanted: Wanted,
    noun: std::marker::PhantomData<N>,
}

impl<N: Shown> List<N> {
    /// The page that answers, only with parts of the thing that `whole` finds, to which the column points.
    pub async fn parts<C, W>(mut self, db: &Db, column: C, id: Id, whole: impl AsyncFn(Id, &Reach, &mut Conn) -> Result<W>) -> Result<Page<N::View>>
    where
        C: Column<SqlType = Uuid> + QueryFragment<Pg> + Send + Sync + 'static,
        for<'a> Rows<'a, N>: LoadQuery<'a, Conn, (N, Keys)>,
        for<'a> Total<'a, N>: LoadQuery<'a, Conn, i64>,
        N: Send,
    {
        let reach = self.caller.reach();
        self.when.ask(db, reach, async |conn: &mut Conn| whole(id, reach, conn).await.map(drop)).await?;
        self.listing.within(column, vec![id]);
        self.page(db).await
    }

    /// Only those within this scope, beside what the noun says of itself.
    pub fn only(mut self, scope: Option<Scope<N::Table>>) -> Self {
        self.listing.scope = scope.or(self.listing.scope);
        self
    }

    /// The page that answers.
    pub async fn page(self, db: &Db) -> Result<Page<N::View>>
    where
        for<'a> Rows<'a, N>: LoadQuery<'a, Conn, (N, Keys)>,
        for<'a> Total<'a, N>: LoadQuery<'a, Conn, i64>,
        N: Send,
    {
        // One row more than asked tells whether there is a next page.
        let mut list = self;
        let limit = list.limit;
        list.listing.limit = Some(limit + 1);
        let reach = list.caller.reach().clone();
        let veiled = list.listing.conditions.iter().any(|condition| condition.field.names.is_some()) && !reach.everything;
        let single = !list.count && list.wanted.is_empty() && !veiled;
        if veiled {
            list.know(db).await?;
        }
        let answer = async |conn: &mut Conn| -> Result<_> {
            let mut rows = list.listing.rows(conn).await?;
            let back = list.listing.mark.as_ref().is_some_and(|mark| mark.back);
            let more = rows.len() as i64 > limit;
            if more && back {
                rows.remove(0);
            } else if more {
                rows.pop();
            }
            let total = if list.count { Some(list.listing.total(conn).await?) } else { None };
            let ends = (rows.first().map(|(_, keys)| keys.clone()), rows.last().map(|(_, keys)| keys.clone()));
            let mut views: Views<N::View> = Vec::with_capacity(rows.len());
            for (row, keys) in rows {
                let id = keys.last().cloned().flatten().and_then(|id| Id::parse(&id).ok());
                let id = id.ok_or_else(|| Problem::new(&kinds::INTERNAL))?;
                views.push((id, N::View::from(row)));
            }
            N::veil(&mut views, &reach, conn).await?;
            if !list.wanted.is_empty() {
                N::include(&mut Along { views: &mut views, reach: &reach, conn, wanted: &list.wanted }).await?;
            }
            Ok((views, ends, more, total))
        };
        let (views, ends, more, total) =
            if single { list.when.ask(db, &reach, answer).await? } else { list.when.snapshot(db, &reach, answer).await? };
        let (links, next_cursor) = list.links(ends, more, views.is_empty());
        Ok(Page { data: views.into_iter().map(|(_, view)| view).collect(), links, meta: Meta { limit, next_cursor, total } })
    }

    /// The links of a page whose rows have these keys at their ends, and the cursor of the next page. There may be `more` rows in the
    /// direction in which the page was read.
    fn links(&self, (first, last): (Option<Keys>, Option<Keys>), more: bool, empty: bool) -> (Links, Option<String>) {
        let (limit, offset) = (self.limit, self.listing.offset);
        let seal = |keys: Option<Keys>, back| keys.map(|keys| Cursor { keys, back, digest: self.digest.clone() }.sealed(&self.site.seal));
        let (forward, back) = match &self.listing.mark {
            Some(mark) if mark.back => (true, more),
            mark => (more, mark.is_some()),
        };
        let next_cursor = if forward { seal(last, false) } else { None };
        let prev_cursor = if back { seal(first, true) } else { None };
        // The rows of a page before may be gone meanwhile: then the list goes on at its start.
        let behind = empty && self.listing.mark.as_ref().is_some_and(|mark| mark.back);
        let next = match &next_cursor {
            _ if behind => Some(self.link("offset", "0")),
            Some(_) if self.numbered && offset + limit <= FURTHEST => Some(self.link("offset", &(offset + limit).to_string())),
            Some(cursor) => Some(self.link("cursor", cursor)),
            None => None,
        };
        let prev = match &prev_cursor {
            Some(cursor) => Some(self.link("cursor", cursor)),
            None if offset > 0 => Some(self.link("offset", &(offset - limit).max(0).to_string())),
            None => None,
        };
        let query = self.request.query_string();
        let itself = if query.is_empty() { self.address() } else { format!("{}?{query}", self.address()) };
        (Links { itself, next, prev }, next_cursor)
    }

    /// Of the fiches that are asked for, leaves those that the caller sees; of the rows that name a person who is asked for,
    /// those that may name it to the caller.
    async fn know(&mut self, db: &Db) -> Result<()> {
        let reach = self.caller.reach().clone();
        for condition in &mut self.listing.conditions {
            match &condition.field.names {
                None => {}
                Some(Names::Person(thing)) => {
                    let places = reach.partner_places();
                    condition.beside = Some(Box::new(MayName { thing: &**thing, person: condition.field.column(), places }));
                }
                Some(names @ (Names::Fiche | Names::Document)) => {
                    let asked: Vec<Id> = condition.values.iter().filter_map(|value| Id::parse(value).ok()).collect();
                    let known = async |conn: &mut Conn| {
                        Ok(match names {
                            Names::Document => rights::visible_documents(&asked, &reach, conn).await?,
                            _ => rights::visible_fiches(&asked, &reach, conn).await?,
                        })
                    };
                    let known = self.when.ask(db, &reach, known).await?;
                    condition.values.retain(|value| Id::parse(value).is_ok_and(|id| known.contains(&id)));
                }
            }
        }
        Ok(())
    }

    fn address(&self) -> String {
        format!("{}{}", self.site.url, self.request.path())
    }

    /// The same list elsewhere: this parameter replaces `cursor` and `offset`.
    fn link(&self, name: &str, value: &str) -> String {
        format!("{}?{}", self.address(), elsewhere(self.request.query_string(), name, value))
    }
}

impl<N: Shown> One<N> {
    /// The thing that `find` finds where the path says, with what was asked along, of the same instant.
    pub async fn answer<P: Copy>(&self, db: &Db, path: P, find: impl AsyncFn(P, &Reach, &mut Conn) -> Result<N>) -> Result<Tagged<N::View>>
    where
        N: Resource,
    {
        let reach = self.caller.reach();
        let ask = async |conn: &mut Conn| {
            let thing = find(path, reach, conn).await?;
            let (id, version) = (thing.id(), thing.version());
            let mut views = vec![(id, N::View::from(thing))];
            N::veil(&mut views, reach, conn).await?;
            if !self.wanted.is_empty() {
                N::include(&mut Along { views: &mut views, reach, conn, wanted: &self.wanted }).await?;
            }
            let (_, view) = views.pop().ok_or_else(|| Problem::new(&kinds::INTERNAL))?;
            Ok(Tagged(version, view))
        };
        if self.wanted.is_empty() { self.when.ask(db, reach, ask).await } else { self.when.snapshot(db, reach, ask).await }
    }
}

impl<N: Shown + Resource> One<N> {
    /// The part that `find` finds, of a thing that the caller sees: what is of a hidden thing is hidden.
    pub async fn part<W>(
        &self,
        db: &Db,
        path: PartOf,
        whole: impl AsyncFn(Id, &Reach, &mut Conn) -> Result<W>,
        find: impl AsyncFn(PartOf, &Reach, &mut Conn) -> Result<N>,
    ) -> Result<Tagged<N::View>> {
        self.answer(db, path, async |path: PartOf, reach: &Reach, conn: &mut Conn| {
            whole(path.id, reach, conn).await?;
            find(path, reach, conn).await
        })
        .await
    }
}
