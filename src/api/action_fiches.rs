//! Action fiches (fiches actions): what is to be done, by whom, for whom and when, and how far it is.

mod bodies;
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

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use utoipa_actix_web::service_config::ServiceConfig;

pub use self::bodies::ActionFiche;
use self::bodies::{ActionFichePatch, ActionFicheView, NewActionFiche, is_late};
use self::funding_lines::FundingLine;
use self::locations::Location;
use self::milestones::Milestone;
use self::notes::Note;
use self::participants::Participant;
use self::themes::FicheTheme;
use self::tools::FicheTool;
pub use self::transitions::advance_all;
use self::words::{NatureWords, PriorityWords, ProgressWords, ScopeWords, StageWords, ValidationWords};
use crate::{
    db::{
        Budget, Conn,
        listing::{self, Field, Listed, field, flag, word},
    },
    http::{Along, Content, Result, Shown, Writer},
    noun::{Address, Alone, Card, Face, Noun, Operations, Parts, Restoration, Rule, Where, Writing, find, id_in},
    rights::{self, Place, Reach, Role},
    schema::{
        action_fiche_funding_lines, action_fiche_locations, action_fiche_milestones, action_fiche_notes, action_fiche_participants,
        action_fiche_themes, action_fiche_tools, action_fiches,
    },
    values::{CommitmentWords, Id, VisibilityWords},
};

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
            let reach = along.reach;
            let rows = along
                .rows(async |views, budget, conn| {
                    let parents = views.iter().map(|(id, _)| *id);
                    let rows = action_fiches::table.filter(action_fiches::parent_id.eq_any(parents));
                    let mut rows = rows.order_by((action_fiches::reference, action_fiches::id)).select(ActionFiche::as_select()).into_boxed();
                    if let Some(scope) = rights::fiches(reach) {
                        rows = rows.filter(scope);
                    }
                    Ok(budget.read(rows.load_stream(conn).await?, Budget::spend).await?)
                })
                .await?;
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
            Rule("draft_done", "", "A draft is not done: submit it first.", "Un brouillon n'est pas terminé : soumettez-le d'abord."),
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
