//! The territories that came after a territory: it continued, was split, merged, extended or reduced.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Territory;
use crate::{
    db::{
        Conn,
        listing::{Field, Listed, field, word},
    },
    http::{Content, Resource, Result, Shown, sent},
    noun::{Address, Card, Noun, Of, Operations, Rule, Writing},
    schema::territory_successions,
    values::{Day, Id, LongText, Vocabulary, Word},
};

/// The words of [`SuccessionKind`].
#[derive(Debug, Clone)]
pub struct SuccessionKindWords;

impl Vocabulary for SuccessionKindWords {
    const NAME: &'static str = "SuccessionKind";
    const ABOUT: &'static str = "How one territory became another (filiation).";
    const WORDS: &'static [(&'static str, &'static str)] =
        &[("continued", "Poursuivi"), ("split", "Scindé"), ("merged", "Fusionné"), ("extended", "Étendu"), ("reduced", "Réduit")];
}

/// How one territory became another (filiation).
pub type SuccessionKind = Word<SuccessionKindWords>;

/// A succession (filiation): a territory that came after another one.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = territory_successions, check_for_backend(diesel::pg::Pg))]
#[schema(as = TerritorySuccession)]
pub struct Succession {
    pub id: Id,
    /// The territory that this belongs to (territoire).
    pub territory_id: Id,
    /// The territory that came after (successeur).
    pub successor_id: Id,
    pub kind: SuccessionKind,
    pub happened_on: Option<Day>,
    pub note: Option<LongText>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Succession {
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
#[diesel(table_name = territory_successions, treat_none_as_default_value = false)]
#[schema(as = NewTerritorySuccession)]
pub struct NewSuccession {
    /// The territory that came after (successeur).
    successor_id: Id,
    kind: SuccessionKind,
    happened_on: Option<Day>,
    note: Option<LongText>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = territory_successions)]
#[schema(as = TerritorySuccessionPatch)]
pub struct SuccessionPatch {
    kind: Option<SuccessionKind>,
    happened_on: Option<Option<Day>>,
    note: Option<Option<LongText>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(territory_successions::successor_id),
        word::<SuccessionKindWords, _>(territory_successions::kind),
        field(territory_successions::happened_on).sorted(),
        field(territory_successions::created_at).sorted(),
        field(territory_successions::updated_at).sorted(),
    ]
});

impl Listed for Succession {
    type Table = territory_successions::table;
    type Key = territory_successions::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Succession {
    type View = Self;
    const ORDER: &'static str = "";
}

impl Noun for Succession {
    const CARD: Card = Card {
        table: "territory_successions",
        one: "territory_succession",
        a: "a succession of a territory",
        all: "the successions of a territory",
        rules: &[Rule::OTHER],
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing::NATION;
    type Whole = Of<Territory, territory_successions::territory_id>;
    type Right = Content;
    type New = NewSuccession;
    type Patch = SuccessionPatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        territory_successions::table.find(at.id).filter(territory_successions::territory_id.eq(at.whole)).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewSuccession, conn: &mut Conn) -> Result<Self> {
        let row = (territory_successions::id.eq(at.id), territory_successions::territory_id.eq(at.whole), new);
        Ok(diesel::insert_into(territory_successions::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &SuccessionPatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(territory_successions::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(territory_successions::table.find(at.id)).execute(conn).await
    }
}
