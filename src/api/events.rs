//! Events: workshops with their sessions, launches, signings, visits, campaigns, calls.

mod measures;
mod participants;
mod sequences;

use std::sync::LazyLock;

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
        Conn,
        listing::{Field, Listed, field, period, word},
    },
    http::{Along, Content, Resource, Result, Shown, sent},
    noun::{Address, Alone, Card, Face, Noun, Operations, Parts, Rule, Writing},
    rights::Place,
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

impl Noun for Event {
    const CARD: Card = Card {
        table: "events",
        one: "event",
        a: "an event",
        all: "events",
        about: "Events with sequences, head-counts and participants (événements).",
        places: &["territory_id"],
        rules: &[Rule::period("period"), Rule::PARENT, Rule::STATED],
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing::at(
        |event| Place { territory: event.territory_id, ..Place::nation() },
        |new| Place { territory: new.territory_id, ..Place::nation() },
    );
    const PARTS: &'static [Face] = &[Face::part::<Sequence>(), Face::part::<Measure>(), Face::part::<EventParticipant>()];
    type Whole = Alone;
    type Right = Content;
    type New = NewEvent;
    type Patch = EventPatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        events::table.find(at.id).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewEvent, conn: &mut Conn) -> Result<Self> {
        let row = (events::id.eq(at.id), new);
        Ok(diesel::insert_into(events::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &EventPatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(events::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(events::table.find(at.id)).execute(conn).await
    }
    async fn parts(new: &NewEvent, parts: &mut Parts<'_>) -> Result<()> {
        parts.take::<Sequence>("sequences", &new.sequences).await?;
        parts.take::<Measure>("measures", &new.measures).await?;
        parts.take::<EventParticipant>("participants", &new.participants).await
    }
}
