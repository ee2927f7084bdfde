//! What a caller asks to follow, and the cursors of the feed.

use std::{
    collections::BTreeSet,
    future::{Ready, ready},
};

use actix_web::{FromRequest, HttpMessage, HttpRequest, dev::Payload, web::Data};
use sha2::{Digest, Sha256};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::{
    http::{self, Caller, Problem, Said, Site, Wrong, anywhere, kinds, limit::Who, number, once, seal::Seal, unknown},
    ledger::feed::{Filter, Head},
    values::Id,
};

/// What a cursor of the feed is sealed for.
const PURPOSE: &str = "cursor of the feed";
/// The number of events on a page: the default, and the most.
pub const USUAL: i64 = 100;
const MOST: i64 = 1000;

/// The parameters of the feed.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the document reads it; `Following` reads the query string")]
pub struct FollowingParameters {
    /// Only these nouns and parts, by their names in addresses, separated by commas: `action-fiches,action-fiche-participants`.
    noun: Option<String>,
    /// Only changes that concern this territory (territoire).
    territory: Option<Id>,
    /// The cursor to continue from: one that was given for the same filters. Without a cursor the feed starts at its beginning.
    #[param(min_length = 1, max_length = 4096)]
    cursor: Option<String>,
}

/// The parameter of a page of the feed.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "the document reads it; `Following` reads the query string")]
pub struct LimitParameter {
    /// The most events on a page.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<i64>,
}

/// What this caller asks to follow.
pub struct Following {
    pub(super) filter: Filter,
    /// The number to continue after, and its epoch.
    pub(super) from: Option<(i64, [u8; 8])>,
    pub(super) limit: i64,
    pub(super) caller: Caller,
    /// Tells feeds apart: a cursor of one feed is refused for another.
    digest: [u8; 8],
    pub(super) site: Data<Site>,
    pub(super) request: HttpRequest,
}

impl Following {
    fn read(request: &HttpRequest) -> http::Result<Self> {
        let site = request.app_data::<Data<Site>>().cloned().ok_or_else(|| Problem::new(&kinds::INTERNAL))?;
        let caller = Caller::of(request);
        let (mut filter, mut limit, mut cursor, mut errors) = (Filter::default(), USUAL, None, Vec::new());
        for (name, value) in once(request, &mut errors) {
            match name.as_str() {
                "limit" => limit = number(&name, &value, 1, MOST, &mut errors),
                "cursor" => cursor = Some(value),
                "territory" => filter.territory = http::value(&name, &value, Id::parse, &mut errors),
                _ => {
                    let (known, asked) = (crate::api::names(), value.split(',').map(str::trim).collect::<BTreeSet<_>>());
                    for noun in asked {
                        match known.binary_search_by(|known| known.as_str().cmp(noun)) {
                            Ok(_) => filter.nouns.push(noun.replace('-', "_")),
                            Err(_) => unknown(&name, noun, known.iter().map(String::as_str), &mut errors),
                        }
                    }
                }
            }
        }
        filter.nouns.sort_unstable();
        let told = format!("{:?}\n{:?}\n{}", filter.nouns, filter.territory, caller.view());
        let mut digest = [0; 8];
        digest.copy_from_slice(&Sha256::digest(told)[..8]);
        // The reader of a broken stream names the last event that it received.
        let last = request.headers().get("Last-Event-ID").and_then(|id| id.to_str().ok()).filter(|id| !id.is_empty());
        let last = last.filter(|_| request.path().ends_with("/stream")).map(str::to_owned);
        let from = last.or(cursor).and_then(|text| match open(&text, &digest, &site.seal) {
            Ok(from) => Some(from),
            Err(wrong) => {
                errors.push(wrong);
                None
            }
        });
        if errors.is_empty() {
            Ok(Self { filter, from, limit, caller, digest, site, request: request.clone() })
        } else {
            Err(Problem::errors(&kinds::INVALID_PARAMETERS, errors))
        }
    }

    /// Who asks, as the limits of callers know it.
    pub(super) fn who(&self) -> http::Result<Who> {
        self.request.extensions().get::<Who>().cloned().ok_or_else(|| Problem::new(&kinds::INTERNAL))
    }

    /// The number to continue after. 410 when the cursor is of another epoch, or of a number that does not exist: then the reader must
    /// start at the beginning.
    pub(super) fn after(&self, head: Head) -> http::Result<i64> {
        match self.from {
            None => Ok(0),
            Some((seq, epoch)) if epoch == short(head.epoch) && seq <= head.seq => Ok(seq),
            Some(_) => {
                let query: Vec<&str> = anywhere(self.request.query_string()).collect();
                let address = format!("{}{}", self.site.url, self.request.path());
                let restart = if query.is_empty() { address } else { format!("{address}?{}", query.join("&")) };
                let said = Said::new(
                    "The database was restored since: empty the copy, and follow the feed again from its beginning.",
                    "La base a été restaurée depuis : videz la copie, et suivez de nouveau le flux depuis son début.",
                );
                Err(Problem::new(&kinds::EXPIRED_CURSOR).saying(said).with("restart", restart))
            }
        }
    }

    /// The cursor that continues after this number.
    pub(super) fn cursor(&self, epoch: Id, seq: i64) -> String {
        self.site.seal.seal(PURPOSE, &[&short(epoch)[..], &self.digest, &seq.to_be_bytes()].concat())
    }
}

/// The short form of an epoch, which tells it from other epochs.
fn short(epoch: Id) -> [u8; 8] {
    let mut short = [0; 8];
    short.copy_from_slice(&Uuid::from(epoch).as_bytes()[8..]);
    short
}

fn open(text: &str, digest: &[u8; 8], seal: &Seal) -> Result<(i64, [u8; 8]), Wrong> {
    let alien = || Wrong::parameter("cursor", "invalid_cursor", Said::new("Is not a cursor of ours.", "N'est pas un curseur de ce service."));
    let bytes = seal.open(PURPOSE, text).ok_or_else(alien)?;
    let bytes: [u8; 24] = bytes.try_into().map_err(|_| alien())?;
    let part = |from: usize| -> [u8; 8] { std::array::from_fn(|index| bytes[from + index]) };
    if part(8) != *digest {
        let said = Said::new(
            "Belongs to a feed with other filters, or to who may see something else.",
            "Appartient à un flux d'autres filtres, ou à qui voit autre chose.",
        );
        return Err(Wrong::parameter("cursor", "incompatible_cursor", said));
    }
    Ok((i64::from_be_bytes(part(16)), part(0)))
}

impl FromRequest for Following {
    type Error = Problem;
    type Future = Ready<http::Result<Self>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(Self::read(request))
    }
}
