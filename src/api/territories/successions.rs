//! Which territories came after a territory: it continues, splits, merges, is extended or reduced.

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
        listing::{Field, Listed, field, word},
    },
    http::{
        At, Created, Editor, IfMatch, Json, List, NoContent, One, OrGone, OrUnchanged, Page, PartOf, Resource, Result, Shown, Tagged, sent,
    },
    rights::{Place, Reach},
    schema::territory_successions,
    values::{Day, Id, LongText, Vocabulary, Word},
};

/// The words of [`SuccessionKind`].
#[derive(Debug, Clone)]
pub struct SuccessionKindWords;

impl Vocabulary for SuccessionKindWords {
    const NAME: &'static str = "SuccessionKind";
    const ABOUT: &'static str = "How one territory became another (filiation).";
    const WORDS: &'static [(&'static str, &'static str)] =
        &[("continued", "Poursuivi"), ("split", "Scindé"), ("merged", "Fusionné"), ("extended", "Étendu"), ("reduced", "Réduit")];
}

/// How one territory became another (filiation).
pub type SuccessionKind = Word<SuccessionKindWords>;

/// A territory that came after another (succession).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = territory_successions, check_for_backend(diesel::pg::Pg))]
#[schema(as = TerritorySuccession)]
pub struct Succession {
    pub id: Id,
    /// The territory it is part of.
    pub territory_id: Id,
    /// The territory that came after.
    pub successor_id: Id,
    pub kind: SuccessionKind,
    pub happened_on: Option<Day>,
    pub note: Option<LongText>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Succession {
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
#[diesel(table_name = territory_successions, treat_none_as_default_value = false)]
#[schema(as = NewTerritorySuccession)]
pub struct NewSuccession {
    /// The territory that came after.
    successor_id: Id,
    kind: SuccessionKind,
    happened_on: Option<Day>,
    note: Option<LongText>,
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = territory_successions)]
#[schema(as = TerritorySuccessionPatch)]
pub struct SuccessionPatch {
    kind: Option<SuccessionKind>,
    happened_on: Option<Option<Day>>,
    note: Option<Option<LongText>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(territory_successions::successor_id),
        word::<SuccessionKindWords, _>(territory_successions::kind),
        field(territory_successions::happened_on).sorted(),
        field(territory_successions::created_at).sorted(),
        field(territory_successions::updated_at).sorted(),
    ]
});

impl Listed for Succession {
    type Table = territory_successions::table;
    type Key = territory_successions::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Succession {
    type View = Self;
    const ORDER: &'static str = "";
}

pub fn routes(routes: &mut ServiceConfig) {
    routes
        .service(list_territory_successions)
        .service(create_territory_succession)
        .service(read_territory_succession)
        .service(update_territory_succession)
        .service(delete_territory_succession);
}

async fn lock(path: PartOf, editor: &Editor, conn: &mut Conn) -> Result<Succession> {
    super::lock(path.id, editor, &Place::nation(), conn).await?;
    find(path, editor.reach(), conn).await
}

async fn find(path: PartOf, reach: &Reach, conn: &mut Conn) -> Result<Succession> {
    let part = territory_successions::table.find(path.part).filter(territory_successions::territory_id.eq(path.id)).select(Succession::as_select());
    part.first(conn).await.or_gone("territory_successions", Some(path.id), path.part, reach, conn).await
}

/// Adds one to its territory.
pub async fn insert(territory_id: Id, new: &NewSuccession, conn: &mut Conn) -> Result<Succession> {
    let row = (territory_successions::id.eq(Id::new()), territory_successions::territory_id.eq(territory_id), new);
    Ok(diesel::insert_into(territory_successions::table).values(row).returning(Succession::as_returning()).get_result(conn).await?)
}

/// List the successions of a territory
#[utoipa::path(params(List<Succession>), responses((status = OK, body = Page<Succession>)))]
#[get("/territories/{id}/successions")]
async fn list_territory_successions(db: Data<Db>, At(id): At, list: List<Succession>) -> Result<Page<Succession>> {
    list.parts(&db, territory_successions::territory_id, id, super::find).await
}

/// Add a succession of a territory
#[utoipa::path(responses((status = CREATED, body = Succession)))]
#[post("/territories/{id}/successions")]
async fn create_territory_succession(db: Data<Db>, editor: Editor, At(id): At, body: Json<NewSuccession>) -> Result<Created<Succession>> {
    db.write(&editor, async |conn| {
        super::lock(id, &editor, &Place::nation(), conn).await?;
        Ok(Created(insert(id, &body.valid()?, conn).await?))
    })
    .await
}

/// Read a succession of a territory
#[utoipa::path(params(One<Succession>), responses((status = OK, body = Succession)))]
#[get("/territories/{id}/successions/{part_id}")]
async fn read_territory_succession(db: Data<Db>, path: PartOf, one: One<Succession>) -> Result<Tagged<Succession>> {
    one.part(&db, path, super::find, find).await
}

/// Change a succession of a territory
#[utoipa::path(responses((status = OK, body = Succession)))]
#[patch("/territories/{id}/successions/{part_id}")]
async fn update_territory_succession(
    db: Data<Db>,
    editor: Editor,
    path: PartOf,
    if_match: IfMatch,
    body: Json<SuccessionPatch>,
) -> Result<Tagged<Succession>> {
    db.write(&editor, async |conn| {
        let current = lock(path, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;
        let update = diesel::update(territory_successions::table.find(path.part)).set(&patch);
        let changed = update.returning(Succession::as_returning()).get_result(conn).await;
        Ok(changed.or_unchanged(current)?.into())
    })
    .await
}

/// Remove a succession of a territory
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/territories/{id}/successions/{part_id}")]
async fn delete_territory_succession(db: Data<Db>, editor: Editor, path: PartOf, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(path, &editor, conn).await?, conn).await?;
        diesel::delete(territory_successions::table.find(path.part)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
