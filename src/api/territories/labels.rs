//! A territory's labels: its candidacy for a phase, and what came of it.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Territory;
use crate::{
    db::{
        Conn, contours,
        listing::{Field, Listed, field, word},
    },
    http::{Along, Content, Resource, Result, Shown, sent},
    noun::{Address, Card, Noun, Of, Operations, Rule, Writing},
    schema::territory_labels,
    values::{Contour, Day, Id, LongText, OfficialCode, Vocabulary, Word},
};

/// The words of [`LabelStatus`].
#[derive(Debug, Clone)]
pub struct LabelStatusWords;

impl Vocabulary for LabelStatusWords {
    const NAME: &'static str = "LabelStatus";
    const ABOUT: &'static str = "Where a territory's label stands (statut de labellisation).";
    const WORDS: &'static [(&'static str, &'static str)] = &[("candidate", "Candidat"), ("labelled", "Labellisé"), ("withdrawn", "Retiré")];
}

/// Where a territory's label stands (statut de labellisation).
pub type LabelStatus = Word<LabelStatusWords>;

/// A label of a territory for a phase (labellisation).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = territory_labels, check_for_backend(diesel::pg::Pg))]
#[schema(as = TerritoryLabel)]
pub struct Label {
    pub id: Id,
    /// The territory it is part of.
    pub territory_id: Id,
    /// The phase.
    pub phase_id: Id,
    /// The official code in this phase; in another one it may name another territory.
    pub official_code: Option<OfficialCode>,
    pub status: LabelStatus,
    /// When it applied.
    pub applied_on: Option<Day>,
    /// When it was labelled.
    pub labelled_on: Option<Day>,
    /// When the label was withdrawn.
    pub withdrawn_on: Option<Day>,
    pub note: Option<LongText>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
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

/// A label, with what was asked along.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TerritoryLabelView)]
pub struct LabelView {
    #[serde(flatten)]
    label: Label,
    /// The contour that the territory has in this phase; left out where none is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    contour: Option<Contour>,
}

impl From<Label> for LabelView {
    fn from(label: Label) -> Self {
        Self { label, contour: None }
    }
}

/// What it takes to make one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = territory_labels, treat_none_as_default_value = false)]
#[schema(as = NewTerritoryLabel)]
pub struct NewLabel {
    /// The phase.
    phase_id: Id,
    /// The official code in this phase; in another one it may name another territory.
    official_code: Option<OfficialCode>,
    status: LabelStatus,
    /// When it applied.
    applied_on: Option<Day>,
    /// When it was labelled.
    labelled_on: Option<Day>,
    /// When the label was withdrawn.
    withdrawn_on: Option<Day>,
    note: Option<LongText>,
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = territory_labels)]
#[schema(as = TerritoryLabelPatch)]
pub struct LabelPatch {
    /// The official code in this phase; in another one it may name another territory.
    official_code: Option<Option<OfficialCode>>,
    status: Option<LabelStatus>,
    /// When it applied.
    applied_on: Option<Option<Day>>,
    /// When it was labelled.
    labelled_on: Option<Option<Day>>,
    /// When the label was withdrawn.
    withdrawn_on: Option<Option<Day>>,
    note: Option<Option<LongText>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(territory_labels::phase_id),
        field(territory_labels::official_code).sorted(),
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
    const INCLUDES: &'static [(&'static str, &'static str)] = &[("contour", "The contour that the territory has in this phase.")];

    async fn include(along: &mut Along<'_, LabelView>) -> Result<()> {
        let keys: Vec<String> = along.ids().iter().map(Id::to_string).collect();
        let mut drawn = contours::drawn("territory_labels", &keys, along.conn).await?;
        for (id, view) in along.views.iter_mut() {
            view.contour = drawn.remove(&id.to_string());
        }
        Ok(())
    }
}

impl Noun for Label {
    const CARD: Card = Card {
        table: "territory_labels",
        one: "territory_label",
        a: "a label of a territory",
        all: "the labels of a territory",
        rules: &[Rule::period("period")],
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
