//! The document: what is true of every operation is said here, once. `guard` holds requests against it.

mod components;
mod older;

use utoipa::{
    OpenApi,
    openapi::{
        self, HeaderBuilder, Info, License, ObjectBuilder, Ref, RefOr, Required, ResponseBuilder, Schema, Tag,
        path::{Operation, Parameter, ParameterBuilder, ParameterIn, ParameterStyle, PathItem},
        schema::{AdditionalProperties, ArrayBuilder, KnownFormat, SchemaFormat, SchemaType, Type},
        security::{ClientCredentials, Flow, HttpAuthScheme, HttpBuilder, OAuth2, Scopes, SecurityRequirement, SecurityScheme},
    },
};

use crate::{
    api,
    http::{ProblemDocument, ProblemError, idempotency},
    rights::{Role, RoleWords},
    values::{Day, Id, Many, Vocabulary},
};

pub use older::older;

/// Where the API begins.
pub const BASE: &str = "/api/v1";

const ABOUT: &str = "\
The information system of the French programme **Territoires d'industrie**: territories, partners, people, committees, \
meetings, events, agreements and action fiches with their money, each with its sources and its history.

- Reading what is public needs no key. Else `Authorization: Bearer …`: a key, an access token given for it at `/oauth/token`, or a token of an identity \
provider; what is not valid is refused everywhere. A key or an identity holds roles (`reader`, `editor`, `approver`, `admin`), each over a perimeter \
(the nation, a region, a department, a territory, one fiche). `x-role` says which role an operation needs; what one may not see is 404, as if it did not \
exist.
- Answers tell how often one may ask (`RateLimit-Policy`) and how much of it is left (`RateLimit`); one request too many is a 429 with `Retry-After`.
- Lists: filter by field (`kind=company,association`), with `__ne`, `__gte`, `__gt`, `__lte`, `__lt`, `__null`; search with `q`; order with `sort`; \
take related things along with `include`; follow `links.next`; ask for the exact total with `count=true`.
- What it looked like then: `as_of=2026-06-30` (the end of that day in Paris) or an instant, on every list and thing, with all that comes along. What \
was answered once is answered for ever, but for what is not public any more. What was not there then is 404.
- Each thing has a `version`, and `ETag: \"v<version>\"`; the tag of an answer that came compressed is weak (`W/\"v<version>\"`). To change or delete \
it, send either in `If-Match`. To read it again cheaply, in `If-None-Match`.
- Addresses are ASCII: accents and spaces are escaped (`q=Alen%C3%A7on`). An accent that is left as it is (UTF-8) is read as if it were escaped, \
but not after a body was sent on the same connection; a space is not. What is not written as HTTP/1.1 has it is refused with 400, a head with more \
than 96 headers or 128 KB with 431, and the connection ends.
- `PATCH` is a JSON merge patch (RFC 7396): what is left out stays, `null` empties.
- Each thing has its `history`, and can be restored to any of its versions. `GET /changes` tells all that has changed since, \
from which a copy can be kept; `GET /changes/stream` tells it as it happens.
- Every refusal is a problem document (RFC 9457), in French with `Accept-Language: fr`, and tells everything that is wrong at once.
- This document is `/openapi.json` (OpenAPI 3.1); `/openapi-3.0.json` says the same to tools that do not know 3.1.
- Days are `YYYY-MM-DD` (suffix `_on`), instants RFC 3339 in UTC (suffix `_at`), amounts euros (suffix `_eur`).";

/// What has operations and is no noun that the ledger keeps: its tag, what it is about, and the role that it is for.
const BESIDE: [(&str, &str, &str); 9] = [
    ("regions", "Regions of the official geographic code, by year (régions).", ""),
    ("departments", "Departments of the official geographic code, by year (départements).", ""),
    ("intercommunalities", "Intercommunalities, by year, with where they are (EPCI, EPT).", ""),
    ("communes", "Communes, by year, with their old codes (communes).", ""),
    ("changes", "What has changed since: the feed, the same as a stream, and the proof that a copy is exact (flux des modifications).", ""),
    ("api-keys", "API keys, for the administrators within whose perimeters they lie (clés d'API).", "admin"),
    ("grants", "Who may do what, where, from when to when (habilitations).", "admin"),
    ("oauth", "Access tokens (OAuth 2.0).", ""),
    ("health", "Is the service alive, is it ready?", ""),
];

/// Each tag, what it is about, and the role that writes it.
fn tags() -> impl Iterator<Item = (String, &'static str, &'static str)> {
    let nouns = api::NOUNS.iter().map(|face| (face.card.name(), face.card.about, face.role.code()));
    nouns.chain(BESIDE.iter().map(|(name, about, role)| ((*name).to_owned(), *about, *role)))
}

#[derive(OpenApi)]
#[openapi(components(schemas(ProblemDocument, ProblemError, Id, Day, crate::values::Amount)))]
struct Shared;

/// The document to begin with, before the operations come in.
pub fn shared() -> openapi::OpenApi {
    Shared::openapi()
}

/// Completes the document once all operations are in it.
pub fn complete(mut document: openapi::OpenApi) -> openapi::OpenApi {
    let mut info = Info::new("Territoires d'industrie", env!("CARGO_PKG_VERSION"));
    info.description = Some(ABOUT.to_owned());
    info.license = Some({
        let mut license = License::new("MIT");
        license.identifier = Some("MIT".to_owned());
        license
    });
    document.info = info;
    document.servers = Some(vec![openapi::Server::new("/")]);
    document.tags = Some(
        tags()
            .map(|(name, about, _)| {
                let mut tag = Tag::new(name);
                tag.description = Some(about.to_owned());
                tag
            })
            .collect(),
    );
    let components = document.components.get_or_insert_default();
    let key = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("tdi_…").description(Some("An API key.")).build();
    components.add_security_scheme("key", SecurityScheme::Http(key));
    components.add_security_scheme("oauth2", tokens(""));
    let about = "A token of an identity provider that the service was told of (OpenID Connect).";
    let identity = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").description(Some(about)).build();
    components.add_security_scheme("identity", SecurityScheme::Http(identity));
    let client = HttpBuilder::new().scheme(HttpAuthScheme::Basic).description(Some("A key: its public identifier and the rest of it.")).build();
    components.add_security_scheme("client", SecurityScheme::Http(client));
    patches(components);
    pages(components);
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            operation_of(path, method, operation, components);
        }
    }
    components::share_parameters(&mut document);
    document
}

/// How a key is exchanged for an access token, at a service with this address.
fn tokens(url: &str) -> SecurityScheme {
    let scopes = RoleWords::WORDS.iter().map(|(role, label)| ((*role).to_owned(), (*label).to_owned()));
    let flow = Flow::ClientCredentials(ClientCredentials::new(format!("{url}/oauth/token"), Scopes::from_iter(scopes)));
    SecurityScheme::OAuth2(OAuth2::with_description([flow], "An access token, given for a key."))
}

/// Says in the document how the service is reached from outside.
pub fn at(document: &mut openapi::OpenApi, url: &str) {
    document.servers = Some(vec![openapi::Server::new(url)]);
    document.components.get_or_insert_default().add_security_scheme("oauth2", tokens(url));
}

/// The operations of a path, each with its method.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let all = [("GET", &mut item.get), ("POST", &mut item.post), ("PUT", &mut item.put), ("PATCH", &mut item.patch), ("DELETE", &mut item.delete)];
    all.into_iter().filter_map(|(method, operation)| operation.as_mut().map(|operation| (method, operation)))
}

fn is_named(parameter: &RefOr<Parameter>, name: &str) -> bool {
    matches!(parameter, RefOr::T(parameter) if parameter.name == name)
}

/// The noun that a path is of; what is beside the API has one of its own.
fn noun(path: &str) -> &str {
    let noun = path.strip_prefix(BASE).unwrap_or(path).split('/').nth(1).unwrap_or_default();
    if noun == ".well-known" { "oauth" } else { noun }
}

/// The role that an operation needs: that of who writes its noun. Keys and grants are read by nobody else, either.
fn role_for(noun: &str, method: &str) -> Option<&'static str> {
    let role = tags().find(|(tag, ..)| tag == noun).map(|(.., role)| role)?;
    (!role.is_empty() && (method != "GET" || role == "admin")).then_some(role)
}

/// `*`, or ETags separated by commas, as `http::tag` reads them.
const TAGS: &str = r#"^(\*|(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)$"#;

/// What follows from an operation's own shape.
fn operation_of(path: &str, method: &str, operation: &mut Operation, components: &mut openapi::Components) {
    let noun = noun(path);
    operation.tags = Some(vec![noun.to_owned()]);
    // What holds for this moment has no tag.
    // A page that is put together of many things has no version of its own.
    let page = ["/overview", "/dossier", "/funding", "/perimeter", "/plan"].iter().any(|end| path.ends_with(end));
    let momentary = page || matches!(noun, "health" | "changes");
    let body = operation.request_body.is_some();
    let one = path.contains("{id}");
    let locked =
        operation.parameters.iter().flatten().any(|parameter| is_named(parameter, "If-Match")) || matches!(method, "PATCH" | "PUT" | "DELETE");
    let coded = path.contains("{code}");
    let code = match noun {
        "regions" => "RegionCode",
        "departments" => "DepartmentCode",
        "communes" => "CommuneCode",
        _ => "Siren",
    };
    for (name, about, schema) in [("id", "The thing.", "Id"), ("part_id", "The part of it.", "Id"), ("code", "Its code, or its SIREN.", code)] {
        let known = operation.parameters.iter().flatten().any(|parameter| is_named(parameter, name));
        if path.contains(&format!("{{{name}}}")) && !known {
            let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Path).required(Required::True);
            let parameter = parameter.description(Some(about)).schema(Some(Ref::from_schema_name(schema)));
            operation.parameters.get_or_insert_default().insert(0, parameter.build().into());
        }
    }
    if noun == "changes" {
        for parameter in operation.parameters.iter_mut().flatten().filter(|parameter| is_named(parameter, "noun")) {
            let RefOr::T(parameter) = parameter else { continue };
            let names = api::names();
            let most = names.len();
            let name = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names));
            let names = ArrayBuilder::new().items(name.build()).min_items(Some(1)).max_items(Some(most)).unique_items(true);
            parameter.schema = Some(names.into());
            (parameter.style, parameter.explode) = (Some(ParameterStyle::Form), Some(false));
        }
    }
    if locked {
        // What was deleted has no version to name.
        let restores = path.ends_with("/restore");
        let required = if restores { Required::False } else { Required::True };
        let parameter = ParameterBuilder::new().name("If-Match").parameter_in(ParameterIn::Header).required(required);
        let mut about = "The version that is meant, as its `ETag` says it: `\"v12\"`.".to_owned();
        if restores {
            about.push_str(" Needed unless it is deleted.");
        }
        let schema = ObjectBuilder::new().schema_type(Type::String).max_length(Some(200)).pattern(Some(TAGS)).examples(["\"v1\""]);
        let parameter = parameter.description(Some(about)).schema(Some(schema)).build();
        let parameters = operation.parameters.get_or_insert_default();
        parameters.retain(|parameter| !is_named(parameter, "If-Match"));
        parameters.push(parameter.into());
    }
    if method == "POST" && noun != "oauth" {
        let about = "Names the request, so that it is done once, however often it is sent within a day: sent again, it is answered as it was, with \
            `Idempotent-Replayed: true`. What was refused is tried again.";
        let schema =
            ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(idempotency::LONGEST)).pattern(Some("^[!-~]+$"));
        let parameter = ParameterBuilder::new().name("Idempotency-Key").parameter_in(ParameterIn::Header).required(Required::False);
        operation.parameters.get_or_insert_default().push(parameter.description(Some(about)).schema(Some(schema)).build().into());
    }
    // A merge moves the things of many, so it is decided, whoever writes the noun.
    let merges = path.ends_with("/merge") || path.ends_with("/unmerge");
    let role = if merges { Some(Role::APPROVER.code()) } else { role_for(noun, method) };
    if let Some(role) = role {
        operation.extensions.get_or_insert_default().insert("x-role".to_owned(), role.into());
    }
    let needs = |schemes: &[&str]| schemes.iter().map(|scheme| SecurityRequirement::new(*scheme, [] as [&str; 0])).collect::<Vec<_>>();
    operation.security = Some(match (noun, role) {
        (_, Some(_)) => needs(&["key", "oauth2", "identity"]),
        // The client may be in the form as well.
        ("oauth", None) if method == "POST" => [needs(&["client"]), vec![SecurityRequirement::default()]].concat(),
        _ => vec![SecurityRequirement::default()],
    });
    let beside = matches!(noun, "health" | "oauth");
    // Keys and grants have no version: what is said of them holds for the moment.
    let versioned = !beside && !momentary && (role != Some("admin") || method == "GET" && !one);

    for (status, response) in &mut operation.responses.responses {
        let RefOr::T(response) = response else { continue };
        if response.description.is_empty() {
            response.description = match status.as_str() {
                "201" => "Made.",
                "204" => "Done.",
                _ => "As asked.",
            }
            .to_owned();
        }
        let mut header = |name: &str, about: &str| {
            let text = ObjectBuilder::new().schema_type(Type::String).max_length(Some(20_000));
            let header = HeaderBuilder::new().schema(Some(text)).description(Some(about)).build();
            response.headers.insert(name.to_owned(), header.into());
        };
        if matches!(status.as_str(), "200" | "201") && versioned {
            header("ETag", "The version, for If-Match and If-None-Match.");
        }
        if status.starts_with('2') && method == "POST" && noun != "oauth" {
            header("Idempotent-Replayed", "`true` where it was answered so before.");
        }
        if status == "201" {
            header("Location", "Its address.");
        }
    }
    let unchanged = (method == "GET" && versioned).then_some(("304", "Not modified: the client has it already."));
    if let Some((status, about)) = unchanged {
        operation.responses.responses.insert(status.to_owned(), ResponseBuilder::new().description(about).build().into());
    }
    // Of nouns, partners alone are merged.
    let moves = method == "GET" && noun == "partners" && one && !path.ends_with("/history");
    let refusals = [
        ("308", "Merged", moves, "It was merged into another one: Location tells where that is."),
        ("400", "BadRequest", !beside, "Not understood."),
        ("401", "Unauthenticated", !beside, "No valid key."),
        ("403", "Forbidden", role.is_some(), "The key does not allow it."),
        ("404", "NotFound", one || coded, "There is no such thing."),
        ("406", "NotAcceptable", true, "None of the accepted media types is served."),
        ("408", "RequestTimeout", body, "The body came too slowly."),
        ("409", "Conflict", body && !beside || method == "DELETE", "In conflict with what is there."),
        ("410", "Gone", one, "It was deleted."),
        ("410", "ExpiredCursor", noun == "changes", "The cursor has expired: `restart` tells where to start again."),
        ("412", "Stale", locked || unchanged.is_some(), "Another version stands: the answer tells which, and who made it."),
        ("413", "PayloadTooLarge", body, "The body is too large."),
        ("415", "UnsupportedMediaType", body && !beside, "The body is not JSON."),
        ("422", "InvalidBody", body && !beside, "Understood, but against a rule: all that is wrong, at once."),
        ("428", "PreconditionRequired", locked, "If-Match is needed."),
        ("429", "TooManyRequests", noun != "health" && !path.starts_with("/.well-known/"), "Too many requests: Retry-After tells when to ask again."),
        ("503", "Unavailable", true, "Unavailable for the moment; Retry-After tells when to try again."),
    ];
    for (status, name, applies, about) in refusals {
        if applies {
            operation.responses.responses.insert(status.to_owned(), components::problem(name, about, components));
        }
    }
}

/// In a patch, a member may be null only where the thing's own member may be. Inputs take no other members.
fn patches(components: &mut openapi::Components) {
    let names: Vec<String> = components.schemas.keys().cloned().collect();
    for name in names {
        let input = name.starts_with("New") || name.ends_with("Patch");
        let thing = name.strip_suffix("Patch").map(str::to_owned);
        let nullable: Vec<String> = thing.and_then(|thing| components.schemas.get(&thing)).map(nullable_members).unwrap_or_default();
        let Some(RefOr::T(Schema::Object(schema))) = components.schemas.get_mut(&name) else { continue };
        if input {
            schema.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
        }
        if name.ends_with("Patch") {
            schema.required.clear();
            for (member, of) in &mut schema.properties {
                if !nullable.contains(member) {
                    never_null(of);
                }
            }
        }
    }
}

/// A page names its rows by reference, so that a client has one type for them; what may come along is there or is not,
/// but is never null; an instant and a short list have a length.
fn pages(components: &mut openapi::Components) {
    let names: Vec<String> = components.schemas.keys().cloned().collect();
    for name in names {
        match components.schemas.get_mut(&name) {
            Some(RefOr::T(Schema::Object(schema))) => {
                schema.properties.values_mut().for_each(bounded);
                let row = name.strip_prefix("Page_").map(Ref::from_schema_name);
                if let (Some(row), Some(RefOr::T(Schema::Array(data)))) = (row, schema.properties.get_mut("data")) {
                    data.items = row.into();
                }
            }
            Some(RefOr::T(Schema::Array(list))) if name.starts_with("Many_") => list.max_items = Some(Many::<Id>::MOST),
            Some(RefOr::T(Schema::AllOf(whole))) => {
                for item in &mut whole.items {
                    if let RefOr::T(Schema::Object(along)) = item {
                        along.properties.values_mut().for_each(never_null);
                    }
                }
            }
            _ => {}
        }
    }
}

fn bounded(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::Object(object)) if matches!(&object.format, Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))) => {
            object.max_length = Some(40);
        }
        RefOr::T(Schema::OneOf(one)) => one.items.iter_mut().for_each(bounded),
        _ => {}
    }
}

fn nullable_members(schema: &RefOr<Schema>) -> Vec<String> {
    let RefOr::T(Schema::Object(schema)) = schema else { return Vec::new() };
    schema.properties.iter().filter(|(_, of)| may_be_null(of)).map(|(name, _)| name.clone()).collect()
}

fn is_null(schema: &RefOr<Schema>) -> bool {
    matches!(schema, RefOr::T(Schema::Object(object)) if object.schema_type == SchemaType::Type(Type::Null))
}

fn may_be_null(schema: &RefOr<Schema>) -> bool {
    match schema {
        RefOr::T(Schema::OneOf(one)) => one.items.iter().any(is_null),
        RefOr::T(Schema::Object(object)) => matches!(&object.schema_type, SchemaType::Array(types) if types.contains(&Type::Null)),
        _ => false,
    }
}

fn never_null(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::OneOf(one)) => {
            one.items.retain(|item| !is_null(item));
            if one.items.len() == 1
                && let Some(only) = one.items.pop()
            {
                *schema = only;
            }
        }
        RefOr::T(Schema::Object(object)) => never_null_type(&mut object.schema_type),
        RefOr::T(Schema::Array(array)) => never_null_type(&mut array.schema_type),
        _ => {}
    }
}

fn never_null_type(schema_type: &mut SchemaType) {
    if let SchemaType::Array(types) = schema_type {
        types.retain(|of| *of != Type::Null);
        if let [only] = types.as_slice() {
            *schema_type = SchemaType::Type(only.clone());
        }
    }
}

/// METHOD, path, operation and who may call it, one line each: what a reviewer reads.
pub fn summary(document: &openapi::OpenApi) -> String {
    let mut document = document.clone();
    let mut lines: Vec<String> = Vec::new();
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            let who = operation.extensions.as_ref().and_then(|more| more.get("x-role")?.as_str()).unwrap_or("anyone");
            lines.push(format!("{method:<6} {path:<60} {:<34} {who}\n", operation.operation_id.clone().unwrap_or_default()));
        }
    }
    lines.concat()
}
