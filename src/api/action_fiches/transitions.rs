//! The moves of a fiche. Its validation and its progress change by moves only; each move leads from one state to another.

use actix_web::{get, post, web::Data};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::ActionFiche;
use crate::{
    db::{Caused, Conn, Db},
    http::{At, Editor, IfMatch, Json, Problem, Result, Said, Tagged, kinds},
    noun::{Address, Noun, in_words, may_move, open},
    schema::action_fiches,
    values::{Id, LongText, MOVES, Move, Vocabulary, Word},
};

/// The words of [`Axis`].
#[derive(Debug, Clone)]
pub struct AxisWords;

impl Vocabulary for AxisWords {
    const NAME: &'static str = "TransitionAxis";
    const ABOUT: &'static str = "Along which axis a fiche moves (axe d'état).";
    const WORDS: &'static [(&'static str, &'static str)] = &[("validation", "Validation"), ("progress", "Avancement")];
}

/// The axis along which a fiche moves (axe d'état).
pub type Axis = Word<AxisWords>;

/// The words of [`State`].
#[derive(Debug, Clone)]
pub struct StateWords;

impl Vocabulary for StateWords {
    const NAME: &'static str = "TransitionState";
    const ABOUT: &'static str = "The state that a fiche moves to (état).";
    const WORDS: &'static [(&'static str, &'static str)] = &[
        ("draft", "Brouillon"),
        ("submitted", "Soumise"),
        ("validated", "Validée"),
        ("postponed", "Ajournée"),
        ("refused", "Refusée"),
        ("withdrawn", "Retirée"),
        ("not_started", "Non démarrée"),
        ("in_progress", "En cours"),
        ("paused", "En pause"),
        ("blocked", "Bloquée"),
        ("done", "Terminée"),
        ("abandoned", "Abandonnée"),
        ("unknown", "Inconnu"),
    ];
}

/// The state that a fiche moves to (état).
pub type State = Word<StateWords>;

/// A move that a fiche can make along one of its axes (transition).
#[derive(Debug, Serialize, ToSchema)]
pub struct Transition {
    axis: Axis,
    from: State,
    to: State,
    /// Must the request give a reason (motif obligatoire)?
    reason_needed: bool,
}

/// All moves that a fiche can make (matrice des transitions).
#[derive(Debug, Serialize, ToSchema)]
pub struct Transitions {
    #[schema(max_items = 100)]
    data: Vec<Transition>,
}

/// The move that a fiche is to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTransition {
    axis: Axis,
    to: State,
    /// The reason (motif): the decision that was taken, what blocks the fiche, or why it is taken up again.
    reason: Option<LongText>,
}

impl NewTransition {
    /// Does this move need the decision of a committee?
    fn decides(&self) -> bool {
        self.axis.code() == "validation" && matches!(self.to.code(), "validated" | "postponed" | "refused" | "withdrawn")
    }
}

/// Registers the operations of this noun.
pub fn routes(routes: &mut ServiceConfig) {
    routes.service(list_action_fiche_transitions).service(create_action_fiche_transition);
}

/// List the moves that a fiche can make
#[utoipa::path(responses((status = OK, body = Transitions)))]
#[get("/action-fiches/transitions")]
async fn list_action_fiche_transitions() -> Result<Tagged<Transitions>> {
    let known = |_| Problem::new(&kinds::INTERNAL);
    let shown = |Move(axis, from, to, reason): &Move| -> Result<Transition> {
        let (axis, from, to) = (Word::parse(axis), Word::parse(from), Word::parse(to));
        Ok(Transition { axis: axis.map_err(known)?, from: from.map_err(known)?, to: to.map_err(known)?, reason_needed: *reason })
    };
    // The ETag is made of the moves themselves: they may differ in another release.
    let sum = MOVES.iter().fold(crc32fast::Hasher::new(), |mut sum, Move(axis, from, to, reason)| {
        sum.update(format!("{axis} {from} {to} {reason};").as_bytes());
        sum
    });
    let version = i32::try_from(sum.finalize() >> 1).map_err(|_| Problem::new(&kinds::INTERNAL))?;
    Ok(Tagged(version, Transitions { data: MOVES.iter().map(shown).collect::<Result<_>>()? }))
}

/// Move a fiche along one of its axes
///
/// Changes the validation or the progress of a fiche. A move that is not allowed is refused with 409, which lists the allowed moves. Only
/// the decision of a meeting validates, postpones, refuses or withdraws a fiche: `POST /meetings/{id}/decisions`.
#[utoipa::path(params(("If-Match" = String, Header)), responses((status = OK, body = ActionFiche)))]
#[post("/action-fiches/{id}/transitions")]
async fn create_action_fiche_transition(
    db: Data<Db>,
    editor: Editor,
    At(id): At,
    if_match: IfMatch,
    body: Json<NewTransition>,
) -> Result<Tagged<ActionFiche>> {
    db.write(&editor, async |conn| {
        let fiche = open::<ActionFiche>(Address::alone(id), &ActionFiche::WRITING.change, &editor, conn).await?;
        if_match.check(&fiche, conn).await?;
        let step = body.valid()?;
        if step.decides() {
            let said = Said::new("A meeting decides on it: record its decision.", "Une réunion en décide : enregistrez sa décision.");
            return Err(Problem::body("/to", "needs_decision", said));
        }
        // A rule that the move would break is told of the move.
        let moved = advance(fiche, &step, conn).await;
        moved.map(Tagged::from).map_err(|problem| if problem.caused().is_some() { in_words::<ActionFiche>(problem).at("/to") } else { problem })
    })
    .await
}

#[derive(AsChangeset)]
#[diesel(table_name = action_fiches, treat_none_as_null = true)]
struct Validated<'a> {
    validation: &'a str,
    validation_since: DateTime<Utc>,
    validation_reason: Option<&'a LongText>,
    validation_decision_id: Option<Id>,
}

#[derive(AsChangeset)]
#[diesel(table_name = action_fiches, treat_none_as_null = true)]
struct Progressed<'a> {
    progress: &'a str,
    progress_since: DateTime<Utc>,
    progress_reason: Option<&'a LongText>,
}

/// Makes one move, if it is allowed from the present state of the fiche.
async fn advance(fiche: ActionFiche, step: &NewTransition, conn: &mut Conn) -> Result<ActionFiche> {
    let (axis, to) = (step.axis.code(), step.to.code());
    let from = if axis == "validation" { fiche.validation.code() } else { fiche.progress.code() };
    may_move(axis, from, to, "/to", step.reason.is_some())?;
    let (since, reason) = (Utc::now(), step.reason.as_ref());
    let target = action_fiches::table.find(fiche.id);
    Ok(if axis == "validation" {
        let change = Validated { validation: to, validation_since: since, validation_reason: reason, validation_decision_id: None };
        diesel::update(target).set(change).returning(ActionFiche::as_returning()).get_result(conn).await?
    } else {
        let change = Progressed { progress: to, progress_since: since, progress_reason: reason };
        diesel::update(target).set(change).returning(ActionFiche::as_returning()).get_result(conn).await?
    })
}

/// Makes the past moves of a fiche of the demo data, one after the other.
pub async fn advance_all(id: Id, steps: &[NewTransition], conn: &mut Conn) -> Result<()> {
    let mut fiche = ActionFiche::fetch(Address::alone(id), conn).await?;
    for step in steps {
        fiche = advance(fiche, step, conn).await?;
    }
    Ok(())
}
