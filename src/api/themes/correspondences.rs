//! Which theme of one scheme answers to which of another.

use std::sync::LazyLock;

use actix_web::{delete, get, patch, post, web::Data};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    db::{
        Conn, Db,
        listing::{Field, Listed, field},
    },
    http::{At, Created, Editor, IfMatch, Json, List, NoContent, One, OrGone, OrUnchanged, Page, PartOf, Resource, Result, Shown, Tagged, sent},
    rights::Reach,
    schema::theme_correspondences,
    values::{Id, LongText},
};

/// A theme that answers to another one, of another scheme (correspondance).
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = theme_correspondences, check_for_backend(diesel::pg::Pg))]
#[schema(as = ThemeCorrespondence)]
pub struct Correspondence {
    pub id: Id,
    /// The theme it is part of.
    pub theme_id: Id,
    /// The other theme.
    pub other_theme_id: Id,
    #[schema(required)]
    pub note: Option<LongText>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
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

/// What it takes to make one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = theme_correspondences, treat_none_as_default_value = false)]
#[schema(as = NewThemeCorrespondence)]
pub struct NewCorrespondence {
    /// The other theme.
    other_theme_id: Id,
    note: Option<LongText>,
}

/// What to change: a member left out stays as it is, a `null` empties it.
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

pub fn routes(routes: &mut ServiceConfig) {
    routes
        .service(list_theme_correspondences)
        .service(create_theme_correspondence)
        .service(read_theme_correspondence)
        .service(update_theme_correspondence)
        .service(delete_theme_correspondence);
}

async fn lock(path: PartOf, editor: &Editor, conn: &mut Conn) -> Result<Correspondence> {
    super::lock(path.id, editor, conn).await?;
    find(path, editor.reach(), conn).await
}

async fn find(path: PartOf, reach: &Reach, conn: &mut Conn) -> Result<Correspondence> {
    let part = theme_correspondences::table.find(path.part).filter(theme_correspondences::theme_id.eq(path.id)).select(Correspondence::as_select());
    part.first(conn).await.or_gone("theme_correspondences", Some(path.id), path.part, reach, conn).await
}

/// Adds one to its theme.
pub async fn insert(theme_id: Id, new: &NewCorrespondence, conn: &mut Conn) -> Result<Correspondence> {
    let row = (theme_correspondences::id.eq(Id::new()), theme_correspondences::theme_id.eq(theme_id), new);
    Ok(diesel::insert_into(theme_correspondences::table).values(row).returning(Correspondence::as_returning()).get_result(conn).await?)
}

/// List the correspondences of a theme
#[utoipa::path(params(List<Correspondence>), responses((status = OK, body = Page<Correspondence>)))]
#[get("/themes/{id}/correspondences")]
async fn list_theme_correspondences(db: Data<Db>, At(id): At, list: List<Correspondence>) -> Result<Page<Correspondence>> {
    list.parts(&db, theme_correspondences::theme_id, id, super::find).await
}

/// Add a correspondence of a theme
#[utoipa::path(responses((status = CREATED, body = Correspondence)))]
#[post("/themes/{id}/correspondences")]
async fn create_theme_correspondence(db: Data<Db>, editor: Editor, At(id): At, body: Json<NewCorrespondence>) -> Result<Created<Correspondence>> {
    db.write(&editor, async |conn| {
        super::lock(id, &editor, conn).await?;
        Ok(Created(insert(id, &body.valid()?, conn).await?))
    })
    .await
}

/// Read a correspondence of a theme
#[utoipa::path(params(One<Correspondence>), responses((status = OK, body = Correspondence)))]
#[get("/themes/{id}/correspondences/{part_id}")]
async fn read_theme_correspondence(db: Data<Db>, path: PartOf, one: One<Correspondence>) -> Result<Tagged<Correspondence>> {
    one.part(&db, path, super::find, find).await
}

/// Change a correspondence of a theme
#[utoipa::path(responses((status = OK, body = Correspondence)))]
#[patch("/themes/{id}/correspondences/{part_id}")]
async fn update_theme_correspondence(
    db: Data<Db>,
    editor: Editor,
    path: PartOf,
    if_match: IfMatch,
    body: Json<CorrespondencePatch>,
) -> Result<Tagged<Correspondence>> {
    db.write(&editor, async |conn| {
        let current = lock(path, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;
        let update = diesel::update(theme_correspondences::table.find(path.part)).set(&patch);
        let changed = update.returning(Correspondence::as_returning()).get_result(conn).await;
        Ok(changed.or_unchanged(current)?.into())
    })
    .await
}

/// Remove a correspondence of a theme
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/themes/{id}/correspondences/{part_id}")]
async fn delete_theme_correspondence(db: Data<Db>, editor: Editor, path: PartOf, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(path, &editor, conn).await?, conn).await?;
        diesel::delete(theme_correspondences::table.find(path.part)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
