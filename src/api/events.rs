//! Events: workshops with their sessions, launches, signings, visits, campaigns, calls.

mod measures;
mod participants;
mod sequences;

use std::sync::LazyLock;

use actix_web::{delete, get, patch, post, web::Data};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use self::measures::{Measure, NewMeasure};
use self::participants::{EventParticipant, NewEventParticipant};
use self::sequences::{NewSequence, Sequence};
use crate::{
    db::{
        Conn, Db,
        listing::{Field, Listed, field, period, word},
    },
    http::{
        Along, At, Created, Editor, IfMatch, Json, List, NoContent, One, OrGone, OrUnchanged, Page, Resource, Result, Shown, Tagged, sent,
    },
    rights::{Place, Reach},
    schema::{event_measures, event_participants, event_sequences, events},
    values::{CommuneCode, Confidence, ConfidenceWords, Day, Id, LongText, Many, Name, Precision, PrecisionWords, ShortText, Vocabulary, Word},
};

/// The words of [`EventKind`].
#[derive(Debug, Clone)]
pub struct EventKindWords;

impl Vocabulary for EventKindWords {
    const NAME: &'static str = "EventKind";
    const ABOUT: &'static str = "What an event is (nature de l'événement).";
    const WORDS: &'static [(&'static str, &'static str)] = &[
        ("workshop", "Atelier"),
        ("session", "Séance"),
        ("launch", "Lancement"),
        ("announcement", "Annonce"),
        ("signing", "Signature"),
        ("visit", "Visite"),
        ("campaign", "Campagne"),
        ("webinar", "Webinaire"),
        ("call", "Appel"),
        ("groundbreaking", "Première pierre"),
        ("assembly", "Assemblée"),
        ("other", "Autre"),
    ];
}

/// What an event is (nature de l'événement).
pub type EventKind = Word<EventKindWords>;

/// An event (événement): a workshop or one of its sessions, a launch, a signing, a visit, a campaign, a call.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = events, check_for_backend(diesel::pg::Pg))]
pub struct Event {
    pub id: Id,
    pub name: Name,
    pub kind: EventKind,
    /// What the source calls it: a "convention de lancement" is an event, and no deed.
    pub called: Option<ShortText>,
    /// The event it is a part of, such as the workshop of a session; two levels at most.
    pub parent_id: Option<Id>,
    /// Its territory.
    pub territory_id: Option<Id>,
    /// Its first day, as it is understood.
    pub starts_on: Option<Day>,
    /// The same, as the source says it.
    pub starts_stated: Option<ShortText>,
    /// How much of it the source tells.
    pub starts_precision: Option<Precision>,
    /// How sure it is what it means.
    pub starts_confidence: Option<Confidence>,
    /// Its last day, included.
    pub ends_on: Option<Day>,
    /// Where, as the source says it.
    pub place: Option<ShortText>,
    /// In which commune.
    pub commune_code: Option<CommuneCode>,
    /// The partner that organised it.
    pub organiser_id: Option<Id>,
    /// The partner in whose house it was.
    pub host_partner_id: Option<Id>,
    pub description: Option<LongText>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Event {
    /// Whose it is.
    fn place(&self) -> Place {
        Place { territory: self.territory_id, ..Place::nation() }
    }
}

impl Resource for Event {
    fn id(&self) -> Id {
        self.id
    }
    fn version(&self) -> i32 {
        self.version
    }
}

/// An event, with what was asked along.
#[serde_with::apply(Option => #[serde(skip_serializing_if = "Option::is_none")])]
#[derive(Debug, Serialize, ToSchema)]
pub struct EventView {
    #[serde(flatten)]
    event: Event,
    /// Its sequences.
    sequences: Option<Vec<Sequence>>,
    /// Its head-counts.
    measures: Option<Vec<Measure>>,
    /// Who took part.
    participants: Option<Vec<EventParticipant>>,
}

impl From<Event> for EventView {
    fn from(event: Event) -> Self {
        Self { event, sequences: None, measures: None, participants: None }
    }
}

/// What it takes to make one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = events, treat_none_as_default_value = false)]
pub struct NewEvent {
    name: Name,
    kind: EventKind,
    /// What the source calls it: a "convention de lancement" is an event, and no deed.
    called: Option<ShortText>,
    /// The event it is a part of, such as the workshop of a session; two levels at most.
    parent_id: Option<Id>,
    /// Its territory.
    territory_id: Option<Id>,
    /// Its first day, as it is understood.
    starts_on: Option<Day>,
    /// The same, as the source says it.
    starts_stated: Option<ShortText>,
    /// How much of it the source tells.
    starts_precision: Option<Precision>,
    /// How sure it is what it means.
    starts_confidence: Option<Confidence>,
    /// Its last day, included.
    ends_on: Option<Day>,
    /// Where, as the source says it.
    place: Option<ShortText>,
    /// In which commune.
    commune_code: Option<CommuneCode>,
    /// The partner that organised it.
    organiser_id: Option<Id>,
    /// The partner in whose house it was.
    host_partner_id: Option<Id>,
    description: Option<LongText>,
    /// Its sequences.
    #[serde(default)]
    #[diesel(skip_insertion)]
    sequences: Many<NewSequence>,
    /// Its head-counts.
    #[serde(default)]
    #[diesel(skip_insertion)]
    measures: Many<NewMeasure>,
    /// Who took part.
    #[serde(default)]
    #[diesel(skip_insertion)]
    participants: Many<NewEventParticipant>,
}

impl NewEvent {
    /// Whose it is to be.
    fn place(&self) -> Place {
        Place { territory: self.territory_id, ..Place::nation() }
    }

    /// Refuses what the caller may not know.
    async fn check(&self, reach: &Reach, conn: &mut Conn) -> Result<()> {
        for (index, child) in self.participants.iter().enumerate() {
            child.check(reach, conn).await.map_err(|problem| problem.inside("participants", index))?;
        }
        Ok(())
    }
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = events)]
pub struct EventPatch {
    name: Option<Name>,
    kind: Option<EventKind>,
    /// What the source calls it: a "convention de lancement" is an event, and no deed.
    called: Option<Option<ShortText>>,
    /// The event it is a part of, such as the workshop of a session; two levels at most.
    parent_id: Option<Option<Id>>,
    /// Its first day, as it is understood.
    starts_on: Option<Option<Day>>,
    /// The same, as the source says it.
    starts_stated: Option<Option<ShortText>>,
    /// How much of it the source tells.
    starts_precision: Option<Option<Precision>>,
    /// How sure it is what it means.
    starts_confidence: Option<Option<Confidence>>,
    /// Its last day, included.
    ends_on: Option<Option<Day>>,
    /// Where, as the source says it.
    place: Option<Option<ShortText>>,
    /// In which commune.
    commune_code: Option<Option<CommuneCode>>,
    /// The partner that organised it.
    organiser_id: Option<Option<Id>>,
    /// The partner in whose house it was.
    host_partner_id: Option<Option<Id>>,
    description: Option<Option<LongText>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(events::search),
        field(events::name).sorted(),
        word::<EventKindWords, _>(events::kind).sorted(),
        field(events::parent_id),
        field(events::territory_id),
        field(events::starts_on).sorted(),
        word::<PrecisionWords, _>(events::starts_precision),
        word::<ConfidenceWords, _>(events::starts_confidence),
        field(events::ends_on).sorted(),
        field(events::commune_code),
        field(events::organiser_id),
        field(events::host_partner_id),
        period("on", events::starts_on, events::ends_on),
        field(event_participants::partner_id)
            .linked(event_participants::event_id, events::id)
            .named("partner_id", "In which this partner took part."),
        field(events::created_at).sorted(),
        field(events::updated_at).sorted(),
    ]
});

impl Listed for Event {
    type Table = events::table;
    type Key = events::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Event {
    type View = EventView;
    const INCLUDES: &'static [(&'static str, &'static str)] =
        &[("sequences", "Its sequences."), ("measures", "Its head-counts."), ("participants", "Who took part.")];
    const ORDER: &'static str = "starts_on";

    async fn include(along: &mut Along<'_, EventView>) -> Result<()> {
        along.parts("sequences", event_sequences::event_id, |row: &Sequence| row.event_id, |view| &mut view.sequences).await?;
        along.parts("measures", event_measures::event_id, |row: &Measure| row.event_id, |view| &mut view.measures).await?;
        along.parts("participants", event_participants::event_id, |row: &EventParticipant| row.event_id, |view| &mut view.participants).await
    }
}

/// Its operations.
pub fn routes(routes: &mut ServiceConfig) {
    sequences::routes(routes);
    measures::routes(routes);
    participants::routes(routes);
    routes.service(list_events).service(create_event).service(read_event).service(update_event).service(delete_event);
}

async fn find(id: Id, reach: &Reach, conn: &mut Conn) -> Result<Event> {
    events::table.find(id).select(Event::as_select()).first(conn).await.or_gone("events", None, id, reach, conn).await
}

async fn lock(id: Id, editor: &Editor, conn: &mut Conn) -> Result<Event> {
    let event = events::table.find(id).select(Event::as_select()).for_no_key_update();
    let event = event.first(conn).await.or_gone("events", None, id, editor.reach(), conn).await?;
    editor.within(&event.place())?;
    Ok(event)
}

/// Makes one under this identifier, with its parts.
pub async fn insert(id: Id, new: &NewEvent, conn: &mut Conn) -> Result<Event> {
    let row = (events::id.eq(id), new);
    let event = diesel::insert_into(events::table).values(row).returning(Event::as_returning()).get_result(conn).await?;
    for (index, child) in new.sequences.iter().enumerate() {
        sequences::insert(id, child, conn).await.map_err(|problem| problem.inside("sequences", index))?;
    }
    for (index, child) in new.measures.iter().enumerate() {
        measures::insert(id, child, conn).await.map_err(|problem| problem.inside("measures", index))?;
    }
    for (index, child) in new.participants.iter().enumerate() {
        participants::insert(id, child, conn).await.map_err(|problem| problem.inside("participants", index))?;
    }
    Ok(event)
}

/// List events
#[utoipa::path(params(List<Event>), responses((status = OK, body = Page<EventView>)))]
#[get("/events")]
async fn list_events(db: Data<Db>, list: List<Event>) -> Result<Page<EventView>> {
    list.page(&db).await
}

/// Create an event
#[utoipa::path(responses((status = CREATED, body = Event)))]
#[post("/events")]
async fn create_event(db: Data<Db>, editor: Editor, body: Json<NewEvent>) -> Result<Created<Event>> {
    db.write(&editor, async |conn| {
        let new = body.valid()?;
        editor.within(&new.place())?;
        new.check(editor.reach(), conn).await?;
        Ok(Created(insert(Id::new(), &new, conn).await?))
    })
    .await
}

/// Read an event
#[utoipa::path(params(One<Event>), responses((status = OK, body = EventView)))]
#[get("/events/{id}")]
async fn read_event(db: Data<Db>, At(id): At, one: One<Event>) -> Result<Tagged<EventView>> {
    one.answer(&db, id, find).await
}

/// Change an event
#[utoipa::path(responses((status = OK, body = Event)))]
#[patch("/events/{id}")]
async fn update_event(db: Data<Db>, editor: Editor, At(id): At, if_match: IfMatch, body: Json<EventPatch>) -> Result<Tagged<Event>> {
    db.write(&editor, async |conn| {
        let current = lock(id, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;
        let update = diesel::update(events::table.find(id)).set(&patch);
        let changed = update.returning(Event::as_returning()).get_result(conn).await;
        Ok(changed.or_unchanged(current)?.into())
    })
    .await
}

/// Delete an event
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/events/{id}")]
async fn delete_event(db: Data<Db>, editor: Editor, At(id): At, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(id, &editor, conn).await?, conn).await?;
        diesel::delete(events::table.find(id)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
