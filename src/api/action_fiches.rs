//! Action fiches (fiches actions): what is to be done, by whom, for whom and when, and how far it is.

mod funding;
mod funding_lines;
mod locations;
mod milestones;
mod notes;
mod participants;
mod themes;
mod tools;
mod transitions;
mod words;

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use self::funding_lines::{FundingLine, NewFundingLine};
use self::locations::{Location, NewLocation};
use self::milestones::{Milestone, NewMilestone};
use self::notes::{NewNote, Note};
use self::participants::{NewParticipant, Participant};
use self::themes::{FicheTheme, NewFicheTheme};
use self::tools::{FicheTool, NewFicheTool};
pub use self::transitions::advance_all;
use self::words::{
    FicheScope, Nature, NatureWords, Priority, PriorityWords, Progress, ProgressWords, ScopeWords, Stage, StageWords, Validation, ValidationWords,
};
use crate::{
    db::{
        Conn,
        listing::{self, Field, Listed, field, flag, word},
    },
    http::{Along, Content, Resource, Result, Shown, Writer, sent},
    noun::{Address, Alone, Card, Face, Noun, Operations, Parts, Restoration, Rule, Where, Writing, find, id_in},
    rights::{self, Place, Reach, Role},
    schema::{
        action_fiche_funding_lines, action_fiche_locations, action_fiche_milestones, action_fiche_notes, action_fiche_participants,
        action_fiche_themes, action_fiche_tools, action_fiches,
    },
    values::{Amount, Basis, Commitment, CommitmentWords, Day, Id, LongText, Many, Name, ShortText, Visibility, VisibilityWords},
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
    participants: Option<Vec<Participant>>,
    /// The themes of the fiche (thématiques).
    themes: Option<Vec<FicheTheme>>,
    /// The lines of the funding plan (plan de financement).
    funding_lines: Option<Vec<FundingLine>>,
    /// The milestones (jalons).
    milestones: Option<Vec<Milestone>>,
    /// The places of the action (localisations).
    locations: Option<Vec<Location>>,
    /// The notes (notes de suivi) that the caller may see.
    notes: Option<Vec<Note>>,
    /// The support tools that the fiche uses (outils mobilisés).
    tools: Option<Vec<FicheTool>>,
    /// The fiches that are parts of this one (fiches filles), and that the caller may see.
    children: Option<Vec<ActionFiche>>,
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
    territory_id: Id,
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
    parent_id: Option<Id>,
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
    participants: Many<NewParticipant>,
    /// The themes of the fiche (thématiques); the list may be empty.
    #[serde(default)]
    #[diesel(skip_insertion)]
    themes: Many<NewFicheTheme>,
    /// The lines of the funding plan (plan de financement).
    #[serde(default)]
    #[diesel(skip_insertion)]
    funding_lines: Many<NewFundingLine>,
    /// The milestones (jalons).
    #[serde(default)]
    #[diesel(skip_insertion)]
    milestones: Many<NewMilestone>,
    /// The places of the action (localisations).
    #[serde(default)]
    #[diesel(skip_insertion)]
    locations: Many<NewLocation>,
    /// The notes (notes de suivi) that the caller may see.
    #[serde(default)]
    #[diesel(skip_insertion)]
    notes: Many<NewNote>,
    /// The support tools that the fiche uses (outils mobilisés).
    #[serde(default)]
    #[diesel(skip_insertion)]
    tools: Many<NewFicheTool>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = action_fiches)]
pub struct ActionFichePatch {
    /// The number or reference of the fiche in its territory (référence).
    reference: Option<Option<Name>>,
    /// The title (intitulé).
    title: Option<Name>,
    /// Why the action is needed (contexte, enjeu, objectif).
    context: Option<Option<LongText>>,
    description: Option<Option<LongText>>,
    /// The results that are expected (résultats attendus).
    expected_results: Option<Option<LongText>>,
    /// The fiche that this fiche is a part of (fiche mère); two levels at most.
    parent_id: Option<Option<Id>>,
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

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(action_fiches::search),
        field(action_fiches::territory_id),
        field(action_fiches::reference).sorted(),
        field(action_fiches::title).sorted(),
        field(action_fiches::parent_id),
        field(action_fiches::objective_id),
        field(action_fiches::proposed_by_id),
        field(action_fiches::proposed_by_committee_id),
        field(action_fiches::validation_decision_id),
        word::<ScopeWords, _>(action_fiches::scope),
        word::<NatureWords, _>(action_fiches::nature),
        field(action_fiches::planned_start_on).sorted(),
        field(action_fiches::planned_end_on).sorted(),
        field(action_fiches::actual_start_on).sorted(),
        field(action_fiches::actual_end_on).sorted(),
        field(action_fiches::recurring),
        field(action_fiches::budget_eur).sorted(),
        word::<PriorityWords, _>(action_fiches::priority),
        word::<CommitmentWords, _>(action_fiches::commitment),
        word::<VisibilityWords, _>(action_fiches::visibility),
        word::<StageWords, _>(action_fiches::stage).sorted(),
        word::<ValidationWords, _>(action_fiches::validation).sorted(),
        word::<ProgressWords, _>(action_fiches::progress).sorted(),
        flag(
            "late",
            "Late: its planned end is past, and it is neither done nor abandoned.",
            is_late(action_fiches::planned_end_on, action_fiches::progress),
        ),
        field(action_fiche_participants::partner_id)
            .linked(action_fiche_participants::action_fiche_id, action_fiches::id)
            .named("partner_id", "Those in which this partner takes part."),
        field(action_fiche_themes::theme_id)
            .linked(action_fiche_themes::action_fiche_id, action_fiches::id)
            .named("theme_id", "Those with this theme."),
        field(action_fiches::created_at).sorted(),
        field(action_fiches::updated_at).sorted(),
    ]
});

impl Listed for ActionFiche {
    type Table = action_fiches::table;
    type Key = action_fiches::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for ActionFiche {
    type View = ActionFicheView;
    const INCLUDES: &'static [(&'static str, &'static str)] = &[
        ("participants", "The participants (participants)."),
        ("themes", "The themes (thématiques)."),
        ("funding_lines", "The funding plan (plan de financement)."),
        ("milestones", "The milestones (jalons)."),
        ("locations", "The places (localisations)."),
        ("notes", "The notes (notes de suivi) that the caller may see."),
        ("tools", "The support tools that the fiche uses (outils mobilisés)."),
        ("children", "The fiches that are parts of this one (fiches filles)."),
    ];
    const ORDER: &'static str = "title";

    fn scope(reach: &Reach) -> Option<listing::Scope<action_fiches::table>> {
        rights::fiches(reach)
    }

    async fn include(along: &mut Along<'_, ActionFicheView>) -> Result<()> {
        along
            .parts("participants", action_fiche_participants::action_fiche_id, |row: &Participant| row.action_fiche_id, |view| &mut view.participants)
            .await?;
        along.parts("themes", action_fiche_themes::action_fiche_id, |row: &FicheTheme| row.action_fiche_id, |view| &mut view.themes).await?;
        along
            .parts(
                "funding_lines",
                action_fiche_funding_lines::action_fiche_id,
                |row: &FundingLine| row.action_fiche_id,
                |view| &mut view.funding_lines,
            )
            .await?;
        along
            .parts("milestones", action_fiche_milestones::action_fiche_id, |row: &Milestone| row.action_fiche_id, |view| &mut view.milestones)
            .await?;
        along.parts("locations", action_fiche_locations::action_fiche_id, |row: &Location| row.action_fiche_id, |view| &mut view.locations).await?;
        along.parts("notes", action_fiche_notes::action_fiche_id, |row: &Note| row.action_fiche_id, |view| &mut view.notes).await?;
        along.parts("tools", action_fiche_tools::action_fiche_id, |row: &FicheTool| row.action_fiche_id, |view| &mut view.tools).await?;
        if along.wants("children") {
            let rows =
                action_fiches::table.filter(action_fiches::parent_id.eq_any(along.ids())).order_by((action_fiches::reference, action_fiches::id));
            let mut rows = rows.select(ActionFiche::as_select()).into_boxed();
            if let Some(scope) = rights::fiches(along.reach) {
                rows = rows.filter(scope);
            }
            let rows: Vec<ActionFiche> = rows.load(along.conn).await?;
            // Each of these fiches has a parent: they were looked for by it.
            along.share(rows, |row| row.parent_id.unwrap_or(row.id), |view| &mut view.children);
        }
        Ok(())
    }
}

impl Noun for ActionFiche {
    const CARD: Card = Card {
        table: "action_fiches",
        one: "action_fiche",
        a: "an action fiche",
        all: "action fiches",
        about: "Action fiches with participants and themes (fiches actions).",
        places: &["territory_id", "id"],
        rules: &[
            Rule::period("planned_period"),
            Rule::period("actual_period"),
            Rule::PARENT,
            Rule("done", "/actual_end_on", "Done needs its real end date.", "Un état terminé demande la date de fin réelle."),
            Rule("levels", "/parent_id", "Two levels at most, within one territory.", "Deux niveaux au plus, dans un même territoire."),
            Rule(
                "open_child",
                "/progress",
                "A fiche is not done while a child is open.",
                "Une fiche n'est pas terminée tant qu'une fille est ouverte.",
            ),
            Rule("done_parent", "/parent_id", "The fiche it is a part of is done.", "La fiche dont elle fait partie est terminée."),
            Rule(
                "parent_visibility",
                "/visibility",
                "A fiche is shown to nobody who does not see the one it is a part of.",
                "Une fiche n'est montrée qu'à qui voit celle dont elle fait partie.",
            ),
        ],
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing {
        make: Where::At(|new| Place::territory(new.territory_id)),
        // The grant over a single fiche lets its pilot change the fiche, but not remove it.
        change: Where::At(|fiche| Place { territory: Some(fiche.territory_id), region: None, fiche: Some(fiche.id) }),
        remove: Where::At(|fiche| Place::territory(fiche.territory_id)),
    };
    const PARTS: &'static [Face] = &[
        Face::part::<Participant>(),
        Face::part::<FicheTheme>(),
        Face::part::<FundingLine>(),
        Face::part::<Milestone>(),
        Face::part::<Location>(),
        Face::part::<Note>(),
        Face::part::<FicheTool>(),
    ];
    const SEEN: Option<fn(&Self, &Reach) -> bool> =
        Some(|fiche, reach| reach.sees(fiche.visibility.code(), &[fiche.territory_id.to_string(), fiche.id.to_string()]));
    type Whole = Alone;
    type Right = Content;
    type New = NewActionFiche;
    type Patch = ActionFichePatch;

    fn routes(routes: &mut ServiceConfig) {
        funding::routes(routes);
        transitions::routes(routes);
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        action_fiches::table.find(at.id).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewActionFiche, conn: &mut Conn) -> Result<Self> {
        let row = (action_fiches::id.eq(at.id), new);
        Ok(diesel::insert_into(action_fiches::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &ActionFichePatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(action_fiches::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(action_fiches::table.find(at.id)).execute(conn).await
    }
    async fn parts(new: &NewActionFiche, parts: &mut Parts<'_>) -> Result<()> {
        parts.take::<Participant>("participants", &new.participants).await?;
        parts.take::<FicheTheme>("themes", &new.themes).await?;
        parts.take::<FundingLine>("funding_lines", &new.funding_lines).await?;
        parts.take::<Milestone>("milestones", &new.milestones).await?;
        parts.take::<Location>("locations", &new.locations).await?;
        parts.take::<Note>("notes", &new.notes).await?;
        parts.take::<FicheTool>("tools", &new.tools).await
    }
    /// The parent fiche must be one that the caller may see.
    async fn may_make(new: &NewActionFiche, by: &Writer, conn: &mut Conn) -> Result<()> {
        check_parent(new.parent_id, by, conn).await
    }
    /// A pilot may not see the other fiches of the territory. So the reference of a fiche, and its place among the others, are for an
    /// editor of the territory.
    async fn may_change(&self, patch: &ActionFichePatch, by: &Writer, conn: &mut Conn) -> Result<()> {
        let moves = patch.parent_id.as_ref().is_some_and(|parent| *parent != self.parent_id);
        if moves || patch.reference.as_ref().is_some_and(|reference| *reference != self.reference) {
            by.within(&Place::territory(self.territory_id))?;
        }
        check_parent(patch.parent_id.flatten(), by, conn).await
    }
    async fn may_restore(restoration: &Restoration<'_>, by: &Writer, conn: &mut Conn) -> Result<()> {
        let territory = Place { territory: id_in(restoration.then, "territory_id"), ..Place::nation() };
        if restoration.changes("reference") || restoration.changes("parent_id") {
            by.within(&territory)?;
        }
        // A committee decided the validation, its date and its reason. So a restore that changes them needs an approver.
        if ["validation", "validation_since", "validation_reason"].iter().any(|member| restoration.changes(member)) {
            by.within_as(Role::APPROVER, &territory)?;
        }
        let parent = id_in(restoration.then, "parent_id").filter(|_| restoration.changes("parent_id"));
        check_parent(parent, by, conn).await
    }
}

/// Refuses (422) a parent fiche that the caller may not see.
async fn check_parent(parent: Option<Id>, by: &Writer, conn: &mut Conn) -> Result<()> {
    let Some(parent) = parent else { return Ok(()) };
    let found = find::<ActionFiche>(Address::alone(parent), by.reach(), conn).await;
    found.map(drop).map_err(|problem| problem.named_at("/parent_id"))
}
