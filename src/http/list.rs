//! Lists: what a query string may ask, read against the noun's fields, and the page that answers it.

mod along;
mod cursor;
mod document;
mod when;

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, HttpResponse, Responder, body::BoxBody, dev::Payload, http::header, web::Data};
use diesel::{Column, pg::Pg, query_builder::QueryFragment, sql_types::Uuid};
use diesel_async::methods::LoadQuery;
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

pub use self::along::Along;
use self::{along::Wanted, cursor::Cursor, when::When};
use super::{Caller, PartOf, Problem, Resource, Result, Said, Site, Tagged, Wrong, kinds, problem::Place, resource::not_modified};
use crate::{
    db::{
        Conn, Db,
        listing::{Condition, Field, Keys, Kind, Listed, Listing, Mark, Names, Operator, Rows, Scope, Step, Total},
    },
    rights::{self, MayName, Reach},
    values::Id,
};

/// How many rows a page has when nobody says, and at most.
const USUAL: i64 = 100;
const MOST: i64 = 1000;
/// The furthest a numbered page may begin. Beyond, a cursor goes on; by columns that are never empty, at the same cost.
const FURTHEST: i64 = 10_000;
/// The most values one filter may list, the most parameters, the longest search.
const VALUES: usize = 200;
const PARAMETERS: usize = 50;
const WORDS: usize = 200;

/// A noun as a list shows it.
pub trait Shown: Listed + Serialize {
    /// One row of the answer: the noun, with what may come along.
    type View: Serialize + From<Self>;
    /// What may come along, and what it is.
    const INCLUDES: &'static [(&'static str, &'static str)] = &[];
    /// Does the ledger keep it, so that it can be asked for as it was?
    const KEPT: bool = true;
    /// The order when nobody says, in the grammar of `sort`.
    const ORDER: &'static str = "";

    /// Which of them may be seen by a caller of this reach; nothing when all may.
    fn scope(_reach: &Reach) -> Option<Scope<Self::Table>> {
        None
    }

    /// Which of them are meant unless this field is asked for; all of them, as a rule.
    fn unless_asked() -> Option<(&'static str, Scope<Self::Table>)> {
        None
    }

    /// Loads what was asked along, in one statement each, whatever the number of rows.
    fn include(_along: &mut Along<'_, Self::View>) -> impl Future<Output = Result<()>> {
        ready(Ok(()))
    }

    /// Takes out what a caller of this reach may not see of those it sees.
    fn veil(_views: &mut Views<Self::View>, _reach: &Reach, _conn: &mut Conn) -> impl Future<Output = Result<()>> {
        ready(Ok(()))
    }
}

/// The rows of an answer, before what comes along is known.
pub type Views<V> = Vec<(Id, V)>;

/// What a query string asks of a noun's list.
pub struct List<N: Shown> {
    listing: Listing<N>,
    caller: Caller,
    when: When,
    wanted: Wanted,
    count: bool,
    limit: i64,
    /// Was it asked for by number, with `offset`? Then its pages go on so.
    numbered: bool,
    /// Says which list this is: a cursor of one goes with no other.
    digest: String,
    site: Data<Site>,
    request: HttpRequest,
}

/// What a query string asks of one thing: of which instant, and what comes along with it.
pub struct One<N> {
    caller: Caller,
    when: When,
    wanted: Wanted,
    noun: std::marker::PhantomData<N>,
}

/// The parameters of a query string, in the order they came; `a[]=` is `a=`.
pub fn parameters(request: &HttpRequest) -> Vec<(String, String)> {
    let pairs: Vec<(String, String)> = serde_html_form::from_str(request.query_string()).unwrap_or_default();
    pairs.into_iter().map(|(name, value)| (name.strip_suffix("[]").map(str::to_owned).unwrap_or(name), value)).collect()
}

/// A word that is none of those known, with the nearest of them.
pub fn unknown<'a>(parameter: &str, word: &str, known: impl Iterator<Item = &'a str>) -> Wrong {
    let known: Vec<&str> = known.collect();
    let list = known.join(", ");
    let word: String = word.chars().take(50).collect();
    Wrong::parameter(parameter, "unknown_word", Said::new(format!("{word:?} is none of: {list}."), format!("{word:?} n'est aucun de : {list}.")))
}

impl<N: Shown> List<N> {
    fn read(request: &HttpRequest) -> Result<Self> {
        let site = request.app_data::<Data<Site>>().cloned().ok_or_else(|| Problem::new(&kinds::INTERNAL))?;
        let caller = Caller::of(request);
        let pairs = parameters(request);
        let mut errors = Vec::new();
        let mut listing = Listing::<N>::default();
        let mut seen: Vec<&str> = Vec::new();
        let (mut wanted, mut count, mut limit, mut sort, mut words) = (Wanted::default(), false, USUAL, None, None);
        let (mut cursor, mut offset, mut when) = (None, None, When::Now);
        if pairs.len() > PARAMETERS {
            let said = Said::new("At most 50 parameters.", "50 paramètres au plus.");
            return Err(Problem::errors(&kinds::INVALID_PARAMETERS, vec![Wrong::parameter("", "too_many", said)]));
        }
        for (name, value) in &pairs {
            if value.contains(|char: char| char.is_control() && char != '\t') {
                errors.push(Wrong::fault(Place::Parameter(name.clone()), "forbidden_character"));
                continue;
            }
            match name.as_str() {
                "limit" | "cursor" | "offset" | "count" | "sort" | "q" if seen.contains(&name.as_str()) => {
                    let said = Said::new("Is given more than once.", "Est donné plusieurs fois.");
                    errors.push(Wrong::parameter(name, "repeated_parameter", said));
                }
                "limit" => limit = number(name, value, 1, MOST, &mut errors),
                "offset" => offset = Some(number(name, value, 0, FURTHEST, &mut errors)),
                "cursor" => cursor = Some(value.clone()),
                "count" => match value.as_str() {
                    "true" => count = true,
                    "false" => {}
                    _ => errors.push(unknown(name, value, ["true", "false"].into_iter())),
                },
                "sort" if value.is_empty() => errors.push(Wrong::fault(Place::Parameter(name.clone()), "blank")),
                "sort" => sort = Some(value.clone()),
                "include" => wanted.read(N::INCLUDES, value, &mut errors),
                "as_of" => when.read(value, &mut errors),
                _ => {
                    let Some((field, operator)) = N::fields().iter().find_map(|field| {
                        let operator = Operator::ALL.iter().find(|(suffix, _)| name.strip_prefix(field.name) == Some(suffix))?.1;
                        operator.fits(field).then_some((field, operator))
                    }) else {
                        continue; // `guard` has refused it already
                    };
                    if field.kind == Kind::Search {
                        if value.chars().count() > WORDS {
                            errors.push(Wrong::fault(Place::Parameter(name.clone()), "too_long"));
                        }
                        words = Some((field, value.clone()));
                    }
                    condition(&mut listing.conditions, field, operator, name, value, &mut errors);
                }
            }
            seen.push(name);
        }
        match (&sort, words) {
            (None, Some((field, words))) => listing.order.push(Step { field, words: Some(words), descending: true }),
            (sort, _) => order::<N>(&mut listing.order, sort.as_deref().unwrap_or(N::ORDER), &mut errors),
        }
        let digest = digest(request.path(), &pairs, &caller);
        if let Some(text) = &cursor {
            match Cursor::open(text, &site.seal) {
                None => {
                    let said = Said::new("Is not a cursor of ours.", "N'est pas un curseur de ce service.");
                    errors.push(Wrong::parameter("cursor", "invalid_cursor", said));
                }
                Some(cursor) if cursor.digest != digest || cursor.keys.len() != listing.order.len() + 1 => {
                    let said = Said::new(
                        "Belongs to a list with other filters or another order.",
                        "Appartient à une liste d'autres filtres ou d'un autre ordre.",
                    );
                    errors.push(Wrong::parameter("cursor", "incompatible_cursor", said));
                }
                Some(Cursor { keys, back, .. }) => listing.mark = Some(Mark { keys, back }),
            }
            if offset.is_some() {
                let said = Said::new("Goes with no cursor.", "Ne va pas avec un curseur.");
                errors.push(Wrong::parameter("offset", "incompatible_parameters", said));
            }
        }
        if !errors.is_empty() {
            return Err(Problem::errors(&kinds::INVALID_PARAMETERS, errors));
        }
        let usual = N::unless_asked().filter(|(name, _)| !listing.conditions.iter().any(|condition| condition.field.name == *name));
        listing.scope = rights::both(N::scope(caller.reach()), usual.map(|(_, scope)| scope));
        listing.offset = offset.unwrap_or(0);
        Ok(Self { listing, caller, when, wanted, count, limit, numbered: offset.is_some(), digest, site, request: request.clone() })
    }

    /// The page that answers, only with parts of the thing that `whole` finds, to which the column points.
    pub async fn parts<C, W>(mut self, db: &Db, column: C, id: Id, whole: impl AsyncFn(Id, &Reach, &mut Conn) -> Result<W>) -> Result<Page<N::View>>
    where
        C: Column<SqlType = Uuid> + QueryFragment<Pg> + Send + Sync + 'static,
        for<'a> Rows<'a, N>: LoadQuery<'a, Conn, (N, Keys)>,
        for<'a> Total<'a, N>: LoadQuery<'a, Conn, i64>,
        N: Send,
    {
        let reach = self.caller.reach();
        self.when.ask(db, reach, async |conn: &mut Conn| whole(id, reach, conn).await.map(drop)).await?;
        self.listing.within(column, vec![id]);
        self.page(db).await
    }

    /// Only those within this scope, beside what the noun says of itself.
    pub fn only(mut self, scope: Option<Scope<N::Table>>) -> Self {
        self.listing.scope = scope.or(self.listing.scope);
        self
    }

    /// The page that answers.
    pub async fn page(self, db: &Db) -> Result<Page<N::View>>
    where
        for<'a> Rows<'a, N>: LoadQuery<'a, Conn, (N, Keys)>,
        for<'a> Total<'a, N>: LoadQuery<'a, Conn, i64>,
        N: Send,
    {
        // One row more than asked tells whether there is a next page.
        let mut list = self;
        let limit = list.limit;
        list.listing.limit = Some(limit + 1);
        let reach = list.caller.reach().clone();
        let veiled = list.listing.conditions.iter().any(|condition| condition.field.names.is_some()) && !reach.everything;
        let single = !list.count && list.wanted.is_empty() && !veiled;
        if veiled {
            list.know(db).await?;
        }
        let answer = async |conn: &mut Conn| -> Result<_> {
            let mut rows = list.listing.rows(conn).await?;
            let back = list.listing.mark.as_ref().is_some_and(|mark| mark.back);
            let more = rows.len() as i64 > limit;
            if more && back {
                rows.remove(0);
            } else if more {
                rows.pop();
            }
            let total = if list.count { Some(list.listing.total(conn).await?) } else { None };
            let ends = (rows.first().map(|(_, keys)| keys.clone()), rows.last().map(|(_, keys)| keys.clone()));
            let mut views: Views<N::View> = Vec::with_capacity(rows.len());
            for (row, keys) in rows {
                let id = keys.last().cloned().flatten().and_then(|id| Id::parse(&id).ok());
                let id = id.ok_or_else(|| Problem::new(&kinds::INTERNAL))?;
                views.push((id, N::View::from(row)));
            }
            N::veil(&mut views, &reach, conn).await?;
            if !list.wanted.is_empty() {
                N::include(&mut Along { views: &mut views, reach: &reach, conn, wanted: &list.wanted }).await?;
            }
            Ok((views, ends, more, total))
        };
        let (views, (first, last), more, total) =
            if single { list.when.ask(db, &reach, answer).await? } else { list.when.snapshot(db, &reach, answer).await? };
        let seal = |keys: Option<Keys>, back| keys.map(|keys| Cursor { keys, back, digest: list.digest.clone() }.sealed(&list.site.seal));
        let (forward, back) = match &list.listing.mark {
            Some(mark) if mark.back => (true, more),
            mark => (more, mark.is_some()),
        };
        let offset = list.listing.offset;
        let next_cursor = if forward { seal(last, false) } else { None };
        let prev_cursor = if back { seal(first, true) } else { None };
        // A page before, whose rows are gone meanwhile: the list goes on at its start.
        let behind = views.is_empty() && list.listing.mark.as_ref().is_some_and(|mark| mark.back);
        let next = match &next_cursor {
            _ if behind => Some(list.link("offset", "0")),
            Some(_) if list.numbered && offset + limit <= FURTHEST => Some(list.link("offset", &(offset + limit).to_string())),
            Some(cursor) => Some(list.link("cursor", cursor)),
            None => None,
        };
        let prev = match &prev_cursor {
            Some(cursor) => Some(list.link("cursor", cursor)),
            None if offset > 0 => Some(list.link("offset", &(offset - limit).max(0).to_string())),
            None => None,
        };
        let query = list.request.query_string();
        let itself = if query.is_empty() { list.address() } else { format!("{}?{query}", list.address()) };
        Ok(Page {
            data: views.into_iter().map(|(_, view)| view).collect(),
            links: Links { itself, next, prev },
            meta: Meta { limit, next_cursor, total },
        })
    }

    /// Of the fiches that are asked for, leaves those that the caller sees; of the rows that name a person who is asked for,
    /// those that may name it to the caller.
    async fn know(&mut self, db: &Db) -> Result<()> {
        let reach = self.caller.reach().clone();
        for condition in &mut self.listing.conditions {
            match &condition.field.names {
                None => {}
                Some(Names::Person(thing)) => {
                    let places = reach.partner_places();
                    condition.beside = Some(Box::new(MayName { thing: &**thing, person: condition.field.column(), places }));
                }
                Some(names @ (Names::Fiche | Names::Document)) => {
                    let asked: Vec<Id> = condition.values.iter().filter_map(|value| Id::parse(value).ok()).collect();
                    let known = async |conn: &mut Conn| {
                        Ok(match names {
                            Names::Document => rights::visible_documents(&asked, &reach, conn).await?,
                            _ => rights::visible_fiches(&asked, &reach, conn).await?,
                        })
                    };
                    let known = self.when.ask(db, &reach, known).await?;
                    condition.values.retain(|value| Id::parse(value).is_ok_and(|id| known.contains(&id)));
                }
            }
        }
        Ok(())
    }

    fn address(&self) -> String {
        format!("{}{}", self.site.url, self.request.path())
    }

    /// The same list elsewhere: this parameter replaces `cursor` and `offset`.
    fn link(&self, name: &str, value: &str) -> String {
        format!("{}?{}", self.address(), elsewhere(self.request.query_string(), name, value))
    }
}

/// A query string in which this parameter replaces `cursor` and `offset`.
pub fn elsewhere(query: &str, name: &str, value: &str) -> String {
    let kept = query.split('&').filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default().to_ascii_lowercase();
        let name = name.trim_end_matches("[]").trim_end_matches("%5b%5d");
        !matches!(name, "" | "cursor" | "offset")
    });
    kept.map(str::to_owned).chain([format!("{name}={value}")]).collect::<Vec<_>>().join("&")
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
    let values: Vec<String> =
        if many && field.kind != Kind::Text { value.split(',').map(|part| part.trim().to_owned()).collect() } else { vec![value.to_owned()] };
    let kind = if operator == Operator::Null { Kind::Flag } else { field.kind };
    let mut checked = Vec::with_capacity(values.len());
    for value in &values {
        match (kind.check(value), kind) {
            (Ok(value), _) => checked.push(value),
            (Err(_), Kind::Word(words)) => errors.push(unknown(name, value, words.iter().map(|(word, _)| *word))),
            (Err(code), _) => errors.push(Wrong::fault(Place::Parameter(name.to_owned()), code)),
        }
    }
    let before = conditions.iter_mut().find(|condition| std::ptr::eq(condition.field, field) && condition.operator == operator);
    match before {
        Some(condition) if many => condition.values.extend(checked),
        Some(_) => errors.push(Wrong::parameter(name, "repeated_parameter", Said::new("Is given more than once.", "Est donné plusieurs fois."))),
        None => conditions.push(Condition { field, operator, values: checked, beside: None }),
    }
    if conditions.iter().any(|condition| condition.values.len() > VALUES) {
        errors.push(Wrong::fault(Place::Parameter(name.to_owned()), "too_many"));
    }
}

fn order<N: Listed>(steps: &mut Vec<Step>, sort: &str, errors: &mut Vec<Wrong>) {
    for name in sort.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let (descending, plain) = name.strip_prefix('-').map_or((false, name), |plain| (true, plain));
        let sortable = || N::fields().iter().filter(|field| field.sortable);
        match sortable().find(|field| field.name == plain) {
            Some(field) if steps.iter().any(|step| std::ptr::eq(step.field, field)) => {
                errors.push(Wrong::parameter("sort", "repeated_parameter", Said::new("Names a field twice.", "Nomme un champ deux fois.")));
            }
            Some(field) => steps.push(Step { field, words: None, descending }),
            None => errors.push(unknown("sort", plain, sortable().map(|field| field.name))),
        }
    }
}

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
        let (mut wanted, mut when) = (Wanted::default(), When::Now);
        for (name, value) in parameters(request) {
            match name.as_str() {
                "include" => wanted.read(N::INCLUDES, &value, &mut errors),
                "as_of" => when.read(&value, &mut errors),
                _ => {} // `guard` has refused it already
            }
        }
        ready(if errors.is_empty() {
            Ok(Self { caller: Caller::of(request), when, wanted, noun: std::marker::PhantomData })
        } else {
            Err(Problem::errors(&kinds::INVALID_PARAMETERS, errors))
        })
    }
}

impl<N: Shown> One<N> {
    /// The thing that `find` finds where the path says, with what was asked along, of the same instant.
    pub async fn answer<P: Copy>(&self, db: &Db, path: P, find: impl AsyncFn(P, &Reach, &mut Conn) -> Result<N>) -> Result<Tagged<N::View>>
    where
        N: Resource,
    {
        let reach = self.caller.reach();
        let ask = async |conn: &mut Conn| {
            let thing = find(path, reach, conn).await?;
            let (id, version) = (thing.id(), thing.version());
            let mut views = vec![(id, N::View::from(thing))];
            N::veil(&mut views, reach, conn).await?;
            if !self.wanted.is_empty() {
                N::include(&mut Along { views: &mut views, reach, conn, wanted: &self.wanted }).await?;
            }
            let (_, view) = views.pop().ok_or_else(|| Problem::new(&kinds::INTERNAL))?;
            Ok(Tagged(version, view))
        };
        if self.wanted.is_empty() { self.when.ask(db, reach, ask).await } else { self.when.snapshot(db, reach, ask).await }
    }
}

impl<N: Shown + Resource> One<N> {
    /// The part that `find` finds, of a thing that the caller sees: what is of a hidden thing is hidden.
    pub async fn part<W>(
        &self,
        db: &Db,
        path: PartOf,
        whole: impl AsyncFn(Id, &Reach, &mut Conn) -> Result<W>,
        find: impl AsyncFn(PartOf, &Reach, &mut Conn) -> Result<N>,
    ) -> Result<Tagged<N::View>> {
        self.answer(db, path, async |path: PartOf, reach: &Reach, conn: &mut Conn| {
            whole(path.id, reach, conn).await?;
            find(path, reach, conn).await
        })
        .await
    }
}

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The rows.
    #[schema(max_items = 1000)]
    data: Vec<T>,
    links: Links,
    meta: Meta,
}

impl<T> Page<T> {
    /// A page of what is no noun's list: where it goes on, if it does.
    pub fn of(data: Vec<T>, limit: i64, next_cursor: Option<String>, request: &HttpRequest) -> Self {
        let site = request.app_data::<Data<Site>>().map(|site| site.url.as_str()).unwrap_or_default();
        let address = format!("{site}{}", request.path());
        let query = request.query_string();
        let itself = if query.is_empty() { address.clone() } else { format!("{address}?{query}") };
        let next = next_cursor.as_ref().map(|cursor| format!("{address}?{}", elsewhere(query, "cursor", cursor)));
        Self { data, links: Links { itself, next, prev: None }, meta: Meta { limit, next_cursor, total: None } }
    }
}

/// Where to go from here.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema)]
pub struct Links {
    /// This page.
    #[serde(rename = "self")]
    #[schema(max_length = 20000)]
    itself: String,
    /// The next page; null on the last.
    #[schema(max_length = 20000)]
    next: Option<String>,
    /// The page before; null on the first.
    #[schema(max_length = 20000)]
    prev: Option<String>,
}

/// About the page.
#[derive(Debug, Serialize, ToSchema)]
pub struct Meta {
    /// The most rows that this page could have.
    limit: i64,
    /// Where the next page begins; null on the last.
    #[schema(required, max_length = 20000)]
    next_cursor: Option<String>,
    /// How many rows there are in all, of the same instant; only with `count=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    total: Option<i64>,
}

impl<T: Serialize> Responder for Page<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let Ok(body) = serde_json::to_vec(&self) else {
            return HttpResponse::InternalServerError().finish();
        };
        // Weak: it vouches for what is said, whatever the compression.
        let tag = format!("W/\"{}\"", hex::encode(&Sha256::digest(&body)[..12]));
        if not_modified(request, &tag) {
            return HttpResponse::NotModified().insert_header((header::ETAG, tag)).finish();
        }
        let mut response = HttpResponse::Ok();
        response.insert_header((header::ETAG, tag)).insert_header((header::CONTENT_TYPE, "application/json"));
        let links = [("next", &self.links.next), ("prev", &self.links.prev)];
        let links: Vec<String> = links.into_iter().filter_map(|(rel, link)| link.as_ref().map(|link| format!("<{link}>; rel=\"{rel}\""))).collect();
        if !links.is_empty() {
            response.insert_header((header::LINK, links.join(", ")));
        }
        response.body(body)
    }
}
