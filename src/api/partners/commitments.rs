//! The commitments of a partner in a territory, and the group of partners that it is in there.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Partner;
use crate::{
    db::{
        Conn,
        listing::{Field, Listed, field, period, word},
    },
    http::{Decisions, Resource, Result, Shown, sent},
    noun::{Address, Card, Noun, Of, Operations, Rule, Writing},
    rights::Place,
    schema::partner_commitments,
    values::{Day, Id, LongText, Vocabulary, Word},
};

/// The words of [`CommitmentSide`].
#[derive(Debug, Clone)]
pub struct CommitmentSideWords;

impl Vocabulary for CommitmentSideWords {
    const NAME: &'static str = "CommitmentSide";
    const ABOUT: &'static str = "The group of partners (collège de partenaires).";
    const WORDS: &'static [(&'static str, &'static str)] =
        &[("state", "État et opérateurs"), ("region", "Région"), ("intercommunality", "Intercommunalité"), ("economic", "Partenaires économiques")];
}

/// The group of partners (collège de partenaires).
pub type CommitmentSide = Word<CommitmentSideWords>;

/// A commitment of a partner in a territory (engagement).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = partner_commitments, check_for_backend(diesel::pg::Pg))]
#[schema(as = PartnerCommitment)]
pub struct Commitment {
    pub id: Id,
    /// The partner that this belongs to (partenaire).
    pub partner_id: Id,
    /// The territory (territoire).
    pub territory_id: Id,
    pub side: CommitmentSide,
    /// What the partner undertakes, in the words of the source (engagement).
    pub text: LongText,
    pub starts_on: Option<Day>,
    pub ends_on: Option<Day>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Commitment {
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
#[diesel(table_name = partner_commitments, treat_none_as_default_value = false)]
#[schema(as = NewPartnerCommitment)]
pub struct NewCommitment {
    /// The territory (territoire).
    territory_id: Id,
    side: CommitmentSide,
    /// What the partner undertakes, in the words of the source (engagement).
    text: LongText,
    starts_on: Option<Day>,
    ends_on: Option<Day>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = partner_commitments)]
#[schema(as = PartnerCommitmentPatch)]
pub struct CommitmentPatch {
    side: Option<CommitmentSide>,
    /// What the partner undertakes, in the words of the source (engagement).
    text: Option<LongText>,
    starts_on: Option<Option<Day>>,
    ends_on: Option<Option<Day>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(partner_commitments::territory_id),
        word::<CommitmentSideWords, _>(partner_commitments::side).sorted(),
        field(partner_commitments::starts_on).sorted(),
        field(partner_commitments::ends_on).sorted(),
        period("on", partner_commitments::starts_on, partner_commitments::ends_on),
        field(partner_commitments::created_at).sorted(),
        field(partner_commitments::updated_at).sorted(),
    ]
});

impl Listed for Commitment {
    type Table = partner_commitments::table;
    type Key = partner_commitments::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Commitment {
    type View = Self;
    const ORDER: &'static str = "";
}

impl Noun for Commitment {
    const CARD: Card = Card {
        table: "partner_commitments",
        one: "partner_commitment",
        a: "a commitment of a partner",
        all: "the commitments of a partner",
        rules: &[Rule::period("period")],
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing::at(|commitment| Place::territory(commitment.territory_id), |new| Place::territory(new.territory_id));
    type Whole = Of<Partner, partner_commitments::partner_id>;
    type Right = Decisions;
    type New = NewCommitment;
    type Patch = CommitmentPatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        partner_commitments::table.find(at.id).filter(partner_commitments::partner_id.eq(at.whole)).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewCommitment, conn: &mut Conn) -> Result<Self> {
        let row = (partner_commitments::id.eq(at.id), partner_commitments::partner_id.eq(at.whole), new);
        Ok(diesel::insert_into(partner_commitments::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &CommitmentPatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(partner_commitments::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(partner_commitments::table.find(at.id)).execute(conn).await
    }
}
