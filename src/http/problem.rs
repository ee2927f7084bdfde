//! Refusals: problem documents (RFC 9457), in English and in French.

mod document;
pub mod kinds;

use actix_web::{
    HttpResponse, HttpResponseBuilder, ResponseError,
    body::MessageBody,
    http::{StatusCode, header},
    web::Bytes,
};
use serde::Serialize;
use serde_json::{Map, Value, json};

pub use self::document::{ProblemDocument, ProblemError};
use self::kinds::Kind;
use crate::{
    db::{self, Caused, Violation},
    values::{Fault, Id},
};

/// The languages that a problem is told in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// The default.
    #[default]
    English,
    /// When `Accept-Language` prefers it.
    French,
}

impl Language {
    /// All of them, the default first.
    pub const ALL: [Self; 2] = [Self::English, Self::French];

    /// Its code (ISO 639).
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::French => "fr",
        }
    }
}

/// A sentence in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// In English.
    pub en: String,
    /// In French.
    pub fr: String,
}

impl Said {
    /// A sentence in English and in French.
    pub fn new(en: impl Into<String>, fr: impl Into<String>) -> Self {
        Self { en: en.into(), fr: fr.into() }
    }

    /// The sentence for a word that is none of these.
    pub fn of_words<'a>(words: impl Iterator<Item = &'a str>) -> Self {
        let list = words.collect::<Vec<_>>().join(", ");
        Self::new(format!("Is none of: {list}."), format!("N'est aucun de : {list}."))
    }

    /// The sentence of a fault, with its particulars.
    pub fn of(fault: &Fault, particulars: &[String]) -> Self {
        let (en, fr) = fault.sentences(particulars);
        Self { en, fr }
    }

    fn in_language(&self, language: Language) -> &str {
        match language {
            Language::English => &self.en,
            Language::French => &self.fr,
        }
    }
}

/// The most faults that one refusal tells.
pub const FAULTS: usize = 20;

/// Where in the request something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    /// A place in the body, as a JSON Pointer (RFC 6901).
    Pointer(String),
    /// A parameter of the query string.
    Parameter(String),
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The place of the fault.
    pub place: Position,
    /// The stable code.
    pub code: &'static str,
    /// The sentence.
    pub said: Said,
}

impl Wrong {
    /// A fault at this JSON Pointer of the body.
    pub fn body(pointer: impl Into<String>, code: &'static str, said: Said) -> Self {
        Self { place: Position::Pointer(pointer.into()), code, said }
    }

    /// A fault of this parameter of the query string.
    pub fn parameter(name: impl Into<String>, code: &'static str, said: Said) -> Self {
        Self { place: Position::Parameter(name.into()), code, said }
    }

    /// The fault of a parameter that is given more than once.
    pub fn repeated(name: impl Into<String>) -> Self {
        Self::parameter(name, "repeated_parameter", Said::new("Is given more than once.", "Est donné plusieurs fois."))
    }

    /// The fault of a reference to a thing that does not exist, or that the caller may not see, at this JSON Pointer of the body.
    pub fn unknown_reference(pointer: impl Into<String>) -> Self {
        Self::body(pointer, "unknown_reference", Said::new("Refers to something that is not there.", "Désigne quelque chose qui n'existe pas."))
    }

    /// The fault with this code, at this place.
    pub fn fault(place: Position, code: &'static str) -> Self {
        Self::exact(place, code, &[])
    }

    /// The fault with this code, at this place, with its particulars.
    pub fn exact(place: Position, code: &'static str, particulars: &[String]) -> Self {
        let said = Fault::find(code).map_or_else(|| Said::new("Is not valid.", "N'est pas valide."), |fault| Said::of(fault, particulars));
        Self { place, code, said }
    }
}

/// A refusal: its kind, what is wrong where, and what may help.
#[derive(Debug, Clone)]
pub struct Problem(Box<Details>);

#[derive(Debug, Clone)]
struct Details {
    kind: &'static Kind,
    detail: Option<Said>,
    errors: Vec<Wrong>,
    /// More members of the document, which help the client.
    more: Map<String, Value>,
    headers: Vec<(header::HeaderName, String)>,
    cause: Option<db::Error>,
}

impl Problem {
    /// A refusal of this kind.
    pub fn new(kind: &'static Kind) -> Self {
        Self(Box::new(Details { kind, detail: None, errors: Vec::new(), more: Map::new(), headers: Vec::new(), cause: None }))
    }

    /// A refusal for a status that the framework itself gave.
    pub fn of_status(status: StatusCode) -> Self {
        let kind = kinds::ALL.iter().find(|kind| kind.status == status.as_u16());
        Self::new(kind.copied().unwrap_or(if status.is_server_error() { &kinds::INTERNAL } else { &kinds::BAD_REQUEST }))
    }

    /// A refusal with all faults. Of more than 20 (`FAULTS`), the first ones are told, and that there are more.
    pub fn errors(kind: &'static Kind, mut errors: Vec<Wrong>) -> Self {
        let mut problem = Self::new(kind);
        if errors.len() > FAULTS {
            errors.truncate(FAULTS);
            problem = problem.saying(Said::new("There are more faults; these are the first 20.", "Il y a d'autres fautes ; voici les 20 premières."));
        }
        problem.0.errors = errors;
        problem
    }

    /// A refusal of a body with one fault.
    pub fn body(pointer: impl Into<String>, code: &'static str, said: Said) -> Self {
        Self::errors(&kinds::INVALID_BODY, vec![Wrong::body(pointer, code, said)])
    }

    /// Adds these faults to those that the refusal has at other places.
    pub fn and(self, more: Vec<Wrong>) -> Self {
        let mut errors = self.0.errors.clone();
        errors.extend(more.into_iter().filter(|wrong| !self.0.errors.iter().any(|known| known.place == wrong.place)));
        let mut problem = Self::errors(self.0.kind, errors);
        problem.0.detail = problem.0.detail.or(self.0.detail);
        problem
    }

    /// Adds a sentence that says more.
    pub fn saying(mut self, said: Said) -> Self {
        self.0.detail = Some(said);
        self
    }

    /// Adds a member that helps the client.
    pub fn with(mut self, member: &str, value: impl Serialize) -> Self {
        self.0.more.insert(member.to_owned(), json!(value));
        self
    }

    /// Adds a header.
    pub fn header(mut self, name: header::HeaderName, value: impl Into<String>) -> Self {
        self.0.headers.push((name, value.into()));
        self
    }

    /// The same refusal for a part in the body of its whole: the pointers begin with `/{member}/{index}`.
    pub fn inside(mut self, member: &str, index: usize) -> Self {
        for wrong in &mut self.0.errors {
            if let Position::Pointer(pointer) = &mut wrong.place {
                pointer.insert_str(0, &format!("/{member}/{index}"));
            }
        }
        self
    }

    /// The refusal of a move that the state of the fiche does not allow. It lists the allowed states.
    pub fn forbidden_transition(pointer: &str, from: &str, allowed: Vec<&str>) -> Self {
        let list = allowed.join(", ");
        let said = Said::new(format!("From {from} it may go to: {list}."), format!("De {from}, elle peut passer à : {list}."));
        Self::errors(&kinds::FORBIDDEN_TRANSITION, vec![Wrong::body(pointer, "forbidden_transition", said)]).with("allowed", allowed)
    }

    /// The redirection from a merged thing to the thing that stays.
    pub fn moved(into: Id) -> Self {
        Self::new(&kinds::MERGED).with("merged_into", into)
    }

    /// The refusal of a reference to a thing that does not exist, or that the caller may not see. Both get the same answer, so that the
    /// caller does not learn which.
    pub fn unknown_reference(pointer: impl Into<String>) -> Self {
        Self::errors(&kinds::INVALID_BODY, vec![Wrong::unknown_reference(pointer)])
    }

    /// Does this refusal say that the thing does not exist, or was deleted? Any other refusal says nothing about the thing: the database
    /// may be away.
    pub fn is_absence(&self) -> bool {
        matches!(self.0.kind.status, 404 | 410)
    }

    /// Turns the refusal for a missing thing into an unknown reference at this pointer of the body. Any other refusal stays as it is.
    pub fn named_at(self, pointer: &str) -> Self {
        if self.is_absence() { Self::unknown_reference(pointer) } else { self }
    }

    /// The thing that this one was merged into.
    pub fn merged_into(&self) -> Option<String> {
        self.0.more.get("merged_into")?.as_str().map(str::to_owned)
    }

    /// The same refusal of a broken rule, in the words of a noun and at this pointer.
    pub fn reworded(mut self, pointer: &str, said: Said) -> Self {
        self.0.errors = vec![Wrong::body(pointer, "broken_rule", said)];
        // Whoever hands it on has no better words.
        self.0.cause = None;
        self
    }

    /// The same refusal at other places of the body. A sentence that is told elsewhere names the member that it is about. What names a
    /// member that is none (`unknown_field`) stays.
    pub fn pointed(mut self, place: impl Fn(&str) -> String) -> Self {
        for wrong in self.0.errors.iter_mut().filter(|wrong| wrong.code != "unknown_field") {
            let Position::Pointer(pointer) = &mut wrong.place else { continue };
            let elsewhere = place(pointer);
            if elsewhere != *pointer && !pointer.is_empty() {
                let member = pointer.trim_start_matches('/');
                wrong.said = Said::new(format!("{member}: {}", wrong.said.en), format!("{member} : {}", wrong.said.fr));
            }
            *pointer = elsewhere;
        }
        self
    }

    /// The refusal at this member of the body, wherever else it was.
    pub fn at(self, pointer: &str) -> Self {
        self.pointed(|_| pointer.to_owned())
    }

    /// Its kind.
    pub fn kind(&self) -> &'static Kind {
        self.0.kind
    }

    /// Renders the answer in one language, for one request.
    pub fn render(&self, language: Language, instance: Option<&str>) -> HttpResponse {
        let title = if language == Language::French { self.0.kind.fr } else { self.0.kind.en };
        let errors: Vec<Value> = self
            .0
            .errors
            .iter()
            .map(|wrong| {
                let (member, place) = match &wrong.place {
                    Position::Pointer(pointer) => ("pointer", pointer),
                    Position::Parameter(name) => ("parameter", name),
                };
                json!({ member: place, "code": wrong.code, "detail": wrong.said.in_language(language) })
            })
            .collect();
        let detail = self.0.detail.as_ref().or(self.0.errors.first().map(|wrong| &wrong.said));
        let mut body = Map::new();
        body.insert("type".to_owned(), format!("urn:territoires-industrie:problem:{}", self.0.kind.code).into());
        body.insert("title".to_owned(), title.into());
        body.insert("status".to_owned(), self.0.kind.status.into());
        body.insert("code".to_owned(), self.0.kind.code.into());
        body.insert("detail".to_owned(), detail.map_or(title, |said| said.in_language(language)).into());
        if let Some(instance) = instance {
            body.insert("instance".to_owned(), format!("urn:request:{instance}").into());
        }
        if !errors.is_empty() {
            body.insert("errors".to_owned(), errors.into());
        }
        body.extend(self.0.more.clone());
        let mut response = HttpResponseBuilder::new(self.status_code());
        response.insert_header((header::CONTENT_TYPE, "application/problem+json"));
        response.insert_header((header::CONTENT_LANGUAGE, language.code()));
        for (name, value) in &self.0.headers {
            response.insert_header((name.clone(), value.as_str()));
        }
        response.body(Value::Object(body).to_string())
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.0.kind.status, self.0.kind.code)?;
        if let Some(detail) = &self.0.detail {
            write!(f, ": {}", detail.en)?;
        }
        for wrong in &self.0.errors {
            write!(f, "; {:?}: {}", wrong.place, wrong.said.en)?;
        }
        match &self.0.cause {
            Some(cause) => write!(f, "; {cause}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.kind.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Renders it in English. `dress` renders it again, in the language of the request.
    fn error_response(&self) -> HttpResponse {
        let mut response = self.render(Language::English, None);
        response.extensions_mut().insert(self.clone());
        response
    }
}

impl Caused for Problem {
    fn caused(&self) -> Option<&db::Error> {
        self.0.cause.as_ref()
    }
}

impl From<db::Error> for Problem {
    fn from(error: db::Error) -> Self {
        let problem = match &error {
            db::Error::NotFound => Self::new(&kinds::NOT_FOUND),
            db::Error::Violated(violation) => violated(violation),
            db::Error::Again(_) | db::Error::Unavailable(_) | db::Error::Refused(_) => Self::new(&kinds::UNAVAILABLE),
            db::Error::Crowded => Self::new(&kinds::TOO_MANY_REQUESTS).header(header::RETRY_AFTER, "2").saying(Said::new(
                "You have too many requests running: wait for their answers.",
                "Vous avez trop de requêtes en cours : attendez leurs réponses.",
            )),
            db::Error::TimedOut(_) => Self::new(&kinds::TIMED_OUT),
            db::Error::StorageFull(_) => Self::new(&kinds::STORAGE_FULL),
            db::Error::OutcomeUnknown => Self::new(&kinds::OUTCOME_UNKNOWN),
            db::Error::Bug(_) => Self::new(&kinds::INTERNAL),
        };
        let mut problem =
            if problem.0.kind.status == 503 { problem.header(header::RETRY_AFTER, rand::random_range(1..=5u8).to_string()) } else { problem };
        problem.0.cause = Some(error);
        problem
    }
}

impl From<diesel::result::Error> for Problem {
    fn from(error: diesel::result::Error) -> Self {
        db::Error::from(error).into()
    }
}

/// The refusal for a broken rule of the schema. The name of the constraint tells the member: `partners_siren_key` is a rule of `/siren`.
fn violated(violation: &Violation) -> Problem {
    let name = violation.constraint.strip_prefix(&violation.table).unwrap_or(&violation.constraint).trim_start_matches('_');
    let name = name.strip_suffix("_fkey").or(name.strip_suffix("_key")).unwrap_or(name);
    let pointer = format!("/{name}");
    match violation.rule {
        db::Breach::Unique if violation.table == "idempotency_keys" => Problem::new(&kinds::UNDER_WAY).header(header::RETRY_AFTER, "1"),
        db::Breach::Unique => {
            let said = Said::new("There is one with this value already.", "Il en existe déjà un avec cette valeur.");
            Problem::errors(&kinds::ALREADY_EXISTS, vec![Wrong::body(pointer, "already_exists", said)])
        }
        db::Breach::Referenced => Problem::new(&kinds::STILL_REFERENCED),
        db::Breach::Check if violation.table == "usage" => overuse(&violation.constraint),
        db::Breach::Reference => Problem::unknown_reference(pointer),
        // The card of a noun has better words for the rules of that noun.
        db::Breach::Check => {
            if let "parts_most" | "parts_bytes" = name {
                let said =
                    Said::new("A thing has 1000 parts of one sort at most, of 4 MB.", "Un élément a au plus 1000 parties d'une sorte, de 4 Mo.");
                return Problem::new(&kinds::LIMIT_REACHED).saying(said);
            }
            let (pointer, said) = if let Some(member) = name.strip_suffix("_territory") {
                (format!("/{member}"), Said::new("It is of another territory.", "Il est d'un autre territoire."))
            } else if let Some(member) = name.strip_suffix("_cycle") {
                (format!("/{member}"), Said::new("The link would lead back to the thing itself.", "Le lien ramènerait à l'élément lui-même."))
            } else if let Some(member) = name.strip_suffix("_future") {
                (format!("/{member}"), Said::new("Is a day to come: it has not happened yet.", "Est un jour à venir : cela n'a pas encore eu lieu."))
            } else {
                (pointer, Said::new("Breaks a rule.", "Enfreint une règle."))
            };
            Problem::body(pointer, "broken_rule", said)
        }
    }
}

/// The refusal of a caller who has used as much as it may in a day. What was used is noted by the hour, so more may be free at the next one.
fn overuse(constraint: &str) -> Problem {
    let (en, fr) = match constraint {
        "usage_written_bytes" => ("of bytes written", "d'octets écrits"),
        "usage_answer_bytes" => ("of bytes of answers that are kept for an Idempotency-Key", "d'octets de réponses gardées pour une Idempotency-Key"),
        _ => ("of requests with an Idempotency-Key", "de requêtes avec une Idempotency-Key"),
    };
    let seconds = 3600 - chrono::Utc::now().timestamp().rem_euclid(3600);
    let said = Said::new(format!("The number {en} in 24 hours is reached."), format!("Le nombre {fr} en 24 heures est atteint."));
    Problem::new(&kinds::TOO_MANY_REQUESTS).header(header::RETRY_AFTER, seconds.to_string()).saying(said)
}

/// A refusal with all its headers, for an answer that does not pass through `dress` again.
#[derive(Debug)]
pub(super) struct Dressed {
    status: StatusCode,
    headers: header::HeaderMap,
    body: Bytes,
}

impl Dressed {
    /// The refusal that this answer is.
    pub(super) fn of(mut response: HttpResponse) -> Self {
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        Self { status, headers, body: response.into_body().try_into_bytes().unwrap_or_default() }
    }
}

impl std::fmt::Display for Dressed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.status.fmt(f)
    }
}

impl ResponseError for Dressed {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponseBuilder::new(self.status).body(self.body.clone());
        *response.headers_mut() = self.headers.clone();
        response
    }
}
