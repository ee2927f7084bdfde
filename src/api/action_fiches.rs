//! Action fiches: what is to be done, by whom, for whom, when, and where it stands.

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
    Nature, NatureWords, Priority, PriorityWords, Progress, ProgressWords, Scope, ScopeWords, Stage, StageWords, Validation, ValidationWords,
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
    /// Is the planned end past, and is it neither done nor abandoned?
    fn is_late(planned_end_on: diesel::sql_types::Nullable<diesel::sql_types::Date>, progress: diesel::sql_types::Text) -> diesel::sql_types::Bool;
}

/// An action fiche (fiche action).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = action_fiches, check_for_backend(diesel::pg::Pg))]
pub struct ActionFiche {
    pub id: Id,
    /// Its territory.
    pub territory_id: Id,
    /// Its number or reference in the territory.
    pub reference: Option<Name>,
    /// Its title (intitulé).
    pub title: Name,
    /// Why (contexte, enjeu, objectif).
    pub context: Option<LongText>,
    pub description: Option<LongText>,
    /// What is expected of it.
    pub expected_results: Option<LongText>,
    /// The fiche it is a part of; two levels at most.
    pub parent_id: Option<Id>,
    /// The objective it serves, of the same territory.
    pub objective_id: Option<Id>,
    /// The partner that proposed it.
    pub proposed_by_id: Option<Id>,
    /// The committee that proposed it.
    pub proposed_by_committee_id: Option<Id>,
    pub scope: Option<Scope>,
    pub nature: Option<Nature>,
    /// Whom it is for (cibles).
    pub target_groups: Many<ShortText>,
    /// A declared quantity.
    pub quantity: Option<Amount>,
    /// Of what.
    pub quantity_unit: Option<Name>,
    pub planned_start_on: Option<Day>,
    pub planned_end_on: Option<Day>,
    pub actual_start_on: Option<Day>,
    pub actual_end_on: Option<Day>,
    /// Does it come again, such as every year? Unknown when empty.
    pub recurring: Option<bool>,
    /// The planned budget, in euros.
    pub budget_eur: Option<Amount>,
    pub budget_basis: Option<Basis>,
    pub priority: Option<Priority>,
    pub commitment: Commitment,
    pub visibility: Visibility,
    pub stage: Option<Stage>,
    pub validation: Validation,
    /// Since when.
    pub validation_since: DateTime<Utc>,
    /// Why.
    pub validation_reason: Option<LongText>,
    /// The decision of a meeting by which it stands so; who does not see the meeting does not see the decision itself.
    pub validation_decision_id: Option<Id>,
    pub progress: Progress,
    /// Since when.
    pub progress_since: DateTime<Utc>,
    /// Why.
    pub progress_reason: Option<LongText>,
    /// Is it late (en retard): is its planned end past, and is it neither done nor abandoned? Computed for the day that is
    /// asked of, in Paris.
    #[diesel(select_expression = is_late(action_fiches::planned_end_on, action_fiches::progress))]
    #[diesel(select_expression_type = is_late<action_fiches::planned_end_on, action_fiches::progress>)]
    pub late: bool,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
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

/// An action fiche, with what was asked along.
#[serde_with::apply(Option => #[serde(skip_serializing_if = "Option::is_none")])]
#[derive(Debug, Serialize, ToSchema)]
pub struct ActionFicheView {
    #[serde(flatten)]
    action_fiche: ActionFiche,
    /// Who takes part.
    participants: Option<Vec<Participant>>,
    /// Its themes.
    themes: Option<Vec<FicheTheme>>,
    /// Its funding plan.
    funding_lines: Option<Vec<FundingLine>>,
    /// Its milestones.
    milestones: Option<Vec<Milestone>>,
    /// Where it takes place.
    locations: Option<Vec<Location>>,
    /// Its notes, as far as the caller may see them.
    notes: Option<Vec<Note>>,
    /// The support tools it uses.
    tools: Option<Vec<FicheTool>>,
    /// The fiches that are parts of it, as far as the caller sees them.
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

/// What it takes to make one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = action_fiches, treat_none_as_default_value = false)]
pub struct NewActionFiche {
    /// Its territory.
    territory_id: Id,
    /// Its number or reference in the territory.
    reference: Option<Name>,
    /// Its title (intitulé).
    title: Name,
    /// Why (contexte, enjeu, objectif).
    context: Option<LongText>,
    description: Option<LongText>,
    /// What is expected of it.
    expected_results: Option<LongText>,
    /// The fiche it is a part of; two levels at most.
    parent_id: Option<Id>,
    /// The objective it serves, of the same territory.
    objective_id: Option<Id>,
    /// The partner that proposed it.
    proposed_by_id: Option<Id>,
    /// The committee that proposed it.
    proposed_by_committee_id: Option<Id>,
    scope: Option<Scope>,
    nature: Option<Nature>,
    /// Whom it is for (cibles).
    #[serde(default)]
    target_groups: Many<ShortText>,
    /// A declared quantity.
    quantity: Option<Amount>,
    /// Of what.
    quantity_unit: Option<Name>,
    planned_start_on: Option<Day>,
    planned_end_on: Option<Day>,
    actual_start_on: Option<Day>,
    actual_end_on: Option<Day>,
    /// Does it come again, such as every year? Unknown when empty.
    recurring: Option<bool>,
    /// The planned budget, in euros.
    budget_eur: Option<Amount>,
    budget_basis: Option<Basis>,
    priority: Option<Priority>,
    #[serde(default)]
    commitment: Commitment,
    #[serde(default)]
    visibility: Visibility,
    stage: Option<Stage>,
    /// Who takes part.
    #[serde(default)]
    #[diesel(skip_insertion)]
    participants: Many<NewParticipant>,
    /// Its themes; there may be none.
    #[serde(default)]
    #[diesel(skip_insertion)]
    themes: Many<NewFicheTheme>,
    /// Its funding plan.
    #[serde(default)]
    #[diesel(skip_insertion)]
    funding_lines: Many<NewFundingLine>,
    /// Its milestones.
    #[serde(default)]
    #[diesel(skip_insertion)]
    milestones: Many<NewMilestone>,
    /// Where it takes place.
    #[serde(default)]
    #[diesel(skip_insertion)]
    locations: Many<NewLocation>,
    /// Its notes, as far as the caller may see them.
    #[serde(default)]
    #[diesel(skip_insertion)]
    notes: Many<NewNote>,
    /// The support tools it uses.
    #[serde(default)]
    #[diesel(skip_insertion)]
    tools: Many<NewFicheTool>,
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = action_fiches)]
pub struct ActionFichePatch {
    /// Its number or reference in the territory.
    reference: Option<Option<Name>>,
    /// Its title (intitulé).
    title: Option<Name>,
    /// Why (contexte, enjeu, objectif).
    context: Option<Option<LongText>>,
    description: Option<Option<LongText>>,
    /// What is expected of it.
    expected_results: Option<Option<LongText>>,
    /// The fiche it is a part of; two levels at most.
    parent_id: Option<Option<Id>>,
    /// The objective it serves, of the same territory.
    objective_id: Option<Option<Id>>,
    /// The partner that proposed it.
    proposed_by_id: Option<Option<Id>>,
    /// The committee that proposed it.
    proposed_by_committee_id: Option<Option<Id>>,
    scope: Option<Option<Scope>>,
    nature: Option<Option<Nature>>,
    /// Whom it is for (cibles).
    target_groups: Option<Many<ShortText>>,
    /// A declared quantity.
    quantity: Option<Option<Amount>>,
    /// Of what.
    quantity_unit: Option<Option<Name>>,
    planned_start_on: Option<Option<Day>>,
    planned_end_on: Option<Option<Day>>,
    actual_start_on: Option<Option<Day>>,
    actual_end_on: Option<Option<Day>>,
    /// Does it come again, such as every year? Unknown when empty.
    recurring: Option<Option<bool>>,
    /// The planned budget, in euros.
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
            .named("partner_id", "In which this partner takes part."),
        field(action_fiche_themes::theme_id).linked(action_fiche_themes::action_fiche_id, action_fiches::id).named("theme_id", "With this theme."),
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
        ("participants", "Who takes part."),
        ("themes", "Its themes."),
        ("funding_lines", "Its funding plan."),
        ("milestones", "Its milestones."),
        ("locations", "Where it takes place."),
        ("notes", "Its notes, as far as the caller may see them."),
        ("tools", "The support tools it uses."),
        ("children", "The fiches that are parts of it."),
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
            // Each has a parent: it was asked for by it.
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
        // A fiche is its pilot's as well, who does not remove it.
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
    /// The fiche that it is to be a part of must be one that the caller sees.
    async fn may_make(new: &NewActionFiche, by: &Writer, conn: &mut Conn) -> Result<()> {
        check_parent(new.parent_id, by, conn).await
    }
    /// The reference of a fiche and its place among the others are the territory's, whose other fiches a pilot may not know.
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
        // What a committee decided comes back, or goes, only by an approver: the decision, its date and its reason.
        if ["validation", "validation_since", "validation_reason"].iter().any(|member| restoration.changes(member)) {
            by.within_as(Role::APPROVER, &territory)?;
        }
        let parent = id_in(restoration.then, "parent_id").filter(|_| restoration.changes("parent_id"));
        check_parent(parent, by, conn).await
    }
}

/// Refuses as the parent of a fiche one that the caller does not see.
async fn check_parent(parent: Option<Id>, by: &Writer, conn: &mut Conn) -> Result<()> {
    let Some(parent) = parent else { return Ok(()) };
    let found = find::<ActionFiche>(Address::alone(parent), by.reach(), conn).await;
    found.map(drop).map_err(|problem| problem.named_at("/parent_id"))
}
