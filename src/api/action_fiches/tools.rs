//! The support tools that a fiche uses.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::ActionFiche;
use crate::{
    db::{
        Conn,
        listing::{Field, Listed, field},
    },
    http::{Content, Resource, Result, Shown, sent},
    noun::{Address, Card, Noun, Of, Operations, Writing},
    schema::action_fiche_tools,
    values::{Id, LongText},
};

/// A support tool that a fiche uses (outil mobilisé).
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = action_fiche_tools, check_for_backend(diesel::pg::Pg))]
#[schema(as = ActionFicheTool)]
pub struct FicheTool {
    pub id: Id,
    /// The action fiche that this belongs to (fiche action).
    pub action_fiche_id: Id,
    /// The support tool (outil).
    pub support_tool_id: Id,
    /// What the fiche uses the tool for (usage).
    #[schema(required)]
    pub note: Option<LongText>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for FicheTool {
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
#[diesel(table_name = action_fiche_tools, treat_none_as_default_value = false)]
#[schema(as = NewActionFicheTool)]
pub struct NewFicheTool {
    /// The support tool (outil).
    support_tool_id: Id,
    /// What the fiche uses the tool for (usage).
    note: Option<LongText>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = action_fiche_tools)]
#[schema(as = ActionFicheToolPatch)]
pub struct FicheToolPatch {
    /// What the fiche uses the tool for (usage).
    note: Option<Option<LongText>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![field(action_fiche_tools::support_tool_id), field(action_fiche_tools::created_at).sorted(), field(action_fiche_tools::updated_at).sorted()]
});

impl Listed for FicheTool {
    type Table = action_fiche_tools::table;
    type Key = action_fiche_tools::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for FicheTool {
    type View = Self;
    const ORDER: &'static str = "";
}

impl Noun for FicheTool {
    const CARD: Card = Card {
        table: "action_fiche_tools",
        one: "action_fiche_tool",
        a: "a tool of an action fiche",
        all: "the tools of an action fiche",
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing::WHOLE;
    type Whole = Of<ActionFiche, action_fiche_tools::action_fiche_id>;
    type Right = Content;
    type New = NewFicheTool;
    type Patch = FicheToolPatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        action_fiche_tools::table.find(at.id).filter(action_fiche_tools::action_fiche_id.eq(at.whole)).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewFicheTool, conn: &mut Conn) -> Result<Self> {
        let row = (action_fiche_tools::id.eq(at.id), action_fiche_tools::action_fiche_id.eq(at.whole), new);
        Ok(diesel::insert_into(action_fiche_tools::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &FicheToolPatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(action_fiche_tools::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(action_fiche_tools::table.find(at.id)).execute(conn).await
    }
}
