//! Tokens of identity providers, against an issuer that lies on demand.

use std::{
    net::TcpListener,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use actix_web::{App, HttpResponse, HttpServer, web};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::{StreamExt, stream};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp, jwk::Jwk};
use reqwest::Method;
use rsa::pkcs1::EncodeRsaPrivateKey;
use serde_json::{Value, json};
use territoires_industrie::rights::{NewGrant, Subject};

use crate::support::{Client, House, build, send};

const AUDIENCE: &str = "https://api.example";

/// Who signs tokens.
struct Signer {
    kid: &'static str,
    algorithm: Algorithm,
    key: EncodingKey,
}

impl Signer {
    fn elliptic(kid: &'static str) -> Self {
        let random = ring::rand::SystemRandom::new();
        let key = ring::signature::EcdsaKeyPair::generate_pkcs8(&ring::signature::ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        Self { kid, algorithm: Algorithm::ES256, key: EncodingKey::from_ec_der(key.as_ref()) }
    }

    fn rsa(kid: &'static str) -> Self {
        let key = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).unwrap();
        Self { kid, algorithm: Algorithm::RS256, key: EncodingKey::from_rsa_der(key.to_pkcs1_der().unwrap().as_bytes()) }
    }

    /// Its public key, as an issuer shows it.
    fn shown(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        jwk.common.key_id = Some(self.kid.to_owned());
        json!(jwk)
    }

    fn header(&self) -> Header {
        Header { kid: Some(self.kid.to_owned()), ..Header::new(self.algorithm) }
    }

    fn token(&self, claims: &Value) -> String {
        encode(&self.header(), claims, &self.key).unwrap()
    }
}

/// An issuer on this machine: what it answers can be changed, and is counted.
#[derive(Clone, Default)]
struct Issuer {
    url: String,
    keys: Arc<Mutex<Vec<Value>>>,
    asked: Arc<AtomicU32>,
    /// `redirect`, `huge`, `away`, or as it should.
    mood: Arc<Mutex<&'static str>>,
}

impl Issuer {
    fn start(signers: &[&Signer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let issuer = Self { url, keys: Arc::new(Mutex::new(signers.iter().map(|signer| signer.shown()).collect())), ..Self::default() };
        let this = issuer.clone();
        let server = HttpServer::new(move || {
            let (one, two) = (this.clone(), this.clone());
            let discovery = move || {
                let body = json!({ "issuer": one.url, "jwks_uri": format!("{}/jwks", one.url) });
                async move { HttpResponse::Ok().json(body) }
            };
            let jwks = move || {
                two.asked.fetch_add(1, Ordering::SeqCst);
                let keys = json!({ "keys": *two.keys.lock().unwrap() });
                let answer = match *two.mood.lock().unwrap() {
                    "redirect" => HttpResponse::Found().insert_header(("Location", format!("{}/elsewhere", two.url))).finish(),
                    "huge" => HttpResponse::Ok().json(json!({ "keys": keys["keys"], "more": "x".repeat(70_000) })),
                    "away" => HttpResponse::ServiceUnavailable().finish(),
                    _ => HttpResponse::Ok().json(keys),
                };
                async move { answer }
            };
            App::new()
                .route("/.well-known/openid-configuration", web::get().to(discovery))
                .route("/jwks", web::get().to(jwks.clone()))
                .route("/elsewhere", web::get().to(jwks))
        });
        actix_web::rt::spawn(server.workers(1).disable_signals().listen(listener).unwrap().run());
        issuer
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }

    fn claims(&self) -> Value {
        let now = get_current_timestamp();
        json!({ "iss": self.url, "aud": AUDIENCE, "sub": "camille", "exp": now + 300, "iat": now })
    }

    async fn house(&self) -> House {
        build("territoires_industrie", &["--oidc-issuer", &format!("{}={AUDIENCE}", self.url)]).await
    }
}

/// The same claims, with this one as it is here.
fn with(claims: &Value, name: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims.clone();
    claims[name] = value.into();
    claims
}

fn without(claims: &Value, name: &str) -> Value {
    let mut claims = claims.clone();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn bearer(house: &House, token: &str) -> Client {
    Client { key: Some(token.to_owned()), ..house.anyone.clone() }
}

async fn grant(house: &House, issuer: &str, claim: &str, value: &str, grant: &str) {
    let claims = [(claim.to_owned(), value.to_owned())];
    let subject = Subject::Claims { issuer, claims: &claims };
    NewGrant::parse(grant).unwrap().give(&subject, "tests", &mut house.database().await).await.unwrap();
}

#[actix_web::test]
async fn an_identity_may_do_what_its_claims_were_granted() {
    let (rsa, elliptic) = (Signer::rsa("r"), Signer::elliptic("e"));
    let issuer = Issuer::start(&[&rsa, &elliptic]);
    let house = issuer.house().await;
    let phase = json!({ "number": 7, "name": "Sept" });
    // Known, but granted nothing: it reads what is public.
    let nobody = bearer(&house, &elliptic.token(&issuer.claims()));
    nobody.get("/territories").await.expect(200);
    assert_eq!(nobody.post("/programme-phases", phase.clone()).await.expect(403).body["code"], "insufficient_role");
    // By who it is, and by a group it is in.
    grant(&house, &issuer.url, "sub", "dominique", "approver@nation").await;
    grant(&house, &issuer.url, "groups", "anct", "approver@nation").await;
    grant(&house, "https://elsewhere.example", "sub", "camille", "approver@nation").await;
    let one = bearer(&house, &rsa.token(&with(&issuer.claims(), "sub", "dominique")));
    let made = one.post("/programme-phases", phase).await.expect(201);
    let in_group = with(&issuer.claims(), "groups", json!(["other", "anct"]));
    bearer(&house, &elliptic.token(&in_group)).post("/programme-phases", json!({ "number": 8, "name": "Huit" })).await.expect(201);
    let not_in_group = with(&issuer.claims(), "groups", json!(["anct2", 1, { "anct": "anct" }]));
    bearer(&house, &elliptic.token(&not_in_group)).post("/programme-phases", json!({ "number": 9, "name": "Neuf" })).await.expect(403);
    // The ledger says who it was, and not by its address.
    let made = made.location.unwrap();
    one.patch(&made, Some("\"v1\""), json!({ "name": "x" })).await.expect(200);
    let stale = one.patch(&made, Some("\"v1\""), json!({ "name": "y" })).await.expect(412);
    assert_eq!(stale.body["changes"][0]["author"], "127.0.0.1: dominique");
    // An audience among several, and other names for the type.
    let several = with(&issuer.claims(), "aud", json!(["another", AUDIENCE]));
    let header = Header { typ: Some("at+JWT".to_owned()), ..elliptic.header() };
    bearer(&house, &encode(&header, &several, &elliptic.key).unwrap()).get("/territories").await.expect(200);
}

#[actix_web::test]
async fn forged_tokens_are_refused() {
    let (rsa, stranger) = (Signer::rsa("r"), Signer::rsa("r"));
    let elliptic = Signer::elliptic("e");
    let issuer = Issuer::start(&[&rsa, &elliptic]);
    let attacker = Issuer::start(&[&stranger]);
    let house = issuer.house().await;
    let good = issuer.claims();
    let now = get_current_timestamp();
    bearer(&house, &rsa.token(&good)).get("/territories").await.expect(200);

    let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = |header: Header| encode(&header, &good, &stranger.key).unwrap();
    let modulus = URL_SAFE_NO_PAD.decode(rsa.shown()["n"].as_str().unwrap()).unwrap();
    let hmac = |secret: &[u8]| {
        let header = Header { kid: Some("r".to_owned()), ..Header::new(Algorithm::HS256) };
        encode(&header, &good, &EncodingKey::from_secret(secret)).unwrap()
    };
    let valid = rsa.token(&good);
    let (head, rest) = valid.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    let jwk: Jwk = serde_json::from_value(stranger.shown()).unwrap();
    let forged = [
        ("no algorithm", format!("{}.{}.", encoded(&json!({ "alg": "none", "kid": "r" })), encoded(&good))),
        ("no algorithm, signed", format!("{}.{}.{signature}", encoded(&json!({ "alg": "None", "kid": "r" })), encoded(&good))),
        ("HS256 with the public key", hmac(&modulus)),
        ("HS256 with nothing", hmac(b"")),
        ("an algorithm that is not allowed", encode(&Header { alg: Algorithm::PS256, ..rsa.header() }, &good, &rsa.key).unwrap()),
        ("another audience", rsa.token(&with(&good, "aud", "https://other.example"))),
        ("no audience", rsa.token(&without(&good, "aud"))),
        ("another issuer", stranger.token(&with(&good, "iss", attacker.url.as_str()))),
        ("no issuer", rsa.token(&without(&good, "iss"))),
        ("another type", encode(&Header { typ: Some("logout+jwt".to_owned()), ..rsa.header() }, &good, &rsa.key).unwrap()),
        ("a path for a key", signed(Header { kid: Some("../../etc/passwd".to_owned()), ..rsa.header() })),
        ("a key of its own", signed(Header { jwk: Some(jwk), ..rsa.header() })),
        ("a set of keys of its own", signed(Header { jku: Some(format!("{}/jwks", attacker.url)), ..rsa.header() })),
        ("a certificate of its own", signed(Header { x5u: Some(format!("{}/jwks", attacker.url)), ..rsa.header() })),
        ("another key of the same name", signed(rsa.header())),
        ("the key of another algorithm", encode(&Header { kid: Some("r".to_owned()), ..elliptic.header() }, &good, &elliptic.key).unwrap()),
        ("something that must be understood", encode(&Header { crit: Some(vec!["x".to_owned()]), ..rsa.header() }, &good, &rsa.key).unwrap()),
        ("too long", rsa.token(&with(&good, "padding", "x".repeat(20_000)))),
        ("not yet", rsa.token(&with(&good, "nbf", now + 120))),
        ("no more", rsa.token(&with(&good, "exp", now - 120))),
        ("no end", rsa.token(&without(&good, "exp"))),
        ("nobody", rsa.token(&without(&good, "sub"))),
        ("an empty name", rsa.token(&with(&good, "sub", ""))),
        ("other claims", format!("{head}.{}.{signature}", encoded(&with(&good, "sub", "admin")))),
        ("no signature", format!("{head}.{}.", encoded(&good))),
    ];
    let mut bodies = Vec::new();
    for (what, token) in forged {
        let request = house.anyone.request(Method::GET, "/territories").bearer_auth(token).header("X-Request-Id", "same");
        let answer = send(request).await;
        assert_eq!(answer.status, 401, "{what}");
        bodies.push(answer.body);
    }
    assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "nothing tells what was wrong");
    assert_eq!(attacker.asked(), 0, "nobody else is asked for keys");
    bearer(&house, &valid).get("/territories").await.expect(200);
}

#[actix_web::test]
async fn clocks_may_differ_by_a_minute() {
    let signer = Signer::elliptic("e");
    let issuer = Issuer::start(&[&signer]);
    let house = issuer.house().await;
    for (name, offset, status) in [("exp", -57, 200), ("exp", -63, 401), ("nbf", 57, 200), ("nbf", 63, 401)] {
        let at = get_current_timestamp().checked_add_signed(offset).unwrap();
        let token = signer.token(&with(&issuer.claims(), name, at));
        bearer(&house, &token).get("/territories").await.expect(status);
    }
}

#[actix_web::test]
async fn keys_change_and_nobody_valid_is_refused() {
    let (old, new) = (Signer::elliptic("old"), Signer::elliptic("new"));
    let issuer = Issuer::start(&[&old]);
    let house = issuer.house().await;
    bearer(&house, &old.token(&issuer.claims())).get("/territories").await.expect(200);
    assert_eq!(issuer.asked(), 1);
    issuer.keys.lock().unwrap().push(new.shown());
    // All at once, with the key that is not known yet.
    let tokens: Vec<Client> = (0..50).map(|n| bearer(&house, &new.token(&with(&issuer.claims(), "sub", format!("{n}"))))).collect();
    let answers = stream::iter(&tokens).map(|client| client.get("/territories")).buffer_unordered(50).collect::<Vec<_>>().await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    bearer(&house, &old.token(&issuer.claims())).get("/territories").await.expect(200);
    assert_eq!(issuer.asked(), 2);
    // Away, it is not needed for the keys that are known.
    *issuer.mood.lock().unwrap() = "away";
    for signer in [&old, &new] {
        bearer(&house, &signer.token(&with(&issuer.claims(), "jti", "away"))).get("/territories").await.expect(200);
    }
    bearer(&house, &Signer::elliptic("newer").token(&issuer.claims())).get("/territories").await.expect(401);
}

#[actix_web::test]
async fn a_flood_of_unknown_keys_asks_the_issuer_twice() {
    let signer = Signer::elliptic("e");
    let issuer = Issuer::start(&[&signer]);
    let house = issuer.house().await;
    let begun = Instant::now();
    let claims = URL_SAFE_NO_PAD.encode(issuer.claims().to_string());
    let refused = stream::iter(0..10_000)
        .map(|number| {
            let header = URL_SAFE_NO_PAD.encode(json!({ "alg": "ES256", "typ": "JWT", "kid": format!("k{number}") }).to_string());
            let token = format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode([7; 64]));
            let request = house.http.get(house.at("/territories")).bearer_auth(token);
            async move { request.send().await.unwrap().status().as_u16() }
        })
        .buffer_unordered(64)
        .filter(|status| std::future::ready(*status == 401))
        .count()
        .await;
    assert_eq!(refused, 10_000);
    let windows = u32::try_from(begun.elapsed().as_secs() / 10).unwrap();
    assert!(issuer.asked() <= 2 + windows, "{} in {:?}", issuer.asked(), begun.elapsed());
    bearer(&house, &signer.token(&issuer.claims())).get("/territories").await.expect(200);
}

#[actix_web::test]
async fn an_issuer_that_misbehaves_gives_no_keys() {
    let signer = Signer::elliptic("e");
    for mood in ["redirect", "huge", "away"] {
        let issuer = Issuer::start(&[&signer]);
        *issuer.mood.lock().unwrap() = mood;
        let house = issuer.house().await;
        let client = bearer(&house, &signer.token(&issuer.claims()));
        let begun = Instant::now();
        let refused = client.get("/territories").await.expect(503);
        assert!(refused.header("retry-after").parse::<u32>().is_ok() && begun.elapsed() < Duration::from_secs(4));
        // It is left alone for a while, and its tokens wait; keys are none of its business.
        *issuer.mood.lock().unwrap() = "";
        client.get("/territories").await.expect(503);
        assert_eq!(issuer.asked(), 1, "{mood}");
        house.get("/territories").await.expect(200);
    }
    let nowhere = Issuer { url: "http://127.0.0.1:9".to_owned(), ..Issuer::default() };
    let house = nowhere.house().await;
    bearer(&house, &signer.token(&nowhere.claims())).get("/territories").await.expect(503);
}
