//! Themes: the axes of each phase, and a territory's own wordings of them.

mod correspondences;

use std::sync::LazyLock;

use actix_web::{delete, get, patch, post, web::Data};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use self::correspondences::{Correspondence, NewCorrespondence};
use crate::{
    db::{
        Conn, Db,
        listing::{Field, Listed, field},
    },
    http::{
        Along, At, Created, Editor, IfMatch, Json, List, NoContent, One, OrGone, OrUnchanged, Page, Resource, Result, Shown, Tagged, sent,
    },
    rights::{self, Place, Reach},
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

impl Theme {
    /// A scheme is its territory's own, or the nation's.
    fn place(&self) -> Place {
        Place { territory: self.territory_id, ..Place::default() }
    }

    /// Refuses who may not write here: a theme in a scheme that is not its territory's alone is the nation's.
    async fn check_scheme(&self, editor: &Editor, conn: &mut Conn) -> Result<()> {
        let shared = rights::shares_scheme(self.scheme.as_str(), self.territory_id, conn).await?;
        editor.within(&if shared { Place::nation() } else { self.place() })
    }
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

/// Its operations.
pub fn routes(routes: &mut ServiceConfig) {
    correspondences::routes(routes);
    routes.service(list_themes).service(create_theme).service(read_theme).service(update_theme).service(delete_theme);
}

async fn find(id: Id, reach: &Reach, conn: &mut Conn) -> Result<Theme> {
    themes::table.find(id).select(Theme::as_select()).first(conn).await.or_gone("themes", None, id, reach, conn).await
}

async fn lock(id: Id, editor: &Editor, conn: &mut Conn) -> Result<Theme> {
    let theme = themes::table.find(id).select(Theme::as_select()).for_no_key_update();
    let theme = theme.first(conn).await.or_gone("themes", None, id, editor.reach(), conn).await?;
    editor.within(&theme.place())?;
    Ok(theme)
}

/// Makes one under this identifier, with its parts.
pub async fn insert(id: Id, new: &NewTheme, conn: &mut Conn) -> Result<Theme> {
    let row = (themes::id.eq(id), new);
    let theme = diesel::insert_into(themes::table).values(row).returning(Theme::as_returning()).get_result(conn).await?;
    for (index, child) in new.correspondences.iter().enumerate() {
        correspondences::insert(id, child, conn).await.map_err(|problem| problem.inside("correspondences", index))?;
    }
    Ok(theme)
}

/// List themes
#[utoipa::path(params(List<Theme>), responses((status = OK, body = Page<ThemeView>)))]
#[get("/themes")]
async fn list_themes(db: Data<Db>, list: List<Theme>) -> Result<Page<ThemeView>> {
    list.page(&db).await
}

/// Create a theme
#[utoipa::path(responses((status = CREATED, body = Theme)))]
#[post("/themes")]
async fn create_theme(db: Data<Db>, editor: Editor, body: Json<NewTheme>) -> Result<Created<Theme>> {
    db.write(&editor, async |conn| {
        let theme = insert(Id::new(), &body.valid()?, conn).await?;
        theme.check_scheme(&editor, conn).await?;
        Ok(Created(theme))
    })
    .await
}

/// Read a theme
#[utoipa::path(params(One<Theme>), responses((status = OK, body = ThemeView)))]
#[get("/themes/{id}")]
async fn read_theme(db: Data<Db>, At(id): At, one: One<Theme>) -> Result<Tagged<ThemeView>> {
    one.answer(&db, id, find).await
}

/// Change a theme
#[utoipa::path(responses((status = OK, body = Theme)))]
#[patch("/themes/{id}")]
async fn update_theme(db: Data<Db>, editor: Editor, At(id): At, if_match: IfMatch, body: Json<ThemePatch>) -> Result<Tagged<Theme>> {
    db.write(&editor, async |conn| {
        let current = lock(id, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;
        let update = diesel::update(themes::table.find(id)).set(&patch);
        let changed = update.returning(Theme::as_returning()).get_result(conn).await;
        let theme = changed.or_unchanged(current)?;
        theme.check_scheme(&editor, conn).await?;
        Ok(theme.into())
    })
    .await
}

/// Delete a theme
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/themes/{id}")]
async fn delete_theme(db: Data<Db>, editor: Editor, At(id): At, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(id, &editor, conn).await?, conn).await?;
        diesel::delete(themes::table.find(id)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
