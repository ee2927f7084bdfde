//! Partners: the State services, operators, regions, intercommunalities, chambers, companies and associations that take part in the actions
//! of a territory.

mod commitments;
mod merging;

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use self::commitments::{Commitment, NewCommitment};
use crate::{
    db::{
        Conn,
        listing::{Field, Listed, code, field, word},
    },
    http::{Along, Decisions, Resource, Result, Shown, sent},
    ledger::history,
    noun::{Address, Alone, Card, Face, Noun, Operations, Parts, Rule, Where, Writing},
    schema::{partner_commitments, partners},
    values::{Alias, Email, Id, Many, Name, Phone, Siren, Siret, Url, Vocabulary, Word, rules},
};

/// The words of [`PartnerKind`].
#[derive(Debug, Clone)]
pub struct PartnerKindWords;

impl Vocabulary for PartnerKindWords {
    const NAME: &'static str = "PartnerKind";
    const ABOUT: &'static str = "What a partner is (nature du partenaire).";
    const WORDS: &'static [(&'static str, &'static str)] = &[
        ("state_service", "Service de l'État"),
        ("state_operator", "Opérateur de l'État"),
        ("region", "Région"),
        ("department", "Département"),
        ("intercommunality", "Intercommunalité"),
        ("municipality", "Commune"),
        ("chamber", "Chambre consulaire"),
        ("company", "Entreprise"),
        ("association", "Association"),
        ("business_club", "Club d'entreprises"),
        ("training_body", "Organisme de formation"),
        ("cluster", "Pôle de compétitivité"),
        ("union", "Syndicat ou organisation professionnelle"),
        ("research", "Centre de recherche"),
        ("public_body", "Organisme public"),
        ("parliament", "Assemblée parlementaire"),
        ("other", "Autre"),
    ];
}

/// What a partner is (nature du partenaire).
pub type PartnerKind = Word<PartnerKindWords>;

/// A partner of the programme (partenaire).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = partners, check_for_backend(diesel::pg::Pg))]
pub struct Partner {
    pub id: Id,
    /// The usual name (nom d'usage).
    pub name: Name,
    /// The acronym (sigle).
    pub acronym: Option<Name>,
    /// Other names, past or present (autres noms).
    pub aliases: Many<Alias>,
    pub kind: PartnerKind,
    pub siren: Option<Siren>,
    pub siret: Option<Siret>,
    /// The partner that this one is a part of (organisme de rattachement).
    pub parent_id: Option<Id>,
    /// The partner that this one took over from (prédécesseur).
    pub predecessor_id: Option<Id>,
    pub website: Option<Url>,
    /// The contact: a service, never a person (service référent).
    pub contact_service: Option<Name>,
    /// The e-mail address of the contact service.
    pub contact_email: Option<Email>,
    /// The telephone number of the contact service.
    pub contact_phone: Option<Phone>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Partner {
    fn id(&self) -> Id {
        self.id
    }
    fn version(&self) -> i32 {
        self.version
    }
}

/// A partner of the programme, with the related things that `include` names.
#[derive(Debug, Serialize, ToSchema)]
pub struct PartnerView {
    #[serde(flatten)]
    partner: Partner,
    /// The commitments of the partner, one for each territory and undertaking (engagements).
    #[serde(skip_serializing_if = "Option::is_none")]
    commitments: Option<Vec<Commitment>>,
}

impl From<Partner> for PartnerView {
    fn from(partner: Partner) -> Self {
        Self { partner, commitments: None }
    }
}

/// The body of a request that creates one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = partners, treat_none_as_default_value = false)]
pub struct NewPartner {
    /// The usual name (nom d'usage).
    name: Name,
    /// The acronym (sigle).
    acronym: Option<Name>,
    /// Other names, past or present (autres noms).
    #[serde(default)]
    aliases: Many<Alias>,
    kind: PartnerKind,
    siren: Option<Siren>,
    siret: Option<Siret>,
    /// The partner that this one is a part of (organisme de rattachement).
    parent_id: Option<Id>,
    /// The partner that this one took over from (prédécesseur).
    predecessor_id: Option<Id>,
    website: Option<Url>,
    /// The contact: a service, never a person (service référent).
    contact_service: Option<Name>,
    /// The e-mail address of the contact service.
    contact_email: Option<Email>,
    /// The telephone number of the contact service.
    contact_phone: Option<Phone>,
    /// The commitments of the partner, one for each territory and undertaking (engagements).
    #[serde(default)]
    #[diesel(skip_insertion)]
    commitments: Many<NewCommitment>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = partners)]
pub struct PartnerPatch {
    /// The usual name (nom d'usage).
    name: Option<Name>,
    /// The acronym (sigle).
    acronym: Option<Option<Name>>,
    /// Other names, past or present (autres noms).
    aliases: Option<Many<Alias>>,
    kind: Option<PartnerKind>,
    siren: Option<Option<Siren>>,
    siret: Option<Option<Siret>>,
    /// The partner that this one is a part of (organisme de rattachement).
    parent_id: Option<Option<Id>>,
    /// The partner that this one took over from (prédécesseur).
    predecessor_id: Option<Option<Id>>,
    website: Option<Option<Url>>,
    /// The contact: a service, never a person (service référent).
    contact_service: Option<Option<Name>>,
    /// The e-mail address of the contact service.
    contact_email: Option<Option<Email>>,
    /// The telephone number of the contact service.
    contact_phone: Option<Option<Phone>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(partners::search),
        field(partners::name).sorted(),
        word::<PartnerKindWords, _>(partners::kind).sorted(),
        code::<rules::Siren, _>(partners::siren).sorted(),
        code::<rules::Siret, _>(partners::siret),
        field(partners::parent_id),
        field(partners::predecessor_id),
        field(partner_commitments::territory_id)
            .linked(partner_commitments::partner_id, partners::id)
            .named("territory_id", "Those with a commitment in this territory."),
        field(partners::created_at).sorted(),
        field(partners::updated_at).sorted(),
    ]
});

impl Listed for Partner {
    type Table = partners::table;
    type Key = partners::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Partner {
    type View = PartnerView;
    const INCLUDES: &'static [(&'static str, &'static str)] = &[("commitments", "The commitments (engagements).")];
    const ORDER: &'static str = "name";

    async fn include(along: &mut Along<'_, PartnerView>) -> Result<()> {
        along.parts("commitments", partner_commitments::partner_id, |row: &Commitment| row.partner_id, |view| &mut view.commitments).await
    }
}

impl Noun for Partner {
    const CARD: Card = Card {
        table: "partners",
        one: "partner",
        a: "a partner",
        all: "partners",
        about: "Partners with their commitments (partenaires).",
        rules: &[
            Rule("siret_of_siren", "/siret", "The SIRET is not of this SIREN.", "Le SIRET n'est pas de ce SIREN."),
            Rule::PARENT,
            Rule("predecessor", "/predecessor_id", "A partner is not its own predecessor.", "Un partenaire n'est pas son propre prédécesseur."),
        ],
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing { make: Where::Anywhere, change: Where::Nation, remove: Where::Nation };
    const PARTS: &'static [Face] = &[Face::part::<Commitment>()];
    type Whole = Alone;
    type Right = Decisions;
    type New = NewPartner;
    type Patch = PartnerPatch;

    fn routes(routes: &mut ServiceConfig) {
        merging::routes(routes);
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        partners::table.find(at.id).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewPartner, conn: &mut Conn) -> Result<Self> {
        let row = (partners::id.eq(at.id), new);
        Ok(diesel::insert_into(partners::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &PartnerPatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(partners::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(partners::table.find(at.id)).execute(conn).await
    }
    async fn parts(new: &NewPartner, parts: &mut Parts<'_>) -> Result<()> {
        parts.take::<Commitment>("commitments", &new.commitments).await
    }
    async fn moved(id: Id, conn: &mut Conn) -> Result<Option<Id>> {
        Ok(history::merged_into(id, conn).await?)
    }
}
