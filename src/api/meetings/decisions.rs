//! What a meeting decided, and what follows for the fiches: a decision moves their validation in the same transaction.

use std::sync::LazyLock;

use actix_web::{delete, get, patch, post, web::Data};
use chrono::{DateTime, Utc};
use diesel::{dsl::exists, prelude::*};
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{Meeting, MeetingStatus};
use crate::{
    db::{
        Conn, Db,
        listing::{Field, Listed, Scope, field, word},
    },
    http::{
        At, Created, Editor, IfMatch, Json, List, NoContent, One, OrGone, OrUnchanged, Page, PartOf, Problem, Resource, Result, Said, Shown, Tagged,
        may_name_fiche, sent,
    },
    rights::{self, Place, Reach},
    schema::{action_fiches, meeting_decisions, meetings},
    values::{Count, Id, LongText, Move, Name, Visibility, Vocabulary, Word},
};

/// The words of [`Effect`].
#[derive(Debug, Clone)]
pub struct EffectWords;

impl Vocabulary for EffectWords {
    const NAME: &'static str = "DecisionEffect";
    const ABOUT: &'static str = "What follows from a decision for the validation of a fiche (effet).";
    const WORDS: &'static [(&'static str, &'static str)] =
        &[("none", "Aucun"), ("validated", "Validation"), ("postponed", "Ajournement"), ("refused", "Refus"), ("withdrawn", "Retrait")];
}

/// What follows from a decision for the validation of a fiche (effet).
pub type Effect = Word<EffectWords>;

/// A decision of a meeting (décision), with its effect on a fiche.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = meeting_decisions, check_for_backend(diesel::pg::Pg))]
#[schema(as = MeetingDecision)]
pub struct Decision {
    pub id: Id,
    /// The meeting it is part of.
    pub meeting_id: Id,
    /// Its place in the record.
    pub position: Option<Count>,
    /// What was decided.
    pub text: LongText,
    /// The fiche it is about.
    pub action_fiche_id: Option<Id>,
    pub effect: Effect,
    /// Why.
    pub reason: Option<LongText>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Decision {
    fn id(&self) -> Id {
        self.id
    }
    fn version(&self) -> i32 {
        self.version
    }
}

/// What it takes to make one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = meeting_decisions, treat_none_as_default_value = false)]
#[schema(as = NewMeetingDecision)]
pub struct NewDecision {
    /// Its place in the record.
    position: Option<Count>,
    /// What was decided.
    text: LongText,
    /// The fiche it is about.
    action_fiche_id: Option<Id>,
    #[serde(default)]
    effect: Effect,
    /// Why. With an effect, it is told with the fiche, to whom the fiche is for.
    reason: Option<LongText>,
}

impl NewDecision {
    /// Refuses what the caller may not know.
    pub(super) async fn check(&self, reach: &Reach, conn: &mut Conn) -> Result<()> {
        may_name_fiche(self.action_fiche_id, reach, conn).await?;
        Ok(())
    }
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = meeting_decisions)]
#[schema(as = MeetingDecisionPatch)]
pub struct DecisionPatch {
    /// Its place in the record.
    position: Option<Option<Count>>,
    /// What was decided.
    text: Option<LongText>,
    /// Why.
    reason: Option<Option<LongText>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(meeting_decisions::position).sorted(),
        field(meeting_decisions::action_fiche_id),
        word::<EffectWords, _>(meeting_decisions::effect),
        field(meeting_decisions::created_at).sorted(),
        field(meeting_decisions::updated_at).sorted(),
    ]
});

impl Listed for Decision {
    type Table = meeting_decisions::table;
    type Key = meeting_decisions::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Decision {
    type View = Self;
    const ORDER: &'static str = "position";

    fn scope(reach: &Reach) -> Option<Scope<meeting_decisions::table>> {
        rights::of_visible_fiche(meeting_decisions::action_fiche_id, reach)
    }
}

/// Its operations.
pub fn routes(routes: &mut ServiceConfig) {
    routes
        .service(list_meeting_decisions)
        .service(create_meeting_decision)
        .service(read_meeting_decision)
        .service(update_meeting_decision)
        .service(delete_meeting_decision);
}

/// What a fiche stands by is written by who decides on it.
async fn lock(path: PartOf, editor: &Editor, conn: &mut Conn) -> Result<Decision> {
    super::lock(path.id, editor, conn).await?;
    let decision = find(path, editor.reach(), conn).await?;
    may_decide(decision.action_fiche_id, &decision.effect, editor, conn).await?;
    Ok(decision)
}

async fn find(path: PartOf, reach: &Reach, conn: &mut Conn) -> Result<Decision> {
    let mut part =
        meeting_decisions::table.find(path.part).filter(meeting_decisions::meeting_id.eq(path.id)).select(Decision::as_select()).into_boxed();
    if let Some(scope) = Decision::scope(reach) {
        part = part.filter(scope);
    }
    part.first(conn).await.or_gone("meeting_decisions", Some(path.id), path.part, reach, conn).await
}

/// A fiche, as a decision finds it.
#[derive(Queryable)]
struct Decided {
    territory_id: Id,
    validation: Name,
    visibility: Visibility,
}

/// Who decides on a fiche is an approver of its territory.
async fn may_decide(fiche: Option<Id>, effect: &Effect, editor: &Editor, conn: &mut Conn) -> Result<()> {
    let Some(fiche) = fiche.filter(|_| effect.code() != "none") else { return Ok(()) };
    let territory = action_fiches::table.find(fiche).select(action_fiches::territory_id).first(conn).await?;
    editor.within_as("approver", &Place::territory(territory))
}

impl NewDecision {
    /// Who decides on a fiche is an approver of its territory.
    pub(super) async fn may_decide(&self, editor: &Editor, conn: &mut Conn) -> Result<()> {
        may_decide(self.action_fiche_id, &self.effect, editor, conn).await
    }
}

/// Refuses that a meeting which decided was not held.
pub(super) async fn check_held(meeting: &Meeting, conn: &mut Conn) -> Result<()> {
    let decisions = meeting_decisions::table.filter(meeting_decisions::meeting_id.eq(meeting.id).and(meeting_decisions::effect.ne("none")));
    if meeting.status.code() != "held" && diesel::select(exists(decisions)).get_result(conn).await? {
        return Err(Problem::body("/status", "not_held", Said::new("The meeting has decided.", "La réunion a décidé.")));
    }
    Ok(())
}

/// Adds one to its meeting, and moves the fiche that it decides on.
pub async fn insert(meeting_id: Id, new: &NewDecision, conn: &mut Conn) -> Result<Decision> {
    let row = (meeting_decisions::id.eq(Id::new()), meeting_decisions::meeting_id.eq(meeting_id), new);
    let decision: Decision = diesel::insert_into(meeting_decisions::table).values(row).returning(Decision::as_returning()).get_result(conn).await?;
    let (effect, Some(fiche)) = (new.effect.code(), new.action_fiche_id) else { return Ok(decision) };
    let found = action_fiches::table
        .find(fiche)
        .select((action_fiches::territory_id, action_fiches::validation, action_fiches::visibility))
        .for_no_key_update();
    let found: Decided = found.first(conn).await?;
    let meeting = meetings::table.find(meeting_id).select((meetings::territory_id, meetings::status, meetings::visibility));
    let (place, status, visibility): (Option<Id>, MeetingStatus, Visibility) = meeting.first(conn).await?;
    if place.is_some_and(|territory| territory != found.territory_id) {
        let said = Said::new("The fiche is of another territory than the meeting.", "La fiche est d'un autre territoire que la réunion.");
        return Err(Problem::body("/action_fiche_id", "other_territory", said));
    }
    if effect != "none" {
        if status.code() != "held" {
            let said = Said::new("A meeting decides once it is held.", "Une réunion décide une fois tenue.");
            return Err(Problem::body("/effect", "not_held", said));
        }
        // What the meeting says is told with the fiche to whom the fiche is for: no more than its reason, unless the meeting is
        // for them too.
        let open = visibility.code() == "public" || visibility.code() == found.visibility.code();
        let from = found.validation.as_str();
        if !Move::all_from("validation", from).any(|Move(_, _, to, _)| *to == effect) {
            let allowed = Move::all_from("validation", from).map(|Move(_, _, to, _)| *to).collect();
            return Err(Problem::forbidden_transition("/effect", from, allowed));
        }
        let change = (
            action_fiches::validation.eq(effect),
            action_fiches::validation_since.eq(Utc::now()),
            action_fiches::validation_reason.eq(new.reason.as_ref().or(open.then_some(&new.text))),
            action_fiches::validation_decision_id.eq(decision.id),
        );
        diesel::update(action_fiches::table.find(fiche)).set(change).execute(conn).await?;
    }
    Ok(decision)
}

/// List the decisions of a meeting
#[utoipa::path(params(List<Decision>), responses((status = OK, body = Page<Decision>)))]
#[get("/meetings/{id}/decisions")]
async fn list_meeting_decisions(db: Data<Db>, At(id): At, list: List<Decision>) -> Result<Page<Decision>> {
    list.parts(&db, meeting_decisions::meeting_id, id, super::find).await
}

/// Add a decision of a meeting
///
/// With an effect, it moves the validation of its fiche at the same time: for an approver of the fiche's territory. A move that
/// is not allowed from where the fiche stands is a 409 that lists the allowed ones. What the fiche owes its validation to
/// cannot be removed.
#[utoipa::path(responses((status = CREATED, body = Decision)))]
#[post("/meetings/{id}/decisions")]
async fn create_meeting_decision(db: Data<Db>, editor: Editor, At(id): At, body: Json<NewDecision>) -> Result<Created<Decision>> {
    db.write(&editor, async |conn| {
        super::lock(id, &editor, conn).await?;
        let new = body.valid()?;
        new.check(editor.reach(), conn).await?;
        new.may_decide(&editor, conn).await?;
        Ok(Created(insert(id, &new, conn).await?))
    })
    .await
}

/// Read a decision of a meeting
#[utoipa::path(params(One<Decision>), responses((status = OK, body = Decision)))]
#[get("/meetings/{id}/decisions/{part_id}")]
async fn read_meeting_decision(db: Data<Db>, path: PartOf, one: One<Decision>) -> Result<Tagged<Decision>> {
    one.part(&db, path, super::find, find).await
}

/// Change a decision of a meeting
#[utoipa::path(responses((status = OK, body = Decision)))]
#[patch("/meetings/{id}/decisions/{part_id}")]
async fn update_meeting_decision(
    db: Data<Db>,
    editor: Editor,
    path: PartOf,
    if_match: IfMatch,
    body: Json<DecisionPatch>,
) -> Result<Tagged<Decision>> {
    db.write(&editor, async |conn| {
        let current = lock(path, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;

        let update = diesel::update(meeting_decisions::table.find(path.part)).set(&patch);
        let changed = update.returning(Decision::as_returning()).get_result(conn).await;
        Ok(changed.or_unchanged(current)?.into())
    })
    .await
}

/// Remove a decision of a meeting
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/meetings/{id}/decisions/{part_id}")]
async fn delete_meeting_decision(db: Data<Db>, editor: Editor, path: PartOf, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(path, &editor, conn).await?, conn).await?;
        diesel::delete(meeting_decisions::table.find(path.part)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
