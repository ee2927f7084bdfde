//! Diagnoses: a territory's strengths and weaknesses, its ranked stakes, its ambitions.

mod ambitions;
mod findings;
mod stakes;

use std::sync::LazyLock;

use actix_web::{delete, get, patch, post, web::Data};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use self::ambitions::{Ambition, NewAmbition};
use self::findings::{Finding, NewFinding};
use self::stakes::{NewStake, Stake};
use crate::{
    db::{
        Conn, Db,
        listing::{Field, Listed, field, word},
    },
    http::{
        Along, At, Created, Editor, IfMatch, Json, List, NoContent, One, OrGone, OrUnchanged, Page, Resource, Result, Shown, Tagged, sent,
    },
    rights::{Place, Reach},
    schema::{diagnoses, diagnosis_ambitions, diagnosis_findings, diagnosis_stakes},
    values::{Confidence, ConfidenceWords, Count, Day, Id, LongText, Many, Name, Precision, PrecisionWords, ShortText},
};

/// A diagnosis of a territory (diagnostic, AFOM), with its stakes and ambitions.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = diagnoses, check_for_backend(diesel::pg::Pg))]
pub struct Diagnosis {
    pub id: Id,
    /// Its territory.
    pub territory_id: Id,
    pub title: Name,
    /// The day it was made, as it is understood.
    pub made_on: Option<Day>,
    /// The same, as the source says it.
    pub made_stated: Option<ShortText>,
    /// How much of it the source tells.
    pub made_precision: Option<Precision>,
    /// How sure it is what it means.
    pub made_confidence: Option<Confidence>,
    /// How it was made (méthode).
    pub method: Option<LongText>,
    /// The event where it was made, such as a workshop, of the same territory.
    pub event_id: Option<Id>,
    /// How many ambitions the source says there are; it may name fewer.
    pub declared_ambitions: Option<Count>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Diagnosis {
    /// Whose it is.
    fn place(&self) -> Place {
        Place::territory(self.territory_id)
    }
}

impl Resource for Diagnosis {
    fn id(&self) -> Id {
        self.id
    }
    fn version(&self) -> i32 {
        self.version
    }
}

/// A diagnosis, with what was asked along.
#[serde_with::apply(Option => #[serde(skip_serializing_if = "Option::is_none")])]
#[derive(Debug, Serialize, ToSchema)]
pub struct DiagnosisView {
    #[serde(flatten)]
    diagnosis: Diagnosis,
    /// Its findings.
    findings: Option<Vec<Finding>>,
    /// Its stakes.
    stakes: Option<Vec<Stake>>,
    /// Its ambitions, as far as they are known.
    ambitions: Option<Vec<Ambition>>,
}

impl From<Diagnosis> for DiagnosisView {
    fn from(diagnosis: Diagnosis) -> Self {
        Self { diagnosis, findings: None, stakes: None, ambitions: None }
    }
}

/// What it takes to make one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = diagnoses, treat_none_as_default_value = false)]
pub struct NewDiagnosis {
    /// Its territory.
    territory_id: Id,
    title: Name,
    /// The day it was made, as it is understood.
    made_on: Option<Day>,
    /// The same, as the source says it.
    made_stated: Option<ShortText>,
    /// How much of it the source tells.
    made_precision: Option<Precision>,
    /// How sure it is what it means.
    made_confidence: Option<Confidence>,
    /// How it was made (méthode).
    method: Option<LongText>,
    /// The event where it was made, such as a workshop, of the same territory.
    event_id: Option<Id>,
    /// How many ambitions the source says there are; it may name fewer.
    declared_ambitions: Option<Count>,
    /// Its findings.
    #[serde(default)]
    #[diesel(skip_insertion)]
    findings: Many<NewFinding>,
    /// Its stakes.
    #[serde(default)]
    #[diesel(skip_insertion)]
    stakes: Many<NewStake>,
    /// Its ambitions, as far as they are known.
    #[serde(default)]
    #[diesel(skip_insertion)]
    ambitions: Many<NewAmbition>,
}

impl NewDiagnosis {
    /// Whose it is to be.
    fn place(&self) -> Place {
        Place::territory(self.territory_id)
    }
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = diagnoses)]
pub struct DiagnosisPatch {
    title: Option<Name>,
    /// The day it was made, as it is understood.
    made_on: Option<Option<Day>>,
    /// The same, as the source says it.
    made_stated: Option<Option<ShortText>>,
    /// How much of it the source tells.
    made_precision: Option<Option<Precision>>,
    /// How sure it is what it means.
    made_confidence: Option<Option<Confidence>>,
    /// How it was made (méthode).
    method: Option<Option<LongText>>,
    /// The event where it was made, such as a workshop, of the same territory.
    event_id: Option<Option<Id>>,
    /// How many ambitions the source says there are; it may name fewer.
    declared_ambitions: Option<Option<Count>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(diagnoses::search),
        field(diagnoses::territory_id),
        field(diagnoses::title).sorted(),
        field(diagnoses::made_on).sorted(),
        word::<PrecisionWords, _>(diagnoses::made_precision),
        word::<ConfidenceWords, _>(diagnoses::made_confidence),
        field(diagnoses::event_id),
        field(diagnoses::declared_ambitions).sorted(),
        field(diagnoses::created_at).sorted(),
        field(diagnoses::updated_at).sorted(),
    ]
});

impl Listed for Diagnosis {
    type Table = diagnoses::table;
    type Key = diagnoses::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Diagnosis {
    type View = DiagnosisView;
    const INCLUDES: &'static [(&'static str, &'static str)] =
        &[("findings", "Its findings."), ("stakes", "Its stakes."), ("ambitions", "Its ambitions, as far as they are known.")];
    const ORDER: &'static str = "title";

    async fn include(along: &mut Along<'_, DiagnosisView>) -> Result<()> {
        along.parts("findings", diagnosis_findings::diagnosis_id, |row: &Finding| row.diagnosis_id, |view| &mut view.findings).await?;
        along.parts("stakes", diagnosis_stakes::diagnosis_id, |row: &Stake| row.diagnosis_id, |view| &mut view.stakes).await?;
        along.parts("ambitions", diagnosis_ambitions::diagnosis_id, |row: &Ambition| row.diagnosis_id, |view| &mut view.ambitions).await
    }
}

/// Its operations.
pub fn routes(routes: &mut ServiceConfig) {
    findings::routes(routes);
    stakes::routes(routes);
    ambitions::routes(routes);
    routes.service(list_diagnoses).service(create_diagnosis).service(read_diagnosis).service(update_diagnosis).service(delete_diagnosis);
}

async fn find(id: Id, reach: &Reach, conn: &mut Conn) -> Result<Diagnosis> {
    diagnoses::table.find(id).select(Diagnosis::as_select()).first(conn).await.or_gone("diagnoses", None, id, reach, conn).await
}

async fn lock(id: Id, editor: &Editor, conn: &mut Conn) -> Result<Diagnosis> {
    let diagnosis = diagnoses::table.find(id).select(Diagnosis::as_select()).for_no_key_update();
    let diagnosis = diagnosis.first(conn).await.or_gone("diagnoses", None, id, editor.reach(), conn).await?;
    editor.within(&diagnosis.place())?;
    Ok(diagnosis)
}

/// Makes one under this identifier, with its parts.
pub async fn insert(id: Id, new: &NewDiagnosis, conn: &mut Conn) -> Result<Diagnosis> {
    let row = (diagnoses::id.eq(id), new);
    let diagnosis = diesel::insert_into(diagnoses::table).values(row).returning(Diagnosis::as_returning()).get_result(conn).await?;
    for (index, child) in new.findings.iter().enumerate() {
        findings::insert(id, child, conn).await.map_err(|problem| problem.inside("findings", index))?;
    }
    for (index, child) in new.stakes.iter().enumerate() {
        stakes::insert(id, child, conn).await.map_err(|problem| problem.inside("stakes", index))?;
    }
    for (index, child) in new.ambitions.iter().enumerate() {
        ambitions::insert(id, child, conn).await.map_err(|problem| problem.inside("ambitions", index))?;
    }
    Ok(diagnosis)
}

/// List diagnoses
#[utoipa::path(params(List<Diagnosis>), responses((status = OK, body = Page<DiagnosisView>)))]
#[get("/diagnoses")]
async fn list_diagnoses(db: Data<Db>, list: List<Diagnosis>) -> Result<Page<DiagnosisView>> {
    list.page(&db).await
}

/// Create a diagnosis
#[utoipa::path(responses((status = CREATED, body = Diagnosis)))]
#[post("/diagnoses")]
async fn create_diagnosis(db: Data<Db>, editor: Editor, body: Json<NewDiagnosis>) -> Result<Created<Diagnosis>> {
    db.write(&editor, async |conn| {
        let new = body.valid()?;
        editor.within(&new.place())?;
        Ok(Created(insert(Id::new(), &new, conn).await?))
    })
    .await
}

/// Read a diagnosis
#[utoipa::path(params(One<Diagnosis>), responses((status = OK, body = DiagnosisView)))]
#[get("/diagnoses/{id}")]
async fn read_diagnosis(db: Data<Db>, At(id): At, one: One<Diagnosis>) -> Result<Tagged<DiagnosisView>> {
    one.answer(&db, id, find).await
}

/// Change a diagnosis
#[utoipa::path(responses((status = OK, body = Diagnosis)))]
#[patch("/diagnoses/{id}")]
async fn update_diagnosis(db: Data<Db>, editor: Editor, At(id): At, if_match: IfMatch, body: Json<DiagnosisPatch>) -> Result<Tagged<Diagnosis>> {
    db.write(&editor, async |conn| {
        let current = lock(id, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;
        let update = diesel::update(diagnoses::table.find(id)).set(&patch);
        let changed = update.returning(Diagnosis::as_returning()).get_result(conn).await;
        Ok(changed.or_unchanged(current)?.into())
    })
    .await
}

/// Delete a diagnosis
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/diagnoses/{id}")]
async fn delete_diagnosis(db: Data<Db>, editor: Editor, At(id): At, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(id, &editor, conn).await?, conn).await?;
        diesel::delete(diagnoses::table.find(id)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
