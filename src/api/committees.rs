//! Committees: steering, project and follow-up committees, lead groups of any size, reflection groups.

mod seats;

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use self::seats::Side;
use self::seats::{NewSeat, Seat};
use crate::{
    db::{
        Conn,
        listing::{Field, Listed, code, field, period, word},
    },
    http::{Along, Decisions, Resource, Result, Shown, sent},
    noun::{Address, Alone, Card, Face, Noun, Operations, Parts, Rule, Writing},
    rights::Place,
    schema::{committee_seats, committees},
    values::{Count, Day, Id, LongText, Many, Name, Qualifier, RegionCode, ShortText, Vocabulary, Word, rules},
};

/// The words of [`Level`].
#[derive(Debug, Clone)]
pub struct LevelWords;

impl Vocabulary for LevelWords {
    const NAME: &'static str = "CommitteeLevel";
    const ABOUT: &'static str = "At which level a committee works (échelon).";
    const WORDS: &'static [(&'static str, &'static str)] =
        &[("national", "National"), ("regional", "Régional"), ("territorial", "Territorial"), ("intercommunal", "Intercommunal")];
}

/// At which level a committee works (échelon).
pub type Level = Word<LevelWords>;

/// The words of [`CommitteeKind`].
#[derive(Debug, Clone)]
pub struct CommitteeKindWords;

impl Vocabulary for CommitteeKindWords {
    const NAME: &'static str = "CommitteeKind";
    const ABOUT: &'static str = "What a committee is (nature du comité).";
    const WORDS: &'static [(&'static str, &'static str)] = &[
        ("steering", "Comité de pilotage"),
        ("project", "Comité de projet"),
        ("follow_up", "Comité de suivi"),
        ("lead_group", "Binôme, trio ou polynôme"),
        ("reflection_group", "Groupe de réflexion"),
        ("other", "Autre"),
    ];
}

/// What a committee is (nature du comité).
pub type CommitteeKind = Word<CommitteeKindWords>;

/// Seats that are reserved for a side (collège), whoever takes them (quotas).
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SeatQuota)]
pub struct Quota {
    side: Side,
    /// The number of reserved seats.
    seats: Count,
    /// The part of the territory that the seats are for (composante).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    component: Option<ShortText>,
}

/// A committee (comité, instance): steering, project or follow-up committee, lead group (binôme), reflection group.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = committees, check_for_backend(diesel::pg::Pg))]
pub struct Committee {
    pub id: Id,
    pub name: Name,
    pub level: Level,
    pub kind: CommitteeKind,
    /// The territory (territoire).
    pub territory_id: Option<Id>,
    /// The region (région), by its code of the COG.
    pub region_code: Option<RegionCode>,
    /// The partner that the committee belongs to, such as one intercommunality of the territory.
    pub partner_id: Option<Id>,
    /// The committee above this one (instance supérieure).
    pub parent_id: Option<Id>,
    /// The role of the committee (rôle).
    pub role: Option<LongText>,
    /// The number of members that the source declares (effectif déclaré).
    pub declared_size: Option<Count>,
    pub declared_size_qualifier: Option<Qualifier>,
    /// Seats that are reserved for a side (collège), whoever takes them (quotas).
    pub quotas: Many<Quota>,
    pub created_on: Option<Day>,
    pub ended_on: Option<Day>,
    /// The committee that this one turns into (devient).
    pub becomes_id: Option<Id>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Committee {
    fn id(&self) -> Id {
        self.id
    }
    fn version(&self) -> i32 {
        self.version
    }
}

/// A committee, with the related things that `include` names.
#[derive(Debug, Serialize, ToSchema)]
pub struct CommitteeView {
    #[serde(flatten)]
    committee: Committee,
    /// The seats, of all dates (sièges).
    #[serde(skip_serializing_if = "Option::is_none")]
    seats: Option<Vec<Seat>>,
}

impl From<Committee> for CommitteeView {
    fn from(committee: Committee) -> Self {
        Self { committee, seats: None }
    }
}

/// The body of a request that creates one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = committees, treat_none_as_default_value = false)]
pub struct NewCommittee {
    name: Name,
    level: Level,
    kind: CommitteeKind,
    /// The territory (territoire).
    territory_id: Option<Id>,
    /// The region (région), by its code of the COG.
    region_code: Option<RegionCode>,
    /// The partner that the committee belongs to, such as one intercommunality of the territory.
    partner_id: Option<Id>,
    /// The committee above this one (instance supérieure).
    parent_id: Option<Id>,
    /// The role of the committee (rôle).
    role: Option<LongText>,
    /// The number of members that the source declares (effectif déclaré).
    declared_size: Option<Count>,
    declared_size_qualifier: Option<Qualifier>,
    /// Seats that are reserved for a side (collège), whoever takes them (quotas).
    #[serde(default)]
    quotas: Many<Quota>,
    created_on: Option<Day>,
    ended_on: Option<Day>,
    /// The committee that this one turns into (devient).
    becomes_id: Option<Id>,
    /// The seats (sièges).
    #[serde(default)]
    #[diesel(skip_insertion)]
    seats: Many<NewSeat>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = committees)]
pub struct CommitteePatch {
    name: Option<Name>,
    level: Option<Level>,
    kind: Option<CommitteeKind>,
    /// The territory (territoire).
    territory_id: Option<Option<Id>>,
    /// The region (région), by its code of the COG.
    region_code: Option<Option<RegionCode>>,
    /// The partner that the committee belongs to, such as one intercommunality of the territory.
    partner_id: Option<Option<Id>>,
    /// The committee above this one (instance supérieure).
    parent_id: Option<Option<Id>>,
    /// The role of the committee (rôle).
    role: Option<Option<LongText>>,
    /// The number of members that the source declares (effectif déclaré).
    declared_size: Option<Option<Count>>,
    declared_size_qualifier: Option<Option<Qualifier>>,
    /// Seats that are reserved for a side (collège), whoever takes them (quotas).
    quotas: Option<Many<Quota>>,
    created_on: Option<Option<Day>>,
    ended_on: Option<Option<Day>>,
    /// The committee that this one turns into (devient).
    becomes_id: Option<Option<Id>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(committees::search),
        field(committees::name).sorted(),
        word::<LevelWords, _>(committees::level).sorted(),
        word::<CommitteeKindWords, _>(committees::kind).sorted(),
        field(committees::territory_id),
        code::<rules::RegionCode, _>(committees::region_code),
        field(committees::partner_id),
        field(committees::parent_id),
        field(committees::becomes_id),
        period("on", committees::created_on, committees::ended_on),
        field(committee_seats::person_id)
            .linked(committee_seats::committee_id, committees::id)
            .named("person_id", "Those with a seat that this person holds.")
            .personal(committee_seats::id),
        field(committees::created_at).sorted(),
        field(committees::updated_at).sorted(),
    ]
});

impl Listed for Committee {
    type Table = committees::table;
    type Key = committees::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Committee {
    type View = CommitteeView;
    const INCLUDES: &'static [(&'static str, &'static str)] = &[("seats", "The seats, of all dates (sièges).")];
    const ORDER: &'static str = "name";

    async fn include(along: &mut Along<'_, CommitteeView>) -> Result<()> {
        along.parts("seats", committee_seats::committee_id, |row: &Seat| row.committee_id, |view| &mut view.seats).await
    }
}

impl Noun for Committee {
    const CARD: Card = Card {
        table: "committees",
        one: "committee",
        a: "a committee",
        all: "committees",
        about: "Committees with their seats (comités, instances).",
        places: &["territory_id", "region_code"],
        rules: &[
            Rule::period("period"),
            Rule::PARENT,
            Rule("becomes", "/becomes_id", "A committee does not become itself.", "Un comité ne devient pas lui-même."),
            Rule(
                "national",
                "/level",
                "What works at the national level is of no territory and of no region.",
                "Ce qui travaille au niveau national n'est d'aucun territoire ni d'aucune région.",
            ),
        ],
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing::at(
        |committee| Place::at(committee.level.code(), committee.territory_id, committee.region_code.clone()),
        |new| Place::at(new.level.code(), new.territory_id, new.region_code.clone()),
    );
    const PARTS: &'static [Face] = &[Face::part::<Seat>()];
    type Whole = Alone;
    type Right = Decisions;
    type New = NewCommittee;
    type Patch = CommitteePatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        committees::table.find(at.id).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewCommittee, conn: &mut Conn) -> Result<Self> {
        let row = (committees::id.eq(at.id), new);
        Ok(diesel::insert_into(committees::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &CommitteePatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(committees::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(committees::table.find(at.id)).execute(conn).await
    }
    async fn parts(new: &NewCommittee, parts: &mut Parts<'_>) -> Result<()> {
        parts.take::<Seat>("seats", &new.seats).await
    }
}
