//! The money of many fiches: what was planned, requested, granted and paid, by funder, by tool, and how long it took. Amounts with tax are
//! never added to amounts without tax.

use actix_web::{HttpRequest, get, web::Data};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, BigInt, Float8, Int4, Nullable, Numeric, Text, Uuid},
};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::words::{Validation, ValidationWords};
use crate::{
    db::Db,
    http::{Caller, Momentary, Problem, Result, kinds, number, once, unknown, value},
    rights,
    schema::{action_fiche_themes, action_fiches},
    values::{Amount, Basis, DepartmentCode, Id, RegionCode, Vocabulary},
};

/// Which fiches and funding lines are summed.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the document reads it; `Asked::of` reads the query string")]
struct FundingParameters {
    /// Only fiches of this territory.
    territory_id: Option<Id>,
    /// Only fiches of territories with a commune in this region (région).
    region_code: Option<RegionCode>,
    /// Only fiches of territories with a commune in this department (département).
    department_code: Option<DepartmentCode>,
    /// Only fiches with this theme (thématique).
    theme_id: Option<Id>,
    /// Only fiches with this validation (validation).
    #[param(value_type = Option<Validation>)]
    validation: Option<Validation>,
    /// Only lines of this funder (financeur).
    partner_id: Option<Id>,
    /// Only lines of this support tool (outil).
    support_tool_id: Option<Id>,
    /// Only lines for this year (année).
    #[param(minimum = 1, maximum = 1000000)]
    year: Option<i32>,
}

/// The query string, as it was read.
#[derive(Default)]
struct Asked {
    territory: Option<Id>,
    region: Option<String>,
    department: Option<String>,
    theme: Option<Id>,
    validation: Option<String>,
    partner: Option<Id>,
    tool: Option<Id>,
    year: Option<i32>,
}

impl Asked {
    fn of(request: &HttpRequest) -> Result<Self> {
        let (mut asked, mut errors) = (Self::default(), Vec::new());
        for (name, given) in once(request, &mut errors) {
            let mut id = || value(&name, &given, Id::parse, &mut errors);
            match name.as_str() {
                "territory_id" => asked.territory = id(),
                "theme_id" => asked.theme = id(),
                "partner_id" => asked.partner = id(),
                "support_tool_id" => asked.tool = id(),
                "region_code" => asked.region = value(&name, &given, RegionCode::CODING.read, &mut errors),
                "department_code" => asked.department = value(&name, &given, DepartmentCode::CODING.read, &mut errors),
                "year" => asked.year = i32::try_from(number(&name, &given, 1, 1_000_000, &mut errors)).ok(),
                // `guard` has refused any other parameter.
                _ if Validation::parse(&given).is_ok() => asked.validation = Some(given),
                _ => unknown(&name, &given, ValidationWords::WORDS.iter().map(|(word, _)| *word), &mut errors),
            }
        }
        if errors.is_empty() { Ok(asked) } else { Err(Problem::errors(&kinds::INVALID_PARAMETERS, errors)) }
    }
}

/// Sums of funding lines that may be added: lines of the same basis, and of the same funder or the same tool when the sum names one.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, QueryableByName)]
#[schema(as = FundingSum)]
struct Sum {
    /// With or without tax (HT, TTC); null for lines that do not say it.
    #[diesel(sql_type = Nullable<Text>)]
    basis: Option<Basis>,
    /// The kind of funder (nature du financeur), in a sum by funder.
    #[diesel(sql_type = Nullable<Text>)]
    #[schema(max_length = 50)]
    funder: Option<String>,
    /// The funder (financeur), in a sum by funder.
    #[diesel(sql_type = Nullable<Uuid>)]
    partner_id: Option<Id>,
    /// The support tool (outil), in a sum by tool.
    #[diesel(sql_type = Nullable<Uuid>)]
    support_tool_id: Option<Id>,
    /// The number of funding lines.
    #[diesel(sql_type = BigInt)]
    lines: i64,
    /// Planned (prévu); null when no line gives this amount.
    #[diesel(sql_type = Nullable<Numeric>)]
    #[schema(value_type = Option<f64>)]
    planned_eur: Option<Amount>,
    /// Requested (demandé); null when no line gives this amount.
    #[diesel(sql_type = Nullable<Numeric>)]
    #[schema(value_type = Option<f64>)]
    requested_eur: Option<Amount>,
    /// Granted (accordé); null when no line gives this amount.
    #[diesel(sql_type = Nullable<Numeric>)]
    #[schema(value_type = Option<f64>)]
    granted_eur: Option<Amount>,
    /// Paid (versé); null when no line gives this amount.
    #[diesel(sql_type = Nullable<Numeric>)]
    #[schema(value_type = Option<f64>)]
    paid_eur: Option<Amount>,
    /// The number of lines without a requested amount.
    #[diesel(sql_type = BigInt)]
    requested_unknown: i64,
    /// The number of lines without a granted amount.
    #[diesel(sql_type = BigInt)]
    granted_unknown: i64,
    /// The number of lines without a paid amount.
    #[diesel(sql_type = BigInt)]
    paid_unknown: i64,
}

/// The money still to be found (reste à financer): the budgets, minus the amounts granted on the same basis. A grant that does not say its
/// basis counts as one on the basis of its budget, and so does any grant for a budget that does not. A fiche that several
/// intercommunalities share counts once.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, QueryableByName)]
#[schema(as = FundingRemainder)]
struct Remainder {
    /// With or without tax (HT, TTC); null for fiches that do not say it.
    #[diesel(sql_type = Nullable<Text>)]
    basis: Option<Basis>,
    /// The number of fiches with a budget.
    #[diesel(sql_type = BigInt)]
    fiches: i64,
    /// The number of these fiches with such a grant: its basis is assumed (base supposée).
    #[diesel(sql_type = BigInt)]
    basis_assumed: i64,
    /// The sum of the budgets of these fiches.
    #[diesel(sql_type = Nullable<Numeric>)]
    #[schema(value_type = Option<f64>)]
    budget_eur: Option<Amount>,
    /// The part of the budgets that was not granted. A fiche that was granted more than its budget counts as 0.
    #[diesel(sql_type = Nullable<Numeric>)]
    #[schema(value_type = Option<f64>)]
    remaining_eur: Option<Amount>,
}

/// The time between the steps of a funding line, in days (délais).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, QueryableByName)]
#[schema(as = FundingDelays)]
struct Delays {
    /// The median time from the request to the grant (de la demande à l'accord).
    #[diesel(sql_type = Nullable<Float8>)]
    requested_to_granted_days: Option<f64>,
    /// The median time from the grant to the last payment (de l'accord au versement).
    #[diesel(sql_type = Nullable<Float8>)]
    granted_to_paid_days: Option<f64>,
    /// The number of lines that were requested more than 90 days ago, and neither granted nor refused.
    #[diesel(sql_type = BigInt)]
    waiting_over_90_days: i64,
}

/// The money of the fiches that fit the filters, and that the caller may see.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Funding)]
struct Funding {
    /// The number of fiches, with or without funding lines. With `partner_id`, `support_tool_id` or `year`, of those with such a line; all
    /// that follows is of these.
    fiches: i64,
    /// One sum for each basis (HT, TTC).
    #[schema(max_items = 10)]
    total: Vec<Sum>,
    /// One sum for each funder and basis.
    #[schema(max_items = 100000)]
    by_funder: Vec<Sum>,
    /// One sum for each support tool and basis.
    #[schema(max_items = 100000)]
    by_tool: Vec<Sum>,
    /// One remainder for each basis (HT, TTC).
    #[schema(max_items = 10)]
    remaining: Vec<Remainder>,
    delays: Delays,
}

#[derive(QueryableByName)]
struct Funded {
    #[diesel(sql_type = Uuid)]
    id: Id,
}

#[derive(QueryableByName)]
struct Touched {
    #[diesel(sql_type = Uuid)]
    territory_id: Id,
}

/// Registers the operation of this page.
pub fn routes(routes: &mut ServiceConfig) {
    routes.service(read_action_fiche_funding);
}

/// The SQL that sums the lines of these fiches, grouped by these columns.
fn sums(columns: &str) -> String {
    let shown = |column: &str| if columns.contains(column) { column.to_owned() } else { format!("NULL AS {column}") };
    let (funder, partner) = (shown("funder"), if columns.contains("partner_id") { "partner_id" } else { "NULL::uuid AS partner_id" });
    let tool = if columns.contains("support_tool_id") { "support_tool_id" } else { "NULL::uuid AS support_tool_id" };
    format!(
        "SELECT basis, {funder}, {partner}, {tool}, count(*) AS lines, sum(planned_eur) AS planned_eur, sum(requested_eur) AS requested_eur, \
         sum(granted_eur) AS granted_eur, sum(paid_eur) AS paid_eur, count(*) - count(requested_eur) AS requested_unknown, \
         count(*) - count(granted_eur) AS granted_unknown, count(*) - count(paid_eur) AS paid_unknown \
         FROM action_fiche_funding_lines WHERE {OF_THESE} GROUP BY basis{columns} ORDER BY basis{columns}"
    )
}

/// The SQL that selects the funding lines which fit the filters.
const OF_THESE: &str =
    "action_fiche_id = ANY($1) AND ($2 IS NULL OR partner_id = $2) AND ($3 IS NULL OR support_tool_id = $3) AND ($4 IS NULL OR year = $4)";

/// Read the money of action fiches
///
/// The amounts planned, requested, granted and paid, by basis, by funder and by support tool; the money still to be found; and the time
/// between the steps. Of all fiches that fit the filters and that the caller may see, as they stand now. Amounts with tax (TTC) and without
/// tax (HT) are never added.
#[utoipa::path(params(FundingParameters), responses((status = OK, body = Funding)))]
#[get("/action-fiches/funding")]
async fn read_action_fiche_funding(db: Data<Db>, request: HttpRequest) -> Result<Momentary<Funding>> {
    let caller = Caller::of(&request);
    let asked = Asked::of(&request)?;
    db.snapshot(async |conn| -> Result<_> {
        let mut fiches = action_fiches::table.select(action_fiches::id).into_boxed();
        if let Some(territory) = asked.territory {
            fiches = fiches.filter(action_fiches::territory_id.eq(territory));
        }
        if asked.region.is_some() || asked.department.is_some() {
            let touched = sql_query(
                "SELECT DISTINCT territory_id FROM territory_places WHERE ($1 IS NULL OR region_code = $1) AND ($2 IS NULL OR department_code = $2)",
            );
            let touched = touched.bind::<Nullable<Text>, _>(&asked.region).bind::<Nullable<Text>, _>(&asked.department);
            let touched: Vec<Touched> = touched.load(conn).await?;
            fiches = fiches.filter(action_fiches::territory_id.eq_any(touched.into_iter().map(|touched| touched.territory_id).collect::<Vec<_>>()));
        }
        if let Some(theme) = asked.theme {
            let with = action_fiche_themes::table.filter(action_fiche_themes::theme_id.eq(theme)).select(action_fiche_themes::action_fiche_id);
            fiches = fiches.filter(action_fiches::id.eq_any(with));
        }
        if let Some(validation) = &asked.validation {
            fiches = fiches.filter(action_fiches::validation.eq(validation));
        }
        if let Some(scope) = rights::fiches(caller.reach()) {
            fiches = fiches.filter(scope);
        }
        let mut fiches: Vec<Id> = fiches.load(conn).await?;
        if asked.partner.is_some() || asked.tool.is_some() || asked.year.is_some() {
            let with = sql_query(format!("SELECT DISTINCT action_fiche_id AS id FROM action_fiche_funding_lines WHERE {OF_THESE}"));
            let with = with.bind::<Array<Uuid>, _>(&fiches).bind::<Nullable<Uuid>, _>(asked.partner);
            let with: Vec<Funded> = with.bind::<Nullable<Uuid>, _>(asked.tool).bind::<Nullable<Int4>, _>(asked.year).load(conn).await?;
            fiches = with.into_iter().map(|funded| funded.id).collect();
        }
        let mut grouped = Vec::new();
        for columns in ["", ", funder, partner_id", ", support_tool_id"] {
            let sums = sql_query(sums(columns)).bind::<Array<Uuid>, _>(&fiches).bind::<Nullable<Uuid>, _>(asked.partner);
            grouped.push(sums.bind::<Nullable<Uuid>, _>(asked.tool).bind::<Nullable<Int4>, _>(asked.year).load::<Sum>(conn).await?);
        }
        let remaining = sql_query(
            "SELECT budget_basis AS basis, count(*) AS fiches, count(*) FILTER (WHERE assumed) AS basis_assumed, sum(budget_eur) AS budget_eur, \
             sum(greatest(budget_eur - granted, 0)) AS remaining_eur \
             FROM action_fiches, nullif(budget_basis, 'unknown') AS wanted, \
             LATERAL (SELECT coalesce(sum(granted_eur), 0) AS granted, \
                 coalesce(bool_or(nullif(line.basis, 'unknown') IS NULL OR wanted IS NULL) FILTER (WHERE granted_eur > 0), false) AS assumed \
             FROM action_fiche_funding_lines line \
             WHERE line.action_fiche_id = action_fiches.id AND coalesce(nullif(line.basis, 'unknown'), wanted, '') = coalesce(wanted, nullif(line.basis, 'unknown'), '')) given \
             WHERE id = ANY($1) AND budget_eur IS NOT NULL GROUP BY budget_basis ORDER BY budget_basis",
        );
        let remaining = remaining.bind::<Array<Uuid>, _>(&fiches).load(conn).await?;
        let delays = sql_query(format!(
            "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY granted_on - requested_on) AS requested_to_granted_days, \
             percentile_cont(0.5) WITHIN GROUP (ORDER BY paid_on - granted_on) AS granted_to_paid_days, \
             count(*) FILTER (WHERE granted_on IS NULL AND refused_on IS NULL AND requested_on < current_date - 90) AS waiting_over_90_days \
             FROM action_fiche_funding_lines WHERE {OF_THESE}"
        ));
        let delays = delays.bind::<Array<Uuid>, _>(&fiches).bind::<Nullable<Uuid>, _>(asked.partner);
        let delays = delays.bind::<Nullable<Uuid>, _>(asked.tool).bind::<Nullable<Int4>, _>(asked.year).get_result(conn).await?;
        let mut grouped = grouped.into_iter();
        let mut next = || grouped.next().unwrap_or_default();
        Ok(Momentary(Funding { fiches: fiches.len() as i64, total: next(), by_funder: next(), by_tool: next(), remaining, delays }))
    })
    .await
}
