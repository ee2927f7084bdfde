//! The stakes of a territory, with their rank and who ranked them.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Diagnosis;
use crate::{
    db::{
        Conn,
        listing::{Field, Listed, field},
    },
    http::{Content, Resource, Result, Shown, sent},
    noun::{Address, Card, Noun, Of, Operations, Writing},
    schema::diagnosis_stakes,
    values::{Count, Id, Name, ShortText},
};

/// A stake of a territory (enjeu), ranked or not.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = diagnosis_stakes, check_for_backend(diesel::pg::Pg))]
#[schema(as = DiagnosisStake)]
pub struct Stake {
    pub id: Id,
    /// The diagnosis that this belongs to (diagnostic).
    pub diagnosis_id: Id,
    /// What is at stake, in a few words (enjeu).
    pub label: Name,
    /// The theme (thématique) that this is about.
    pub theme_id: Option<Id>,
    /// The rank; the first stake has rank 1 (rang).
    pub rank: Option<Count>,
    /// The weight, in the words of the source: "prioritaire", "essentiel".
    pub emphasis: Option<ShortText>,
    /// Who ranked the stake.
    pub ranked_by: Option<ShortText>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Stake {
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
#[diesel(table_name = diagnosis_stakes, treat_none_as_default_value = false)]
#[schema(as = NewDiagnosisStake)]
pub struct NewStake {
    /// What is at stake, in a few words (enjeu).
    label: Name,
    /// The theme (thématique) that this is about.
    theme_id: Option<Id>,
    /// The rank; the first stake has rank 1 (rang).
    rank: Option<Count>,
    /// The weight, in the words of the source: "prioritaire", "essentiel".
    emphasis: Option<ShortText>,
    /// Who ranked the stake.
    ranked_by: Option<ShortText>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = diagnosis_stakes)]
#[schema(as = DiagnosisStakePatch)]
pub struct StakePatch {
    /// What is at stake, in a few words (enjeu).
    label: Option<Name>,
    /// The theme (thématique) that this is about.
    theme_id: Option<Option<Id>>,
    /// The rank; the first stake has rank 1 (rang).
    rank: Option<Option<Count>>,
    /// The weight, in the words of the source: "prioritaire", "essentiel".
    emphasis: Option<Option<ShortText>>,
    /// Who ranked the stake.
    ranked_by: Option<Option<ShortText>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(diagnosis_stakes::label).sorted(),
        field(diagnosis_stakes::theme_id),
        field(diagnosis_stakes::rank).sorted(),
        field(diagnosis_stakes::created_at).sorted(),
        field(diagnosis_stakes::updated_at).sorted(),
    ]
});

impl Listed for Stake {
    type Table = diagnosis_stakes::table;
    type Key = diagnosis_stakes::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Stake {
    type View = Self;
    const ORDER: &'static str = "rank";
}

impl Noun for Stake {
    const CARD: Card =
        Card { table: "diagnosis_stakes", one: "diagnosis_stake", a: "a stake of a diagnosis", all: "the stakes of a diagnosis", ..Card::EMPTY };
    const WRITING: Writing<Self> = Writing::WHOLE;
    type Whole = Of<Diagnosis, diagnosis_stakes::diagnosis_id>;
    type Right = Content;
    type New = NewStake;
    type Patch = StakePatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        diagnosis_stakes::table.find(at.id).filter(diagnosis_stakes::diagnosis_id.eq(at.whole)).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewStake, conn: &mut Conn) -> Result<Self> {
        let row = (diagnosis_stakes::id.eq(at.id), diagnosis_stakes::diagnosis_id.eq(at.whole), new);
        Ok(diesel::insert_into(diagnosis_stakes::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &StakePatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(diagnosis_stakes::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(diagnosis_stakes::table.find(at.id)).execute(conn).await
    }
}
