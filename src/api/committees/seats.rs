//! The seats of a committee: who sits, for whom, in what capacity, from when to when.

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
        Approver, At, Created, IfMatch, Json, List, NoContent, One, OrGone, OrUnchanged, Page, PartOf, Resource, Result, Shown, Tagged, Views, may_name_person, sent,
    },
    rights::{self, Reach},
    schema::committee_seats,
    values::{Day, Id, ShortText, Vocabulary, Word},
};

/// The words of [`Side`].
#[derive(Debug, Clone)]
pub struct SideWords;

impl Vocabulary for SideWords {
    const NAME: &'static str = "SeatSide";
    const ABOUT: &'static str = "For whom a seat speaks (collège).";
    const WORDS: &'static [(&'static str, &'static str)] = &[
        ("elected", "Élus"),
        ("industrial", "Industriels"),
        ("state", "État"),
        ("region", "Région"),
        ("operator", "Opérateurs"),
        ("chamber", "Chambres consulaires"),
    ];
}

/// For whom a seat speaks (collège).
pub type Side = Word<SideWords>;

/// The words of [`Capacity`].
#[derive(Debug, Clone)]
pub struct CapacityWords;

impl Vocabulary for CapacityWords {
    const NAME: &'static str = "SeatCapacity";
    const ABOUT: &'static str = "In what capacity someone sits (qualité).";
    const WORDS: &'static [(&'static str, &'static str)] = &[
        ("member", "Membre"),
        ("chair", "Président"),
        ("co_chair", "Coprésident"),
        ("spokesperson", "Porte-parole"),
        ("alternate", "Suppléant"),
        ("guest", "Invité"),
    ];
}

/// In what capacity someone sits (qualité).
pub type Capacity = Word<CapacityWords>;

/// A seat in a committee (siège).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = committee_seats, check_for_backend(diesel::pg::Pg))]
#[schema(as = CommitteeSeat)]
pub struct Seat {
    pub id: Id,
    /// The committee it is part of.
    pub committee_id: Id,
    /// Who holds it.
    pub person_id: Option<Id>,
    /// The partner it is held for, or that holds it.
    pub partner_id: Option<Id>,
    /// The function by which it is held, as the source says it.
    pub function: Option<ShortText>,
    pub side: Option<Side>,
    pub capacity: Capacity,
    /// The seat of the same committee whose holder this one replaces.
    pub alternate_of: Option<Id>,
    /// May its holder be represented when prevented?
    pub may_be_represented: bool,
    /// The part of the territory that it represents.
    pub component: Option<ShortText>,
    /// From this day, included.
    pub starts_on: Option<Day>,
    /// To this day, included.
    pub ends_on: Option<Day>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Seat {
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
#[diesel(table_name = committee_seats, treat_none_as_default_value = false)]
#[schema(as = NewCommitteeSeat)]
pub struct NewSeat {
    /// Who holds it.
    person_id: Option<Id>,
    /// The partner it is held for, or that holds it.
    partner_id: Option<Id>,
    /// The function by which it is held, as the source says it.
    function: Option<ShortText>,
    side: Option<Side>,
    #[serde(default)]
    capacity: Capacity,
    /// The seat of the same committee whose holder this one replaces.
    alternate_of: Option<Id>,
    /// May its holder be represented when prevented?
    #[serde(default)]
    may_be_represented: bool,
    /// The part of the territory that it represents.
    component: Option<ShortText>,
    /// From this day, included.
    starts_on: Option<Day>,
    /// To this day, included.
    ends_on: Option<Day>,
}

impl NewSeat {
    /// Refuses whom the caller may not know.
    pub(super) async fn check(&self, reach: &Reach, conn: &mut Conn) -> Result<()> {
        may_name_person(self.person_id, reach, conn).await
    }
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = committee_seats)]
#[schema(as = CommitteeSeatPatch)]
pub struct SeatPatch {
    /// Who holds it.
    person_id: Option<Option<Id>>,
    /// The partner it is held for, or that holds it.
    partner_id: Option<Option<Id>>,
    /// The function by which it is held, as the source says it.
    function: Option<Option<ShortText>>,
    side: Option<Option<Side>>,
    capacity: Option<Capacity>,
    /// The seat of the same committee whose holder this one replaces.
    alternate_of: Option<Option<Id>>,
    /// May its holder be represented when prevented?
    may_be_represented: Option<bool>,
    /// The part of the territory that it represents.
    component: Option<Option<ShortText>>,
    /// From this day, included.
    starts_on: Option<Option<Day>>,
    /// To this day, included.
    ends_on: Option<Option<Day>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(committee_seats::person_id).personal(committee_seats::id),
        field(committee_seats::partner_id),
        word::<SideWords, _>(committee_seats::side).sorted(),
        word::<CapacityWords, _>(committee_seats::capacity).sorted(),
        field(committee_seats::alternate_of),
        field(committee_seats::may_be_represented),
        field(committee_seats::starts_on).sorted(),
        field(committee_seats::ends_on).sorted(),
        period("on", committee_seats::starts_on, committee_seats::ends_on),
        field(committee_seats::created_at).sorted(),
        field(committee_seats::updated_at).sorted(),
    ]
});

impl Listed for Seat {
    type Table = committee_seats::table;
    type Key = committee_seats::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Seat {
    type View = Self;
    const ORDER: &'static str = "";

    /// Of a seat whose holder it may not name, it tells the function and the organisation.
    async fn veil(views: &mut Views<Self>, reach: &Reach, conn: &mut Conn) -> Result<()> {
        Ok(rights::veil(views.iter_mut().map(|(id, seat)| (*id, &mut seat.person_id)), reach, conn).await?)
    }
}

pub fn routes(routes: &mut ServiceConfig) {
    routes
        .service(list_committee_seats)
        .service(create_committee_seat)
        .service(read_committee_seat)
        .service(update_committee_seat)
        .service(delete_committee_seat);
}

async fn lock(path: PartOf, editor: &Approver, conn: &mut Conn) -> Result<Seat> {
    super::lock(path.id, editor, conn).await?;
    find(path, editor.reach(), conn).await
}

async fn find(path: PartOf, reach: &Reach, conn: &mut Conn) -> Result<Seat> {
    let part = committee_seats::table.find(path.part).filter(committee_seats::committee_id.eq(path.id)).select(Seat::as_select());
    part.first(conn).await.or_gone("committee_seats", Some(path.id), path.part, reach, conn).await
}

/// Adds one to its committee.
pub async fn insert(committee_id: Id, new: &NewSeat, conn: &mut Conn) -> Result<Seat> {
    let row = (committee_seats::id.eq(Id::new()), committee_seats::committee_id.eq(committee_id), new);
    Ok(diesel::insert_into(committee_seats::table).values(row).returning(Seat::as_returning()).get_result(conn).await?)
}

/// List the seats of a committee
#[utoipa::path(params(List<Seat>), responses((status = OK, body = Page<Seat>)))]
#[get("/committees/{id}/seats")]
async fn list_committee_seats(db: Data<Db>, At(id): At, list: List<Seat>) -> Result<Page<Seat>> {
    list.parts(&db, committee_seats::committee_id, id, super::find).await
}

/// Add a seat of a committee
#[utoipa::path(responses((status = CREATED, body = Seat)))]
#[post("/committees/{id}/seats")]
async fn create_committee_seat(db: Data<Db>, editor: Approver, At(id): At, body: Json<NewSeat>) -> Result<Created<Seat>> {
    db.write(&editor, async |conn| {
        super::lock(id, &editor, conn).await?;
        let new = body.valid()?;
        new.check(editor.reach(), conn).await?;
        Ok(Created(insert(id, &new, conn).await?))
    })
    .await
}

/// Read a seat of a committee
#[utoipa::path(params(One<Seat>), responses((status = OK, body = Seat)))]
#[get("/committees/{id}/seats/{part_id}")]
async fn read_committee_seat(db: Data<Db>, path: PartOf, one: One<Seat>) -> Result<Tagged<Seat>> {
    one.part(&db, path, super::find, find).await
}

/// Change a seat of a committee
#[utoipa::path(responses((status = OK, body = Seat)))]
#[patch("/committees/{id}/seats/{part_id}")]
async fn update_committee_seat(db: Data<Db>, editor: Approver, path: PartOf, if_match: IfMatch, body: Json<SeatPatch>) -> Result<Tagged<Seat>> {
    db.write(&editor, async |conn| {
        let current = lock(path, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;
        may_name_person(patch.person_id.flatten(), editor.reach(), conn).await?;
        let update = diesel::update(committee_seats::table.find(path.part)).set(&patch);
        let changed = update.returning(Seat::as_returning()).get_result(conn).await;
        Ok(changed.or_unchanged(current)?.into())
    })
    .await
}

/// Remove a seat of a committee
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/committees/{id}/seats/{part_id}")]
async fn delete_committee_seat(db: Data<Db>, editor: Approver, path: PartOf, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(path, &editor, conn).await?, conn).await?;
        diesel::delete(committee_seats::table.find(path.part)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
