//! The ambitions of a territory that are known.

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
    schema::diagnosis_ambitions,
    values::{Count, Id, LongText},
};

/// An ambition of a territory (ambition, priorité).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = diagnosis_ambitions, check_for_backend(diesel::pg::Pg))]
#[schema(as = DiagnosisAmbition)]
pub struct Ambition {
    pub id: Id,
    /// The diagnosis that this belongs to (diagnostic).
    pub diagnosis_id: Id,
    pub text: LongText,
    pub position: Option<Count>,
    /// The theme (thématique) that this is about.
    pub theme_id: Option<Id>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Ambition {
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
#[diesel(table_name = diagnosis_ambitions, treat_none_as_default_value = false)]
#[schema(as = NewDiagnosisAmbition)]
pub struct NewAmbition {
    text: LongText,
    position: Option<Count>,
    /// The theme (thématique) that this is about.
    theme_id: Option<Id>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = diagnosis_ambitions)]
#[schema(as = DiagnosisAmbitionPatch)]
pub struct AmbitionPatch {
    text: Option<LongText>,
    position: Option<Option<Count>>,
    /// The theme (thématique) that this is about.
    theme_id: Option<Option<Id>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(diagnosis_ambitions::position).sorted(),
        field(diagnosis_ambitions::theme_id),
        field(diagnosis_ambitions::created_at).sorted(),
        field(diagnosis_ambitions::updated_at).sorted(),
    ]
});

impl Listed for Ambition {
    type Table = diagnosis_ambitions::table;
    type Key = diagnosis_ambitions::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Ambition {
    type View = Self;
    const ORDER: &'static str = "position";
}

impl Noun for Ambition {
    const CARD: Card = Card {
        table: "diagnosis_ambitions",
        one: "diagnosis_ambition",
        a: "an ambition of a diagnosis",
        all: "the ambitions of a diagnosis",
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing::WHOLE;
    type Whole = Of<Diagnosis, diagnosis_ambitions::diagnosis_id>;
    type Right = Content;
    type New = NewAmbition;
    type Patch = AmbitionPatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        diagnosis_ambitions::table.find(at.id).filter(diagnosis_ambitions::diagnosis_id.eq(at.whole)).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewAmbition, conn: &mut Conn) -> Result<Self> {
        let row = (diagnosis_ambitions::id.eq(at.id), diagnosis_ambitions::diagnosis_id.eq(at.whole), new);
        Ok(diesel::insert_into(diagnosis_ambitions::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &AmbitionPatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(diagnosis_ambitions::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(diagnosis_ambitions::table.find(at.id)).execute(conn).await
    }
}
