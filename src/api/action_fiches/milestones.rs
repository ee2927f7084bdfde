//! The milestones of a fiche.

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
    http::{
        At, Created, Editor, IfMatch, Json, List, NoContent, One, OrGone, OrUnchanged, Page, PartOf, Resource, Result, Shown, Tagged, sent,
    },
    rights::Reach,
    schema::action_fiche_milestones,
    values::{Count, Day, Id, LongText, Name},
};

/// A milestone of a fiche (jalon).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = action_fiche_milestones, check_for_backend(diesel::pg::Pg))]
#[schema(as = Milestone)]
pub struct Milestone {
    pub id: Id,
    /// The fiche it is part of.
    pub action_fiche_id: Id,
    pub title: Name,
    pub position: Option<Count>,
    /// When it is planned.
    pub planned_on: Option<Day>,
    /// When it was done.
    pub done_on: Option<Day>,
    pub note: Option<LongText>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Milestone {
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
#[diesel(table_name = action_fiche_milestones, treat_none_as_default_value = false)]
#[schema(as = NewMilestone)]
pub struct NewMilestone {
    title: Name,
    position: Option<Count>,
    /// When it is planned.
    planned_on: Option<Day>,
    /// When it was done.
    done_on: Option<Day>,
    note: Option<LongText>,
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = action_fiche_milestones)]
#[schema(as = MilestonePatch)]
pub struct MilestonePatch {
    title: Option<Name>,
    position: Option<Option<Count>>,
    /// When it is planned.
    planned_on: Option<Option<Day>>,
    /// When it was done.
    done_on: Option<Option<Day>>,
    note: Option<Option<LongText>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(action_fiche_milestones::title).sorted(),
        field(action_fiche_milestones::position).sorted(),
        field(action_fiche_milestones::planned_on).sorted(),
        field(action_fiche_milestones::done_on).sorted(),
        field(action_fiche_milestones::created_at).sorted(),
        field(action_fiche_milestones::updated_at).sorted(),
    ]
});

impl Listed for Milestone {
    type Table = action_fiche_milestones::table;
    type Key = action_fiche_milestones::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Milestone {
    type View = Self;
    const ORDER: &'static str = "planned_on";
}

/// Its operations.
pub fn routes(routes: &mut ServiceConfig) {
    routes
        .service(list_action_fiche_milestones)
        .service(create_action_fiche_milestone)
        .service(read_action_fiche_milestone)
        .service(update_action_fiche_milestone)
        .service(delete_action_fiche_milestone);
}

async fn lock(path: PartOf, editor: &Editor, conn: &mut Conn) -> Result<Milestone> {
    super::lock(path.id, editor, conn).await?;
    find(path, editor.reach(), conn).await
}

async fn find(path: PartOf, reach: &Reach, conn: &mut Conn) -> Result<Milestone> {
    let part =
        action_fiche_milestones::table.find(path.part).filter(action_fiche_milestones::action_fiche_id.eq(path.id)).select(Milestone::as_select());
    part.first(conn).await.or_gone("action_fiche_milestones", Some(path.id), path.part, reach, conn).await
}

/// Adds one to its fiche.
pub async fn insert(action_fiche_id: Id, new: &NewMilestone, conn: &mut Conn) -> Result<Milestone> {
    let row = (action_fiche_milestones::id.eq(Id::new()), action_fiche_milestones::action_fiche_id.eq(action_fiche_id), new);
    Ok(diesel::insert_into(action_fiche_milestones::table).values(row).returning(Milestone::as_returning()).get_result(conn).await?)
}

/// List the milestones of an action fiche
#[utoipa::path(params(List<Milestone>), responses((status = OK, body = Page<Milestone>)))]
#[get("/action-fiches/{id}/milestones")]
async fn list_action_fiche_milestones(db: Data<Db>, At(id): At, list: List<Milestone>) -> Result<Page<Milestone>> {
    list.parts(&db, action_fiche_milestones::action_fiche_id, id, super::find).await
}

/// Add a milestone of an action fiche
#[utoipa::path(responses((status = CREATED, body = Milestone)))]
#[post("/action-fiches/{id}/milestones")]
async fn create_action_fiche_milestone(db: Data<Db>, editor: Editor, At(id): At, body: Json<NewMilestone>) -> Result<Created<Milestone>> {
    db.write(&editor, async |conn| {
        super::lock(id, &editor, conn).await?;
        let new = body.valid()?;

        Ok(Created(insert(id, &new, conn).await?))
    })
    .await
}

/// Read a milestone of an action fiche
#[utoipa::path(params(One<Milestone>), responses((status = OK, body = Milestone)))]
#[get("/action-fiches/{id}/milestones/{part_id}")]
async fn read_action_fiche_milestone(db: Data<Db>, path: PartOf, one: One<Milestone>) -> Result<Tagged<Milestone>> {
    one.part(&db, path, super::find, find).await
}

/// Change a milestone of an action fiche
#[utoipa::path(responses((status = OK, body = Milestone)))]
#[patch("/action-fiches/{id}/milestones/{part_id}")]
async fn update_action_fiche_milestone(
    db: Data<Db>,
    editor: Editor,
    path: PartOf,
    if_match: IfMatch,
    body: Json<MilestonePatch>,
) -> Result<Tagged<Milestone>> {
    db.write(&editor, async |conn| {
        let current = lock(path, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;

        let update = diesel::update(action_fiche_milestones::table.find(path.part)).set(&patch);
        let changed = update.returning(Milestone::as_returning()).get_result(conn).await;
        Ok(changed.or_unchanged(current)?.into())
    })
    .await
}

/// Remove a milestone of an action fiche
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/action-fiches/{id}/milestones/{part_id}")]
async fn delete_action_fiche_milestone(db: Data<Db>, editor: Editor, path: PartOf, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(path, &editor, conn).await?, conn).await?;
        diesel::delete(action_fiche_milestones::table.find(path.part)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
