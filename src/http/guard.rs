//! The document, held against each request: paths, methods and parameters that it does not name are refused.

use std::{collections::BTreeMap, ops::Bound};

use actix_web::{
    Error, HttpMessage, HttpRequest, HttpResponse, ResponseError,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, header},
    middleware::Next,
    web::Data,
};
use utoipa::openapi::{OpenApi, RefOr, path::ParameterIn};

use super::{
    Caller, Problem, Said, Wrong,
    gate::Gate,
    kinds,
    limit::{Use, Who},
};
use crate::db::Db;

/// The longest query string.
const LONGEST: usize = 8 * 1024;

/// What the document offers: by path and method, the names of the parameters.
#[derive(Debug, Default)]
pub struct Offer(BTreeMap<String, BTreeMap<&'static str, Vec<String>>>);

impl Offer {
    /// Reads the document.
    pub fn of(document: &OpenApi) -> Self {
        let mut offer = BTreeMap::new();
        for (path, item) in &document.paths.paths {
            let methods = [("GET", &item.get), ("POST", &item.post), ("PUT", &item.put), ("PATCH", &item.patch), ("DELETE", &item.delete)];
            let methods = methods.into_iter().filter_map(|(method, operation)| {
                let parameters = operation.as_ref()?.parameters.iter().flatten().filter_map(|parameter| match parameter {
                    RefOr::T(parameter) => Some(parameter),
                    RefOr::Ref(_) => None,
                });
                let query = parameters.filter(|parameter| parameter.parameter_in == ParameterIn::Query);
                Some((method, query.map(|parameter| parameter.name.clone()).collect()))
            });
            offer.insert(path.clone(), methods.collect());
        }
        Self(offer)
    }

    /// What is offered at a path. One that names a thing by a word of its own comes before one with `{id}`.
    fn at(&self, path: &str) -> Option<&BTreeMap<&'static str, Vec<String>>> {
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
        // What `/api/v1/{noun}` begins with: no pattern has a variable there.
        let noun = path.match_indices('/').nth(3).map_or(path, |(end, _)| &path[..end]);
        let mut of_noun = self.0.range::<str, _>((Bound::Included(noun), Bound::Unbounded)).take_while(|(pattern, _)| pattern.starts_with(noun));
        self.0.get(path).or_else(|| of_noun.find(|(pattern, _)| fits(pattern)).map(|(_, methods)| methods))
    }
}

/// The methods of a path, as `Allow` tells them.
fn allow(methods: &BTreeMap<&'static str, Vec<String>>) -> String {
    let head = methods.contains_key("GET").then_some("HEAD");
    methods.keys().copied().chain(head).chain(["OPTIONS"]).collect::<Vec<_>>().join(", ")
}

/// Answers what no route answers: `OPTIONS` where the document knows the path, else 404.
pub async fn otherwise(request: HttpRequest) -> HttpResponse {
    let offer = request.app_data::<Data<Offer>>();
    match offer.and_then(|offer| offer.at(request.path())) {
        Some(methods) if request.method() == Method::OPTIONS => HttpResponse::NoContent().insert_header((header::ALLOW, allow(methods))).finish(),
        _ => Problem::new(&kinds::NOT_FOUND).error_response(),
    }
}

/// Refuses what the document does not offer, then says who calls. Beside the API (health, documentation) nobody is asked.
pub async fn guard(mut request: ServiceRequest, next: Next<impl MessageBody + 'static>) -> Result<ServiceResponse<BoxBody>, Error> {
    if let Err(problem) = admit(&mut request).await {
        return Ok(request.into_response(problem.error_response()));
    }
    next.call(request).await.map(ServiceResponse::map_into_boxed_body)
}

async fn admit(request: &mut ServiceRequest) -> Result<(), Problem> {
    let method = if request.method() == Method::HEAD { Method::GET } else { request.method().clone() };
    if request.query_string().len() > LONGEST {
        let said = Said::new("A query string may have 8192 bytes.", "Une chaîne de paramètres peut avoir 8192 octets.");
        return Err(Problem::errors(&kinds::INVALID_PARAMETERS, vec![Wrong::parameter("", "too_long", said)]));
    }
    // No path of ours has anything to escape, and the router would read what is escaped: such a path is nowhere.
    if request.path().contains('%') {
        return Err(Problem::new(&kinds::NOT_FOUND));
    }
    identify(request).await?;
    let offered = request.app_data::<Data<Offer>>().and_then(|offer| offer.at(request.path()));
    // A thing by a word of its own (`/action-fiches/transitions`) must not fall to the route of those with an `{id}`.
    if let Some(methods) = offered
        && !methods.contains_key(method.as_str())
        && method != Method::OPTIONS
    {
        return Err(Problem::new(&kinds::METHOD_NOT_ALLOWED).header(header::ALLOW, allow(methods)));
    }
    if let Some(known) = offered.and_then(|methods| methods.get(method.as_str())) {
        let asked: Vec<(String, String)> = serde_html_form::from_str(request.query_string()).unwrap_or_default();
        let strange = asked.iter().filter(|(name, _)| !known.iter().any(|known| known == name.strip_suffix("[]").unwrap_or(name)));
        let errors: Vec<Wrong> = strange.map(|(name, _)| unknown(name, known)).collect();
        if !errors.is_empty() {
            return Err(Problem::errors(&kinds::INVALID_PARAMETERS, errors));
        }
        if request.query_string().split('&').any(|pair| !percent_encoded_utf8(pair)) {
            return Err(Problem::new(&kinds::INVALID_PARAMETERS).saying(Said::new("Is not UTF-8.", "N'est pas de l'UTF-8.")));
        }
        if !accepts_json(request) {
            return Err(Problem::new(&kinds::NOT_ACCEPTABLE));
        }
    }
    if request.method() == Method::HEAD {
        request.head_mut().method = Method::GET;
    }
    Ok(())
}

/// Says who calls, and counts the request among those of the caller.
async fn identify(request: &mut ServiceRequest) -> Result<(), Problem> {
    let api = request.path().starts_with("/api/");
    if !(api || request.path().starts_with("/oauth/")) || request.method() == Method::OPTIONS {
        return Ok(());
    }
    let bug = || Problem::new(&kinds::INTERNAL);
    let gate = request.app_data::<Data<Gate>>().cloned().ok_or_else(bug)?;
    let address = gate.limits.address(request.peer_addr(), request.headers());
    let mut identified = Ok(());
    let mut who = Who::Address(address);
    if let Some(authorization) = request.headers().get(header::AUTHORIZATION).filter(|_| api) {
        let db = request.app_data::<Data<Db>>().cloned().ok_or_else(bug)?;
        match gate.caller(authorization.as_bytes(), address, &db).await {
            Ok(caller) => {
                if let Caller::Known(known) = &caller {
                    who = known.who.clone();
                }
                request.extensions_mut().insert(caller);
            }
            Err(problem) => identified = Err(problem),
        }
    }
    if let Some((told, refusal)) = gate.limits.count(&who, Use::of(request.method(), request.path())) {
        request.extensions_mut().insert(told);
        refusal.map_or(Ok(()), Err)?;
    }
    identified
}

/// Is this pair of a query string UTF-8 once its escapes are read?
fn percent_encoded_utf8(pair: &str) -> bool {
    let mut bytes = pair.bytes();
    let mut plain = Vec::with_capacity(pair.len());
    while let Some(byte) = bytes.next() {
        let escaped = if byte == b'%' { bytes.clone().next().zip(bytes.clone().nth(1)) } else { None };
        let digits = escaped.and_then(|(high, low)| Some((char::from(high).to_digit(16)?, char::from(low).to_digit(16)?)));
        match digits.and_then(|(high, low)| u8::try_from(high * 16 + low).ok()) {
            Some(byte) => {
                plain.push(byte);
                bytes.nth(1);
            }
            None => plain.push(byte),
        }
    }
    std::str::from_utf8(&plain).is_ok()
}

fn accepts_json(request: &ServiceRequest) -> bool {
    let Some(accept) = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok()) else {
        return true;
    };
    let fits = |entry: &str| {
        let (media_type, parameters) = entry.split_once(';').unwrap_or((entry, ""));
        let refused = parameters.split(';').any(|parameter| matches!(parameter.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000"));
        let streamed = request.path().ends_with("/stream") && media_type.trim().eq_ignore_ascii_case("text/event-stream");
        !refused && (streamed || matches!(media_type.trim().to_ascii_lowercase().as_str(), "*/*" | "application/*" | "application/json"))
    };
    accept.trim().is_empty() || accept.split(',').any(fits)
}

/// A parameter that the operation does not have, and the one that was perhaps meant.
fn unknown(name: &str, known: &[String]) -> Wrong {
    let name: String = name.chars().take(100).collect();
    let nearest = known.iter().map(|known| (strsim::damerau_levenshtein(&name, known), known)).min();
    let said = match nearest {
        Some((distance, nearest)) if distance <= 3.max(name.len() / 3) => Said::new(
            format!("Is not a parameter here; did you mean {nearest}?"),
            format!("N'est pas un paramètre ici ; vouliez-vous dire {nearest} ?"),
        ),
        _ => Said::new("Is not a parameter here.", "N'est pas un paramètre ici."),
    };
    Wrong::parameter(name, "unknown_parameter", said)
}
