//! Loads contours from a GeoJSON file (RFC 7946). The properties of a feature name the thing that it is the contour of: by the official code
//! of a territory, a SIREN, or a code of the COG. Of several codes the finest one is its own: a commune names its intercommunality, its
//! department and its region as well. A feature that names nothing, or two things, is refused: it is never drawn on the wrong one.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs,
    path::Path,
};

use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, Text},
};
use diesel_async::RunQueryDsl;
use serde_json::{Map, Value};

use crate::{
    config::ContoursOf,
    db::{Author, Conn, Db, contours},
    http::Result,
    schema::{programme_phases, territory_labels},
    values::{Checked, Contour, Feature, Id, Rule, rules},
};

/// The names that the ANCT, Etalab, the IGN and INSEE give to the property with the code, without case and separators; from the finest thing
/// to the largest one.
const NAMES: [(ContoursOf, &[&str]); 5] = [
    (
        ContoursOf::Communes,
        &["inseecom", "codecommune", "communecode", "inseecommune", "codeinseedelacommune", "codgeo", "codegeo", "depcom", "codecom", "com"],
    ),
    (ContoursOf::Intercommunalities, &["siren", "codesiren", "sirenepci", "codeepci", "epci", "sirengroupement", "codessirendesepci"]),
    (ContoursOf::Territories, &["idti", "idterritoire", "officialcode"]),
    (ContoursOf::Departments, &["inseedep", "codedepartement", "departmentcode", "codeinseedudepartement", "codedep", "dep", "departement"]),
    (ContoursOf::Regions, &["inseereg", "coderegion", "regioncode", "codeinseedelaregion", "codereg", "reg", "region"]),
];
/// The code of the feature itself, whatever it is.
const CODES: [&str; 3] = ["code", "codeinsee", "insee"];
/// Codes of parts of a commune, and codes of what is between a commune and a department: none of these has a contour here.
const FINER: [(&str, bool); 11] = [
    ("inseearm", true),
    ("codeiris", true),
    ("iris", true),
    ("inseecan", false),
    ("codecanton", false),
    ("codecan", false),
    ("inseearr", false),
    ("codearrondissement", false),
    ("codearr", false),
    ("codeinseeducanton", false),
    ("codeinseedelarrondissement", false),
];

/// The name of the thing that a feature is the contour of.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    /// The code of what is known.
    Of(ContoursOf, String),
    /// A SIREN: of an intercommunality, else of a commune.
    Siren(String),
    /// A code of a department or of a region, with the code of the region and the SIREN beside it.
    Either { code: String, region: Option<String>, siren: Option<String> },
}

/// The checked contours of a file, each with its number in the file and the name of its thing; and what is to be told of the others.
pub struct Contours {
    known: Vec<(usize, Name, Contour)>,
    told: Vec<String>,
}

/// The result of a load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The number of new or changed contours.
    pub drawn: usize,
    /// What was not drawn, and why.
    pub told: Vec<String>,
}

/// The properties, by their names without case and separators. One that is empty says what a feature is, and not which one.
fn plain(properties: &Map<String, Value>) -> BTreeMap<String, (&str, String)> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Null => Some(String::new()),
        // A code that lost its quotes, and perhaps became a fraction.
        Value::Number(number) => number.as_f64().filter(|number| number.fract() == 0.0).map(|number| format!("{number:.0}")),
        _ => None,
    };
    let name = |name: &str| name.to_lowercase().replace(['_', '-', ' '], "");
    properties.iter().filter_map(|(key, value)| Some((name(key), (key.as_str(), text(value)?)))).collect()
}

/// Is it a list of several codes?
fn is_list(text: &str) -> bool {
    let code = |part: &str| matches!(part.len(), 5 | 7 | 9) && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let mut parts = text.split([',', ';', '/', '|', ' ']).filter(|part| !part.is_empty()).peekable();
    let first = parts.next();
    parts.peek().is_some() && first.into_iter().chain(parts).all(code)
}

/// The code in its form. A number has lost the zeros it began with.
fn code(of: ContoursOf, text: &str, number: bool) -> Option<String> {
    fn of_rule<R: Rule>(text: &str) -> Option<String> {
        Checked::<R>::parse(text).ok().map(|code| code.as_str().to_owned())
    }
    match of {
        ContoursOf::Communes if number => of_rule::<rules::CommuneCode>(&format!("{text:0>5}")),
        ContoursOf::Departments if number => of_rule::<rules::DepartmentCode>(&format!("{text:0>2}")),
        ContoursOf::Regions if number => of_rule::<rules::RegionCode>(&format!("{text:0>2}")),
        ContoursOf::Communes => of_rule::<rules::CommuneCode>(text),
        ContoursOf::Departments => of_rule::<rules::DepartmentCode>(text),
        ContoursOf::Regions => of_rule::<rules::RegionCode>(text),
        ContoursOf::Intercommunalities => of_rule::<rules::Siren>(text),
        ContoursOf::Territories => of_rule::<rules::OfficialCode>(text),
    }
}

/// The name of the thing, by the properties; else the reason why there is none. `lists` are the properties that have several codes somewhere
/// in the file: they are of what is inside or around, never the feature's own.
fn name(properties: &Map<String, Value>, of: Option<ContoursOf>, lists: &HashSet<String>) -> std::result::Result<Name, String> {
    let plain = plain(properties);
    let number = |key: &str| properties.get(key).is_some_and(Value::is_number);
    let named = |of: ContoursOf| {
        let names = NAMES.iter().find(|(known, _)| *known == of).map_or(&[][..], |(_, names)| *names);
        let there = |empty: bool| {
            let known = |name: &'static str| plain.get(name).filter(|(_, text)| !lists.contains(name) && text.is_empty() == empty);
            names.iter().find_map(|name| Some((*name, known(name)?)))
        };
        there(false).or_else(|| there(true)).map(|(name, (key, text))| match (code(of, text, number(key)), of) {
            (Some(siren), ContoursOf::Intercommunalities) if matches!(name, "siren" | "codesiren") => Ok(Name::Siren(siren)),
            (Some(code), _) => Ok(Name::Of(of, code)),
            (None, _) => Err(format!("properties: {key} is {text:?}, which is no code of {}", noun(of))),
        })
    };
    let own = CODES.iter().find_map(|name| plain.get(*name).filter(|(_, text)| !lists.contains(*name) && !text.is_empty()));
    let siren = || if let Some(Ok(Name::Siren(siren))) = named(ContoursOf::Intercommunalities) { Some(siren) } else { None };
    if let Some(of) = of {
        let own = own.and_then(|(key, text)| code(of, text, number(key))).map(|code| Ok(Name::Of(of, code)));
        let communes = || siren().filter(|_| of == ContoursOf::Communes).map(|siren| Ok(Name::Siren(siren)));
        return own.or_else(|| named(of)).or_else(communes).unwrap_or_else(|| Err(format!("properties: name none of {}", noun(of))));
    }
    let own = own.and_then(|(key, text)| {
        let fits = |of| code(of, text, number(key));
        let known = |of| fits(of).map(|code| (of, Name::Of(of, code)));
        let region = || if let Some(Ok(Name::Of(_, region))) = named(ContoursOf::Regions) { Some(region) } else { None };
        let either = || {
            let code = fits(ContoursOf::Departments).or_else(|| fits(ContoursOf::Regions))?;
            Some((ContoursOf::Departments, Name::Either { code, region: region(), siren: siren() }))
        };
        known(ContoursOf::Territories)
            .or_else(|| fits(ContoursOf::Intercommunalities).map(|siren| (ContoursOf::Intercommunalities, Name::Siren(siren))))
            .or_else(|| if text.len() > 3 { known(ContoursOf::Communes) } else { either() })
    });
    // A SIREN beside the code of a department or a region may be that of the same thing.
    let coarse = own.as_ref().is_some_and(|(of, _)| *of > ContoursOf::Territories);
    for (of, _) in NAMES {
        let itself = own.clone().filter(|(known, _)| *known == of).map(|(_, name)| Ok(name));
        let beside = || named(of).filter(|name| !(coarse && matches!(name, Ok(Name::Siren(_)))));
        let Some(name) = itself.or_else(beside) else { continue };
        let mut finer = FINER.iter().filter(|(_, in_commune)| *in_commune || of > ContoursOf::Communes).filter_map(|(name, _)| plain.get(*name));
        if let Some((key, text)) = finer.find(|(_, text)| !text.is_empty()) {
            let noun = noun(of);
            return Err(format!(
                "properties: {key} {text} is finer than its code of {noun}, and has no contour here; --of says what the features are"
            ));
        }
        if of == ContoursOf::Intercommunalities && named(ContoursOf::Territories).is_some() {
            return Err("properties: name a territory and an intercommunality: --of territories or --of intercommunalities says which".to_owned());
        }
        return name;
    }
    Err("properties: name no territory, SIREN or code".to_owned())
}

/// The noun of these things, as in addresses.
fn noun(of: ContoursOf) -> &'static str {
    match of {
        ContoursOf::Communes => "communes",
        ContoursOf::Intercommunalities => "intercommunalities",
        ContoursOf::Territories => "territories",
        ContoursOf::Departments => "departments",
        ContoursOf::Regions => "regions",
    }
}

/// Reads a file, whose features are of this sort, or of whatever their properties name. The error lists all faults of the file.
pub fn read(file: &Path, of: Option<ContoursOf>) -> anyhow::Result<Contours> {
    let fault = |fault: &dyn std::fmt::Display| anyhow::anyhow!("{}: {fault}", file.display());
    let features = Feature::read(&fs::read(file).map_err(|error| fault(&error))?).map_err(|error| fault(&error))?;
    let all = features.iter().flat_map(|feature| plain(&feature.properties));
    let lists: HashSet<String> = all.filter(|(_, (_, text))| is_list(text)).map(|(name, _)| name).collect();
    let (mut known, mut told, mut faults) = (Vec::new(), Vec::new(), Vec::new());
    for (number, feature) in (1..).zip(features) {
        match (name(&feature.properties, of, &lists), Contour::parse(&feature.geometry)) {
            (Ok(name), Ok(Some(contour))) => known.push((number, name, contour)),
            (_, Ok(None)) => told.push(format!("{}: feature {number}: has no geometry, and is passed over", file.display())),
            (Err(fault), _) => faults.push(format!("{}: feature {number}: {fault}", file.display())),
            (_, Err(fault)) => faults.push(format!("{}: feature {number}: geometry: {fault}", file.display())),
        }
    }
    anyhow::ensure!(faults.is_empty(), "nothing was loaded:\n{}", faults.join("\n"));
    Ok(Contours { known, told })
}

/// Stores the contours, all or none, and replaces the older ones. The parts of one thing are one contour. Official codes are read as codes of
/// this phase; without a phase, a code must exist in one phase only. The error lists the features whose thing is unknown.
pub async fn load(file: &Contours, phase: Option<i32>, db: &Db) -> anyhow::Result<Loaded> {
    let stored = db
        .write(&Author::command("load contours"), async |conn| {
            let labels = labels(phase, conn).await?;
            let reference = Reference::of(&file.known, conn).await?;
            let (mut things, mut faults): (BTreeMap<(&str, String), Contour>, _) = (BTreeMap::new(), Vec::new());
            for (number, name, contour) in &file.known {
                match known(name, &labels, &reference) {
                    Ok(thing) => {
                        let joined = match things.remove(&thing) {
                            Some(part) => part.join(contour.clone()),
                            None => contour.clone(),
                        };
                        things.insert(thing, joined);
                    }
                    Err(fault) => faults.push(format!("feature {number}: {fault}")),
                }
            }
            if !faults.is_empty() {
                return Result::Ok(Err(faults));
            }
            let mut drawn = 0;
            for ((noun, key), contour) in &things {
                drawn += usize::from(contours::draw(noun, key, contour, conn).await?);
            }
            Ok(Ok(drawn))
        })
        .await?;
    let drawn = stored.map_err(|faults| anyhow::anyhow!("nothing was loaded:\n{}", faults.join("\n")))?;
    Ok(Loaded { drawn, told: file.told.clone() })
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

#[derive(QueryableByName)]
struct Known {
    #[diesel(sql_type = Text)]
    noun: String,
    #[diesel(sql_type = Text)]
    code: String,
    #[diesel(sql_type = Text)]
    beside: String,
}

/// What the COG knows of the codes of a file, in any of its years: by noun and code, what stands beside.
struct Reference(HashMap<(String, String), HashSet<String>>);

impl Reference {
    async fn of(known: &[(usize, Name, Contour)], conn: &mut Conn) -> QueryResult<Self> {
        let codes = |(_, name, _): &(usize, Name, Contour)| match name {
            Name::Of(_, code) | Name::Siren(code) => vec![code.clone()],
            Name::Either { code, siren, .. } => std::iter::once(code).chain(siren).cloned().collect(),
        };
        let codes: Vec<String> = known.iter().flat_map(codes).collect();
        let rows = sql_query(
            "SELECT 'communes' AS noun, code, '' AS beside FROM communes WHERE code = ANY ($1)
             UNION SELECT 'sirens', siren, code FROM communes WHERE siren = ANY ($1)
             UNION SELECT 'formers', former ->> 'code', commune.code || ' ' || commune.name
                FROM communes commune, jsonb_array_elements(formers) former WHERE former ->> 'code' = ANY ($1)
             UNION SELECT 'intercommunalities', siren, '' FROM intercommunalities WHERE siren = ANY ($1)
             UNION SELECT 'departments', code, region_code FROM departments WHERE code = ANY ($1)
             UNION SELECT 'regions', code, '' FROM regions WHERE code = ANY ($1)",
        );
        let mut reference: HashMap<_, HashSet<String>> = HashMap::new();
        for Known { noun, code, beside } in rows.bind::<Array<Text>, _>(codes).load(conn).await? {
            reference.entry((noun, code)).or_default().insert(beside);
        }
        Ok(Self(reference))
    }

    fn get(&self, noun: &str, code: &str) -> Option<&HashSet<String>> {
        self.0.get(&(noun.to_owned(), code.to_owned()))
    }
}

/// The noun and the key of the named thing, or the reason why there is none.
fn known(name: &Name, labels: &HashMap<String, Vec<Id>>, reference: &Reference) -> std::result::Result<(&'static str, String), String> {
    let has = |of: ContoursOf, code: &str| reference.get(noun(of), code).is_some();
    match name {
        Name::Of(ContoursOf::Territories, code) => match labels.get(code).map(Vec::as_slice) {
            Some([one]) => Ok(("territory_labels", one.to_string())),
            Some(_) => Err(format!("{code} is a code in several phases: say of which, with --phase")),
            None => Err(format!("no territory has the official code {code}")),
        },
        Name::Of(of, code) if has(*of, code) => Ok((noun(*of), code.clone())),
        Name::Of(of, code) => Err(match reference.get("formers", code).filter(|_| *of == ContoursOf::Communes) {
            Some(wholes) => {
                let wholes: Vec<&str> = wholes.iter().map(String::as_str).collect();
                format!("{code} is the old code of a part of {}: the contour of a part is not that of the whole", wholes.join(", "))
            }
            None => format!("{} have no {code}: is the COG loaded?", noun(*of)),
        }),
        Name::Siren(siren) => {
            let communes = reference.get("sirens", siren).into_iter().flatten().map(|code| ("communes", code.clone()));
            let whole = has(ContoursOf::Intercommunalities, siren).then(|| ("intercommunalities", siren.clone()));
            match whole.into_iter().chain(communes).collect::<Vec<_>>().as_slice() {
                [one] => Ok(one.clone()),
                [] => Err(format!("neither an intercommunality nor a commune has the SIREN {siren}: is the COG loaded?")),
                _ => Err(format!("{siren} is the SIREN of several things: say of which, with --of")),
            }
        }
        Name::Either { code, siren: Some(siren), .. } if has(ContoursOf::Intercommunalities, siren) || reference.get("sirens", siren).is_some() => {
            Err(format!("{code} and the SIREN {siren} are of two things: say of which, with --of"))
        }
        Name::Either { code, region, .. } => {
            let within = |region: &String| reference.get("departments", code).is_some_and(|regions| regions.contains(region));
            let (department, is_region) = (has(ContoursOf::Departments, code), has(ContoursOf::Regions, code));
            match region {
                Some(region) if within(region) => Ok(("departments", code.clone())),
                _ if department && is_region => {
                    Err(format!("{code} is the code of a department and of a region: say of which, with --of departments or --of regions"))
                }
                Some(region) if department => Err(format!("the department {code} is not in the region {region}")),
                _ if department => Ok(("departments", code.clone())),
                _ if is_region => Ok(("regions", code.clone())),
                _ => Err(format!("neither departments nor regions have {code}: is the COG loaded?")),
            }
        }
    }
}
