//! An action fiche as it is sent and received: the row, the row with what comes along, the body that creates, the body that changes.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::funding_lines::{FundingLine, NewFundingLine};
use super::locations::{Location, NewLocation};
use super::milestones::{Milestone, NewMilestone};
use super::notes::{NewNote, Note};
use super::participants::{NewParticipant, Participant};
use super::themes::{FicheTheme, NewFicheTheme};
use super::tools::{FicheTool, NewFicheTool};
use super::words::{FicheScope, Nature, Priority, Progress, Stage, Validation};
use crate::{
    http::{Resource, sent},
    schema::action_fiches,
    values::{Amount, Basis, Commitment, Day, Id, LongText, Many, Name, ShortText, Visibility},
};

diesel::define_sql_function! {
    /// Late (en retard): the planned end is past, and the fiche is neither done nor abandoned.
    fn is_late(planned_end_on: diesel::sql_types::Nullable<diesel::sql_types::Date>, progress: diesel::sql_types::Text) -> diesel::sql_types::Bool;
}

/// An action fiche (fiche action): an action of a territory, who carries it, its money and how far it is.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = action_fiches, check_for_backend(diesel::pg::Pg))]
pub struct ActionFiche {
    pub id: Id,
    /// The territory (territoire).
    pub territory_id: Id,
    /// The number or reference of the fiche in its territory (référence).
    pub reference: Option<Name>,
    /// The title (intitulé).
    pub title: Name,
    /// Why the action is needed (contexte, enjeu, objectif).
    pub context: Option<LongText>,
    pub description: Option<LongText>,
    /// The results that are expected (résultats attendus).
    pub expected_results: Option<LongText>,
    /// The fiche that this fiche is a part of (fiche mère); two levels at most.
    pub parent_id: Option<Id>,
    /// The objective that the fiche serves (objectif); of the same territory.
    pub objective_id: Option<Id>,
    /// The partner that proposed the fiche.
    pub proposed_by_id: Option<Id>,
    /// The committee that proposed the fiche.
    pub proposed_by_committee_id: Option<Id>,
    pub scope: Option<FicheScope>,
    pub nature: Option<Nature>,
    /// The groups that the action is for (cibles).
    pub target_groups: Many<ShortText>,
    /// A quantity that the source declares, of `quantity_unit` (quantité).
    pub quantity: Option<Amount>,
    /// What `quantity` counts (unité).
    pub quantity_unit: Option<Name>,
    pub planned_start_on: Option<Day>,
    pub planned_end_on: Option<Day>,
    pub actual_start_on: Option<Day>,
    pub actual_end_on: Option<Day>,
    /// Does the action come again, for example every year (action récurrente)? Null when it is unknown.
    pub recurring: Option<bool>,
    /// The planned budget, in euros (budget prévisionnel).
    pub budget_eur: Option<Amount>,
    pub budget_basis: Option<Basis>,
    pub priority: Option<Priority>,
    pub commitment: Commitment,
    pub visibility: Visibility,
    pub stage: Option<Stage>,
    pub validation: Validation,
    /// Since when the validation stands as it does.
    pub validation_since: DateTime<Utc>,
    /// Why the validation stands as it does (motif).
    pub validation_reason: Option<LongText>,
    /// The decision of a meeting that set the validation (décision). A caller who may not see the meeting cannot read the decision.
    pub validation_decision_id: Option<Id>,
    pub progress: Progress,
    /// Since when the progress stands as it does.
    pub progress_since: DateTime<Utc>,
    /// Why the progress stands as it does (motif).
    pub progress_reason: Option<LongText>,
    /// Late (en retard): the planned end is past, and the fiche is neither done nor abandoned. Computed for today, or for the day of
    /// `as_of`, in Paris.
    #[diesel(select_expression = is_late(action_fiches::planned_end_on, action_fiches::progress))]
    #[diesel(select_expression_type = is_late<action_fiches::planned_end_on, action_fiches::progress>)]
    pub late: bool,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for ActionFiche {
    fn id(&self) -> Id {
        self.id
    }
    fn version(&self) -> i32 {
        self.version
    }
}

/// An action fiche, with the related things that `include` names.
#[serde_with::apply(Option => #[serde(skip_serializing_if = "Option::is_none")])]
#[derive(Debug, Serialize, ToSchema)]
pub struct ActionFicheView {
    #[serde(flatten)]
    action_fiche: ActionFiche,
    /// The partners that take part (participants).
    pub(super) participants: Option<Vec<Participant>>,
    /// The themes of the fiche (thématiques).
    pub(super) themes: Option<Vec<FicheTheme>>,
    /// The lines of the funding plan (plan de financement).
    pub(super) funding_lines: Option<Vec<FundingLine>>,
    /// The milestones (jalons).
    pub(super) milestones: Option<Vec<Milestone>>,
    /// The places of the action (localisations).
    pub(super) locations: Option<Vec<Location>>,
    /// The notes (notes de suivi) that the caller may see.
    pub(super) notes: Option<Vec<Note>>,
    /// The support tools that the fiche uses (outils mobilisés).
    pub(super) tools: Option<Vec<FicheTool>>,
    /// The fiches that are parts of this one (fiches filles), and that the caller may see.
    pub(super) children: Option<Vec<ActionFiche>>,
}

impl From<ActionFiche> for ActionFicheView {
    fn from(action_fiche: ActionFiche) -> Self {
        Self {
            action_fiche,
            participants: None,
            themes: None,
            funding_lines: None,
            milestones: None,
            locations: None,
            notes: None,
            tools: None,
            children: None,
        }
    }
}

/// The body of a request that creates one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = action_fiches, treat_none_as_default_value = false)]
pub struct NewActionFiche {
    /// The territory (territoire).
    pub(super) territory_id: Id,
    /// The number or reference of the fiche in its territory (référence).
    reference: Option<Name>,
    /// The title (intitulé).
    title: Name,
    /// Why the action is needed (contexte, enjeu, objectif).
    context: Option<LongText>,
    description: Option<LongText>,
    /// The results that are expected (résultats attendus).
    expected_results: Option<LongText>,
    /// The fiche that this fiche is a part of (fiche mère); two levels at most.
    pub(super) parent_id: Option<Id>,
    /// The objective that the fiche serves (objectif); of the same territory.
    objective_id: Option<Id>,
    /// The partner that proposed the fiche.
    proposed_by_id: Option<Id>,
    /// The committee that proposed the fiche.
    proposed_by_committee_id: Option<Id>,
    scope: Option<FicheScope>,
    nature: Option<Nature>,
    /// The groups that the action is for (cibles).
    #[serde(default)]
    target_groups: Many<ShortText>,
    /// A quantity that the source declares, of `quantity_unit` (quantité).
    quantity: Option<Amount>,
    /// What `quantity` counts (unité).
    quantity_unit: Option<Name>,
    planned_start_on: Option<Day>,
    planned_end_on: Option<Day>,
    actual_start_on: Option<Day>,
    actual_end_on: Option<Day>,
    /// Does the action come again, for example every year (action récurrente)? Null when it is unknown.
    recurring: Option<bool>,
    /// The planned budget, in euros (budget prévisionnel).
    budget_eur: Option<Amount>,
    budget_basis: Option<Basis>,
    priority: Option<Priority>,
    #[serde(default)]
    commitment: Commitment,
    #[serde(default)]
    visibility: Visibility,
    stage: Option<Stage>,
    /// The partners that take part (participants).
    #[serde(default)]
    #[diesel(skip_insertion)]
    pub(super) participants: Many<NewParticipant>,
    /// The themes of the fiche (thématiques); the list may be empty.
    #[serde(default)]
    #[diesel(skip_insertion)]
    pub(super) themes: Many<NewFicheTheme>,
    /// The lines of the funding plan (plan de financement).
    #[serde(default)]
    #[diesel(skip_insertion)]
    pub(super) funding_lines: Many<NewFundingLine>,
    /// The milestones (jalons).
    #[serde(default)]
    #[diesel(skip_insertion)]
    pub(super) milestones: Many<NewMilestone>,
    /// The places of the action (localisations).
    #[serde(default)]
    #[diesel(skip_insertion)]
    pub(super) locations: Many<NewLocation>,
    /// The notes (notes de suivi) that the caller may see.
    #[serde(default)]
    #[diesel(skip_insertion)]
    pub(super) notes: Many<NewNote>,
    /// The support tools that the fiche uses (outils mobilisés).
    #[serde(default)]
    #[diesel(skip_insertion)]
    pub(super) tools: Many<NewFicheTool>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = action_fiches)]
pub struct ActionFichePatch {
    /// The number or reference of the fiche in its territory (référence).
    pub(super) reference: Option<Option<Name>>,
    /// The title (intitulé).
    title: Option<Name>,
    /// Why the action is needed (contexte, enjeu, objectif).
    context: Option<Option<LongText>>,
    description: Option<Option<LongText>>,
    /// The results that are expected (résultats attendus).
    expected_results: Option<Option<LongText>>,
    /// The fiche that this fiche is a part of (fiche mère); two levels at most.
    pub(super) parent_id: Option<Option<Id>>,
    /// The objective that the fiche serves (objectif); of the same territory.
    objective_id: Option<Option<Id>>,
    /// The partner that proposed the fiche.
    proposed_by_id: Option<Option<Id>>,
    /// The committee that proposed the fiche.
    proposed_by_committee_id: Option<Option<Id>>,
    scope: Option<Option<FicheScope>>,
    nature: Option<Option<Nature>>,
    /// The groups that the action is for (cibles).
    target_groups: Option<Many<ShortText>>,
    /// A quantity that the source declares, of `quantity_unit` (quantité).
    quantity: Option<Option<Amount>>,
    /// What `quantity` counts (unité).
    quantity_unit: Option<Option<Name>>,
    planned_start_on: Option<Option<Day>>,
    planned_end_on: Option<Option<Day>>,
    actual_start_on: Option<Option<Day>>,
    actual_end_on: Option<Option<Day>>,
    /// Does the action come again, for example every year (action récurrente)? Null when it is unknown.
    recurring: Option<Option<bool>>,
    /// The planned budget, in euros (budget prévisionnel).
    budget_eur: Option<Option<Amount>>,
    budget_basis: Option<Option<Basis>>,
    priority: Option<Option<Priority>>,
    commitment: Option<Commitment>,
    visibility: Option<Visibility>,
    stage: Option<Option<Stage>>,
}
