//! Who asks, and what they may do: a right is a type that a handler's signature names.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, http::header};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{Problem, Result, dress::RequestId, kinds};
use crate::{
    db::{Author, Db},
    schema::api_keys,
    values::Id,
};

/// Who asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Caller {
    /// Anyone: reads what is public.
    #[default]
    Anyone,
    /// The holder of a key.
    Key {
        /// The key.
        id: Id,
        /// Its name.
        name: String,
        /// `editor` or `admin`.
        role: String,
    },
}

impl Caller {
    /// Which view of the data this caller is given.
    pub fn view(&self) -> &'static str {
        match self {
            Self::Anyone => "public",
            Self::Key { .. } => "team",
        }
    }

    /// May it see what is not public?
    pub fn sees_all(&self) -> bool {
        *self != Self::Anyone
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(Ok(request.extensions().get::<Self>().cloned().unwrap_or_default()))
    }
}

/// Proof that the caller may write. It signs what is written.
#[derive(Debug)]
pub struct Editor(Author);

impl std::ops::Deref for Editor {
    type Target = Author;
    fn deref(&self) -> &Author {
        &self.0
    }
}

impl FromRequest for Editor {
    type Error = Problem;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let extensions = request.extensions();
        ready(match extensions.get::<Caller>() {
            Some(Caller::Key { id, name, role }) if role == "editor" || role == "admin" => {
                let request = extensions.get::<RequestId>().map(|id| id.0.clone());
                Ok(Self(Author { name: name.clone(), key: Some(*id), request }))
            }
            Some(Caller::Key { .. }) => Err(Problem::new(&kinds::INSUFFICIENT_ROLE)),
            _ => Err(Problem::new(&kinds::UNAUTHENTICATED).header(header::WWW_AUTHENTICATE, "Bearer realm=\"territoires-industrie\"")),
        })
    }
}

/// A key as it is shown, once: `tdi_`, its public identifier, `_`, its secret and a checksum.
pub struct Secret {
    /// By which it is found. Logs may carry it.
    pub public_id: String,
    /// 256 random bits, in hexadecimal.
    secret: String,
}

impl Secret {
    /// A new one.
    pub fn random() -> Self {
        Self { public_id: hex::encode(rand::random::<[u8; 8]>()), secret: hex::encode(rand::random::<[u8; 32]>()) }
    }

    /// What is kept of it.
    pub fn hash(&self) -> Vec<u8> {
        Sha256::digest(&self.secret).to_vec()
    }

    /// Reads one. The checksum tells a mistyped one from a wrong one, and lets scanners of leaked secrets know ours.
    fn parse(text: &str) -> Option<Self> {
        let (public_id, rest) = text.strip_prefix("tdi_")?.split_once('_')?;
        let (secret, sum) = rest.split_at_checked(64)?;
        let secret = Self { public_id: public_id.to_owned(), secret: secret.to_owned() };
        (secret.sum() == sum && public_id.len() == 16).then_some(secret)
    }

    fn sum(&self) -> String {
        format!("{:08x}", crc32fast::hash(format!("{}_{}", self.public_id, self.secret).as_bytes()))
    }
}

impl std::fmt::Display for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "tdi_{}_{}{}", self.public_id, self.secret, self.sum())
    }
}

type Row = (Id, String, String, Vec<u8>, Option<DateTime<Utc>>, Option<DateTime<Utc>>, Option<DateTime<Utc>>);

/// Who this request comes from. An `Authorization` that is not valid is refused, even where none is needed, with the
/// same answer whatever is wrong with it.
pub async fn caller(authorization: &[u8], db: &Db) -> Result<Caller> {
    let refused = || {
        let challenge = "Bearer realm=\"territoires-industrie\", error=\"invalid_token\"";
        Problem::new(&kinds::INVALID_TOKEN).header(header::WWW_AUTHENTICATE, challenge)
    };
    let text = std::str::from_utf8(authorization).map_err(|_| refused())?;
    let (scheme, token) = text.split_once(' ').ok_or_else(refused)?;
    let secret = Secret::parse(token.trim()).filter(|_| scheme.eq_ignore_ascii_case("bearer")).ok_or_else(refused)?;
    let row = db
        .read(async |conn| -> Result<Option<Row>> {
            let found = api_keys::table.filter(api_keys::public_id.eq(&secret.public_id)).select((
                api_keys::id,
                api_keys::name,
                api_keys::role,
                api_keys::secret_hash,
                api_keys::expires_at,
                api_keys::revoked_at,
                api_keys::last_used_at,
            ));
            Ok(found.first(conn).await.optional()?)
        })
        .await?;
    let (id, name, role, hash, expires_at, revoked_at, last_used_at) = row.ok_or_else(refused)?;
    let same: bool = secret.hash().ct_eq(&hash).into();
    let now = Utc::now();
    if !same || revoked_at.is_some_and(|at| at <= now) || expires_at.is_some_and(|at| at <= now) {
        return Err(refused());
    }
    if last_used_at.is_none_or(|at| now - at > chrono::Duration::minutes(1)) {
        note_use(db.clone(), id);
    }
    Ok(Caller::Key { id, name, role })
}

/// Notes the use of a key, once a minute, out of the way of the request.
fn note_use(db: Db, id: Id) {
    actix_web::rt::spawn(async move {
        let noted = db
            .read(async |conn| -> Result<()> {
                diesel::update(api_keys::table.find(id)).set(api_keys::last_used_at.eq(Utc::now())).execute(conn).await?;
                Ok(())
            })
            .await;
        if let Err(problem) = noted {
            log::warn!("the use of a key was not noted: {problem}");
        }
    });
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn a_key_reads_as_it_is_shown() {
        let secret = Secret::random();
        let shown = secret.to_string();
        assert_eq!(Secret::parse(&shown).unwrap().hash(), secret.hash());
        let mistyped = shown.replace(&shown[30..31], if &shown[30..31] == "0" { "1" } else { "0" });
        assert!(Secret::parse(&mistyped).is_none());
        assert!(Secret::parse("tdi_").is_none() && Secret::parse(&shown[..60]).is_none());
    }
}
