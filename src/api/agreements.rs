//! Agreements: protocols, contracts, conventions and their amendments, with their signatories, approvals and fiches.

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
        listing::{Field, Listed, code, field, period, word},
    },
    http::{Along, Content, Resource, Result, Shown, sent},
    noun::{Address, Alone, Card, Face, Noun, Operations, Parts, Rule, Writing},
    rights::Place,
    schema::{agreement_approvals, agreement_fiches, agreement_signatories, agreements},
    values::{
        Commitment, CommuneCode, Confidence, ConfidenceWords, Count, Day, Id, LongText, Many, Name, Precision, PrecisionWords, ShortText, Vocabulary,
        Word, rules,
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
    const ABOUT: &'static str = "The state of an agreement (état de l'acte).";
    const WORDS: &'static [(&'static str, &'static str)] =
        &[("planned", "Prévu"), ("signed", "Signé"), ("in_force", "En vigueur"), ("ended", "Échu"), ("cancelled", "Abandonné")];
}

/// The state of an agreement (état de l'acte).
pub type AgreementStatus = Word<AgreementStatusWords>;

/// An agreement (protocole, contrat, convention, avenant): a deed that was signed, or that is to be signed.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = agreements, check_for_backend(diesel::pg::Pg))]
pub struct Agreement {
    pub id: Id,
    pub title: Name,
    pub kind: AgreementKind,
    /// The word that the source uses for this kind of deed. Sources mix these words, so it may contradict `kind`.
    pub kind_as_called: Option<ShortText>,
    /// The territory (territoire).
    pub territory_id: Id,
    /// The phase of the programme (phase du programme).
    pub phase_id: Option<Id>,
    /// The agreement that this one specifies or amends (acte modifié).
    pub parent_id: Option<Id>,
    pub status: AgreementStatus,
    /// The day of the signature, past or planned, as the service reads the source (date de signature).
    pub signed_on: Option<Day>,
    /// The same date, in the words of the source (date telle que la source la donne).
    pub signed_stated: Option<ShortText>,
    /// How exact the date is in the source (précision): a day, a month, a season, a year.
    pub signed_precision: Option<Precision>,
    /// How sure the reading of the source's words is (fiabilité).
    pub signed_confidence: Option<Confidence>,
    /// The place of the signature (lieu de signature).
    pub place: Option<ShortText>,
    /// The commune, by its code of the COG (code commune).
    pub commune_code: Option<CommuneCode>,
    /// The first day of the plan of the agreement (début du plan d'actions).
    pub starts_on: Option<Day>,
    /// The last day of the plan of the agreement, included (fin du plan d'actions).
    pub ends_on: Option<Day>,
    /// The same period, in the words of the source (période telle que la source la donne).
    pub period_stated: Option<ShortText>,
    /// How exact the first and the last day are in the source (précision): a day, a month, a season, a year.
    pub period_precision: Option<Precision>,
    /// The number of fiches that the source declares (fiches déclarées). `include=counts` tells how many are known.
    pub declared_fiches: Option<Count>,
    /// The number of fiches with a firm commitment that the source declares (engagement ferme).
    pub declared_firm: Option<Count>,
    pub note: Option<LongText>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
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

/// The known fiches of an agreement, beside the numbers that its source declares. A commitment that no source states is unknown; unknown
/// does not mean that there is none.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = AgreementCounts)]
pub struct Counts {
    /// The number of fiches that the source declares (fiches déclarées).
    declared_fiches: Option<Count>,
    /// The number of fiches in the agreement today, that the caller may see.
    fiches: i64,
    /// The number of firm commitments that the source declares (engagement ferme).
    declared_firm: Option<Count>,
    /// The number of fiches with a firm commitment (engagement ferme).
    firm: i64,
    /// The number of fiches that are an intention only (intention).
    intention: i64,
    /// The number of fiches for which no source states the commitment (inconnu).
    unknown: i64,
}

/// An agreement, with the related things that `include` names.
#[serde_with::apply(Option => #[serde(skip_serializing_if = "Option::is_none")])]
#[derive(Debug, Serialize, ToSchema)]
pub struct AgreementView {
    #[serde(flatten)]
    agreement: Agreement,
    /// Who signed the agreement, and who was present (signataires).
    signatories: Option<Vec<Signatory>>,
    /// The bodies that approved the agreement, or did not (approbations).
    approvals: Option<Vec<Approval>>,
    /// The fiches of the agreement, of all dates (fiches actions).
    fiches: Option<Vec<AgreementFiche>>,
    /// The numbers that the source declares, beside the numbers of known fiches.
    counts: Option<Counts>,
}

impl From<Agreement> for AgreementView {
    fn from(agreement: Agreement) -> Self {
        Self { agreement, signatories: None, approvals: None, fiches: None, counts: None }
    }
}

/// The body of a request that creates one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = agreements, treat_none_as_default_value = false)]
pub struct NewAgreement {
    title: Name,
    kind: AgreementKind,
    /// The word that the source uses for this kind of deed. Sources mix these words, so it may contradict `kind`.
    kind_as_called: Option<ShortText>,
    /// The territory (territoire).
    territory_id: Id,
    /// The phase of the programme (phase du programme).
    phase_id: Option<Id>,
    /// The agreement that this one specifies or amends (acte modifié).
    parent_id: Option<Id>,
    status: AgreementStatus,
    /// The day of the signature, past or planned, as the service reads the source (date de signature).
    signed_on: Option<Day>,
    /// The same date, in the words of the source (date telle que la source la donne).
    signed_stated: Option<ShortText>,
    /// How exact the date is in the source (précision): a day, a month, a season, a year.
    signed_precision: Option<Precision>,
    /// How sure the reading of the source's words is (fiabilité).
    signed_confidence: Option<Confidence>,
    /// The place of the signature (lieu de signature).
    place: Option<ShortText>,
    /// The commune, by its code of the COG (code commune).
    commune_code: Option<CommuneCode>,
    /// The first day of the plan of the agreement (début du plan d'actions).
    starts_on: Option<Day>,
    /// The last day of the plan of the agreement, included (fin du plan d'actions).
    ends_on: Option<Day>,
    /// The same period, in the words of the source (période telle que la source la donne).
    period_stated: Option<ShortText>,
    /// How exact the first and the last day are in the source (précision): a day, a month, a season, a year.
    period_precision: Option<Precision>,
    /// The number of fiches that the source declares (fiches déclarées). `include=counts` tells how many are known.
    declared_fiches: Option<Count>,
    /// The number of fiches with a firm commitment that the source declares (engagement ferme).
    declared_firm: Option<Count>,
    note: Option<LongText>,
    /// Who signed the agreement, and who was present (signataires).
    #[serde(default)]
    #[diesel(skip_insertion)]
    signatories: Many<NewSignatory>,
    /// The bodies that approved the agreement, or did not (approbations).
    #[serde(default)]
    #[diesel(skip_insertion)]
    approvals: Many<NewApproval>,
    /// The fiches of the agreement, of all dates (fiches actions).
    #[serde(default)]
    #[diesel(skip_insertion)]
    fiches: Many<NewAgreementFiche>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = agreements)]
pub struct AgreementPatch {
    title: Option<Name>,
    kind: Option<AgreementKind>,
    /// The word that the source uses for this kind of deed. Sources mix these words, so it may contradict `kind`.
    kind_as_called: Option<Option<ShortText>>,
    /// The phase of the programme (phase du programme).
    phase_id: Option<Option<Id>>,
    /// The agreement that this one specifies or amends (acte modifié).
    parent_id: Option<Option<Id>>,
    status: Option<AgreementStatus>,
    /// The day of the signature, past or planned, as the service reads the source (date de signature).
    signed_on: Option<Option<Day>>,
    /// The same date, in the words of the source (date telle que la source la donne).
    signed_stated: Option<Option<ShortText>>,
    /// How exact the date is in the source (précision): a day, a month, a season, a year.
    signed_precision: Option<Option<Precision>>,
    /// How sure the reading of the source's words is (fiabilité).
    signed_confidence: Option<Option<Confidence>>,
    /// The place of the signature (lieu de signature).
    place: Option<Option<ShortText>>,
    /// The commune, by its code of the COG (code commune).
    commune_code: Option<Option<CommuneCode>>,
    /// The first day of the plan of the agreement (début du plan d'actions).
    starts_on: Option<Option<Day>>,
    /// The last day of the plan of the agreement, included (fin du plan d'actions).
    ends_on: Option<Option<Day>>,
    /// The same period, in the words of the source (période telle que la source la donne).
    period_stated: Option<Option<ShortText>>,
    /// How exact the first and the last day are in the source (précision): a day, a month, a season, a year.
    period_precision: Option<Option<Precision>>,
    /// The number of fiches that the source declares (fiches déclarées). `include=counts` tells how many are known.
    declared_fiches: Option<Option<Count>>,
    /// The number of fiches with a firm commitment that the source declares (engagement ferme).
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
        code::<rules::CommuneCode, _>(agreements::commune_code),
        field(agreements::starts_on).sorted(),
        field(agreements::ends_on).sorted(),
        word::<PrecisionWords, _>(agreements::period_precision),
        field(agreements::declared_fiches).sorted(),
        field(agreements::declared_firm).sorted(),
        period("on", agreements::starts_on, agreements::ends_on),
        field(agreement_signatories::partner_id)
            .linked(agreement_signatories::agreement_id, agreements::id)
            .named("partner_id", "Those that this partner signed, or at whose signature it was present."),
        field(agreement_fiches::action_fiche_id)
            .linked(agreement_fiches::agreement_id, agreements::id)
            .of_fiche()
            .named("action_fiche_id", "Those with this fiche."),
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
        ("signatories", "Who signed, and who was present (signataires)."),
        ("approvals", "The approvals (approbations)."),
        ("fiches", "The fiches, of all dates (fiches actions)."),
        ("counts", "The numbers of declared fiches, and of known fiches by commitment."),
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
