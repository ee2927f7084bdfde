//! How the body of a request is taken in. An operation that takes it in otherwise than usual says so beside its handler, in its
//! part of the document, where clients read it as well: `#[utoipa::path(extensions(("x-intake" = json!(BULK))), …)]`, with
//! `const BULK: Intake = Intake { max_bytes: 32 << 20, ..Intake::USUAL }`. `guard` finds it before any of the body is read.

use actix_web::{HttpMessage, HttpRequest};
use serde::{Deserialize, Serialize};

/// How the body of an operation's requests is taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intake {
    /// The largest body, in bytes.
    pub max_bytes: usize,
    /// How long a body may take to come, in seconds.
    pub max_seconds: u64,
    /// Is a POST done once for its `Idempotency-Key`? Then its whole body is read first, and its whole answer is kept. If not,
    /// the header has no effect.
    pub idempotency_key: bool,
}

impl Intake {
    /// The intake of an operation that says nothing.
    pub const USUAL: Self = Self { max_bytes: 256 * 1024, max_seconds: 10, idempotency_key: true };

    /// The name of the extension in the document.
    pub(super) const EXTENSION: &str = "x-intake";

    /// The intake of this request.
    pub(super) fn of(request: &HttpRequest) -> Self {
        request.extensions().get::<Self>().copied().unwrap_or(Self::USUAL)
    }
}
