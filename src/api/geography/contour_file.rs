//! Loads contours from a GeoJSON file. The properties of a feature name the thing that it is the contour of: by the official code of a
//! territory, a SIREN, or a code of the COG.

use std::{collections::HashMap, fs::File, io::BufReader, path::Path};

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::{Map, Value};

use crate::{
    db::{Author, Conn, Db, contours},
    http::Result,
    schema::{communes, departments, intercommunalities, programme_phases, regions, territory_labels},
    values::{Contour, Features, Id},
};

/// The thing that a feature is the contour of, by its properties.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    Territory(String),
    Intercommunality(String),
    Commune(String),
    Department(String),
    Region(String),
}

/// The checked contours of a file, each with its number in the file and the name of its thing.
pub struct Contours(Vec<(usize, Name, Contour)>);

/// Finds the name of the thing among the properties, by the lower-case names that the ANCT, Etalab and the IGN use.
fn name(properties: &Map<String, Value>) -> Option<Name> {
    let of = |names: &[&str]| {
        let found = properties.iter().find(|(key, value)| names.contains(&key.to_lowercase().as_str()) && value.is_string());
        found.and_then(|(_, value)| value.as_str()).map(|text| text.trim().to_owned())
    };
    let code = of(&["code"]);
    of(&["id_ti", "id_territoire"])
        .or_else(|| code.clone().filter(|code| code.starts_with("ti-")))
        .map(Name::Territory)
        .or_else(|| {
            of(&["siren", "siren_epci", "siren_groupement", "code_siren"])
                .or_else(|| code.clone().filter(|code| code.len() == 9))
                .map(Name::Intercommunality)
        })
        .or_else(|| of(&["insee_com", "code_commune", "commune_code"]).or_else(|| code.clone().filter(|code| code.len() == 5)).map(Name::Commune))
        .or_else(|| of(&["insee_dep", "code_departement", "department_code"]).map(Name::Department))
        .or_else(|| of(&["insee_reg", "code_region", "region_code"]).map(Name::Region))
}

/// Reads a file. The error lists all faults of the file.
pub fn read(file: &Path) -> anyhow::Result<Contours> {
    let text = BufReader::new(File::open(file).map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?);
    let collection: Features = serde_json::from_reader(text).map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?;
    let (mut known, mut faults) = (Vec::new(), Vec::new());
    for (number, feature) in (1..).zip(collection.features) {
        let named = feature.properties.as_ref().and_then(name);
        match (named, Contour::parse(&feature.geometry)) {
            (Some(name), Ok(contour)) => known.push((number, name, contour)),
            (None, _) => faults.push(format!("{}: feature {number}: properties: names no territory, SIREN or code", file.display())),
            (_, Err(fault)) => faults.push(format!("{}: feature {number}: geometry: {fault}", file.display())),
        }
    }
    anyhow::ensure!(faults.is_empty(), "nothing was loaded:\n{}", faults.join("\n"));
    Ok(Contours(known))
}

/// Stores the contours, all or none, and replaces the older ones. Official codes are read as codes of this phase; without a phase, a code
/// must exist in one phase only. Returns how many contours are new or changed. The error lists the features whose thing is unknown.
pub async fn load(file: &Contours, phase: Option<i32>, db: &Db) -> anyhow::Result<usize> {
    let stored = db
        .write(&Author::command("load contours"), async |conn| {
            let labels = labels(phase, conn).await?;
            let (mut rows, mut faults) = (Vec::new(), Vec::new());
            for (number, name, contour) in &file.0 {
                match known(name, &labels, conn).await? {
                    Ok((noun, key)) => rows.push((noun, key, contour)),
                    Err(fault) => faults.push(format!("feature {number}: {fault}")),
                }
            }
            if !faults.is_empty() {
                return Result::Ok(Err(faults));
            }
            let mut drawn = 0;
            for (noun, key, contour) in &rows {
                drawn += usize::from(contours::draw(noun, key, contour, conn).await?);
            }
            Ok(Ok(drawn))
        })
        .await?;
    stored.map_err(|faults| anyhow::anyhow!("nothing was loaded:\n{}", faults.join("\n")))
}

/// The labels with each official code.
async fn labels(phase: Option<i32>, conn: &mut Conn) -> QueryResult<HashMap<String, Vec<Id>>> {
    let mut labels = territory_labels::table
        .inner_join(programme_phases::table)
        .filter(territory_labels::official_code.is_not_null())
        .select((territory_labels::official_code.assume_not_null(), territory_labels::id))
        .into_boxed();
    if let Some(phase) = phase {
        labels = labels.filter(programme_phases::number.eq(phase));
    }
    let mut known: HashMap<String, Vec<Id>> = HashMap::new();
    for (code, label) in labels.load::<(String, Id)>(conn).await? {
        known.entry(code).or_default().push(label);
    }
    Ok(known)
}

/// The noun and the key of the named thing, or the reason why there is none.
async fn known(name: &Name, labels: &HashMap<String, Vec<Id>>, conn: &mut Conn) -> QueryResult<std::result::Result<(&'static str, String), String>> {
    use diesel::dsl::{exists, select};
    let (noun, key, there) = match name {
        Name::Territory(code) => {
            return Ok(match labels.get(code).map(Vec::as_slice) {
                Some([one]) => Ok(("territory_labels", one.to_string())),
                Some(_) => Err(format!("{code} is a code in several phases: say of which, with --phase")),
                None => Err(format!("no territory has the official code {code}")),
            });
        }
        Name::Intercommunality(siren) => (
            "intercommunalities",
            siren,
            select(exists(intercommunalities::table.filter(intercommunalities::siren.eq(siren)))).get_result(conn).await?,
        ),
        Name::Commune(code) => ("communes", code, select(exists(communes::table.filter(communes::code.eq(code)))).get_result(conn).await?),
        Name::Department(code) => {
            ("departments", code, select(exists(departments::table.filter(departments::code.eq(code)))).get_result(conn).await?)
        }
        Name::Region(code) => ("regions", code, select(exists(regions::table.filter(regions::code.eq(code)))).get_result(conn).await?),
    };
    Ok(if there { Ok((noun, key.clone())) } else { Err(format!("{noun} have no {key}: is the COG loaded?")) })
}
