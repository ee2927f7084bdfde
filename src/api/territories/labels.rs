//! The labels of a territory: its application for a phase, and the result.

use std::{collections::HashMap, sync::LazyLock};

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Territory;
use crate::{
    db::{
        Budget, Conn, contours,
        listing::{Field, Listed, code, field, word},
    },
    http::{Along, Content, Resource, Result, Shown, sent},
    noun::{Address, Card, Noun, Of, Operations, Rule, Writing},
    schema::territory_labels,
    values::{Contour, Day, Id, LongText, Name, OfficialCode, Vocabulary, Word, rules},
};

/// The words of [`LabelStatus`].
#[derive(Debug, Clone)]
pub struct LabelStatusWords;

impl Vocabulary for LabelStatusWords {
    const NAME: &'static str = "LabelStatus";
    const ABOUT: &'static str = "The state of a label (statut de labellisation).";
    const WORDS: &'static [(&'static str, &'static str)] = &[("candidate", "Candidat"), ("labelled", "Labellisé"), ("withdrawn", "Retiré")];
}

/// The state of a label (statut de labellisation).
pub type LabelStatus = Word<LabelStatusWords>;

/// A label of a territory for a phase (labellisation).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = territory_labels, check_for_backend(diesel::pg::Pg))]
#[schema(as = TerritoryLabel)]
pub struct Label {
    pub id: Id,
    /// The territory that this belongs to (territoire).
    pub territory_id: Id,
    /// The phase of the programme (phase du programme).
    pub phase_id: Id,
    /// The official code in this phase (`id_ti`). The same code may name another territory in another phase.
    pub official_code: Option<OfficialCode>,
    /// The name of the territory in this phase (libellé); null when nothing says another one than the territory's.
    pub name: Option<Name>,
    pub status: LabelStatus,
    /// The day of the application (candidature).
    pub applied_on: Option<Day>,
    /// The day on which the label was given (labellisation).
    pub labelled_on: Option<Day>,
    /// The day on which the label was withdrawn (retrait).
    pub withdrawn_on: Option<Day>,
    pub note: Option<LongText>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Label {
    fn id(&self) -> Id {
        self.id
    }
    fn version(&self) -> i32 {
        self.version
    }
}

/// A label, with the related things that `include` names.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TerritoryLabelView)]
pub struct LabelView {
    #[serde(flatten)]
    label: Label,
    /// The contour of the territory in this phase; left out when it is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    contour: Option<Contour>,
}

impl From<Label> for LabelView {
    fn from(label: Label) -> Self {
        Self { label, contour: None }
    }
}

impl LabelView {
    /// The territory.
    pub fn territory_id(&self) -> Id {
        self.label.territory_id
    }

    /// Adds the contours, where they are known.
    pub async fn draw(views: &mut [(Id, Self)], budget: &mut Budget, conn: &mut Conn) -> QueryResult<bool> {
        let keys: Vec<String> = views.iter().map(|(id, _)| id.to_string()).collect();
        let (drawn, ended) = contours::drawn("territory_labels", &keys, budget, conn).await?;
        let mut drawn: HashMap<String, Contour> = drawn.into_iter().collect();
        for (id, view) in views.iter_mut() {
            view.contour = drawn.remove(&id.to_string());
        }
        Ok(ended)
    }
}

/// The body of a request that creates one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = territory_labels, treat_none_as_default_value = false)]
#[schema(as = NewTerritoryLabel)]
pub struct NewLabel {
    /// The phase of the programme (phase du programme).
    phase_id: Id,
    /// The official code in this phase (`id_ti`). The same code may name another territory in another phase.
    official_code: Option<OfficialCode>,
    /// The name of the territory in this phase (libellé).
    name: Option<Name>,
    status: LabelStatus,
    /// The day of the application (candidature).
    applied_on: Option<Day>,
    /// The day on which the label was given (labellisation).
    labelled_on: Option<Day>,
    /// The day on which the label was withdrawn (retrait).
    withdrawn_on: Option<Day>,
    note: Option<LongText>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = territory_labels)]
#[schema(as = TerritoryLabelPatch)]
pub struct LabelPatch {
    /// The official code in this phase (`id_ti`). The same code may name another territory in another phase.
    official_code: Option<Option<OfficialCode>>,
    /// The name of the territory in this phase (libellé).
    name: Option<Option<Name>>,
    status: Option<LabelStatus>,
    /// The day of the application (candidature).
    applied_on: Option<Option<Day>>,
    /// The day on which the label was given (labellisation).
    labelled_on: Option<Option<Day>>,
    /// The day on which the label was withdrawn (retrait).
    withdrawn_on: Option<Option<Day>>,
    note: Option<Option<LongText>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(territory_labels::phase_id),
        code::<rules::OfficialCode, _>(territory_labels::official_code).sorted(),
        field(territory_labels::name).sorted(),
        word::<LabelStatusWords, _>(territory_labels::status).sorted(),
        field(territory_labels::labelled_on).sorted(),
        field(territory_labels::created_at).sorted(),
        field(territory_labels::updated_at).sorted(),
    ]
});

impl Listed for Label {
    type Table = territory_labels::table;
    type Key = territory_labels::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Label {
    type View = LabelView;
    const INCLUDES: &'static [(&'static str, &'static str)] = &[("contour", "The contour of the territory in this phase (contour).")];

    async fn include(along: &mut Along<'_, LabelView>) -> Result<()> {
        along.contours("territory_labels", |id, _| id.to_string(), |view| &mut view.contour).await
    }
}

impl Noun for Label {
    const CARD: Card = Card {
        table: "territory_labels",
        one: "territory_label",
        a: "a label of a territory",
        all: "the labels of a territory",
        rules: &[
            Rule::period("period"),
            Rule("applied", "/labelled_on", "A label is given after its application.", "Un label est donné après la candidature."),
            Rule("given", "/labelled_on", "A candidate has no label yet.", "Un candidat n'a pas encore de label."),
        ],
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing::NATION;
    type Whole = Of<Territory, territory_labels::territory_id>;
    type Right = Content;
    type New = NewLabel;
    type Patch = LabelPatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        territory_labels::table.find(at.id).filter(territory_labels::territory_id.eq(at.whole)).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewLabel, conn: &mut Conn) -> Result<Self> {
        let row = (territory_labels::id.eq(at.id), territory_labels::territory_id.eq(at.whole), new);
        Ok(diesel::insert_into(territory_labels::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &LabelPatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(territory_labels::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(territory_labels::table.find(at.id)).execute(conn).await
    }
}
