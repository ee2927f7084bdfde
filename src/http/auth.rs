//! The caller of a request, and its rights. A right is a type: a handler that needs the right names it in its signature.

use std::{
    future::{Ready, ready},
    marker::PhantomData,
    ops::Deref,
    sync::Arc,
};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, http::header, web::Data};
use sha2::{Digest, Sha256};

use super::{Problem, Result, dress::RequestId, gate::Gate, kinds, limit::Who};
use crate::{
    db::{Allowance, Author, Idempotency},
    rights::{Place, Reach, Rights, Role},
    values::Id,
};

/// The caller of a request.
#[derive(Debug, Clone, Default)]
pub enum Caller {
    /// A caller without a credential: reads what is public.
    #[default]
    Anyone,
    /// A caller with a valid key or token.
    Known(Arc<Known>),
}

/// A caller with a valid key or token, and its rights.
#[derive(Debug)]
pub struct Known {
    /// The name, as the ledger records it.
    pub name: String,
    /// The key, if the credential was a key.
    pub key: Option<Id>,
    /// What the caller may do and see.
    pub rights: Rights,
    /// The group whose requests are counted together with those of the caller.
    pub who: Who,
    /// With whose requests those of the key are counted as well: of all the keys that one administrator below the nation made. None: with no
    /// others.
    pub lineage: Option<String>,
    /// Tells the view of this caller from other views: see [`Caller::view`].
    view: String,
}

impl Known {
    /// A caller with this name and these rights.
    pub fn new(name: String, key: Option<Id>, rights: Rights) -> Self {
        let reach = &rights.reach;
        let view = match reach {
            Reach { everything: true, .. } => String::new(),
            reach if reach.is_public() => PUBLIC.to_owned(),
            reach => format!(".{}", hex::encode(&Sha256::digest(format!("{reach:?}"))[..4])),
        };
        let who = key.map_or_else(|| Who::Identity(name.clone()), Who::Key);
        Self { name, key, rights, who, lineage: None, view }
    }

    /// The same caller, whose key came to be by this administrator, or by one of the keys that it made.
    pub fn of_lineage(self, lineage: Option<String>) -> Self {
        Self { lineage, ..self }
    }

    /// The name under which is counted what the caller uses: its key, or itself when it is an identity.
    pub fn account(&self) -> String {
        self.key.map_or_else(|| self.name.clone(), |key| key.to_string())
    }
}

/// The view of callers without a credential.
const PUBLIC: &str = ".pub";

/// What callers without a credential may see: nothing beyond what is public.
static NOTHING_MORE: Reach =
    Reach { everything: false, territories: Vec::new(), restricted_in: Vec::new(), regions: Vec::new(), fiches: Vec::new(), approver: false };

impl Caller {
    /// The view of the data that this caller gets. Callers with the same view get the same answers. Each ETag ends with the view, so that a
    /// tag of one view never confirms another.
    pub fn view(&self) -> &str {
        match self {
            Self::Anyone => PUBLIC,
            Self::Known(known) => &known.view,
        }
    }

    /// What the caller may see beyond what is public.
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

/// A right that the signature of a handler may demand.
pub trait Right: 'static {
    /// The role that has this right.
    const ROLE: Role;
}

/// The right to write what a territory does, such as its fiches.
#[derive(Debug)]
pub struct Content;
/// The right to decide on fiches, to make partners and people, and to write committees.
#[derive(Debug)]
pub struct Decisions;
/// The right to give keys and grants.
#[derive(Debug)]
pub struct Access;

impl Right for Content {
    const ROLE: Role = Role::EDITOR;
}
impl Right for Decisions {
    const ROLE: Role = Role::APPROVER;
}
impl Right for Access {
    const ROLE: Role = Role::ADMIN;
}

/// Proof that the caller is an editor.
pub type Editor = Holder<Content>;
/// Proof that the caller is an approver.
pub type Approver = Holder<Decisions>;
/// Proof that the caller is an administrator of keys and grants.
pub type Admin = Holder<Access>;

/// The caller of a write, with the role that the write needs. The ledger records the writer as author.
#[derive(Debug)]
pub struct Writer {
    author: Author,
    known: Arc<Known>,
    role: Role,
}

impl Deref for Writer {
    type Target = Author;
    fn deref(&self) -> &Author {
        &self.author
    }
}

impl Writer {
    /// A command of the command line: it may write what a national approver may.
    pub fn command(name: &str) -> Self {
        let author = Author::command(name);
        let known = Known::new(author.name.clone(), None, Rights::national_approver());
        Self { author, known: Arc::new(known), role: Decisions::ROLE }
    }

    /// What the caller may see.
    pub fn reach(&self) -> &Reach {
        &self.known.rights.reach
    }

    /// All that the caller may do.
    pub fn rights(&self) -> &Rights {
        &self.known.rights
    }

    /// Refuses (403) a caller who does not hold the role over this place.
    pub fn within(&self, place: &Place) -> Result<()> {
        self.within_as(self.role, place)
    }

    /// Refuses (403) a caller who holds the role nowhere.
    pub fn anywhere(&self) -> Result<()> {
        if self.known.rights.anywhere(self.role) { Ok(()) } else { Err(Problem::new(&kinds::INSUFFICIENT_ROLE)) }
    }

    /// Refuses (403) a caller who does not hold this role over this place.
    pub fn within_as(&self, role: Role, place: &Place) -> Result<()> {
        let rights = &self.known.rights;
        match (rights.over(role, place), rights.anywhere(role)) {
            (true, _) => Ok(()),
            (false, true) => Err(Problem::new(&kinds::OUTSIDE_PERIMETER)),
            (false, false) => Err(Problem::new(&kinds::INSUFFICIENT_ROLE)),
        }
    }
}

/// Proof that the caller is known and holds a right somewhere. Whether the caller holds it over the place of a thing, only
/// [`within`](Writer::within) proves.
#[derive(Debug)]
pub struct Holder<R> {
    writer: Writer,
    right: PhantomData<R>,
}

impl<R> Deref for Holder<R> {
    type Target = Writer;
    fn deref(&self) -> &Writer {
        &self.writer
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
        // For a thing that does not exist, or that the caller may not see, the answer must be 404 and not 403. So 403 waits until the thing
        // was looked for.
        let named = request.match_info().get("id").is_some();
        let (id, idempotency) = (request.extensions().get::<RequestId>().cloned(), request.extensions().get::<Idempotency>().cloned());
        let most = request.app_data::<Data<Gate>>().and_then(|gate| gate.limits.daily_bytes());
        let allowance = most.map(|bytes| Allowance { caller: known.account(), bytes });
        let author = Author { name: known.name.clone(), key: known.key, request: id.map(|id| id.0), idempotency, allowance };
        let holder = Self { writer: Writer { author, known, role: R::ROLE }, right: PhantomData };
        ready(if named { Ok(holder) } else { holder.anywhere().map(|()| holder) })
    }
}

/// A whole key: `tdi_`, the public identifier, `_`, the secret and a checksum. It is shown only once.
pub struct Secret {
    /// The public identifier, by which the key is found. Logs may contain it.
    pub public_id: String,
    /// 256 random bits, in hexadecimal.
    secret: String,
}

impl Secret {
    /// A new key, made at random.
    pub fn random() -> Self {
        Self { public_id: hex::encode(rand::random::<[u8; 8]>()), secret: hex::encode(rand::random::<[u8; 32]>()) }
    }

    /// A new secret of the same key.
    pub fn of(public_id: &str) -> Self {
        Self { public_id: public_id.to_owned(), ..Self::random() }
    }

    /// The hash of the secret: only this is stored.
    pub fn hash(&self) -> Vec<u8> {
        Sha256::digest(&self.secret).to_vec()
    }

    /// Reads a key. The checksum tells a mistyped key from a wrong one, and helps scanners of leaked secrets to recognise keys of this
    /// service.
    pub fn parse(text: &str) -> Option<Self> {
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
