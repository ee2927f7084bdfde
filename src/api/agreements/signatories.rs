//! Who signs an agreement and for which partner, or is present at the signature.

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
    http::{Content, Resource, Result, Shown, Views, sent},
    noun::{Address, Card, Naming, Noun, Of, Operations, Rule, Writing},
    rights::{self, Reach},
    schema::agreement_signatories,
    values::{Day, Id, ShortText, Vocabulary, Word},
};

/// The words of [`SigningCapacity`].
#[derive(Debug, Clone)]
pub struct SigningCapacityWords;

impl Vocabulary for SigningCapacityWords {
    const NAME: &'static str = "SigningCapacity";
    const ABOUT: &'static str = "The capacity of a person at a signature (qualité).";
    const WORDS: &'static [(&'static str, &'static str)] = &[("signs", "Signe"), ("signs_for", "Signe pour"), ("in_presence_of", "En présence de")];
}

/// The capacity of a person at a signature (qualité).
pub type SigningCapacity = Word<SigningCapacityWords>;

/// A signatory of an agreement (signataire), or somebody who was present at the signature.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = agreement_signatories, check_for_backend(diesel::pg::Pg))]
#[schema(as = AgreementSignatory)]
pub struct Signatory {
    pub id: Id,
    /// The agreement that this belongs to (acte).
    pub agreement_id: Id,
    /// The person (personne). The spelling of the name on the deed is kept among the `variants` of the person, so that it is erased with
    /// the person.
    pub person_id: Option<Id>,
    /// The partner that the person stands for; the participating partner itself when no person is named (organisme).
    pub partner_id: Option<Id>,
    /// The function, in the words of the deed or of the source (fonction, qualité).
    pub function: Option<ShortText>,
    pub capacity: SigningCapacity,
    /// The name of the partner on the deed (nom de l'organisme).
    pub organisation_as_stated: Option<ShortText>,
    /// The day on which this signatory signed, when it is not the day of the agreement.
    pub signed_on: Option<Day>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Signatory {
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
#[diesel(table_name = agreement_signatories, treat_none_as_default_value = false)]
#[schema(as = NewAgreementSignatory)]
pub struct NewSignatory {
    /// The person (personne); null when no person is named.
    person_id: Option<Id>,
    /// The partner that the person stands for; the participating partner itself when no person is named (organisme).
    partner_id: Option<Id>,
    /// The function, in the words of the deed or of the source (fonction, qualité).
    function: Option<ShortText>,
    capacity: SigningCapacity,
    /// The name of the partner on the deed (nom de l'organisme).
    organisation_as_stated: Option<ShortText>,
    /// The day on which this signatory signed, when it is not the day of the agreement.
    signed_on: Option<Day>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = agreement_signatories)]
#[schema(as = AgreementSignatoryPatch)]
pub struct SignatoryPatch {
    /// The person (personne); null when no person is named.
    person_id: Option<Option<Id>>,
    /// The partner that the person stands for; the participating partner itself when no person is named (organisme).
    partner_id: Option<Option<Id>>,
    /// The function, in the words of the deed or of the source (fonction, qualité).
    function: Option<Option<ShortText>>,
    capacity: Option<SigningCapacity>,
    /// The name of the partner on the deed (nom de l'organisme).
    organisation_as_stated: Option<Option<ShortText>>,
    /// The day on which this signatory signed, when it is not the day of the agreement.
    signed_on: Option<Option<Day>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(agreement_signatories::person_id).personal(agreement_signatories::id),
        field(agreement_signatories::partner_id),
        word::<SigningCapacityWords, _>(agreement_signatories::capacity),
        field(agreement_signatories::signed_on).sorted(),
        field(agreement_signatories::created_at).sorted(),
        field(agreement_signatories::updated_at).sorted(),
    ]
});

impl Listed for Signatory {
    type Table = agreement_signatories::table;
    type Key = agreement_signatories::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Signatory {
    type View = Self;
    const ORDER: &'static str = "";

    async fn veil(views: &mut Views<Self>, reach: &Reach, conn: &mut Conn) -> Result<()> {
        Ok(rights::veil(views.iter_mut().map(|(id, row)| (*id, &mut row.person_id)), reach, conn).await?)
    }
}

impl Noun for Signatory {
    const CARD: Card = Card {
        table: "agreement_signatories",
        one: "agreement_signatory",
        a: "a signatory of an agreement",
        all: "the signatories of an agreement",
        erased: &["function"],
        rules: &[Rule::ATTENDED],
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing::WHOLE;
    const NAMES: &'static [Naming<Self>] = &[Naming::<Self>::person(|new| new.person_id, |patch| patch.person_id.flatten())];
    type Whole = Of<Agreement, agreement_signatories::agreement_id>;
    type Right = Content;
    type New = NewSignatory;
    type Patch = SignatoryPatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        agreement_signatories::table.find(at.id).filter(agreement_signatories::agreement_id.eq(at.whole)).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewSignatory, conn: &mut Conn) -> Result<Self> {
        let row = (agreement_signatories::id.eq(at.id), agreement_signatories::agreement_id.eq(at.whole), new);
        Ok(diesel::insert_into(agreement_signatories::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &SignatoryPatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(agreement_signatories::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(agreement_signatories::table.find(at.id)).execute(conn).await
    }
}
