//! Words with a rule of their own: what is valid needs no other row. Knows nothing of SQL tables or HTTP.

mod alias;
mod amount;
mod characters;
mod contour;
mod count;
mod day;
mod fault;
mod id;
mod instant;
mod many;
mod moves;
mod shared;
mod text;
mod word;

pub use alias::Alias;
pub use amount::Amount;
pub use characters::{Forbidden, normalised};
pub use contour::{Contour, Feature};
pub use count::{Count, whole};
pub use day::Day;
pub use fault::Fault;
pub use id::Id;
pub use instant::Instant;
pub use many::Many;
pub use moves::{MOVES, Move};
pub use shared::{
    Basis, BasisWords, Commitment, CommitmentWords, Confidence, ConfidenceWords, Precision, PrecisionWords, Qualifier, QualifierWords, Visibility,
    VisibilityWords,
};
pub use text::{
    Checked, Code, Coding, CommuneCode, DepartmentCode, Email, LongText, Name, OfficialCode, Phone, RegionCode, Rule, Scheme, ShortText, Siren,
    Siret, Url, fold, particulars, rules,
};
pub use word::{Vocabulary, Word};
