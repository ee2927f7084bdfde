//! The bodies that approved an agreement, or did not approve it.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Agreement;
use crate::{
    db::{
        Conn,
        listing::{Field, Listed, field, word},
    },
    http::{Content, Resource, Result, Shown, sent},
    noun::{Address, Card, Noun, Of, Operations, Rule, Writing},
    schema::agreement_approvals,
    values::{Confidence, ConfidenceWords, Day, Id, LongText, Precision, PrecisionWords, ShortText, Vocabulary, Word},
};

/// The words of [`ApprovalOutcome`].
#[derive(Debug, Clone)]
pub struct ApprovalOutcomeWords;

impl Vocabulary for ApprovalOutcomeWords {
    const NAME: &'static str = "ApprovalOutcome";
    const ABOUT: &'static str = "The decision of a body on an agreement (issue).";
    const WORDS: &'static [(&'static str, &'static str)] = &[
        ("pending", "En attente"),
        ("approved", "Approuvé"),
        ("reserved", "Approuvé sous réserve"),
        ("rejected", "Rejeté"),
        ("unknown", "Inconnue"),
    ];
}

/// The decision of a body on an agreement (issue).
pub type ApprovalOutcome = Word<ApprovalOutcomeWords>;

/// The approval of an agreement by a body, such as the region (approbation).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = agreement_approvals, check_for_backend(diesel::pg::Pg))]
#[schema(as = AgreementApproval)]
pub struct Approval {
    pub id: Id,
    /// The agreement that this belongs to (acte).
    pub agreement_id: Id,
    /// The body that decided, when it is a partner (instance).
    pub partner_id: Option<Id>,
    /// The body that decided, when it is a committee (instance).
    pub committee_id: Option<Id>,
    /// The day of the decision, as the service reads the source (date de décision).
    pub approved_on: Option<Day>,
    /// The same date, in the words of the source (date telle que la source la donne).
    pub approved_stated: Option<ShortText>,
    /// How exact the date is in the source (précision): a day, a month, a season, a year.
    pub approved_precision: Option<Precision>,
    /// How sure the reading of the source's words is (fiabilité).
    pub approved_confidence: Option<Confidence>,
    pub outcome: ApprovalOutcome,
    pub note: Option<LongText>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Approval {
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
#[diesel(table_name = agreement_approvals, treat_none_as_default_value = false)]
#[schema(as = NewAgreementApproval)]
pub struct NewApproval {
    /// The body that decided, when it is a partner (instance).
    partner_id: Option<Id>,
    /// The body that decided, when it is a committee (instance).
    committee_id: Option<Id>,
    /// The day of the decision, as the service reads the source (date de décision).
    approved_on: Option<Day>,
    /// The same date, in the words of the source (date telle que la source la donne).
    approved_stated: Option<ShortText>,
    /// How exact the date is in the source (précision): a day, a month, a season, a year.
    approved_precision: Option<Precision>,
    /// How sure the reading of the source's words is (fiabilité).
    approved_confidence: Option<Confidence>,
    outcome: ApprovalOutcome,
    note: Option<LongText>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = agreement_approvals)]
#[schema(as = AgreementApprovalPatch)]
pub struct ApprovalPatch {
    /// The body that decided, when it is a partner (instance).
    partner_id: Option<Option<Id>>,
    /// The body that decided, when it is a committee (instance).
    committee_id: Option<Option<Id>>,
    /// The day of the decision, as the service reads the source (date de décision).
    approved_on: Option<Option<Day>>,
    /// The same date, in the words of the source (date telle que la source la donne).
    approved_stated: Option<Option<ShortText>>,
    /// How exact the date is in the source (précision): a day, a month, a season, a year.
    approved_precision: Option<Option<Precision>>,
    /// How sure the reading of the source's words is (fiabilité).
    approved_confidence: Option<Option<Confidence>>,
    outcome: Option<ApprovalOutcome>,
    note: Option<Option<LongText>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(agreement_approvals::partner_id),
        field(agreement_approvals::committee_id),
        field(agreement_approvals::approved_on).sorted(),
        word::<PrecisionWords, _>(agreement_approvals::approved_precision),
        word::<ConfidenceWords, _>(agreement_approvals::approved_confidence),
        word::<ApprovalOutcomeWords, _>(agreement_approvals::outcome),
        field(agreement_approvals::created_at).sorted(),
        field(agreement_approvals::updated_at).sorted(),
    ]
});

impl Listed for Approval {
    type Table = agreement_approvals::table;
    type Key = agreement_approvals::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Approval {
    type View = Self;
    const ORDER: &'static str = "";
}

impl Noun for Approval {
    const CARD: Card = Card {
        table: "agreement_approvals",
        one: "agreement_approval",
        a: "an approval of an agreement",
        all: "the approvals of an agreement",
        rules: &[Rule::STATED, Rule("body", "", "The body is a partner or a committee.", "L'instance est un partenaire ou un comité.")],
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing::WHOLE;
    type Whole = Of<Agreement, agreement_approvals::agreement_id>;
    type Right = Content;
    type New = NewApproval;
    type Patch = ApprovalPatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        agreement_approvals::table.find(at.id).filter(agreement_approvals::agreement_id.eq(at.whole)).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewApproval, conn: &mut Conn) -> Result<Self> {
        let row = (agreement_approvals::id.eq(at.id), agreement_approvals::agreement_id.eq(at.whole), new);
        Ok(diesel::insert_into(agreement_approvals::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &ApprovalPatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(agreement_approvals::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(agreement_approvals::table.find(at.id)).execute(conn).await
    }
}
