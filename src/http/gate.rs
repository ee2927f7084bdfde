//! Verifies the credential of a request. A verified credential is remembered for less than a second: so a revoked one ends everywhere
//! within a second.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use actix_web::http::header;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{
    Problem, Result,
    auth::{Caller, Known, Secret},
    kinds,
    limit::{Limits, Use},
    oidc::{Issuers, Refused},
    seal::Seal,
    token::{Allows, Token},
};
use crate::{
    db::Db,
    rights::{Rights, Role, Subject},
    schema::api_keys,
    values::Id,
};

/// For how long a verified credential is not verified again. A revoked credential ends everywhere within a second.
const HOLDS: Duration = Duration::from_millis(500);
/// For how long the service remembers that a credential was valid. Its bearer is not counted with a neighbour behind the same address who
/// sends wrong ones.
const REMEMBERED: Duration = Duration::from_secs(600);
/// The most credentials that are remembered.
const MOST: usize = 1000;

/// What a process needs to identify callers.
pub struct Gate {
    /// The limits of requests.
    pub limits: Limits,
    /// The issuers whose tokens are accepted.
    pub issuers: Issuers,
    /// Seals access tokens, together with the stored hash of a key.
    seal: Seal,
    /// The lifetime of access tokens, in seconds.
    lifetime: i64,
    /// The verified credentials, by their digest.
    verified: Mutex<HashMap<[u8; 32], Verified>>,
}

/// A verified caller, and when it was verified.
struct Verified {
    known: Arc<Known>,
    at: Instant,
}

/// A new access token.
pub struct Given {
    /// The token.
    pub token: String,
    /// The lifetime of the token, in seconds.
    pub expires_in: i64,
    /// The roles of the token.
    pub roles: Vec<Role>,
}

impl Gate {
    /// A gate that remembers nobody yet.
    pub fn new(limits: Limits, issuers: Issuers, seal: Seal, lifetime: u32) -> Self {
        Self { limits, issuers, seal, lifetime: lifetime.into(), verified: Mutex::default() }
    }

    /// Identifies the caller of a request. An `Authorization` that is not valid is refused, even where none is needed. A valid one passes, even
    /// from an address that sent too many wrong ones; how many such an address may try is bounded.
    pub async fn caller(&self, authorization: &[u8], address: IpAddr, what: Use, db: &Db) -> Result<Caller> {
        let digest: [u8; 32] = Sha256::digest(authorization).into();
        let (known, valid_lately) = self.remembered(&digest);
        if let Some(known) = known {
            return Ok(Caller::Known(known));
        }
        if !valid_lately {
            self.limits.may_try(address, what)?;
        }
        self.look(digest, authorization, db).await.map_err(|problem| self.refuse(problem, address))
    }

    /// Identifies the reader of a stream again. A credential that has ended meanwhile is no wrong one: it is not counted.
    pub async fn again(&self, authorization: &[u8], db: &Db) -> Result<Caller> {
        let digest: [u8; 32] = Sha256::digest(authorization).into();
        match self.remembered(&digest) {
            (Some(known), _) => Ok(Caller::Known(known)),
            (None, _) => self.look(digest, authorization, db).await,
        }
    }

    async fn look(&self, digest: [u8; 32], authorization: &[u8], db: &Db) -> Result<Caller> {
        match self.verify(authorization, db).await {
            Ok(known) => {
                let known = Arc::new(known);
                self.remember(digest, &known);
                Ok(Caller::Known(known))
            }
            Err(problem) => {
                self.forget(&digest);
                Err(problem)
            }
        }
    }

    /// Gives an access token for a key: with the requested roles, or with all roles of the key.
    pub async fn exchange(&self, secret: &Secret, asked: Option<&[Role]>, db: &Db) -> Result<Given> {
        let (key, rights) = self.holder(&secret.public_id, |key, now| key.opens(&secret.hash(), now).then_some(None), db).await?;
        let roles = match asked {
            Some(roles) if roles.iter().all(|role| rights.anywhere(*role)) => roles.to_vec(),
            Some(_) => return Err(Problem::new(&kinds::INSUFFICIENT_ROLE)),
            None => rights.held().iter().map(|held| held.role).collect(),
        };
        let mut once: Vec<Role> = Vec::new();
        roles.into_iter().for_each(|role| {
            if !once.contains(&role) {
                once.push(role)
            }
        });
        let now = Utc::now();
        let ends = [key.expires_at, key.previous_until.filter(|_| !key.is_current(&secret.hash()))];
        let left = ends.into_iter().flatten().map(|end| (end - now).num_seconds()).min();
        let expires_in = left.map_or(self.lifetime, |left| left.min(self.lifetime));
        let allows = Allows { roles: once, ends: now.timestamp() + expires_in };
        let token = allows.token(&key.public_id, &secret.hash(), &self.seal);
        Ok(Given { token, expires_in, roles: allows.roles })
    }

    /// Counts a wrong credential from this address, and returns the refusal.
    pub fn refuse(&self, problem: Problem, address: IpAddr) -> Problem {
        if problem.kind() == &kinds::INVALID_TOKEN { self.limits.failed(address, problem) } else { problem }
    }

    async fn verify(&self, authorization: &[u8], db: &Db) -> Result<Known> {
        let text = std::str::from_utf8(authorization).map_err(|_| refused())?;
        let (_, shown) = text.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).ok_or_else(refused)?;
        let shown = shown.trim();
        if let Some(secret) = Secret::parse(shown) {
            let (key, rights) = self.holder(&secret.public_id, |key, now| key.opens(&secret.hash(), now).then_some(None), db).await?;
            return Ok(Known::new(key.name, Some(key.id), rights).of_lineage(key.lineage));
        }
        if Token::is_one(shown) {
            let token = Token::parse(shown).ok_or_else(refused)?;
            let proves = |key: &Row, now: DateTime<Utc>| {
                let allows = key.hashes(now).find_map(|kept| token.open(kept, &self.seal)).filter(|_| key.lives(now))?;
                (1..=self.lifetime).contains(&(allows.ends - now.timestamp())).then_some(Some(allows.roles))
            };
            let (key, rights) = self.holder(token.public_id, proves, db).await?;
            return Ok(Known::new(key.name, Some(key.id), rights).of_lineage(key.lineage));
        }
        if self.issuers.is_empty() {
            return Err(refused());
        }
        let identity = self.issuers.identity(shown).await.map_err(|why| match why {
            Refused::Token => refused(),
            Refused::Away => Problem::new(&kinds::UNAVAILABLE).header(header::RETRY_AFTER, "10"),
        })?;
        let subject = Subject::Claims { issuer: &identity.issuer, claims: &identity.claims };
        let rights = db.run(async |conn| -> Result<_> { Ok(Rights::of(&subject, conn).await?) }).await?;
        Ok(Known::new(identity.name, None, rights))
    }

    /// Finds the key with this public identifier and its rights, if the proof is right. The rights are limited to the roles that the proof
    /// names, if it names any. An unknown key takes as much time as a wrong secret.
    async fn holder(&self, public_id: &str, proves: impl Fn(&Row, DateTime<Utc>) -> Option<Option<Vec<Role>>>, db: &Db) -> Result<(Row, Rights)> {
        let (key, rights) = db
            .run(async |conn| -> Result<(Row, Rights)> {
                let found = api_keys::table.filter(api_keys::public_id.eq(public_id)).select(Row::as_select());
                let key: Option<Row> = found.first(conn).await.optional()?;
                let (known, key) = (key.is_some(), key.unwrap_or_else(Row::nobody));
                let roles = proves(&key, Utc::now()).filter(|_| known).ok_or_else(refused)?;
                let mut rights = Rights::of(&Subject::Key(key.id), conn).await?;
                if let Some(roles) = roles {
                    rights = rights.narrowed(&roles, conn).await?;
                }
                Ok((key, rights))
            })
            .await?;
        if key.last_used_at.is_none_or(|at| Utc::now() - at > chrono::Duration::minutes(1)) {
            note_use(db.clone(), key.id);
        }
        Ok((key, rights))
    }

    /// The caller, if this credential was verified just now; and whether it was valid lately.
    fn remembered(&self, digest: &[u8; 32]) -> (Option<Arc<Known>>, bool) {
        let verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        let found = verified.get(digest);
        let fresh = found.filter(|found| found.at.elapsed() < HOLDS).map(|found| Arc::clone(&found.known));
        (fresh, found.is_some_and(|found| found.at.elapsed() < REMEMBERED))
    }

    fn remember(&self, digest: [u8; 32], known: &Arc<Known>) {
        let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        for kept in [REMEMBERED, HOLDS] {
            if verified.len() >= MOST {
                verified.retain(|_, one| one.at.elapsed() < kept);
            }
        }
        if verified.len() < MOST || verified.contains_key(&digest) {
            verified.insert(digest, Verified { known: Arc::clone(known), at: Instant::now() });
        }
    }

    fn forget(&self, digest: &[u8; 32]) {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner).remove(digest);
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = api_keys, check_for_backend(diesel::pg::Pg))]
struct Row {
    id: Id,
    public_id: String,
    name: String,
    secret_hash: Vec<u8>,
    previous_hash: Option<Vec<u8>>,
    previous_until: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
    lineage: Option<String>,
}

impl Row {
    /// A row for a key that does not exist: the check takes the same time.
    fn nobody() -> Self {
        Self {
            id: Id::new(),
            public_id: String::new(),
            name: String::new(),
            secret_hash: vec![0; 32],
            previous_hash: None,
            previous_until: None,
            expires_at: None,
            revoked_at: None,
            last_used_at: None,
            lineage: None,
        }
    }

    /// The hashes of the valid secrets: the present one, and the previous one while it is still valid.
    fn hashes(&self, now: DateTime<Utc>) -> impl Iterator<Item = &[u8]> {
        let previous = self.previous_hash.as_deref().filter(|_| self.previous_until.is_some_and(|until| until > now));
        [Some(self.secret_hash.as_slice()), previous].into_iter().flatten()
    }

    fn is_current(&self, hash: &[u8]) -> bool {
        hash.ct_eq(&self.secret_hash).into()
    }

    /// Is the key valid: neither ended nor revoked?
    fn lives(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| end > now)
    }

    /// Is this the hash of a valid secret of the key?
    fn opens(&self, hash: &[u8], now: DateTime<Utc>) -> bool {
        let one: bool = self.hashes(now).fold(false, |one, kept| one | bool::from(kept.ct_eq(hash)));
        one & self.lives(now)
    }
}

/// The refusal of a credential. It is always the same, whatever is wrong.
fn refused() -> Problem {
    let challenge = "Bearer realm=\"territoires-industrie\", error=\"invalid_token\"";
    Problem::new(&kinds::INVALID_TOKEN).header(header::WWW_AUTHENTICATE, challenge)
}

/// Notes the use of a key, once a minute at most. The request does not wait for it.
fn note_use(db: Db, id: Id) {
    actix_web::rt::spawn(async move {
        let noted = db
            .run(async |conn| -> Result<()> {
                diesel::update(api_keys::table.find(id)).set(api_keys::last_used_at.eq(Utc::now())).execute(conn).await?;
                Ok(())
            })
            .await;
        if let Err(problem) = noted {
            log::warn!("the use of a key was not noted: {problem}");
        }
    });
}
