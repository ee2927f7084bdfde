//! Lists: the query string is read with the fields of the noun, and a page answers it.

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
    page::{Page, anywhere, elsewhere},
    read::{number, once, parameters, unknown, value},
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
        Budget, Conn, Db, Weighed,
        listing::{Keys, Listed, Listing, Names, Operator, Rows, Scope, Total},
    },
    rights::{self, MayName, Reach},
    values::Id,
};

/// The number of rows on a page: the default, and the most.
const USUAL: i64 = 100;
const MOST: i64 = 1000;
/// The largest `offset`. Beyond it, a list is followed by cursors, whose cost does not grow, if the columns of the order are never empty.
const FURTHEST: i64 = 10_000;
/// The most values one filter may list, and the longest search.
const VALUES: usize = 200;
const WORDS: usize = 200;

/// The filter that `with_predecessors` widens.
const TERRITORY: &str = "territory_id";

/// A noun that can be listed over HTTP.
pub trait Shown: Listed + Serialize {
    /// A row of the answer: the noun, with the related things that `include` names.
    type View: Serialize + From<Self>;
    /// The words of `include`, each with its description.
    const INCLUDES: &'static [(&'static str, &'static str)] = &[];
    /// Does the ledger keep the noun, so that `as_of` can ask for its past?
    const KEPT: bool = true;
    /// The default order, in the grammar of `sort`.
    const ORDER: &'static str = "";

    /// The rows that a caller with this reach may see; nothing when the caller may see all.
    fn scope(_reach: &Reach) -> Option<Scope<Self::Table>> {
        None
    }

    /// A field, and the rows that are listed as long as no filter names the field. Most nouns list all rows.
    fn unless_asked() -> Option<(&'static str, Scope<Self::Table>)> {
        None
    }

    /// Loads what `include` named: one statement for each word, whatever the number of rows.
    fn include(_along: &mut Along<'_, Self::View>) -> impl Future<Output = Result<()>> {
        ready(Ok(()))
    }

    /// Removes from the rows what a caller with this reach may not see.
    fn veil(_views: &mut Views<Self::View>, _reach: &Reach, _conn: &mut Conn) -> impl Future<Output = Result<()>> {
        ready(Ok(()))
    }
}

/// The rows of an answer, each with its identifier, before what `include` named is loaded.
pub type Views<V> = Vec<(Id, V)>;

/// What a query string asks of a noun's list.
pub struct List<N: Shown> {
    listing: Listing<N>,
    caller: Caller,
    when: When,
    wanted: Wanted,
    count: bool,
    /// Does a filter by territory find what is of its predecessors too?
    predecessors: bool,
    limit: i64,
    /// Was `offset` given? Then the links of the page use `offset` as well.
    numbered: bool,
    /// Tells lists apart: a cursor of one list is refused for another.
    digest: String,
    site: Data<Site>,
    request: HttpRequest,
}

/// The rows that answer a query.
struct Found<V> {
    views: Views<V>,
    /// The keys of the first and of the last row.
    first: Option<Keys>,
    last: Option<Keys>,
    /// Are there more rows, in the direction in which the page was read?
    more: bool,
    /// Did the page end before its limit, since it would have too many bytes?
    early: bool,
    total: Option<i64>,
}

/// What a query string asks about one thing: `as_of` and `include`.
pub struct One<N> {
    caller: Caller,
    when: When,
    wanted: Wanted,
    noun: std::marker::PhantomData<N>,
}

impl<N: Shown> List<N> {
    /// The page with the parts of one thing. `whole` finds the thing; the column of a part points to it.
    pub async fn parts<C, W>(mut self, db: &Db, column: C, id: Id, whole: impl AsyncFn(Id, &Reach, &mut Conn) -> Result<W>) -> Result<Page<N::View>>
    where
        C: Column<SqlType = Uuid> + QueryFragment<Pg> + Send + Sync + 'static,
        for<'a> Rows<'a, N>: LoadQuery<'a, Conn, Weighed<(N, Keys)>>,
        for<'a> Total<'a, N>: LoadQuery<'a, Conn, i64>,
        N: Send,
    {
        let reach = self.caller.reach();
        self.when.ask(db, reach, async |conn: &mut Conn| whole(id, reach, conn).await.map(drop)).await?;
        self.listing.within(column, vec![id]);
        self.page(db).await
    }

    /// Replaces the scope of the noun by this one, if there is one.
    pub fn only(mut self, scope: Option<Scope<N::Table>>) -> Self {
        self.listing.scope = scope.or(self.listing.scope);
        self
    }

    /// The page that answers the query.
    pub async fn page(self, db: &Db) -> Result<Page<N::View>>
    where
        for<'a> Rows<'a, N>: LoadQuery<'a, Conn, Weighed<(N, Keys)>>,
        for<'a> Total<'a, N>: LoadQuery<'a, Conn, i64>,
        N: Send,
    {
        // One row more than the page holds is asked for: it tells whether there is a next page.
        let mut list = self;
        let limit = list.limit;
        list.listing.limit = Some(limit + 1);
        let reach = list.caller.reach().clone();
        let veiled = list.listing.conditions.iter().any(|condition| condition.field.names.is_some()) && !reach.everything;
        let single = !list.count && list.wanted.is_empty() && !veiled;
        if veiled {
            list.know(db).await?;
        }
        if list.predecessors {
            list.go_back(db).await?;
        }
        let answer = async |conn: &mut Conn| -> Result<_> {
            let mut budget = Budget::default();
            let (mut rows, mut early) = list.listing.rows_within(&mut budget, conn).await?;
            let back = list.listing.mark.as_ref().is_some_and(|mark| mark.back);
            let more = rows.len() as i64 > limit;
            if more && back {
                rows.remove(0);
            } else if more {
                rows.pop();
            }
            let total = if list.count { Some(list.listing.total(conn).await?) } else { None };
            let mut views: Views<N::View> = Vec::with_capacity(rows.len());
            let mut ends = Vec::with_capacity(rows.len());
            for (row, keys) in rows {
                let id = keys.last().cloned().flatten().and_then(|id| Id::parse(&id).ok());
                views.push((id.ok_or_else(|| Problem::new(&kinds::INTERNAL))?, N::View::from(row)));
                ends.push(keys);
            }
            N::veil(&mut views, &reach, conn).await?;
            if !list.wanted.is_empty() {
                N::include(&mut Along { views: &mut views, reach: &reach, conn, wanted: &list.wanted, budget, back }).await?;
            }
            // Rows that left no room for what comes along are on the next page.
            let left = ends.len() - views.len();
            early |= left > 0;
            ends.drain(if back { 0..left } else { views.len()..ends.len() });
            Ok(Found { views, first: ends.first().cloned(), last: ends.pop(), more: more || early, early, total })
        };
        let found = if single { list.when.ask(db, &reach, answer).await? } else { list.when.snapshot(db, &reach, answer).await? };
        let (links, next_cursor) = list.links(&found);
        let meta = Meta { limit, next_cursor, total: found.total, ended_early: found.early.then_some(true) };
        Ok(Page { data: found.views.into_iter().map(|(_, view)| view).collect(), links, meta })
    }

    /// The links of a page, and the cursor of the next one.
    fn links(&self, found: &Found<N::View>) -> (Links, Option<String>) {
        let (limit, offset, empty) = (self.limit, self.listing.offset, found.views.is_empty());
        let further = if found.early { found.views.len() as i64 } else { limit };
        let seal = |keys: &Option<Keys>, back| {
            let keys = keys.clone()?;
            Some(Cursor { keys, back, digest: self.digest.clone() }.sealed(&self.site.seal))
        };
        let (forward, back) = match &self.listing.mark {
            Some(mark) if mark.back => (true, found.more),
            mark => (found.more, mark.is_some()),
        };
        let next_cursor = if forward { seal(&found.last, false) } else { None };
        let prev_cursor = if back { seal(&found.first, true) } else { None };
        // The rows of the previous page may be deleted meanwhile: then the list continues at its start.
        let behind = empty && self.listing.mark.as_ref().is_some_and(|mark| mark.back);
        let next = match &next_cursor {
            _ if behind => Some(self.link("offset", "0")),
            Some(_) if self.numbered && offset + further <= FURTHEST => Some(self.link("offset", &(offset + further).to_string())),
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

    /// Keeps a filter from telling what is hidden. A filter by fiche or document finds only those that the caller may see. A filter by
    /// person finds only rows that may name the person to the caller.
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

    /// Widens the filter by territory to those that the territory succeeds.
    async fn go_back(&mut self, db: &Db) -> Result<()> {
        let reach = self.caller.reach().clone();
        for condition in
            self.listing.conditions.iter_mut().filter(|condition| condition.field.name == TERRITORY && condition.operator == Operator::Is)
        {
            let asked: Vec<Id> = condition.values.iter().filter_map(|value| Id::parse(value).ok()).collect();
            let reached = self.when.ask(db, &reach, async |conn: &mut Conn| Ok(rights::and_predecessors(&asked, conn).await?)).await?;
            condition.values = reached.iter().map(Id::to_string).collect();
        }
        Ok(())
    }

    fn address(&self) -> String {
        format!("{}{}", self.site.url, self.request.path())
    }

    /// The address of the same list with this parameter instead of `cursor` and `offset`.
    fn link(&self, name: &str, value: &str) -> String {
        format!("{}?{}", self.address(), elsewhere(self.request.query_string(), name, value))
    }
}

impl<N: Shown> One<N> {
    /// The thing that `find` finds at this path, together with what `include` named, all of the same instant.
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
                let budget = Budget::default();
                N::include(&mut Along { views: &mut views, reach, conn, wanted: &self.wanted, budget, back: false }).await?;
            }
            let (_, view) = views.pop().ok_or_else(|| Problem::new(&kinds::INTERNAL))?;
            Ok(Tagged(version, view))
        };
        if self.wanted.is_empty() { self.when.ask(db, reach, ask).await } else { self.when.snapshot(db, reach, ask).await }
    }
}

impl<N: Shown + Resource> One<N> {
    /// The part that `find` finds, if the caller may see its whole: parts of a hidden thing are hidden.
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
