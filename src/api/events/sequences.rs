//! The sequences of an event, in order.

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
    schema::event_sequences,
    values::{Count, Id, LongText},
};

/// A sequence of an event (séquence).
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = event_sequences, check_for_backend(diesel::pg::Pg))]
#[schema(as = EventSequence)]
pub struct Sequence {
    pub id: Id,
    /// The event it is part of.
    pub event_id: Id,
    /// Its place.
    pub position: Count,
    /// What it was for.
    pub purpose: LongText,
    /// What came out of it.
    #[schema(required)]
    pub result: Option<LongText>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Sequence {
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
#[diesel(table_name = event_sequences, treat_none_as_default_value = false)]
#[schema(as = NewEventSequence)]
pub struct NewSequence {
    /// Its place.
    position: Count,
    /// What it was for.
    purpose: LongText,
    /// What came out of it.
    result: Option<LongText>,
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = event_sequences)]
#[schema(as = EventSequencePatch)]
pub struct SequencePatch {
    /// Its place.
    position: Option<Count>,
    /// What it was for.
    purpose: Option<LongText>,
    /// What came out of it.
    result: Option<Option<LongText>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![field(event_sequences::position).sorted(), field(event_sequences::created_at).sorted(), field(event_sequences::updated_at).sorted()]
});

impl Listed for Sequence {
    type Table = event_sequences::table;
    type Key = event_sequences::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Sequence {
    type View = Self;
    const ORDER: &'static str = "position";
}

/// Its operations.
pub fn routes(routes: &mut ServiceConfig) {
    routes
        .service(list_event_sequences)
        .service(create_event_sequence)
        .service(read_event_sequence)
        .service(update_event_sequence)
        .service(delete_event_sequence);
}

async fn lock(path: PartOf, editor: &Editor, conn: &mut Conn) -> Result<Sequence> {
    super::lock(path.id, editor, conn).await?;
    find(path, editor.reach(), conn).await
}

async fn find(path: PartOf, reach: &Reach, conn: &mut Conn) -> Result<Sequence> {
    let part = event_sequences::table.find(path.part).filter(event_sequences::event_id.eq(path.id)).select(Sequence::as_select());
    part.first(conn).await.or_gone("event_sequences", Some(path.id), path.part, reach, conn).await
}

/// Adds one to its event.
pub async fn insert(event_id: Id, new: &NewSequence, conn: &mut Conn) -> Result<Sequence> {
    let row = (event_sequences::id.eq(Id::new()), event_sequences::event_id.eq(event_id), new);
    Ok(diesel::insert_into(event_sequences::table).values(row).returning(Sequence::as_returning()).get_result(conn).await?)
}

/// List the sequences of an event
#[utoipa::path(params(List<Sequence>), responses((status = OK, body = Page<Sequence>)))]
#[get("/events/{id}/sequences")]
async fn list_event_sequences(db: Data<Db>, At(id): At, list: List<Sequence>) -> Result<Page<Sequence>> {
    list.parts(&db, event_sequences::event_id, id, super::find).await
}

/// Add a sequence of an event
#[utoipa::path(responses((status = CREATED, body = Sequence)))]
#[post("/events/{id}/sequences")]
async fn create_event_sequence(db: Data<Db>, editor: Editor, At(id): At, body: Json<NewSequence>) -> Result<Created<Sequence>> {
    db.write(&editor, async |conn| {
        super::lock(id, &editor, conn).await?;
        let new = body.valid()?;

        Ok(Created(insert(id, &new, conn).await?))
    })
    .await
}

/// Read a sequence of an event
#[utoipa::path(params(One<Sequence>), responses((status = OK, body = Sequence)))]
#[get("/events/{id}/sequences/{part_id}")]
async fn read_event_sequence(db: Data<Db>, path: PartOf, one: One<Sequence>) -> Result<Tagged<Sequence>> {
    one.part(&db, path, super::find, find).await
}

/// Change a sequence of an event
#[utoipa::path(responses((status = OK, body = Sequence)))]
#[patch("/events/{id}/sequences/{part_id}")]
async fn update_event_sequence(db: Data<Db>, editor: Editor, path: PartOf, if_match: IfMatch, body: Json<SequencePatch>) -> Result<Tagged<Sequence>> {
    db.write(&editor, async |conn| {
        let current = lock(path, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;

        let update = diesel::update(event_sequences::table.find(path.part)).set(&patch);
        let changed = update.returning(Sequence::as_returning()).get_result(conn).await;
        Ok(changed.or_unchanged(current)?.into())
    })
    .await
}

/// Remove a sequence of an event
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/events/{id}/sequences/{part_id}")]
async fn delete_event_sequence(db: Data<Db>, editor: Editor, path: PartOf, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(path, &editor, conn).await?, conn).await?;
        diesel::delete(event_sequences::table.find(path.part)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
