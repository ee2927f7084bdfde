//! The themes of a fiche, of any scheme; a fiche may have none.

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
    http::{Content, Resource, Result, Shown},
    noun::{Address, Card, Noun, Of, Operations, Writing},
    schema::action_fiche_themes,
    values::Id,
};

/// A theme of a fiche (thématique de la fiche).
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = action_fiche_themes, check_for_backend(diesel::pg::Pg))]
#[schema(as = ActionFicheTheme)]
pub struct FicheTheme {
    pub id: Id,
    /// The action fiche that this belongs to (fiche action).
    pub action_fiche_id: Id,
    /// The theme (thématique).
    pub theme_id: Id,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for FicheTheme {
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
#[diesel(table_name = action_fiche_themes, treat_none_as_default_value = false)]
#[schema(as = NewActionFicheTheme)]
pub struct NewFicheTheme {
    /// The theme (thématique).
    theme_id: Id,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![field(action_fiche_themes::theme_id), field(action_fiche_themes::created_at).sorted(), field(action_fiche_themes::updated_at).sorted()]
});

impl Listed for FicheTheme {
    type Table = action_fiche_themes::table;
    type Key = action_fiche_themes::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for FicheTheme {
    type View = Self;
    const ORDER: &'static str = "";
}

impl Noun for FicheTheme {
    const CARD: Card =
        Card { table: "action_fiche_themes", one: "action_fiche_theme", a: "a theme of a fiche", all: "the themes of a fiche", ..Card::EMPTY };
    const WRITING: Writing<Self> = Writing::WHOLE;
    type Whole = Of<ActionFiche, action_fiche_themes::action_fiche_id>;
    type Right = Content;
    type New = NewFicheTheme;
    type Patch = ();

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).list().create().read().delete();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        action_fiche_themes::table.find(at.id).filter(action_fiche_themes::action_fiche_id.eq(at.whole)).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewFicheTheme, conn: &mut Conn) -> Result<Self> {
        let row = (action_fiche_themes::id.eq(at.id), action_fiche_themes::action_fiche_id.eq(at.whole), new);
        Ok(diesel::insert_into(action_fiche_themes::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    /// A theme of a fiche has no member that can change.
    async fn patch(at: Address<Self>, (): &(), conn: &mut Conn) -> QueryResult<Self> {
        Self::fetch(at, conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(action_fiche_themes::table.find(at.id)).execute(conn).await
    }
}
