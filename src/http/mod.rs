//! What every handler needs: the caller, the request, the answer, the refusal. Knows no noun.

mod accept;
pub mod auth;
mod coding;
pub mod connection;
pub mod cors;
pub mod dress;
pub mod gate;
pub mod guard;
pub mod idempotency;
pub mod intake;
mod json;
pub mod limit;
mod list;
pub mod oidc;
mod path;
mod problem;
mod resource;
pub mod seal;
pub mod seats;
mod tag;
mod token;
pub mod wire;

pub use auth::{Admin, Approver, Caller, Content, Decisions, Editor, Holder, Right, Writer};
pub use coding::Lasting;
pub use json::{Form, Json};
pub use list::{Along, List, One, Page, Shown, Views, anywhere, elsewhere, number, once, parameters, unknown, value};
pub use path::{At, Coded, PartOf};
pub use problem::{Problem, ProblemDocument, ProblemError, Said, Wrong, kinds};
pub use resource::{Created, IfMatch, Made, Momentary, NoContent, OrGone, OrUnchanged, Resource, Tagged, sent};

/// What a handler returns.
pub type Result<T> = std::result::Result<T, Problem>;

/// The address of the service from outside, for the links in answers. It is a setting, and never taken from a request.
#[derive(Clone)]
pub struct Site {
    /// The address, without a slash at its end.
    pub url: String,
    /// Seals the cursors.
    pub seal: seal::Seal,
}
