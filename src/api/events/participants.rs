//! Who took part in an event: persons, partners, and those of whom the source only tells the category.

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
        At, Created, Editor, IfMatch, Json, List, NoContent, One, OrGone, OrUnchanged, Page, PartOf, Resource, Result, Shown, Tagged, Views, may_name_person, sent,
    },
    rights::{self, Reach},
    schema::event_participants,
    values::{Id, LongText, ShortText, Vocabulary, Word},
};

/// The words of [`EventRole`].
#[derive(Debug, Clone)]
pub struct EventRoleWords;

impl Vocabulary for EventRoleWords {
    const NAME: &'static str = "EventRole";
    const ABOUT: &'static str = "As what someone takes part in an event (rôle).";
    const WORDS: &'static [(&'static str, &'static str)] = &[
        ("attendee", "Participant"),
        ("initiator", "Initiateur"),
        ("organiser", "Organisateur"),
        ("host", "Hôte"),
        ("speaker", "Intervenant"),
        ("guest", "Invité"),
        ("visitor", "Visiteur"),
    ];
}

/// As what someone takes part in an event (rôle).
pub type EventRole = Word<EventRoleWords>;

/// A participant of an event: a person, a partner, or a category of them.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = event_participants, check_for_backend(diesel::pg::Pg))]
#[schema(as = EventParticipant)]
pub struct EventParticipant {
    pub id: Id,
    /// The event it is part of.
    pub event_id: Id,
    /// Who.
    pub person_id: Option<Id>,
    /// For which partner; or which partner.
    pub partner_id: Option<Id>,
    /// What kind of participants, where nobody is named.
    pub category: Option<ShortText>,
    /// As what, as the source says it.
    pub function: Option<ShortText>,
    pub role: EventRole,
    /// What was said there, as the source quotes it.
    pub quote: Option<LongText>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for EventParticipant {
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
#[diesel(table_name = event_participants, treat_none_as_default_value = false)]
#[schema(as = NewEventParticipant)]
pub struct NewEventParticipant {
    /// Who.
    person_id: Option<Id>,
    /// For which partner; or which partner.
    partner_id: Option<Id>,
    /// What kind of participants, where nobody is named.
    category: Option<ShortText>,
    /// As what, as the source says it.
    function: Option<ShortText>,
    #[serde(default)]
    role: EventRole,
    /// What was said there, as the source quotes it.
    quote: Option<LongText>,
}

impl NewEventParticipant {
    /// Refuses what the caller may not know.
    pub(super) async fn check(&self, reach: &Reach, conn: &mut Conn) -> Result<()> {
        may_name_person(self.person_id, reach, conn).await?;
        Ok(())
    }
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = event_participants)]
#[schema(as = EventParticipantPatch)]
pub struct EventParticipantPatch {
    /// Who.
    person_id: Option<Option<Id>>,
    /// For which partner; or which partner.
    partner_id: Option<Option<Id>>,
    /// What kind of participants, where nobody is named.
    category: Option<Option<ShortText>>,
    /// As what, as the source says it.
    function: Option<Option<ShortText>>,
    role: Option<EventRole>,
    /// What was said there, as the source quotes it.
    quote: Option<Option<LongText>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(event_participants::person_id).personal(event_participants::id),
        field(event_participants::partner_id),
        word::<EventRoleWords, _>(event_participants::role),
        field(event_participants::created_at).sorted(),
        field(event_participants::updated_at).sorted(),
    ]
});

impl Listed for EventParticipant {
    type Table = event_participants::table;
    type Key = event_participants::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for EventParticipant {
    type View = Self;
    const ORDER: &'static str = "";

    async fn veil(views: &mut Views<Self>, reach: &Reach, conn: &mut Conn) -> Result<()> {
        Ok(rights::veil(views.iter_mut().map(|(id, row)| (*id, &mut row.person_id)), reach, conn).await?)
    }
}

/// Its operations.
pub fn routes(routes: &mut ServiceConfig) {
    routes
        .service(list_event_participants)
        .service(create_event_participant)
        .service(read_event_participant)
        .service(update_event_participant)
        .service(delete_event_participant);
}

async fn lock(path: PartOf, editor: &Editor, conn: &mut Conn) -> Result<EventParticipant> {
    super::lock(path.id, editor, conn).await?;
    find(path, editor.reach(), conn).await
}

async fn find(path: PartOf, reach: &Reach, conn: &mut Conn) -> Result<EventParticipant> {
    let part = event_participants::table.find(path.part).filter(event_participants::event_id.eq(path.id)).select(EventParticipant::as_select());
    part.first(conn).await.or_gone("event_participants", Some(path.id), path.part, reach, conn).await
}

/// Adds one to its event.
pub async fn insert(event_id: Id, new: &NewEventParticipant, conn: &mut Conn) -> Result<EventParticipant> {
    let row = (event_participants::id.eq(Id::new()), event_participants::event_id.eq(event_id), new);
    Ok(diesel::insert_into(event_participants::table).values(row).returning(EventParticipant::as_returning()).get_result(conn).await?)
}

/// List the participants of an event
#[utoipa::path(params(List<EventParticipant>), responses((status = OK, body = Page<EventParticipant>)))]
#[get("/events/{id}/participants")]
async fn list_event_participants(db: Data<Db>, At(id): At, list: List<EventParticipant>) -> Result<Page<EventParticipant>> {
    list.parts(&db, event_participants::event_id, id, super::find).await
}

/// Add a participant of an event
#[utoipa::path(responses((status = CREATED, body = EventParticipant)))]
#[post("/events/{id}/participants")]
async fn create_event_participant(db: Data<Db>, editor: Editor, At(id): At, body: Json<NewEventParticipant>) -> Result<Created<EventParticipant>> {
    db.write(&editor, async |conn| {
        super::lock(id, &editor, conn).await?;
        let new = body.valid()?;
        new.check(editor.reach(), conn).await?;
        Ok(Created(insert(id, &new, conn).await?))
    })
    .await
}

/// Read a participant of an event
#[utoipa::path(params(One<EventParticipant>), responses((status = OK, body = EventParticipant)))]
#[get("/events/{id}/participants/{part_id}")]
async fn read_event_participant(db: Data<Db>, path: PartOf, one: One<EventParticipant>) -> Result<Tagged<EventParticipant>> {
    one.part(&db, path, super::find, find).await
}

/// Change a participant of an event
#[utoipa::path(responses((status = OK, body = EventParticipant)))]
#[patch("/events/{id}/participants/{part_id}")]
async fn update_event_participant(
    db: Data<Db>,
    editor: Editor,
    path: PartOf,
    if_match: IfMatch,
    body: Json<EventParticipantPatch>,
) -> Result<Tagged<EventParticipant>> {
    db.write(&editor, async |conn| {
        let current = lock(path, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;
        may_name_person(patch.person_id.flatten(), editor.reach(), conn).await?;
        let update = diesel::update(event_participants::table.find(path.part)).set(&patch);
        let changed = update.returning(EventParticipant::as_returning()).get_result(conn).await;
        let mut changed = changed.or_unchanged(current)?;
        rights::veil(std::iter::once((changed.id, &mut changed.person_id)), editor.reach(), conn).await?;
        Ok(changed.into())
    })
    .await
}

/// Remove a participant of an event
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/events/{id}/participants/{part_id}")]
async fn delete_event_participant(db: Data<Db>, editor: Editor, path: PartOf, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(path, &editor, conn).await?, conn).await?;
        diesel::delete(event_participants::table.find(path.part)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
