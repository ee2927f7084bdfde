//! The head-counts of an event. Each has a name, since each counts something else.

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
    http::{Content, Resource, Result, Shown, sent},
    noun::{Address, Card, Noun, Of, Operations, Writing},
    schema::event_measures,
    values::{Count, Id, LongText, Many, Name, Qualifier, QualifierWords},
};

/// A head-count of an event (effectif), with a name. It may be the sum of other head-counts.
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = event_measures, check_for_backend(diesel::pg::Pg))]
#[schema(as = EventMeasure)]
pub struct Measure {
    pub id: Id,
    /// The event that this belongs to (événement).
    pub event_id: Id,
    /// What is counted (libellé).
    pub label: Name,
    /// The number that was counted (effectif).
    pub value: Count,
    pub qualifier: Qualifier,
    /// The labels of the head-counts that add up to this one. They are of this event, or of events that are parts of it.
    pub addends: Many<Name>,
    #[schema(required)]
    pub note: Option<LongText>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
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

/// The body of a request that creates one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = event_measures, treat_none_as_default_value = false)]
#[schema(as = NewEventMeasure)]
pub struct NewMeasure {
    /// What is counted (libellé).
    label: Name,
    /// The number that was counted (effectif).
    value: Count,
    #[serde(default)]
    qualifier: Qualifier,
    /// The labels of the head-counts that add up to this one. They are of this event, or of events that are parts of it.
    #[serde(default)]
    addends: Many<Name>,
    note: Option<LongText>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = event_measures)]
#[schema(as = EventMeasurePatch)]
pub struct MeasurePatch {
    /// What is counted (libellé).
    label: Option<Name>,
    /// The number that was counted (effectif).
    value: Option<Count>,
    qualifier: Option<Qualifier>,
    /// The labels of the head-counts that add up to this one. They are of this event, or of events that are parts of it.
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

impl Noun for Measure {
    const CARD: Card =
        Card { table: "event_measures", one: "event_measure", a: "a measure of an event", all: "the measures of an event", ..Card::EMPTY };
    const WRITING: Writing<Self> = Writing::WHOLE;
    type Whole = Of<Event, event_measures::event_id>;
    type Right = Content;
    type New = NewMeasure;
    type Patch = MeasurePatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        event_measures::table.find(at.id).filter(event_measures::event_id.eq(at.whole)).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewMeasure, conn: &mut Conn) -> Result<Self> {
        let row = (event_measures::id.eq(at.id), event_measures::event_id.eq(at.whole), new);
        Ok(diesel::insert_into(event_measures::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &MeasurePatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(event_measures::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(event_measures::table.find(at.id)).execute(conn).await
    }
}
