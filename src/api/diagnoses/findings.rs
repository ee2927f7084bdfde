//! The findings of a diagnosis: strengths, weaknesses, opportunities, threats.

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
        listing::{Field, Listed, field, word},
    },
    http::{
        At, Created, Editor, IfMatch, Json, List, NoContent, One, OrGone, OrUnchanged, Page, PartOf, Resource, Result, Shown, Tagged, sent,
    },
    rights::Reach,
    schema::diagnosis_findings,
    values::{Count, Id, LongText, Vocabulary, Word},
};

/// The words of [`FindingKind`].
#[derive(Debug, Clone)]
pub struct FindingKindWords;

impl Vocabulary for FindingKindWords {
    const NAME: &'static str = "FindingKind";
    const ABOUT: &'static str = "What a finding is (AFOM).";
    const WORDS: &'static [(&'static str, &'static str)] =
        &[("strength", "Atout"), ("weakness", "Faiblesse"), ("opportunity", "Opportunité"), ("threat", "Menace")];
}

/// What a finding is (AFOM).
pub type FindingKind = Word<FindingKindWords>;

/// The words of [`CauseKind`].
#[derive(Debug, Clone)]
pub struct CauseKindWords;

impl Vocabulary for CauseKindWords {
    const NAME: &'static str = "CauseKind";
    const ABOUT: &'static str = "Of what kind a cause is (nature de la cause).";
    const WORDS: &'static [(&'static str, &'static str)] = &[("cyclical", "Conjoncturelle"), ("structural", "Structurelle")];
}

/// Of what kind a cause is (nature de la cause).
pub type CauseKind = Word<CauseKindWords>;

/// A finding of a diagnosis (atout, faiblesse, opportunité, menace).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = diagnosis_findings, check_for_backend(diesel::pg::Pg))]
#[schema(as = DiagnosisFinding)]
pub struct Finding {
    pub id: Id,
    /// The diagnosis it is part of.
    pub diagnosis_id: Id,
    pub kind: FindingKind,
    pub text: LongText,
    /// Why it is so, as the source explains it.
    pub cause: Option<LongText>,
    pub cause_kind: Option<CauseKind>,
    pub position: Option<Count>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Finding {
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
#[diesel(table_name = diagnosis_findings, treat_none_as_default_value = false)]
#[schema(as = NewDiagnosisFinding)]
pub struct NewFinding {
    kind: FindingKind,
    text: LongText,
    /// Why it is so, as the source explains it.
    cause: Option<LongText>,
    cause_kind: Option<CauseKind>,
    position: Option<Count>,
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = diagnosis_findings)]
#[schema(as = DiagnosisFindingPatch)]
pub struct FindingPatch {
    kind: Option<FindingKind>,
    text: Option<LongText>,
    /// Why it is so, as the source explains it.
    cause: Option<Option<LongText>>,
    cause_kind: Option<Option<CauseKind>>,
    position: Option<Option<Count>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        word::<FindingKindWords, _>(diagnosis_findings::kind).sorted(),
        word::<CauseKindWords, _>(diagnosis_findings::cause_kind),
        field(diagnosis_findings::position).sorted(),
        field(diagnosis_findings::created_at).sorted(),
        field(diagnosis_findings::updated_at).sorted(),
    ]
});

impl Listed for Finding {
    type Table = diagnosis_findings::table;
    type Key = diagnosis_findings::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Finding {
    type View = Self;
    const ORDER: &'static str = "position";
}

/// Its operations.
pub fn routes(routes: &mut ServiceConfig) {
    routes
        .service(list_diagnosis_findings)
        .service(create_diagnosis_finding)
        .service(read_diagnosis_finding)
        .service(update_diagnosis_finding)
        .service(delete_diagnosis_finding);
}

async fn lock(path: PartOf, editor: &Editor, conn: &mut Conn) -> Result<Finding> {
    super::lock(path.id, editor, conn).await?;
    find(path, editor.reach(), conn).await
}

async fn find(path: PartOf, reach: &Reach, conn: &mut Conn) -> Result<Finding> {
    let part = diagnosis_findings::table.find(path.part).filter(diagnosis_findings::diagnosis_id.eq(path.id)).select(Finding::as_select());
    part.first(conn).await.or_gone("diagnosis_findings", Some(path.id), path.part, reach, conn).await
}

/// Adds one to its diagnosis.
pub async fn insert(diagnosis_id: Id, new: &NewFinding, conn: &mut Conn) -> Result<Finding> {
    let row = (diagnosis_findings::id.eq(Id::new()), diagnosis_findings::diagnosis_id.eq(diagnosis_id), new);
    Ok(diesel::insert_into(diagnosis_findings::table).values(row).returning(Finding::as_returning()).get_result(conn).await?)
}

/// List the findings of a diagnosis
#[utoipa::path(params(List<Finding>), responses((status = OK, body = Page<Finding>)))]
#[get("/diagnoses/{id}/findings")]
async fn list_diagnosis_findings(db: Data<Db>, At(id): At, list: List<Finding>) -> Result<Page<Finding>> {
    list.parts(&db, diagnosis_findings::diagnosis_id, id, super::find).await
}

/// Add a finding of a diagnosis
#[utoipa::path(responses((status = CREATED, body = Finding)))]
#[post("/diagnoses/{id}/findings")]
async fn create_diagnosis_finding(db: Data<Db>, editor: Editor, At(id): At, body: Json<NewFinding>) -> Result<Created<Finding>> {
    db.write(&editor, async |conn| {
        super::lock(id, &editor, conn).await?;
        let new = body.valid()?;

        Ok(Created(insert(id, &new, conn).await?))
    })
    .await
}

/// Read a finding of a diagnosis
#[utoipa::path(params(One<Finding>), responses((status = OK, body = Finding)))]
#[get("/diagnoses/{id}/findings/{part_id}")]
async fn read_diagnosis_finding(db: Data<Db>, path: PartOf, one: One<Finding>) -> Result<Tagged<Finding>> {
    one.part(&db, path, super::find, find).await
}

/// Change a finding of a diagnosis
#[utoipa::path(responses((status = OK, body = Finding)))]
#[patch("/diagnoses/{id}/findings/{part_id}")]
async fn update_diagnosis_finding(
    db: Data<Db>,
    editor: Editor,
    path: PartOf,
    if_match: IfMatch,
    body: Json<FindingPatch>,
) -> Result<Tagged<Finding>> {
    db.write(&editor, async |conn| {
        let current = lock(path, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;

        let update = diesel::update(diagnosis_findings::table.find(path.part)).set(&patch);
        let changed = update.returning(Finding::as_returning()).get_result(conn).await;
        Ok(changed.or_unchanged(current)?.into())
    })
    .await
}

/// Remove a finding of a diagnosis
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/diagnoses/{id}/findings/{part_id}")]
async fn delete_diagnosis_finding(db: Data<Db>, editor: Editor, path: PartOf, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(path, &editor, conn).await?, conn).await?;
        diesel::delete(diagnosis_findings::table.find(path.part)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
