//! The themes of a fiche, of any scheme; there may be none.

use std::sync::LazyLock;

use actix_web::{delete, get, post, web::Data};
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
    http::{At, Created, Editor, IfMatch, Json, List, NoContent, One, OrGone, Page, PartOf, Resource, Result, Shown, Tagged},
    rights::Reach,
    schema::action_fiche_themes,
    values::Id,
};

/// A theme of a fiche (thématique de la fiche).
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = action_fiche_themes, check_for_backend(diesel::pg::Pg))]
#[schema(as = ActionFicheTheme)]
pub struct FicheTheme {
    pub id: Id,
    /// The fiche it is part of.
    pub action_fiche_id: Id,
    /// The theme.
    pub theme_id: Id,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
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

/// What it takes to make one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = action_fiche_themes, treat_none_as_default_value = false)]
#[schema(as = NewActionFicheTheme)]
pub struct NewFicheTheme {
    /// The theme.
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

pub fn routes(routes: &mut ServiceConfig) {
    routes.service(list_action_fiche_themes).service(create_action_fiche_theme).service(read_action_fiche_theme).service(delete_action_fiche_theme);
}

async fn lock(path: PartOf, editor: &Editor, conn: &mut Conn) -> Result<FicheTheme> {
    super::lock(path.id, editor, conn).await?;
    find(path, editor.reach(), conn).await
}

async fn find(path: PartOf, reach: &Reach, conn: &mut Conn) -> Result<FicheTheme> {
    let part = action_fiche_themes::table.find(path.part).filter(action_fiche_themes::action_fiche_id.eq(path.id)).select(FicheTheme::as_select());
    part.first(conn).await.or_gone("action_fiche_themes", Some(path.id), path.part, reach, conn).await
}

/// Adds one to its fiche.
pub async fn insert(action_fiche_id: Id, new: &NewFicheTheme, conn: &mut Conn) -> Result<FicheTheme> {
    let row = (action_fiche_themes::id.eq(Id::new()), action_fiche_themes::action_fiche_id.eq(action_fiche_id), new);
    Ok(diesel::insert_into(action_fiche_themes::table).values(row).returning(FicheTheme::as_returning()).get_result(conn).await?)
}

/// List the themes of a fiche
#[utoipa::path(params(List<FicheTheme>), responses((status = OK, body = Page<FicheTheme>)))]
#[get("/action-fiches/{id}/themes")]
async fn list_action_fiche_themes(db: Data<Db>, At(id): At, list: List<FicheTheme>) -> Result<Page<FicheTheme>> {
    list.parts(&db, action_fiche_themes::action_fiche_id, id, super::find).await
}

/// Add a theme of a fiche
#[utoipa::path(responses((status = CREATED, body = FicheTheme)))]
#[post("/action-fiches/{id}/themes")]
async fn create_action_fiche_theme(db: Data<Db>, editor: Editor, At(id): At, body: Json<NewFicheTheme>) -> Result<Created<FicheTheme>> {
    db.write(&editor, async |conn| {
        super::lock(id, &editor, conn).await?;
        Ok(Created(insert(id, &body.valid()?, conn).await?))
    })
    .await
}

/// Read a theme of a fiche
#[utoipa::path(params(One<FicheTheme>), responses((status = OK, body = FicheTheme)))]
#[get("/action-fiches/{id}/themes/{part_id}")]
async fn read_action_fiche_theme(db: Data<Db>, path: PartOf, one: One<FicheTheme>) -> Result<Tagged<FicheTheme>> {
    one.part(&db, path, super::find, find).await
}

/// Remove a theme of a fiche
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/action-fiches/{id}/themes/{part_id}")]
async fn delete_action_fiche_theme(db: Data<Db>, editor: Editor, path: PartOf, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(path, &editor, conn).await?, conn).await?;
        diesel::delete(action_fiche_themes::table.find(path.part)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
