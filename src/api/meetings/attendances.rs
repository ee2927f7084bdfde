//! Who attended a meeting: members and guests, present, represented or excused.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Meeting;
use crate::{
    db::{
        Conn,
        listing::{Field, Listed, field, word},
    },
    http::{Content, Resource, Result, Shown, Views, sent},
    noun::{Address, Card, Naming, Noun, Of, Operations, Rule, Writing},
    rights::{self, Reach},
    schema::meeting_attendances,
    values::{Id, ShortText, Vocabulary, Word},
};

/// The words of [`AttendanceStatus`].
#[derive(Debug, Clone)]
pub struct AttendanceStatusWords;

impl Vocabulary for AttendanceStatusWords {
    const NAME: &'static str = "AttendanceStatus";
    const ABOUT: &'static str = "How a member or guest attended (présence).";
    const WORDS: &'static [(&'static str, &'static str)] =
        &[("present", "Présent"), ("represented", "Représenté"), ("excused", "Excusé"), ("absent", "Absent"), ("invited", "Invité")];
}

/// How a member or guest attended (présence).
pub type AttendanceStatus = Word<AttendanceStatusWords>;

/// An attendance (présence): a person, or an organisation whose person the source does not name.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = meeting_attendances, check_for_backend(diesel::pg::Pg))]
#[schema(as = MeetingAttendance)]
pub struct Attendance {
    pub id: Id,
    /// The meeting that this belongs to (réunion).
    pub meeting_id: Id,
    /// The person (personne); null when no person is named.
    pub person_id: Option<Id>,
    /// The partner that the person stands for; the participating partner itself when no person is named (organisme).
    pub partner_id: Option<Id>,
    /// The function, in the words of the source (fonction, qualité).
    pub function: Option<ShortText>,
    pub status: AttendanceStatus,
    /// The function of the representative, without a name (représenté par).
    pub represented_by: Option<ShortText>,
    pub note: Option<ShortText>,
    /// The version (numéro de version): 1 when it was created, one more at each change. The `ETag` is `"v<version>"`.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Resource for Attendance {
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
#[diesel(table_name = meeting_attendances, treat_none_as_default_value = false)]
#[schema(as = NewMeetingAttendance)]
pub struct NewAttendance {
    /// The person (personne); null when no person is named.
    person_id: Option<Id>,
    /// The partner that the person stands for; the participating partner itself when no person is named (organisme).
    partner_id: Option<Id>,
    /// The function, in the words of the source (fonction, qualité).
    function: Option<ShortText>,
    #[serde(default)]
    status: AttendanceStatus,
    /// The function of the representative, without a name (représenté par).
    represented_by: Option<ShortText>,
    note: Option<ShortText>,
}

/// The members to change. A member that is left out keeps its value; `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = meeting_attendances)]
#[schema(as = MeetingAttendancePatch)]
pub struct AttendancePatch {
    /// The person (personne); null when no person is named.
    person_id: Option<Option<Id>>,
    /// The partner that the person stands for; the participating partner itself when no person is named (organisme).
    partner_id: Option<Option<Id>>,
    /// The function, in the words of the source (fonction, qualité).
    function: Option<Option<ShortText>>,
    status: Option<AttendanceStatus>,
    /// The function of the representative, without a name (représenté par).
    represented_by: Option<Option<ShortText>>,
    note: Option<Option<ShortText>>,
}

static FIELDS: LazyLock<Vec<Field>> = LazyLock::new(|| {
    vec![
        field(meeting_attendances::person_id).personal(meeting_attendances::id),
        field(meeting_attendances::partner_id),
        word::<AttendanceStatusWords, _>(meeting_attendances::status).sorted(),
        field(meeting_attendances::created_at).sorted(),
        field(meeting_attendances::updated_at).sorted(),
    ]
});

impl Listed for Attendance {
    type Table = meeting_attendances::table;
    type Key = meeting_attendances::id;
    fn fields() -> &'static [Field] {
        &FIELDS
    }
}

impl Shown for Attendance {
    type View = Self;
    const ORDER: &'static str = "";

    async fn veil(views: &mut Views<Self>, reach: &Reach, conn: &mut Conn) -> Result<()> {
        Ok(rights::veil(views.iter_mut().map(|(id, row)| (*id, &mut row.person_id)), reach, conn).await?)
    }
}

impl Noun for Attendance {
    const CARD: Card = Card {
        table: "meeting_attendances",
        one: "meeting_attendance",
        a: "an attendance of a meeting",
        all: "the attendances of a meeting",
        erased: &["function", "note", "represented_by"],
        rules: &[Rule::ATTENDED],
        ..Card::EMPTY
    };
    const WRITING: Writing<Self> = Writing::WHOLE;
    const NAMES: &'static [Naming<Self>] = &[Naming::<Self>::person(|new| new.person_id, |patch| patch.person_id.flatten())];
    type Whole = Of<Meeting, meeting_attendances::meeting_id>;
    type Right = Content;
    type New = NewAttendance;
    type Patch = AttendancePatch;

    fn routes(routes: &mut ServiceConfig) {
        Operations::<Self>::of(routes).all();
    }
    async fn fetch(at: Address<Self>, conn: &mut Conn) -> QueryResult<Self> {
        meeting_attendances::table.find(at.id).filter(meeting_attendances::meeting_id.eq(at.whole)).select(Self::as_select()).first(conn).await
    }
    async fn insert(at: Address<Self>, new: &NewAttendance, conn: &mut Conn) -> Result<Self> {
        let row = (meeting_attendances::id.eq(at.id), meeting_attendances::meeting_id.eq(at.whole), new);
        Ok(diesel::insert_into(meeting_attendances::table).values(row).returning(Self::as_returning()).get_result(conn).await?)
    }
    async fn patch(at: Address<Self>, patch: &AttendancePatch, conn: &mut Conn) -> QueryResult<Self> {
        diesel::update(meeting_attendances::table.find(at.id)).set(patch).returning(Self::as_returning()).get_result(conn).await
    }
    async fn remove(at: Address<Self>, conn: &mut Conn) -> QueryResult<usize> {
        diesel::delete(meeting_attendances::table.find(at.id)).execute(conn).await
    }
}
