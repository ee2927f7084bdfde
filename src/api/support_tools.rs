//! Support tools: what the State and its operators offer for the actions.

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
    schema::support_tools,
    values::{Day, Id, LongText, Name, Url, Vocabulary, Word},
};

/// The words of [`ToolKind`].
#[derive(Debug, Clone)]
pub struct ToolKindWords;

impl Vocabulary for ToolKindWords {
    const NAME: &'static str = "SupportToolKind";
    const ABOUT: &'static str = "What a support tool offers (nature de l'outil).";
    const WORDS: &'static [(&'static str, &'static str)] =
        &[("engineering", "Ingénierie"), ("funding", "Financement"), ("service", "Service"), ("exemption", "Dérogation"), ("unknown", "Inconnue")];
}

/// What a support tool offers (nature de l'outil).
pub type ToolKind = Word<ToolKindWords>;

/// A support tool (outil de la boîte à outils, panier de services).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = support_tools, check_for_backend(diesel::pg::Pg))]
pub struct SupportTool {
    pub id: Id,
    pub name: Name,
    pub kind: ToolKind,
    /// The partner that offers the tool (opérateur de l'État).
    pub partner_id: Option<Id>,
    /// The phase of the programme (phase du programme).
    pub phase_id: Option<Id>,
    pub url: Option<Url>,
    /// What the tool offers, and to whom (description).
    pub description: Option<LongText>,
    /// The first day, included; null when it is unknown.
    pub starts_on: Option<Day>,
    /// The last day, included; null when it is unknown or has not come.
    pub ends_on: Option<Day>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for SupportTool {
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
#[diesel(table_name = support_tools, treat_none_as_default_value = false)]
pub struct NewSupportTool {
    name: Name,
    kind: ToolKind,
    /// The partner that offers the tool (opérateur de l'État).
    partner_id: Option<Id>,
    /// The phase of the programme (phase du programme).
    phase_id: Option<Id>,
    url: Option<Url>,
    /// What the tool offers, and to whom (description).
    description: Option<LongText>,
    /// The first day, included; null when it is unknown.
    starts_on: Option<Day>,
    /// The last day, included; null when it is unknown or has not come.
    ends_on: Option<Day>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = support_tools)]
pub struct SupportToolPatch {
    name: Option<Name>,
    kind: Option<ToolKind>,
    /// The partner that offers the tool (opérateur de l'État).
    partner_id: Option<Option<Id>>,
    /// The phase of the programme (phase du programme).
    phase_id: Option<Option<Id>>,
    url: Option<Option<Url>>,
    /// What the tool offers, and to whom (description).
    description: Option<Option<LongText>>,
    /// The first day, included; null when it is unknown.
    starts_on: Option<Option<Day>>,
    /// The last day, included; null when it is unknown or has not come.
    ends_on: Option<Option<Day>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(support_tools::search),
        field(support_tools::name).sorted(),
        word::<ToolKindWords, _>(support_tools::kind).sorted(),
        field(support_tools::partner_id),
        field(support_tools::phase_id),
        field(support_tools::starts_on).sorted(),
        field(support_tools::ends_on).sorted(),
        period("on", support_tools::starts_on, support_tools::ends_on),
        field(support_tools::created_at).sorted(),
        field(support_tools::updated_at).sorted(),
    ]
});

impl Listed for SupportTool {
    type Table = support_tools::table;
    type Key = support_tools::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for SupportTool {
    type View = Self;
    const ORDER: &'static str = "name";
}

impl Noun for SupportTool {
    const CARD: Card = Card {
        table: "support_tools",
        one: "support_tool",
        a: "a support tool",
        all: "support tools",
        about: "Support tools of the State and its operators (boîte à outils).",
        rules: &[Rule::period("period")],
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing::NATION;
    type Whole = Alone;
    type Right = Content;
    type New = NewSupportTool;
    type Patch = SupportToolPatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        support_tools::table.find(at.id).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewSupportTool, conn: &mut Conn) -> Result<Self> {
        let row = (support_tools::id.eq(at.id), new);
        Ok(diesel::insert_into(support_tools::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &SupportToolPatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(support_tools::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(support_tools::table.find(at.id)).execute(conn).await
    }
}
