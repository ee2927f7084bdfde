//! Phases of the programme: phase 1 (2018-2022), phase 2 (2023-2027).

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
        listing::{Field, Listed, field, period, word},
    },
    http::{At, Created, Editor, IfMatch, Json, List, NoContent, One, OrGone, OrUnchanged, Page, Resource, Result, Shown, Tagged, sent},
    rights::{Place, Reach},
    schema::programme_phases,
    values::{Count, Day, Id, LongText, Name, Precision, PrecisionWords, ShortText},
};

/// A phase of the programme (phase du programme).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = programme_phases, check_for_backend(diesel::pg::Pg))]
pub struct ProgrammePhase {
    pub id: Id,
    /// Its number, from 1.
    pub number: Count,
    pub name: Name,
    pub starts_on: Option<Day>,
    pub ends_on: Option<Day>,
    /// The same period, as the source says it.
    pub period_stated: Option<ShortText>,
    /// How much of its two days the source tells.
    pub period_precision: Option<Precision>,
    pub description: Option<LongText>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for ProgrammePhase {
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
#[diesel(table_name = programme_phases, treat_none_as_default_value = false)]
pub struct NewProgrammePhase {
    /// Its number, from 1.
    number: Count,
    name: Name,
    starts_on: Option<Day>,
    ends_on: Option<Day>,
    /// The same period, as the source says it.
    period_stated: Option<ShortText>,
    /// How much of its two days the source tells.
    period_precision: Option<Precision>,
    description: Option<LongText>,
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = programme_phases)]
pub struct ProgrammePhasePatch {
    /// Its number, from 1.
    number: Option<Count>,
    name: Option<Name>,
    starts_on: Option<Option<Day>>,
    ends_on: Option<Option<Day>>,
    /// The same period, as the source says it.
    period_stated: Option<Option<ShortText>>,
    /// How much of its two days the source tells.
    period_precision: Option<Option<Precision>>,
    description: Option<Option<LongText>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(programme_phases::number).sorted(),
        field(programme_phases::name).sorted(),
        field(programme_phases::starts_on).sorted(),
        field(programme_phases::ends_on).sorted(),
        word::<PrecisionWords, _>(programme_phases::period_precision),
        period("on", programme_phases::starts_on, programme_phases::ends_on),
        field(programme_phases::created_at).sorted(),
        field(programme_phases::updated_at).sorted(),
    ]
});

impl Listed for ProgrammePhase {
    type Table = programme_phases::table;
    type Key = programme_phases::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for ProgrammePhase {
    type View = Self;
    const ORDER: &'static str = "number";
}

/// Its operations.
pub fn routes(routes: &mut ServiceConfig) {
    routes
        .service(list_programme_phases)
        .service(create_programme_phase)
        .service(read_programme_phase)
        .service(update_programme_phase)
        .service(delete_programme_phase);
}

async fn find(id: Id, reach: &Reach, conn: &mut Conn) -> Result<ProgrammePhase> {
    programme_phases::table.find(id).select(ProgrammePhase::as_select()).first(conn).await.or_gone("programme_phases", None, id, reach, conn).await
}

async fn lock(id: Id, editor: &Editor, conn: &mut Conn) -> Result<ProgrammePhase> {
    let phase = programme_phases::table.find(id).select(ProgrammePhase::as_select()).for_no_key_update();
    let phase = phase.first(conn).await.or_gone("programme_phases", None, id, editor.reach(), conn).await?;
    editor.within(&Place::nation())?;
    Ok(phase)
}

/// Makes one under this identifier, with its parts.
pub async fn insert(id: Id, new: &NewProgrammePhase, conn: &mut Conn) -> Result<ProgrammePhase> {
    let row = (programme_phases::id.eq(id), new);
    let programme_phase = diesel::insert_into(programme_phases::table).values(row).returning(ProgrammePhase::as_returning()).get_result(conn).await?;
    Ok(programme_phase)
}

/// List programme phases
#[utoipa::path(params(List<ProgrammePhase>), responses((status = OK, body = Page<ProgrammePhase>)))]
#[get("/programme-phases")]
async fn list_programme_phases(db: Data<Db>, list: List<ProgrammePhase>) -> Result<Page<ProgrammePhase>> {
    list.page(&db).await
}

/// Create a programme phase
#[utoipa::path(responses((status = CREATED, body = ProgrammePhase)))]
#[post("/programme-phases")]
async fn create_programme_phase(db: Data<Db>, editor: Editor, body: Json<NewProgrammePhase>) -> Result<Created<ProgrammePhase>> {
    editor.within(&Place::nation())?;
    db.write(&editor, async |conn| Ok(Created(insert(Id::new(), &body.valid()?, conn).await?))).await
}

/// Read a programme phase
#[utoipa::path(params(One<ProgrammePhase>), responses((status = OK, body = ProgrammePhase)))]
#[get("/programme-phases/{id}")]
async fn read_programme_phase(db: Data<Db>, At(id): At, one: One<ProgrammePhase>) -> Result<Tagged<ProgrammePhase>> {
    one.answer(&db, id, find).await
}

/// Change a programme phase
#[utoipa::path(responses((status = OK, body = ProgrammePhase)))]
#[patch("/programme-phases/{id}")]
async fn update_programme_phase(
    db: Data<Db>,
    editor: Editor,
    At(id): At,
    if_match: IfMatch,
    body: Json<ProgrammePhasePatch>,
) -> Result<Tagged<ProgrammePhase>> {
    db.write(&editor, async |conn| {
        let current = lock(id, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;
        let update = diesel::update(programme_phases::table.find(id)).set(&patch);
        let changed = update.returning(ProgrammePhase::as_returning()).get_result(conn).await;
        Ok(changed.or_unchanged(current)?.into())
    })
    .await
}

/// Delete a programme phase
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/programme-phases/{id}")]
async fn delete_programme_phase(db: Data<Db>, editor: Editor, At(id): At, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(id, &editor, conn).await?, conn).await?;
        diesel::delete(programme_phases::table.find(id)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
