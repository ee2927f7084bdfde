//! The functions that a person holds or held; several at once is usual.

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
        listing::{Field, Listed, field, period},
    },
    http::{
        Approver, At, Created, IfMatch, Json, List, NoContent, One, OrGone, OrUnchanged, Page, PartOf, Resource, Result, Shown, Tagged, sent,
    },
    rights::Reach,
    schema::person_mandates,
    values::{Day, Id, LongText, ShortText},
};

/// A function that a person holds at a partner (mandat, fonction).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = person_mandates, check_for_backend(diesel::pg::Pg))]
#[schema(as = PersonMandate)]
pub struct Mandate {
    pub id: Id,
    /// The person it is part of.
    pub person_id: Id,
    /// Where; empty when the function is at no partner.
    pub partner_id: Option<Id>,
    /// The function, as the source says it.
    pub function: ShortText,
    pub starts_on: Option<Day>,
    pub ends_on: Option<Day>,
    pub note: Option<LongText>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Mandate {
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
#[diesel(table_name = person_mandates, treat_none_as_default_value = false)]
#[schema(as = NewPersonMandate)]
pub struct NewMandate {
    /// Where; empty when the function is at no partner.
    partner_id: Option<Id>,
    /// The function, as the source says it.
    function: ShortText,
    starts_on: Option<Day>,
    ends_on: Option<Day>,
    note: Option<LongText>,
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = person_mandates)]
#[schema(as = PersonMandatePatch)]
pub struct MandatePatch {
    /// Where; empty when the function is at no partner.
    partner_id: Option<Option<Id>>,
    /// The function, as the source says it.
    function: Option<ShortText>,
    starts_on: Option<Option<Day>>,
    ends_on: Option<Option<Day>>,
    note: Option<Option<LongText>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(person_mandates::partner_id),
        field(person_mandates::function).sorted(),
        field(person_mandates::starts_on).sorted(),
        field(person_mandates::ends_on).sorted(),
        period("on", person_mandates::starts_on, person_mandates::ends_on),
        field(person_mandates::created_at).sorted(),
        field(person_mandates::updated_at).sorted(),
    ]
});

impl Listed for Mandate {
    type Table = person_mandates::table;
    type Key = person_mandates::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Mandate {
    type View = Self;
    const ORDER: &'static str = "";
}

pub fn routes(routes: &mut ServiceConfig) {
    routes
        .service(list_person_mandates)
        .service(create_person_mandate)
        .service(read_person_mandate)
        .service(update_person_mandate)
        .service(delete_person_mandate);
}

async fn lock(path: PartOf, editor: &Approver, conn: &mut Conn) -> Result<Mandate> {
    super::lock(path.id, editor, conn).await?;
    find(path, editor.reach(), conn).await
}

async fn find(path: PartOf, reach: &Reach, conn: &mut Conn) -> Result<Mandate> {
    let part = person_mandates::table.find(path.part).filter(person_mandates::person_id.eq(path.id)).select(Mandate::as_select());
    part.first(conn).await.or_gone("person_mandates", Some(path.id), path.part, reach, conn).await
}

/// Adds one to its person.
pub async fn insert(person_id: Id, new: &NewMandate, conn: &mut Conn) -> Result<Mandate> {
    let row = (person_mandates::id.eq(Id::new()), person_mandates::person_id.eq(person_id), new);
    Ok(diesel::insert_into(person_mandates::table).values(row).returning(Mandate::as_returning()).get_result(conn).await?)
}

/// List the mandates of a person
#[utoipa::path(params(List<Mandate>), responses((status = OK, body = Page<Mandate>)))]
#[get("/people/{id}/mandates")]
async fn list_person_mandates(db: Data<Db>, At(id): At, list: List<Mandate>) -> Result<Page<Mandate>> {
    list.parts(&db, person_mandates::person_id, id, super::find).await
}

/// Add a mandate of a person
#[utoipa::path(responses((status = CREATED, body = Mandate)))]
#[post("/people/{id}/mandates")]
async fn create_person_mandate(db: Data<Db>, editor: Approver, At(id): At, body: Json<NewMandate>) -> Result<Created<Mandate>> {
    db.write(&editor, async |conn| {
        super::lock(id, &editor, conn).await?;
        Ok(Created(insert(id, &body.valid()?, conn).await?))
    })
    .await
}

/// Read a mandate of a person
#[utoipa::path(params(One<Mandate>), responses((status = OK, body = Mandate)))]
#[get("/people/{id}/mandates/{part_id}")]
async fn read_person_mandate(db: Data<Db>, path: PartOf, one: One<Mandate>) -> Result<Tagged<Mandate>> {
    one.part(&db, path, super::find, find).await
}

/// Change a mandate of a person
#[utoipa::path(responses((status = OK, body = Mandate)))]
#[patch("/people/{id}/mandates/{part_id}")]
async fn update_person_mandate(db: Data<Db>, editor: Approver, path: PartOf, if_match: IfMatch, body: Json<MandatePatch>) -> Result<Tagged<Mandate>> {
    db.write(&editor, async |conn| {
        let current = lock(path, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;
        let update = diesel::update(person_mandates::table.find(path.part)).set(&patch);
        let changed = update.returning(Mandate::as_returning()).get_result(conn).await;
        Ok(changed.or_unchanged(current)?.into())
    })
    .await
}

/// Remove a mandate of a person
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/people/{id}/mandates/{part_id}")]
async fn delete_person_mandate(db: Data<Db>, editor: Approver, path: PartOf, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(path, &editor, conn).await?, conn).await?;
        diesel::delete(person_mandates::table.find(path.part)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
