//! The fiches of an agreement: together they are its plan, on any day.

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
        listing::{Field, Listed, Scope, field, period, word},
    },
    http::{Content, Resource, Result, Shown, sent},
    noun::{Address, Card, Naming, Noun, Of, Operations, Rule, Writing},
    rights::{self, Reach},
    schema::agreement_fiches,
    values::{Commitment, CommitmentWords, Count, Day, Id},
};

/// A fiche of an agreement (fiche action au contrat), with its number and its commitment in this agreement.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = agreement_fiches, check_for_backend(diesel::pg::Pg))]
#[schema(as = AgreementFiche)]
pub struct AgreementFiche {
    pub id: Id,
    /// The agreement that this belongs to (acte).
    pub agreement_id: Id,
    /// The action fiche. The same fiche may be in several agreements.
    pub action_fiche_id: Id,
    /// The number of the fiche in the agreement (numéro).
    pub number: Option<Count>,
    pub commitment: Commitment,
    /// The first day on which the fiche is in the plan, included; null: from the beginning of the plan.
    pub starts_on: Option<Day>,
    /// The last day on which the fiche is in the plan, included; null: to the end of the plan.
    pub ends_on: Option<Day>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for AgreementFiche {
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
#[diesel(table_name = agreement_fiches, treat_none_as_default_value = false)]
#[schema(as = NewAgreementFiche)]
pub struct NewAgreementFiche {
    /// The action fiche. The same fiche may be in several agreements.
    action_fiche_id: Id,
    /// The number of the fiche in the agreement (numéro).
    number: Option<Count>,
    #[serde(default)]
    commitment: Commitment,
    /// The first day on which the fiche is in the plan, included; null: from the beginning of the plan.
    starts_on: Option<Day>,
    /// The last day on which the fiche is in the plan, included; null: to the end of the plan.
    ends_on: Option<Day>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = agreement_fiches)]
#[schema(as = AgreementFichePatch)]
pub struct AgreementFichePatch {
    /// The number of the fiche in the agreement (numéro).
    number: Option<Option<Count>>,
    commitment: Option<Commitment>,
    /// The first day on which the fiche is in the plan, included; null: from the beginning of the plan.
    starts_on: Option<Option<Day>>,
    /// The last day on which the fiche is in the plan, included; null: to the end of the plan.
    ends_on: Option<Option<Day>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(agreement_fiches::action_fiche_id),
        field(agreement_fiches::number).sorted(),
        word::<CommitmentWords, _>(agreement_fiches::commitment),
        field(agreement_fiches::starts_on).sorted(),
        field(agreement_fiches::ends_on).sorted(),
        period("on", agreement_fiches::starts_on, agreement_fiches::ends_on),
        field(agreement_fiches::created_at).sorted(),
        field(agreement_fiches::updated_at).sorted(),
    ]
});

impl Listed for AgreementFiche {
    type Table = agreement_fiches::table;
    type Key = agreement_fiches::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for AgreementFiche {
    type View = Self;
    const ORDER: &'static str = "number";

    fn scope(reach: &Reach) -> Option<Scope<agreement_fiches::table>> {
        rights::of_visible_fiche(agreement_fiches::action_fiche_id, reach)
    }
}

impl Noun for AgreementFiche {
    const CARD: Card = Card {
        table: "agreement_fiches",
        one: "agreement_fiche",
        a: "a fiche of an agreement",
        all: "the fiches of an agreement",
        rules: &[Rule::period("period")],
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing::WHOLE;
    const NAMES: &'static [Naming<Self>] = &[Naming::<Self>::fiche(|new| Some(new.action_fiche_id), |_| None)];
    type Whole = Of<Agreement, agreement_fiches::agreement_id>;
    type Right = Content;
    type New = NewAgreementFiche;
    type Patch = AgreementFichePatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        agreement_fiches::table.find(at.id).filter(agreement_fiches::agreement_id.eq(at.whole)).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewAgreementFiche, conn: &mut Conn) -> Result<Self> {
        let row = (agreement_fiches::id.eq(at.id), agreement_fiches::agreement_id.eq(at.whole), new);
        Ok(diesel::insert_into(agreement_fiches::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &AgreementFichePatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(agreement_fiches::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(agreement_fiches::table.find(at.id)).execute(conn).await
    }
}
