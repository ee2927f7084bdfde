//! Agreements: protocols, contracts, conventions and their amendments: who signed, who approved, what they hold.

mod approvals;
mod fiches;
mod signatories;

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use diesel::{dsl::sql, prelude::*, sql_types::Bool};
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use self::approvals::{Approval, NewApproval};
use self::fiches::{AgreementFiche, NewAgreementFiche};
use self::signatories::{NewSignatory, Signatory};
use crate::{
    db::{
        Conn, TODAY,
        listing::{Field, Listed, field, period, word},
    },
    http::{Along, Content, Resource, Result, Shown, sent},
    noun::{Address, Alone, Card, Face, Noun, Operations, Parts, Rule, Writing},
    rights::Place,
    schema::{agreement_approvals, agreement_fiches, agreement_signatories, agreements},
    values::{
        Commitment, CommuneCode, Confidence, ConfidenceWords, Count, Day, Id, LongText, Many, Name, Precision, PrecisionWords, ShortText, Vocabulary,
        Word,
    },
};

/// The words of [`AgreementKind`].
#[derive(Debug, Clone)]
pub struct AgreementKindWords;

impl Vocabulary for AgreementKindWords {
    const NAME: &'static str = "AgreementKind";
    const ABOUT: &'static str = "What an agreement is (nature de l'acte).";
    const WORDS: &'static [(&'static str, &'static str)] =
        &[("protocol", "Protocole"), ("contract", "Contrat"), ("convention", "Convention"), ("amendment", "Avenant")];
}

/// What an agreement is (nature de l'acte).
pub type AgreementKind = Word<AgreementKindWords>;

/// The words of [`AgreementStatus`].
#[derive(Debug, Clone)]
pub struct AgreementStatusWords;

impl Vocabulary for AgreementStatusWords {
    const NAME: &'static str = "AgreementStatus";
    const ABOUT: &'static str = "Where an agreement stands (état de l'acte).";
    const WORDS: &'static [(&'static str, &'static str)] =
        &[("planned", "Prévu"), ("signed", "Signé"), ("in_force", "En vigueur"), ("ended", "Échu"), ("cancelled", "Abandonné")];
}

/// Where an agreement stands (état de l'acte).
pub type AgreementStatus = Word<AgreementStatusWords>;

/// An agreement (protocole, contrat, convention, avenant): a deed that is signed, or is to be.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = agreements, check_for_backend(diesel::pg::Pg))]
pub struct Agreement {
    pub id: Id,
    pub title: Name,
    pub kind: AgreementKind,
    /// The word that the source uses; sources mix them.
    pub kind_as_called: Option<ShortText>,
    /// Its territory.
    pub territory_id: Id,
    /// The phase of the programme it is of.
    pub phase_id: Option<Id>,
    /// The agreement that it specifies or amends.
    pub parent_id: Option<Id>,
    pub status: AgreementStatus,
    /// The day it was signed, or is to be, as it is understood.
    pub signed_on: Option<Day>,
    /// The same, as the source says it.
    pub signed_stated: Option<ShortText>,
    /// How much of it the source tells.
    pub signed_precision: Option<Precision>,
    /// How sure it is what it means.
    pub signed_confidence: Option<Confidence>,
    /// Where it was signed.
    pub place: Option<ShortText>,
    /// In which commune.
    pub commune_code: Option<CommuneCode>,
    /// The first day of its plan.
    pub starts_on: Option<Day>,
    /// The last day of its plan.
    pub ends_on: Option<Day>,
    /// The same period, as the source says it.
    pub period_stated: Option<ShortText>,
    /// How much of its two days the source tells.
    pub period_precision: Option<Precision>,
    /// How many fiches the source says it has; `counts` tells how many are known.
    pub declared_fiches: Option<Count>,
    /// How many of them the source says are firmly undertaken.
    pub declared_firm: Option<Count>,
    pub note: Option<LongText>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Agreement {
    fn id(&self) -> Id {
        self.id
    }
    fn version(&self) -> i32 {
        self.version
    }
}

/// What is known of an agreement's fiches, beside what it declares. A commitment that nobody states is unknown: it is not none.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = AgreementCounts)]
pub struct Counts {
    /// As its source says it.
    declared_fiches: Option<Count>,
    /// How many are in it today, as far as the caller sees them.
    fiches: i64,
    /// How many firm commitments its source declares.
    declared_firm: Option<Count>,
    /// How many are firm.
    firm: i64,
    /// How many are an intention.
    intention: i64,
    /// How many are not said to be one or the other.
    unknown: i64,
}

/// An agreement, with what was asked along.
#[serde_with::apply(Option => #[serde(skip_serializing_if = "Option::is_none")])]
#[derive(Debug, Serialize, ToSchema)]
pub struct AgreementView {
    #[serde(flatten)]
    agreement: Agreement,
    /// Who signed, and who was there.
    signatories: Option<Vec<Signatory>>,
    /// Which bodies approved it.
    approvals: Option<Vec<Approval>>,
    /// Its fiches, of all dates.
    fiches: Option<Vec<AgreementFiche>>,
    /// What it declares and what is known, side by side.
    counts: Option<Counts>,
}

impl From<Agreement> for AgreementView {
    fn from(agreement: Agreement) -> Self {
        Self { agreement, signatories: None, approvals: None, fiches: None, counts: None }
    }
}

/// What it takes to make one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = agreements, treat_none_as_default_value = false)]
pub struct NewAgreement {
    title: Name,
    kind: AgreementKind,
    /// The word that the source uses; sources mix them.
    kind_as_called: Option<ShortText>,
    /// Its territory.
    territory_id: Id,
    /// The phase of the programme it is of.
    phase_id: Option<Id>,
    /// The agreement that it specifies or amends.
    parent_id: Option<Id>,
    status: AgreementStatus,
    /// The day it was signed, or is to be, as it is understood.
    signed_on: Option<Day>,
    /// The same, as the source says it.
    signed_stated: Option<ShortText>,
    /// How much of it the source tells.
    signed_precision: Option<Precision>,
    /// How sure it is what it means.
    signed_confidence: Option<Confidence>,
    /// Where it was signed.
    place: Option<ShortText>,
    /// In which commune.
    commune_code: Option<CommuneCode>,
    /// The first day of its plan.
    starts_on: Option<Day>,
    /// The last day of its plan.
    ends_on: Option<Day>,
    /// The same period, as the source says it.
    period_stated: Option<ShortText>,
    /// How much of its two days the source tells.
    period_precision: Option<Precision>,
    /// How many fiches the source says it has; `counts` tells how many are known.
    declared_fiches: Option<Count>,
    /// How many of them the source says are firmly undertaken.
    declared_firm: Option<Count>,
    note: Option<LongText>,
    /// Who signed, and who was there.
    #[serde(default)]
    #[diesel(skip_insertion)]
    signatories: Many<NewSignatory>,
    /// Which bodies approved it.
    #[serde(default)]
    #[diesel(skip_insertion)]
    approvals: Many<NewApproval>,
    /// Its fiches, of all dates.
    #[serde(default)]
    #[diesel(skip_insertion)]
    fiches: Many<NewAgreementFiche>,
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = agreements)]
pub struct AgreementPatch {
    title: Option<Name>,
    kind: Option<AgreementKind>,
    /// The word that the source uses; sources mix them.
    kind_as_called: Option<Option<ShortText>>,
    /// The phase of the programme it is of.
    phase_id: Option<Option<Id>>,
    /// The agreement that it specifies or amends.
    parent_id: Option<Option<Id>>,
    status: Option<AgreementStatus>,
    /// The day it was signed, or is to be, as it is understood.
    signed_on: Option<Option<Day>>,
    /// The same, as the source says it.
    signed_stated: Option<Option<ShortText>>,
    /// How much of it the source tells.
    signed_precision: Option<Option<Precision>>,
    /// How sure it is what it means.
    signed_confidence: Option<Option<Confidence>>,
    /// Where it was signed.
    place: Option<Option<ShortText>>,
    /// In which commune.
    commune_code: Option<Option<CommuneCode>>,
    /// The first day of its plan.
    starts_on: Option<Option<Day>>,
    /// The last day of its plan.
    ends_on: Option<Option<Day>>,
    /// The same period, as the source says it.
    period_stated: Option<Option<ShortText>>,
    /// How much of its two days the source tells.
    period_precision: Option<Option<Precision>>,
    /// How many fiches the source says it has; `counts` tells how many are known.
    declared_fiches: Option<Option<Count>>,
    /// How many of them the source says are firmly undertaken.
    declared_firm: Option<Option<Count>>,
    note: Option<Option<LongText>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(agreements::search),
        field(agreements::title).sorted(),
        word::<AgreementKindWords, _>(agreements::kind).sorted(),
        field(agreements::territory_id),
        field(agreements::phase_id),
        field(agreements::parent_id),
        word::<AgreementStatusWords, _>(agreements::status).sorted(),
        field(agreements::signed_on).sorted(),
        word::<PrecisionWords, _>(agreements::signed_precision),
        word::<ConfidenceWords, _>(agreements::signed_confidence),
        field(agreements::commune_code),
        field(agreements::starts_on).sorted(),
        field(agreements::ends_on).sorted(),
        word::<PrecisionWords, _>(agreements::period_precision),
        field(agreements::declared_fiches).sorted(),
        field(agreements::declared_firm).sorted(),
        period("on", agreements::starts_on, agreements::ends_on),
        field(agreement_signatories::partner_id)
            .linked(agreement_signatories::agreement_id, agreements::id)
            .named("partner_id", "Which this partner signed, or saw signed."),
        field(agreement_fiches::action_fiche_id)
            .linked(agreement_fiches::agreement_id, agreements::id)
            .of_fiche()
            .named("action_fiche_id", "Which have this fiche."),
        field(agreements::created_at).sorted(),
        field(agreements::updated_at).sorted(),
    ]
});

impl Listed for Agreement {
    type Table = agreements::table;
    type Key = agreements::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Agreement {
    type View = AgreementView;
    const INCLUDES: &'static [(&'static str, &'static str)] = &[
        ("signatories", "Who signed, and who was there."),
        ("approvals", "Which bodies approved it."),
        ("fiches", "Its fiches, of all dates."),
        ("counts", "How many fiches it declares, and how many are known, by commitment."),
    ];
    const ORDER: &'static str = "-signed_on";

    async fn include(along: &mut Along<'_, AgreementView>) -> Result<()> {
        along.parts("signatories", agreement_signatories::agreement_id, |row: &Signatory| row.agreement_id, |view| &mut view.signatories).await?;
        along.parts("approvals", agreement_approvals::agreement_id, |row: &Approval| row.agreement_id, |view| &mut view.approvals).await?;
        along.parts("fiches", agreement_fiches::agreement_id, |row: &AgreementFiche| row.agreement_id, |view| &mut view.fiches).await?;
        if along.wants("counts") {
            let today = sql::<Bool>(&format!("coalesce(starts_on, '-infinity') <= {TODAY} AND coalesce(ends_on, 'infinity') >= {TODAY}"));
            let mut rows = agreement_fiches::table.filter(agreement_fiches::agreement_id.eq_any(along.ids()).and(today)).into_boxed();
            if let Some(scope) = AgreementFiche::scope(along.reach) {
                rows = rows.filter(scope);
            }
            let rows: Vec<(Id, Commitment)> = rows.select((agreement_fiches::agreement_id, agreement_fiches::commitment)).load(along.conn).await?;
            for (id, view) in along.views.iter_mut() {
                let (declared_fiches, declared_firm) = (view.agreement.declared_fiches, view.agreement.declared_firm);
                let mut counts = Counts { declared_fiches, declared_firm, fiches: 0, firm: 0, intention: 0, unknown: 0 };
                for (_, commitment) in rows.iter().filter(|(of, _)| of == id) {
                    counts.fiches += 1;
                    match commitment.code() {
                        "firm" => counts.firm += 1,
                        "intention" => counts.intention += 1,
                        _ => counts.unknown += 1,
                    }
                }
                view.counts = Some(counts);
            }
        }
        Ok(())
    }
}

impl Noun for Agreement {
    const CARD: Card = Card {
        table: "agreements",
        one: "agreement",
        a: "an agreement",
        all: "agreements",
        about: "Agreements with signatories, approvals and fiches (protocoles, contrats, conventions, avenants).",
        places: &["territory_id"],
        rules: &[Rule::period("period"), Rule::PARENT, Rule::STATED],
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing::at(|agreement| Place::territory(agreement.territory_id), |new| Place::territory(new.territory_id));
    const PARTS: &'static [Face] = &[Face::part::<Signatory>(), Face::part::<Approval>(), Face::part::<AgreementFiche>()];
    type Whole = Alone;
    type Right = Content;
    type New = NewAgreement;
    type Patch = AgreementPatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        agreements::table.find(at.id).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewAgreement, conn: &mut Conn) -> Result<Self> {
        let row = (agreements::id.eq(at.id), new);
        Ok(diesel::insert_into(agreements::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &AgreementPatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(agreements::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(agreements::table.find(at.id)).execute(conn).await
    }
    async fn parts(new: &NewAgreement, parts: &mut Parts<'_>) -> Result<()> {
        parts.take::<Signatory>("signatories", &new.signatories).await?;
        parts.take::<Approval>("approvals", &new.approvals).await?;
        parts.take::<AgreementFiche>("fiches", &new.fiches).await
    }
}
