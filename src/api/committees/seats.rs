//! The seats of a committee: who sits, for whom, in what capacity, from when to when.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Committee;
use crate::{
    db::{
        Conn,
        listing::{Field, Listed, field, period, word},
    },
    http::{Decisions, Resource, Result, Shown, Views, sent},
    noun::{Address, Card, Naming, Noun, Of, Operations, Rule, Writing},
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

impl Noun for Seat {
    const CARD: Card = Card {
        table: "committee_seats",
        one: "committee_seat",
        a: "a seat of a committee",
        all: "the seats of a committee",
        rules: &[
            Rule::period("period"),
            Rule("held", "", "A seat needs a person, a partner or a function.", "Un siège demande une personne, un partenaire ou une fonction."),
            Rule("alternate", "/alternate_of", "A seat is not its own alternate.", "Un siège n'est pas son propre suppléant."),
        ],
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing::WHOLE;
    const NAMES: &'static [Naming<Self>] = &[Naming::<Self>::person(|new| new.person_id, |patch| patch.person_id.flatten())];
    type Whole = Of<Committee, committee_seats::committee_id>;
    type Right = Decisions;
    type New = NewSeat;
    type Patch = SeatPatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        committee_seats::table.find(at.id).filter(committee_seats::committee_id.eq(at.whole)).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewSeat, conn: &mut Conn) -> Result<Self> {
        let row = (committee_seats::id.eq(at.id), committee_seats::committee_id.eq(at.whole), new);
        Ok(diesel::insert_into(committee_seats::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &SeatPatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(committee_seats::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(committee_seats::table.find(at.id)).execute(conn).await
    }
}
