//! The fiches of an agreement: its plan, at any day.

use std::sync::LazyLock;

use actix_web::{delete, get, patch, post, web::Data};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    db::{
        Conn, Db,
        listing::{Field, Listed, Scope, field, period, word},
    },
    http::{
        At, Created, Editor, IfMatch, Json, List, NoContent, One, OrGone, OrUnchanged, Page, PartOf, Resource, Result, Shown, Tagged, may_name_fiche, sent,
    },
    rights::{self, Reach},
    schema::agreement_fiches,
    values::{Commitment, CommitmentWords, Count, Day, Id},
};

/// A fiche of an agreement (fiche action au contrat), with its number and how firmly it is undertaken there.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = agreement_fiches, check_for_backend(diesel::pg::Pg))]
#[schema(as = AgreementFiche)]
pub struct AgreementFiche {
    pub id: Id,
    /// The agreement it is part of.
    pub agreement_id: Id,
    /// The fiche; it may be in several agreements.
    pub action_fiche_id: Id,
    /// Its number in the agreement.
    pub number: Option<Count>,
    pub commitment: Commitment,
    /// In the plan from this day, included; from the beginning when empty.
    pub starts_on: Option<Day>,
    /// In the plan to this day, included.
    pub ends_on: Option<Day>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for AgreementFiche {
    fn id(&self) -> Id {
        self.id
    }
    fn version(&self) -> i32 {
        self.version
    }
}

/// What it takes to make one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = agreement_fiches, treat_none_as_default_value = false)]
#[schema(as = NewAgreementFiche)]
pub struct NewAgreementFiche {
    /// The fiche; it may be in several agreements.
    action_fiche_id: Id,
    /// Its number in the agreement.
    number: Option<Count>,
    #[serde(default)]
    commitment: Commitment,
    /// In the plan from this day, included; from the beginning when empty.
    starts_on: Option<Day>,
    /// In the plan to this day, included.
    ends_on: Option<Day>,
}

impl NewAgreementFiche {
    /// Refuses what the caller may not know.
    pub(super) async fn check(&self, reach: &Reach, conn: &mut Conn) -> Result<()> {
        may_name_fiche(Some(self.action_fiche_id), reach, conn).await?;
        Ok(())
    }
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = agreement_fiches)]
#[schema(as = AgreementFichePatch)]
pub struct AgreementFichePatch {
    /// Its number in the agreement.
    number: Option<Option<Count>>,
    commitment: Option<Commitment>,
    /// In the plan from this day, included; from the beginning when empty.
    starts_on: Option<Option<Day>>,
    /// In the plan to this day, included.
    ends_on: Option<Option<Day>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(agreement_fiches::action_fiche_id),
        field(agreement_fiches::number).sorted(),
        word::<CommitmentWords, _>(agreement_fiches::commitment),
        field(agreement_fiches::starts_on).sorted(),
        field(agreement_fiches::ends_on).sorted(),
        period("on", agreement_fiches::starts_on, agreement_fiches::ends_on),
        field(agreement_fiches::created_at).sorted(),
        field(agreement_fiches::updated_at).sorted(),
    ]
});

impl Listed for AgreementFiche {
    type Table = agreement_fiches::table;
    type Key = agreement_fiches::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for AgreementFiche {
    type View = Self;
    const ORDER: &'static str = "number";

    fn scope(reach: &Reach) -> Option<Scope<agreement_fiches::table>> {
        rights::of_visible_fiche(agreement_fiches::action_fiche_id, reach)
    }
}

/// Its operations.
pub fn routes(routes: &mut ServiceConfig) {
    routes
        .service(list_agreement_fiches)
        .service(create_agreement_fiche)
        .service(read_agreement_fiche)
        .service(update_agreement_fiche)
        .service(delete_agreement_fiche);
}

async fn lock(path: PartOf, editor: &Editor, conn: &mut Conn) -> Result<AgreementFiche> {
    super::lock(path.id, editor, conn).await?;
    find(path, editor.reach(), conn).await
}

async fn find(path: PartOf, reach: &Reach, conn: &mut Conn) -> Result<AgreementFiche> {
    let mut part =
        agreement_fiches::table.find(path.part).filter(agreement_fiches::agreement_id.eq(path.id)).select(AgreementFiche::as_select()).into_boxed();
    if let Some(scope) = AgreementFiche::scope(reach) {
        part = part.filter(scope);
    }
    part.first(conn).await.or_gone("agreement_fiches", Some(path.id), path.part, reach, conn).await
}

/// Adds one to its agreement.
pub async fn insert(agreement_id: Id, new: &NewAgreementFiche, conn: &mut Conn) -> Result<AgreementFiche> {
    let row = (agreement_fiches::id.eq(Id::new()), agreement_fiches::agreement_id.eq(agreement_id), new);
    Ok(diesel::insert_into(agreement_fiches::table).values(row).returning(AgreementFiche::as_returning()).get_result(conn).await?)
}

/// List the fiches of an agreement
#[utoipa::path(params(List<AgreementFiche>), responses((status = OK, body = Page<AgreementFiche>)))]
#[get("/agreements/{id}/fiches")]
async fn list_agreement_fiches(db: Data<Db>, At(id): At, list: List<AgreementFiche>) -> Result<Page<AgreementFiche>> {
    list.parts(&db, agreement_fiches::agreement_id, id, super::find).await
}

/// Add a fiche of an agreement
#[utoipa::path(responses((status = CREATED, body = AgreementFiche)))]
#[post("/agreements/{id}/fiches")]
async fn create_agreement_fiche(db: Data<Db>, editor: Editor, At(id): At, body: Json<NewAgreementFiche>) -> Result<Created<AgreementFiche>> {
    db.write(&editor, async |conn| {
        super::lock(id, &editor, conn).await?;
        let new = body.valid()?;
        new.check(editor.reach(), conn).await?;
        Ok(Created(insert(id, &new, conn).await?))
    })
    .await
}

/// Read a fiche of an agreement
#[utoipa::path(params(One<AgreementFiche>), responses((status = OK, body = AgreementFiche)))]
#[get("/agreements/{id}/fiches/{part_id}")]
async fn read_agreement_fiche(db: Data<Db>, path: PartOf, one: One<AgreementFiche>) -> Result<Tagged<AgreementFiche>> {
    one.part(&db, path, super::find, find).await
}

/// Change a fiche of an agreement
#[utoipa::path(responses((status = OK, body = AgreementFiche)))]
#[patch("/agreements/{id}/fiches/{part_id}")]
async fn update_agreement_fiche(
    db: Data<Db>,
    editor: Editor,
    path: PartOf,
    if_match: IfMatch,
    body: Json<AgreementFichePatch>,
) -> Result<Tagged<AgreementFiche>> {
    db.write(&editor, async |conn| {
        let current = lock(path, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;

        let update = diesel::update(agreement_fiches::table.find(path.part)).set(&patch);
        let changed = update.returning(AgreementFiche::as_returning()).get_result(conn).await;
        Ok(changed.or_unchanged(current)?.into())
    })
    .await
}

/// Remove a fiche of an agreement
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/agreements/{id}/fiches/{part_id}")]
async fn delete_agreement_fiche(db: Data<Db>, editor: Editor, path: PartOf, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(path, &editor, conn).await?, conn).await?;
        diesel::delete(agreement_fiches::table.find(path.part)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
