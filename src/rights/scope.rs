//! What may be seen, as conditions on rows.

use std::collections::HashSet;

use diesel::{
    AppearsOnTable, Column, Expression, QueryResult,
    expression::ValidGrouping,
    pg::Pg,
    prelude::*,
    query_builder::{AstPass, QueryFragment},
    sql_types::{Array, Bool, Text, Uuid},
};
use diesel_async::RunQueryDsl;

use super::Reach;
use crate::{
    db::{Conn, listing::Scope},
    schema::{action_fiches, committee_seats, committees, documents, people},
    values::Id,
};

/// The people whom a caller may know: those who may be named in public; those who sit in a committee within reach; and for
/// an approver, those who sit nowhere yet.
pub fn people(reach: &Reach) -> Option<Scope<people::table>> {
    if reach.everything {
        return None;
    }
    let public = people::publication_basis.ne("not_publishable");
    if reach.is_public() {
        return Some(Scope::of(public));
    }
    let seated = committee_seats::table.filter(committee_seats::person_id.is_not_null()).inner_join(committees::table);
    let within = committees::territory_id.eq_any(reach.territories.clone()).or(committees::region_code.eq_any(reach.regions.clone()));
    let within = people::id.eq_any(seated.filter(within).select(committee_seats::person_id.assume_not_null()));
    if !reach.approver {
        return Some(Scope::of(public.or(within)));
    }
    let nowhere = people::id.ne_all(seated.select(committee_seats::person_id.assume_not_null()));
    Some(Scope::of(public.or(within).or(nowhere)))
}

/// Those of these people whom a caller may know.
pub async fn visible_people(ids: &[Id], reach: &Reach, conn: &mut Conn) -> QueryResult<HashSet<Id>> {
    let mut known = people::table.filter(people::id.eq_any(ids)).select(people::id).into_boxed();
    if let Some(scope) = people(reach) {
        known = known.filter(scope);
    }
    known.load(conn).await.map(HashSet::from_iter)
}

/// The fiches that a caller may see.
pub fn fiches(reach: &Reach) -> Option<Scope<action_fiches::table>> {
    if reach.everything {
        return None;
    }
    let public = action_fiches::visibility.eq("public");
    if reach.is_public() {
        return Some(Scope::of(public));
    }
    let partners = action_fiches::visibility.eq("partners").and(action_fiches::territory_id.eq_any(reach.territories.clone()));
    let teams = action_fiches::territory_id.eq_any(reach.teams.clone());
    Some(Scope::of(public.or(partners).or(teams).or(action_fiches::id.eq_any(reach.fiches.clone()))))
}

/// The rows of a territory that a caller may see, by their own visibility.
pub fn visible<V, T>(visibility: V, territory: T, reach: &Reach) -> Option<Scope<V::Table>>
where
    V: Column<SqlType = Text> + QueryFragment<Pg> + Send + Sync + 'static,
    T: Column<Table = V::Table> + QueryFragment<Pg> + Send + Sync + 'static,
{
    (!reach.everything).then(|| Scope::of(Visible { visibility, territory, territories: reach.territories.clone(), teams: reach.teams.clone() }))
}

/// The parts of fiches that a caller may see, by a visibility of their own.
pub fn visible_part<V, F>(visibility: V, fiche: F, reach: &Reach) -> Option<Scope<V::Table>>
where
    V: Column<SqlType = Text> + QueryFragment<Pg> + Send + Sync + 'static,
    F: Column<Table = V::Table> + QueryFragment<Pg> + Send + Sync + 'static,
{
    (!reach.everything).then(|| {
        let (territories, teams, fiches) = (reach.territories.clone(), reach.teams.clone(), reach.fiches.clone());
        Scope::of(VisiblePart { visibility, fiche, territories, teams, fiches })
    })
}

/// Does the caller see this fiche? None is seen by everyone.
pub async fn sees_fiche(fiche: Option<Id>, reach: &Reach, conn: &mut Conn) -> QueryResult<bool> {
    let Some(fiche) = fiche else { return Ok(true) };
    Ok(!visible_fiches(&[fiche], reach, conn).await?.is_empty())
}

/// Those of these fiches that the caller sees.
pub async fn visible_fiches(ids: &[Id], reach: &Reach, conn: &mut Conn) -> QueryResult<HashSet<Id>> {
    let mut found = action_fiches::table.filter(action_fiches::id.eq_any(ids)).select(action_fiches::id).into_boxed();
    if let Some(scope) = fiches(reach) {
        found = found.filter(scope);
    }
    Ok(found.load(conn).await?.into_iter().collect())
}

/// Does the caller see this document? None is seen by everyone.
pub async fn sees_document(document: Option<Id>, reach: &Reach, conn: &mut Conn) -> QueryResult<bool> {
    let Some(document) = document else { return Ok(true) };
    let mut found = documents::table.find(document).select(documents::id).into_boxed();
    if let Some(scope) = visible(documents::visibility, documents::territory_id, reach) {
        found = found.filter(scope);
    }
    found.first::<Id>(conn).await.optional().map(|found| found.is_some())
}

/// Leaves out who holds something, where the caller may not know the person.
pub async fn veil<'a>(holders: impl Iterator<Item = &'a mut Option<Id>>, reach: &Reach, conn: &mut Conn) -> QueryResult<()> {
    if reach.everything {
        return Ok(());
    }
    let holders: Vec<&mut Option<Id>> = holders.filter(|holder| holder.is_some()).collect();
    let people: Vec<Id> = holders.iter().filter_map(|holder| **holder).collect();
    let known = visible_people(&people, reach, conn).await?;
    for holder in holders {
        *holder = holder.filter(|person| known.contains(person));
    }
    Ok(())
}

/// Both of two conditions, where they are there.
pub fn both<T>(one: Option<Scope<T>>, other: Option<Scope<T>>) -> Option<Scope<T>> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.and(other)),
        (one, other) => one.or(other),
    }
}

/// The rows that name a fiche which the caller may see, or none.
pub fn of_visible_fiche<C>(fiche: C, reach: &Reach) -> Option<Scope<C::Table>>
where
    C: Column + QueryFragment<Pg> + Send + Sync + 'static,
{
    fiches(reach).map(|fiches| Scope::of(OfVisibleFiche { fiche, fiches }))
}

/// `visibility` and `territory_id` within reach.
struct Visible<V, T> {
    visibility: V,
    territory: T,
    territories: Vec<Id>,
    teams: Vec<Id>,
}

impl<V: QueryFragment<Pg>, T: QueryFragment<Pg>> QueryFragment<Pg> for Visible<V, T> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.visibility.walk_ast(out.reborrow())?;
        out.push_sql(" = 'public'");
        if !self.territories.is_empty() {
            out.push_sql(" OR ");
            self.visibility.walk_ast(out.reborrow())?;
            out.push_sql(" = 'partners' AND ");
            self.territory.walk_ast(out.reborrow())?;
            out.push_sql(" = ANY(");
            out.push_bind_param::<Array<Uuid>, _>(&self.territories)?;
            out.push_sql(")");
        }
        if !self.teams.is_empty() {
            out.push_sql(" OR ");
            self.territory.walk_ast(out.reborrow())?;
            out.push_sql(" = ANY(");
            out.push_bind_param::<Array<Uuid>, _>(&self.teams)?;
            out.push_sql(")");
        }
        Ok(())
    }
}

impl<V, T> Expression for Visible<V, T> {
    type SqlType = Bool;
}

impl<V: Column, T> AppearsOnTable<V::Table> for Visible<V, T> {}

impl<V, T> ValidGrouping<()> for Visible<V, T> {
    type IsAggregate = diesel::expression::is_aggregate::No;
}

/// `visibility` of a part, within reach of its fiche.
struct VisiblePart<V, F> {
    visibility: V,
    fiche: F,
    territories: Vec<Id>,
    teams: Vec<Id>,
    fiches: Vec<Id>,
}

impl<V: QueryFragment<Pg>, F: QueryFragment<Pg>> QueryFragment<Pg> for VisiblePart<V, F> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.visibility.walk_ast(out.reborrow())?;
        out.push_sql(" = 'public'");
        for (partners, territories) in [(true, &self.territories), (false, &self.teams)] {
            if territories.is_empty() && self.fiches.is_empty() {
                continue;
            }
            out.push_sql(" OR ");
            if partners {
                self.visibility.walk_ast(out.reborrow())?;
                out.push_sql(" = 'partners' AND ");
            }
            self.fiche.walk_ast(out.reborrow())?;
            out.push_sql(" IN (SELECT action_fiches.id FROM action_fiches WHERE action_fiches.territory_id = ANY(");
            out.push_bind_param::<Array<Uuid>, _>(territories)?;
            out.push_sql(") OR action_fiches.id = ANY(");
            out.push_bind_param::<Array<Uuid>, _>(&self.fiches)?;
            out.push_sql("))");
        }
        Ok(())
    }
}

impl<V, F> Expression for VisiblePart<V, F> {
    type SqlType = Bool;
}

impl<V: Column, F> AppearsOnTable<V::Table> for VisiblePart<V, F> {}

impl<V, F> ValidGrouping<()> for VisiblePart<V, F> {
    type IsAggregate = diesel::expression::is_aggregate::No;
}

/// A fiche that is named, within reach.
struct OfVisibleFiche<C> {
    fiche: C,
    fiches: Scope<action_fiches::table>,
}

impl<C: QueryFragment<Pg>> QueryFragment<Pg> for OfVisibleFiche<C> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.fiche.walk_ast(out.reborrow())?;
        out.push_sql(" IS NULL OR ");
        self.fiche.walk_ast(out.reborrow())?;
        out.push_sql(" IN (SELECT action_fiches.id FROM action_fiches WHERE ");
        self.fiches.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}

impl<C> Expression for OfVisibleFiche<C> {
    type SqlType = Bool;
}

impl<C: Column> AppearsOnTable<C::Table> for OfVisibleFiche<C> {}

impl<C> ValidGrouping<()> for OfVisibleFiche<C> {
    type IsAggregate = diesel::expression::is_aggregate::No;
}
