//! The rules of who may see what, as conditions on rows.

use std::collections::HashSet;

use diesel::{
    AppearsOnTable, Column, Expression, QueryResult,
    dsl::exists,
    expression::ValidGrouping,
    pg::Pg,
    prelude::*,
    query_builder::{AstPass, QueryFragment},
    sql_query,
    sql_types::{Array, Bool, Text, Uuid},
};
use diesel_async::RunQueryDsl;

use super::Reach;
use crate::{
    db::{
        Conn,
        listing::{Scope, Sql},
    },
    schema::{action_fiches, committee_seats, committees, documents, people, themes},
    values::Id,
};

/// The people that a caller may know: those who may be named in public; those with a seat in a committee within reach; and for an approver,
/// those without any seat.
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

/// Those of these people that a caller may know.
pub async fn visible_people(ids: &[Id], reach: &Reach, conn: &mut Conn) -> QueryResult<HashSet<Id>> {
    let known = known_people(ids, reach, conn).await?;
    Ok(known.into_iter().map(|(id, _)| id).collect())
}

/// Those of these people that a caller may know, each with whether everyone may.
pub async fn known_people(ids: &[Id], reach: &Reach, conn: &mut Conn) -> QueryResult<Vec<(Id, bool)>> {
    let named = people::publication_basis.ne("not_publishable");
    let mut known = people::table.filter(people::id.eq_any(ids)).select((people::id, named)).into_boxed();
    if let Some(scope) = people(reach) {
        known = known.filter(scope);
    }
    known.load(conn).await
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
    let restricted_in = action_fiches::territory_id.eq_any(reach.restricted_in.clone());
    Some(Scope::of(public.or(partners).or(restricted_in).or(action_fiches::id.eq_any(reach.fiches.clone()))))
}

/// The rows of a territory that a caller may see, by their own visibility.
pub fn visible<V, T>(visibility: V, territory: T, reach: &Reach) -> Option<Scope<V::Table>>
where
    V: Column<SqlType = Text> + QueryFragment<Pg> + Send + Sync + 'static,
    T: Column<Table = V::Table> + QueryFragment<Pg> + Send + Sync + 'static,
{
    (!reach.everything)
        .then(|| Scope::of(Visible { visibility, territory, territories: reach.territories.clone(), restricted_in: reach.restricted_in.clone() }))
}

/// The parts of fiches that a caller may see, by the visibility of the part.
pub fn visible_part<V, F>(visibility: V, fiche: F, reach: &Reach) -> Option<Scope<V::Table>>
where
    V: Column<SqlType = Text> + QueryFragment<Pg> + Send + Sync + 'static,
    F: Column<Table = V::Table> + QueryFragment<Pg> + Send + Sync + 'static,
{
    (!reach.everything).then(|| {
        let (territories, restricted_in, fiches) = (reach.territories.clone(), reach.restricted_in.clone(), reach.fiches.clone());
        Scope::of(VisiblePart { visibility, fiche, territories, restricted_in, fiches })
    })
}

/// May the caller see this fiche? Without a fiche: yes.
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

/// May the caller see this document? Without a document: yes.
pub async fn sees_document(document: Option<Id>, reach: &Reach, conn: &mut Conn) -> QueryResult<bool> {
    let Some(document) = document else { return Ok(true) };
    Ok(!visible_documents(&[document], reach, conn).await?.is_empty())
}

/// Those of these documents that the caller sees.
pub async fn visible_documents(ids: &[Id], reach: &Reach, conn: &mut Conn) -> QueryResult<HashSet<Id>> {
    let mut found = documents::table.filter(documents::id.eq_any(ids)).select(documents::id).into_boxed();
    if let Some(scope) = visible(documents::visibility, documents::territory_id, reach) {
        found = found.filter(scope);
    }
    Ok(found.load(conn).await?.into_iter().collect())
}

/// Empties, in these rows, the documents that the caller may not see.
pub async fn veil_documents<'a>(rows: impl Iterator<Item = &'a mut Option<Id>>, reach: &Reach, conn: &mut Conn) -> QueryResult<()> {
    let rows: Vec<&mut Option<Id>> = rows.filter(|document| document.is_some()).collect();
    if reach.everything || rows.is_empty() {
        return Ok(());
    }
    let seen = visible_documents(&rows.iter().filter_map(|document| **document).collect::<Vec<_>>(), reach, conn).await?;
    for document in rows {
        *document = document.filter(|id| seen.contains(id));
    }
    Ok(())
}

/// Does anybody other than this territory use this scheme of themes, by another theme than this one?
pub async fn shares_scheme(scheme: &str, territory: Option<Id>, theme: Option<Id>, conn: &mut Conn) -> QueryResult<bool> {
    let others = themes::table.filter(themes::scheme.eq(scheme).and(themes::territory_id.is_distinct_from(territory)));
    diesel::select(exists(others.filter(themes::id.nullable().is_distinct_from(theme)))).get_result(conn).await
}

/// The SQL for the rows, among those with these identifiers, that may name their person to this caller. A person who may be named in public
/// is named everywhere. Any other person is named only in rows of places within reach: a caller who knows a person in one place must not
/// learn where else the person sits. For the past, the person must also be nameable today.
const NAMED: &str = "SELECT held.thing AS id FROM unnest($1, $2) AS held (thing, person)
    WHERE EXISTS (SELECT FROM people JOIN public.people today ON today.id = people.id
            WHERE people.id = held.person AND people.publication_basis <> 'not_publishable' AND today.publication_basis <> 'not_publishable')
       OR (SELECT today.places FROM audience_today(held.thing) today) && $3";

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Uuid)]
    id: Id,
}

/// Empties, in these rows, the people that the rows may not name to the caller.
pub async fn veil<'a>(rows: impl Iterator<Item = (Id, &'a mut Option<Id>)>, reach: &Reach, conn: &mut Conn) -> QueryResult<()> {
    if reach.everything {
        return Ok(());
    }
    let rows: Vec<(Id, &mut Option<Id>)> = rows.filter(|(_, person)| person.is_some()).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let things: Vec<Id> = rows.iter().map(|(thing, _)| *thing).collect();
    let people: Vec<Id> = rows.iter().filter_map(|(_, person)| **person).collect();
    let query = sql_query(NAMED).bind::<Array<Uuid>, _>(things).bind::<Array<Uuid>, _>(people).bind::<Array<Text>, _>(reach.partner_places());
    let open: HashSet<Id> = query.load::<Row>(conn).await?.into_iter().map(|row| row.id).collect();
    for (thing, person) in rows {
        *person = person.filter(|_| open.contains(&thing));
    }
    Ok(())
}

/// The condition that stands beside a filter by person: the row may name its person to the caller.
pub struct MayName {
    /// The identifier of the row.
    pub thing: &'static Sql,
    /// The person that it names.
    pub person: &'static Sql,
    /// The places within reach.
    pub places: Vec<String>,
}

impl QueryFragment<Pg> for MayName {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("(");
        self.person.walk_ast(out.reborrow())?;
        out.push_sql(" IN (SELECT people.id FROM people JOIN public.people today ON today.id = people.id \
             WHERE people.publication_basis <> 'not_publishable' AND today.publication_basis <> 'not_publishable') OR (SELECT today.places FROM audience_today(");
        self.thing.walk_ast(out.reborrow())?;
        out.push_sql(") today) && ");
        out.push_bind_param::<Array<Text>, _>(&self.places)?;
        out.push_sql(")");
        Ok(())
    }
}

/// Joins two conditions, if both are there.
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

/// The condition that the visibility and the territory of a row are within reach.
struct Visible<V, T> {
    visibility: V,
    territory: T,
    territories: Vec<Id>,
    restricted_in: Vec<Id>,
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
        if !self.restricted_in.is_empty() {
            out.push_sql(" OR ");
            self.territory.walk_ast(out.reborrow())?;
            out.push_sql(" = ANY(");
            out.push_bind_param::<Array<Uuid>, _>(&self.restricted_in)?;
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

/// The condition that the visibility of a part is within reach, by the place of its fiche.
struct VisiblePart<V, F> {
    visibility: V,
    fiche: F,
    territories: Vec<Id>,
    restricted_in: Vec<Id>,
    fiches: Vec<Id>,
}

impl<V: QueryFragment<Pg>, F: QueryFragment<Pg>> QueryFragment<Pg> for VisiblePart<V, F> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.visibility.walk_ast(out.reborrow())?;
        out.push_sql(" = 'public'");
        for (partners, territories) in [(true, &self.territories), (false, &self.restricted_in)] {
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

/// The condition that the fiche which a row names is within reach.
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
