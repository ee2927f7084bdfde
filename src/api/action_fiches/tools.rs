//! Which support tools a fiche uses.

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
    schema::action_fiche_tools,
    values::{Id, LongText},
};

/// A support tool that a fiche uses (outil mobilisé).
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = action_fiche_tools, check_for_backend(diesel::pg::Pg))]
#[schema(as = ActionFicheTool)]
pub struct FicheTool {
    pub id: Id,
    /// The fiche it is part of.
    pub action_fiche_id: Id,
    /// The tool.
    pub support_tool_id: Id,
    /// What for.
    #[schema(required)]
    pub note: Option<LongText>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
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

/// What it takes to make one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = action_fiche_tools, treat_none_as_default_value = false)]
#[schema(as = NewActionFicheTool)]
pub struct NewFicheTool {
    /// The tool.
    support_tool_id: Id,
    /// What for.
    note: Option<LongText>,
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = action_fiche_tools)]
#[schema(as = ActionFicheToolPatch)]
pub struct FicheToolPatch {
    /// What for.
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

/// Its operations.
pub fn routes(routes: &mut ServiceConfig) {
    routes
        .service(list_action_fiche_tools)
        .service(create_action_fiche_tool)
        .service(read_action_fiche_tool)
        .service(update_action_fiche_tool)
        .service(delete_action_fiche_tool);
}

async fn lock(path: PartOf, editor: &Editor, conn: &mut Conn) -> Result<FicheTool> {
    super::lock(path.id, editor, conn).await?;
    find(path, editor.reach(), conn).await
}

async fn find(path: PartOf, reach: &Reach, conn: &mut Conn) -> Result<FicheTool> {
    let part = action_fiche_tools::table.find(path.part).filter(action_fiche_tools::action_fiche_id.eq(path.id)).select(FicheTool::as_select());
    part.first(conn).await.or_gone("action_fiche_tools", Some(path.id), path.part, reach, conn).await
}

/// Adds one to its fiche.
pub async fn insert(action_fiche_id: Id, new: &NewFicheTool, conn: &mut Conn) -> Result<FicheTool> {
    let row = (action_fiche_tools::id.eq(Id::new()), action_fiche_tools::action_fiche_id.eq(action_fiche_id), new);
    Ok(diesel::insert_into(action_fiche_tools::table).values(row).returning(FicheTool::as_returning()).get_result(conn).await?)
}

/// List the tools of an action fiche
#[utoipa::path(params(List<FicheTool>), responses((status = OK, body = Page<FicheTool>)))]
#[get("/action-fiches/{id}/tools")]
async fn list_action_fiche_tools(db: Data<Db>, At(id): At, list: List<FicheTool>) -> Result<Page<FicheTool>> {
    list.parts(&db, action_fiche_tools::action_fiche_id, id, super::find).await
}

/// Add a tool of an action fiche
#[utoipa::path(responses((status = CREATED, body = FicheTool)))]
#[post("/action-fiches/{id}/tools")]
async fn create_action_fiche_tool(db: Data<Db>, editor: Editor, At(id): At, body: Json<NewFicheTool>) -> Result<Created<FicheTool>> {
    db.write(&editor, async |conn| {
        super::lock(id, &editor, conn).await?;
        let new = body.valid()?;

        Ok(Created(insert(id, &new, conn).await?))
    })
    .await
}

/// Read a tool of an action fiche
#[utoipa::path(params(One<FicheTool>), responses((status = OK, body = FicheTool)))]
#[get("/action-fiches/{id}/tools/{part_id}")]
async fn read_action_fiche_tool(db: Data<Db>, path: PartOf, one: One<FicheTool>) -> Result<Tagged<FicheTool>> {
    one.part(&db, path, super::find, find).await
}

/// Change a tool of an action fiche
#[utoipa::path(responses((status = OK, body = FicheTool)))]
#[patch("/action-fiches/{id}/tools/{part_id}")]
async fn update_action_fiche_tool(
    db: Data<Db>,
    editor: Editor,
    path: PartOf,
    if_match: IfMatch,
    body: Json<FicheToolPatch>,
) -> Result<Tagged<FicheTool>> {
    db.write(&editor, async |conn| {
        let current = lock(path, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;

        let update = diesel::update(action_fiche_tools::table.find(path.part)).set(&patch);
        let changed = update.returning(FicheTool::as_returning()).get_result(conn).await;
        Ok(changed.or_unchanged(current)?.into())
    })
    .await
}

/// Remove a tool of an action fiche
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/action-fiches/{id}/tools/{part_id}")]
async fn delete_action_fiche_tool(db: Data<Db>, editor: Editor, path: PartOf, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(path, &editor, conn).await?, conn).await?;
        diesel::delete(action_fiche_tools::table.find(path.part)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
