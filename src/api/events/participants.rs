//! Who took part in an event: persons, partners, and those of whom the source only tells the category.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Event;
use crate::{
    db::{
        Conn,
        listing::{Field, Listed, field, word},
    },
    http::{Content, Resource, Result, Shown, Views, sent},
    noun::{Address, Card, Naming, Noun, Of, Operations, Rule, Writing},
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

impl Noun for EventParticipant {
    const CARD: Card = Card {
        table: "event_participants",
        one: "event_participant",
        a: "a participant of an event",
        all: "the participants of an event",
        rules: &[Rule::ATTENDED],
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing::WHOLE;
    const NAMES: &'static [Naming<Self>] = &[Naming::<Self>::person(|new| new.person_id, |patch| patch.person_id.flatten())];
    type Whole = Of<Event, event_participants::event_id>;
    type Right = Content;
    type New = NewEventParticipant;
    type Patch = EventParticipantPatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        event_participants::table.find(at.id).filter(event_participants::event_id.eq(at.whole)).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewEventParticipant, conn: &mut Conn) -> Result<Self> {
        let row = (event_participants::id.eq(at.id), event_participants::event_id.eq(at.whole), new);
        Ok(diesel::insert_into(event_participants::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &EventParticipantPatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(event_participants::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(event_participants::table.find(at.id)).execute(conn).await
    }
}
