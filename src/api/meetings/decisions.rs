//! The decisions of a meeting. A decision on a fiche moves the validation of that fiche, in the same transaction.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use diesel::{dsl::exists, prelude::*};
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::{Meeting, MeetingStatus};
use crate::{
    db::{
        Conn,
        listing::{Field, Listed, Scope, field, word},
    },
    http::{Content, Problem, Resource, Result, Said, Shown, Writer, sent},
    noun::{Address, Card, Naming, Noun, Of, Operations, Rule, Writing, may_move},
    rights::{self, Place, Reach, Role},
    schema::{action_fiches, meeting_decisions, meetings},
    values::{Count, Id, LongText, Name, Visibility, Vocabulary, Word},
};

/// The words of [`Effect`].
#[derive(Debug, Clone)]
pub struct EffectWords;

impl Vocabulary for EffectWords {
    const NAME: &'static str = "DecisionEffect";
    const ABOUT: &'static str = "The effect of a decision on the validation of a fiche (effet).";
    const WORDS: &'static [(&'static str, &'static str)] =
        &[("none", "Aucun"), ("validated", "Validation"), ("postponed", "Ajournement"), ("refused", "Refus"), ("withdrawn", "Retrait")];
}

/// The effect of a decision on the validation of a fiche (effet).
pub type Effect = Word<EffectWords>;

impl Effect {
    /// The decision has no effect on a fiche.
    const NONE: Self = Self::of("none");
}

/// A decision of a meeting (décision), with its effect on a fiche.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = meeting_decisions, check_for_backend(diesel::pg::Pg))]
#[schema(as = MeetingDecision)]
pub struct Decision {
    pub id: Id,
    /// The meeting that this belongs to (réunion).
    pub meeting_id: Id,
    /// The place of the decision in the minutes (ordre).
    pub position: Option<Count>,
    /// The decision, in words (décision).
    pub text: LongText,
    /// The fiche that the decision is about (fiche action).
    pub action_fiche_id: Option<Id>,
    pub effect: Effect,
    /// Why it was decided so (motif).
    pub reason: Option<LongText>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
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

/// The body of a request that creates one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = meeting_decisions, treat_none_as_default_value = false)]
#[schema(as = NewMeetingDecision)]
pub struct NewDecision {
    /// The place of the decision in the minutes (ordre).
    position: Option<Count>,
    /// The decision, in words (décision).
    text: LongText,
    /// The fiche that the decision is about (fiche action).
    action_fiche_id: Option<Id>,
    #[serde(default)]
    effect: Effect,
    /// Why it was decided so (motif). A decision with an effect on a fiche shows its reason to everyone who may see the fiche.
    reason: Option<LongText>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = meeting_decisions)]
#[schema(as = MeetingDecisionPatch)]
pub struct DecisionPatch {
    /// The place of the decision in the minutes (ordre).
    position: Option<Option<Count>>,
    /// The decision, in words (décision).
    text: Option<LongText>,
    /// Why it was decided so (motif).
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

impl Noun for Decision {
    const CARD: Card = Card {
        table: "meeting_decisions",
        one: "meeting_decision",
        a: "a decision of a meeting",
        all: "the decisions of a meeting",
        rules: &[Rule("effect_of_fiche", "/action_fiche_id", "An effect is on a fiche.", "Un effet porte sur une fiche.")],
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing::WHOLE;
    const NAMES: &'static [Naming<Self>] = &[Naming::<Self>::fiche(|new| new.action_fiche_id, |_| None)];
    type Whole = Of<Meeting, meeting_decisions::meeting_id>;
    type Right = Content;
    type New = NewDecision;
    type Patch = DecisionPatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes)
            .list()
            .saying(
                "A decision with an effect moves the validation of its fiche in the same transaction; the caller must be an approver of the \
                    territory of the fiche. A move that the state of the fiche does not allow is refused with 409, which lists the allowed \
                    moves. The decision that set the present validation of a fiche cannot be removed.",
            )
            .create()
            .read()
            .update()
            .delete();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        meeting_decisions::table.find(at.id).filter(meeting_decisions::meeting_id.eq(at.whole)).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewDecision, conn: &mut Conn) -> Result<Self> {
        let row = (meeting_decisions::id.eq(at.id), meeting_decisions::meeting_id.eq(at.whole), new);
        let decision = diesel::insert_into(meeting_decisions::table).values(row).returning(Self::as_returning()).get_result(conn).await?;
        if let Some(fiche) = new.action_fiche_id {
            decide(at, fiche, new, conn).await?;
        }
        Ok(decision)
    }
    async fn patch(at: Address<Self>, patch: &DecisionPatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(meeting_decisions::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(meeting_decisions::table.find(at.id)).execute(conn).await
    }
    async fn may_make(new: &NewDecision, by: &Writer, conn: &mut Conn) -> Result<()> {
        may_decide(new.action_fiche_id, &new.effect, by, conn).await
    }
    /// Finds and locks the decision. A decision with an effect on a fiche is for an approver of the territory of that fiche.
    async fn may_write(&self, by: &Writer, conn: &mut Conn) -> Result<()> {
        may_decide(self.action_fiche_id, &self.effect, by, conn).await
    }
}

/// Refuses (403) a decision with an effect on a fiche, unless the caller is an approver of the territory of the fiche.
async fn may_decide(fiche: Option<Id>, effect: &Effect, by: &Writer, conn: &mut Conn) -> Result<()> {
    let Some(fiche) = fiche.filter(|_| *effect != Effect::NONE) else { return Ok(()) };
    let territory = action_fiches::table.find(fiche).select(action_fiches::territory_id).first(conn).await?;
    by.within_as(Role::APPROVER, &Place::territory(territory))
}

/// Refuses a status other than `held` for a meeting that has decisions with an effect on a fiche.
pub(super) async fn check_held(meeting: &Meeting, conn: &mut Conn) -> Result<()> {
    if meeting.status == MeetingStatus::HELD {
        return Ok(());
    }
    let decisions = meeting_decisions::table.filter(meeting_decisions::meeting_id.eq(meeting.id).and(meeting_decisions::effect.ne(Effect::NONE)));
    if diesel::select(exists(decisions)).get_result(conn).await? {
        return Err(Problem::body("/status", "not_held", Said::new("The meeting has decided.", "La réunion a décidé.")));
    }
    Ok(())
}

/// The fiche that a decision is about, before the decision.
#[derive(Queryable)]
struct Decided {
    territory_id: Id,
    validation: Name,
    visibility: Visibility,
}

/// Moves the validation of the fiche that a decision is about.
async fn decide(at: Address<Decision>, fiche: Id, new: &NewDecision, conn: &mut Conn) -> Result<()> {
    let found = action_fiches::table
        .find(fiche)
        .select((action_fiches::territory_id, action_fiches::validation, action_fiches::visibility))
        .for_no_key_update();
    let found: Decided = found.first(conn).await?;
    let meeting = meetings::table.find(at.whole).select((meetings::territory_id, meetings::status, meetings::visibility));
    let (place, status, visibility): (Option<Id>, MeetingStatus, Visibility) = meeting.first(conn).await?;
    if place.is_some_and(|territory| territory != found.territory_id) {
        let said = Said::new("The fiche is of another territory than the meeting.", "La fiche est d'un autre territoire que la réunion.");
        return Err(Problem::body("/action_fiche_id", "other_territory", said));
    }
    if new.effect == Effect::NONE {
        return Ok(());
    }
    if status != MeetingStatus::HELD {
        let said = Said::new("A meeting decides once it is held.", "Une réunion décide une fois tenue.");
        return Err(Problem::body("/effect", "not_held", said));
    }
    // Everyone who may see the fiche sees the reason of its validation. The text of the decision stands in for a missing reason only when
    // the meeting is visible to all of them.
    let open = visibility.code() == "public" || visibility.code() == found.visibility.code();
    let reason = new.reason.as_ref().or(open.then_some(&new.text));
    // A move that needs a reason has one: the fiche cites the decision.
    may_move("validation", found.validation.as_str(), new.effect.code(), "/effect", true)?;
    let change = (
        action_fiches::validation.eq(new.effect.code()),
        action_fiches::validation_since.eq(Utc::now()),
        action_fiches::validation_reason.eq(reason),
        action_fiches::validation_decision_id.eq(at.id),
    );
    diesel::update(action_fiches::table.find(fiche)).set(change).execute(conn).await?;
    Ok(())
}
