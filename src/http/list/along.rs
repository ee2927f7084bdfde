//! The related things that `include` names: each word is loaded in one statement for all rows.

use diesel::{Column, pg::Pg, query_builder::QueryFragment, sql_types::Uuid};
use diesel_async::methods::LoadQuery;

use super::{
    Shown, Views,
    read::{order, unknown},
};
use crate::{
    db::{
        Conn,
        listing::{Keys, Listing, Rows},
    },
    http::{Resource, Result, Said, Wrong},
    rights::Reach,
    values::Id,
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
}

impl<V> Along<'_, V> {
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
        C: Column<SqlType = Uuid> + QueryFragment<Pg> + Send + Sync + 'static,
        for<'a> Rows<'a, P>: LoadQuery<'a, Conn, (P, Keys)>,
    {
        if !self.wants(name) {
            return Ok(());
        }
        let mut listing = Listing::<P>::default();
        listing.within(column, self.ids());
        listing.scope = P::scope(self.reach);
        order::<P>(&mut listing.order, P::ORDER, &mut Vec::new());
        let rows = listing.rows(self.conn).await?;
        let mut parts: Views<P> = rows.into_iter().map(|(part, _)| (part.id(), part)).collect();
        P::veil(&mut parts, self.reach, self.conn).await?;
        self.share(parts.into_iter().map(|(_, part)| part), whole, place);
        Ok(())
    }

    /// Gives each part to its row. Every row gets a list, which may be empty.
    pub fn share<P>(&mut self, parts: impl IntoIterator<Item = P>, whole: impl Fn(&P) -> Id, place: impl Fn(&mut V) -> &mut Option<Vec<P>>) {
        let index: std::collections::HashMap<Id, usize> = self.views.iter().enumerate().map(|(index, (id, _))| (*id, index)).collect();
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
