//! Themes: the axes of each phase, and a territory's own wordings of them.

mod correspondences;

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use self::correspondences::{Correspondence, NewCorrespondence};
use crate::{
    db::{
        Conn,
        listing::{Field, Listed, field},
    },
    http::{Along, Content, Resource, Result, Shown, Writer, sent},
    noun::{Address, Alone, Card, Face, Noun, Operations, Parts, Restoration, Rule, Where, Writing, id_in},
    rights::{self, Place},
    schema::{theme_correspondences, themes},
    values::{Code, Count, Id, Many, Name, Scheme, ShortText},
};

/// A theme of a scheme (thématique, axe, enjeu).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = themes, check_for_backend(diesel::pg::Pg))]
pub struct Theme {
    pub id: Id,
    pub scheme: Scheme,
    /// The phase whose scheme it is.
    pub phase_id: Option<Id>,
    /// The territory whose own scheme it is.
    pub territory_id: Option<Id>,
    /// Its code, unique in its scheme.
    pub code: Code,
    /// Its label in French.
    pub label_fr: Name,
    /// Its label in English.
    pub label_en: Name,
    /// What it is called elsewhere.
    pub other_wordings: Many<ShortText>,
    /// Its place among its siblings, from 1.
    pub position: Count,
    /// The theme it is a part of.
    pub parent_id: Option<Id>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Theme {
    fn id(&self) -> Id {
        self.id
    }
    fn version(&self) -> i32 {
        self.version
    }
}

/// A theme of a scheme, with what was asked along.
#[derive(Debug, Serialize, ToSchema)]
pub struct ThemeView {
    #[serde(flatten)]
    theme: Theme,
    /// The themes of other schemes that answer to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    correspondences: Option<Vec<Correspondence>>,
}

impl From<Theme> for ThemeView {
    fn from(theme: Theme) -> Self {
        Self { theme, correspondences: None }
    }
}

/// What it takes to make one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = themes, treat_none_as_default_value = false)]
pub struct NewTheme {
    scheme: Scheme,
    /// The phase whose scheme it is.
    phase_id: Option<Id>,
    /// The territory whose own scheme it is.
    territory_id: Option<Id>,
    /// Its code, unique in its scheme.
    code: Code,
    /// Its label in French.
    label_fr: Name,
    /// Its label in English.
    label_en: Name,
    /// What it is called elsewhere.
    #[serde(default)]
    other_wordings: Many<ShortText>,
    /// Its place among its siblings, from 1.
    position: Count,
    /// The theme it is a part of.
    parent_id: Option<Id>,
    /// The themes of other schemes that answer to it.
    #[serde(default)]
    #[diesel(skip_insertion)]
    correspondences: Many<NewCorrespondence>,
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = themes)]
pub struct ThemePatch {
    scheme: Option<Scheme>,
    /// The phase whose scheme it is.
    phase_id: Option<Option<Id>>,
    /// The territory whose own scheme it is.
    territory_id: Option<Option<Id>>,
    /// Its code, unique in its scheme.
    code: Option<Code>,
    /// Its label in French.
    label_fr: Option<Name>,
    /// Its label in English.
    label_en: Option<Name>,
    /// What it is called elsewhere.
    other_wordings: Option<Many<ShortText>>,
    /// Its place among its siblings, from 1.
    position: Option<Count>,
    /// The theme it is a part of.
    parent_id: Option<Option<Id>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(themes::search),
        field(themes::scheme).sorted(),
        field(themes::phase_id),
        field(themes::territory_id),
        field(themes::code).sorted(),
        field(themes::label_fr).sorted(),
        field(themes::position).sorted(),
        field(themes::parent_id),
        field(themes::created_at).sorted(),
        field(themes::updated_at).sorted(),
    ]
});

impl Listed for Theme {
    type Table = themes::table;
    type Key = themes::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Theme {
    type View = ThemeView;
    const INCLUDES: &'static [(&'static str, &'static str)] = &[("correspondences", "The themes of other schemes that answer to it.")];
    const ORDER: &'static str = "scheme,position";

    async fn include(along: &mut Along<'_, ThemeView>) -> Result<()> {
        along.parts("correspondences", theme_correspondences::theme_id, |row: &Correspondence| row.theme_id, |view| &mut view.correspondences).await
    }
}

impl Noun for Theme {
    const CARD: Card = Card {
        table: "themes",
        one: "theme",
        a: "a theme",
        all: "themes",
        about: "Themes: axes of each phase and local ones (thématiques).",
        places: &["territory_id"],
        rules: &[Rule::PARENT],
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing {
        make: Where::Anywhere,
        change: Where::At(|theme| Place { territory: theme.territory_id, ..Place::nation() }),
        remove: Where::At(|theme| Place { territory: theme.territory_id, ..Place::nation() }),
    };
    const PARTS: &'static [Face] = &[Face::part::<Correspondence>()];
    type Whole = Alone;
    type Right = Content;
    type New = NewTheme;
    type Patch = ThemePatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        themes::table.find(at.id).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewTheme, conn: &mut Conn) -> Result<Self> {
        let row = (themes::id.eq(at.id), new);
        Ok(diesel::insert_into(themes::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &ThemePatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(themes::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(themes::table.find(at.id)).execute(conn).await
    }
    async fn parts(new: &NewTheme, parts: &mut Parts<'_>) -> Result<()> {
        parts.take::<Correspondence>("correspondences", &new.correspondences).await
    }
    /// A theme in a scheme that is not its territory's alone is the nation's.
    async fn settle(&self, by: &Writer, conn: &mut Conn) -> Result<()> {
        let shared = rights::shares_scheme(self.scheme.as_str(), self.territory_id, conn).await?;
        by.within(&Place { territory: self.territory_id.filter(|_| !shared), ..Place::nation() })
    }
    async fn settle_restored(restoration: &Restoration<'_>, by: &Writer, conn: &mut Conn) -> Result<()> {
        let Some(scheme) = restoration.then.get("scheme").and_then(Value::as_str) else { return Ok(()) };
        if rights::shares_scheme(scheme, id_in(restoration.then, "territory_id"), conn).await? {
            by.within(&Place::nation())?;
        }
        Ok(())
    }
}
