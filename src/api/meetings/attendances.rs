//! Who attended a meeting: members, guests, those who were represented or excused.

use std::sync::LazyLock;

use actix_web::{delete, get, patch, post, web::Data};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    db::{
        Conn, Db,
        listing::{Field, Listed, field, word},
    },
    http::{
        At, Created, Editor, IfMatch, Json, List, NoContent, One, OrGone, OrUnchanged, Page, PartOf, Resource, Result, Shown, Tagged, Views, may_name_person, sent,
    },
    rights::{self, Reach},
    schema::meeting_attendances,
    values::{Id, ShortText, Vocabulary, Word},
};

/// The words of [`AttendanceStatus`].
#[derive(Debug, Clone)]
pub struct AttendanceStatusWords;

impl Vocabulary for AttendanceStatusWords {
    const NAME: &'static str = "AttendanceStatus";
    const ABOUT: &'static str = "How someone attended (présence).";
    const WORDS: &'static [(&'static str, &'static str)] =
        &[("present", "Présent"), ("represented", "Représenté"), ("excused", "Excusé"), ("absent", "Absent"), ("invited", "Invité")];
}

/// How someone attended (présence).
pub type AttendanceStatus = Word<AttendanceStatusWords>;

/// An attendance (présence): a person, or an organisation whose person the source does not name.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = meeting_attendances, check_for_backend(diesel::pg::Pg))]
#[schema(as = MeetingAttendance)]
pub struct Attendance {
    pub id: Id,
    /// The meeting it is part of.
    pub meeting_id: Id,
    /// Who.
    pub person_id: Option<Id>,
    /// For which partner; or which partner.
    pub partner_id: Option<Id>,
    /// As what, as the source says it.
    pub function: Option<ShortText>,
    pub status: AttendanceStatus,
    /// The function of who came instead; no name.
    pub represented_by: Option<ShortText>,
    pub note: Option<ShortText>,
    /// How often it was written, from 1; its ETag is `"v"` and this number.
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

/// What it takes to make one.
#[derive(Debug, Deserialize, ToSchema, Insertable)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = meeting_attendances, treat_none_as_default_value = false)]
#[schema(as = NewMeetingAttendance)]
pub struct NewAttendance {
    /// Who.
    person_id: Option<Id>,
    /// For which partner; or which partner.
    partner_id: Option<Id>,
    /// As what, as the source says it.
    function: Option<ShortText>,
    #[serde(default)]
    status: AttendanceStatus,
    /// The function of who came instead; no name.
    represented_by: Option<ShortText>,
    note: Option<ShortText>,
}

impl NewAttendance {
    /// Refuses what the caller may not know.
    pub(super) async fn check(&self, reach: &Reach, conn: &mut Conn) -> Result<()> {
        may_name_person(self.person_id, reach, conn).await?;
        Ok(())
    }
}

/// What to change: a member left out stays as it is, a `null` empties it.
#[serde_with::apply(Option => #[serde(default, deserialize_with = "sent")])]
#[derive(Debug, Deserialize, ToSchema, AsChangeset)]
#[serde(deny_unknown_fields)]
#[diesel(table_name = meeting_attendances)]
#[schema(as = MeetingAttendancePatch)]
pub struct AttendancePatch {
    /// Who.
    person_id: Option<Option<Id>>,
    /// For which partner; or which partner.
    partner_id: Option<Option<Id>>,
    /// As what, as the source says it.
    function: Option<Option<ShortText>>,
    status: Option<AttendanceStatus>,
    /// The function of who came instead; no name.
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

/// Its operations.
pub fn routes(routes: &mut ServiceConfig) {
    routes
        .service(list_meeting_attendances)
        .service(create_meeting_attendance)
        .service(read_meeting_attendance)
        .service(update_meeting_attendance)
        .service(delete_meeting_attendance);
}

async fn lock(path: PartOf, editor: &Editor, conn: &mut Conn) -> Result<Attendance> {
    super::lock(path.id, editor, conn).await?;
    find(path, editor.reach(), conn).await
}

async fn find(path: PartOf, reach: &Reach, conn: &mut Conn) -> Result<Attendance> {
    let part = meeting_attendances::table.find(path.part).filter(meeting_attendances::meeting_id.eq(path.id)).select(Attendance::as_select());
    part.first(conn).await.or_gone("meeting_attendances", Some(path.id), path.part, reach, conn).await
}

/// Adds one to its meeting.
pub async fn insert(meeting_id: Id, new: &NewAttendance, conn: &mut Conn) -> Result<Attendance> {
    let row = (meeting_attendances::id.eq(Id::new()), meeting_attendances::meeting_id.eq(meeting_id), new);
    Ok(diesel::insert_into(meeting_attendances::table).values(row).returning(Attendance::as_returning()).get_result(conn).await?)
}

/// List the attendances of a meeting
#[utoipa::path(params(List<Attendance>), responses((status = OK, body = Page<Attendance>)))]
#[get("/meetings/{id}/attendances")]
async fn list_meeting_attendances(db: Data<Db>, At(id): At, list: List<Attendance>) -> Result<Page<Attendance>> {
    list.parts(&db, meeting_attendances::meeting_id, id, super::find).await
}

/// Add an attendance of a meeting
#[utoipa::path(responses((status = CREATED, body = Attendance)))]
#[post("/meetings/{id}/attendances")]
async fn create_meeting_attendance(db: Data<Db>, editor: Editor, At(id): At, body: Json<NewAttendance>) -> Result<Created<Attendance>> {
    db.write(&editor, async |conn| {
        super::lock(id, &editor, conn).await?;
        let new = body.valid()?;
        new.check(editor.reach(), conn).await?;
        Ok(Created(insert(id, &new, conn).await?))
    })
    .await
}

/// Read an attendance of a meeting
#[utoipa::path(params(One<Attendance>), responses((status = OK, body = Attendance)))]
#[get("/meetings/{id}/attendances/{part_id}")]
async fn read_meeting_attendance(db: Data<Db>, path: PartOf, one: One<Attendance>) -> Result<Tagged<Attendance>> {
    one.part(&db, path, super::find, find).await
}

/// Change an attendance of a meeting
#[utoipa::path(responses((status = OK, body = Attendance)))]
#[patch("/meetings/{id}/attendances/{part_id}")]
async fn update_meeting_attendance(
    db: Data<Db>,
    editor: Editor,
    path: PartOf,
    if_match: IfMatch,
    body: Json<AttendancePatch>,
) -> Result<Tagged<Attendance>> {
    db.write(&editor, async |conn| {
        let current = lock(path, &editor, conn).await?;
        if_match.check(&current, conn).await?;
        let patch = body.valid()?;
        may_name_person(patch.person_id.flatten(), editor.reach(), conn).await?;
        let update = diesel::update(meeting_attendances::table.find(path.part)).set(&patch);
        let changed = update.returning(Attendance::as_returning()).get_result(conn).await;
        let mut changed = changed.or_unchanged(current)?;
        rights::veil(std::iter::once((changed.id, &mut changed.person_id)), editor.reach(), conn).await?;
        Ok(changed.into())
    })
    .await
}

/// Remove an attendance of a meeting
#[utoipa::path(responses((status = NO_CONTENT)))]
#[delete("/meetings/{id}/attendances/{part_id}")]
async fn delete_meeting_attendance(db: Data<Db>, editor: Editor, path: PartOf, if_match: IfMatch) -> Result<NoContent> {
    db.write(&editor, async |conn| {
        if_match.check(&lock(path, &editor, conn).await?, conn).await?;
        diesel::delete(meeting_attendances::table.find(path.part)).execute(conn).await?;
        Ok(NoContent)
    })
    .await
}
