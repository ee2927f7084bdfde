//! The fiches of an agreement: its plan, at any day.

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

/// A fiche of an agreement (fiche action au contrat), with its number and how firmly it is undertaken there.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = agreement_fiches, check_for_backend(diesel::pg::Pg))]
#[schema(as = AgreementFiche)]
pub struct AgreementFiche {
    pub id: Id,
    /// The agreement it is part of.
    pub agreement_id: Id,
    /// The fiche; it may be in several agreements.
    pub action_fiche_id: Id,
    /// Its number in the agreement.
    pub number: Option<Count>,
    pub commitment: Commitment,
    /// In the plan from this day, included; from the beginning when empty.
    pub starts_on: Option<Day>,
    /// In the plan to this day, included.
    pub ends_on: Option<Day>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
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

/// What it takes to make one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = agreement_fiches, treat_none_as_default_value = false)]
#[schema(as = NewAgreementFiche)]
pub struct NewAgreementFiche {
    /// The fiche; it may be in several agreements.
    action_fiche_id: Id,
    /// Its number in the agreement.
    number: Option<Count>,
    #[serde(default)]
    commitment: Commitment,
    /// In the plan from this day, included; from the beginning when empty.
    starts_on: Option<Day>,
    /// In the plan to this day, included.
    ends_on: Option<Day>,
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = agreement_fiches)]
#[schema(as = AgreementFichePatch)]
pub struct AgreementFichePatch {
    /// Its number in the agreement.
    number: Option<Option<Count>>,
    commitment: Option<Commitment>,
    /// In the plan from this day, included; from the beginning when empty.
    starts_on: Option<Option<Day>>,
    /// In the plan to this day, included.
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
