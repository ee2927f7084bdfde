//! The funding plan of a fiche: what was planned, requested, granted and paid, by whom and when.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::ActionFiche;
use crate::{
    db::{
        Conn,
        listing::{Field, Listed, field, word},
    },
    http::{Content, Resource, Result, Shown, sent},
    noun::{Address, Card, Noun, Of, Operations, Rule, Writing},
    schema::action_fiche_funding_lines,
    values::{Amount, Basis, BasisWords, Count, Day, Id, LongText, Name, ShortText, Vocabulary, Word},
};

/// The words of [`FunderKind`].
#[derive(Debug, Clone)]
pub struct FunderKindWords;

impl Vocabulary for FunderKindWords {
    const NAME: &'static str = "FunderKind";
    const ABOUT: &'static str = "What kind of funder it is (nature du financeur).";
    const WORDS: &'static [(&'static str, &'static str)] = &[
        ("state", "État"),
        ("operator", "Opérateur"),
        ("region", "Région"),
        ("department", "Département"),
        ("intercommunality", "Intercommunalité"),
        ("municipality", "Commune"),
        ("european_union", "Union européenne"),
        ("private", "Privé"),
        ("other", "Autre"),
    ];
}

/// What kind of funder it is (nature du financeur).
pub type FunderKind = Word<FunderKindWords>;

/// The words of [`FundingNature`].
#[derive(Debug, Clone)]
pub struct FundingNatureWords;

impl Vocabulary for FundingNatureWords {
    const NAME: &'static str = "FundingNature";
    const ABOUT: &'static str = "What kind of support is given (nature du financement).";
    const WORDS: &'static [(&'static str, &'static str)] = &[
        ("grant", "Subvention"),
        ("loan", "Prêt"),
        ("repayable_advance", "Avance remboursable"),
        ("own_funds", "Autofinancement"),
        ("engineering", "Ingénierie"),
        ("other", "Autre"),
    ];
}

/// What kind of support is given (nature du financement).
pub type FundingNature = Word<FundingNatureWords>;

/// A funding line (ligne du plan de financement). An unknown amount is null; no money is 0.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = action_fiche_funding_lines, check_for_backend(diesel::pg::Pg))]
#[schema(as = FundingLine)]
pub struct FundingLine {
    pub id: Id,
    /// The action fiche that this belongs to (fiche action).
    pub action_fiche_id: Id,
    pub funder: FunderKind,
    /// The partner that funds (financeur).
    pub partner_id: Option<Id>,
    /// The support tool that the money comes from (outil).
    pub support_tool_id: Option<Id>,
    pub nature: FundingNature,
    /// The name of the line (libellé).
    pub label: Option<Name>,
    /// The year that the amounts are for (année).
    pub year: Option<Count>,
    /// With or without tax (HT, TTC); null when it is unknown.
    pub basis: Option<Basis>,
    /// The planned amount, in euros (prévu).
    pub planned_eur: Option<Amount>,
    /// The requested amount, in euros (demandé).
    pub requested_eur: Option<Amount>,
    /// The day of the request (date de demande).
    pub requested_on: Option<Day>,
    /// The granted amount, in euros (accordé).
    pub granted_eur: Option<Amount>,
    /// The day of the grant (date d'accord).
    pub granted_on: Option<Day>,
    /// The day of the refusal (date de refus).
    pub refused_on: Option<Day>,
    /// The amount paid so far, in euros (versé).
    pub paid_eur: Option<Amount>,
    /// The day of the last payment (date du dernier versement).
    pub paid_on: Option<Day>,
    /// The number of the file at the funder (numéro de dossier).
    pub file_reference: Option<ShortText>,
    pub note: Option<LongText>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for FundingLine {
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
#[diesel(table_name = action_fiche_funding_lines, treat_none_as_default_value = false)]
#[schema(as = NewFundingLine)]
pub struct NewFundingLine {
    funder: FunderKind,
    /// The partner that funds (financeur).
    partner_id: Option<Id>,
    /// The support tool that the money comes from (outil).
    support_tool_id: Option<Id>,
    #[serde(default)]
    nature: FundingNature,
    /// The name of the line (libellé).
    label: Option<Name>,
    /// The year that the amounts are for (année).
    year: Option<Count>,
    /// With or without tax (HT, TTC); null when it is unknown.
    basis: Option<Basis>,
    /// The planned amount, in euros (prévu).
    planned_eur: Option<Amount>,
    /// The requested amount, in euros (demandé).
    requested_eur: Option<Amount>,
    /// The day of the request (date de demande).
    requested_on: Option<Day>,
    /// The granted amount, in euros (accordé).
    granted_eur: Option<Amount>,
    /// The day of the grant (date d'accord).
    granted_on: Option<Day>,
    /// The day of the refusal (date de refus).
    refused_on: Option<Day>,
    /// The amount paid so far, in euros (versé).
    paid_eur: Option<Amount>,
    /// The day of the last payment (date du dernier versement).
    paid_on: Option<Day>,
    /// The number of the file at the funder (numéro de dossier).
    file_reference: Option<ShortText>,
    note: Option<LongText>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = action_fiche_funding_lines)]
#[schema(as = FundingLinePatch)]
pub struct FundingLinePatch {
    funder: Option<FunderKind>,
    /// The partner that funds (financeur).
    partner_id: Option<Option<Id>>,
    /// The support tool that the money comes from (outil).
    support_tool_id: Option<Option<Id>>,
    nature: Option<FundingNature>,
    /// The name of the line (libellé).
    label: Option<Option<Name>>,
    /// The year that the amounts are for (année).
    year: Option<Option<Count>>,
    /// With or without tax (HT, TTC); null when it is unknown.
    basis: Option<Option<Basis>>,
    /// The planned amount, in euros (prévu).
    planned_eur: Option<Option<Amount>>,
    /// The requested amount, in euros (demandé).
    requested_eur: Option<Option<Amount>>,
    /// The day of the request (date de demande).
    requested_on: Option<Option<Day>>,
    /// The granted amount, in euros (accordé).
    granted_eur: Option<Option<Amount>>,
    /// The day of the grant (date d'accord).
    granted_on: Option<Option<Day>>,
    /// The day of the refusal (date de refus).
    refused_on: Option<Option<Day>>,
    /// The amount paid so far, in euros (versé).
    paid_eur: Option<Option<Amount>>,
    /// The day of the last payment (date du dernier versement).
    paid_on: Option<Option<Day>>,
    /// The number of the file at the funder (numéro de dossier).
    file_reference: Option<Option<ShortText>>,
    note: Option<Option<LongText>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        word::<FunderKindWords, _>(action_fiche_funding_lines::funder),
        field(action_fiche_funding_lines::partner_id),
        field(action_fiche_funding_lines::support_tool_id),
        word::<FundingNatureWords, _>(action_fiche_funding_lines::nature),
        field(action_fiche_funding_lines::year).sorted(),
        word::<BasisWords, _>(action_fiche_funding_lines::basis),
        field(action_fiche_funding_lines::planned_eur).sorted(),
        field(action_fiche_funding_lines::requested_eur).sorted(),
        field(action_fiche_funding_lines::requested_on).sorted(),
        field(action_fiche_funding_lines::granted_eur).sorted(),
        field(action_fiche_funding_lines::granted_on).sorted(),
        field(action_fiche_funding_lines::refused_on).sorted(),
        field(action_fiche_funding_lines::paid_eur).sorted(),
        field(action_fiche_funding_lines::paid_on).sorted(),
        field(action_fiche_funding_lines::created_at).sorted(),
        field(action_fiche_funding_lines::updated_at).sorted(),
    ]
});

impl Listed for FundingLine {
    type Table = action_fiche_funding_lines::table;
    type Key = action_fiche_funding_lines::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for FundingLine {
    type View = Self;
    const ORDER: &'static str = "";
}

impl Noun for FundingLine {
    const CARD: Card = Card {
        table: "action_fiche_funding_lines",
        one: "action_fiche_funding_line",
        a: "a funding line of an action fiche",
        all: "the funding lines of an action fiche",
        rules: &[
            Rule("paid", "/paid_eur", "No more is paid than was granted.", "Le versé ne dépasse pas l'accordé."),
            Rule("granted_first", "/granted_eur", "What is paid was granted.", "Ce qui est versé a été accordé."),
            Rule("dates", "", "It is asked, then granted or refused, then paid.", "On demande, puis on accorde ou refuse, puis on verse."),
        ],
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing::WHOLE;
    type Whole = Of<ActionFiche, action_fiche_funding_lines::action_fiche_id>;
    type Right = Content;
    type New = NewFundingLine;
    type Patch = FundingLinePatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        action_fiche_funding_lines::table
            .find(at.id)
            .filter(action_fiche_funding_lines::action_fiche_id.eq(at.whole))
            .select(Self::as_select())
            .first(conn)
            .await
    }
    async fn insert(at: Address<Self>, new: &NewFundingLine, conn: &mut Conn) -> Result<Self> {
        let row = (action_fiche_funding_lines::id.eq(at.id), action_fiche_funding_lines::action_fiche_id.eq(at.whole), new);
        Ok(diesel::insert_into(action_fiche_funding_lines::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &FundingLinePatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(action_fiche_funding_lines::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(action_fiche_funding_lines::table.find(at.id)).execute(conn).await
    }
}
