//! The correspondences between the themes of two schemes.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Theme;
use crate::{
    db::{
        Conn,
        listing::{Field, Listed, field},
    },
    http::{Content, Resource, Result, Shown, sent},
    noun::{Address, Card, Noun, Of, Operations, Rule, Writing},
    schema::theme_correspondences,
    values::{Id, LongText},
};

/// A correspondence (correspondance): a theme of another scheme that means about the same.
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = theme_correspondences, check_for_backend(diesel::pg::Pg))]
#[schema(as = ThemeCorrespondence)]
pub struct Correspondence {
    pub id: Id,
    /// The theme that this belongs to (thématique).
    pub theme_id: Id,
    /// The corresponding theme of the other scheme (thématique).
    pub other_theme_id: Id,
    #[schema(required)]
    pub note: Option<LongText>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Correspondence {
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
#[diesel(table_name = theme_correspondences, treat_none_as_default_value = false)]
#[schema(as = NewThemeCorrespondence)]
pub struct NewCorrespondence {
    /// The corresponding theme of the other scheme (thématique).
    other_theme_id: Id,
    note: Option<LongText>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = theme_correspondences)]
#[schema(as = ThemeCorrespondencePatch)]
pub struct CorrespondencePatch {
    note: Option<Option<LongText>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(theme_correspondences::other_theme_id),
        field(theme_correspondences::created_at).sorted(),
        field(theme_correspondences::updated_at).sorted(),
    ]
});

impl Listed for Correspondence {
    type Table = theme_correspondences::table;
    type Key = theme_correspondences::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Correspondence {
    type View = Self;
    const ORDER: &'static str = "";
}

impl Noun for Correspondence {
    const CARD: Card = Card {
        table: "theme_correspondences",
        one: "theme_correspondence",
        a: "a correspondence of a theme",
        all: "the correspondences of a theme",
        rules: &[Rule::OTHER],
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing::WHOLE;
    type Whole = Of<Theme, theme_correspondences::theme_id>;
    type Right = Content;
    type New = NewCorrespondence;
    type Patch = CorrespondencePatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        theme_correspondences::table.find(at.id).filter(theme_correspondences::theme_id.eq(at.whole)).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewCorrespondence, conn: &mut Conn) -> Result<Self> {
        let row = (theme_correspondences::id.eq(at.id), theme_correspondences::theme_id.eq(at.whole), new);
        Ok(diesel::insert_into(theme_correspondences::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &CorrespondencePatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(theme_correspondences::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(theme_correspondences::table.find(at.id)).execute(conn).await
    }
}
