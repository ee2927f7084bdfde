//! The perimeter of a territory on a day: its communes, departments and regions, computed from its members and the COG.

use std::collections::HashMap;

use actix_web::{HttpRequest, get, web::Data};
use diesel::{
    QueryableByName, sql_query,
    sql_types::{Array, BigInt, Date, Int4, Nullable, Text, Uuid},
};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::Territory;
use crate::{
    db::{Conn, Db, TODAY},
    http::{At, Caller, Momentary, Problem, Result, kinds, once, value},
    noun::{Address, find},
    values::{CommuneCode, Day, DepartmentCode, Id, Name, RegionCode, Siren},
};

/// A department or a region of the perimeter (département, région).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct PerimeterPlace<C> {
    pub code: C,
    pub name: Name,
    /// The number of communes of the territory in this department or region.
    pub communes_count: i64,
    /// The number of inhabitants of these communes (population municipale).
    #[schema(required)]
    pub population: Option<i64>,
}

/// The perimeter of a territory on a day (périmètre): its communes, departments and regions.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = TerritoryPerimeter)]
pub struct Perimeter {
    /// The day that the perimeter is computed for.
    pub on: Day,
    /// The phase whose members are counted: the phase that was asked for, else the latest phase of the territory that had begun on that
    /// day.
    pub phase_id: Option<Id>,
    /// The year of the COG that was used (millésime): the year of the day, else the nearest loaded year; null when no COG is loaded.
    pub year: Option<i32>,
    /// The number of communes.
    pub communes_count: i64,
    /// The number of inhabitants (population municipale).
    pub population: Option<i64>,
    /// The departments of the territory (départements).
    #[schema(max_items = 200)]
    pub departments: Vec<PerimeterPlace<DepartmentCode>>,
    /// The regions of the territory (régions).
    #[schema(max_items = 100)]
    pub regions: Vec<PerimeterPlace<RegionCode>>,
    /// The members that the COG of that year does not know. They are not counted here.
    #[schema(max_items = 1000)]
    pub unknown_members: Vec<Id>,
}

/// A commune of the perimeter (commune).
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema, QueryableByName)]
#[schema(as = PerimeterCommune)]
struct Commune {
    #[diesel(sql_type = Text)]
    code: CommuneCode,
    #[diesel(sql_type = Text)]
    name: Name,
    #[diesel(sql_type = Text)]
    department_code: DepartmentCode,
    #[diesel(sql_type = Nullable<Text>)]
    intercommunality_siren: Option<Siren>,
    #[diesel(sql_type = Nullable<Int4>)]
    population: Option<i32>,
}

/// A perimeter with its communes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TerritoryPerimeterWhole)]
struct Whole {
    #[serde(flatten)]
    perimeter: Perimeter,
    /// All communes of the perimeter.
    #[schema(max_items = 40000)]
    communes: Vec<Commune>,
}

/// The SQL for the members of territories on a day, and for the communes of each member in the COG of a year. An old code stands for the
/// commune that the former commune became part of.
const MEMBERS: &str = "member AS (SELECT * FROM members_on($1, $2, $3)),
    held AS (
        SELECT territory_id, member_id, commune.id FROM member JOIN communes commune ON commune.year = $4 AND commune.intercommunality_siren = member.siren
        UNION SELECT territory_id, member_id, commune.id FROM member JOIN communes commune ON commune.year = $4 AND commune.ept_siren = member.siren
        UNION SELECT territory_id, member_id, commune.id FROM member JOIN communes commune ON commune.year = $4 AND commune.siren = member.siren
        UNION SELECT territory_id, member_id, commune.id FROM member JOIN communes commune ON commune.year = $4 AND commune.code = member.commune_code
        UNION SELECT territory_id, member_id, commune.id FROM member JOIN communes commune ON commune.year = $4
            AND commune.formers @> jsonb_build_array(jsonb_build_object('code', member.commune_code)))";

#[derive(QueryableByName)]
struct When {
    #[diesel(sql_type = Date)]
    day: Day,
    #[diesel(sql_type = Nullable<Int4>)]
    year: Option<i32>,
}

#[derive(QueryableByName)]
struct Part {
    #[diesel(sql_type = Uuid)]
    territory_id: Id,
    #[diesel(sql_type = Text)]
    code: DepartmentCode,
    #[diesel(sql_type = Text)]
    name: Name,
    #[diesel(sql_type = Text)]
    region_code: RegionCode,
    #[diesel(sql_type = Text)]
    region_name: Name,
    #[diesel(sql_type = BigInt)]
    communes: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    population: Option<i64>,
}

#[derive(QueryableByName)]
struct Of {
    #[diesel(sql_type = Uuid)]
    territory_id: Id,
    #[diesel(sql_type = Nullable<Uuid>)]
    phase_id: Option<Id>,
    #[diesel(sql_type = Array<Uuid>)]
    unknown: Vec<Id>,
}

/// The perimeters of these territories. Three statements, whatever the number of territories.
pub async fn of(territories: &[Id], on: Option<Day>, phase: Option<Id>, conn: &mut Conn) -> Result<HashMap<Id, Perimeter>> {
    let when = format!(
        "SELECT day, coalesce((SELECT max(year) FROM regions WHERE year <= extract(year FROM day)), (SELECT min(year) FROM regions)) AS year
         FROM (SELECT coalesce($1, {TODAY}) AS day) asked"
    );
    let When { day, year } = sql_query(when).bind::<Nullable<Date>, _>(on).get_result(conn).await?;
    let members = sql_query(format!(
        "WITH {MEMBERS} SELECT territory_id, max(phase_id::text)::uuid AS phase_id,
            coalesce(array_agg(member_id ORDER BY member_id) FILTER (WHERE member_id NOT IN (SELECT member_id FROM held)), '{{}}') AS unknown
         FROM member GROUP BY territory_id"
    ));
    let members = members.bind::<Array<Uuid>, _>(territories).bind::<Date, _>(day).bind::<Nullable<Uuid>, _>(phase);
    let members: Vec<Of> = members.bind::<Nullable<Int4>, _>(year).load(conn).await?;
    let empty = |id: Id| {
        let perimeter = Perimeter {
            on: day,
            phase_id: phase,
            year,
            communes_count: 0,
            population: None,
            departments: Vec::new(),
            regions: Vec::new(),
            unknown_members: Vec::new(),
        };
        (id, perimeter)
    };
    let mut perimeters: HashMap<Id, Perimeter> = territories.iter().copied().map(empty).collect();
    for Of { territory_id, phase_id, unknown } in members {
        if let Some(perimeter) = perimeters.get_mut(&territory_id) {
            (perimeter.phase_id, perimeter.unknown_members) = (phase_id, unknown);
        }
    }
    let parts = sql_query(format!(
        "WITH {MEMBERS} SELECT territory_id, department.code, department.name, region.code AS region_code, region.name AS region_name,
            count(*) AS communes, sum(commune.population) AS population
         FROM (SELECT DISTINCT territory_id, id FROM held) held JOIN communes commune USING (id)
         JOIN departments department ON department.year = $4 AND department.code = commune.department_code
         JOIN regions region ON region.year = $4 AND region.code = commune.region_code
         GROUP BY territory_id, department.code, department.name, region.code, region.name ORDER BY territory_id, department.code"
    ));
    let parts = parts.bind::<Array<Uuid>, _>(territories).bind::<Date, _>(day).bind::<Nullable<Uuid>, _>(phase);
    for part in parts.bind::<Nullable<Int4>, _>(year).load::<Part>(conn).await? {
        let Some(perimeter) = perimeters.get_mut(&part.territory_id) else { continue };
        perimeter.communes_count += part.communes;
        perimeter.population = add(perimeter.population, part.population);
        match perimeter.regions.iter_mut().find(|region| region.code == part.region_code) {
            Some(region) => {
                region.communes_count += part.communes;
                region.population = add(region.population, part.population);
            }
            None => perimeter.regions.push(PerimeterPlace {
                code: part.region_code,
                name: part.region_name,
                communes_count: part.communes,
                population: part.population,
            }),
        }
        let (code, name) = (part.code, part.name);
        perimeter.departments.push(PerimeterPlace { code, name, communes_count: part.communes, population: part.population });
    }
    Ok(perimeters)
}

fn add(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    one.into_iter().chain(other).reduce(|one, other| one + other)
}

/// The day and the phase of the perimeter.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the document reads it; `Asked::of` reads the query string")]
struct PerimeterParameters {
    /// The day; today by default.
    on: Option<Day>,
    /// The phase whose members are counted; by default the latest phase that had begun on that day and has members here.
    phase_id: Option<Id>,
}

#[derive(Default)]
struct Asked {
    on: Option<Day>,
    phase: Option<Id>,
}

impl Asked {
    fn of(request: &HttpRequest) -> Result<Self> {
        let (mut asked, mut errors) = (Self::default(), Vec::new());
        for (name, given) in once(request, &mut errors) {
            match name.as_str() {
                "on" => asked.on = value(&name, &given, Day::parse, &mut errors),
                // `guard` has refused any other parameter.
                _ => asked.phase = value(&name, &given, Id::parse, &mut errors),
            }
        }
        if errors.is_empty() { Ok(asked) } else { Err(Problem::errors(&kinds::INVALID_PARAMETERS, errors)) }
    }
}

pub fn routes(routes: &mut ServiceConfig) {
    routes.service(read_territory_perimeter);
}

/// Read the perimeter of a territory
///
/// The perimeter (périmètre) on a day: the communes, departments, regions and population, by the COG of that year, else of the nearest
/// loaded year.
#[utoipa::path(params(PerimeterParameters), responses((status = OK, body = Whole)))]
#[get("/territories/{id}/perimeter")]
async fn read_territory_perimeter(db: Data<Db>, At(id): At, request: HttpRequest) -> Result<Momentary<Whole>> {
    let caller = Caller::of(&request);
    let asked = Asked::of(&request)?;
    db.snapshot(async |conn| -> Result<_> {
        find::<Territory>(Address::alone(id), caller.reach(), conn).await?;
        let perimeter = of(&[id], asked.on, asked.phase, conn).await?.remove(&id).ok_or_else(|| Problem::new(&kinds::INTERNAL))?;
        let communes = sql_query(format!(
            "WITH {MEMBERS} SELECT code, name, department_code, intercommunality_siren, population FROM communes
             WHERE id IN (SELECT id FROM held) ORDER BY code"
        ));
        let communes = communes.bind::<Array<Uuid>, _>(vec![id]).bind::<Date, _>(perimeter.on).bind::<Nullable<Uuid>, _>(asked.phase);
        let communes = communes.bind::<Nullable<Int4>, _>(perimeter.year).load(conn).await?;
        Ok(Momentary(Whole { perimeter, communes }))
    })
    .await
}
