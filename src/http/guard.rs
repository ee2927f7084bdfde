//! Compares each request with the document. Paths, methods, parameters and media types that the document does not name are refused. The
//! document also says how each operation takes in its bodies (see [`Intake`]).

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use actix_web::{
    Error, HttpMessage, HttpRequest, HttpResponse, ResponseError,
    body::{BodySize, BodyStream, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, header},
    middleware::Next,
    web::{Bytes, Data},
};
use futures_util::stream;
use percent_encoding::percent_decode_str;
use utoipa::openapi::{
    OpenApi, Ref, RefOr, Schema,
    path::{Operation, ParameterIn},
};

use super::{
    Caller, Problem, Said, Wrong, accept, cors,
    gate::Gate,
    intake::Intake,
    kinds,
    limit::{Use, Who},
};
use crate::db::{self, Db};

/// The longest query string.
const LONGEST: usize = 8 * 1024;
/// The most parameters of a query string.
const PARAMETERS: usize = 50;
/// For how many unknown parameters a known one that is like it is looked for.
const LIKENED: usize = 5;

/// The operations of the document, by path and method.
#[derive(Debug, Default)]
pub struct Offer(BTreeMap<String, Methods>);

type Methods = BTreeMap<&'static str, Offered>;

/// What the document says about one operation.
#[derive(Debug)]
struct Offered {
    /// The names of its parameters.
    parameters: Vec<String>,
    /// The media types of the answers. JSON is always one of them, since every refusal is JSON.
    served: Vec<String>,
    /// How the operation takes in a body.
    intake: Intake,
    /// The members of the body, and those of them that are needed.
    body: Body,
}

/// The members of the body of an operation.
#[derive(Debug, Default)]
pub struct Body {
    /// All of them.
    members: BTreeSet<String>,
    /// The member that a refusal of the whole body is about, if only one is needed.
    needed: Option<String>,
}

impl Body {
    fn of(operation: &Operation, document: &OpenApi) -> Self {
        let schema = match &operation.request_body {
            Some(RefOr::T(body)) => body.content.get("application/json"),
            _ => None,
        };
        let schema = match schema {
            Some(RefOr::T(content)) => content.schema.as_ref(),
            _ => None,
        };
        let shared = |name: &str| document.components.as_ref()?.schemas.get(name);
        let schema = match schema {
            Some(RefOr::Ref(reference)) => reference.ref_location.rsplit('/').next().and_then(shared),
            schema => schema,
        };
        let Some(RefOr::T(Schema::Object(object))) = schema else { return Self::default() };
        let needed = if let [needed] = object.required.as_slice() { Some(needed.clone()) } else { None };
        Self { members: object.properties.keys().cloned().collect(), needed }
    }

    /// The pointer of a refusal: the same, if it leads to a member of this body; else the one member that is needed, or the whole body.
    pub fn pointer(&self, pointer: &str) -> String {
        let member = pointer.split('/').nth(1).unwrap_or_default();
        if member.is_empty() || self.members.contains(member) {
            return pointer.to_owned();
        }
        self.needed.as_ref().map_or_else(String::new, |needed| format!("/{needed}"))
    }
}

impl Offered {
    fn of(operation: &Operation, document: &OpenApi) -> Result<Self, serde_json::Error> {
        let shared = |reference: &Ref| document.components.as_ref()?.parameters.get(reference.ref_location.rsplit('/').next()?);
        let parameters = operation.parameters.iter().flatten().filter_map(|parameter| match parameter {
            RefOr::Ref(reference) => shared(reference),
            whole => Some(whole),
        });
        let parameters = parameters.filter_map(|parameter| match parameter {
            RefOr::T(parameter) => Some(parameter),
            RefOr::Ref(_) => None,
        });
        let query = parameters.filter(|parameter| parameter.parameter_in == ParameterIn::Query);
        let answers = operation.responses.responses.iter().filter(|(status, _)| status.starts_with('2')).filter_map(|(_, answer)| match answer {
            RefOr::T(answer) => Some(answer),
            RefOr::Ref(_) => None,
        });
        let mut served: Vec<String> = answers.flat_map(|answer| answer.content.keys().cloned()).collect();
        if !served.iter().any(|media| media == "application/json") {
            served.push("application/json".to_owned());
        }
        let intake = operation.extensions.as_ref().and_then(|more| more.get(Intake::EXTENSION));
        Ok(Self {
            parameters: query.map(|parameter| parameter.name.clone()).collect(),
            served,
            intake: intake.map_or(Ok(Intake::USUAL), |intake| serde_json::from_value(intake.clone()))?,
            body: Body::of(operation, document),
        })
    }
}

impl Offer {
    /// Reads the document. The error names an intake that cannot be read.
    pub fn of(document: &OpenApi) -> Result<Self, serde_json::Error> {
        let offered = document.paths.paths.iter().map(|(path, item)| {
            let methods = [("GET", &item.get), ("POST", &item.post), ("PUT", &item.put), ("PATCH", &item.patch), ("DELETE", &item.delete)];
            let methods = methods.into_iter().filter_map(|(method, operation)| Some((method, operation.as_ref()?)));
            let methods = methods.map(|(method, operation)| Ok((method, Offered::of(operation, document)?)));
            Ok((path.clone(), methods.collect::<Result<_, _>>()?))
        });
        offered.collect::<Result<_, _>>().map(Self)
    }

    /// The body of the operation that a request asks for.
    pub fn body(&self, request: &HttpRequest) -> Option<&Body> {
        self.at(request.path())?.get(request.method().as_str()).map(|offered| &offered.body)
    }

    /// The operations at a path. A path with a word of its own (`/action-fiches/transitions`) comes before a path with `{id}`.
    fn at(&self, path: &str) -> Option<&Methods> {
        let fits = |pattern: &str| {
            let (mut asked, mut offered) = (path.split('/'), pattern.split('/'));
            loop {
                match (asked.next(), offered.next()) {
                    (None, None) => return true,
                    (Some(asked), Some(offered)) if asked == offered || (offered.starts_with('{') && !asked.is_empty()) => {}
                    _ => return false,
                }
            }
        };
        // The first segments, `/api/v1/{noun}`, contain no variable in any pattern.
        let noun = path.match_indices('/').nth(3).map_or(path, |(end, _)| &path[..end]);
        let mut of_noun = self.0.range::<str, _>((Bound::Included(noun), Bound::Unbounded)).take_while(|(pattern, _)| pattern.starts_with(noun));
        self.0.get(path).or_else(|| of_noun.find(|(pattern, _)| fits(pattern)).map(|(_, methods)| methods))
    }
}

/// Answers what no route answers.
pub async fn otherwise() -> HttpResponse {
    Problem::new(&kinds::NOT_FOUND).error_response()
}

/// Identifies the caller, and refuses what the document does not offer. Beside the API (health, documentation) no caller is identified.
pub async fn guard(mut request: ServiceRequest, next: Next<impl MessageBody + 'static>) -> Result<ServiceResponse<BoxBody>, Error> {
    let head = request.method() == Method::HEAD;
    let answer = match request.method() {
        &Method::OPTIONS => {
            let answer = count_unidentified(&request).and_then(|()| options(&request));
            Err(answer.unwrap_or_else(|problem| problem.error_response()))
        }
        _ => admit(&mut request).await.map_err(|problem| problem.error_response()),
    };
    let response = match answer {
        Ok(None) => next.call(request).await?.map_into_boxed_body(),
        Ok(Some(who)) => db::on_behalf_of(who.to_string(), next.call(request)).await?.map_into_boxed_body(),
        Err(answer) => request.into_response(answer),
    };
    // The framework would read a stream to its end, to send nothing of it.
    let endless = head && response.response().body().size() == BodySize::Stream;
    Ok(if endless { response.map_body(|_, _| BodyStream::new(stream::empty::<Result<Bytes, Error>>()).boxed()) } else { response })
}

/// Is this the document or the documentation? They are beside the operations, to be read.
fn is_beside(path: &str) -> bool {
    path.starts_with("/docs/") || ["/", "/docs", "/openapi.json", "/openapi-3.0.json"].contains(&path)
}

/// The methods that this path has, as `Allow` tells them.
fn allowed(request: &ServiceRequest) -> Option<String> {
    if is_beside(request.path()) {
        return Some("GET, HEAD, OPTIONS".to_owned());
    }
    let methods = request.app_data::<Data<Offer>>()?.at(request.path())?;
    let head = methods.contains_key("GET").then_some("HEAD");
    Some(methods.keys().copied().chain(head).chain(["OPTIONS"]).collect::<Vec<_>>().join(", "))
}

/// The refusal of a method that this path does not have.
fn not_allowed(allowed: String) -> Problem {
    Problem::new(&kinds::METHOD_NOT_ALLOWED).header(header::ALLOW, allowed)
}

fn is_among(allowed: &str, method: &str) -> bool {
    allowed.split(", ").any(|allowed| allowed == method)
}

/// Answers `OPTIONS`, which the browser also asks before it lets a page of another site send a request.
fn options(request: &ServiceRequest) -> Result<HttpResponse, Problem> {
    let allowed = allowed(request).ok_or_else(|| Problem::new(&kinds::NOT_FOUND))?;
    if let Some(method) = cors::preflight(request) {
        if !is_among(&allowed, method) {
            return Err(not_allowed(allowed));
        }
        cors::check(request, method)?;
    }
    Ok(HttpResponse::NoContent().insert_header((header::ALLOW, allowed)).finish())
}

/// Counts a request of which nobody is identified: for its address.
fn count_unidentified(request: &ServiceRequest) -> Result<(), Problem> {
    let gate = request.app_data::<Data<Gate>>().ok_or_else(|| Problem::new(&kinds::INTERNAL))?;
    let address = gate.limits.address(request.peer_addr(), request.headers());
    let Some((told, refusal)) = gate.limits.count(&Who::Address(address), Use::of(request.method(), request.path())) else { return Ok(()) };
    request.extensions_mut().insert(told);
    refusal.map_or(Ok(()), Err)
}

/// Refuses a request that cannot be understood, whoever asks.
fn check_shape(request: &ServiceRequest) -> Result<(), Problem> {
    if request.query_string().len() > LONGEST {
        let said = Said::new("A query string may have 8192 bytes.", "Une chaîne de paramètres peut avoir 8192 octets.");
        return Err(Problem::errors(&kinds::INVALID_PARAMETERS, vec![Wrong::parameter("", "too_long", said)]));
    }
    if accept::coding(request.headers()).is_none() {
        let said = Said::new(
            "Accept-Encoding refuses every answer there is: br, zstd, gzip, deflate, and identity, which is the answer as it is.",
            "Accept-Encoding refuse toute réponse possible : br, zstd, gzip, deflate, et identity, qui est la réponse telle quelle.",
        );
        return Err(Problem::new(&kinds::NOT_ACCEPTABLE).saying(said));
    }
    // The router would decode an escaped path, but no path of this service needs an escape. So such a path does not exist.
    if request.path().contains('%') { Err(Problem::new(&kinds::NOT_FOUND)) } else { Ok(()) }
}

/// Who asks, where a caller is identified; or the refusal.
async fn admit(request: &mut ServiceRequest) -> Result<Option<Who>, Problem> {
    let method = if request.method() == Method::HEAD { Method::GET } else { request.method().clone() };
    check_shape(request).map_err(|problem| count_unidentified(request).err().unwrap_or(problem))?;
    let who = identify(request).await?;
    // A path with a word of its own (`/action-fiches/transitions`) must not reach the route with an `{id}`.
    let offered = request.app_data::<Data<Offer>>().and_then(|offer| offer.at(request.path()));
    let known = offered.map_or(!is_beside(request.path()) || method == Method::GET, |methods| methods.contains_key(method.as_str()));
    if !known {
        return Err(not_allowed(allowed(request).unwrap_or_default()));
    }
    if let Some(offered) = offered.and_then(|methods| methods.get(method.as_str())) {
        let known = &offered.parameters;
        let asked: Vec<(String, String)> = serde_html_form::from_str(request.query_string()).unwrap_or_default();
        if asked.len() > PARAMETERS {
            let said = Said::new("At most 50 parameters.", "50 paramètres au plus.");
            return Err(Problem::errors(&kinds::INVALID_PARAMETERS, vec![Wrong::parameter("", "too_many", said)]));
        }
        let strange = asked.iter().filter(|(name, _)| !known.iter().any(|known| known == name.strip_suffix("[]").unwrap_or(name)));
        let errors: Vec<Wrong> = strange.enumerate().map(|(index, (name, _))| unknown(name, if index < LIKENED { known } else { &[] })).collect();
        if !errors.is_empty() {
            return Err(Problem::errors(&kinds::INVALID_PARAMETERS, errors));
        }
        if request.query_string().split('&').any(|pair| percent_decode_str(pair).decode_utf8().is_err()) {
            return Err(Problem::new(&kinds::INVALID_PARAMETERS).saying(Said::new("Is not UTF-8.", "N'est pas de l'UTF-8.")));
        }
        if !accept::takes(request.headers(), &offered.served) {
            let served = offered.served.join(", ");
            let said = Said::new(format!("Served here: {served}."), format!("Servi ici : {served}."));
            return Err(Problem::new(&kinds::NOT_ACCEPTABLE).saying(said));
        }
        request.extensions_mut().insert(offered.intake);
    }
    if request.method() == Method::HEAD {
        request.head_mut().method = Method::GET;
    }
    Ok(who)
}

/// Identifies the caller, and counts the request for the limits of the caller.
async fn identify(request: &mut ServiceRequest) -> Result<Option<Who>, Problem> {
    let api = request.path().starts_with("/api/");
    if !(api || request.path().starts_with("/oauth/")) {
        // Probes of the health are never refused.
        return if is_beside(request.path()) { count_unidentified(request).map(|()| None) } else { Ok(None) };
    }
    let bug = || Problem::new(&kinds::INTERNAL);
    let gate = request.app_data::<Data<Gate>>().cloned().ok_or_else(bug)?;
    let address = gate.limits.address(request.peer_addr(), request.headers());
    let mut identified = Ok(());
    let mut who = Who::Address(address);
    let mut lineage = None;
    let what = Use::of(request.method(), request.path());
    if let Some(authorization) = request.headers().get(header::AUTHORIZATION).filter(|_| api) {
        let db = request.app_data::<Data<Db>>().cloned().ok_or_else(bug)?;
        match gate.caller(authorization.as_bytes(), address, what, &db).await {
            Ok(caller) => {
                if let Caller::Known(known) = &caller {
                    who = known.who.clone();
                    lineage = known.lineage.clone();
                }
                request.extensions_mut().insert(caller);
            }
            Err(problem) => identified = Err(problem),
        }
    }
    if let Some((told, refusal)) = gate.limits.count(&who, what) {
        request.extensions_mut().insert(told);
        refusal.map_or(Ok(()), Err)?;
    }
    lineage.as_deref().and_then(|lineage| gate.limits.count_together(lineage, what)).map_or(Ok(()), Err)?;
    identified?;
    // What is bounded at once is bounded for an administrator and the keys that came to be by it together.
    let all = match (lineage, who) {
        (Some(lineage), _) => Who::Lineage(lineage),
        (None, Who::Key(key)) => Who::Lineage(key.to_string()),
        (None, Who::Identity(name)) => Who::Lineage(name),
        (None, who) => who,
    };
    request.extensions_mut().insert(all.clone());
    Ok(Some(all))
}

/// The fault of an unknown parameter, with the one among these that is most like it.
fn unknown(name: &str, known: &[String]) -> Wrong {
    let name: String = name.chars().take(60).collect();
    let most = 3.max(name.len() / 3);
    let near = known.iter().filter(|known| known.len().abs_diff(name.len()) <= most);
    let nearest = near.map(|known| (strsim::damerau_levenshtein(&name, known), known)).min();
    let said = match nearest {
        Some((distance, nearest)) if distance <= most => Said::new(
            format!("Is not a parameter here; did you mean {nearest}?"),
            format!("N'est pas un paramètre ici ; vouliez-vous dire {nearest} ?"),
        ),
        _ => Said::new("Is not a parameter here.", "N'est pas un paramètre ici."),
    };
    Wrong::parameter(name, "unknown_parameter", said)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use actix_web::{
        App, Responder, get,
        http::StatusCode,
        middleware::from_fn,
        post,
        test::{TestRequest, call_service, init_service},
    };
    use serde_json::{Value, json};
    use utoipa_actix_web::AppExt;

    use super::*;
    use crate::{
        http::{Json, auth::Known, idempotency},
        rights::Rights,
    };

    const BULK: Intake = Intake { max_bytes: 1024 * 1024, max_seconds: 60, idempotency_key: false };

    #[utoipa::path(extensions(("x-intake" = json!(BULK))))]
    #[post("/bulk")]
    async fn bulk(body: Json<Value>) -> Result<impl Responder, Problem> {
        Ok(body.valid()?.to_string())
    }

    #[utoipa::path]
    #[post("/usual")]
    async fn usual(body: Json<Value>) -> Result<impl Responder, Problem> {
        Ok(body.valid()?.to_string())
    }

    #[utoipa::path(responses((status = OK, content_type = "text/csv", body = String)))]
    #[get("/file")]
    async fn file() -> impl Responder {
        "a;b"
    }

    #[utoipa::path(responses((status = OK, content_type = "application/json", body = String)))]
    #[get("/thing")]
    async fn thing() -> impl Responder {
        "{}"
    }

    /// Sends a request to a service with these operations, from a known or an unknown caller.
    async fn ask(request: TestRequest, known: bool) -> StatusCode {
        let (app, document) = App::new().into_utoipa_app().service(bulk).service(usual).service(file).service(thing).split_for_parts();
        let app = app.app_data(Data::new(Offer::of(&document).unwrap())).wrap(from_fn(idempotency::once)).wrap(from_fn(guard));
        let request = request.to_request();
        if known {
            let known = Known::new("x".to_owned(), None, Rights::default());
            request.extensions_mut().insert(Caller::Known(Arc::new(known)));
        }
        call_service(&init_service(app).await, request).await.status()
    }

    fn post(path: &str, length: usize) -> TestRequest {
        TestRequest::post()
            .uri(path)
            .insert_header((header::CONTENT_TYPE, "application/json"))
            .set_payload(format!("{{\"a\":\"{}\"}}", "x".repeat(length)))
    }

    #[actix_web::test]
    async fn an_operation_has_a_largest_body_of_its_own() {
        for (path, length, due) in [("/usual", 200_000, 200), ("/usual", 300_000, 413), ("/bulk", 300_000, 200), ("/bulk", 1_100_000, 413)] {
            assert_eq!(ask(post(path, length), false).await, due, "{path} {length}");
        }
    }

    /// There is no database here: so a request that is to be done once fails, and any other one is done.
    #[actix_web::test]
    async fn an_operation_may_keep_nothing_for_an_idempotency_key() {
        for (path, due) in [("/usual", 500), ("/bulk", 200)] {
            assert_eq!(ask(post(path, 10).insert_header((idempotency::IDEMPOTENCY_KEY, "k")), true).await, due, "{path}");
        }
    }

    #[actix_web::test]
    async fn an_operation_has_media_types_of_its_own() {
        for (path, accepted, due) in [
            ("/thing", "application/json", 200),
            ("/thing", "text/csv", 406),
            ("/thing", "*/*", 200),
            ("/thing", "text/*", 406),
            ("/thing", "text/html, Application/JSON;indent=2;q=0.1", 200),
            ("/thing", "application/*; q=0", 406),
            ("/thing", "application/ld+json", 406),
            ("/thing", " ", 200),
            ("/thing", "nonsense", 406),
            ("/file", "text/csv", 200),
            ("/file", "text/*", 200),
            ("/file", "text/csv;q=0", 406),
            ("/file", "text/html", 406),
            ("/file", "application/json", 200),
        ] {
            let request = TestRequest::get().uri(path).insert_header((header::ACCEPT, accepted));
            assert_eq!(ask(request, false).await, due, "{path} {accepted}");
        }
    }

    #[test]
    fn what_is_not_understood_of_a_body_is_told_at_the_start() {
        let (_, mut document) = App::new().into_utoipa_app().service(usual).split_for_parts();
        let operation = document.paths.paths.get_mut("/usual").and_then(|item| item.post.as_mut()).unwrap();
        operation.extensions.get_or_insert_default().insert(Intake::EXTENSION.to_owned(), json!({ "max_byte": 3 }));
        assert!(Offer::of(&document).is_err());
    }
}
