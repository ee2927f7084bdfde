//! Reads a query string, by the fields of the noun.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web::Data};
use sha2::{Digest, Sha256};

use super::{
    super::{
        Caller, Problem, Result, Said, Site, Wrong, kinds,
        problem::{FAULTS, Position},
        seal::Seal,
    },
    FURTHEST, List, MOST, One, Shown, TERRITORY, USUAL, VALUES, WORDS,
    along::Wanted,
    cursor::Cursor,
    when::When,
};
use crate::{
    db::listing::{Condition, Field, Kind, Listed, Listing, Mark, Operator, Step},
    rights,
};

impl<N: Shown> FromRequest for List<N> {
    type Error = Problem;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(Self::read(request))
    }
}

impl<N: Shown> FromRequest for One<N> {
    type Error = Problem;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let mut errors = Vec::new();
        let (mut wanted, mut when) = (Wanted::default(), None);
        for (name, value) in parameters(request) {
            match name.as_str() {
                "include" => wanted.read(N::INCLUDES, &value, &mut errors),
                "as_of" if when.is_some() => errors.push(Wrong::repeated(name)),
                "as_of" => when = Some(When::read(&value, &mut errors)),
                _ => {} // `guard` has refused it already
            }
        }
        ready(if errors.is_empty() {
            Ok(Self { caller: Caller::of(request), when: when.unwrap_or_default(), wanted, noun: std::marker::PhantomData })
        } else {
            Err(Problem::errors(&kinds::INVALID_PARAMETERS, errors))
        })
    }
}

/// The content of a query string, read parameter by parameter, and its faults.
struct Asked<'q, N: Shown> {
    listing: Listing<N>,
    /// The names of the parameters that were read.
    seen: Vec<&'q str>,
    limit: i64,
    offset: Option<i64>,
    cursor: Option<&'q str>,
    count: bool,
    predecessors: bool,
    sort: Option<&'q str>,
    /// The field that is searched, and the words.
    words: Option<(&'static Field, &'q str)>,
    wanted: Wanted,
    when: When,
    errors: Vec<Wrong>,
}

impl<'q, N: Shown> Asked<'q, N> {
    fn read(pairs: &'q [(String, String)]) -> Self {
        let mut asked = Self {
            listing: Listing::default(),
            seen: Vec::new(),
            limit: USUAL,
            offset: None,
            cursor: None,
            count: false,
            predecessors: false,
            sort: None,
            words: None,
            wanted: Wanted::default(),
            when: When::Now,
            errors: Vec::new(),
        };
        for (name, value) in pairs {
            if let Some(code) = value.contains(|char: char| char.is_control() && char != '\t').then_some("forbidden_character") {
                asked.errors.push(Wrong::exact(Position::Parameter(name.clone()), code, &Kind::Text.particulars(code, value)));
            } else {
                asked.parameter(name, value);
                asked.seen.push(name);
            }
        }
        asked
    }

    fn parameter(&mut self, name: &'q str, value: &'q str) {
        let errors = &mut self.errors;
        match name {
            "limit" | "cursor" | "offset" | "count" | "sort" | "q" | "with_predecessors" | "as_of" if self.seen.contains(&name) => {
                errors.push(Wrong::repeated(name));
            }
            "limit" => self.limit = number(name, value, 1, MOST, errors),
            "offset" => self.offset = Some(number(name, value, 0, FURTHEST, errors)),
            "cursor" => self.cursor = Some(value),
            "count" | "with_predecessors" => {
                let asked = if name == "count" { &mut self.count } else { &mut self.predecessors };
                match value {
                    "true" => *asked = true,
                    "false" => {}
                    _ => unknown(name, value, ["true", "false"].into_iter(), errors),
                }
            }
            "sort" if value.is_empty() => errors.push(Wrong::fault(Position::Parameter(name.to_owned()), "blank")),
            "sort" => self.sort = Some(value),
            "include" => self.wanted.read(N::INCLUDES, value, errors),
            "as_of" => self.when = When::read(value, errors),
            _ => self.filter(name, value),
        }
    }

    /// Adds a filter: a field with an operator. `guard` has refused any other parameter.
    fn filter(&mut self, name: &str, value: &'q str) {
        let filter = N::fields().iter().find_map(|field| {
            let operator = Operator::ALL.iter().find(|(suffix, _)| name.strip_prefix(field.name) == Some(suffix))?.1;
            operator.fits(field).then_some((field, operator))
        });
        let Some((field, operator)) = filter else { return };
        if field.kind == Kind::Search {
            if value.chars().count() > WORDS {
                self.errors.push(Wrong::exact(Position::Parameter(name.to_owned()), "too_long", &[WORDS.to_string()]));
            }
            self.words = Some((field, value));
        }
        condition(&mut self.listing.conditions, field, operator, name, value, &mut self.errors);
    }

    /// Sets the order: the one of `sort`, else how well a row fits the search, else the order of the noun.
    fn order(&mut self) {
        self.listing.kept = self.sort.is_none() && self.listing.conditions.is_empty();
        match (self.sort, self.words) {
            (None, Some((field, words))) => self.listing.order.push(Step { field, words: Some(words.to_owned()), descending: true }),
            (sort, _) => order::<N>(&mut self.listing.order, sort.unwrap_or(N::ORDER), &mut self.errors),
        }
    }

    /// Sets where the page begins, by the cursor. The cursor must be of the list with this digest. The order must be known before.
    fn begin(&mut self, digest: &str, seal: &Seal) {
        let Some(text) = self.cursor else { return };
        match Cursor::open(text, seal) {
            None => {
                let said = Said::new("Is not a cursor of ours.", "N'est pas un curseur de ce service.");
                self.errors.push(Wrong::parameter("cursor", "invalid_cursor", said));
            }
            Some(cursor) if cursor.digest != digest || cursor.keys.len() != self.listing.order.len() + 1 => {
                let said = Said::new(
                    "Belongs to a list with other filters or another order.",
                    "Appartient à une liste d'autres filtres ou d'un autre ordre.",
                );
                self.errors.push(Wrong::parameter("cursor", "incompatible_cursor", said));
            }
            Some(Cursor { keys, back, .. }) => self.listing.mark = Some(Mark { keys, back }),
        }
        if self.offset.is_some() {
            let said = Said::new("Goes with no cursor.", "Ne va pas avec un curseur.");
            self.errors.push(Wrong::parameter("offset", "incompatible_parameters", said));
        }
    }

    /// Sets the rows that may be listed: those that the caller may see. A noun may have usual rows: then only these are listed, unless a
    /// filter names the field that tells them from the others.
    fn scope(&mut self, caller: &Caller) {
        let asked_for = |name: &str| self.listing.conditions.iter().any(|condition| condition.field.name == name);
        let usual = N::unless_asked().filter(|(name, _)| !asked_for(name));
        self.listing.scope = rights::both(N::scope(caller.reach()), usual.map(|(_, scope)| scope));
    }
}

impl<N: Shown> List<N> {
    fn read(request: &HttpRequest) -> Result<Self> {
        let site = request.app_data::<Data<Site>>().cloned().ok_or_else(|| Problem::new(&kinds::INTERNAL))?;
        let caller = Caller::of(request);
        let pairs = parameters(request);
        let digest = digest(request.path(), &pairs, &caller);
        let mut asked = Asked::<N>::read(&pairs);
        asked.order();
        asked.begin(&digest, &site.seal);
        if asked.predecessors
            && !asked.listing.conditions.iter().any(|condition| condition.field.name == TERRITORY && condition.operator == Operator::Is)
        {
            let said = Said::new("Goes with territory_id.", "Va avec territory_id.");
            asked.errors.push(Wrong::parameter("with_predecessors", "incompatible_parameters", said));
        }
        if !asked.errors.is_empty() {
            return Err(Problem::errors(&kinds::INVALID_PARAMETERS, asked.errors));
        }
        asked.scope(&caller);
        let Asked { mut listing, when, wanted, count, predecessors, limit, offset, .. } = asked;
        listing.offset = offset.unwrap_or(0);
        Ok(Self { listing, caller, when, wanted, count, predecessors, limit, numbered: offset.is_some(), digest, site, request: request.clone() })
    }
}

/// The parameters of a query string, in the order they came; `a[]=` is `a=`.
pub fn parameters(request: &HttpRequest) -> Vec<(String, String)> {
    let pairs: Vec<(String, String)> = serde_html_form::from_str(request.query_string()).unwrap_or_default();
    pairs.into_iter().map(|(name, value)| (name.strip_suffix("[]").map(str::to_owned).unwrap_or(name), value)).collect()
}

/// The parameters of a query string, each once: one that is given again is a fault.
pub fn once(request: &HttpRequest, errors: &mut Vec<Wrong>) -> Vec<(String, String)> {
    let mut first: Vec<(String, String)> = Vec::new();
    for (name, value) in parameters(request) {
        if first.iter().any(|(known, _)| *known == name) {
            errors.push(Wrong::repeated(name));
        } else {
            first.push((name, value));
        }
    }
    first
}

/// Reads the value of a parameter. The code with which this fails is a fault of the parameter.
pub fn value<T>(name: &str, value: &str, read: impl Fn(&str) -> std::result::Result<T, &'static str>, errors: &mut Vec<Wrong>) -> Option<T> {
    read(value).map_err(|code| errors.push(Wrong::fault(Position::Parameter(name.to_owned()), code))).ok()
}

/// Notes the fault of an unknown word. The first such fault of a parameter lists the known words.
pub fn unknown<'a>(parameter: &str, word: &str, known: impl Iterator<Item = &'a str>, errors: &mut Vec<Wrong>) {
    if errors.len() > FAULTS {
        return;
    }
    let word: String = word.chars().take(50).collect();
    let named = Position::Parameter(parameter.to_owned());
    let said = if errors.iter().any(|wrong| wrong.place == named && wrong.code == "unknown_word") {
        Said::new(format!("{word:?} is none of them."), format!("{word:?} n'en est aucun."))
    } else {
        let list = known.collect::<Vec<_>>().join(", ");
        Said::new(format!("{word:?} is none of: {list}."), format!("{word:?} n'est aucun de : {list}."))
    };
    errors.push(Wrong { place: named, code: "unknown_word", said });
}

/// Says which list a cursor belongs to: the path, the filters, the order, and who asks.
fn digest(path: &str, pairs: &[(String, String)], caller: &Caller) -> String {
    let mut told: Vec<String> = pairs
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "cursor" | "offset" | "limit" | "count" | "include"))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    told.sort_unstable();
    let text = format!("{path}\n{}\n{}", told.join("\n"), caller.view());
    hex::encode(&Sha256::digest(text)[..6])
}

/// A whole number within bounds.
pub fn number(name: &str, value: &str, least: i64, most: i64, errors: &mut Vec<Wrong>) -> i64 {
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let number = if digits { value.parse().ok().filter(|number| (least..=most).contains(number)) } else { None };
    number.unwrap_or_else(|| {
        let said = if name == "offset" {
            Said::new(
                format!("Is a whole number from {least} to {most}; to go further, follow links.next."),
                format!("Est un entier de {least} à {most} ; pour aller plus loin, suivez links.next."),
            )
        } else {
            Said::new(format!("Is a whole number from {least} to {most}."), format!("Est un entier de {least} à {most}."))
        };
        errors.push(Wrong::parameter(name, "out_of_range", said));
        least
    })
}

/// Adds what one parameter asks. A filter may be repeated, and its values are those of all its parameters.
fn condition(conditions: &mut Vec<Condition>, field: &'static Field, operator: Operator, name: &str, value: &str, errors: &mut Vec<Wrong>) {
    let many = matches!(operator, Operator::Is | Operator::IsNot) && !matches!(field.kind, Kind::Search | Kind::Period);
    let values: Vec<String> = if many && field.kind != Kind::Text {
        value.split(',').take(VALUES + 1).map(|part| part.trim().to_owned()).collect()
    } else {
        vec![value.to_owned()]
    };
    let kind = if operator == Operator::Null { Kind::Flag } else { field.kind };
    let mut checked = Vec::with_capacity(values.len());
    for value in &values {
        match (kind.check(value), kind) {
            (Ok(value), _) => checked.push(value),
            (Err(_), Kind::Word(words)) => unknown(name, value, words.iter().map(|(word, _)| *word), errors),
            (Err("unknown_word"), _) => unknown(name, value, ["true", "false"].into_iter(), errors),
            (Err(code), _) => errors.push(Wrong::exact(Position::Parameter(name.to_owned()), code, &kind.particulars(code, value))),
        }
    }
    let before = conditions.iter_mut().find(|condition| std::ptr::eq(condition.field, field) && condition.operator == operator);
    match before {
        Some(condition) if many => condition.values.extend(checked),
        Some(_) => errors.push(Wrong::repeated(name)),
        None => conditions.push(Condition { field, operator, values: checked, beside: None }),
    }
    if conditions.iter().any(|condition| condition.values.len() > VALUES) {
        errors.push(Wrong::exact(Position::Parameter(name.to_owned()), "too_many", &[VALUES.to_string()]));
    }
}

/// Adds the steps of the order that `sort` names.
pub(super) fn order<N: Listed>(steps: &mut Vec<Step>, sort: &str, errors: &mut Vec<Wrong>) {
    for name in sort.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let (descending, plain) = name.strip_prefix('-').map_or((false, name), |plain| (true, plain));
        let sortable = || N::fields().iter().filter(|field| field.sortable);
        match sortable().find(|field| field.name == plain) {
            Some(field) if steps.iter().any(|step| std::ptr::eq(step.field, field)) => {
                errors.push(Wrong::parameter("sort", "repeated_parameter", Said::new("Names a field twice.", "Nomme un champ deux fois.")));
            }
            Some(field) => steps.push(Step { field, words: None, descending }),
            None => unknown("sort", plain, sortable().map(|field| field.name), errors),
        }
    }
}
