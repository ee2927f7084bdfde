//! Observations: the value of an indicator, for a subject and a period, in a source. Observations that contradict each other stand side by
//! side.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    db::{
        Conn,
        listing::{Field, Listed, Scope, code, field, word},
    },
    http::{Content, Problem, Resource, Result, Said, Shown, Views, Writer, Wrong, kinds, sent},
    noun::{Address, Alone, Card, Naming, Noun, Operations, Rule, Writing},
    rights::{self, Place, Reach},
    schema::observations,
    values::{
        Amount, CommuneCode, Confidence, ConfidenceWords, Day, DepartmentCode, Id, LongText, Precision, PrecisionWords, Qualifier, QualifierWords,
        RegionCode, ShortText, Siren, Visibility, VisibilityWords, Vocabulary, Word, rules,
    },
};

/// The words of [`Subject`].
#[derive(Debug, Clone)]
pub struct SubjectWords;

impl Vocabulary for SubjectWords {
    const NAME: &'static str = "ObservationSubject";
    const ABOUT: &'static str = "The subject that the figure is about (sujet).";
    const WORDS: &'static [(&'static str, &'static str)] = &[
        ("territory", "Territoire"),
        ("action_fiche", "Fiche action"),
        ("partner", "Partenaire"),
        ("intercommunality", "Intercommunalité"),
        ("department", "Département"),
        ("region", "Région"),
        ("country", "France"),
    ];
}

/// The subject that the figure is about (sujet).
pub type Subject = Word<SubjectWords>;

/// The words of [`ObservationKind`].
#[derive(Debug, Clone)]
pub struct ObservationKindWords;

impl Vocabulary for ObservationKindWords {
    const NAME: &'static str = "ObservationKind";
    const ABOUT: &'static str = "What kind of figure it is (nature).";
    const WORDS: &'static [(&'static str, &'static str)] =
        &[("actual", "Constaté"), ("baseline", "Référence"), ("target", "Cible"), ("claim", "Affirmation")];
}

/// What kind of figure it is (nature).
pub type ObservationKind = Word<ObservationKindWords>;

/// An observation (valeur d'un indicateur): the value of an indicator for one subject, in one source.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = observations, check_for_backend(diesel::pg::Pg))]
pub struct Observation {
    pub id: Id,
    /// The indicator (indicateur).
    pub indicator_id: Id,
    pub subject: Subject,
    pub kind: ObservationKind,
    /// The territory that the figure is about; or, for another subject, the territory whose editors keep it.
    pub territory_id: Option<Id>,
    /// The fiche that the figure is about (fiche action).
    pub action_fiche_id: Option<Id>,
    /// The partner that the figure is about (partenaire).
    pub partner_id: Option<Id>,
    /// The intercommunality that the figure is about, by its SIREN (EPCI).
    pub siren: Option<Siren>,
    /// The department that the figure is about (département).
    pub department_code: Option<DepartmentCode>,
    /// The region that the figure is about (région).
    pub region_code: Option<RegionCode>,
    /// The commune of the site, when the figure is about one site of the subject only (commune).
    pub commune_code: Option<CommuneCode>,
    /// The value (valeur); null when the source gives no figure.
    pub value: Option<Amount>,
    pub qualifier: Qualifier,
    /// What the source says, in its own words.
    pub text: Option<LongText>,
    /// The first day of the measured period (début de période).
    pub period_starts_on: Option<Day>,
    /// The last day of the measured period, included (fin de période).
    pub period_ends_on: Option<Day>,
    /// The same period, in the words of the source (période telle que la source la donne).
    pub period_stated: Option<ShortText>,
    /// How exact the first and the last day are in the source (précision): a day, a month, a season, a year.
    pub period_precision: Option<Precision>,
    /// The day on which the source gives the figure, as the service reads it (date de constat).
    pub observed_on: Option<Day>,
    /// The same date, in the words of the source (date telle que la source la donne).
    pub observed_stated: Option<ShortText>,
    /// How exact the date is in the source (précision): a day, a month, a season, a year.
    pub observed_precision: Option<Precision>,
    /// How sure the reading of the source's words is (fiabilité).
    pub observed_confidence: Option<Confidence>,
    /// The document that gives the figure (source); null for a caller who may not see the document.
    pub document_id: Option<Id>,
    pub note: Option<LongText>,
    pub visibility: Visibility,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Observation {
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
#[diesel(table_name = observations, treat_none_as_default_value = false)]
pub struct NewObservation {
    /// The indicator (indicateur).
    indicator_id: Id,
    subject: Subject,
    #[serde(default)]
    kind: ObservationKind,
    /// The territory that the figure is about; or, for another subject, the territory whose editors keep it.
    territory_id: Option<Id>,
    /// The fiche that the figure is about (fiche action).
    action_fiche_id: Option<Id>,
    /// The partner that the figure is about (partenaire).
    partner_id: Option<Id>,
    /// The intercommunality that the figure is about, by its SIREN (EPCI).
    siren: Option<Siren>,
    /// The department that the figure is about (département).
    department_code: Option<DepartmentCode>,
    /// The region that the figure is about (région).
    region_code: Option<RegionCode>,
    /// The commune of the site, when the figure is about one site of the subject only (commune).
    commune_code: Option<CommuneCode>,
    /// The value (valeur); null when the source gives no figure.
    value: Option<Amount>,
    #[serde(default)]
    qualifier: Qualifier,
    /// What the source says, in its own words.
    text: Option<LongText>,
    /// The first day of the measured period (début de période).
    period_starts_on: Option<Day>,
    /// The last day of the measured period, included (fin de période).
    period_ends_on: Option<Day>,
    /// The same period, in the words of the source (période telle que la source la donne).
    period_stated: Option<ShortText>,
    /// How exact the first and the last day are in the source (précision): a day, a month, a season, a year.
    period_precision: Option<Precision>,
    /// The day on which the source gives the figure, as the service reads it (date de constat).
    observed_on: Option<Day>,
    /// The same date, in the words of the source (date telle que la source la donne).
    observed_stated: Option<ShortText>,
    /// How exact the date is in the source (précision): a day, a month, a season, a year.
    observed_precision: Option<Precision>,
    /// How sure the reading of the source's words is (fiabilité).
    observed_confidence: Option<Confidence>,
    /// The document that gives the figure (source).
    document_id: Option<Id>,
    note: Option<LongText>,
    #[serde(default)]
    visibility: Visibility,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = observations)]
pub struct ObservationPatch {
    kind: Option<ObservationKind>,
    /// The partner that the figure is about (partenaire).
    partner_id: Option<Option<Id>>,
    /// The intercommunality that the figure is about, by its SIREN (EPCI).
    siren: Option<Option<Siren>>,
    /// The department that the figure is about (département).
    department_code: Option<Option<DepartmentCode>>,
    /// The region that the figure is about (région).
    region_code: Option<Option<RegionCode>>,
    /// The commune of the site, when the figure is about one site of the subject only (commune).
    commune_code: Option<Option<CommuneCode>>,
    /// The value (valeur); null when the source gives no figure.
    value: Option<Option<Amount>>,
    qualifier: Option<Qualifier>,
    /// What the source says, in its own words.
    text: Option<Option<LongText>>,
    /// The first day of the measured period (début de période).
    period_starts_on: Option<Option<Day>>,
    /// The last day of the measured period, included (fin de période).
    period_ends_on: Option<Option<Day>>,
    /// The same period, in the words of the source (période telle que la source la donne).
    period_stated: Option<Option<ShortText>>,
    /// How exact the first and the last day are in the source (précision): a day, a month, a season, a year.
    period_precision: Option<Option<Precision>>,
    /// The day on which the source gives the figure, as the service reads it (date de constat).
    observed_on: Option<Option<Day>>,
    /// The same date, in the words of the source (date telle que la source la donne).
    observed_stated: Option<Option<ShortText>>,
    /// How exact the date is in the source (précision): a day, a month, a season, a year.
    observed_precision: Option<Option<Precision>>,
    /// How sure the reading of the source's words is (fiabilité).
    observed_confidence: Option<Option<Confidence>>,
    /// The document that gives the figure (source).
    document_id: Option<Option<Id>>,
    note: Option<Option<LongText>>,
    visibility: Option<Visibility>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(observations::search),
        field(observations::indicator_id),
        word::<SubjectWords, _>(observations::subject),
        word::<ObservationKindWords, _>(observations::kind).sorted(),
        field(observations::territory_id),
        field(observations::action_fiche_id),
        field(observations::partner_id),
        code::<rules::Siren, _>(observations::siren),
        code::<rules::DepartmentCode, _>(observations::department_code),
        code::<rules::RegionCode, _>(observations::region_code),
        code::<rules::CommuneCode, _>(observations::commune_code),
        field(observations::value).sorted(),
        word::<QualifierWords, _>(observations::qualifier),
        field(observations::period_starts_on).sorted(),
        field(observations::period_ends_on).sorted(),
        word::<PrecisionWords, _>(observations::period_precision),
        field(observations::observed_on).sorted(),
        word::<PrecisionWords, _>(observations::observed_precision),
        word::<ConfidenceWords, _>(observations::observed_confidence),
        field(observations::document_id).of_document(),
        word::<VisibilityWords, _>(observations::visibility),
        field(observations::created_at).sorted(),
        field(observations::updated_at).sorted(),
    ]
});

impl Listed for Observation {
    type Table = observations::table;
    type Key = observations::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Observation {
    type View = Self;
    const ORDER: &'static str = "";

    fn scope(reach: &Reach) -> Option<Scope<observations::table>> {
        rights::both(
            rights::visible(observations::visibility, observations::territory_id, reach),
            rights::of_visible_fiche(observations::action_fiche_id, reach),
        )
    }

    async fn veil(views: &mut Views<Self>, reach: &Reach, conn: &mut Conn) -> Result<()> {
        Ok(rights::veil_documents(views.iter_mut().map(|(_, row)| &mut row.document_id), reach, conn).await?)
    }
}

impl Noun for Observation {
    const CARD: Card = Card {
        table: "observations",
        one: "observation",
        a: "an observation",
        all: "observations",
        about: "Observations: sourced figures of indicators (valeurs, constats).",
        places: &["territory_id"],
        rules: &[
            Rule::STATED,
            Rule("territory_of_fiche_fkey", "/action_fiche_id", "The fiche is of another territory.", "La fiche est d'un autre territoire."),
            Rule("told", "", "A value or a text is needed.", "Il faut une valeur ou un texte."),
            Rule::period("measured_period"),
            Rule("subject_named", "", "What the subject needs is not named.", "Ce que demande le sujet n'est pas désigné."),
            Rule("one_subject", "", "What names another subject is named.", "Un autre sujet est désigné."),
        ],
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing::at(
        |observation| Place { territory: observation.territory_id, ..Place::nation() },
        |new| Place { territory: new.territory_id, ..Place::nation() },
    );
    const NAMES: &'static [Naming<Self>] = &[
        Naming::<Self>::fiche(|new| new.action_fiche_id, |_| None),
        Naming::<Self>::document(|new| new.document_id, |patch| patch.document_id.flatten()),
    ];
    type Whole = Alone;
    type Right = Content;
    type New = NewObservation;
    type Patch = ObservationPatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        observations::table.find(at.id).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewObservation, conn: &mut Conn) -> Result<Self> {
        let row = (observations::id.eq(at.id), new);
        Ok(diesel::insert_into(observations::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &ObservationPatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(observations::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(observations::table.find(at.id)).execute(conn).await
    }
    async fn may_make(new: &NewObservation, _: &Writer, _: &mut Conn) -> Result<()> {
        let named = [
            ("territory_id", new.territory_id.is_some()),
            ("action_fiche_id", new.action_fiche_id.is_some()),
            ("partner_id", new.partner_id.is_some()),
            ("siren", new.siren.is_some()),
            ("department_code", new.department_code.is_some()),
            ("region_code", new.region_code.is_some()),
        ];
        may_be_of(new.subject.code(), named)
    }
    async fn may_change(&self, patch: &ObservationPatch, _: &Writer, _: &mut Conn) -> Result<()> {
        let named = [
            ("territory_id", self.territory_id.is_some()),
            ("action_fiche_id", self.action_fiche_id.is_some()),
            ("partner_id", patch.partner_id.as_ref().map_or(self.partner_id.is_some(), Option::is_some)),
            ("siren", patch.siren.as_ref().map_or(self.siren.is_some(), Option::is_some)),
            ("department_code", patch.department_code.as_ref().map_or(self.department_code.is_some(), Option::is_some)),
            ("region_code", patch.region_code.as_ref().map_or(self.region_code.is_some(), Option::is_some)),
        ];
        may_be_of(self.subject.code(), named)
    }
}

/// Refuses (422) a figure that does not name what its subject needs, or that names another subject: each member at its place. Any figure
/// may name a territory.
fn may_be_of(subject: &str, named: [(&'static str, bool); 6]) -> Result<()> {
    let needed: &[&str] = match subject {
        "territory" => &["territory_id"],
        "action_fiche" => &["territory_id", "action_fiche_id"],
        "partner" => &["partner_id"],
        "intercommunality" => &["siren"],
        "department" => &["department_code"],
        "region" => &["region_code"],
        _ => &[],
    };
    let wrongs = named.into_iter().filter_map(|(member, is_named)| {
        let said = match (needed.contains(&member), is_named) {
            (true, false) => Said::new(format!("The subject {subject} needs it."), format!("Le sujet {subject} le demande.")),
            (false, true) if member != "territory_id" => {
                Said::new(format!("Does not go with the subject {subject}."), format!("Ne va pas avec le sujet {subject}."))
            }
            _ => return None,
        };
        Some(Wrong::body(format!("/{member}"), "broken_rule", said))
    });
    let wrongs: Vec<Wrong> = wrongs.collect();
    if wrongs.is_empty() { Ok(()) } else { Err(Problem::errors(&kinds::INVALID_BODY, wrongs)) }
}
