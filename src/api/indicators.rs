//! Indicators: what is measured, by which definition, in which unit.

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
    schema::indicators,
    values::{Code, Id, LongText, Name},
};

/// An indicator (indicateur): a definition and a unit; figures of two indicators are never added.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = indicators, check_for_backend(diesel::pg::Pg))]
pub struct Indicator {
    pub id: Id,
    /// Its code.
    pub code: Code,
    /// Its French name.
    pub label_fr: Name,
    /// Its English name.
    pub label_en: Option<Name>,
    /// Its unit.
    pub unit: Name,
    /// What exactly is counted.
    pub definition: Option<LongText>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Indicator {
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
#[diesel(table_name = indicators, treat_none_as_default_value = false)]
pub struct NewIndicator {
    /// Its code.
    code: Code,
    /// Its French name.
    label_fr: Name,
    /// Its English name.
    label_en: Option<Name>,
    /// Its unit.
    unit: Name,
    /// What exactly is counted.
    definition: Option<LongText>,
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = indicators)]
pub struct IndicatorPatch {
    /// Its code.
    code: Option<Code>,
    /// Its French name.
    label_fr: Option<Name>,
    /// Its English name.
    label_en: Option<Option<Name>>,
    /// Its unit.
    unit: Option<Name>,
    /// What exactly is counted.
    definition: Option<Option<LongText>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(indicators::search),
        field(indicators::code).sorted(),
        field(indicators::label_fr).sorted(),
        field(indicators::created_at).sorted(),
        field(indicators::updated_at).sorted(),
    ]
});

impl Listed for Indicator {
    type Table = indicators::table;
    type Key = indicators::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Indicator {
    type View = Self;
    const ORDER: &'static str = "code";
}

/// Its operations.
pub fn routes(routes: &mut ServiceConfig) {
    routes.service(list_indicators).service(create_indicator).service(read_indicator).service(update_indicator).service(delete_indicator);
}

async fn find(id: Id, reach: &Reach, conn: &mut Conn) -> Result<Indicator> {
    indicators::table.find(id).select(Indicator::as_select()).first(conn).await.or_gone("indicators", None, id, reach, conn).await
}

async fn lock(id: Id, editor: &Editor, conn: &mut Conn) -> Result<Indicator> {
    let indicator = indicators::table.find(id).select(Indicator::as_select()).for_no_key_update();
    let indicator = indicator.first(conn).await.or_gone("indicators", None, id, editor.reach(), conn).await?;
    editor.within(&Place::nation())?;
    Ok(indicator)
}

/// Makes one under this identifier.
pub async fn insert(id: Id, new: &NewIndicator, conn: &mut Conn) -> Result<Indicator> {
    let row = (indicators::id.eq(id), new);
    let indicator = diesel::insert_into(indicators::table).values(row).returning(Indicator::as_returning()).get_result(conn).await?;
    Ok(indicator)
}

/// List indicators
#[utoipa::path(params(List<Indicator>), responses((status = OK, body = Page<Indicator>)))]
#[get("/indicators")]
async fn list_indicators(db: Data<Db>, list: List<Indicator>) -> Result<Page<Indicator>> {
    list.page(&db).await
}

/// Create an indicator
#[utoipa::path(responses((status = CREATED, body = Indicator)))]
#[post("/indicators")]
async fn create_indicator(db: Data<Db>, editor: Editor, body: Json<NewIndicator>) -> Result<Created<Indicator>> {
    db.write(&editor, async |conn| {
        editor.within(&Place::nation())?;
        let new = body.valid()?;
        Ok(Created(insert(Id::new(), &new, conn).await?))
    })
    .await
}

/// Read an indicator
#[utoipa::path(params(One<Indicator>), responses((status = OK, body = Indicator)))]
#[get("/indicators/{id}")]
async fn read_indicator(db: Data<Db>, At(id): At, one: One<Indicator>) -> Result<Tagged<Indicator>> {
    one.answer(&db, id, find).await
}

/// Change an indicator
#[utoipa::path(responses((status = OK, body = Indicator)))]
#[patch("/indicators/{id}")]
async fn update_indicator(db: Data<Db>, editor: Editor, At(id): At, if_match: IfMatch, body: Json<IndicatorPatch>) -> Result<Tagged<Indicator>> {
    db.write(&editor, async |conn| {
        let current = lock(id, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;
        let update = diesel::update(indicators::table.find(id)).set(&patch);
        let changed = update.returning(Indicator::as_returning()).get_result(conn).await;
        Ok(changed.or_unchanged(current)?.into())
    })
    .await
}

/// Delete an indicator
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/indicators/{id}")]
async fn delete_indicator(db: Data<Db>, editor: Editor, At(id): At, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(id, &editor, conn).await?, conn).await?;
        diesel::delete(indicators::table.find(id)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
