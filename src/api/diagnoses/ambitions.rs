//! A territory's ambitions, as far as they are known.

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
    schema::diagnosis_ambitions,
    values::{Count, Id, LongText},
};

/// An ambition of a territory (ambition, priorité).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = diagnosis_ambitions, check_for_backend(diesel::pg::Pg))]
#[schema(as = DiagnosisAmbition)]
pub struct Ambition {
    pub id: Id,
    /// The diagnosis it is part of.
    pub diagnosis_id: Id,
    pub text: LongText,
    pub position: Option<Count>,
    /// Its theme.
    pub theme_id: Option<Id>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Ambition {
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
#[diesel(table_name = diagnosis_ambitions, treat_none_as_default_value = false)]
#[schema(as = NewDiagnosisAmbition)]
pub struct NewAmbition {
    text: LongText,
    position: Option<Count>,
    /// Its theme.
    theme_id: Option<Id>,
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = diagnosis_ambitions)]
#[schema(as = DiagnosisAmbitionPatch)]
pub struct AmbitionPatch {
    text: Option<LongText>,
    position: Option<Option<Count>>,
    /// Its theme.
    theme_id: Option<Option<Id>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(diagnosis_ambitions::position).sorted(),
        field(diagnosis_ambitions::theme_id),
        field(diagnosis_ambitions::created_at).sorted(),
        field(diagnosis_ambitions::updated_at).sorted(),
    ]
});

impl Listed for Ambition {
    type Table = diagnosis_ambitions::table;
    type Key = diagnosis_ambitions::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Ambition {
    type View = Self;
    const ORDER: &'static str = "position";
}

/// Its operations.
pub fn routes(routes: &mut ServiceConfig) {
    routes
        .service(list_diagnosis_ambitions)
        .service(create_diagnosis_ambition)
        .service(read_diagnosis_ambition)
        .service(update_diagnosis_ambition)
        .service(delete_diagnosis_ambition);
}

async fn lock(path: PartOf, editor: &Editor, conn: &mut Conn) -> Result<Ambition> {
    super::lock(path.id, editor, conn).await?;
    find(path, editor.reach(), conn).await
}

async fn find(path: PartOf, reach: &Reach, conn: &mut Conn) -> Result<Ambition> {
    let part = diagnosis_ambitions::table.find(path.part).filter(diagnosis_ambitions::diagnosis_id.eq(path.id)).select(Ambition::as_select());
    part.first(conn).await.or_gone("diagnosis_ambitions", Some(path.id), path.part, reach, conn).await
}

/// Adds one to its diagnosis.
pub async fn insert(diagnosis_id: Id, new: &NewAmbition, conn: &mut Conn) -> Result<Ambition> {
    let row = (diagnosis_ambitions::id.eq(Id::new()), diagnosis_ambitions::diagnosis_id.eq(diagnosis_id), new);
    Ok(diesel::insert_into(diagnosis_ambitions::table).values(row).returning(Ambition::as_returning()).get_result(conn).await?)
}

/// List the ambitions of a diagnosis
#[utoipa::path(params(List<Ambition>), responses((status = OK, body = Page<Ambition>)))]
#[get("/diagnoses/{id}/ambitions")]
async fn list_diagnosis_ambitions(db: Data<Db>, At(id): At, list: List<Ambition>) -> Result<Page<Ambition>> {
    list.parts(&db, diagnosis_ambitions::diagnosis_id, id, super::find).await
}

/// Add an ambition of a diagnosis
#[utoipa::path(responses((status = CREATED, body = Ambition)))]
#[post("/diagnoses/{id}/ambitions")]
async fn create_diagnosis_ambition(db: Data<Db>, editor: Editor, At(id): At, body: Json<NewAmbition>) -> Result<Created<Ambition>> {
    db.write(&editor, async |conn| {
        super::lock(id, &editor, conn).await?;
        let new = body.valid()?;

        Ok(Created(insert(id, &new, conn).await?))
    })
    .await
}

/// Read an ambition of a diagnosis
#[utoipa::path(params(One<Ambition>), responses((status = OK, body = Ambition)))]
#[get("/diagnoses/{id}/ambitions/{part_id}")]
async fn read_diagnosis_ambition(db: Data<Db>, path: PartOf, one: One<Ambition>) -> Result<Tagged<Ambition>> {
    one.part(&db, path, super::find, find).await
}

/// Change an ambition of a diagnosis
#[utoipa::path(responses((status = OK, body = Ambition)))]
#[patch("/diagnoses/{id}/ambitions/{part_id}")]
async fn update_diagnosis_ambition(
    db: Data<Db>,
    editor: Editor,
    path: PartOf,
    if_match: IfMatch,
    body: Json<AmbitionPatch>,
) -> Result<Tagged<Ambition>> {
    db.write(&editor, async |conn| {
        let current = lock(path, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;

        let update = diesel::update(diagnosis_ambitions::table.find(path.part)).set(&patch);
        let changed = update.returning(Ambition::as_returning()).get_result(conn).await;
        Ok(changed.or_unchanged(current)?.into())
    })
    .await
}

/// Remove an ambition of a diagnosis
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/diagnoses/{id}/ambitions/{part_id}")]
async fn delete_diagnosis_ambition(db: Data<Db>, editor: Editor, path: PartOf, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(path, &editor, conn).await?, conn).await?;
        diesel::delete(diagnosis_ambitions::table.find(path.part)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
