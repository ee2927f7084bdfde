//! Meetings: when and where a committee met, why, who attended and what was decided.

mod attendances;
mod decisions;
mod dossier;

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use diesel::{prelude::*, sql_query};
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use self::attendances::{Attendance, NewAttendance};
use self::decisions::{Decision, NewDecision};
use crate::{
    db::{
        Conn,
        listing::{Field, Listed, Scope, code, field, word},
    },
    http::{Along, Content, Resource, Result, Shown, Writer, sent},
    noun::{Address, Alone, Card, Face, Noun, Operations, Parts, Restoration, Rule, Writing},
    rights::{self, Place, Reach, Role},
    schema::{meeting_attendances, meeting_decisions, meetings},
    values::{
        CommuneCode, Confidence, ConfidenceWords, Count, Day, Id, LongText, Many, Name, Precision, PrecisionWords, RegionCode, ShortText, Visibility,
        VisibilityWords, Vocabulary, Word, rules,
    },
};

/// The words of [`MeetingStatus`].
#[derive(Debug, Clone)]
pub struct MeetingStatusWords;

impl Vocabulary for MeetingStatusWords {
    const NAME: &'static str = "MeetingStatus";
    const ABOUT: &'static str = "Did the meeting take place (état de la réunion)?";
    const WORDS: &'static [(&'static str, &'static str)] = &[("held", "Tenue"), ("planned", "Prévue"), ("cancelled", "Annulée")];
}

/// Did the meeting take place (état de la réunion)?
pub type MeetingStatus = Word<MeetingStatusWords>;

impl MeetingStatus {
    /// The meeting took place.
    const HELD: Self = Self::of("held");
}

/// A meeting (réunion, séance), of a committee or of none.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = meetings, check_for_backend(diesel::pg::Pg))]
pub struct Meeting {
    pub id: Id,
    /// The name of the meeting; null when it has none (intitulé).
    pub title: Option<Name>,
    /// The committee that met (comité); null for a meeting without a committee.
    pub committee_id: Option<Id>,
    /// The territory (territoire) that the meeting is about.
    pub territory_id: Option<Id>,
    /// The region (région) that the meeting is about.
    pub region_code: Option<RegionCode>,
    /// The number of the meeting among those of its committee (première, deuxième…).
    pub ordinal: Option<Count>,
    /// The day of the meeting, past or planned, as the service reads the source (date de réunion).
    pub held_on: Option<Day>,
    /// The same date, in the words of the source (date telle que la source la donne).
    pub held_stated: Option<ShortText>,
    /// How exact the date is in the source (précision): a day, a month, a season, a year.
    pub held_precision: Option<Precision>,
    /// How sure the reading of the source's words is (fiabilité).
    pub held_confidence: Option<Confidence>,
    pub status: MeetingStatus,
    /// The place, in the words of the source (lieu).
    pub place: Option<ShortText>,
    /// The commune, by its code of the COG (code commune).
    pub commune_code: Option<CommuneCode>,
    /// The partner that hosted it, in its own premises (hôte).
    pub host_partner_id: Option<Id>,
    /// The purposes of the meeting, in order (objet, ordre du jour).
    pub purposes: Many<LongText>,
    pub note: Option<LongText>,
    pub visibility: Visibility,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Meeting {
    fn id(&self) -> Id {
        self.id
    }
    fn version(&self) -> i32 {
        self.version
    }
}

/// A meeting, with the related things that `include` names.
#[serde_with::apply(Option => #[serde(skip_serializing_if = "Option::is_none")])]
#[derive(Debug, Serialize, ToSchema)]
pub struct MeetingView {
    #[serde(flatten)]
    meeting: Meeting,
    /// Who attended the meeting (présences).
    attendances: Option<Vec<Attendance>>,
    /// The decisions (décisions).
    decisions: Option<Vec<Decision>>,
}

impl From<Meeting> for MeetingView {
    fn from(meeting: Meeting) -> Self {
        Self { meeting, attendances: None, decisions: None }
    }
}

/// The body of a request that creates one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = meetings, treat_none_as_default_value = false)]
pub struct NewMeeting {
    /// The name of the meeting; null when it has none (intitulé).
    title: Option<Name>,
    /// The committee that met (comité); null for a meeting without a committee.
    committee_id: Option<Id>,
    /// The territory (territoire) that the meeting is about.
    territory_id: Option<Id>,
    /// The region (région) that the meeting is about.
    region_code: Option<RegionCode>,
    /// The number of the meeting among those of its committee (première, deuxième…).
    ordinal: Option<Count>,
    /// The day of the meeting, past or planned, as the service reads the source (date de réunion).
    held_on: Option<Day>,
    /// The same date, in the words of the source (date telle que la source la donne).
    held_stated: Option<ShortText>,
    /// How exact the date is in the source (précision): a day, a month, a season, a year.
    held_precision: Option<Precision>,
    /// How sure the reading of the source's words is (fiabilité).
    held_confidence: Option<Confidence>,
    #[serde(default)]
    status: MeetingStatus,
    /// The place, in the words of the source (lieu).
    place: Option<ShortText>,
    /// The commune, by its code of the COG (code commune).
    commune_code: Option<CommuneCode>,
    /// The partner that hosted it, in its own premises (hôte).
    host_partner_id: Option<Id>,
    /// The purposes of the meeting, in order (objet, ordre du jour).
    #[serde(default)]
    purposes: Many<LongText>,
    note: Option<LongText>,
    #[serde(default)]
    visibility: Visibility,
    /// Who attended the meeting (présences).
    #[serde(default)]
    #[diesel(skip_insertion)]
    attendances: Many<NewAttendance>,
    /// The decisions (décisions).
    #[serde(default)]
    #[diesel(skip_insertion)]
    decisions: Many<NewDecision>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = meetings)]
pub struct MeetingPatch {
    /// The name of the meeting; null when it has none (intitulé).
    title: Option<Option<Name>>,
    /// The number of the meeting among those of its committee (première, deuxième…).
    ordinal: Option<Option<Count>>,
    /// The day of the meeting, past or planned, as the service reads the source (date de réunion).
    held_on: Option<Option<Day>>,
    /// The same date, in the words of the source (date telle que la source la donne).
    held_stated: Option<Option<ShortText>>,
    /// How exact the date is in the source (précision): a day, a month, a season, a year.
    held_precision: Option<Option<Precision>>,
    /// How sure the reading of the source's words is (fiabilité).
    held_confidence: Option<Option<Confidence>>,
    status: Option<MeetingStatus>,
    /// The place, in the words of the source (lieu).
    place: Option<Option<ShortText>>,
    /// The commune, by its code of the COG (code commune).
    commune_code: Option<Option<CommuneCode>>,
    /// The partner that hosted it, in its own premises (hôte).
    host_partner_id: Option<Option<Id>>,
    /// The purposes of the meeting, in order (objet, ordre du jour).
    purposes: Option<Many<LongText>>,
    note: Option<Option<LongText>>,
    visibility: Option<Visibility>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(meetings::search),
        field(meetings::committee_id),
        field(meetings::territory_id),
        code::<rules::RegionCode, _>(meetings::region_code),
        field(meetings::ordinal).sorted(),
        field(meetings::held_on).sorted(),
        word::<PrecisionWords, _>(meetings::held_precision),
        word::<ConfidenceWords, _>(meetings::held_confidence),
        word::<MeetingStatusWords, _>(meetings::status).sorted(),
        code::<rules::CommuneCode, _>(meetings::commune_code),
        field(meetings::host_partner_id),
        word::<VisibilityWords, _>(meetings::visibility),
        field(meeting_attendances::person_id)
            .linked(meeting_attendances::meeting_id, meetings::id)
            .named("person_id", "Those that this person attended.")
            .personal(meeting_attendances::id),
        field(meeting_attendances::partner_id)
            .linked(meeting_attendances::meeting_id, meetings::id)
            .named("partner_id", "Those that this partner attended."),
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
    const INCLUDES: &'static [(&'static str, &'static str)] =
        &[("attendances", "The attendances (présences)."), ("decisions", "The decisions (décisions).")];
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

impl Noun for Meeting {
    const CARD: Card = Card {
        table: "meetings",
        one: "meeting",
        a: "a meeting",
        all: "meetings",
        about: "Meetings with attendances and decisions (réunions).",
        places: &["territory_id", "region_code"],
        rules: &[
            Rule::STATED,
            Rule(
                "committee_place",
                "/committee_id",
                "The committee is of another place than the meeting.",
                "Le comité est d'un autre lieu que la réunion.",
            ),
        ],
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing::at(
        |meeting| Place::at("", meeting.territory_id, meeting.region_code.clone()),
        |new| Place::at("", new.territory_id, new.region_code.clone()),
    );
    const PARTS: &'static [Face] = &[Face::part::<Attendance>(), Face::part::<Decision>()];
    type Whole = Alone;
    type Right = Content;
    type New = NewMeeting;
    type Patch = MeetingPatch;

    fn routes(routes: &mut ServiceConfig) {
        dossier::routes(routes);
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        meetings::table.find(at.id).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewMeeting, conn: &mut Conn) -> Result<Self> {
        let row = (meetings::id.eq(at.id), new);
        Ok(diesel::insert_into(meetings::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &MeetingPatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(meetings::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(meetings::table.find(at.id)).execute(conn).await
    }
    async fn parts(new: &NewMeeting, parts: &mut Parts<'_>) -> Result<()> {
        parts.take::<Attendance>("attendances", &new.attendances).await?;
        parts.take::<Decision>("decisions", &new.decisions).await
    }
    /// Removing a meeting removes its decisions, so the caller must be an approver of each territory that it decided in.
    async fn may_remove(&self, by: &Writer, conn: &mut Conn) -> Result<()> {
        may_undo(self.id, by, conn).await
    }
    async fn settle(&self, _: &Writer, conn: &mut Conn) -> Result<()> {
        decisions::check_held(self, conn).await
    }
    /// Restoring a meeting restores its decisions, so the caller must be an approver of each territory that it decided in.
    async fn may_restore(restoration: &Restoration<'_>, by: &Writer, conn: &mut Conn) -> Result<()> {
        may_undo(restoration.id, by, conn).await
    }
}

#[derive(QueryableByName)]
struct Territory {
    #[diesel(sql_type = diesel::sql_types::Uuid)]
    id: Id,
}

/// Refuses (403) a caller who is not an approver of each territory on whose fiches the meeting decides, or ever decided.
async fn may_undo(meeting: Id, by: &Writer, conn: &mut Conn) -> Result<()> {
    let territories = sql_query(
        "SELECT DISTINCT (coalesce(content(fiche), fiche.before) ->> 'territory_id')::uuid AS id FROM ledger decision
         JOIN ledger fiche ON fiche.noun = 'action_fiches' AND fiche.thing = (coalesce(content(decision), decision.before) ->> 'action_fiche_id')::uuid
         WHERE decision.parent = $1 AND decision.noun = 'meeting_decisions' AND coalesce(decision.after, decision.before) ->> 'effect' <> 'none'",
    );
    let territories: Vec<Territory> = territories.bind::<diesel::sql_types::Uuid, _>(meeting).load(conn).await?;
    territories.iter().try_for_each(|territory| by.within_as(Role::APPROVER, &Place::territory(territory.id)))
}
