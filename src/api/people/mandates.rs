//! The functions of a person, past and present. A person often has several at once.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Person;
use crate::{
    db::{
        Conn,
        listing::{Field, Listed, field, period},
    },
    http::{Decisions, Resource, Result, Shown, sent},
    noun::{Address, Card, Noun, Of, Operations, Rule, Writing},
    schema::person_mandates,
    values::{Day, Id, LongText, ShortText},
};

/// A function of a person at a partner (mandat, fonction).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = person_mandates, check_for_backend(diesel::pg::Pg))]
#[schema(as = PersonMandate)]
pub struct Mandate {
    pub id: Id,
    /// The person that this belongs to (personne).
    pub person_id: Id,
    /// The partner where the person has the function (organisme); null for a function at no partner.
    pub partner_id: Option<Id>,
    /// The function, in the words of the source (fonction).
    pub function: ShortText,
    pub starts_on: Option<Day>,
    pub ends_on: Option<Day>,
    pub note: Option<LongText>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
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

/// The body of a request that creates one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = person_mandates, treat_none_as_default_value = false)]
#[schema(as = NewPersonMandate)]
pub struct NewMandate {
    /// The partner where the person has the function (organisme); null for a function at no partner.
    partner_id: Option<Id>,
    /// The function, in the words of the source (fonction).
    function: ShortText,
    starts_on: Option<Day>,
    ends_on: Option<Day>,
    note: Option<LongText>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = person_mandates)]
#[schema(as = PersonMandatePatch)]
pub struct MandatePatch {
    /// The partner where the person has the function (organisme); null for a function at no partner.
    partner_id: Option<Option<Id>>,
    /// The function, in the words of the source (fonction).
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

impl Noun for Mandate {
    const CARD: Card = Card {
        table: "person_mandates",
        one: "person_mandate",
        a: "a mandate of a person",
        all: "the mandates of a person",
        erased: &["function", "note"],
        rules: &[Rule::period("period")],
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing::WHOLE;
    type Whole = Of<Person, person_mandates::person_id>;
    type Right = Decisions;
    type New = NewMandate;
    type Patch = MandatePatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        person_mandates::table.find(at.id).filter(person_mandates::person_id.eq(at.whole)).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewMandate, conn: &mut Conn) -> Result<Self> {
        let row = (person_mandates::id.eq(at.id), person_mandates::person_id.eq(at.whole), new);
        Ok(diesel::insert_into(person_mandates::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &MandatePatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(person_mandates::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(person_mandates::table.find(at.id)).execute(conn).await
    }
}
