//! Indicators: what is measured, with a definition and a unit.

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
        listing::{Field, Listed, code, field},
    },
    http::{Content, Resource, Result, Shown, sent},
    noun::{Address, Alone, Card, Noun, Operations, Writing},
    schema::indicators,
    values::{Code, Id, LongText, Name, rules},
};

/// An indicator (indicateur): a definition and a unit. Figures of two indicators are never added.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = indicators, check_for_backend(diesel::pg::Pg))]
pub struct Indicator {
    pub id: Id,
    /// The code (code).
    pub code: Code,
    /// The name in French (libellé).
    pub label_fr: Name,
    /// The name in English.
    pub label_en: Option<Name>,
    /// The unit (unité).
    pub unit: Name,
    /// The definition: what exactly is counted (définition).
    pub definition: Option<LongText>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Indicator {
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
#[diesel(table_name = indicators, treat_none_as_default_value = false)]
pub struct NewIndicator {
    /// The code (code).
    code: Code,
    /// The name in French (libellé).
    label_fr: Name,
    /// The name in English.
    label_en: Option<Name>,
    /// The unit (unité).
    unit: Name,
    /// The definition: what exactly is counted (définition).
    definition: Option<LongText>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = indicators)]
pub struct IndicatorPatch {
    /// The code (code).
    code: Option<Code>,
    /// The name in French (libellé).
    label_fr: Option<Name>,
    /// The name in English.
    label_en: Option<Option<Name>>,
    /// The unit (unité).
    unit: Option<Name>,
    /// The definition: what exactly is counted (définition).
    definition: Option<Option<LongText>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(indicators::search),
        code::<rules::Code, _>(indicators::code).sorted(),
        field(indicators::label_fr).sorted(),
        field(indicators::created_at).sorted(),
        field(indicators::updated_at).sorted(),
    ]
});

impl Listed for Indicator {
    type Table = indicators::table;
    type Key = indicators::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Indicator {
    type View = Self;
    const ORDER: &'static str = "code";
}

impl Noun for Indicator {
    const CARD: Card = Card {
        table: "indicators",
        one: "indicator",
        a: "an indicator",
        all: "indicators",
        about: "Indicators: definitions and units (indicateurs).",
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing::NATION;
    type Whole = Alone;
    type Right = Content;
    type New = NewIndicator;
    type Patch = IndicatorPatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        indicators::table.find(at.id).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewIndicator, conn: &mut Conn) -> Result<Self> {
        let row = (indicators::id.eq(at.id), new);
        Ok(diesel::insert_into(indicators::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &IndicatorPatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(indicators::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(indicators::table.find(at.id)).execute(conn).await
    }
}
