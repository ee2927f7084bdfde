//! A territory's members: intercommunalities, but single communes too, each for its time.

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
        listing::{Field, Listed, field, period, word},
    },
    http::{
        At, Created, Editor, IfMatch, Json, List, NoContent, One, OrGone, OrUnchanged, Page, PartOf, Resource, Result, Shown, Tagged, sent,
    },
    rights::{Place, Reach},
    schema::territory_members,
    values::{CommuneCode, Day, DepartmentCode, Id, Many, Name, Siren, Vocabulary, Word},
};

/// The words of [`MemberKind`].
#[derive(Debug, Clone)]
pub struct MemberKindWords;

impl Vocabulary for MemberKindWords {
    const NAME: &'static str = "TerritoryMemberKind";
    const ABOUT: &'static str = "What a member is (nature du membre); never inferred from its SIREN.";
    const WORDS: &'static [(&'static str, &'static str)] =
        &[("intercommunality", "Intercommunalité"), ("ept", "Établissement public territorial"), ("commune", "Commune"), ("other", "Autre")];
}

/// What a member is (nature du membre); never inferred from its SIREN.
pub type MemberKind = Word<MemberKindWords>;

/// A member of a territory (membre du périmètre).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = territory_members, check_for_backend(diesel::pg::Pg))]
#[schema(as = TerritoryMember)]
pub struct Member {
    pub id: Id,
    /// The territory it is part of.
    pub territory_id: Id,
    pub kind: MemberKind,
    pub siren: Option<Siren>,
    pub commune_code: Option<CommuneCode>,
    /// Its name at that time.
    pub name: Name,
    /// The phase in which it is a member.
    pub phase_id: Option<Id>,
    /// From this day, included.
    pub starts_on: Option<Day>,
    /// To this day, included.
    pub ends_on: Option<Day>,
    /// Does it coordinate the members?
    pub coordinator: bool,
    /// The departments in which it has communes, by their codes of the COG; they say which regions it touches.
    pub department_codes: Many<DepartmentCode>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Member {
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
#[diesel(table_name = territory_members, treat_none_as_default_value = false)]
#[schema(as = NewTerritoryMember)]
pub struct NewMember {
    kind: MemberKind,
    siren: Option<Siren>,
    commune_code: Option<CommuneCode>,
    /// Its name at that time.
    name: Name,
    /// The phase in which it is a member.
    phase_id: Option<Id>,
    /// From this day, included.
    starts_on: Option<Day>,
    /// To this day, included.
    ends_on: Option<Day>,
    /// Does it coordinate the members?
    #[serde(default)]
    coordinator: bool,
    /// The departments in which it has communes, by their codes of the COG; they say which regions it touches.
    #[serde(default)]
    department_codes: Many<DepartmentCode>,
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = territory_members)]
#[schema(as = TerritoryMemberPatch)]
pub struct MemberPatch {
    kind: Option<MemberKind>,
    siren: Option<Option<Siren>>,
    commune_code: Option<Option<CommuneCode>>,
    /// Its name at that time.
    name: Option<Name>,
    /// The phase in which it is a member.
    phase_id: Option<Option<Id>>,
    /// From this day, included.
    starts_on: Option<Option<Day>>,
    /// To this day, included.
    ends_on: Option<Option<Day>>,
    /// Does it coordinate the members?
    coordinator: Option<bool>,
    /// The departments in which it has communes, by their codes of the COG; they say which regions it touches.
    department_codes: Option<Many<DepartmentCode>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(territory_members::siren),
        field(territory_members::commune_code),
        field(territory_members::name).sorted(),
        word::<MemberKindWords, _>(territory_members::kind),
        field(territory_members::phase_id),
        field(territory_members::coordinator),
        field(territory_members::starts_on).sorted(),
        field(territory_members::ends_on).sorted(),
        period("on", territory_members::starts_on, territory_members::ends_on),
        field(territory_members::created_at).sorted(),
        field(territory_members::updated_at).sorted(),
    ]
});

impl Listed for Member {
    type Table = territory_members::table;
    type Key = territory_members::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Member {
    type View = Self;
    const ORDER: &'static str = "name";
}

pub fn routes(routes: &mut ServiceConfig) {
    routes
        .service(list_territory_members)
        .service(create_territory_member)
        .service(read_territory_member)
        .service(update_territory_member)
        .service(delete_territory_member);
}

async fn lock(path: PartOf, editor: &Editor, conn: &mut Conn) -> Result<Member> {
    super::lock(path.id, editor, &Place::nation(), conn).await?;
    find(path, editor.reach(), conn).await
}

async fn find(path: PartOf, reach: &Reach, conn: &mut Conn) -> Result<Member> {
    let part = territory_members::table.find(path.part).filter(territory_members::territory_id.eq(path.id)).select(Member::as_select());
    part.first(conn).await.or_gone("territory_members", Some(path.id), path.part, reach, conn).await
}

/// Adds one to its territory.
pub async fn insert(territory_id: Id, new: &NewMember, conn: &mut Conn) -> Result<Member> {
    let row = (territory_members::id.eq(Id::new()), territory_members::territory_id.eq(territory_id), new);
    Ok(diesel::insert_into(territory_members::table).values(row).returning(Member::as_returning()).get_result(conn).await?)
}

/// List the members of a territory
#[utoipa::path(params(List<Member>), responses((status = OK, body = Page<Member>)))]
#[get("/territories/{id}/members")]
async fn list_territory_members(db: Data<Db>, At(id): At, list: List<Member>) -> Result<Page<Member>> {
    list.parts(&db, territory_members::territory_id, id, super::find).await
}

/// Add a member of a territory
#[utoipa::path(responses((status = CREATED, body = Member)))]
#[post("/territories/{id}/members")]
async fn create_territory_member(db: Data<Db>, editor: Editor, At(id): At, body: Json<NewMember>) -> Result<Created<Member>> {
    db.write(&editor, async |conn| {
        super::lock(id, &editor, &Place::nation(), conn).await?;
        Ok(Created(insert(id, &body.valid()?, conn).await?))
    })
    .await
}

/// Read a member of a territory
#[utoipa::path(params(One<Member>), responses((status = OK, body = Member)))]
#[get("/territories/{id}/members/{part_id}")]
async fn read_territory_member(db: Data<Db>, path: PartOf, one: One<Member>) -> Result<Tagged<Member>> {
    one.part(&db, path, super::find, find).await
}

/// Change a member of a territory
#[utoipa::path(responses((status = OK, body = Member)))]
#[patch("/territories/{id}/members/{part_id}")]
async fn update_territory_member(db: Data<Db>, editor: Editor, path: PartOf, if_match: IfMatch, body: Json<MemberPatch>) -> Result<Tagged<Member>> {
    db.write(&editor, async |conn| {
        let current = lock(path, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;
        let update = diesel::update(territory_members::table.find(path.part)).set(&patch);
        let changed = update.returning(Member::as_returning()).get_result(conn).await;
        Ok(changed.or_unchanged(current)?.into())
    })
    .await
}

/// Remove a member of a territory
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/territories/{id}/members/{part_id}")]
async fn delete_territory_member(db: Data<Db>, editor: Editor, path: PartOf, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(path, &editor, conn).await?, conn).await?;
        diesel::delete(territory_members::table.find(path.part)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
