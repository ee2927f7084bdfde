//! Objectives: what a territory wants to reach, between its themes and its action fiches.

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
    http::{At, Created, Editor, IfMatch, Json, List, NoContent, One, OrGone, OrUnchanged, Page, Resource, Result, Shown, Tagged, sent},
    rights::{Place, Reach},
    schema::objectives,
    values::{Count, Id, Many, ShortText},
};

/// An objective of a territory (objectif), between a theme and the fiches that serve it.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = objectives, check_for_backend(diesel::pg::Pg))]
pub struct Objective {
    pub id: Id,
    /// Its territory.
    pub territory_id: Id,
    /// The theme it is under.
    pub theme_id: Option<Id>,
    /// What is to be reached.
    pub wording: ShortText,
    /// What its wording lists, in order.
    pub points: Many<ShortText>,
    /// Its place in the plan.
    pub position: Option<Count>,
    /// The objective it is a part of.
    pub parent_id: Option<Id>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Objective {
    /// Whose it is.
    fn place(&self) -> Place {
        Place::territory(self.territory_id)
    }
}

impl Resource for Objective {
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
#[diesel(table_name = objectives, treat_none_as_default_value = false)]
pub struct NewObjective {
    /// Its territory.
    territory_id: Id,
    /// The theme it is under.
    theme_id: Option<Id>,
    /// What is to be reached.
    wording: ShortText,
    /// What its wording lists, in order.
    #[serde(default)]
    points: Many<ShortText>,
    /// Its place in the plan.
    position: Option<Count>,
    /// The objective it is a part of.
    parent_id: Option<Id>,
}

impl NewObjective {
    /// Whose it is to be.
    fn place(&self) -> Place {
        Place::territory(self.territory_id)
    }
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = objectives)]
pub struct ObjectivePatch {
    /// The theme it is under.
    theme_id: Option<Option<Id>>,
    /// What is to be reached.
    wording: Option<ShortText>,
    /// What its wording lists, in order.
    points: Option<Many<ShortText>>,
    /// Its place in the plan.
    position: Option<Option<Count>>,
    /// The objective it is a part of.
    parent_id: Option<Option<Id>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(objectives::search),
        field(objectives::territory_id),
        field(objectives::theme_id),
        field(objectives::position).sorted(),
        field(objectives::parent_id),
        field(objectives::created_at).sorted(),
        field(objectives::updated_at).sorted(),
    ]
});

impl Listed for Objective {
    type Table = objectives::table;
    type Key = objectives::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Objective {
    type View = Self;
    const ORDER: &'static str = "position";
}

/// Its operations.
pub fn routes(routes: &mut ServiceConfig) {
    routes.service(list_objectives).service(create_objective).service(read_objective).service(update_objective).service(delete_objective);
}

async fn find(id: Id, reach: &Reach, conn: &mut Conn) -> Result<Objective> {
    objectives::table.find(id).select(Objective::as_select()).first(conn).await.or_gone("objectives", None, id, reach, conn).await
}

async fn lock(id: Id, editor: &Editor, conn: &mut Conn) -> Result<Objective> {
    let objective = objectives::table.find(id).select(Objective::as_select()).for_no_key_update();
    let objective = objective.first(conn).await.or_gone("objectives", None, id, editor.reach(), conn).await?;
    editor.within(&objective.place())?;
    Ok(objective)
}

/// Makes one under this identifier.
pub async fn insert(id: Id, new: &NewObjective, conn: &mut Conn) -> Result<Objective> {
    let row = (objectives::id.eq(id), new);
    let objective = diesel::insert_into(objectives::table).values(row).returning(Objective::as_returning()).get_result(conn).await?;
    Ok(objective)
}

/// List objectives
#[utoipa::path(params(List<Objective>), responses((status = OK, body = Page<Objective>)))]
#[get("/objectives")]
async fn list_objectives(db: Data<Db>, list: List<Objective>) -> Result<Page<Objective>> {
    list.page(&db).await
}

/// Create an objective
#[utoipa::path(responses((status = CREATED, body = Objective)))]
#[post("/objectives")]
async fn create_objective(db: Data<Db>, editor: Editor, body: Json<NewObjective>) -> Result<Created<Objective>> {
    db.write(&editor, async |conn| {
        let new = body.valid()?;
        editor.within(&new.place())?;
        Ok(Created(insert(Id::new(), &new, conn).await?))
    })
    .await
}

/// Read an objective
#[utoipa::path(params(One<Objective>), responses((status = OK, body = Objective)))]
#[get("/objectives/{id}")]
async fn read_objective(db: Data<Db>, At(id): At, one: One<Objective>) -> Result<Tagged<Objective>> {
    one.answer(&db, id, find).await
}

/// Change an objective
#[utoipa::path(responses((status = OK, body = Objective)))]
#[patch("/objectives/{id}")]
async fn update_objective(db: Data<Db>, editor: Editor, At(id): At, if_match: IfMatch, body: Json<ObjectivePatch>) -> Result<Tagged<Objective>> {
    db.write(&editor, async |conn| {
        let current = lock(id, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;
        let update = diesel::update(objectives::table.find(id)).set(&patch);
        let changed = update.returning(Objective::as_returning()).get_result(conn).await;
        Ok(changed.or_unchanged(current)?.into())
    })
    .await
}

/// Delete an objective
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/objectives/{id}")]
async fn delete_objective(db: Data<Db>, editor: Editor, At(id): At, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(id, &editor, conn).await?, conn).await?;
        diesel::delete(objectives::table.find(id)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
