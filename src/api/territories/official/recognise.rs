//! Which territory of the lists is one that is known. A territory that goes on from one phase to the next is one thing: it is known again by
//! what a person says, by its code in the phase, by its name, or by its members, unless its members say otherwise.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, Bool, Int4, Nullable, Text, Uuid},
};
use diesel_async::RunQueryDsl;

use super::{
    Row,
    files::{Faults, Lists, Map},
};
use crate::{
    db::Conn,
    values::{Id, fold},
};

/// How a listed territory was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum How {
    /// By its code in this phase.
    Code,
    /// By what a person says.
    Map,
    /// By its name; case, accents and apostrophes do not matter.
    Name,
    /// By its name, with other dashes, spaces or signs.
    Spelling,
    /// By its members, which are the same in the phase before or after, under another name.
    Members,
    /// It was not known.
    New,
}

impl How {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Code => "by the code",
            Self::Map => "by the map",
            Self::Name => "by the name",
            Self::Spelling => "by the name, written otherwise",
            Self::Members => "by the members, under another name",
            Self::New => "new",
        }
    }
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Uuid)]
    id: Id,
    #[diesel(sql_type = Text)]
    name: String,
    /// Is it the name of today?
    #[diesel(sql_type = Bool)]
    own: bool,
}

#[derive(QueryableByName)]
struct Labelled {
    #[diesel(sql_type = Uuid)]
    id: Id,
    #[diesel(sql_type = Int4)]
    number: i32,
    #[diesel(sql_type = Nullable<Text>)]
    code: Option<String>,
}

#[derive(QueryableByName)]
struct Held {
    #[diesel(sql_type = Uuid)]
    id: Id,
    #[diesel(sql_type = Int4)]
    number: i32,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    key: String,
}

#[derive(QueryableByName)]
struct Covered {
    #[diesel(sql_type = Text)]
    key: String,
    #[diesel(sql_type = Array<Text>)]
    communes: Vec<String>,
}

/// The known territories, as far as the lists may be about them.
struct Known {
    names: Vec<Named>,
    labels: Vec<Labelled>,
    members: Vec<Held>,
    /// The communes of each member, by the latest COG.
    communes: HashMap<String, Vec<String>>,
}

impl Known {
    async fn load(rows: &HashMap<&str, BTreeMap<String, Row>>, conn: &mut Conn) -> QueryResult<Self> {
        let names = sql_query(
            "SELECT id, name, true AS own FROM territories
             UNION SELECT id, alias ->> 'name', false FROM territories CROSS JOIN jsonb_array_elements(aliases) alias
             UNION SELECT territory_id, name, false FROM territory_labels WHERE name IS NOT NULL ORDER BY own DESC, id",
        );
        let labels = sql_query(
            "SELECT territory_id AS id, number, official_code AS code FROM territory_labels label JOIN programme_phases phase ON phase.id = label.phase_id",
        );
        let members = sql_query(
            "SELECT DISTINCT territory_id AS id, number, kind, coalesce(siren, commune_code) AS key
             FROM territory_members member JOIN programme_phases phase ON phase.id = member.phase_id WHERE coalesce(siren, commune_code) IS NOT NULL",
        );
        let (names, labels, members): (_, _, Vec<Held>) = (names.load(conn).await?, labels.load(conn).await?, members.load(conn).await?);
        let keys: BTreeSet<&str> =
            members.iter().map(|held| held.key.as_str()).chain(rows.values().flat_map(BTreeMap::keys).map(String::as_str)).collect();
        let covered = sql_query(
            "WITH commune AS (SELECT * FROM communes WHERE year = (SELECT max(year) FROM communes)), held AS (
                SELECT intercommunality_siren AS key, code FROM commune UNION SELECT ept_siren, code FROM commune
                UNION SELECT siren, code FROM commune UNION SELECT code, code FROM commune)
             SELECT key, array_agg(code) AS communes FROM held WHERE key = ANY ($1) GROUP BY key",
        );
        let covered: Vec<Covered> = covered.bind::<Array<Text>, _>(keys.into_iter().collect::<Vec<_>>()).load(conn).await?;
        let communes = covered.into_iter().map(|covered| (covered.key, covered.communes)).collect();
        Ok(Self { names, labels, members, communes })
    }

    fn code(&self, id: Id, number: i32) -> Option<&str> {
        self.labels.iter().find(|label| label.id == id && label.number == number)?.code.as_deref()
    }

    fn coded(&self, number: i32, code: &str) -> Option<Id> {
        self.labels.iter().find(|label| label.number == number && label.code.as_deref() == Some(code)).map(|label| label.id)
    }

    fn name(&self, id: Id) -> &str {
        self.names.iter().find(|named| named.own && named.id == id).map_or("", |named| named.name.as_str())
    }

    /// Do the members of these rows say that this is another territory? They do when none of them is in both, and what they are made of is
    /// known, or of one kind.
    fn is_other(&self, id: Id, phase: i32, rows: &BTreeMap<String, Row>) -> bool {
        let nearest = self
            .members
            .iter()
            .filter(|held| held.id == id && held.number != phase)
            .map(|held| held.number)
            .min_by_key(|number| (number - phase).abs());
        let theirs: Vec<&Held> = self.members.iter().filter(|held| held.id == id && Some(held.number) == nearest).collect();
        if theirs.is_empty() || rows.is_empty() || theirs.iter().any(|held| rows.contains_key(&held.key)) {
            return false;
        }
        let made = |key: &str| self.communes.get(key).map(Vec::as_slice).unwrap_or_default();
        let inside: HashSet<&String> = rows.keys().flat_map(|key| made(key)).collect();
        if theirs.iter().flat_map(|held| made(&held.key)).any(|commune| inside.contains(commune)) {
            return false;
        }
        let known = theirs.iter().map(|held| held.key.as_str()).chain(rows.keys().map(String::as_str)).all(|key| self.communes.contains_key(key));
        let kinds: HashSet<&str> = theirs.iter().map(|held| held.kind.as_str()).chain(rows.values().map(|row| row.0)).collect();
        known || kinds.len() == 1
    }

    /// The territories that have exactly these members in the phase before or after.
    fn alike(&self, phase: i32, rows: &BTreeMap<String, Row>) -> Vec<Id> {
        let mut sets: BTreeMap<(Id, i32), BTreeSet<&str>> = BTreeMap::new();
        for held in self.members.iter().filter(|held| (held.number - phase).abs() == 1) {
            sets.entry((held.id, held.number)).or_default().insert(&held.key);
        }
        let wanted: BTreeSet<&str> = rows.keys().map(String::as_str).collect();
        sets.into_iter().filter(|(_, set)| !set.is_empty() && *set == wanted).map(|((id, _), _)| id).collect()
    }
}

/// A name without anything but letters and digits.
fn spelled(name: &str) -> String {
    fold(name).chars().filter(|char| char.is_alphanumeric()).collect()
}

/// The listed territories with the known ones that they are, and how each was recognised.
pub(super) async fn recognise<'a>(
    lists: &'a Lists,
    rows: &HashMap<&str, BTreeMap<String, Row>>,
    phase: i32,
    map: &Map,
    told: &mut Vec<String>,
    faults: &mut Faults,
    conn: &mut Conn,
) -> QueryResult<BTreeMap<&'a str, (Option<Id>, How)>> {
    let known = Known::load(rows, conn).await?;
    let none = BTreeMap::new();
    let rows = |code: &str| rows.get(code).unwrap_or(&none);
    let mut found: BTreeMap<&str, (Option<Id>, How)> = BTreeMap::new();
    for code in lists.territories.keys() {
        let stands = known.coded(phase, code);
        match map.of(phase, code) {
            Some(Some((other, theirs))) => match known.coded(*other, theirs) {
                Some(id) => match known.code(id, phase) {
                    Some(other) if other != code => faults.say(code, "map", format_args!("{theirs} has the code {other} in this phase already")),
                    standing => drop(found.insert(code, (Some(id), if standing.is_some() { How::Code } else { How::Map }))),
                },
                None => faults.say(code, "map", format_args!("no territory has the code {theirs} in the phase {other}")),
            },
            _ if stands.is_some() => drop(found.insert(code, (stands, How::Code))),
            Some(None) => drop(found.insert(code, (None, How::New))),
            None => {}
        }
    }
    let forms: Vec<(&Named, String, String)> = known.names.iter().map(|named| (named, fold(&named.name), spelled(&named.name))).collect();
    let mut taken: HashSet<Id> = found.values().filter_map(|(id, _)| *id).collect();
    // What a person says of a territory in another phase holds for this one.
    let said =
        |id: Id| known.labels.iter().any(|label| label.id == id && label.code.as_ref().is_some_and(|code| map.of(label.number, code).is_some()));
    for how in [How::Name, How::Spelling, How::Members] {
        for (code, listed) in &lists.territories {
            if found.contains_key(code.as_str()) {
                continue;
            }
            let name = listed.name.as_deref().unwrap_or_default();
            let (folded, plain) = (fold(name), spelled(name));
            let alike: Vec<(Id, bool)> = match how {
                How::Name => forms.iter().filter(|(_, form, _)| *form == folded).map(|(named, ..)| (named.id, named.own)).collect(),
                How::Spelling => forms.iter().filter(|(.., form)| *form == plain).map(|(named, ..)| (named.id, named.own)).collect(),
                _ => known.alike(phase, rows(code)).into_iter().map(|id| (id, false)).collect(),
            };
            let mut fits: Vec<Id> = Vec::new();
            for (id, own) in alike {
                // The name of today comes before the names of once.
                if !own && how == How::Name && !fits.is_empty() {
                    break;
                }
                match known.code(id, phase) {
                    Some(other) if own && how == How::Name => {
                        faults.say(code, "name", format_args!("a territory of this name bears the code {other} in this phase"));
                    }
                    Some(_) => {}
                    None if taken.contains(&id) || fits.contains(&id) || said(id) => {}
                    None if how != How::Members && known.is_other(id, phase, rows(code)) => {
                        let other = format!("{code} {name:?}: {:?} has no member in common with it, and is another territory", known.name(id));
                        if !told.contains(&other) {
                            told.push(other);
                        }
                    }
                    None => fits.push(id),
                }
            }
            match fits.as_slice() {
                [] => {}
                [id] => {
                    found.insert(code, (Some(*id), how));
                    taken.insert(*id);
                    if how != How::Name {
                        let theirs = known.labels.iter().find(|label| label.id == *id && label.number != phase);
                        let label =
                            theirs.and_then(|label| Some(format!(" ({} in phase {})", label.code.as_ref()?, label.number))).unwrap_or_default();
                        told.push(format!("{code} {name:?} is {:?}{label}: known {}", known.name(*id), how.words()));
                    }
                }
                several => {
                    let names: Vec<&str> = several.iter().map(|id| known.name(*id)).collect();
                    told.push(format!("{code} {name:?} may be each of {}: it is taken for none of them (--map says which)", names.join(", ")));
                }
            }
        }
    }
    for (code, listed) in &lists.territories {
        let (id, _) = *found.entry(code).or_insert((None, How::New));
        let folded = fold(listed.name.as_deref().unwrap_or_default());
        let same = forms.iter().find(|(named, form, _)| named.own && *form == folded);
        if id.is_none() && same.is_some_and(|(named, ..)| known.code(named.id, phase).is_none()) {
            faults.say(code, "name", "another territory has this name: name it otherwise, or say with --map that they are one");
        }
    }
    Ok(found)
}
