//! The sequences of an event, in order.

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
        listing::{Field, Listed, field},
    },
    http::{Content, Resource, Result, Shown, sent},
    noun::{Address, Card, Noun, Of, Operations, Writing},
    schema::event_sequences,
    values::{Count, Id, LongText},
};

/// A sequence of an event (séquence).
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = event_sequences, check_for_backend(diesel::pg::Pg))]
#[schema(as = EventSequence)]
pub struct Sequence {
    pub id: Id,
    /// The event that this belongs to (événement).
    pub event_id: Id,
    /// The place of the sequence in the event, from 1 (ordre).
    pub position: Count,
    /// The purpose of the sequence (objet).
    pub purpose: LongText,
    /// The result of the sequence (résultat).
    #[schema(required)]
    pub result: Option<LongText>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
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

/// The body of a request that creates one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = event_sequences, treat_none_as_default_value = false)]
#[schema(as = NewEventSequence)]
pub struct NewSequence {
    /// The place of the sequence in the event, from 1 (ordre).
    position: Count,
    /// The purpose of the sequence (objet).
    purpose: LongText,
    /// The result of the sequence (résultat).
    result: Option<LongText>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = event_sequences)]
#[schema(as = EventSequencePatch)]
pub struct SequencePatch {
    /// The place of the sequence in the event, from 1 (ordre).
    position: Option<Count>,
    /// The purpose of the sequence (objet).
    purpose: Option<LongText>,
    /// The result of the sequence (résultat).
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

impl Noun for Sequence {
    const CARD: Card =
        Card { table: "event_sequences", one: "event_sequence", a: "a sequence of an event", all: "the sequences of an event", ..Card::EMPTY };
    const WRITING: Writing<Self> = Writing::WHOLE;
    type Whole = Of<Event, event_sequences::event_id>;
    type Right = Content;
    type New = NewSequence;
    type Patch = SequencePatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        event_sequences::table.find(at.id).filter(event_sequences::event_id.eq(at.whole)).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewSequence, conn: &mut Conn) -> Result<Self> {
        let row = (event_sequences::id.eq(at.id), event_sequences::event_id.eq(at.whole), new);
        Ok(diesel::insert_into(event_sequences::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &SequencePatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(event_sequences::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(event_sequences::table.find(at.id)).execute(conn).await
    }
}
