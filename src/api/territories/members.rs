//! The members of a territory: intercommunalities, and also single communes, each for a time.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Territory;
use crate::{
    db::{
        Conn,
        listing::{Field, Listed, code, field, period, word},
    },
    http::{Content, Resource, Result, Shown, sent},
    noun::{Address, Card, Noun, Of, Operations, Rule, Writing},
    schema::territory_members,
    values::{CommuneCode, Day, DepartmentCode, Id, Many, Name, Siren, Vocabulary, Word, rules},
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
    /// The territory that this belongs to (territoire).
    pub territory_id: Id,
    pub kind: MemberKind,
    pub siren: Option<Siren>,
    pub commune_code: Option<CommuneCode>,
    /// The name of the member at that time (nom).
    pub name: Name,
    /// The phase of the programme in which it is a member (phase du programme).
    pub phase_id: Option<Id>,
    /// The first day, included; null when it is unknown.
    pub starts_on: Option<Day>,
    /// The last day, included; null when it is unknown or has not come.
    pub ends_on: Option<Day>,
    /// Does this member coordinate the others (coordonnateur)?
    pub coordinator: bool,
    /// The departments where the member has communes, by their codes of the COG (départements). The regions of the territory follow from
    /// them.
    pub department_codes: Many<DepartmentCode>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
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

/// The body of a request that creates one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = territory_members, treat_none_as_default_value = false)]
#[schema(as = NewTerritoryMember)]
pub struct NewMember {
    kind: MemberKind,
    siren: Option<Siren>,
    commune_code: Option<CommuneCode>,
    /// The name of the member at that time (nom).
    name: Name,
    /// The phase of the programme in which it is a member (phase du programme).
    phase_id: Option<Id>,
    /// The first day, included; null when it is unknown.
    starts_on: Option<Day>,
    /// The last day, included; null when it is unknown or has not come.
    ends_on: Option<Day>,
    /// Does this member coordinate the others (coordonnateur)?
    #[serde(default)]
    coordinator: bool,
    /// The departments where the member has communes, by their codes of the COG (départements). The regions of the territory follow from
    /// them.
    #[serde(default)]
    department_codes: Many<DepartmentCode>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = territory_members)]
#[schema(as = TerritoryMemberPatch)]
pub struct MemberPatch {
    kind: Option<MemberKind>,
    siren: Option<Option<Siren>>,
    commune_code: Option<Option<CommuneCode>>,
    /// The name of the member at that time (nom).
    name: Option<Name>,
    /// The phase of the programme in which it is a member (phase du programme).
    phase_id: Option<Option<Id>>,
    /// The first day, included; null when it is unknown.
    starts_on: Option<Option<Day>>,
    /// The last day, included; null when it is unknown or has not come.
    ends_on: Option<Option<Day>>,
    /// Does this member coordinate the others (coordonnateur)?
    coordinator: Option<bool>,
    /// The departments where the member has communes, by their codes of the COG (départements). The regions of the territory follow from
    /// them.
    department_codes: Option<Many<DepartmentCode>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        code::<rules::Siren, _>(territory_members::siren),
        code::<rules::CommuneCode, _>(territory_members::commune_code),
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

impl Noun for Member {
    const CARD: Card = Card {
        table: "territory_members",
        one: "territory_member",
        a: "a member of a territory",
        all: "the members of a territory",
        rules: &[
            Rule::period("period"),
            Rule(
                "identified",
                "",
                "A SIREN or a commune code is needed, unless the kind is other.",
                "Il faut un SIREN ou un code commune, sauf pour la nature other.",
            ),
        ],
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing::NATION;
    type Whole = Of<Territory, territory_members::territory_id>;
    type Right = Content;
    type New = NewMember;
    type Patch = MemberPatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        territory_members::table.find(at.id).filter(territory_members::territory_id.eq(at.whole)).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewMember, conn: &mut Conn) -> Result<Self> {
        let row = (territory_members::id.eq(at.id), territory_members::territory_id.eq(at.whole), new);
        Ok(diesel::insert_into(territory_members::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &MemberPatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(territory_members::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(territory_members::table.find(at.id)).execute(conn).await
    }
}
