//! Who signs an agreement, for whom, or sees it signed.

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
    const ABOUT: &'static str = "In what capacity someone is at a signature (qualité).";
    const WORDS: &'static [(&'static str, &'static str)] = &[("signs", "Signe"), ("signs_for", "Signe pour"), ("in_presence_of", "En présence de")];
}

/// In what capacity someone is at a signature (qualité).
pub type SigningCapacity = Word<SigningCapacityWords>;

/// A signatory of an agreement (signataire), or who was there when it was signed.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = agreement_signatories, check_for_backend(diesel::pg::Pg))]
#[schema(as = AgreementSignatory)]
pub struct Signatory {
    pub id: Id,
    /// The agreement it is part of.
    pub agreement_id: Id,
    /// Who; how the deed spells the name is one of the person's `variants`, which go with the person.
    pub person_id: Option<Id>,
    /// For which partner; or which partner.
    pub partner_id: Option<Id>,
    /// By which function, as the deed or the source says it.
    pub function: Option<ShortText>,
    pub capacity: SigningCapacity,
    /// What the partner was called on the deed.
    pub organisation_as_stated: Option<ShortText>,
    /// When, if not on the day of the agreement.
    pub signed_on: Option<Day>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
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

/// What it takes to make one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = agreement_signatories, treat_none_as_default_value = false)]
#[schema(as = NewAgreementSignatory)]
pub struct NewSignatory {
    /// Who.
    person_id: Option<Id>,
    /// For which partner; or which partner.
    partner_id: Option<Id>,
    /// By which function, as the deed or the source says it.
    function: Option<ShortText>,
    capacity: SigningCapacity,
    /// What the partner was called on the deed.
    organisation_as_stated: Option<ShortText>,
    /// When, if not on the day of the agreement.
    signed_on: Option<Day>,
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = agreement_signatories)]
#[schema(as = AgreementSignatoryPatch)]
pub struct SignatoryPatch {
    /// Who.
    person_id: Option<Option<Id>>,
    /// For which partner; or which partner.
    partner_id: Option<Option<Id>>,
    /// By which function, as the deed or the source says it.
    function: Option<Option<ShortText>>,
    capacity: Option<SigningCapacity>,
    /// What the partner was called on the deed.
    organisation_as_stated: Option<Option<ShortText>>,
    /// When, if not on the day of the agreement.
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
