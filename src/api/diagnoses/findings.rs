//! The findings of a diagnosis: strengths, weaknesses, opportunities, threats.

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
        listing::{Field, Listed, field, word},
    },
    http::{Content, Resource, Result, Shown, sent},
    noun::{Address, Card, Noun, Of, Operations, Writing},
    schema::diagnosis_findings,
    values::{Count, Id, LongText, Vocabulary, Word},
};

/// The words of [`FindingKind`].
#[derive(Debug, Clone)]
pub struct FindingKindWords;

impl Vocabulary for FindingKindWords {
    const NAME: &'static str = "FindingKind";
    const ABOUT: &'static str = "What a finding is (AFOM).";
    const WORDS: &'static [(&'static str, &'static str)] =
        &[("strength", "Atout"), ("weakness", "Faiblesse"), ("opportunity", "Opportunité"), ("threat", "Menace")];
}

/// What a finding is (AFOM).
pub type FindingKind = Word<FindingKindWords>;

/// The words of [`CauseKind`].
#[derive(Debug, Clone)]
pub struct CauseKindWords;

impl Vocabulary for CauseKindWords {
    const NAME: &'static str = "CauseKind";
    const ABOUT: &'static str = "What kind of cause it is (nature de la cause).";
    const WORDS: &'static [(&'static str, &'static str)] = &[("cyclical", "Conjoncturelle"), ("structural", "Structurelle")];
}

/// What kind of cause it is (nature de la cause).
pub type CauseKind = Word<CauseKindWords>;

/// A finding of a diagnosis (atout, faiblesse, opportunité, menace).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = diagnosis_findings, check_for_backend(diesel::pg::Pg))]
#[schema(as = DiagnosisFinding)]
pub struct Finding {
    pub id: Id,
    /// The diagnosis that this belongs to (diagnostic).
    pub diagnosis_id: Id,
    pub kind: FindingKind,
    pub text: LongText,
    /// The cause, as the source explains it (cause).
    pub cause: Option<LongText>,
    pub cause_kind: Option<CauseKind>,
    pub position: Option<Count>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Finding {
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
#[diesel(table_name = diagnosis_findings, treat_none_as_default_value = false)]
#[schema(as = NewDiagnosisFinding)]
pub struct NewFinding {
    kind: FindingKind,
    text: LongText,
    /// The cause, as the source explains it (cause).
    cause: Option<LongText>,
    cause_kind: Option<CauseKind>,
    position: Option<Count>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = diagnosis_findings)]
#[schema(as = DiagnosisFindingPatch)]
pub struct FindingPatch {
    kind: Option<FindingKind>,
    text: Option<LongText>,
    /// The cause, as the source explains it (cause).
    cause: Option<Option<LongText>>,
    cause_kind: Option<Option<CauseKind>>,
    position: Option<Option<Count>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        word::<FindingKindWords, _>(diagnosis_findings::kind).sorted(),
        word::<CauseKindWords, _>(diagnosis_findings::cause_kind),
        field(diagnosis_findings::position).sorted(),
        field(diagnosis_findings::created_at).sorted(),
        field(diagnosis_findings::updated_at).sorted(),
    ]
});

impl Listed for Finding {
    type Table = diagnosis_findings::table;
    type Key = diagnosis_findings::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Finding {
    type View = Self;
    const ORDER: &'static str = "position";
}

impl Noun for Finding {
    const CARD: Card = Card {
        table: "diagnosis_findings",
        one: "diagnosis_finding",
        a: "a finding of a diagnosis",
        all: "the findings of a diagnosis",
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing::WHOLE;
    type Whole = Of<Diagnosis, diagnosis_findings::diagnosis_id>;
    type Right = Content;
    type New = NewFinding;
    type Patch = FindingPatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        diagnosis_findings::table.find(at.id).filter(diagnosis_findings::diagnosis_id.eq(at.whole)).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewFinding, conn: &mut Conn) -> Result<Self> {
        let row = (diagnosis_findings::id.eq(at.id), diagnosis_findings::diagnosis_id.eq(at.whole), new);
        Ok(diesel::insert_into(diagnosis_findings::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &FindingPatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(diagnosis_findings::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(diagnosis_findings::table.find(at.id)).execute(conn).await
    }
}
