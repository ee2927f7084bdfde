//! Diagnoses: the strengths and weaknesses of a territory, its ranked stakes and its ambitions.

mod ambitions;
mod findings;
mod stakes;

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use self::ambitions::{Ambition, NewAmbition};
use self::findings::{Finding, NewFinding};
use self::stakes::{NewStake, Stake};
use crate::{
    db::{
        Conn,
        listing::{Field, Listed, field, word},
    },
    http::{Along, Content, Resource, Result, Shown, sent},
    noun::{Address, Alone, Card, Face, Noun, Operations, Parts, Rule, Writing},
    rights::Place,
    schema::{diagnoses, diagnosis_ambitions, diagnosis_findings, diagnosis_stakes},
    values::{Confidence, ConfidenceWords, Count, Day, Id, LongText, Many, Name, Precision, PrecisionWords, ShortText},
};

/// A diagnosis of a territory (diagnostic, AFOM), with its stakes and ambitions.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = diagnoses, check_for_backend(diesel::pg::Pg))]
pub struct Diagnosis {
    pub id: Id,
    /// The territory (territoire).
    pub territory_id: Id,
    pub title: Name,
    /// The day of the diagnosis, as the service reads the source (date).
    pub made_on: Option<Day>,
    /// The same date, in the words of the source (date telle que la source la donne).
    pub made_stated: Option<ShortText>,
    /// How exact the date is in the source (précision): a day, a month, a season, a year.
    pub made_precision: Option<Precision>,
    /// How sure the reading of the source's words is (fiabilité).
    pub made_confidence: Option<Confidence>,
    /// How the diagnosis was made (méthode).
    pub method: Option<LongText>,
    /// The event where the diagnosis was made, such as a workshop (atelier); of the same territory.
    pub event_id: Option<Id>,
    /// The number of ambitions that the source declares; it may name fewer (ambitions déclarées).
    pub declared_ambitions: Option<Count>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Diagnosis {
    fn id(&self) -> Id {
        self.id
    }
    fn version(&self) -> i32 {
        self.version
    }
}

/// A diagnosis, with the related things that `include` names.
#[serde_with::apply(Option => #[serde(skip_serializing_if = "Option::is_none")])]
#[derive(Debug, Serialize, ToSchema)]
pub struct DiagnosisView {
    #[serde(flatten)]
    diagnosis: Diagnosis,
    /// The findings (atouts, faiblesses, opportunités, menaces).
    findings: Option<Vec<Finding>>,
    /// The stakes (enjeux).
    stakes: Option<Vec<Stake>>,
    /// The ambitions that are known (ambitions).
    ambitions: Option<Vec<Ambition>>,
}

impl From<Diagnosis> for DiagnosisView {
    fn from(diagnosis: Diagnosis) -> Self {
        Self { diagnosis, findings: None, stakes: None, ambitions: None }
    }
}

/// The body of a request that creates one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = diagnoses, treat_none_as_default_value = false)]
pub struct NewDiagnosis {
    /// The territory (territoire).
    territory_id: Id,
    title: Name,
    /// The day of the diagnosis, as the service reads the source (date).
    made_on: Option<Day>,
    /// The same date, in the words of the source (date telle que la source la donne).
    made_stated: Option<ShortText>,
    /// How exact the date is in the source (précision): a day, a month, a season, a year.
    made_precision: Option<Precision>,
    /// How sure the reading of the source's words is (fiabilité).
    made_confidence: Option<Confidence>,
    /// How the diagnosis was made (méthode).
    method: Option<LongText>,
    /// The event where the diagnosis was made, such as a workshop (atelier); of the same territory.
    event_id: Option<Id>,
    /// The number of ambitions that the source declares; it may name fewer (ambitions déclarées).
    declared_ambitions: Option<Count>,
    /// The findings (atouts, faiblesses, opportunités, menaces).
    #[serde(default)]
    #[diesel(skip_insertion)]
    findings: Many<NewFinding>,
    /// The stakes (enjeux).
    #[serde(default)]
    #[diesel(skip_insertion)]
    stakes: Many<NewStake>,
    /// The ambitions that are known (ambitions).
    #[serde(default)]
    #[diesel(skip_insertion)]
    ambitions: Many<NewAmbition>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = diagnoses)]
pub struct DiagnosisPatch {
    title: Option<Name>,
    /// The day of the diagnosis, as the service reads the source (date).
    made_on: Option<Option<Day>>,
    /// The same date, in the words of the source (date telle que la source la donne).
    made_stated: Option<Option<ShortText>>,
    /// How exact the date is in the source (précision): a day, a month, a season, a year.
    made_precision: Option<Option<Precision>>,
    /// How sure the reading of the source's words is (fiabilité).
    made_confidence: Option<Option<Confidence>>,
    /// How the diagnosis was made (méthode).
    method: Option<Option<LongText>>,
    /// The event where the diagnosis was made, such as a workshop (atelier); of the same territory.
    event_id: Option<Option<Id>>,
    /// The number of ambitions that the source declares; it may name fewer (ambitions déclarées).
    declared_ambitions: Option<Option<Count>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(diagnoses::search),
        field(diagnoses::territory_id),
        field(diagnoses::title).sorted(),
        field(diagnoses::made_on).sorted(),
        word::<PrecisionWords, _>(diagnoses::made_precision),
        word::<ConfidenceWords, _>(diagnoses::made_confidence),
        field(diagnoses::event_id),
        field(diagnoses::declared_ambitions).sorted(),
        field(diagnoses::created_at).sorted(),
        field(diagnoses::updated_at).sorted(),
    ]
});

impl Listed for Diagnosis {
    type Table = diagnoses::table;
    type Key = diagnoses::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Diagnosis {
    type View = DiagnosisView;
    const INCLUDES: &'static [(&'static str, &'static str)] = &[
        ("findings", "The findings (atouts, faiblesses, opportunités, menaces)."),
        ("stakes", "The stakes (enjeux)."),
        ("ambitions", "The ambitions that are known (ambitions)."),
    ];
    const ORDER: &'static str = "title";

    async fn include(along: &mut Along<'_, DiagnosisView>) -> Result<()> {
        along.parts("findings", diagnosis_findings::diagnosis_id, |row: &Finding| row.diagnosis_id, |view| &mut view.findings).await?;
        along.parts("stakes", diagnosis_stakes::diagnosis_id, |row: &Stake| row.diagnosis_id, |view| &mut view.stakes).await?;
        along.parts("ambitions", diagnosis_ambitions::diagnosis_id, |row: &Ambition| row.diagnosis_id, |view| &mut view.ambitions).await
    }
}

impl Noun for Diagnosis {
    const CARD: Card = Card {
        table: "diagnoses",
        one: "diagnosis",
        a: "a diagnosis",
        all: "diagnoses",
        about: "Diagnoses with findings, ranked stakes and ambitions (diagnostics).",
        places: &["territory_id"],
        rules: &[Rule::STATED],
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing::at(|diagnosis| Place::territory(diagnosis.territory_id), |new| Place::territory(new.territory_id));
    const PARTS: &'static [Face] = &[Face::part::<Finding>(), Face::part::<Stake>(), Face::part::<Ambition>()];
    type Whole = Alone;
    type Right = Content;
    type New = NewDiagnosis;
    type Patch = DiagnosisPatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        diagnoses::table.find(at.id).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewDiagnosis, conn: &mut Conn) -> Result<Self> {
        let row = (diagnoses::id.eq(at.id), new);
        Ok(diesel::insert_into(diagnoses::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &DiagnosisPatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(diagnoses::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(diagnoses::table.find(at.id)).execute(conn).await
    }
    async fn parts(new: &NewDiagnosis, parts: &mut Parts<'_>) -> Result<()> {
        parts.take::<Finding>("findings", &new.findings).await?;
        parts.take::<Stake>("stakes", &new.stakes).await?;
        parts.take::<Ambition>("ambitions", &new.ambitions).await
    }
}
