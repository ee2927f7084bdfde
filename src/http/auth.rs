//! Who asks, and what they may do: a right is a type that a handler's signature names.

use std::{
    future::{Ready, ready},
    marker::PhantomData,
    ops::Deref,
    sync::Arc,
};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, http::header};
use sha2::{Digest, Sha256};

use super::{Problem, Result, dress::RequestId, kinds, limit::Who};
use crate::{
    db::{Author, Once},
    rights::{Place, Reach, Rights, Role},
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
    /// Whose requests its own are counted with.
    pub who: Who,
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
        let who = key.map_or_else(|| Who::Identity(name.clone()), Who::Key);
        Self { name, key, rights, who, view }
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
pub trait Right: 'static {
    /// The role that has it.
    const ROLE: Role;
}

/// Writes what a territory does: its fiches.
#[derive(Debug)]
pub struct Content;
/// Decides on fiches, makes partners and people, and looks after committees.
#[derive(Debug)]
pub struct Decisions;
/// Gives keys and grants.
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

/// Proof that an editor asks.
pub type Editor = Holder<Content>;
/// Proof that an approver asks.
pub type Approver = Holder<Decisions>;
/// Proof that an administrator of keys and grants asks.
pub type Admin = Holder<Access>;

/// Who writes, with the role that the write needs. Signs what is written.
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

    /// Refuses with 403 who does not hold the role over this place.
    pub fn within(&self, place: &Place) -> Result<()> {
        self.within_as(self.role, place)
    }

    /// Refuses with 403 who does not hold the role anywhere.
    pub fn anywhere(&self) -> Result<()> {
        if self.known.rights.anywhere(self.role) { Ok(()) } else { Err(Problem::new(&kinds::INSUFFICIENT_ROLE)) }
    }

    /// Refuses with 403 who does not hold this role over this place.
    pub fn within_as(&self, role: Role, place: &Place) -> Result<()> {
        let rights = &self.known.rights;
        match (rights.over(role, place), rights.anywhere(role)) {
            (true, _) => Ok(()),
            (false, true) => Err(Problem::new(&kinds::OUTSIDE_PERIMETER)),
            (false, false) => Err(Problem::new(&kinds::INSUFFICIENT_ROLE)),
        }
    }
}

/// Proof that the caller is known, and holds a right: where no thing is named yet, somewhere; of a thing, once
/// [`within`](Writer::within) its place.
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
        // Of a thing that is not there, or not to be seen, 404 is said before 403.
        let named = request.match_info().get("id").is_some();
        let (id, once) = (request.extensions().get::<RequestId>().cloned(), request.extensions().get::<Once>().cloned());
        let author = Author { name: known.name.clone(), key: known.key, request: id.map(|id| id.0), once };
        let holder = Self { writer: Writer { author, known, role: R::ROLE }, right: PhantomData };
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

    /// Another one of the same key.
    pub fn of(public_id: &str) -> Self {
        Self { public_id: public_id.to_owned(), ..Self::random() }
    }

    /// What is kept of it.
    pub fn hash(&self) -> Vec<u8> {
        Sha256::digest(&self.secret).to_vec()
    }

    /// Reads one. The checksum tells a mistyped one from a wrong one, and lets scanners of leaked secrets know ours.
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
