//! Meetings: when a committee met, where, for what, who came and what was decided.

mod attendances;
mod decisions;
mod dossier;

use std::sync::LazyLock;

use actix_web::{delete, get, patch, post, web::Data};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use self::attendances::{Attendance, NewAttendance};
use self::decisions::{Decision, NewDecision};
use crate::{
    db::{
        Conn, Db,
        listing::{Field, Listed, Scope, field, word},
    },
    http::{
        Along, At, Created, Editor, IfMatch, Json, List, NoContent, One, OrGone, OrUnchanged, Page, Resource, Result, Shown, Tagged, sent,
    },
    ledger::history,
    rights::{self, Place, Reach},
    schema::{meeting_attendances, meeting_decisions, meetings},
    values::{
        CommuneCode, Confidence, ConfidenceWords, Count, Day, Id, LongText, Many, Name, Precision, PrecisionWords, RegionCode, ShortText, Visibility,
        VisibilityWords, Vocabulary, Word,
    },
};

/// The words of [`MeetingStatus`].
#[derive(Debug, Clone)]
pub struct MeetingStatusWords;

impl Vocabulary for MeetingStatusWords {
    const NAME: &'static str = "MeetingStatus";
    const ABOUT: &'static str = "Whether a meeting took place (état de la réunion).";
    const WORDS: &'static [(&'static str, &'static str)] = &[("held", "Tenue"), ("planned", "Prévue"), ("cancelled", "Annulée")];
}

/// Whether a meeting took place (état de la réunion).
pub type MeetingStatus = Word<MeetingStatusWords>;

/// A meeting (réunion, séance), of a committee or of none.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = meetings, check_for_backend(diesel::pg::Pg))]
pub struct Meeting {
    pub id: Id,
    /// What it is called, when it has a name.
    pub title: Option<Name>,
    /// The committee that met.
    pub committee_id: Option<Id>,
    /// The territory it is of.
    pub territory_id: Option<Id>,
    /// The region it is of.
    pub region_code: Option<RegionCode>,
    /// Its number among the meetings of its committee (première, deuxième…).
    pub ordinal: Option<Count>,
    /// The day it was held, or is to be, as it is understood.
    pub held_on: Option<Day>,
    /// The same, as the source says it.
    pub held_stated: Option<ShortText>,
    /// How much of it the source tells.
    pub held_precision: Option<Precision>,
    /// How sure it is what it means.
    pub held_confidence: Option<Confidence>,
    pub status: MeetingStatus,
    /// Where, as the source says it.
    pub place: Option<ShortText>,
    /// In which commune.
    pub commune_code: Option<CommuneCode>,
    /// The partner in whose house it was.
    pub host_partner_id: Option<Id>,
    /// What it was for, in order (objet, ordre du jour).
    pub purposes: Many<LongText>,
    pub note: Option<LongText>,
    pub visibility: Visibility,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Meeting {
    /// Whose it is.
    fn place(&self) -> Place {
        Place::at("", self.territory_id, self.region_code.clone())
    }
}

impl Resource for Meeting {
    fn id(&self) -> Id {
        self.id
    }
    fn version(&self) -> i32 {
        self.version
    }
}

/// A meeting, with what was asked along.
#[serde_with::apply(Option => #[serde(skip_serializing_if = "Option::is_none")])]
#[derive(Debug, Serialize, ToSchema)]
pub struct MeetingView {
    #[serde(flatten)]
    meeting: Meeting,
    /// Who attended.
    attendances: Option<Vec<Attendance>>,
    /// What was decided.
    decisions: Option<Vec<Decision>>,
}

impl From<Meeting> for MeetingView {
    fn from(meeting: Meeting) -> Self {
        Self { meeting, attendances: None, decisions: None }
    }
}

/// What it takes to make one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = meetings, treat_none_as_default_value = false)]
pub struct NewMeeting {
    /// What it is called, when it has a name.
    title: Option<Name>,
    /// The committee that met.
    committee_id: Option<Id>,
    /// The territory it is of.
    territory_id: Option<Id>,
    /// The region it is of.
    region_code: Option<RegionCode>,
    /// Its number among the meetings of its committee (première, deuxième…).
    ordinal: Option<Count>,
    /// The day it was held, or is to be, as it is understood.
    held_on: Option<Day>,
    /// The same, as the source says it.
    held_stated: Option<ShortText>,
    /// How much of it the source tells.
    held_precision: Option<Precision>,
    /// How sure it is what it means.
    held_confidence: Option<Confidence>,
    #[serde(default)]
    status: MeetingStatus,
    /// Where, as the source says it.
    place: Option<ShortText>,
    /// In which commune.
    commune_code: Option<CommuneCode>,
    /// The partner in whose house it was.
    host_partner_id: Option<Id>,
    /// What it was for, in order (objet, ordre du jour).
    #[serde(default)]
    purposes: Many<LongText>,
    note: Option<LongText>,
    #[serde(default)]
    visibility: Visibility,
    /// Who attended.
    #[serde(default)]
    #[diesel(skip_insertion)]
    attendances: Many<NewAttendance>,
    /// What was decided.
    #[serde(default)]
    #[diesel(skip_insertion)]
    decisions: Many<NewDecision>,
}

impl NewMeeting {
    /// Whose it is to be.
    fn place(&self) -> Place {
        Place::at("", self.territory_id, self.region_code.clone())
    }

    /// Refuses what the caller may not know.
    async fn check(&self, reach: &Reach, conn: &mut Conn) -> Result<()> {
        for (index, child) in self.attendances.iter().enumerate() {
            child.check(reach, conn).await.map_err(|problem| problem.inside("attendances", index))?;
        }
        for (index, child) in self.decisions.iter().enumerate() {
            child.check(reach, conn).await.map_err(|problem| problem.inside("decisions", index))?;
        }
        Ok(())
    }
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = meetings)]
pub struct MeetingPatch {
    /// What it is called, when it has a name.
    title: Option<Option<Name>>,
    /// Its number among the meetings of its committee (première, deuxième…).
    ordinal: Option<Option<Count>>,
    /// The day it was held, or is to be, as it is understood.
    held_on: Option<Option<Day>>,
    /// The same, as the source says it.
    held_stated: Option<Option<ShortText>>,
    /// How much of it the source tells.
    held_precision: Option<Option<Precision>>,
    /// How sure it is what it means.
    held_confidence: Option<Option<Confidence>>,
    status: Option<MeetingStatus>,
    /// Where, as the source says it.
    place: Option<Option<ShortText>>,
    /// In which commune.
    commune_code: Option<Option<CommuneCode>>,
    /// The partner in whose house it was.
    host_partner_id: Option<Option<Id>>,
    /// What it was for, in order (objet, ordre du jour).
    purposes: Option<Many<LongText>>,
    note: Option<Option<LongText>>,
    visibility: Option<Visibility>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(meetings::search),
        field(meetings::committee_id),
        field(meetings::territory_id),
        field(meetings::region_code),
        field(meetings::ordinal).sorted(),
        field(meetings::held_on).sorted(),
        word::<PrecisionWords, _>(meetings::held_precision),
        word::<ConfidenceWords, _>(meetings::held_confidence),
        word::<MeetingStatusWords, _>(meetings::status).sorted(),
        field(meetings::commune_code),
        field(meetings::host_partner_id),
        word::<VisibilityWords, _>(meetings::visibility),
        field(meeting_attendances::person_id)
            .linked(meeting_attendances::meeting_id, meetings::id)
            .named("person_id", "Which this person attended.")
            .personal(meeting_attendances::id),
        field(meeting_attendances::partner_id)
            .linked(meeting_attendances::meeting_id, meetings::id)
            .named("partner_id", "Which this partner attended."),
        field(meetings::created_at).sorted(),
        field(meetings::updated_at).sorted(),
    ]
});

impl Listed for Meeting {
    type Table = meetings::table;
    type Key = meetings::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Meeting {
    type View = MeetingView;
    const INCLUDES: &'static [(&'static str, &'static str)] = &[("attendances", "Who attended."), ("decisions", "What was decided.")];
    const ORDER: &'static str = "-held_on";

    fn scope(reach: &Reach) -> Option<Scope<meetings::table>> {
        let of_regions = meetings::region_code.is_not_null().and(meetings::region_code.assume_not_null().eq_any(reach.regions.clone()));
        Some(rights::visible(meetings::visibility, meetings::territory_id, reach)?.or(Scope::of(of_regions)))
    }

    async fn include(along: &mut Along<'_, MeetingView>) -> Result<()> {
        along.parts("attendances", meeting_attendances::meeting_id, |row: &Attendance| row.meeting_id, |view| &mut view.attendances).await?;
        along.parts("decisions", meeting_decisions::meeting_id, |row: &Decision| row.meeting_id, |view| &mut view.decisions).await
    }
}

/// Its operations.
pub fn routes(routes: &mut ServiceConfig) {
    attendances::routes(routes);
    decisions::routes(routes);
    dossier::routes(routes);
    routes.service(list_meetings).service(create_meeting).service(read_meeting).service(update_meeting).service(delete_meeting);
}

async fn find(id: Id, reach: &Reach, conn: &mut Conn) -> Result<Meeting> {
    let mut meeting = meetings::table.find(id).select(Meeting::as_select()).into_boxed();
    if let Some(scope) = Meeting::scope(reach) {
        meeting = meeting.filter(scope);
    }
    meeting.first(conn).await.or_gone("meetings", None, id, reach, conn).await
}

async fn lock(id: Id, editor: &Editor, conn: &mut Conn) -> Result<Meeting> {
    find(id, editor.reach(), conn).await?;
    let meeting = meetings::table.find(id).select(Meeting::as_select()).for_no_key_update();
    let meeting = meeting.first(conn).await.or_gone("meetings", None, id, editor.reach(), conn).await?;
    editor.within(&meeting.place())?;
    Ok(meeting)
}

/// Makes one under this identifier, with its parts.
pub async fn insert(id: Id, new: &NewMeeting, conn: &mut Conn) -> Result<Meeting> {
    let row = (meetings::id.eq(id), new);
    let meeting = diesel::insert_into(meetings::table).values(row).returning(Meeting::as_returning()).get_result(conn).await?;
    for (index, child) in new.attendances.iter().enumerate() {
        attendances::insert(id, child, conn).await.map_err(|problem| problem.inside("attendances", index))?;
    }
    for (index, child) in new.decisions.iter().enumerate() {
        decisions::insert(id, child, conn).await.map_err(|problem| problem.inside("decisions", index))?;
    }
    Ok(meeting)
}

/// List meetings
#[utoipa::path(params(List<Meeting>), responses((status = OK, body = Page<MeetingView>)))]
#[get("/meetings")]
async fn list_meetings(db: Data<Db>, list: List<Meeting>) -> Result<Page<MeetingView>> {
    list.page(&db).await
}

/// Create a meeting
#[utoipa::path(responses((status = CREATED, body = Meeting)))]
#[post("/meetings")]
async fn create_meeting(db: Data<Db>, editor: Editor, body: Json<NewMeeting>) -> Result<Created<Meeting>> {
    db.write(&editor, async |conn| {
        let new = body.valid()?;
        editor.within(&new.place())?;
        new.check(editor.reach(), conn).await?;
        for (index, decision) in new.decisions.iter().enumerate() {
            decision.may_decide(&editor, conn).await.map_err(|problem| problem.inside("decisions", index))?;
        }
        Ok(Created(insert(Id::new(), &new, conn).await?))
    })
    .await
}

/// Read a meeting
#[utoipa::path(params(One<Meeting>), responses((status = OK, body = MeetingView)))]
#[get("/meetings/{id}")]
async fn read_meeting(db: Data<Db>, At(id): At, one: One<Meeting>) -> Result<Tagged<MeetingView>> {
    one.answer(&db, id, find).await
}

/// Change a meeting
#[utoipa::path(responses((status = OK, body = Meeting)))]
#[patch("/meetings/{id}")]
async fn update_meeting(db: Data<Db>, editor: Editor, At(id): At, if_match: IfMatch, body: Json<MeetingPatch>) -> Result<Tagged<Meeting>> {
    db.write(&editor, async |conn| {
        let current = lock(id, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;
        let update = diesel::update(meetings::table.find(id)).set(&patch);
        let changed = update.returning(Meeting::as_returning()).get_result(conn).await;
        let meeting = changed.or_unchanged(current)?;
        if patch.status.is_some() {
            decisions::check_held(&meeting, conn).await?;
        }
        Ok(meeting.into())
    })
    .await
}

/// Delete a meeting
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/meetings/{id}")]
async fn delete_meeting(db: Data<Db>, editor: Editor, At(id): At, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        let meeting = lock(id, &editor, conn).await?;
        for territory in history::decided_in(id, conn).await? {
            editor.within_as("approver", &Place::territory(territory))?;
        }
        if_match.check(&meeting, conn).await?;
        diesel::delete(meetings::table.find(id)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
