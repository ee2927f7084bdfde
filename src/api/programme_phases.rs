//! Phases of the programme: phase 1 (2018-2022), phase 2 (2023-2027).

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    db::{
        Conn,
        listing::{Field, Listed, field, period, word},
    },
    http::{Content, Resource, Result, Shown, sent},
    noun::{Address, Alone, Card, Noun, Operations, Rule, Writing},
    schema::programme_phases,
    values::{Count, Day, Id, LongText, Name, Precision, PrecisionWords, ShortText},
};

/// A phase of the programme (phase du programme).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = programme_phases, check_for_backend(diesel::pg::Pg))]
pub struct ProgrammePhase {
    pub id: Id,
    /// The number of the phase, from 1 (numéro).
    pub number: Count,
    pub name: Name,
    pub starts_on: Option<Day>,
    pub ends_on: Option<Day>,
    /// The same period, in the words of the source (période telle que la source la donne).
    pub period_stated: Option<ShortText>,
    /// How exact the first and the last day are in the source (précision): a day, a month, a season, a year.
    pub period_precision: Option<Precision>,
    pub description: Option<LongText>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for ProgrammePhase {
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
#[diesel(table_name = programme_phases, treat_none_as_default_value = false)]
pub struct NewProgrammePhase {
    /// The number of the phase, from 1 (numéro).
    number: Count,
    name: Name,
    starts_on: Option<Day>,
    ends_on: Option<Day>,
    /// The same period, in the words of the source (période telle que la source la donne).
    period_stated: Option<ShortText>,
    /// How exact the first and the last day are in the source (précision): a day, a month, a season, a year.
    period_precision: Option<Precision>,
    description: Option<LongText>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = programme_phases)]
pub struct ProgrammePhasePatch {
    /// The number of the phase, from 1 (numéro).
    number: Option<Count>,
    name: Option<Name>,
    starts_on: Option<Option<Day>>,
    ends_on: Option<Option<Day>>,
    /// The same period, in the words of the source (période telle que la source la donne).
    period_stated: Option<Option<ShortText>>,
    /// How exact the first and the last day are in the source (précision): a day, a month, a season, a year.
    period_precision: Option<Option<Precision>>,
    description: Option<Option<LongText>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(programme_phases::number).sorted(),
        field(programme_phases::name).sorted(),
        field(programme_phases::starts_on).sorted(),
        field(programme_phases::ends_on).sorted(),
        word::<PrecisionWords, _>(programme_phases::period_precision),
        period("on", programme_phases::starts_on, programme_phases::ends_on),
        field(programme_phases::created_at).sorted(),
        field(programme_phases::updated_at).sorted(),
    ]
});

impl Listed for ProgrammePhase {
    type Table = programme_phases::table;
    type Key = programme_phases::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for ProgrammePhase {
    type View = Self;
    const ORDER: &'static str = "number";
}

impl Noun for ProgrammePhase {
    const CARD: Card = Card {
        table: "programme_phases",
        one: "programme_phase",
        a: "a programme phase",
        all: "programme phases",
        about: "Phases of the programme (phases du programme).",
        rules: &[Rule::period("period")],
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing::NATION;
    type Whole = Alone;
    type Right = Content;
    type New = NewProgrammePhase;
    type Patch = ProgrammePhasePatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        programme_phases::table.find(at.id).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewProgrammePhase, conn: &mut Conn) -> Result<Self> {
        let row = (programme_phases::id.eq(at.id), new);
        Ok(diesel::insert_into(programme_phases::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &ProgrammePhasePatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(programme_phases::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(programme_phases::table.find(at.id)).execute(conn).await
    }
}
