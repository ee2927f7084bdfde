//! The related things that `include` names: each word is loaded in one statement for all rows.

use std::collections::HashMap;

use diesel::{Column, pg::Pg, query_builder::QueryFragment, sql_types::Uuid};
use diesel_async::methods::LoadQuery;
use serde::Serialize;

use super::{
    Shown, Views,
    read::{order, unknown},
};
use crate::{
    db::{
        Budget, Conn, Weighed, contours,
        listing::{Keys, Listing, Rows},
    },
    http::{Problem, Resource, Result, Said, Wrong, kinds},
    rights::Reach,
    values::{Contour, Id},
};

/// The words of `include`.
#[derive(Debug, Default, Clone)]
pub struct Wanted(Vec<&'static str>);

impl Wanted {
    /// Reads `include`. The fault of an unknown word lists the known words with their descriptions.
    pub(super) fn read(&mut self, known: &[(&'static str, &'static str)], value: &str, errors: &mut Vec<Wrong>) {
        for name in value.split(',').map(str::trim) {
            match known.iter().find(|(known, _)| *known == name) {
                Some((known, _)) if self.0.contains(known) => {
                    errors.push(Wrong::parameter("include", "repeated_parameter", Said::new("Names a thing twice.", "Nomme un élément deux fois.")));
                }
                Some((known, _)) => self.0.push(known),
                None => unknown("include", name, known.iter().map(|(known, _)| *known), errors),
            }
        }
    }

    /// Is there no word?
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The rows of an answer, and what is needed to load their related things.
pub struct Along<'a, V> {
    /// The rows.
    pub views: &'a mut Views<V>,
    /// What the caller may see.
    pub reach: &'a Reach,
    /// The connection that they are loaded over.
    pub conn: &'a mut Conn,
    pub(super) wanted: &'a Wanted,
    /// What the rows leave of the answer's bytes.
    pub(super) budget: Budget,
    /// Was the page read backwards? Then its last rows are those that stay.
    pub(super) back: bool,
}

impl<V: Serialize> Along<'_, V> {
    /// Did `include` name this word?
    pub fn wants(&self, name: &str) -> bool {
        self.wanted.0.contains(&name)
    }

    /// The identifiers of the rows.
    pub fn ids(&self) -> Vec<Id> {
        self.views.iter().map(|(id, _)| *id).collect()
    }

    /// Adds the parts that point to the rows by this column, if `include` named them. They come in the order of their own list, and only
    /// those that the caller may see.
    pub async fn parts<P, C>(&mut self, name: &str, column: C, whole: impl Fn(&P) -> Id, place: impl Fn(&mut V) -> &mut Option<Vec<P>>) -> Result<()>
    where
        P: Shown<View = P> + Resource + Send,
        C: Column<SqlType = Uuid> + QueryFragment<Pg> + Clone + Send + Sync + 'static,
        for<'a> Rows<'a, P>: LoadQuery<'a, Conn, Weighed<(P, Keys)>>,
    {
        if !self.wants(name) {
            return Ok(());
        }
        let reach = self.reach;
        let rows = self
            .rows(async |views, budget, conn| {
                let mut listing = Listing::<P>::default();
                listing.within(column.clone(), views.iter().map(|(id, _)| *id).collect());
                listing.scope = P::scope(reach);
                order::<P>(&mut listing.order, P::ORDER, &mut Vec::new());
                Ok(listing.rows_within(budget, conn).await?)
            })
            .await?;
        let mut parts: Views<P> = rows.into_iter().map(|(part, _)| (part.id(), part)).collect();
        P::veil(&mut parts, self.reach, self.conn).await?;
        self.share(parts.into_iter().map(|(_, part)| part), whole, place);
        Ok(())
    }

    /// Loads what comes along for the rows, as far as the budget lasts. If it is too large, half of the rows are left to the next page, and
    /// `ask` is asked again for the others. Refuses (400) what is too large for one thing alone.
    pub async fn rows<R>(&mut self, ask: impl AsyncFn(&Views<V>, &mut Budget, &mut Conn) -> Result<(Vec<R>, bool)>) -> Result<Vec<R>> {
        loop {
            let mut left = self.budget;
            let (rows, ended) = ask(self.views, &mut left, self.conn).await?;
            if !ended {
                self.budget = left;
                return Ok(rows);
            }
            let kept = self.views.len() / 2;
            if kept == 0 {
                let said = Said::new(
                    "What comes along has more than 4 MB: read it by its own list.",
                    "Ce qui accompagne la ressource dépasse 4 Mo : lisez-le par sa propre liste.",
                );
                return Err(Problem::errors(&kinds::INVALID_PARAMETERS, vec![Wrong::parameter("include", "too_large", said)]));
            }
            if self.back {
                self.views.drain(..self.views.len() - kept);
            } else {
                self.views.truncate(kept);
            }
            self.budget = Budget::default();
            for (_, view) in self.views.iter() {
                self.budget.spend(view);
            }
        }
    }

    /// Adds the contours of the rows of this noun, where they are known, if `include` named them.
    pub async fn contours(&mut self, noun: &str, key: impl Fn(Id, &V) -> String, place: impl Fn(&mut V) -> &mut Option<Contour>) -> Result<()> {
        if !self.wants("contour") {
            return Ok(());
        }
        let drawn = self.rows(async |views, budget, conn| {
            let keys: Vec<String> = views.iter().map(|(id, view)| key(*id, view)).collect();
            Ok(contours::drawn(noun, &keys, budget, conn).await?)
        });
        let drawn: HashMap<String, Contour> = drawn.await?.into_iter().collect();
        for (id, view) in self.views.iter_mut() {
            *place(view) = drawn.get(&key(*id, view)).cloned();
        }
        Ok(())
    }

    /// Gives each part to its row. Every row gets a list, which may be empty.
    pub fn share<P>(&mut self, parts: impl IntoIterator<Item = P>, whole: impl Fn(&P) -> Id, place: impl Fn(&mut V) -> &mut Option<Vec<P>>) {
        let index: HashMap<Id, usize> = self.views.iter().enumerate().map(|(index, (id, _))| (*id, index)).collect();
        for (_, view) in self.views.iter_mut() {
            *place(view) = Some(Vec::new());
        }
        for part in parts {
            if let Some((_, view)) = index.get(&whole(&part)).and_then(|index| self.views.get_mut(*index)) {
                place(view).get_or_insert_default().push(part);
            }
        }
    }
}
