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
        listing::{Field, Listed, code, field, period, word},
    },
    http::{Along, Content, Resource, Result, Shown, sent},
    noun::{Address, Alone, Card, Face, Noun, Operations, Parts, Rule, Writing},
    rights::Place,
    schema::{event_measures, event_participants, event_sequences, events},
    values::{
        CommuneCode, Confidence, ConfidenceWords, Day, Id, LongText, Many, Name, Precision, PrecisionWords, ShortText, Vocabulary, Word, rules,
    },
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

/// An event (événement): a workshop (atelier) or one of its sessions (séance), a launch, a signing, a visit, a campaign, a call.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = events, check_for_backend(diesel::pg::Pg))]
pub struct Event {
    pub id: Id,
    pub name: Name,
    pub kind: EventKind,
    /// What the source calls the event: a "convention de lancement" is an event, and not a deed.
    pub called: Option<ShortText>,
    /// The event that this one is a part of, such as the workshop of a session; two levels at most.
    pub parent_id: Option<Id>,
    /// The territory (territoire).
    pub territory_id: Option<Id>,
    /// The first day, as the service reads the source (date de début).
    pub starts_on: Option<Day>,
    /// The same date, in the words of the source (date telle que la source la donne).
    pub starts_stated: Option<ShortText>,
    /// How exact the date is in the source (précision): a day, a month, a season, a year.
    pub starts_precision: Option<Precision>,
    /// How sure the reading of the source's words is (fiabilité).
    pub starts_confidence: Option<Confidence>,
    /// The last day, included (date de fin).
    pub ends_on: Option<Day>,
    /// The place, in the words of the source (lieu).
    pub place: Option<ShortText>,
    /// The commune, by its code of the COG (code commune).
    pub commune_code: Option<CommuneCode>,
    /// The partner that organised the event (organisateur).
    pub organiser_id: Option<Id>,
    /// The partner that hosted it, in its own premises (hôte).
    pub host_partner_id: Option<Id>,
    pub description: Option<LongText>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
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

/// An event, with the related things that `include` names.
#[serde_with::apply(Option => #[serde(skip_serializing_if = "Option::is_none")])]
#[derive(Debug, Serialize, ToSchema)]
pub struct EventView {
    #[serde(flatten)]
    event: Event,
    /// The sequences, in order (séquences).
    sequences: Option<Vec<Sequence>>,
    /// The head-counts (effectifs).
    measures: Option<Vec<Measure>>,
    /// The participants (participants).
    participants: Option<Vec<EventParticipant>>,
}

impl From<Event> for EventView {
    fn from(event: Event) -> Self {
        Self { event, sequences: None, measures: None, participants: None }
    }
}

/// The body of a request that creates one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = events, treat_none_as_default_value = false)]
pub struct NewEvent {
    name: Name,
    kind: EventKind,
    /// What the source calls the event: a "convention de lancement" is an event, and not a deed.
    called: Option<ShortText>,
    /// The event that this one is a part of, such as the workshop of a session; two levels at most.
    parent_id: Option<Id>,
    /// The territory (territoire).
    territory_id: Option<Id>,
    /// The first day, as the service reads the source (date de début).
    starts_on: Option<Day>,
    /// The same date, in the words of the source (date telle que la source la donne).
    starts_stated: Option<ShortText>,
    /// How exact the date is in the source (précision): a day, a month, a season, a year.
    starts_precision: Option<Precision>,
    /// How sure the reading of the source's words is (fiabilité).
    starts_confidence: Option<Confidence>,
    /// The last day, included (date de fin).
    ends_on: Option<Day>,
    /// The place, in the words of the source (lieu).
    place: Option<ShortText>,
    /// The commune, by its code of the COG (code commune).
    commune_code: Option<CommuneCode>,
    /// The partner that organised the event (organisateur).
    organiser_id: Option<Id>,
    /// The partner that hosted it, in its own premises (hôte).
    host_partner_id: Option<Id>,
    description: Option<LongText>,
    /// The sequences, in order (séquences).
    #[serde(default)]
    #[diesel(skip_insertion)]
    sequences: Many<NewSequence>,
    /// The head-counts (effectifs).
    #[serde(default)]
    #[diesel(skip_insertion)]
    measures: Many<NewMeasure>,
    /// The participants (participants).
    #[serde(default)]
    #[diesel(skip_insertion)]
    participants: Many<NewEventParticipant>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = events)]
pub struct EventPatch {
    name: Option<Name>,
    kind: Option<EventKind>,
    /// What the source calls the event: a "convention de lancement" is an event, and not a deed.
    called: Option<Option<ShortText>>,
    /// The event that this one is a part of, such as the workshop of a session; two levels at most.
    parent_id: Option<Option<Id>>,
    /// The first day, as the service reads the source (date de début).
    starts_on: Option<Option<Day>>,
    /// The same date, in the words of the source (date telle que la source la donne).
    starts_stated: Option<Option<ShortText>>,
    /// How exact the date is in the source (précision): a day, a month, a season, a year.
    starts_precision: Option<Option<Precision>>,
    /// How sure the reading of the source's words is (fiabilité).
    starts_confidence: Option<Option<Confidence>>,
    /// The last day, included (date de fin).
    ends_on: Option<Option<Day>>,
    /// The place, in the words of the source (lieu).
    place: Option<Option<ShortText>>,
    /// The commune, by its code of the COG (code commune).
    commune_code: Option<Option<CommuneCode>>,
    /// The partner that organised the event (organisateur).
    organiser_id: Option<Option<Id>>,
    /// The partner that hosted it, in its own premises (hôte).
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
        code::<rules::CommuneCode, _>(events::commune_code),
        field(events::organiser_id),
        field(events::host_partner_id),
        period("on", events::starts_on, events::ends_on),
        field(event_participants::partner_id)
            .linked(event_participants::event_id, events::id)
            .named("partner_id", "Those in which this partner took part."),
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
    const INCLUDES: &'static [(&'static str, &'static str)] = &[
        ("sequences", "The sequences (séquences)."),
        ("measures", "The head-counts (effectifs)."),
        ("participants", "The participants (participants)."),
    ];
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
