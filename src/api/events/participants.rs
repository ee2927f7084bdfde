//! The participants of an event: persons, partners, and categories where the source names nobody.

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
    const ABOUT: &'static str = "The role of a participant in an event (rôle).";
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

/// The role of a participant in an event (rôle).
pub type EventRole = Word<EventRoleWords>;

/// A participant of an event (participant): a person, a partner, or a category of participants.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = event_participants, check_for_backend(diesel::pg::Pg))]
#[schema(as = EventParticipant)]
pub struct EventParticipant {
    pub id: Id,
    /// The event that this belongs to (événement).
    pub event_id: Id,
    /// The person (personne); null when no person is named.
    pub person_id: Option<Id>,
    /// The partner that the person stands for; the participating partner itself when no person is named (organisme).
    pub partner_id: Option<Id>,
    /// The category of participants, when nobody is named (catégorie).
    pub category: Option<ShortText>,
    /// The function, in the words of the source (fonction, qualité).
    pub function: Option<ShortText>,
    pub role: EventRole,
    /// What the participant said, as the source quotes it (citation).
    pub quote: Option<LongText>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
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

/// The body of a request that creates one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = event_participants, treat_none_as_default_value = false)]
#[schema(as = NewEventParticipant)]
pub struct NewEventParticipant {
    /// The person (personne); null when no person is named.
    person_id: Option<Id>,
    /// The partner that the person stands for; the participating partner itself when no person is named (organisme).
    partner_id: Option<Id>,
    /// The category of participants, when nobody is named (catégorie).
    category: Option<ShortText>,
    /// The function, in the words of the source (fonction, qualité).
    function: Option<ShortText>,
    #[serde(default)]
    role: EventRole,
    /// What the participant said, as the source quotes it (citation).
    quote: Option<LongText>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = event_participants)]
#[schema(as = EventParticipantPatch)]
pub struct EventParticipantPatch {
    /// The person (personne); null when no person is named.
    person_id: Option<Option<Id>>,
    /// The partner that the person stands for; the participating partner itself when no person is named (organisme).
    partner_id: Option<Option<Id>>,
    /// The category of participants, when nobody is named (catégorie).
    category: Option<Option<ShortText>>,
    /// The function, in the words of the source (fonction, qualité).
    function: Option<Option<ShortText>>,
    role: Option<EventRole>,
    /// What the participant said, as the source quotes it (citation).
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
        erased: &["function", "quote"],
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
