//! Who asks, and what they may do: a right is a type that a handler's signature names.

use std::{
    future::{Ready, ready},
    marker::PhantomData,
    ops::Deref,
    sync::Arc,
};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, http::header};
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{Problem, Result, dress::RequestId, kinds};
use crate::{
    db::{Author, Db},
    rights::{Place, Reach, Rights, Role, Subject},
    schema::api_keys,
    values::Id,
};

/// Who asks.
#[derive(Debug, Clone, Default)]
pub enum Caller {
    /// Anyone: reads what is public.
    #[default]
    Anyone,
    /// Who showed a key or a token.
    Known(Arc<Known>),
}

/// Who showed a key or a token, with the rights that go with it.
#[derive(Debug)]
pub struct Known {
    /// As the ledger says it.
    pub name: String,
    /// The key, where it was one.
    pub key: Option<Id>,
    /// What it may do and see.
    pub rights: Rights,
    /// Tells its view of the data from others.
    view: String,
}

impl Known {
    /// Who goes by this name, with these rights.
    pub fn new(name: String, key: Option<Id>, rights: Rights) -> Self {
        let reach = &rights.reach;
        let view = match reach {
            Reach { everything: true, .. } => String::new(),
            reach if reach.is_public() => PUBLIC.to_owned(),
            reach => format!(".{}", hex::encode(&Sha256::digest(format!("{reach:?}"))[..4])),
        };
        Self { name, key, rights, view }
    }
}

/// The view of anyone.
const PUBLIC: &str = ".pub";

/// What anyone may see.
static NOTHING_MORE: Reach =
    Reach { everything: false, territories: Vec::new(), teams: Vec::new(), regions: Vec::new(), fiches: Vec::new(), approver: false };

impl Caller {
    /// Which view of the data this caller is given: callers of one view are answered alike. Ends each tag.
    pub fn view(&self) -> &str {
        match self {
            Self::Anyone => PUBLIC,
            Self::Known(known) => &known.view,
        }
    }

    /// What it may see beyond what is public.
    pub fn reach(&self) -> &Reach {
        match self {
            Self::Anyone => &NOTHING_MORE,
            Self::Known(known) => &known.rights.reach,
        }
    }

    /// The caller of this request.
    pub fn of(request: &HttpRequest) -> Self {
        request.extensions().get::<Self>().cloned().unwrap_or_default()
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request)))
    }
}

/// What a handler's signature may demand.
pub trait Right {
    /// The role that has it.
    const ROLE: &'static str;
}

/// Writes what a territory does: its fiches.
#[derive(Debug)]
pub struct Content;
/// Decides on fiches, and looks after partners, people and committees.
#[derive(Debug)]
pub struct Decisions;
/// Gives keys and grants.
#[derive(Debug)]
pub struct Access;

impl Right for Content {
    const ROLE: &'static str = "editor";
}
impl Right for Decisions {
    const ROLE: &'static str = "approver";
}
impl Right for Access {
    const ROLE: &'static str = "admin";
}

/// Proof that an editor asks.
pub type Editor = Holder<Content>;
/// Proof that an approver asks.
pub type Approver = Holder<Decisions>;
/// Proof that an administrator of keys and grants asks.
pub type Admin = Holder<Access>;

/// Proof that the caller is known, and holds a right: where no thing is named yet, somewhere; of a thing, once
/// [`within`](Self::within) its place. It signs what is written.
#[derive(Debug)]
pub struct Holder<R> {
    author: Author,
    known: Arc<Known>,
    right: PhantomData<R>,
}

impl<R> Deref for Holder<R> {
    type Target = Author;
    fn deref(&self) -> &Author {
        &self.author
    }
}

impl<R: Right> Holder<R> {
    /// What the caller may see.
    pub fn reach(&self) -> &Reach {
        &self.known.rights.reach
    }

    /// All that the caller may do.
    pub fn rights(&self) -> &Rights {
        &self.known.rights
    }

    /// Refuses with 403 who does not hold the right over this place.
    pub fn within(&self, place: &Place) -> Result<()> {
        self.within_as(R::ROLE, place)
    }

    /// Refuses with 403 who does not hold the right anywhere.
    pub fn anywhere(&self) -> Result<()> {
        let held = Role::parse(R::ROLE).is_ok_and(|role| self.known.rights.anywhere(role));
        if held { Ok(()) } else { Err(Problem::new(&kinds::INSUFFICIENT_ROLE)) }
    }

    /// Refuses with 403 who does not hold the right over every one of these places, and over the nation when there is none:
    /// what several share belongs to none of them alone.
    pub fn within_all(&self, places: &[Place]) -> Result<()> {
        if places.is_empty() { self.within(&Place::nation()) } else { places.iter().try_for_each(|place| self.within(place)) }
    }

    /// Refuses with 403 who does not hold this role over this place.
    pub fn within_as(&self, role: &str, place: &Place) -> Result<()> {
        let role = Role::parse(role).map_err(|_| Problem::new(&kinds::INTERNAL))?;
        let rights = &self.known.rights;
        match (rights.over(role, place), rights.anywhere(role)) {
            (true, _) => Ok(()),
            (false, true) => Err(Problem::new(&kinds::OUTSIDE_PERIMETER)),
            (false, false) => Err(Problem::new(&kinds::INSUFFICIENT_ROLE)),
        }
    }
}

impl<R: Right> FromRequest for Holder<R> {
    type Error = Problem;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let Caller::Known(known) = Caller::of(request) else {
            let challenge = "Bearer realm=\"territoires-industrie\"";
            return ready(Err(Problem::new(&kinds::UNAUTHENTICATED).header(header::WWW_AUTHENTICATE, challenge)));
        };
        // Of a thing that is not there, or not to be seen, 404 is said before 403.
        let named = request.match_info().get("id").is_some();
        let request = request.extensions().get::<RequestId>().map(|id| id.0.clone());
        let author = Author { name: known.name.clone(), key: known.key, request };
        let holder = Self { author, known, right: PhantomData };
        ready(if named { Ok(holder) } else { holder.anywhere().map(|()| holder) })
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

#[derive(Queryable, Selectable)]
#[diesel(table_name = api_keys, check_for_backend(diesel::pg::Pg))]
struct Row {
    id: Id,
    name: String,
    secret_hash: Vec<u8>,
    previous_hash: Option<Vec<u8>>,
    previous_until: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
}

impl Row {
    /// Is this its secret, or the one before while that one still holds? And does the key hold?
    fn opens(&self, secret: &Secret, now: DateTime<Utc>) -> bool {
        let hash = secret.hash();
        let current: bool = hash.ct_eq(&self.secret_hash).into();
        let previous: bool = self.previous_hash.as_ref().is_some_and(|previous| hash.ct_eq(previous).into());
        let past = |at: Option<DateTime<Utc>>| at.is_some_and(|at| at <= now);
        (current || previous && !past(self.previous_until)) && !past(self.revoked_at) && !past(self.expires_at)
    }
}

/// Refuses a credential, with the same answer whatever is wrong with it.
fn refused() -> Problem {
    let challenge = "Bearer realm=\"territoires-industrie\", error=\"invalid_token\"";
    Problem::new(&kinds::INVALID_TOKEN).header(header::WWW_AUTHENTICATE, challenge)
}

/// Who this request comes from. An `Authorization` that is not valid is refused, even where none is needed.
pub async fn caller(authorization: &[u8], db: &Db) -> Result<Caller> {
    let text = std::str::from_utf8(authorization).map_err(|_| refused())?;
    let (scheme, token) = text.split_once(' ').ok_or_else(refused)?;
    let secret = Secret::parse(token.trim()).filter(|_| scheme.eq_ignore_ascii_case("bearer")).ok_or_else(refused)?;
    holder(&secret, db).await
}

/// Who holds the key of this secret.
async fn holder(secret: &Secret, db: &Db) -> Result<Caller> {
    let (key, rights) = db
        .read(async |conn| -> Result<(Row, Rights)> {
            let found = api_keys::table.filter(api_keys::public_id.eq(&secret.public_id)).select(Row::as_select());
            let key: Row = found.first(conn).await.optional()?.ok_or_else(refused)?;
            let rights = Rights::of(&Subject::Key(key.id), conn).await?;
            Ok((key, rights))
        })
        .await?;
    let now = Utc::now();
    if !key.opens(secret, now) {
        return Err(refused());
    }
    if key.last_used_at.is_none_or(|at| now - at > chrono::Duration::minutes(1)) {
        note_use(db.clone(), key.id);
    }
    Ok(Caller::Known(Arc::new(Known::new(key.name, Some(key.id), rights))))
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
