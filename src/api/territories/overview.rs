//! The page of a territory, in one request: its members, its committees, its agreements, the state of its fiches and of its money.

use actix_web::{HttpRequest, get, web::Data};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, BigInt, Bool, Date, Int4, Nullable, Numeric, Text, Uuid},
};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    db::{Db, TODAY},
    http::{At, Caller, Momentary, OrGone, Problem, Result, kinds, once, value},
    rights,
    schema::{action_fiches, committee_seats, committees, meetings, territories, territory_labels},
    values::{Amount, Basis, Day, Id, Name, OfficialCode, ShortText, Siren},
};

/// The most late fiches that are listed.
const LATE: i64 = 50;

#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = territories, check_for_backend(diesel::pg::Pg))]
#[schema(as = OverviewTerritory)]
struct Territory {
    id: Id,
    name: Name,
    version: i32,
}

#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = territory_labels, check_for_backend(diesel::pg::Pg))]
#[schema(as = OverviewLabel)]
struct Label {
    phase_id: Id,
    official_code: Option<OfficialCode>,
    /// The name of the territory in this phase (libellé).
    name: Option<Name>,
    status: Name,
    labelled_on: Option<Day>,
}

#[derive(Debug, Serialize, ToSchema, QueryableByName)]
#[schema(as = OverviewMember)]
struct Member {
    #[diesel(sql_type = Text)]
    name: Name,
    #[diesel(sql_type = Text)]
    kind: Name,
    #[diesel(sql_type = Nullable<Text>)]
    #[schema(required)]
    siren: Option<Siren>,
    #[diesel(sql_type = Bool)]
    coordinator: bool,
    #[diesel(sql_type = Nullable<Uuid>)]
    #[schema(required)]
    phase_id: Option<Id>,
}

/// The numbers of a territory in a phase of the programme (phase du programme).
#[derive(Debug, Serialize, ToSchema, QueryableByName)]
#[schema(as = OverviewPhase)]
struct Phase {
    #[diesel(sql_type = Uuid)]
    phase_id: Id,
    #[diesel(sql_type = Int4)]
    number: i32,
    /// The number of members today, as those of this phase.
    #[diesel(sql_type = BigInt)]
    members: i64,
    /// The number of agreements of this phase (actes).
    #[diesel(sql_type = BigInt)]
    agreements: i64,
    /// The number of fiches in these agreements that the caller may see.
    #[diesel(sql_type = BigInt)]
    fiches: i64,
}

/// A seat that is held today (siège).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = committee_seats, check_for_backend(diesel::pg::Pg))]
#[schema(as = OverviewSeat)]
struct Seat {
    id: Id,
    committee_id: Id,
    person_id: Option<Id>,
    partner_id: Option<Id>,
    function: Option<ShortText>,
    side: Option<Name>,
    capacity: Name,
}

/// A committee that works today, with its seats of today (comité).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OverviewCommittee)]
struct Committee {
    id: Id,
    name: Name,
    kind: Name,
    #[schema(max_items = 1000)]
    seats: Vec<Seat>,
}

/// An agreement (acte), with the number of fiches that its source declares, and the number that is known.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, QueryableByName)]
#[schema(as = OverviewAgreement)]
struct Agreement {
    #[diesel(sql_type = Uuid)]
    id: Id,
    #[diesel(sql_type = Text)]
    title: Name,
    #[diesel(sql_type = Text)]
    kind: Name,
    #[diesel(sql_type = Text)]
    status: Name,
    #[diesel(sql_type = Nullable<Date>)]
    signed_on: Option<Day>,
    /// The number of fiches that the source declares (fiches déclarées).
    #[diesel(sql_type = Nullable<Int4>)]
    declared_fiches: Option<i32>,
    /// The number of fiches of the agreement that the caller may see.
    #[diesel(sql_type = BigInt)]
    fiches: i64,
}

/// The number of fiches with this word or this theme.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, QueryableByName)]
#[schema(as = OverviewCount)]
struct Count {
    /// What is counted by: `validation`, `progress`, `stage` or `theme`.
    #[diesel(sql_type = Text)]
    #[schema(max_length = 20)]
    by: String,
    /// The word, or the identifier of the theme; null for fiches that have none.
    #[diesel(sql_type = Nullable<Text>)]
    #[schema(max_length = 50)]
    value: Option<String>,
    /// The French label, when it is a theme (libellé).
    #[diesel(sql_type = Nullable<Text>)]
    label_fr: Option<Name>,
    #[diesel(sql_type = BigInt)]
    fiches: i64,
}

/// The money of the fiches of the territory, on one basis (HT, TTC).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, QueryableByName)]
#[schema(as = OverviewMoney)]
struct Money {
    #[diesel(sql_type = Nullable<Text>)]
    basis: Option<Basis>,
    #[diesel(sql_type = Nullable<Numeric>)]
    #[schema(value_type = Option<f64>)]
    planned_eur: Option<Amount>,
    #[diesel(sql_type = Nullable<Numeric>)]
    #[schema(value_type = Option<f64>)]
    requested_eur: Option<Amount>,
    #[diesel(sql_type = Nullable<Numeric>)]
    #[schema(value_type = Option<f64>)]
    granted_eur: Option<Amount>,
    #[diesel(sql_type = Nullable<Numeric>)]
    #[schema(value_type = Option<f64>)]
    paid_eur: Option<Amount>,
}

#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = meetings, check_for_backend(diesel::pg::Pg))]
#[schema(as = OverviewMeeting)]
struct Meeting {
    id: Id,
    title: Option<Name>,
    committee_id: Option<Id>,
    ordinal: Option<i32>,
    held_on: Option<Day>,
}

#[derive(Debug, Serialize, ToSchema, Queryable, Selectable)]
#[diesel(table_name = action_fiches, check_for_backend(diesel::pg::Pg))]
#[schema(as = OverviewLateFiche)]
struct LateFiche {
    id: Id,
    title: Name,
    #[schema(required)]
    planned_end_on: Option<Day>,
    progress: Name,
}

/// The page of a territory: what the caller may see of it.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TerritoryOverview)]
struct Overview {
    territory: Territory,
    /// The phase that is shown (phase du programme): the phase that was asked for, else the current one.
    phase_id: Option<Id>,
    #[schema(max_items = 100)]
    labels: Vec<Label>,
    /// The numbers of each phase of the territory, in the order of the phases.
    #[schema(max_items = 100)]
    phases: Vec<Phase>,
    /// The members of the territory today, in the phase that is shown.
    #[schema(max_items = 1000)]
    members: Vec<Member>,
    /// The committees of today, with their seats.
    #[schema(max_items = 1000)]
    committees: Vec<Committee>,
    #[schema(max_items = 1000)]
    agreements: Vec<Agreement>,
    /// The number of fiches of the territory.
    fiches: i64,
    /// The numbers of fiches by validation, by progress, by stage and by theme.
    #[schema(max_items = 1000)]
    counts: Vec<Count>,
    /// The money of the fiches, one sum for each basis (HT, TTC).
    #[schema(max_items = 10)]
    money: Vec<Money>,
    /// The last meeting that was held (dernière réunion).
    last_meeting: Option<Meeting>,
    /// The next planned meeting (prochaine réunion).
    next_meeting: Option<Meeting>,
    /// The number of late fiches (en retard).
    late: i64,
    /// The fiches that are late for the longest time, at most fifty.
    #[schema(max_items = 50)]
    late_fiches: Vec<LateFiche>,
}

#[derive(QueryableByName)]
struct Current {
    #[diesel(sql_type = Uuid)]
    phase_id: Id,
}

diesel::define_sql_function! {
    /// Late (en retard): the planned end is past, and the fiche is neither done nor abandoned.
    fn is_late(planned_end_on: Nullable<Date>, progress: Text) -> Bool;
}

/// The phase of the page.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the document reads it; `asked` reads the query string")]
struct OverviewParameters {
    /// The phase whose members are shown; by default the current one: the latest phase of the territory that has begun.
    phase_id: Option<Id>,
}

/// The phase that is asked for.
fn asked(request: &HttpRequest) -> Result<Option<Id>> {
    let mut errors = Vec::new();
    // `guard` has refused any other parameter.
    let asked = once(request, &mut errors).into_iter().find_map(|(name, given)| value(&name, &given, Id::parse, &mut errors));
    if errors.is_empty() { Ok(asked) } else { Err(Problem::errors(&kinds::INVALID_PARAMETERS, errors)) }
}

/// Registers the operation of this page.
pub fn routes(routes: &mut ServiceConfig) {
    routes.service(read_territory_overview);
}

/// Read the page of a territory
///
/// All that a page about a territory shows, in one request: its labels and members, its committees with their seats, its agreements with
/// the number of declared and of known fiches, the numbers of fiches by state, their money by basis, the last and the next meeting, and the
/// late fiches. Computed today, of what the caller may see. The members are those of the current phase, or of the phase that is asked for;
/// `phases` has the numbers of each phase.
#[utoipa::path(params(OverviewParameters), responses((status = OK, body = Overview)))]
#[get("/territories/{id}/overview")]
async fn read_territory_overview(db: Data<Db>, At(id): At, request: HttpRequest) -> Result<Momentary<Overview>> {
    let caller = Caller::of(&request);
    let reach = caller.reach();
    let asked = asked(&request)?;
    db.snapshot(async |conn| -> Result<_> {
        let territory = territories::table.find(id).select(Territory::as_select()).first(conn).await.or_gone("territories", None, id, reach, conn).await?;
        let today = diesel::dsl::date(diesel::dsl::now);
        let labels = territory_labels::table.filter(territory_labels::territory_id.eq(id)).order_by(territory_labels::labelled_on.desc().nulls_last());
        let members = sql_query(format!(
            "SELECT member.name, member.kind, member.siren, member.coordinator, member.phase_id
             FROM members_on(ARRAY[$1], {TODAY}, $2) held JOIN territory_members member ON member.id = held.member_id ORDER BY member.name, member.id"
        ));
        let members: Vec<Member> = members.bind::<Uuid, _>(id).bind::<Nullable<Uuid>, _>(asked).load(conn).await?;
        let current = sql_query(format!("SELECT phase_id FROM phases_on(ARRAY[$1], {TODAY})"));
        let current: Option<Current> = current.bind::<Uuid, _>(id).get_result(conn).await.optional()?;
        let phase_id = asked.or(members.iter().find_map(|member| member.phase_id)).or(current.map(|current| current.phase_id));
        let working = committees::table
            .filter(committees::territory_id.eq(id))
            .filter(committees::ended_on.is_null().or(committees::ended_on.ge(today.nullable())))
            .order_by((committees::name, committees::id))
            .select((committees::id, committees::name, committees::kind));
        let working: Vec<(Id, Name, Name)> = working.load(conn).await?;
        let ids: Vec<Id> = working.iter().map(|(id, ..)| *id).collect();
        let mut seats: Vec<Seat> = committee_seats::table
            .filter(committee_seats::committee_id.eq_any(ids))
            .filter(committee_seats::starts_on.is_null().or(committee_seats::starts_on.le(today.nullable())))
            .filter(committee_seats::ends_on.is_null().or(committee_seats::ends_on.ge(today.nullable())))
            .order_by(committee_seats::id)
            .select(Seat::as_select())
            .load(conn)
            .await?;
        rights::veil(seats.iter_mut().map(|seat| (seat.id, &mut seat.person_id)), reach, conn).await?;
        let mut committees: Vec<Committee> = working.into_iter().map(|(id, name, kind)| Committee { id, name, kind, seats: Vec::new() }).collect();
        for seat in seats {
            if let Some(committee) = committees.iter_mut().find(|committee| committee.id == seat.committee_id) {
                committee.seats.push(seat);
            }
        }
        let mut fiches = action_fiches::table.filter(action_fiches::territory_id.eq(id)).select(action_fiches::id).into_boxed();
        if let Some(scope) = rights::fiches(reach) {
            fiches = fiches.filter(scope);
        }
        let fiches: Vec<Id> = fiches.load(conn).await?;
        let agreements = sql_query(
            "SELECT id, title, kind, status, signed_on, declared_fiches, \
             (SELECT count(*) FROM agreement_fiches fiche WHERE fiche.agreement_id = agreement.id AND fiche.action_fiche_id = ANY($2)) AS fiches \
             FROM agreements agreement WHERE territory_id = $1 ORDER BY signed_on, id",
        );
        let agreements = agreements.bind::<Uuid, _>(id).bind::<Array<Uuid>, _>(&fiches).load(conn).await?;
        let phases = sql_query(format!(
            "SELECT phase.id AS phase_id, phase.number, (SELECT count(*) FROM members_on(ARRAY[$1], {TODAY}, phase.id)) AS members,
                (SELECT count(*) FROM agreements WHERE territory_id = $1 AND phase_id = phase.id) AS agreements,
                (SELECT count(DISTINCT action_fiche_id) FROM agreement_fiches fiche JOIN agreements agreement ON agreement.id = fiche.agreement_id
                 WHERE agreement.territory_id = $1 AND agreement.phase_id = phase.id AND action_fiche_id = ANY($2)) AS fiches
             FROM programme_phases phase WHERE EXISTS (SELECT FROM territory_labels WHERE territory_id = $1 AND phase_id = phase.id)
                OR EXISTS (SELECT FROM territory_members WHERE territory_id = $1 AND phase_id = phase.id)
                OR EXISTS (SELECT FROM agreements WHERE territory_id = $1 AND phase_id = phase.id) ORDER BY phase.number"
        ));
        let phases = phases.bind::<Uuid, _>(id).bind::<Array<Uuid>, _>(&fiches).load(conn).await?;
        let counts = sql_query(
            "SELECT axis.by, axis.value, NULL AS label_fr, count(*) AS fiches FROM action_fiches, \
             LATERAL (VALUES ('validation', validation), ('progress', progress), ('stage', stage)) AS axis (by, value) WHERE id = ANY($1) GROUP BY 1, 2 \
             UNION ALL SELECT 'theme', theme.id::text, theme.label_fr, count(*) FROM unnest($1) fiche LEFT JOIN action_fiche_themes link \
             ON link.action_fiche_id = fiche LEFT JOIN themes theme ON theme.id = link.theme_id GROUP BY theme.id, theme.label_fr ORDER BY 1, 2",
        );
        let counts = counts.bind::<Array<Uuid>, _>(&fiches).load(conn).await?;
        let money = sql_query(
            "SELECT basis, sum(planned_eur) AS planned_eur, sum(requested_eur) AS requested_eur, sum(granted_eur) AS granted_eur, \
             sum(paid_eur) AS paid_eur FROM action_fiche_funding_lines WHERE action_fiche_id = ANY($1) GROUP BY basis ORDER BY basis",
        );
        let money = money.bind::<Array<Uuid>, _>(&fiches).load(conn).await?;
        let met = || {
            let met = meetings::table.filter(meetings::territory_id.eq(id)).select(Meeting::as_select()).into_boxed();
            match rights::visible(meetings::visibility, meetings::territory_id, reach) {
                Some(scope) => met.filter(scope),
                None => met,
            }
        };
        let last = met().filter(meetings::status.eq("held")).order_by((meetings::held_on.desc().nulls_last(), meetings::id.desc()));
        let next = met().filter(meetings::status.eq("planned")).order_by((meetings::held_on.asc().nulls_last(), meetings::id));
        let late = || action_fiches::table.filter(action_fiches::id.eq_any(&fiches).and(is_late(action_fiches::planned_end_on, action_fiches::progress)));
        Ok(Momentary(Overview {
            labels: labels.select(Label::as_select()).load(conn).await?,
            phase_id,
            phases,
            members,
            last_meeting: last.first(conn).await.optional()?,
            next_meeting: next.first(conn).await.optional()?,
            late: late().count().get_result(conn).await?,
            late_fiches: late()
                .order_by((action_fiches::planned_end_on, action_fiches::id))
                .limit(LATE)
                .select(LateFiche::as_select())
                .load(conn)
                .await?,
            fiches: fiches.len() as i64,
            territory,
            committees,
            agreements,
            counts,
            money,
        }))
    })
    .await
}
