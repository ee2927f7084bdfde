//! What is refused, and why: problem documents (RFC 9457), in English and in French.

use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError, http::StatusCode, http::header};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

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
    /// The same sentence, twice.
    pub fn new(en: impl Into<String>, fr: impl Into<String>) -> Self {
        Self { en: en.into(), fr: fr.into() }
    }

    fn in_language(&self, language: Language) -> &str {
        match language {
            Language::English => &self.en,
            Language::French => &self.fr,
        }
    }
}

/// One sort of refusal.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// The HTTP status.
    pub status: u16,
    /// The stable code that a client may rely on.
    pub code: &'static str,
    /// Its title in English.
    pub en: &'static str,
    /// Its title in French.
    pub fr: &'static str,
}

const fn kind(status: u16, code: &'static str, en: &'static str, fr: &'static str) -> Kind {
    Kind { status, code, en, fr }
}

/// Every sort of refusal there is.
pub mod kinds {
    use super::{Kind, kind};

    pub static MERGED: Kind = kind(308, "merged", "It was merged into another one", "Fusionné avec un autre");
    pub static INVALID_JSON: Kind = kind(400, "invalid_json", "The body is not valid JSON", "Le corps n'est pas du JSON valide");
    pub static INVALID_PARAMETERS: Kind = kind(400, "invalid_parameters", "The query string is not understood", "Les paramètres ne sont pas compris");
    pub static BAD_REQUEST: Kind = kind(400, "bad_request", "The request is not understood", "La requête n'est pas comprise");
    pub static UNAUTHENTICATED: Kind = kind(401, "unauthenticated", "A key is needed", "Une clé est nécessaire");
    pub static INVALID_TOKEN: Kind = kind(401, "invalid_token", "The key is not valid", "La clé n'est pas valide");
    pub static INSUFFICIENT_ROLE: Kind = kind(403, "insufficient_role", "The key does not allow this", "La clé ne le permet pas");
    pub static OUTSIDE_PERIMETER: Kind = kind(403, "outside_perimeter", "This lies outside of what the key is for", "Hors du périmètre de la clé");
    pub static NOT_FOUND: Kind = kind(404, "not_found", "There is no such thing", "Introuvable");
    pub static METHOD_NOT_ALLOWED: Kind = kind(405, "method_not_allowed", "The method is not allowed here", "Méthode non permise ici");
    pub static NOT_ACCEPTABLE: Kind =
        kind(406, "not_acceptable", "None of the accepted media types is served", "Aucun des types acceptés n'est servi");
    pub static REQUEST_TIMEOUT: Kind = kind(408, "request_timeout", "The request came too slowly", "La requête est arrivée trop lentement");
    pub static ALREADY_EXISTS: Kind = kind(409, "already_exists", "There is one like it already", "Il en existe déjà un");
    pub static STILL_REFERENCED: Kind = kind(409, "still_referenced", "Other things still refer to it", "D'autres éléments y font encore référence");
    pub static FORBIDDEN_TRANSITION: Kind = kind(409, "forbidden_transition", "This move is not allowed", "Ce passage n'est pas permis");
    pub static LAST_ADMIN: Kind =
        kind(409, "last_admin", "No administrator of the nation would be left", "Il ne resterait aucun administrateur national");
    pub static MERGED_AWAY: Kind = kind(409, "merged_away", "It was merged into another one", "Fusionné avec un autre");
    pub static NOT_MERGED: Kind = kind(409, "not_merged", "There is no merge to undo", "Aucune fusion à annuler");
    pub static UNDER_WAY: Kind = kind(409, "under_way", "It is being done, or was just now", "En cours, ou fait à l'instant");
    pub static ALREADY_DONE: Kind =
        kind(409, "already_done", "It was done; what it was answered is not known any more", "Déjà fait ; la réponse n'est plus connue");
    pub static GONE: Kind = kind(410, "gone", "It was deleted", "Supprimé");
    pub static EXPIRED_CURSOR: Kind = kind(410, "expired_cursor", "The cursor has expired", "Le curseur a expiré");
    pub static STALE: Kind = kind(412, "stale", "It has changed meanwhile", "Modifié entre-temps");
    pub static PAYLOAD_TOO_LARGE: Kind = kind(413, "payload_too_large", "The body is too large", "Le corps est trop grand");
    pub static UNSUPPORTED_MEDIA_TYPE: Kind =
        kind(415, "unsupported_media_type", "The body must be plain JSON", "Le corps doit être du JSON, non compressé");
    pub static INVALID_BODY: Kind = kind(422, "invalid_body", "The body breaks a rule", "Le corps enfreint une règle");
    pub static IDEMPOTENCY_KEY_REUSED: Kind =
        kind(422, "idempotency_key_reused", "Another request had this Idempotency-Key", "Une autre requête portait cette Idempotency-Key");
    pub static PRECONDITION_REQUIRED: Kind = kind(428, "precondition_required", "If-Match is needed", "If-Match est nécessaire");
    pub static TOO_MANY_REQUESTS: Kind = kind(429, "too_many_requests", "Too many requests", "Trop de requêtes");
    pub static INTERNAL: Kind = kind(500, "internal", "A fault of ours", "Une erreur de notre fait");
    pub static UNAVAILABLE: Kind = kind(503, "unavailable", "Unavailable for the moment", "Momentanément indisponible");
    pub static TIMED_OUT: Kind = kind(503, "timed_out", "It took too long", "Délai dépassé");
    pub static STORAGE_FULL: Kind = kind(503, "storage_full", "The storage is full", "Le stockage est plein");
    pub static OUTCOME_UNKNOWN: Kind =
        kind(503, "outcome_unknown", "It is not known whether this was kept", "On ignore si l'écriture a été conservée");

    /// All of them, for the document.
    pub static ALL: [&Kind; 34] = [
        &MERGED,
        &INVALID_JSON,
        &INVALID_PARAMETERS,
        &BAD_REQUEST,
        &UNAUTHENTICATED,
        &INVALID_TOKEN,
        &INSUFFICIENT_ROLE,
        &OUTSIDE_PERIMETER,
        &NOT_FOUND,
        &METHOD_NOT_ALLOWED,
        &NOT_ACCEPTABLE,
        &REQUEST_TIMEOUT,
        &ALREADY_EXISTS,
        &STILL_REFERENCED,
        &FORBIDDEN_TRANSITION,
        &LAST_ADMIN,
        &MERGED_AWAY,
        &NOT_MERGED,
        &UNDER_WAY,
        &ALREADY_DONE,
        &GONE,
        &EXPIRED_CURSOR,
        &STALE,
        &PAYLOAD_TOO_LARGE,
        &UNSUPPORTED_MEDIA_TYPE,
        &INVALID_BODY,
        &IDEMPOTENCY_KEY_REUSED,
        &PRECONDITION_REQUIRED,
        &TOO_MANY_REQUESTS,
        &INTERNAL,
        &UNAVAILABLE,
        &TIMED_OUT,
        &STORAGE_FULL,
        &OUTCOME_UNKNOWN,
    ];
}

/// Where in the request something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the body, as a JSON Pointer (RFC 6901).
    Pointer(String),
    /// In the query string.
    Parameter(String),
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// Where.
    pub place: Place,
    /// The stable code.
    pub code: &'static str,
    /// The sentence.
    pub said: Said,
}

impl Wrong {
    /// At a JSON Pointer of the body.
    pub fn body(pointer: impl Into<String>, code: &'static str, said: Said) -> Self {
        Self { place: Place::Pointer(pointer.into()), code, said }
    }

    /// At a parameter of the query string.
    pub fn parameter(name: impl Into<String>, code: &'static str, said: Said) -> Self {
        Self { place: Place::Parameter(name.into()), code, said }
    }

    /// A value with this fault.
    pub fn fault(place: Place, code: &'static str) -> Self {
        let said = Fault::find(code).map_or_else(|| Said::new("Is not valid.", "N'est pas valide."), |fault| Said::new(fault.en, fault.fr));
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
    /// Members that help, and headers that go with the kind.
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

    /// With all that is wrong.
    pub fn errors(kind: &'static Kind, errors: Vec<Wrong>) -> Self {
        let mut problem = Self::new(kind);
        problem.0.errors = errors;
        problem
    }

    /// A body with one thing wrong.
    pub fn body(pointer: impl Into<String>, code: &'static str, said: Said) -> Self {
        Self::errors(&kinds::INVALID_BODY, vec![Wrong::body(pointer, code, said)])
    }

    /// With a sentence that says more.
    pub fn saying(mut self, said: Said) -> Self {
        self.0.detail = Some(said);
        self
    }

    /// With a member that helps.
    pub fn with(mut self, member: &str, value: impl Serialize) -> Self {
        self.0.more.insert(member.to_owned(), json!(value));
        self
    }

    /// With a header.
    pub fn header(mut self, name: header::HeaderName, value: impl Into<String>) -> Self {
        self.0.headers.push((name, value.into()));
        self
    }

    /// The same, said of a child in the body of its parent: its pointers go below `/{member}/{index}`.
    pub fn inside(mut self, member: &str, index: usize) -> Self {
        for wrong in &mut self.0.errors {
            if let Place::Pointer(pointer) = &mut wrong.place {
                pointer.insert_str(0, &format!("/{member}/{index}"));
            }
        }
        self
    }

    /// A fiche does not move so from where it stands; with the states that it may go to.
    pub fn forbidden_transition(pointer: &str, from: &str, allowed: Vec<&str>) -> Self {
        let list = allowed.join(", ");
        let said = Said::new(format!("From {from} it may go to: {list}."), format!("De {from}, elle peut passer à : {list}."));
        Self::errors(&kinds::FORBIDDEN_TRANSITION, vec![Wrong::body(pointer, "forbidden_transition", said)]).with("allowed", allowed)
    }

    /// It was merged into this one: what is asked of it is asked of that.
    pub fn moved(into: Id) -> Self {
        Self::new(&kinds::MERGED).with("merged_into", into)
    }

    /// The body names something that is not there, or that the caller may not see: nobody is told which.
    pub fn unknown_reference(pointer: impl Into<String>) -> Self {
        Self::body(pointer, "unknown_reference", Said::new("Refers to something that is not there.", "Désigne quelque chose qui n'existe pas."))
    }

    /// Is what was asked for not there, or deleted? Any other refusal says nothing of that: the database may be away.
    pub fn is_absence(&self) -> bool {
        matches!(self.0.kind.status, 404 | 410)
    }

    /// The same, of a thing that the body names at this pointer: one that is not there is an unknown reference; any other refusal stays.
    pub fn named_at(self, pointer: &str) -> Self {
        if self.is_absence() { Self::unknown_reference(pointer) } else { self }
    }

    /// The thing that it was merged into.
    pub fn merged_into(&self) -> Option<String> {
        self.0.more.get("merged_into")?.as_str().map(str::to_owned)
    }

    /// The same, of a broken rule that a noun has put into words: said at this pointer.
    pub fn reworded(mut self, pointer: &str, said: Said) -> Self {
        self.0.errors = vec![Wrong::body(pointer, "broken_rule", said)];
        self
    }

    /// Its kind.
    pub fn kind(&self) -> &'static Kind {
        self.0.kind
    }

    /// The answer, in one language, for one request.
    pub fn render(&self, language: Language, instance: Option<&str>) -> HttpResponse {
        let title = if language == Language::French { self.0.kind.fr } else { self.0.kind.en };
        let errors: Vec<Value> = self
            .0
            .errors
            .iter()
            .map(|wrong| {
                let (member, place) = match &wrong.place {
                    Place::Pointer(pointer) => ("pointer", pointer),
                    Place::Parameter(name) => ("parameter", name),
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

    /// In English; `dress` renders it again for the request it answers.
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
            db::Error::Again(_) | db::Error::Unavailable(_) => Self::new(&kinds::UNAVAILABLE),
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

/// The names of constraints are the vocabulary: `partners_siren_key` is a rule of `/siren`.
fn violated(violation: &Violation) -> Problem {
    let name = violation.constraint.strip_prefix(&violation.table).unwrap_or(&violation.constraint).trim_start_matches('_');
    let name = name.strip_suffix("_fkey").or(name.strip_suffix("_key")).unwrap_or(name);
    let pointer = format!("/{name}");
    match violation.rule {
        db::Rule::Unique if violation.table == "repeats" => Problem::new(&kinds::UNDER_WAY).header(header::RETRY_AFTER, "1"),
        db::Rule::Unique => {
            let said = Said::new("There is one with this value already.", "Il en existe déjà un avec cette valeur.");
            Problem::errors(&kinds::ALREADY_EXISTS, vec![Wrong::body(pointer, "already_exists", said)])
        }
        db::Rule::Referenced => Problem::new(&kinds::STILL_REFERENCED),
        db::Rule::Reference => Problem::unknown_reference(pointer),
        db::Rule::Check => {
            let (pointer, said) = check(name);
            Problem::body(pointer, "broken_rule", said)
        }
    }
}

/// What a rule between several members says. A noun has better words for its own, on its card.
fn check(name: &str) -> (String, Said) {
    match name.strip_suffix("_territory") {
        Some(member) => (format!("/{member}"), Said::new("It is of another territory.", "Il est d'un autre territoire.")),
        None => (format!("/{name}"), Said::new("Breaks a rule.", "Enfreint une règle.")),
    }
}

/// A refusal already in the language of its request: for what never reaches `dress` again.
#[derive(Debug)]
pub(super) struct Dressed {
    pub(super) problem: Problem,
    pub(super) language: Language,
    pub(super) instance: String,
}

impl std::fmt::Display for Dressed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.problem.fmt(f)
    }
}

impl ResponseError for Dressed {
    fn status_code(&self) -> StatusCode {
        self.problem.status_code()
    }

    fn error_response(&self) -> HttpResponse {
        self.problem.render(self.language, Some(&self.instance))
    }
}

/// A problem document (RFC 9457), as every answer of status 400 and above is, and where a thing was merged, 308.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// What kind of problem: `urn:territoires-industrie:problem:` and the code.
    #[schema(max_length = 200)]
    r#type: String,
    /// The kind, in words; in French when `Accept-Language` prefers it.
    #[schema(max_length = 200)]
    title: String,
    /// The HTTP status.
    #[schema(minimum = 300, maximum = 599)]
    status: u16,
    /// The stable code of the kind.
    #[schema(max_length = 100)]
    code: String,
    /// What is the matter.
    #[schema(max_length = 2000)]
    detail: String,
    /// The request: `urn:request:` and its identifier, which is also in `X-Request-Id`.
    #[schema(max_length = 200)]
    instance: Option<String>,
    /// Everything that is wrong, all at once.
    errors: Option<Vec<ProblemError>>,
    /// The version that the thing has now (with 412).
    version: Option<i32>,
    /// What was done since the version that was named (with 412), the oldest first; at most 20.
    changes: Option<Vec<crate::ledger::Change>>,
    /// The thing that was there first (with 409).
    existing: Option<Id>,
    /// The moves that are allowed (with 409 on a transition).
    #[schema(value_type = Option<Vec<crate::values::Code>>)]
    allowed: Option<Vec<String>>,
    /// The thing that it was merged into (with 308).
    merged_into: Option<Id>,
    /// When it was deleted (with 410).
    deleted_at: Option<chrono::DateTime<chrono::Utc>>,
    /// When it was done (with 409 for what is done once).
    done_at: Option<chrono::DateTime<chrono::Utc>>,
    /// Where to start again (with 410 on a cursor).
    #[schema(max_length = 20000)]
    restart: Option<String>,
}

/// One thing that is wrong, at a member of the body or at a parameter.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProblemError)]
pub struct ProblemError {
    /// Where in the body, as a JSON Pointer.
    #[schema(max_length = 1000)]
    pointer: Option<String>,
    /// Which parameter of the query string.
    #[schema(max_length = 1000)]
    parameter: Option<String>,
    /// The stable code.
    #[schema(max_length = 100)]
    code: String,
    /// What is wrong, in words.
    #[schema(max_length = 2000)]
    detail: String,
}
