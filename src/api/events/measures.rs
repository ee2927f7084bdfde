//! The head-counts of an event: each has a name, for they count different things.

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
    schema::event_measures,
    values::{Count, Id, LongText, Many, Name, Qualifier, QualifierWords},
};

/// A head-count of an event (effectif), by its name; it may be the sum of others.
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = event_measures, check_for_backend(diesel::pg::Pg))]
#[schema(as = EventMeasure)]
pub struct Measure {
    pub id: Id,
    /// The event it is part of.
    pub event_id: Id,
    /// What is counted.
    pub label: Name,
    /// How many.
    pub value: Count,
    pub qualifier: Qualifier,
    /// The labels, of this event or of the ones that are part of it, whose values make this one up.
    pub addends: Many<Name>,
    #[schema(required)]
    pub note: Option<LongText>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Measure {
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
#[diesel(table_name = event_measures, treat_none_as_default_value = false)]
#[schema(as = NewEventMeasure)]
pub struct NewMeasure {
    /// What is counted.
    label: Name,
    /// How many.
    value: Count,
    #[serde(default)]
    qualifier: Qualifier,
    /// The labels, of this event or of the ones that are part of it, whose values make this one up.
    #[serde(default)]
    addends: Many<Name>,
    note: Option<LongText>,
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = event_measures)]
#[schema(as = EventMeasurePatch)]
pub struct MeasurePatch {
    /// What is counted.
    label: Option<Name>,
    /// How many.
    value: Option<Count>,
    qualifier: Option<Qualifier>,
    /// The labels, of this event or of the ones that are part of it, whose values make this one up.
    addends: Option<Many<Name>>,
    note: Option<Option<LongText>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(event_measures::label).sorted(),
        field(event_measures::value).sorted(),
        word::<QualifierWords, _>(event_measures::qualifier),
        field(event_measures::created_at).sorted(),
        field(event_measures::updated_at).sorted(),
    ]
});

impl Listed for Measure {
    type Table = event_measures::table;
    type Key = event_measures::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Measure {
    type View = Self;
    const ORDER: &'static str = "";
}

/// Its operations.
pub fn routes(routes: &mut ServiceConfig) {
    routes
        .service(list_event_measures)
        .service(create_event_measure)
        .service(read_event_measure)
        .service(update_event_measure)
        .service(delete_event_measure);
}

async fn lock(path: PartOf, editor: &Editor, conn: &mut Conn) -> Result<Measure> {
    super::lock(path.id, editor, conn).await?;
    find(path, editor.reach(), conn).await
}

async fn find(path: PartOf, reach: &Reach, conn: &mut Conn) -> Result<Measure> {
    let part = event_measures::table.find(path.part).filter(event_measures::event_id.eq(path.id)).select(Measure::as_select());
    part.first(conn).await.or_gone("event_measures", Some(path.id), path.part, reach, conn).await
}

/// Adds one to its event.
pub async fn insert(event_id: Id, new: &NewMeasure, conn: &mut Conn) -> Result<Measure> {
    let row = (event_measures::id.eq(Id::new()), event_measures::event_id.eq(event_id), new);
    Ok(diesel::insert_into(event_measures::table).values(row).returning(Measure::as_returning()).get_result(conn).await?)
}

/// List the measures of an event
#[utoipa::path(params(List<Measure>), responses((status = OK, body = Page<Measure>)))]
#[get("/events/{id}/measures")]
async fn list_event_measures(db: Data<Db>, At(id): At, list: List<Measure>) -> Result<Page<Measure>> {
    list.parts(&db, event_measures::event_id, id, super::find).await
}

/// Add a measure of an event
#[utoipa::path(responses((status = CREATED, body = Measure)))]
#[post("/events/{id}/measures")]
async fn create_event_measure(db: Data<Db>, editor: Editor, At(id): At, body: Json<NewMeasure>) -> Result<Created<Measure>> {
    db.write(&editor, async |conn| {
        super::lock(id, &editor, conn).await?;
        let new = body.valid()?;

        Ok(Created(insert(id, &new, conn).await?))
    })
    .await
}

/// Read a measure of an event
#[utoipa::path(params(One<Measure>), responses((status = OK, body = Measure)))]
#[get("/events/{id}/measures/{part_id}")]
async fn read_event_measure(db: Data<Db>, path: PartOf, one: One<Measure>) -> Result<Tagged<Measure>> {
    one.part(&db, path, super::find, find).await
}

/// Change a measure of an event
#[utoipa::path(responses((status = OK, body = Measure)))]
#[patch("/events/{id}/measures/{part_id}")]
async fn update_event_measure(db: Data<Db>, editor: Editor, path: PartOf, if_match: IfMatch, body: Json<MeasurePatch>) -> Result<Tagged<Measure>> {
    db.write(&editor, async |conn| {
        let current = lock(path, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;

        let update = diesel::update(event_measures::table.find(path.part)).set(&patch);
        let changed = update.returning(Measure::as_returning()).get_result(conn).await;
        Ok(changed.or_unchanged(current)?.into())
    })
    .await
}

/// Remove a measure of an event
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/events/{id}/measures/{part_id}")]
async fn delete_event_measure(db: Data<Db>, editor: Editor, path: PartOf, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(path, &editor, conn).await?, conn).await?;
        diesel::delete(event_measures::table.find(path.part)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
