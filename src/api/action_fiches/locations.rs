//! Where a fiche takes place.

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
    schema::action_fiche_locations,
    values::{CommuneCode, Id, Name, ShortText},
};

/// A location of a fiche (localisation): a commune, a place, a point.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = action_fiche_locations, check_for_backend(diesel::pg::Pg))]
#[schema(as = Location)]
pub struct Location {
    pub id: Id,
    /// The fiche it is part of.
    pub action_fiche_id: Id,
    /// The place, as the source says it.
    pub label: Name,
    /// In which commune.
    pub commune_code: Option<CommuneCode>,
    /// In which delegated commune of it.
    pub delegated_commune: Option<ShortText>,
    /// In degrees north (WGS 84).
    pub latitude: Option<f64>,
    /// In degrees east (WGS 84).
    pub longitude: Option<f64>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Location {
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
#[diesel(table_name = action_fiche_locations, treat_none_as_default_value = false)]
#[schema(as = NewLocation)]
pub struct NewLocation {
    /// The place, as the source says it.
    label: Name,
    /// In which commune.
    commune_code: Option<CommuneCode>,
    /// In which delegated commune of it.
    delegated_commune: Option<ShortText>,
    /// In degrees north (WGS 84).
    latitude: Option<f64>,
    /// In degrees east (WGS 84).
    longitude: Option<f64>,
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = action_fiche_locations)]
#[schema(as = LocationPatch)]
pub struct LocationPatch {
    /// The place, as the source says it.
    label: Option<Name>,
    /// In which commune.
    commune_code: Option<Option<CommuneCode>>,
    /// In which delegated commune of it.
    delegated_commune: Option<Option<ShortText>>,
    /// In degrees north (WGS 84).
    latitude: Option<Option<f64>>,
    /// In degrees east (WGS 84).
    longitude: Option<Option<f64>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(action_fiche_locations::label).sorted(),
        field(action_fiche_locations::commune_code),
        field(action_fiche_locations::created_at).sorted(),
        field(action_fiche_locations::updated_at).sorted(),
    ]
});

impl Listed for Location {
    type Table = action_fiche_locations::table;
    type Key = action_fiche_locations::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Location {
    type View = Self;
    const ORDER: &'static str = "";
}

/// Its operations.
pub fn routes(routes: &mut ServiceConfig) {
    routes
        .service(list_action_fiche_locations)
        .service(create_action_fiche_location)
        .service(read_action_fiche_location)
        .service(update_action_fiche_location)
        .service(delete_action_fiche_location);
}

async fn lock(path: PartOf, editor: &Editor, conn: &mut Conn) -> Result<Location> {
    super::lock(path.id, editor, conn).await?;
    find(path, editor.reach(), conn).await
}

async fn find(path: PartOf, reach: &Reach, conn: &mut Conn) -> Result<Location> {
    let part =
        action_fiche_locations::table.find(path.part).filter(action_fiche_locations::action_fiche_id.eq(path.id)).select(Location::as_select());
    part.first(conn).await.or_gone("action_fiche_locations", Some(path.id), path.part, reach, conn).await
}

/// Adds one to its fiche.
pub async fn insert(action_fiche_id: Id, new: &NewLocation, conn: &mut Conn) -> Result<Location> {
    let row = (action_fiche_locations::id.eq(Id::new()), action_fiche_locations::action_fiche_id.eq(action_fiche_id), new);
    Ok(diesel::insert_into(action_fiche_locations::table).values(row).returning(Location::as_returning()).get_result(conn).await?)
}

/// List the locations of an action fiche
#[utoipa::path(params(List<Location>), responses((status = OK, body = Page<Location>)))]
#[get("/action-fiches/{id}/locations")]
async fn list_action_fiche_locations(db: Data<Db>, At(id): At, list: List<Location>) -> Result<Page<Location>> {
    list.parts(&db, action_fiche_locations::action_fiche_id, id, super::find).await
}

/// Add a location of an action fiche
#[utoipa::path(responses((status = CREATED, body = Location)))]
#[post("/action-fiches/{id}/locations")]
async fn create_action_fiche_location(db: Data<Db>, editor: Editor, At(id): At, body: Json<NewLocation>) -> Result<Created<Location>> {
    db.write(&editor, async |conn| {
        super::lock(id, &editor, conn).await?;
        let new = body.valid()?;

        Ok(Created(insert(id, &new, conn).await?))
    })
    .await
}

/// Read a location of an action fiche
#[utoipa::path(params(One<Location>), responses((status = OK, body = Location)))]
#[get("/action-fiches/{id}/locations/{part_id}")]
async fn read_action_fiche_location(db: Data<Db>, path: PartOf, one: One<Location>) -> Result<Tagged<Location>> {
    one.part(&db, path, super::find, find).await
}

/// Change a location of an action fiche
#[utoipa::path(responses((status = OK, body = Location)))]
#[patch("/action-fiches/{id}/locations/{part_id}")]
async fn update_action_fiche_location(
    db: Data<Db>,
    editor: Editor,
    path: PartOf,
    if_match: IfMatch,
    body: Json<LocationPatch>,
) -> Result<Tagged<Location>> {
    db.write(&editor, async |conn| {
        let current = lock(path, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;

        let update = diesel::update(action_fiche_locations::table.find(path.part)).set(&patch);
        let changed = update.returning(Location::as_returning()).get_result(conn).await;
        Ok(changed.or_unchanged(current)?.into())
    })
    .await
}

/// Remove a location of an action fiche
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/action-fiches/{id}/locations/{part_id}")]
async fn delete_action_fiche_location(db: Data<Db>, editor: Editor, path: PartOf, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(path, &editor, conn).await?, conn).await?;
        diesel::delete(action_fiche_locations::table.find(path.part)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
