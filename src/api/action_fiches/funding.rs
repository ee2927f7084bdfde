//! The money of many fiches: what was planned, asked, granted and paid, by whom, by which tool, with what delay. What is with
//! tax is never added to what is without.

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

use super::words::Validation;
use crate::{
    db::Db,
    http::{Caller, Momentary, Problem, Result, Said, Wrong, kinds, number, parameters},
    rights,
    schema::{action_fiche_themes, action_fiches},
    values::{Amount, Basis, DepartmentCode, Id, RegionCode},
};

/// Of which fiches and lines.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the document reads it; `Asked::of` reads the query string")]
struct FundingParameters {
    /// Of this territory.
    territory_id: Option<Id>,
    /// Of the territories that have a commune in this region.
    region_code: Option<RegionCode>,
    /// Of the territories that have a commune in this department.
    department_code: Option<DepartmentCode>,
    /// With this theme.
    theme_id: Option<Id>,
    /// Whose validation stands so.
    #[param(value_type = Option<Validation>)]
    validation: Option<Validation>,
    /// Of this funder.
    partner_id: Option<Id>,
    /// From this tool.
    support_tool_id: Option<Id>,
    /// For this year.
    #[param(minimum = 1, maximum = 1000000)]
    year: Option<i32>,
}

/// What is asked, read.
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
        for (name, value) in parameters(request) {
            let mut id = || {
                let said = Said::new("Is not an identifier.", "N'est pas un identifiant.");
                Id::parse(&value).map_err(|_| errors.push(Wrong::parameter(&name, "invalid_id", said))).ok()
            };
            match name.as_str() {
                "territory_id" => asked.territory = id(),
                "theme_id" => asked.theme = id(),
                "partner_id" => asked.partner = id(),
                "support_tool_id" => asked.tool = id(),
                "region_code" if RegionCode::parse(&value).is_ok() => asked.region = Some(value),
                "department_code" if DepartmentCode::parse(&value).is_ok() => asked.department = Some(value),
                "year" => asked.year = i32::try_from(number(&name, &value, 1, 1_000_000, &mut errors)).ok(),
                "validation" if Validation::parse(&value).is_ok() => asked.validation = Some(value),
                _ => errors.push(Wrong::parameter(&name, "invalid_value", Said::new("Is not a value of it.", "N'est pas une de ses valeurs."))),
            }
        }
        if errors.is_empty() { Ok(asked) } else { Err(Problem::errors(&kinds::INVALID_PARAMETERS, errors)) }
    }
}

/// Sums of lines that may be added: of one basis, and of one funder or tool where these are told.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, QueryableByName)]
#[schema(as = FundingSum)]
struct Sum {
    /// With or without tax; null when no line says it.
    #[diesel(sql_type = Nullable<Text>)]
    basis: Option<Basis>,
    /// Of which kind of funder.
    #[diesel(sql_type = Nullable<Text>)]
    #[schema(max_length = 50)]
    funder: Option<String>,
    /// Of which funder.
    #[diesel(sql_type = Nullable<Uuid>)]
    partner_id: Option<Id>,
    /// From which tool.
    #[diesel(sql_type = Nullable<Uuid>)]
    support_tool_id: Option<Id>,
    /// How many lines.
    #[diesel(sql_type = BigInt)]
    lines: i64,
    /// Prévu; null when no line says how much, as for the others.
    #[diesel(sql_type = Nullable<Numeric>)]
    #[schema(value_type = Option<f64>)]
    planned_eur: Option<Amount>,
    /// Demandé.
    #[diesel(sql_type = Nullable<Numeric>)]
    #[schema(value_type = Option<f64>)]
    requested_eur: Option<Amount>,
    /// Accordé.
    #[diesel(sql_type = Nullable<Numeric>)]
    #[schema(value_type = Option<f64>)]
    granted_eur: Option<Amount>,
    /// Versé.
    #[diesel(sql_type = Nullable<Numeric>)]
    #[schema(value_type = Option<f64>)]
    paid_eur: Option<Amount>,
    /// Of how many lines it is not known what was asked.
    #[diesel(sql_type = BigInt)]
    requested_unknown: i64,
    /// Of how many lines it is not known what was granted.
    #[diesel(sql_type = BigInt)]
    granted_unknown: i64,
    /// Of how many lines it is not known what was paid.
    #[diesel(sql_type = BigInt)]
    paid_unknown: i64,
}

/// What is still to be found: budgets less what was granted on the same basis. A fiche that several intercommunalities share
/// counts once.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, QueryableByName)]
#[schema(as = FundingRemainder)]
struct Remainder {
    /// With or without tax; null when no fiche says it.
    #[diesel(sql_type = Nullable<Text>)]
    basis: Option<Basis>,
    /// How many fiches have a budget.
    #[diesel(sql_type = BigInt)]
    fiches: i64,
    /// Their budgets.
    #[diesel(sql_type = Nullable<Numeric>)]
    #[schema(value_type = Option<f64>)]
    budget_eur: Option<Amount>,
    /// What of them was not granted; nothing of a fiche that got more than its budget.
    #[diesel(sql_type = Nullable<Numeric>)]
    #[schema(value_type = Option<f64>)]
    remaining_eur: Option<Amount>,
}

/// How long it takes, in days.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, QueryableByName)]
#[schema(as = FundingDelays)]
struct Delays {
    /// From asking to granting, the median.
    #[diesel(sql_type = Nullable<Float8>)]
    requested_to_granted_days: Option<f64>,
    /// From granting to the last payment, the median.
    #[diesel(sql_type = Nullable<Float8>)]
    granted_to_paid_days: Option<f64>,
    /// How many lines were asked for over 90 days ago, and were neither granted nor refused.
    #[diesel(sql_type = BigInt)]
    waiting_over_90_days: i64,
}

/// The money of the fiches that were asked for, as far as the caller sees them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Funding)]
struct Funding {
    /// How many fiches there are, with money or without.
    fiches: i64,
    /// By basis.
    #[schema(max_items = 10)]
    total: Vec<Sum>,
    /// By funder and basis.
    #[schema(max_items = 100000)]
    by_funder: Vec<Sum>,
    /// By tool and basis.
    #[schema(max_items = 100000)]
    by_tool: Vec<Sum>,
    /// By basis.
    #[schema(max_items = 10)]
    remaining: Vec<Remainder>,
    delays: Delays,
}

#[derive(QueryableByName)]
struct Touched {
    #[diesel(sql_type = Uuid)]
    territory_id: Id,
}

/// Its operation.
pub fn routes(routes: &mut ServiceConfig) {
    routes.service(read_action_fiche_funding);
}

/// The sums of the lines of these fiches, grouped by these columns.
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

/// The lines that are asked for.
const OF_THESE: &str =
    "action_fiche_id = ANY($1) AND ($2 IS NULL OR partner_id = $2) AND ($3 IS NULL OR support_tool_id = $3) AND ($4 IS NULL OR year = $4)";

/// Read the money of action fiches
///
/// What was planned, asked, granted and paid, by basis, by funder and by tool; what is still to be found, and how long it takes:
/// of the fiches that fit and that the caller sees, as it stands now. Amounts with and without tax are never added.
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
        let fiches: Vec<Id> = fiches.load(conn).await?;
        let mut grouped = Vec::new();
        for columns in ["", ", funder, partner_id", ", support_tool_id"] {
            let sums = sql_query(sums(columns)).bind::<Array<Uuid>, _>(&fiches).bind::<Nullable<Uuid>, _>(asked.partner);
            grouped.push(sums.bind::<Nullable<Uuid>, _>(asked.tool).bind::<Nullable<Int4>, _>(asked.year).load::<Sum>(conn).await?);
        }
        let remaining = sql_query(
            "SELECT budget_basis AS basis, count(*) AS fiches, sum(budget_eur) AS budget_eur, sum(greatest(budget_eur - granted, 0)) AS remaining_eur \
             FROM action_fiches, LATERAL (SELECT coalesce(sum(granted_eur), 0) AS granted FROM action_fiche_funding_lines line \
             WHERE line.action_fiche_id = action_fiches.id AND line.basis IS NOT DISTINCT FROM action_fiches.budget_basis) given \
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
