//! Reads the official lists: CSV in any of their layouts, or GeoJSON with the contours. Each fault is told with its place.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::Path,
};

use serde_json::Value;

use crate::values::{Checked, Contour, Feature, Rule, fold, rules};

/// The kind of a member, by the word that the lists use.
pub(super) const KINDS: [(&str, &str); 3] = [("epci", "intercommunality"), ("ept", "ept"), ("commune", "commune")];

/// A territory as it is on the lists.
#[derive(Debug, Default)]
pub(super) struct Listed {
    pub name: Option<String>,
    /// Where it is named.
    named: String,
    /// The members by their SIREN; empty when no list names members.
    pub members: BTreeMap<String, Member>,
    /// The number of members that a list declares.
    declared: Option<usize>,
    /// The communes by their code, when a list names them.
    pub communes: BTreeMap<String, String>,
    pub contour: Option<Contour>,
}

#[derive(Debug, Default, Clone)]
pub(super) struct Member {
    pub name: String,
    pub kind: Option<&'static str>,
    pub departments: Vec<String>,
}

/// The territories of a phase, as several files together describe them.
#[derive(Debug, Default)]
pub struct Lists {
    /// The territories by their codes.
    pub(super) territories: BTreeMap<String, Listed>,
    /// What was passed over, with its place.
    pub(super) told: Vec<String>,
}

/// All faults of the files, each with its place.
#[derive(Default)]
pub(super) struct Faults(pub Vec<String>);

impl Faults {
    pub fn say(&mut self, place: &str, column: &str, what: impl std::fmt::Display) {
        self.0.push(format!("{place}, {column}: {what}"));
    }

    /// Checks a text by its rule. A text that breaks the rule is reported as a fault, and gives nothing.
    fn text<R: Rule>(&mut self, place: &str, column: &str, text: &str) -> Option<String> {
        match Checked::<R>::told(text) {
            Ok(checked) => Some(checked.as_str().to_owned()),
            Err(sentence) => {
                self.say(place, column, format_args!("{text:?}: {sentence}"));
                None
            }
        }
    }

    pub fn none(self) -> anyhow::Result<()> {
        anyhow::ensure!(self.0.is_empty(), "nothing was loaded:\n{}", self.0.join("\n"));
        Ok(())
    }
}

/// Reads the lists of one phase. The error lists all faults: file, line, column and reason.
pub fn read(files: &[impl AsRef<Path>]) -> anyhow::Result<Lists> {
    let (mut lists, mut faults) = (Lists::default(), Faults::default());
    for file in files {
        let file = file.as_ref();
        let text = fs::read(file).map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?;
        let name = file.display().to_string();
        if text.trim_ascii_start().starts_with(b"{") { lists.geojson(&name, &text, &mut faults) } else { lists.csv(&name, &text, &mut faults) }
    }
    let mut named: HashMap<String, (&str, &Listed)> = HashMap::new();
    for (code, listed) in &lists.territories {
        let Some(name) = &listed.name else {
            faults.say(code, "name", "no list names it: give the list of territories as well");
            continue;
        };
        // The database takes names for the same that differ by case or accents alone.
        if let Some((other, known)) = named.insert(fold(name), (code, listed)) {
            let (theirs, place) = (known.name.as_deref().unwrap_or_default(), &known.named);
            faults.say(
                &listed.named,
                "name",
                format_args!("{code} is named {name:?}, and {other} {theirs:?} ({place}): two territories have two names"),
            );
        }
        if listed.declared.is_some_and(|declared| !listed.members.is_empty() && declared != listed.members.len()) {
            let declared = listed.declared.unwrap_or_default();
            faults.say(code, "nb_membres", format_args!("{declared} members are declared, {} are listed", listed.members.len()));
        }
    }
    faults.none()?;
    Ok(lists)
}

impl Lists {
    /// The territory of this code and name, if both are valid.
    fn territory(&mut self, place: &str, code: (&str, &str), name: Option<(&str, &str)>, faults: &mut Faults) -> Option<&mut Listed> {
        let known = faults.text::<rules::OfficialCode>(place, code.0, code.1);
        let name = name.map(|(column, text)| (column, faults.text::<rules::Name>(place, column, text)));
        let listed = self.territories.entry(known?).or_default();
        if let Some((column, Some(name))) = name {
            match &listed.name {
                Some(other) if *other != name => {
                    faults.say(place, column, format_args!("{} is named {other:?} elsewhere ({}), and {name:?} here", code.1, listed.named))
                }
                Some(_) => {}
                None => (listed.name, listed.named) = (Some(name), place.to_owned()),
            }
        }
        Some(listed)
    }

    fn csv(&mut self, file: &str, text: &[u8], faults: &mut Faults) {
        let Some(Table { columns, rows }) = Table::read(file, text, faults) else { return };
        let has = |names: &[&'static str]| names.iter().copied().find(|name| columns.iter().any(|column| column == name));
        let (siren, label) = (has(&["siren_membre", "siren_groupement", "siren_epci"]), has(&["lib_membre", "lib_groupement", "lib_epci"]));
        let (commune, of_commune) = (has(&["insee_com"]), has(&["lib_com"]));
        let (code, name) = (has(&["id_ti"]), has(&["lib_ti"]));
        let members = siren.zip(label);
        let communes = commune.zip(of_commune);
        let Some(code) = code.filter(|_| members.is_some() || communes.is_some() || name.is_some()) else {
            let known = "id_ti, lib_ti; id_ti, siren_groupement, lib_groupement; insee_com, lib_com, id_ti, lib_ti";
            return faults.say(file, "line 1", format_args!("{} are the columns of no list known here ({known})", columns.join(", ")));
        };
        for (place, record) in rows {
            let cell = |name: &str| columns.iter().position(|column| column == name).and_then(|index| record.get(index)).unwrap_or_default().trim();
            // A group or a commune may be in several territories.
            let codes: Vec<&str> = cell(code).split(';').map(str::trim).collect();
            for one in &codes {
                let name = name.filter(|_| codes.len() == 1).map(|name| (name, cell(name)));
                let Some(listed) = self.territory(&place, (code, one), name, faults) else { continue };
                if let Some((siren, label)) = members {
                    let kind = (has(&["type_membre"])).map(|column| (column, cell(column)));
                    let departments = has(&["codes_departements"]).map(|column| (column, cell(column)));
                    listed.member(&place, (siren, cell(siren)), (label, cell(label)), kind, departments, faults);
                } else if let Some((commune, label)) = communes {
                    let code = faults.text::<rules::CommuneCode>(&place, commune, cell(commune));
                    let name = faults.text::<rules::Name>(&place, label, cell(label));
                    listed.communes.extend(code.zip(name));
                } else if let Some(column) = has(&["nb_membres"]) {
                    match cell(column).parse() {
                        Ok(declared) => listed.declared = Some(declared),
                        Err(_) => faults.say(&place, column, format_args!("{:?} is no number", cell(column))),
                    }
                }
            }
        }
    }

    fn geojson(&mut self, file: &str, text: &[u8], faults: &mut Faults) {
        let features = match Feature::read(text) {
            Ok(features) => features,
            Err(error) => return faults.say(file, "GeoJSON", error),
        };
        for (number, Feature { properties, geometry }) in (1..).zip(features) {
            let place = format!("{file}: feature {number}");
            let text = |names: [&'static str; 2]| {
                let column = names.into_iter().find(|name| properties.contains_key(*name)).unwrap_or(names[0]);
                (column, properties.get(column).and_then(Value::as_str).unwrap_or_default().trim())
            };
            let Some(listed) = self.territory(&place, text(["id_territoire", "id_ti"]), Some(text(["lib_territoire", "lib_ti"])), faults) else {
                continue;
            };
            if let (column, Some(members)) = ("liste_geo", properties.get("liste_geo").and_then(Value::as_str)) {
                for member in members.split("; ") {
                    let split = member.trim().strip_suffix(')').and_then(|member| member.rsplit_once(" ("));
                    match split {
                        Some((name, siren)) => listed.member(&place, (column, siren), (column, name), None, None, faults),
                        None => faults.say(&place, column, format_args!("{member:?} is no member with its SIREN: name (SIREN)")),
                    }
                }
            } else {
                let (column, sirens) = text(["siren_groupement", "siren_epci"]);
                let sirens: Vec<&str> = sirens.split(',').map(str::trim).collect();
                // A name may contain a comma: then the list of names cannot be split, and the names are taken from the COG.
                let names: Vec<&str> = text(["lib_groupement", "lib_epci"]).1.split(", ").collect();
                for (index, siren) in sirens.iter().enumerate() {
                    let name = if names.len() == sirens.len() { names[index] } else { siren };
                    listed.member(&place, (column, siren), ("lib_groupement", name), None, None, faults);
                }
            }
            match Contour::parse(&geometry) {
                Ok(Some(contour)) => {
                    listed.contour = Some(match listed.contour.take() {
                        Some(part) => part.join(contour),
                        None => contour,
                    });
                }
                Ok(None) => self.told.push(format!("{place}: has no geometry")),
                Err(fault) => faults.say(&place, "geometry", fault),
            }
        }
    }
}

/// The rows of a CSV file that are not empty, each with its place.
struct Table {
    /// The names of the columns, in lower case.
    columns: Vec<String>,
    rows: Vec<(String, csv::StringRecord)>,
}

impl Table {
    fn read(file: &str, text: &[u8], faults: &mut Faults) -> Option<Self> {
        let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
        let header = text.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
        let delimiter = if header.contains(&b';') { b';' } else { b',' };
        let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).flexible(true).from_reader(text);
        let columns: Vec<String> = match reader.headers() {
            Ok(headers) => headers.iter().map(|name| name.trim().to_lowercase()).collect(),
            Err(error) => {
                faults.say(file, "line 1", error);
                return None;
            }
        };
        let (mut lines, mut rows) = (Lines::of(text), Vec::new());
        for record in reader.records() {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    let line = lines.at(error.position());
                    faults.say(&format!("{file}: line {line}"), "all columns", error);
                    continue;
                }
            };
            let place = format!("{file}: line {}", lines.at(record.position()));
            // Spreadsheets end a file with rows of separators, and a row with cells that have no column.
            let filled = (1..).zip(&record).filter(|(_, cell)| !cell.trim().is_empty()).map(|(place, _)| place).max().unwrap_or(0);
            if filled == 0 {
                continue;
            }
            if record.len() < columns.len() || filled > columns.len() {
                faults.say(&place, "all columns", format_args!("the row has {} cells, the first line {}", record.len(), columns.len()));
                continue;
            }
            rows.push((place, record));
        }
        Some(Self { columns, rows })
    }
}

/// What a person says of the territories of two phases: which are one, and which are one with no other.
#[derive(Debug, Default)]
pub struct Map {
    /// For a phase and a code in it, the phase and the code that the same territory has in another phase; none, if it has none.
    same: BTreeMap<(i32, String), Option<(i32, String)>>,
}

impl Map {
    /// Reads a CSV file with two columns such as `id_ti_phase1` and `id_ti_phase2`. A row with one code alone says that this territory is not
    /// in the other phase. The error lists all faults.
    pub fn read(file: &Path) -> anyhow::Result<Self> {
        let text = fs::read(file).map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?;
        let (mut map, mut faults, name) = (Self::default(), Faults::default(), file.display().to_string());
        if let Some(Table { columns, rows }) = Table::read(&name, &text, &mut faults) {
            let phase = |column: &String| column.strip_prefix("id_ti_phase").and_then(|number| number.parse::<i32>().ok());
            let phases: Vec<(usize, i32)> = columns.iter().enumerate().filter_map(|(place, column)| Some((place, phase(column)?))).collect();
            let [(first, one), (second, other)] = phases.as_slice() else {
                anyhow::bail!("{name}: line 1: two columns are needed, such as id_ti_phase1 and id_ti_phase2");
            };
            for (place, row) in rows {
                let mut code = |index: usize, phase: i32| {
                    let text = row.get(index).unwrap_or_default().trim();
                    let code = if text.is_empty() { None } else { faults.text::<rules::OfficialCode>(&place, &columns[index], text) };
                    code.map(|code| (phase, code))
                };
                let both = [code(*first, *one), code(*second, *other)];
                for (this, that) in [(&both[0], &both[1]), (&both[1], &both[0])] {
                    let Some(this) = this else { continue };
                    if map.same.insert(this.clone(), that.clone()).is_some() {
                        faults.say(&place, &format!("id_ti_phase{}", this.0), format_args!("{} is in another row already", this.1));
                    }
                }
            }
        }
        faults.none()?;
        Ok(map)
    }

    /// What is said of a code in a phase: nothing; that it is alone; or which code it has in which other phase.
    pub(super) fn of(&self, phase: i32, code: &str) -> Option<Option<&(i32, String)>> {
        self.same.get(&(phase, code.to_owned())).map(Option::as_ref)
    }
}

/// The numbers of the lines of a text, for places that come in order.
struct Lines<'a> {
    text: &'a [u8],
    line: usize,
    /// How much of the text is counted.
    counted: usize,
}

impl<'a> Lines<'a> {
    fn of(text: &'a [u8]) -> Self {
        Self { text, line: 1, counted: 0 }
    }

    /// The line at a position, as an editor shows it: the reader's own number knows neither empty lines nor the two characters of CRLF.
    fn at(&mut self, position: Option<&csv::Position>) -> usize {
        let byte = |place: usize| self.text.get(place).copied();
        // The position is before the ends of line that the reader passed over.
        let start = position.and_then(|position| usize::try_from(position.byte()).ok()).unwrap_or(self.counted);
        let start = (start..).find(|place| !matches!(byte(*place), Some(b'\r' | b'\n'))).unwrap_or(start);
        let ends =
            (self.counted..start).filter(|place| byte(*place) == Some(b'\n') || byte(*place) == Some(b'\r') && byte(*place + 1) != Some(b'\n'));
        (self.line, self.counted) = (self.line + ends.count(), start.max(self.counted));
        self.line
    }
}

impl Listed {
    /// Adds a member. When two lists describe it, the longer description stays.
    fn member(
        &mut self,
        place: &str,
        siren: (&str, &str),
        name: (&str, &str),
        kind: Option<(&str, &str)>,
        departments: Option<(&str, &str)>,
        faults: &mut Faults,
    ) {
        let known = faults.text::<rules::Siren>(place, siren.0, siren.1);
        let name = faults.text::<rules::Name>(place, name.0, name.1);
        let kind = kind.and_then(|(column, word)| {
            let known = KINDS.iter().find(|(known, _)| *known == word).map(|(_, kind)| *kind);
            if known.is_none() {
                faults.say(place, column, format_args!("{word:?} is none of epci, ept, commune"));
            }
            known
        });
        let codes = departments.map_or("", |(_, codes)| codes).split([';', ' ', '|']).filter(|code| !code.is_empty());
        let column = departments.map_or("", |(column, _)| column);
        let departments = codes.filter_map(|code| faults.text::<rules::DepartmentCode>(place, column, code)).collect();
        let (Some(siren), Some(name)) = (known, name) else { return };
        let member = self.members.entry(siren).or_default();
        if kind.is_some() || member.name.is_empty() {
            *member = Member { name, kind, departments };
        }
    }
}
