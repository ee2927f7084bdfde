//! Loads the official geographic code (COG) of a year, from a folder laid out as the npm package
//! `@etalab/decoupage-administratif` is: `regions.json`, `departements.json`, `epci.json`, `ept.json`, `communes.json`. The packages of each
//! year since 2018 are read: the older ones have no `ept.json`, say otherwise what became of a commune, and give the communes of an overseas
//! collectivity neither a department nor a region.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs,
    io::ErrorKind,
    path::Path,
    pin::pin,
};

use actix_web::web::Bytes;
use anyhow::Context;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use futures_util::SinkExt;
use indicatif::ProgressBar;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio_postgres::Transaction;

use crate::{
    db::{Conn, Db},
    http::Result,
    schema,
    values::{Checked, Id, Rule, rules},
};

/// The result of a statement of a load.
type Copied<T> = std::result::Result<T, tokio_postgres::Error>;

/// The number of rows that are sent at once.
const BATCH: usize = 5000;
/// The most faults that are told one by one.
const TOLD: usize = 100;

#[derive(Deserialize)]
struct Region {
    code: String,
    nom: String,
}

#[derive(Deserialize)]
struct Department {
    code: String,
    nom: String,
    region: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Intercommunality {
    code: String,
    #[serde(default)]
    nom: String,
    #[serde(rename = "type", default)]
    kind: String,
    membres: Vec<Member>,
}

#[derive(Deserialize)]
struct Member {
    code: String,
    siren: Option<String>,
}

/// An overseas collectivity, in the packages that have it neither among the departments nor among the regions.
#[derive(Deserialize)]
struct Collectivity {
    code: String,
    nom: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Commune {
    code: String,
    nom: String,
    #[serde(rename = "type")]
    kind: String,
    departement: Option<String>,
    region: Option<String>,
    collectivite_outremer: Option<Collectivity>,
    siren: Option<String>,
    population: Option<i32>,
    #[serde(default)]
    anciens_codes: Vec<String>,
    /// The commune that a delegated or associated commune is part of.
    chef_lieu: Option<String>,
    /// The commune that a municipal district is part of.
    commune: Option<String>,
    /// The commune that took this one over.
    commune_absorbante: Option<String>,
    /// The code that the commune has had since.
    nouveau_code: Option<String>,
}

impl Commune {
    /// The codes of the department and of the region: of an overseas collectivity, which is in none, its own code.
    fn places(&self) -> [&str; 2] {
        let own = self.collectivite_outremer.as_ref().map_or("", |collectivity| collectivity.code.as_str());
        [&self.departement, &self.region].map(|code| code.as_deref().unwrap_or(own))
    }

    /// The commune that this one is part of, or became.
    fn whole(&self) -> Option<&str> {
        [&self.chef_lieu, &self.commune, &self.commune_absorbante, &self.nouveau_code].into_iter().find_map(Option::as_deref)
    }
}

/// The COG of a year, checked: every row that another row names is there.
pub struct Cog {
    /// The tables, in the order in which they refer to each other.
    tables: [(Table, Vec<Value>); 4],
    /// What the files say that is not stored, and why.
    pub told: Vec<String>,
}

/// Where the rows of a file go.
#[derive(Debug, Clone, Copy)]
struct Table {
    name: &'static str,
    key: &'static str,
    /// The columns with their types. The key comes first; the year is given once for the whole load.
    columns: &'static [(&'static str, &'static str)],
}

const REGIONS: Table = Table { name: "regions", key: "code", columns: &[("code", "text"), ("name", "text")] };
const DEPARTMENTS: Table = Table { name: "departments", key: "code", columns: &[("code", "text"), ("name", "text"), ("region_code", "text")] };
const INTERCOMMUNALITIES: Table = Table {
    name: "intercommunalities",
    key: "siren",
    columns: &[("siren", "text"), ("name", "text"), ("kind", "text"), ("communes_count", "integer"), ("population", "integer")],
};
const COMMUNES: Table = Table {
    name: "communes",
    key: "code",
    columns: &[
        ("code", "text"),
        ("name", "text"),
        ("siren", "text"),
        ("department_code", "text"),
        ("region_code", "text"),
        ("intercommunality_siren", "text"),
        ("ept_siren", "text"),
        ("population", "integer"),
        ("formers", "jsonb"),
    ],
};

/// What a load did to the rows of a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Loaded {
    /// The table.
    pub table: &'static str,
    /// The number of new rows.
    pub made: i64,
    /// The number of changed rows.
    pub changed: i64,
    /// The number of removed rows.
    pub removed: i64,
    /// The number of rows after the load.
    pub all: usize,
}

/// All faults of the files.
#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    fn say(&mut self, file: &str, item: &str, what: &str) {
        self.0.push(format!("{file}: {item}: {what}"));
    }

    fn text<R: Rule>(&mut self, file: &str, item: &str, text: &str) -> String {
        match Checked::<R>::told(text) {
            Ok(checked) => checked.as_str().to_owned(),
            Err(sentence) => {
                self.say(file, item, &sentence);
                String::new()
            }
        }
    }
}

/// The files of a folder.
pub fn read(dir: &Path) -> anyhow::Result<Cog> {
    parse(|file| match fs::read(dir.join(file)) {
        Err(error) if error.kind() == ErrorKind::NotFound && file == "ept.json" => Ok(b"[]".to_vec()),
        read => read.with_context(|| dir.join(file).display().to_string()),
    })
}

fn rows<T: DeserializeOwned>(text: &[u8], file: &str) -> anyhow::Result<Vec<T>> {
    // serde_json tells the line and the column.
    serde_json::from_slice(text).with_context(|| file.to_owned())
}

/// Reads the files, by their names. The error lists all faults of the files.
pub fn parse(open: impl Fn(&str) -> anyhow::Result<Vec<u8>>) -> anyhow::Result<Cog> {
    let mut faults = Faults::default();
    let mut regions = BTreeMap::new();
    for Region { code, nom } in rows(&open("regions.json")?, "regions.json")? {
        let name = faults.text::<rules::Name>("regions.json", &code, &nom);
        let code = faults.text::<rules::RegionCode>("regions.json", &code, &code);
        let row = json!({ "code": code, "name": name });
        if regions.insert(code.clone(), row).is_some() {
            faults.say("regions.json", &code, "is there twice");
        }
    }
    let mut departments = BTreeMap::new();
    for Department { code, nom, region } in rows(&open("departements.json")?, "departements.json")? {
        let name = faults.text::<rules::Name>("departements.json", &code, &nom);
        let code = faults.text::<rules::DepartmentCode>("departements.json", &code, &code);
        if !regions.contains_key(&region) {
            faults.say("departements.json", &code, &format!("its region {region} is not there"));
        }
        let row = json!({ "code": code, "name": name, "region_code": region });
        if departments.insert(code.clone(), row).is_some() {
            faults.say("departements.json", &code, "is there twice");
        }
    }
    let mut told = Vec::new();
    let all: Vec<Commune> = rows(&open("communes.json")?, "communes.json")?;
    for Collectivity { code, nom } in all.iter().filter_map(|commune| commune.collectivite_outremer.as_ref()) {
        let name = faults.text::<rules::Name>("communes.json", code, nom);
        let checked = faults.text::<rules::DepartmentCode>("communes.json", code, code);
        regions.entry(checked.clone()).or_insert_with(|| json!({ "code": checked, "name": name }));
        departments.entry(checked.clone()).or_insert_with(|| json!({ "code": checked, "name": name, "region_code": checked }));
    }
    let (living, parts): (Vec<Commune>, Vec<Commune>) = all.into_iter().partition(|commune| commune.kind == "commune-actuelle");
    let became = became(&living, &parts);
    let mut wholes: HashMap<&str, [Option<String>; 2]> = living.iter().map(|commune| (commune.code.as_str(), [None, None])).collect();
    let people: HashMap<&str, i32> = living.iter().filter_map(|commune| Some((commune.code.as_str(), commune.population?))).collect();
    let mut sirens: HashMap<String, String> = HashMap::new();
    let mut intercommunalities = BTreeMap::new();
    for (place, file) in ["epci.json", "ept.json"].into_iter().enumerate() {
        for Intercommunality { code, nom, kind, membres } in rows(&open(file)?, file)? {
            // A row that the maker of a package left without a value.
            if code == "undefined" {
                told.push(format!("{file}: a row without a code is passed over"));
                continue;
            }
            let name = faults.text::<rules::Name>(file, &code, &nom);
            let siren = faults.text::<rules::Siren>(file, &code, &code);
            let kind = match kind.as_str() {
                "CC" => "cc",
                "CA" => "ca",
                "CU" => "cu",
                "METRO" => "metropole",
                "MET69" => "metropole_de_lyon",
                "EPT" => "ept",
                other => {
                    faults.say(file, &code, &format!("{other:?} is no kind of intercommunality known here"));
                    "cc"
                }
            };
            let mut communes_count = 0;
            for Member { code: commune, siren: own } in &membres {
                // A commune that the COG of the year knows no more, or not yet, stands for what it is part of.
                let code_now = became.get(commune.as_str()).copied().unwrap_or(commune);
                match wholes.get_mut(code_now).map(|wholes| &mut wholes[place]) {
                    Some(none @ None) => {
                        *none = Some(siren.clone());
                        communes_count += 1;
                    }
                    Some(Some(other)) if code_now != commune => {
                        told.push(format!("{file}: {code}: {commune} is part of the commune {code_now}, which is in {other}"));
                    }
                    Some(Some(other)) if *other == siren => told.push(format!("{file}: {code}: the commune {commune} is there twice")),
                    Some(Some(other)) => faults.say(file, &code, &format!("the commune {commune} is in {other} already")),
                    None => faults.say(file, &code, &format!("the commune {commune} is not there")),
                }
                if let Some(own) = own.as_ref().filter(|_| code_now == commune) {
                    sirens.entry(commune.clone()).or_insert_with(|| own.clone());
                }
            }
            // The inhabitants of its communes: the file has another number, which counts some of them twice (population totale).
            let population = membres.iter().filter_map(|member| people.get(member.code.as_str()).copied()).reduce(|sum, more| sum + more);
            let row = json!({ "siren": siren, "name": name, "kind": kind, "communes_count": communes_count, "population": population });
            if intercommunalities.insert(siren.clone(), row).is_some() {
                faults.say(file, &siren, "is there twice");
            }
        }
    }
    let formers = formers(&living, &parts, &became, &mut told, &mut faults);
    let mut communes = BTreeMap::new();
    for commune in &living {
        let Commune { code, nom, siren, population, .. } = commune;
        let [departement, region] = commune.places();
        let siren = siren.as_ref().or_else(|| sirens.get(code));
        let file = "communes.json";
        let [intercommunality, ept] = wholes.get(code.as_str()).cloned().unwrap_or_default();
        let row = json!({
            "code": faults.text::<rules::CommuneCode>(file, code, code),
            "name": faults.text::<rules::Name>(file, code, nom),
            "siren": siren.map(|siren| faults.text::<rules::Siren>(file, code, siren)),
            "department_code": departement,
            "region_code": region,
            "intercommunality_siren": intercommunality,
            "ept_siren": ept,
            "population": population,
            "formers": formers.get(code.as_str()),
        });
        match departments.get(departement) {
            None => faults.say(file, code, &format!("its department {departement} is not there")),
            Some(department) if department["region_code"] != region => {
                faults.say(file, code, &format!("its department {departement} is not in the region {region}"));
            }
            Some(_) => {}
        }
        if communes.insert(code.clone(), row).is_some() {
            faults.say(file, code, "is there twice");
        }
    }
    if !faults.0.is_empty() {
        let more = faults.0.len().saturating_sub(TOLD);
        faults.0.truncate(TOLD);
        if more > 0 {
            faults.0.push(format!("and {more} more"));
        }
        anyhow::bail!("nothing was loaded:\n{}", faults.0.join("\n"));
    }
    let sorted = |rows: BTreeMap<String, Value>| rows.into_values().collect();
    let tables = [
        (REGIONS, sorted(regions)),
        (DEPARTMENTS, sorted(departments)),
        (INTERCOMMUNALITIES, sorted(intercommunalities)),
        (COMMUNES, sorted(communes)),
    ];
    Ok(Cog { tables, told })
}

/// The living commune that each other one is part of, or became, by however many steps.
fn became<'a>(living: &'a [Commune], parts: &'a [Commune]) -> HashMap<&'a str, &'a str> {
    let living: HashSet<&str> = living.iter().map(|commune| commune.code.as_str()).collect();
    let steps: HashMap<&str, &str> = parts.iter().filter_map(|part| Some((part.code.as_str(), part.whole()?))).collect();
    let end = |code: &'a str| {
        let mut path = std::iter::successors(Some(code), |code| steps.get(code).copied()).take(steps.len() + 1);
        path.find(|code| living.contains(code))
    };
    steps.keys().filter_map(|code| Some((*code, end(code)?))).collect()
}

/// The old codes of each commune: the former communes that became part of it, with their names where the files give them, and its
/// districts.
fn formers<'a>(
    living: &'a [Commune],
    parts: &'a [Commune],
    became: &HashMap<&'a str, &'a str>,
    told: &mut Vec<String>,
    faults: &mut Faults,
) -> HashMap<&'a str, Vec<Value>> {
    let mut formers: HashMap<&str, BTreeMap<&str, Value>> = HashMap::new();
    for commune in living {
        let known = formers.entry(commune.code.as_str()).or_default();
        for code in &commune.anciens_codes {
            known.insert(code, json!({ "code": code, "name": null, "kind": "former" }));
        }
    }
    let mut lost = 0;
    for part in parts {
        let kind = match part.kind.as_str() {
            "commune-deleguee" => "delegated",
            "commune-associee" => "associated",
            "arrondissement-municipal" => "district",
            "commune-absorbee" | "ancien-code" | "commune-perimee" => "former",
            other => {
                faults.say("communes.json", &part.code, &format!("{other:?} is no kind of commune known here"));
                continue;
            }
        };
        let whole = became.get(part.code.as_str()).copied();
        let Some(known) = whole.and_then(|whole| formers.get_mut(whole)) else {
            // The oldest package does not say what became of some communes.
            if kind == "former" && part.whole().is_none() {
                lost += 1;
            } else {
                faults.say("communes.json", &part.code, "the commune it is part of is not there");
            }
            continue;
        };
        // A delegated commune may have the code of the whole commune: that is not an old code.
        if whole != Some(&part.code) {
            known.insert(&part.code, json!({ "code": part.code, "name": part.nom, "kind": kind }));
        }
    }
    if lost > 0 {
        told.push(format!("communes.json: of {lost} former communes the file does not say what they became"));
    }
    for (code, known) in &formers {
        for former in known.keys() {
            faults.text::<rules::CommuneCode>("communes.json", code, former);
        }
    }
    formers.into_iter().map(|(code, known)| (code, known.into_values().collect())).collect()
}

/// Is no year loaded yet?
pub async fn is_empty(conn: &mut Conn) -> Result<bool> {
    Ok(schema::regions::table.select(schema::regions::id).first::<Id>(conn).await.optional()?.is_none())
}

/// Loads the COG of a year, wholly or not at all. It replaces what was loaded for that year; other years stay.
pub async fn load(cog: &Cog, year: i32, db: &Db) -> Result<Vec<Loaded>> {
    let Cog { tables, .. } = cog;
    let bar = ProgressBar::new(tables.iter().map(|(_, rows)| rows.len() as u64).sum());
    let loaded = db
        .copy(async |transaction| {
            // Loads run one at a time: of two loads, the later one stays.
            transaction.batch_execute("SELECT pg_advisory_xact_lock(hashtext('load cog'))").await?;
            let mut loaded = Vec::new();
            for (table, rows) in tables {
                loaded.push(store(*table, rows, year, &bar, transaction).await?);
            }
            for ((table, _), loaded) in tables.iter().zip(&mut loaded).rev() {
                loaded.removed = remove(*table, year, transaction).await?;
            }
            place(year, transaction).await?;
            Ok(loaded)
        })
        .await?;
    bar.finish();
    Ok(loaded)
}

/// Copies the given rows into a temporary table, then inserts and updates the rows of the table from it.
async fn store(table: Table, rows: &[Value], year: i32, bar: &ProgressBar, transaction: &Transaction<'_>) -> Copied<Loaded> {
    let Table { name, key, columns } = table;
    transaction.batch_execute(&format!("CREATE TEMPORARY TABLE given_{name} (item jsonb) ON COMMIT DROP")).await?;
    // These two characters never occur in a line of JSON.
    let mut given = pin!(transaction.copy_in(&format!("COPY given_{name} FROM STDIN (FORMAT csv, DELIMITER E'\\x01', QUOTE E'\\x02')")).await?);
    for batch in rows.chunks(BATCH) {
        let lines: String = batch.iter().map(|row| format!("{row}\n")).collect();
        given.send(Bytes::from(lines)).await?;
        bar.inc(batch.len() as u64);
    }
    given.finish().await?;
    transaction.batch_execute(&format!("ANALYZE given_{name}")).await?;
    let list = |shape: fn(&(&str, &str)) -> String| columns.iter().map(shape).collect::<Vec<_>>().join(", ");
    let (names, types) = (list(|(name, _)| (*name).to_owned()), list(|(name, kind)| format!("{name} {kind}")));
    let (stood, given) = (list(|(name, _)| format!("stood.{name}")), list(|(name, _)| format!("excluded.{name}")));
    let statement = format!(
        "WITH stored AS (
            INSERT INTO {name} AS stood (year, {names}) SELECT $1, {names} FROM given_{name}, jsonb_to_record(item) AS given ({types})
            ON CONFLICT ({key}, year) DO UPDATE SET ({names}) = ({given}), version = stood.version + 1 WHERE ({stood}) IS DISTINCT FROM ({given})
            RETURNING xmax = 0 AS made)
        SELECT count(*) FILTER (WHERE made) AS made, count(*) FILTER (WHERE NOT made) AS changed FROM stored"
    );
    let stored = transaction.query_one(&statement, &[&year]).await?;
    Ok(Loaded { table: name, all: rows.len(), made: stored.try_get("made")?, changed: stored.try_get("changed")?, removed: 0 })
}

/// Removes the rows of the year that the files do not contain.
async fn remove(table: Table, year: i32, transaction: &Transaction<'_>) -> Copied<i64> {
    let Table { name, key, .. } = table;
    let statement = format!("DELETE FROM {name} WHERE year = $1 AND NOT EXISTS (SELECT FROM given_{name} WHERE item ->> '{key}' = {name}.{key})");
    Ok(transaction.execute(&statement, &[&year]).await? as i64)
}

/// Computes the departments of the intercommunalities of the year.
async fn place(year: i32, transaction: &Transaction<'_>) -> Copied<()> {
    let clear = "DELETE FROM intercommunality_places WHERE intercommunality_id IN (SELECT id FROM intercommunalities WHERE year = $1)";
    transaction.execute(clear, &[&year]).await?;
    let compute = "INSERT INTO intercommunality_places (intercommunality_id, department_code, region_code, communes_count, population)
        SELECT whole.id, commune.department_code, min(commune.region_code), count(*), sum(commune.population)
        FROM (SELECT department_code, region_code, population, unnest(ARRAY[intercommunality_siren, ept_siren]) AS siren FROM communes WHERE year = $1) commune
        JOIN intercommunalities whole ON whole.year = $1 AND whole.siren = commune.siren
        GROUP BY whole.id, commune.department_code";
    transaction.execute(compute, &[&year]).await?;
    Ok(())
}
