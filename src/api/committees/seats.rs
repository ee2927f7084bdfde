//! The seats of a committee: who holds them, for which partner, in which capacity, from when to when.

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
    const ABOUT: &'static str = "The side that a seat speaks for (collège).";
    const WORDS: &'static [(&'static str, &'static str)] = &[
        ("elected", "Élus"),
        ("industrial", "Industriels"),
        ("state", "État"),
        ("region", "Région"),
        ("operator", "Opérateurs"),
        ("chamber", "Chambres consulaires"),
    ];
}

/// The side that a seat speaks for (collège).
pub type Side = Word<SideWords>;

/// The words of [`Capacity`].
#[derive(Debug, Clone)]
pub struct CapacityWords;

impl Vocabulary for CapacityWords {
    const NAME: &'static str = "SeatCapacity";
    const ABOUT: &'static str = "The capacity of the holder of a seat (qualité).";
    const WORDS: &'static [(&'static str, &'static str)] = &[
        ("member", "Membre"),
        ("chair", "Président"),
        ("co_chair", "Coprésident"),
        ("spokesperson", "Porte-parole"),
        ("alternate", "Suppléant"),
        ("guest", "Invité"),
    ];
}

/// The capacity of the holder of a seat (qualité).
pub type Capacity = Word<CapacityWords>;

/// A seat in a committee (siège).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = committee_seats, check_for_backend(diesel::pg::Pg))]
#[schema(as = CommitteeSeat)]
pub struct Seat {
    pub id: Id,
    /// The committee that this belongs to (comité).
    pub committee_id: Id,
    /// The person who holds the seat (titulaire).
    pub person_id: Option<Id>,
    /// The partner that the seat is held for, or that holds the seat (organisme).
    pub partner_id: Option<Id>,
    /// The function that gives the seat, in the words of the source (fonction).
    pub function: Option<ShortText>,
    pub side: Option<Side>,
    pub capacity: Capacity,
    /// The seat that this one is the alternate of, in the same committee (suppléant de).
    pub alternate_of: Option<Id>,
    /// May the holder send somebody else when absent (représentation)?
    pub may_be_represented: bool,
    /// The part of the territory that the seat represents (composante).
    pub component: Option<ShortText>,
    /// The first day, included; null when it is unknown.
    pub starts_on: Option<Day>,
    /// The last day, included; null when it is unknown or has not come.
    pub ends_on: Option<Day>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
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

/// The body of a request that creates one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = committee_seats, treat_none_as_default_value = false)]
#[schema(as = NewCommitteeSeat)]
pub struct NewSeat {
    /// The person who holds the seat (titulaire).
    person_id: Option<Id>,
    /// The partner that the seat is held for, or that holds the seat (organisme).
    partner_id: Option<Id>,
    /// The function that gives the seat, in the words of the source (fonction).
    function: Option<ShortText>,
    side: Option<Side>,
    #[serde(default)]
    capacity: Capacity,
    /// The seat that this one is the alternate of, in the same committee (suppléant de).
    alternate_of: Option<Id>,
    /// May the holder send somebody else when absent (représentation)?
    #[serde(default)]
    may_be_represented: bool,
    /// The part of the territory that the seat represents (composante).
    component: Option<ShortText>,
    /// The first day, included; null when it is unknown.
    starts_on: Option<Day>,
    /// The last day, included; null when it is unknown or has not come.
    ends_on: Option<Day>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = committee_seats)]
#[schema(as = CommitteeSeatPatch)]
pub struct SeatPatch {
    /// The person who holds the seat (titulaire).
    person_id: Option<Option<Id>>,
    /// The partner that the seat is held for, or that holds the seat (organisme).
    partner_id: Option<Option<Id>>,
    /// The function that gives the seat, in the words of the source (fonction).
    function: Option<Option<ShortText>>,
    side: Option<Option<Side>>,
    capacity: Option<Capacity>,
    /// The seat that this one is the alternate of, in the same committee (suppléant de).
    alternate_of: Option<Option<Id>>,
    /// May the holder send somebody else when absent (représentation)?
    may_be_represented: Option<bool>,
    /// The part of the territory that the seat represents (composante).
    component: Option<Option<ShortText>>,
    /// The first day, included; null when it is unknown.
    starts_on: Option<Option<Day>>,
    /// The last day, included; null when it is unknown or has not come.
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

    /// Hides the holders whom the caller may not know: such a seat shows its function and organisation only.
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
        erased: &["function"],
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
