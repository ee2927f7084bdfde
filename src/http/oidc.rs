//! Tokens of identity providers (OpenID Connect): the identity that a token vouches for, and its claims. A token has no say in how it is
//! verified: the issuers, their audience and the algorithms are settings, and the keys come only from the address of the issuer.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, Header, Validation, dangerous, decode, decode_header, jwk};
use reqwest::{Client, Url, redirect};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use crate::config::OidcIssuer;

/// The longest token that is read.
const LONGEST: usize = 8 * 1024;
/// The most by which clocks may differ, in seconds.
const SKEW: u64 = 60;
/// The longest time that an issuer may take to answer, and the largest answer.
const WAIT: Duration = Duration::from_secs(2);
const MOST: usize = 64 * 1024;
/// The time after which keys are asked for again; and the time for which the last keys are used when the issuer is away.
const FRESH: Duration = Duration::from_secs(15 * 60);
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// The shortest time between two requests for keys, when a token names an unknown key or when the issuer is away.
const COOL: Duration = Duration::from_secs(10);
/// The most keys of an issuer, the most claims of a token, and the longest name and value of a claim.
const KEYS: usize = 100;
const CLAIMS: usize = 256;
const NAME: usize = 100;
const VALUE: usize = 1000;
/// The longest `sub` (OpenID Connect Core 2).
const SUB: usize = 255;
/// The shortest modulus of an RSA key, in bytes of base64: 2048 bits.
const MODULUS: usize = 342;

/// The identity that a token vouches for.
#[derive(Debug, PartialEq, Eq)]
pub struct Identity {
    /// The name: the host and the path of the issuer, and the `sub` of the identity.
    pub name: String,
    /// The issuer that vouches for the identity.
    pub issuer: String,
    /// The claims: each text, and each text of a list.
    pub claims: Vec<(String, String)>,
}

/// Why a token is refused.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// The token is not valid.
    Token,
    /// The keys of the issuer are not known, and the issuer does not answer.
    Away,
}

/// The issuers whose tokens are accepted.
pub struct Issuers(Vec<Arc<Issuer>>);

impl Issuers {
    /// The issuers of the settings, with these algorithms. An issuer is asked nothing before one of its tokens comes. The error tells what
    /// is wrong in the settings.
    pub fn new(issuers: &[OidcIssuer], algorithms: &[String]) -> Result<Self, String> {
        let algorithms = algorithms.iter().map(|name| {
            let algorithm: Algorithm = name.trim().parse().map_err(|_| format!("{name} is no algorithm"))?;
            let secret = algorithm.family() == AlgorithmFamily::Hmac;
            if secret { Err(format!("{name} is signed with a shared secret: only public keys are used")) } else { Ok(algorithm) }
        });
        let algorithms = algorithms.collect::<Result<Vec<_>, _>>()?;
        // rustls needs one provider of cryptography in the process. If one is installed already, it is the same one.
        drop(rustls::crypto::ring::default_provider().install_default());
        let issuers = issuers.iter().map(|issuer| Issuer::new(issuer, algorithms.clone()).map(Arc::new));
        Ok(Self(issuers.collect::<Result<_, _>>()?))
    }

    /// Are there no issuers?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The addresses of the issuers.
    pub fn urls(&self) -> Vec<&str> {
        self.0.iter().map(|issuer| issuer.url.as_str()).collect()
    }

    /// The identity that this token vouches for.
    pub async fn identity(&self, token: &str) -> Result<Identity, Refused> {
        #[derive(Deserialize)]
        struct Peek {
            iss: String,
        }
        let wrong = |_| Refused::Token;
        if token.len() > LONGEST {
            return Err(Refused::Token);
        }
        let header = decode_header(token).map_err(wrong)?;
        // A token of another type (a logout, an event) is refused. Some issuers give access tokens no type.
        let typ = header.typ.as_deref().unwrap_or("JWT").to_ascii_lowercase();
        if !matches!(typ.trim_start_matches("application/"), "jwt" | "at+jwt") || header.crit.is_some() {
            return Err(Refused::Token);
        }
        let peek: Peek = dangerous::insecure_decode_claims(token).map_err(wrong)?;
        let issuer = self.0.iter().find(|issuer| issuer.url == peek.iss && issuer.algorithms.contains(&header.alg)).ok_or(Refused::Token)?;
        let key = issuer.key(&header).await?;
        let claims: Map<String, Value> = decode(token, &key.key, &issuer.validation(header.alg)).map_err(wrong)?.claims;
        let sub = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
        if sub.is_empty() || sub.len() > SUB || sub.chars().any(char::is_control) {
            return Err(Refused::Token);
        }
        Ok(Identity { name: format!("{}: {sub}", issuer.name), issuer: issuer.url.clone(), claims: texts(&claims) })
    }
}

/// The claims that are texts or lists of texts, within the limits of number and length.
fn texts(claims: &Map<String, Value>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (name, value) in claims.iter().filter(|(name, _)| name.len() <= NAME) {
        let values = match value {
            Value::Array(values) => values.as_slice(),
            value => std::slice::from_ref(value),
        };
        let values = values.iter().filter_map(Value::as_str).filter(|value| (1..=VALUE).contains(&value.len()));
        found.extend(values.map(|value| (name.clone(), value.to_owned())).take(CLAIMS - found.len()));
    }
    found
}

/// A public key of an issuer.
struct Key {
    kid: Option<String>,
    /// The algorithm of the key, if the issuer names one.
    algorithm: Option<Algorithm>,
    key: DecodingKey,
}

impl Key {
    /// Reads a key. A key that is not for signatures, or is too weak, is skipped.
    fn read(value: &Value) -> Option<Self> {
        let jwk: jwk::Jwk = serde_json::from_value(value.clone()).ok()?;
        let weak = match &jwk.algorithm {
            jwk::AlgorithmParameters::RSA(rsa) => rsa.n.len() < MODULUS,
            jwk::AlgorithmParameters::OctetKey(_) => true,
            _ => false,
        };
        let signs = jwk.common.public_key_use.as_ref().is_none_or(|of| *of == jwk::PublicKeyUse::Signature);
        let algorithm = match jwk.common.key_algorithm {
            Some(algorithm) => Some(Algorithm::try_from(algorithm).ok()?),
            None => None,
        };
        let key = DecodingKey::from_jwk(&jwk).ok().filter(|_| signs && !weak)?;
        Some(Self { kid: jwk.common.key_id, algorithm, key })
    }

    fn fits(&self, algorithm: Algorithm) -> bool {
        self.key.family() == algorithm.family() && self.algorithm.is_none_or(|own| own == algorithm)
    }
}

/// The keys of an issuer, and when it gave them.
struct Keys {
    keys: Vec<Arc<Key>>,
    read_at: Instant,
}

impl Keys {
    /// The key that a token names; if it names none, the only key that fits.
    fn find(&self, header: &Header) -> Option<Arc<Key>> {
        let mut fitting = self.keys.iter().filter(|key| key.fits(header.alg) && (header.kid.is_none() || key.kid == header.kid));
        let key = fitting.next()?;
        fitting.next().is_none().then(|| Arc::clone(key))
    }
}

/// An identity provider.
struct Issuer {
    url: String,
    name: String,
    audience: String,
    algorithms: Vec<Algorithm>,
    client: Client,
    keys: RwLock<Option<Arc<Keys>>>,
    /// How often the issuer was asked for its keys.
    asked: AtomicU64,
    /// Locked while the issuer is asked. Holds the instant since when it must not be asked again.
    asking: Arc<Mutex<Option<Instant>>>,
}

/// The discovery document of an issuer.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

/// Checks an address for keys: it must be https, or on this machine, so that nobody can change the keys on the way.
fn safe(url: &str) -> Result<Url, String> {
    let parsed: Url = url.parse().map_err(|error| format!("{url}: {error}"))?;
    if parsed.scheme() == "https" || parsed.scheme() == "http" && is_loopback(&parsed) { Ok(parsed) } else { Err(format!("{url}: https is needed")) }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl Issuer {
    fn new(issuer: &OidcIssuer, algorithms: Vec<Algorithm>) -> Result<Self, String> {
        let url = safe(&issuer.url)?;
        // A connection belongs to the thread that opened it. So none is kept for a request on another thread.
        let client = Client::builder().redirect(redirect::Policy::none()).timeout(WAIT).pool_max_idle_per_host(0);
        let client = if is_loopback(&url) { client.no_proxy() } else { client };
        let client = client.build().map_err(|error| format!("{url}: {error}"))?;
        // Several issuers may share a host.
        let name = format!("{}{}", url.host_str().unwrap_or_default(), url.path().trim_end_matches('/'));
        let (keys, asked, asking) = (RwLock::default(), AtomicU64::new(0), Arc::default());
        Ok(Self { url: issuer.url.clone(), name, audience: issuer.audience.clone(), algorithms, client, keys, asked, asking })
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        validation.leeway = SKEW;
        validation.validate_nbf = true;
        validation.set_audience(&[&self.audience]);
        validation.set_issuer(&[&self.url]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation
    }

    /// The known keys, unless they are too old.
    fn known(&self) -> Option<Arc<Keys>> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner).clone();
        keys.filter(|keys| keys.read_at.elapsed() < KEPT)
    }

    /// The key of a token. An unknown key is asked for, but not too often.
    async fn key(self: &Arc<Self>, header: &Header) -> Result<Arc<Key>, Refused> {
        let asked = self.asked.load(Ordering::Acquire);
        if let Some(keys) = self.known()
            && let Some(key) = keys.find(header)
        {
            if keys.read_at.elapsed() > FRESH {
                actix_web::rt::spawn(Arc::clone(self).ask(asked, true));
            }
            return Ok(key);
        }
        // Runs on a task of its own: a client that disconnects does not stop the question in the middle.
        let known = self.known().is_some();
        drop(actix_web::rt::spawn(Arc::clone(self).ask(asked, known)).await);
        self.known().ok_or(Refused::Away)?.find(header).ok_or(Refused::Token)
    }

    /// Asks for the keys, unless another request did so meanwhile (the count is above `asked`), or just before.
    async fn ask(self: Arc<Self>, asked: u64, known: bool) {
        let mut left_alone = self.asking.lock().await;
        if self.asked.load(Ordering::Acquire) != asked || left_alone.is_some_and(|since| since.elapsed() < COOL) {
            return;
        }
        let read = self.read().await;
        // The first keys may lack the key that a token named. Then the issuer may be asked again at once.
        *left_alone = (known || read.is_err()).then(Instant::now);
        match read {
            Ok(keys) => *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(keys)),
            Err(error) => log::warn!("the keys of {} could not be read: {error}", self.url),
        }
        self.asked.fetch_add(1, Ordering::Release);
    }

    async fn read(&self) -> Result<Keys, String> {
        let discovery: Discovery = self.get(safe(&format!("{}/.well-known/openid-configuration", self.url.trim_end_matches('/')))?).await?;
        if discovery.issuer != self.url {
            return Err("it calls itself otherwise".to_owned());
        }
        let set: Set = self.get(safe(&discovery.jwks_uri)?).await?;
        let keys: Vec<Arc<Key>> = set.keys.iter().take(KEYS).filter_map(Key::read).map(Arc::new).collect();
        if keys.is_empty() { Err("it has no key for signatures".to_owned()) } else { Ok(Keys { keys, read_at: Instant::now() }) }
    }

    async fn get<T: DeserializeOwned>(&self, url: Url) -> Result<T, String> {
        let mut response = self.client.get(url).send().await.map_err(|error| error.to_string())?;
        if !response.status().is_success() {
            return Err(format!("it answered {}", response.status()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| error.to_string())? {
            body.extend_from_slice(&chunk);
            if body.len() > MOST {
                return Err("it says too much".to_owned());
            }
        }
        serde_json::from_slice(&body).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn issuers(url: &str, algorithm: &str) -> Result<Issuers, String> {
        Issuers::new(&[OidcIssuer { url: url.to_owned(), audience: "api".to_owned() }], &[algorithm.to_owned()])
    }

    #[test]
    fn an_issuer_is_asked_in_safety_alone() {
        for url in ["http://localhost:3000", "http://127.0.0.1:3000/realm", "http://[::1]:3000"] {
            assert!(issuers(url, "RS256").is_ok(), "{url}");
        }
        for url in ["http://example.org", "ftp://localhost", "localhost", "http://localhost.example.org"] {
            assert!(issuers(url, "RS256").is_err(), "{url}");
        }
        assert!(issuers("http://localhost", "HS256").is_err() && issuers("http://localhost", "none").is_err());
    }

    #[test]
    fn texts_alone_are_claims_and_only_so_many() {
        let claims = json!({ "sub": "a", "groups": ["x", 1, "y"], "exp": 1, "admin": true, "long": "l".repeat(1001), "nested": { "role": "admin" } });
        let pairs = [("sub", "a"), ("groups", "x"), ("groups", "y")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(texts(claims.as_object().unwrap()), pairs);
        let many = json!({ "groups": (0..1000).map(|number| number.to_string()).collect::<Vec<_>>(), "more": "x" });
        assert_eq!(texts(many.as_object().unwrap()).len(), CLAIMS);
    }
}
