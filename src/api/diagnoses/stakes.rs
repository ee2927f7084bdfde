//! The stakes of a territory, as they were ranked, and by whom.

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
        listing::{Field, Listed, field},
    },
    http::{
        At, Created, Editor, IfMatch, Json, List, NoContent, One, OrGone, OrUnchanged, Page, PartOf, Resource, Result, Shown, Tagged, sent,
    },
    rights::Reach,
    schema::diagnosis_stakes,
    values::{Count, Id, Name, ShortText},
};

/// A stake of a territory (enjeu), ranked or not.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = diagnosis_stakes, check_for_backend(diesel::pg::Pg))]
#[schema(as = DiagnosisStake)]
pub struct Stake {
    pub id: Id,
    /// The diagnosis it is part of.
    pub diagnosis_id: Id,
    /// What is at stake.
    pub label: Name,
    /// Its theme.
    pub theme_id: Option<Id>,
    /// Its rank, the first being 1.
    pub rank: Option<Count>,
    /// How the source puts its weight: prioritaire, essentiel.
    pub emphasis: Option<ShortText>,
    /// Who ranked it.
    pub ranked_by: Option<ShortText>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Stake {
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
#[diesel(table_name = diagnosis_stakes, treat_none_as_default_value = false)]
#[schema(as = NewDiagnosisStake)]
pub struct NewStake {
    /// What is at stake.
    label: Name,
    /// Its theme.
    theme_id: Option<Id>,
    /// Its rank, the first being 1.
    rank: Option<Count>,
    /// How the source puts its weight: prioritaire, essentiel.
    emphasis: Option<ShortText>,
    /// Who ranked it.
    ranked_by: Option<ShortText>,
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = diagnosis_stakes)]
#[schema(as = DiagnosisStakePatch)]
pub struct StakePatch {
    /// What is at stake.
    label: Option<Name>,
    /// Its theme.
    theme_id: Option<Option<Id>>,
    /// Its rank, the first being 1.
    rank: Option<Option<Count>>,
    /// How the source puts its weight: prioritaire, essentiel.
    emphasis: Option<Option<ShortText>>,
    /// Who ranked it.
    ranked_by: Option<Option<ShortText>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(diagnosis_stakes::label).sorted(),
        field(diagnosis_stakes::theme_id),
        field(diagnosis_stakes::rank).sorted(),
        field(diagnosis_stakes::created_at).sorted(),
        field(diagnosis_stakes::updated_at).sorted(),
    ]
});

impl Listed for Stake {
    type Table = diagnosis_stakes::table;
    type Key = diagnosis_stakes::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Stake {
    type View = Self;
    const ORDER: &'static str = "rank";
}

/// Its operations.
pub fn routes(routes: &mut ServiceConfig) {
    routes
        .service(list_diagnosis_stakes)
        .service(create_diagnosis_stake)
        .service(read_diagnosis_stake)
        .service(update_diagnosis_stake)
        .service(delete_diagnosis_stake);
}

async fn lock(path: PartOf, editor: &Editor, conn: &mut Conn) -> Result<Stake> {
    super::lock(path.id, editor, conn).await?;
    find(path, editor.reach(), conn).await
}

async fn find(path: PartOf, reach: &Reach, conn: &mut Conn) -> Result<Stake> {
    let part = diagnosis_stakes::table.find(path.part).filter(diagnosis_stakes::diagnosis_id.eq(path.id)).select(Stake::as_select());
    part.first(conn).await.or_gone("diagnosis_stakes", Some(path.id), path.part, reach, conn).await
}

/// Adds one to its diagnosis.
pub async fn insert(diagnosis_id: Id, new: &NewStake, conn: &mut Conn) -> Result<Stake> {
    let row = (diagnosis_stakes::id.eq(Id::new()), diagnosis_stakes::diagnosis_id.eq(diagnosis_id), new);
    Ok(diesel::insert_into(diagnosis_stakes::table).values(row).returning(Stake::as_returning()).get_result(conn).await?)
}

/// List the stakes of a diagnosis
#[utoipa::path(params(List<Stake>), responses((status = OK, body = Page<Stake>)))]
#[get("/diagnoses/{id}/stakes")]
async fn list_diagnosis_stakes(db: Data<Db>, At(id): At, list: List<Stake>) -> Result<Page<Stake>> {
    list.parts(&db, diagnosis_stakes::diagnosis_id, id, super::find).await
}

/// Add a stake of a diagnosis
#[utoipa::path(responses((status = CREATED, body = Stake)))]
#[post("/diagnoses/{id}/stakes")]
async fn create_diagnosis_stake(db: Data<Db>, editor: Editor, At(id): At, body: Json<NewStake>) -> Result<Created<Stake>> {
    db.write(&editor, async |conn| {
        super::lock(id, &editor, conn).await?;
        let new = body.valid()?;

        Ok(Created(insert(id, &new, conn).await?))
    })
    .await
}

/// Read a stake of a diagnosis
#[utoipa::path(params(One<Stake>), responses((status = OK, body = Stake)))]
#[get("/diagnoses/{id}/stakes/{part_id}")]
async fn read_diagnosis_stake(db: Data<Db>, path: PartOf, one: One<Stake>) -> Result<Tagged<Stake>> {
    one.part(&db, path, super::find, find).await
}

/// Change a stake of a diagnosis
#[utoipa::path(responses((status = OK, body = Stake)))]
#[patch("/diagnoses/{id}/stakes/{part_id}")]
async fn update_diagnosis_stake(db: Data<Db>, editor: Editor, path: PartOf, if_match: IfMatch, body: Json<StakePatch>) -> Result<Tagged<Stake>> {
    db.write(&editor, async |conn| {
        let current = lock(path, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;

        let update = diesel::update(diagnosis_stakes::table.find(path.part)).set(&patch);
        let changed = update.returning(Stake::as_returning()).get_result(conn).await;
        Ok(changed.or_unchanged(current)?.into())
    })
    .await
}

/// Remove a stake of a diagnosis
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/diagnoses/{id}/stakes/{part_id}")]
async fn delete_diagnosis_stake(db: Data<Db>, editor: Editor, path: PartOf, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(path, &editor, conn).await?, conn).await?;
        diesel::delete(diagnosis_stakes::table.find(path.part)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
