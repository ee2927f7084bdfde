//! OAuth 2.0: a client exchanges its key for an access token that ends within the hour (client credentials, RFC 6749 section 4.4). The
//! token has the roles of the key, or fewer. Refusals have the form of that standard.

use actix_web::{HttpRequest, HttpResponse, Responder, body::BoxBody, get, http::header, post, web::Data};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    db::Db,
    http::{Form, Momentary, Problem, Result, Site, auth::Secret, dress::AsItIs, gate::Gate, kinds},
    rights::{Role, RoleWords},
    values::{Code, Vocabulary},
};

/// The form of a request for an access token.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the shape of a form, for the document; it is read as pairs")]
pub struct TokenRequest {
    /// Always `client_credentials`.
    #[schema(max_length = 100, pattern = "^client_credentials$")]
    grant_type: String,
    /// The public identifier of the key: the sixteen characters after `tdi_`. Left out when HTTP Basic gives it, which is better.
    #[schema(max_length = 100)]
    client_id: Option<String>,
    /// The whole key, or the part after its last `_`. Left out when HTTP Basic gives it.
    #[schema(max_length = 200)]
    client_secret: Option<String>,
    /// The roles that the token is limited to, separated by spaces. Left out: all roles of the key.
    #[schema(max_length = 200, pattern = "^(reader|editor|approver|admin)( (reader|editor|approver|admin))*$")]
    scope: Option<String>,
}

/// An access token (RFC 6749 section 5.1).
#[derive(Debug, Serialize, ToSchema)]
pub struct AccessToken {
    /// The token, to be sent as `Authorization: Bearer …`.
    #[schema(max_length = 200)]
    access_token: String,
    /// Always `Bearer`.
    #[schema(max_length = 10)]
    token_type: &'static str,
    /// The lifetime of the token, in seconds.
    expires_in: i64,
    /// The roles of the token, separated by spaces.
    #[schema(max_length = 200)]
    scope: String,
}

/// The refusal of a token (RFC 6749 section 5.2).
#[derive(Debug, Serialize, ToSchema)]
pub struct OauthError {
    /// The code: `invalid_request`, `invalid_client`, `unsupported_grant_type` or `invalid_scope`.
    #[schema(max_length = 100)]
    error: &'static str,
    /// What is wrong, in English.
    #[schema(max_length = 500)]
    error_description: &'static str,
}

/// What a client must know to get a token (RFC 8414).
#[derive(Debug, Serialize, ToSchema)]
pub struct AuthorizationServer {
    /// The address of the service, as issuer of the tokens.
    #[schema(max_length = 1000)]
    issuer: String,
    /// The address at which a token is requested.
    #[schema(max_length = 1000)]
    token_endpoint: String,
    /// The ways to get a token: `client_credentials`.
    #[schema(max_items = 10)]
    grant_types_supported: Vec<Code>,
    /// How a client authenticates.
    #[schema(max_items = 10)]
    token_endpoint_auth_methods_supported: Vec<Code>,
    /// Always empty: users do not sign in here.
    #[schema(max_items = 10)]
    response_types_supported: Vec<Code>,
    /// The roles that a token may be limited to.
    #[schema(max_items = 10)]
    scopes_supported: Vec<Role>,
    /// The address of the documentation.
    #[schema(max_length = 1000)]
    service_documentation: String,
}

/// The answers of the token endpoint.
enum Answer {
    Given(AccessToken),
    Refused(&'static str, &'static str),
}

impl Responder for Answer {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let (mut response, body) = match &self {
            Self::Given(token) => (HttpResponse::Ok(), json!(token)),
            Self::Refused(error, error_description) => {
                let mut response = HttpResponse::BadRequest();
                if *error == "invalid_client" {
                    response.status(actix_web::http::StatusCode::UNAUTHORIZED);
                    response.insert_header((header::WWW_AUTHENTICATE, "Basic realm=\"territoires-industrie\""));
                }
                (response, json!(OauthError { error, error_description }))
            }
        };
        response.insert_header((header::CACHE_CONTROL, "no-store")).insert_header((header::PRAGMA, "no-cache"));
        let mut response = response.insert_header((header::CONTENT_TYPE, "application/json")).body(body.to_string());
        response.extensions_mut().insert(AsItIs);
        response
    }
}

/// Registers the operations, which stand beside `/api/v1`.
pub fn routes(routes: &mut ServiceConfig) {
    routes.service(create_oauth_token).service(read_oauth_authorization_server);
}

/// Exchange a key for an access token
///
/// OAuth 2.0 client credentials (RFC 6749 section 4.4). `client_id` is the public identifier of the key; `client_secret` is the whole key,
/// or the part after its last `_`. Both are sent by HTTP Basic, or in the form. `scope` lists roles; it can only limit the roles of the
/// key. The token ends after its lifetime, and earlier when the key or the secret it was given for ends.
#[utoipa::path(
    request_body(content = TokenRequest, content_type = "application/x-www-form-urlencoded"),
    responses((status = OK, body = AccessToken), (status = BAD_REQUEST, body = OauthError), (status = UNAUTHORIZED, body = OauthError))
)]
#[post("/oauth/token")]
async fn create_oauth_token(db: Data<Db>, gate: Data<Gate>, request: HttpRequest, form: Form) -> Result<Answer> {
    let asked = match read(&request, &form) {
        Ok(asked) => asked,
        Err((error, about)) => return Ok(Answer::Refused(error, about)),
    };
    let address = gate.limits.address(request.peer_addr(), request.headers());
    let given = match asked.secret {
        Some(secret) => gate.exchange(&secret, asked.roles.as_deref(), &db).await,
        None => Err(Problem::new(&kinds::INVALID_TOKEN)),
    };
    match given.map_err(|problem| gate.refuse(problem, address)) {
        Ok(given) => {
            let scope = given.roles.iter().map(Role::code).collect::<Vec<_>>().join(" ");
            Ok(Answer::Given(AccessToken { access_token: given.token, token_type: "Bearer", expires_in: given.expires_in, scope }))
        }
        Err(problem) if problem.kind() == &kinds::INVALID_TOKEN => {
            Ok(Answer::Refused("invalid_client", "There is no such key, or it holds no more."))
        }
        Err(problem) if problem.kind() == &kinds::INSUFFICIENT_ROLE => Ok(Answer::Refused("invalid_scope", "The key does not hold these roles.")),
        Err(problem) => Err(problem),
    }
}

/// The request of a client, once it was read.
struct Asked {
    /// The secret; none when the credentials cannot be those of a key.
    secret: Option<Secret>,
    roles: Option<Vec<Role>>,
}

fn read(request: &HttpRequest, form: &Form) -> std::result::Result<Asked, (&'static str, &'static str)> {
    let pairs = form.pairs().ok_or(("invalid_request", "The body is a form: application/x-www-form-urlencoded."))?;
    let one = |name: &str| {
        let mut values = pairs.iter().filter(|(other, value)| other == name && !value.is_empty());
        match (values.next(), values.next()) {
            (value, None) => Ok(value.map(|(_, value)| value.as_str())),
            _ => Err(("invalid_request", "A parameter is given more than once.")),
        }
    };
    let (grant_type, id, secret, scope) = (one("grant_type")?, one("client_id")?, one("client_secret")?, one("scope")?);
    match grant_type {
        Some("client_credentials") => {}
        Some(_) => return Err(("unsupported_grant_type", "Only client_credentials is.")),
        None => return Err(("invalid_request", "grant_type is missing.")),
    }
    let basic = request.headers().get(header::AUTHORIZATION).and_then(|value| basic(value.as_bytes()));
    let (id, secret) = match (basic, id, secret) {
        (Some(_), _, Some(_)) => return Err(("invalid_request", "A client shows who it is in one way.")),
        (Some((id, _)), Some(other), None) if id != other => return Err(("invalid_request", "client_id is another one.")),
        (Some(shown), _, None) => shown,
        (None, Some(id), Some(secret)) => (id.to_owned(), secret.to_owned()),
        (None, ..) => return Err(("invalid_client", "A key is needed, by HTTP Basic or as client_id and client_secret.")),
    };
    let whole = if secret.starts_with("tdi_") { secret } else { format!("tdi_{id}_{secret}") };
    let roles = scope.map(|scope| scope.split(' ').filter(|role| !role.is_empty()).map(Role::parse).collect::<std::result::Result<Vec<_>, _>>());
    let roles = roles.transpose().map_err(|_| ("invalid_scope", "A scope is a role: reader, editor, approver or admin."))?;
    Ok(Asked { secret: Secret::parse(&whole).filter(|secret| secret.public_id == id), roles })
}

/// The identifier and the secret in `Authorization: Basic`.
fn basic(value: &[u8]) -> Option<(String, String)> {
    let (scheme, encoded) = std::str::from_utf8(value).ok()?.split_once(' ')?;
    let decoded = STANDARD.decode(encoded.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let (id, secret) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

/// Read where and how a client gets a token
///
/// The metadata of an OAuth 2.0 authorization server (RFC 8414).
#[utoipa::path(responses((status = OK, body = AuthorizationServer)))]
#[get("/.well-known/oauth-authorization-server")]
async fn read_oauth_authorization_server(site: Data<Site>) -> Momentary<AuthorizationServer> {
    let codes = |codes: &[&str]| codes.iter().filter_map(|code| Code::parse(code).ok()).collect();
    Momentary(AuthorizationServer {
        issuer: site.url.clone(),
        token_endpoint: format!("{}/oauth/token", site.url),
        grant_types_supported: codes(&["client_credentials"]),
        token_endpoint_auth_methods_supported: codes(&["client_secret_basic", "client_secret_post"]),
        response_types_supported: Vec::new(),
        scopes_supported: RoleWords::WORDS.iter().filter_map(|(code, _)| Role::parse(code).ok()).collect(),
        service_documentation: format!("{}/docs/", site.url),
    })
}
