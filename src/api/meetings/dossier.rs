//! The dossier of a meeting: the fiches that wait for a decision, and what has changed since the committee last met.

use actix_web::{HttpRequest, get, web::Data};
use chrono::{DateTime, Days, Utc};
use diesel::{prelude::*, sql_types};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Meeting;
use crate::{
    db::{Conn, Db},
    http::{At, Caller, Momentary, Result},
    noun::{Address, find},
    rights::{self, Reach},
    schema::{action_fiche_funding_lines, action_fiches, meetings},
    values::{Amount, Day, Id, LongText, Name},
};

diesel::define_sql_function! {
    /// Late (en retard): the planned end is past, and the fiche is neither done nor abandoned.
    fn is_late(planned_end_on: sql_types::Nullable<sql_types::Date>, progress: sql_types::Text) -> sql_types::Bool;
}

/// A meeting, in short (réunion).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = meetings, check_for_backend(diesel::pg::Pg))]
#[schema(as = DossierMeeting)]
struct Short {
    id: Id,
    title: Option<Name>,
    committee_id: Option<Id>,
    territory_id: Option<Id>,
    ordinal: Option<i32>,
    held_on: Option<Day>,
}

/// A fiche, in short: its validation and its progress, and since when.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = action_fiches, check_for_backend(diesel::pg::Pg))]
#[schema(as = DossierFiche)]
struct Fiche {
    id: Id,
    reference: Option<Name>,
    title: Name,
    /// The validation: a word of `Validation`.
    validation: Name,
    validation_since: DateTime<Utc>,
    /// The progress: a word of `Progress`.
    progress: Name,
    progress_since: DateTime<Utc>,
    progress_reason: Option<LongText>,
    planned_end_on: Option<Day>,
    updated_at: DateTime<Utc>,
}

/// A funding request of more than 90 days ago that was neither granted nor refused (demande en attente).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = action_fiche_funding_lines, check_for_backend(diesel::pg::Pg))]
#[schema(as = DossierGrant)]
struct Grant {
    id: Id,
    action_fiche_id: Id,
    partner_id: Option<Id>,
    requested_eur: Option<Amount>,
    requested_on: Option<Day>,
}

/// The dossier of a meeting (dossier de séance): what waits for it. It shows what the caller may see.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MeetingDossier)]
struct Dossier {
    meeting: Short,
    /// The previous meeting of the same committee, by its number, else by its day.
    #[schema(required)]
    previous: Option<Short>,
    /// The submitted fiches, which wait for a decision (à valider).
    #[schema(max_items = 10000)]
    to_validate: Vec<Fiche>,
    /// The late fiches: the planned end is past, and they are neither done nor abandoned (en retard).
    #[schema(max_items = 10000)]
    late: Vec<Fiche>,
    /// The blocked fiches, each with its reason (bloquées).
    #[schema(max_items = 10000)]
    blocked: Vec<Fiche>,
    /// The fiches that changed since the day of the previous meeting; all fiches when there was none.
    #[schema(max_items = 10000)]
    changed: Vec<Fiche>,
    /// The funding requests of more than 90 days ago that were neither granted nor refused (demandes en attente).
    #[schema(max_items = 10000)]
    waiting_grants: Vec<Grant>,
}

/// Registers the operation of this page.
pub fn routes(routes: &mut ServiceConfig) {
    routes.service(read_meeting_dossier);
}

/// Finds the previous meeting of the same committee.
async fn previous(meeting: &Short, reach: &Reach, conn: &mut Conn) -> QueryResult<Option<Short>> {
    let Some(committee) = meeting.committee_id else { return Ok(None) };
    let mut earlier = meetings::table.filter(meetings::committee_id.eq(committee).and(meetings::id.ne(meeting.id))).into_boxed();
    earlier = match (meeting.ordinal, meeting.held_on) {
        (Some(ordinal), _) => earlier.filter(meetings::ordinal.lt(ordinal)),
        (None, Some(day)) => earlier.filter(meetings::held_on.lt(day)),
        (None, None) => return Ok(None),
    };
    if let Some(scope) = rights::visible(meetings::visibility, meetings::territory_id, reach) {
        earlier = earlier.filter(scope);
    }
    let earlier =
        earlier.filter(meetings::status.ne("cancelled")).order_by((meetings::ordinal.desc().nulls_last(), meetings::held_on.desc().nulls_last()));
    earlier.select(Short::as_select()).first(conn).await.optional()
}

/// Read the dossier of a meeting
///
/// The dossier (dossier de séance) lists the fiches of the territory that wait for a decision, are late or blocked, or have changed since
/// the committee last met, and the funding requests of more than 90 days ago without an answer. It is computed now, of what the caller may
/// see.
#[utoipa::path(responses((status = OK, body = Dossier)))]
#[get("/meetings/{id}/dossier")]
async fn read_meeting_dossier(db: Data<Db>, At(id): At, request: HttpRequest) -> Result<Momentary<Dossier>> {
    let caller = Caller::of(&request);
    let reach = caller.reach();
    db.snapshot(async |conn| -> Result<_> {
        find::<Meeting>(Address::alone(id), reach, conn).await?;
        let meeting: Short = meetings::table.find(id).select(Short::as_select()).first(conn).await?;
        let previous = previous(&meeting, reach, conn).await?;
        let fiches = || {
            let territory = action_fiches::territory_id.nullable().is_not_distinct_from(meeting.territory_id);
            let fiches =
                action_fiches::table.filter(territory).order_by((action_fiches::title, action_fiches::id)).select(Fiche::as_select()).into_boxed();
            match rights::fiches(reach) {
                Some(scope) => fiches.filter(scope),
                None => fiches,
            }
        };
        let since = previous.as_ref().and_then(|previous| previous.held_on);
        let changed = match since {
            Some(day) => fiches().filter(action_fiches::updated_at.ge(day.start())),
            None => fiches(),
        };
        let waiting = action_fiche_funding_lines::granted_on
            .is_null()
            .and(action_fiche_funding_lines::refused_on.is_null())
            .and(action_fiche_funding_lines::requested_on.lt(Utc::now().date_naive() - Days::new(90)));
        let seen = fiches().select(action_fiches::id).load::<Id>(conn).await?;
        Ok(Momentary(Dossier {
            to_validate: fiches().filter(action_fiches::validation.eq("submitted")).load(conn).await?,
            late: fiches().filter(is_late(action_fiches::planned_end_on, action_fiches::progress)).load(conn).await?,
            blocked: fiches().filter(action_fiches::progress.eq("blocked")).load(conn).await?,
            changed: changed.load(conn).await?,
            waiting_grants: action_fiche_funding_lines::table
                .filter(action_fiche_funding_lines::action_fiche_id.eq_any(seen))
                .filter(waiting)
                .order_by(action_fiche_funding_lines::requested_on)
                .select(Grant::as_select())
                .load(conn)
                .await?,
            meeting,
            previous,
        }))
    })
    .await
}
