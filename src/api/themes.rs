//! Themes: the axes of each phase, and the own themes of a territory.

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
        listing::{Field, Listed, code, field},
    },
    http::{Along, Content, Resource, Result, Shown, Writer, sent},
    noun::{Address, Alone, Card, Face, Noun, Operations, Parts, Restoration, Rule, Where, Writing, id_in},
    rights::{self, Place},
    schema::{theme_correspondences, themes},
    values::{Code, Count, Id, Many, Name, Scheme, ShortText, rules},
};

/// A theme (thématique, axe, enjeu) of a scheme (référentiel).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = themes, check_for_backend(diesel::pg::Pg))]
pub struct Theme {
    pub id: Id,
    pub scheme: Scheme,
    /// The phase, for a theme in the scheme of a phase (phase du programme).
    pub phase_id: Option<Id>,
    /// The territory, for a theme in a territory's own scheme (territoire).
    pub territory_id: Option<Id>,
    /// The code, unique in the scheme (code).
    pub code: Code,
    /// The label in French (libellé).
    pub label_fr: Name,
    /// The label in English.
    pub label_en: Name,
    /// Other wordings of the theme (autres libellés).
    pub other_wordings: Many<ShortText>,
    /// The place among the themes of the same parent, from 1 (ordre).
    pub position: Count,
    /// The theme that this one is a part of (thématique parente).
    pub parent_id: Option<Id>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
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

/// A theme, with the related things that `include` names.
#[derive(Debug, Serialize, ToSchema)]
pub struct ThemeView {
    #[serde(flatten)]
    theme: Theme,
    /// The corresponding themes of other schemes (correspondances).
    #[serde(skip_serializing_if = "Option::is_none")]
    correspondences: Option<Vec<Correspondence>>,
}

impl From<Theme> for ThemeView {
    fn from(theme: Theme) -> Self {
        Self { theme, correspondences: None }
    }
}

/// The body of a request that creates one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = themes, treat_none_as_default_value = false)]
pub struct NewTheme {
    scheme: Scheme,
    /// The phase, for a theme in the scheme of a phase (phase du programme).
    phase_id: Option<Id>,
    /// The territory, for a theme in a territory's own scheme (territoire).
    territory_id: Option<Id>,
    /// The code, unique in the scheme (code).
    code: Code,
    /// The label in French (libellé).
    label_fr: Name,
    /// The label in English.
    label_en: Name,
    /// Other wordings of the theme (autres libellés).
    #[serde(default)]
    other_wordings: Many<ShortText>,
    /// The place among the themes of the same parent, from 1 (ordre).
    position: Count,
    /// The theme that this one is a part of (thématique parente).
    parent_id: Option<Id>,
    /// The corresponding themes of other schemes (correspondances).
    #[serde(default)]
    #[diesel(skip_insertion)]
    correspondences: Many<NewCorrespondence>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = themes)]
pub struct ThemePatch {
    scheme: Option<Scheme>,
    /// The phase, for a theme in the scheme of a phase (phase du programme).
    phase_id: Option<Option<Id>>,
    /// The territory, for a theme in a territory's own scheme (territoire).
    territory_id: Option<Option<Id>>,
    /// The code, unique in the scheme (code).
    code: Option<Code>,
    /// The label in French (libellé).
    label_fr: Option<Name>,
    /// The label in English.
    label_en: Option<Name>,
    /// Other wordings of the theme (autres libellés).
    other_wordings: Option<Many<ShortText>>,
    /// The place among the themes of the same parent, from 1 (ordre).
    position: Option<Count>,
    /// The theme that this one is a part of (thématique parente).
    parent_id: Option<Option<Id>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(themes::search),
        code::<rules::Scheme, _>(themes::scheme).sorted(),
        field(themes::phase_id),
        field(themes::territory_id),
        code::<rules::Code, _>(themes::code).sorted(),
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
    const INCLUDES: &'static [(&'static str, &'static str)] = &[("correspondences", "The corresponding themes of other schemes (correspondances).")];
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
        rules: &[
            Rule::PARENT,
            Rule(
                "scheme_territory",
                "/scheme",
                "The scheme has themes of the nation, or of another territory.",
                "Le référentiel a des thèmes nationaux, ou d'un autre territoire.",
            ),
            Rule(
                "used_elsewhere",
                "/territory_id",
                "Things of another territory have this theme.",
                "Des éléments d'un autre territoire portent ce thème.",
            ),
        ],
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
    /// A scheme is of one territory, or of the nation. Only the nation is told so by the database: anybody else may not write there.
    async fn may_make(new: &NewTheme, by: &Writer, conn: &mut Conn) -> Result<()> {
        may_use(new.scheme.as_str(), new.territory_id, None, by, conn).await
    }
    async fn may_change(&self, patch: &ThemePatch, by: &Writer, conn: &mut Conn) -> Result<()> {
        may_use(patch.scheme.as_ref().unwrap_or(&self.scheme).as_str(), patch.territory_id.unwrap_or(self.territory_id), Some(self.id), by, conn)
            .await
    }
    async fn may_restore(restoration: &Restoration<'_>, by: &Writer, conn: &mut Conn) -> Result<()> {
        let Some(scheme) = restoration.then.get("scheme").and_then(Value::as_str) else { return Ok(()) };
        may_use(scheme, id_in(restoration.then, "territory_id"), Some(restoration.id), by, conn).await
    }
}

/// Refuses (403) a theme of this scheme and territory, unless the caller writes in the territory, and in the nation if others use the scheme.
async fn may_use(scheme: &str, territory: Option<Id>, theme: Option<Id>, by: &Writer, conn: &mut Conn) -> Result<()> {
    let shared = rights::shares_scheme(scheme, territory, theme, conn).await?;
    by.within(&Place { territory: territory.filter(|_| !shared), ..Place::nation() })
}
