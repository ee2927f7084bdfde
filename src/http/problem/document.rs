//! A problem, as the document of the API describes it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    ledger::Change,
    values::{Code, Id},
};

/// A problem document (RFC 9457), as every answer of status 400 and above is, and where a thing was merged, 308.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// What kind of problem: `urn:territoires-industrie:problem:` and the code.
    #[schema(max_length = 200)]
    r#type: String,
    /// The kind, in words; in French when `Accept-Language` prefers it.
    #[schema(max_length = 200)]
    title: String,
    /// The HTTP status.
    #[schema(minimum = 300, maximum = 599)]
    status: u16,
    /// The stable code of the kind.
    #[schema(max_length = 100)]
    code: String,
    /// What is the matter.
    #[schema(max_length = 2000)]
    detail: String,
    /// The request: `urn:request:` and its identifier, which is also in `X-Request-Id`.
    #[schema(max_length = 200)]
    instance: Option<String>,
    /// Everything that is wrong, all at once.
    errors: Option<Vec<ProblemError>>,
    /// The version that the thing has now (with 412).
    version: Option<i32>,
    /// What was done since the version that was named (with 412), the oldest first; at most 20.
    changes: Option<Vec<Change>>,
    /// The thing that was there first (with 409).
    existing: Option<Id>,
    /// The moves that are allowed (with 409 on a transition).
    #[schema(value_type = Option<Vec<Code>>)]
    allowed: Option<Vec<String>>,
    /// The thing that it was merged into (with 308).
    merged_into: Option<Id>,
    /// When it was deleted (with 410).
    deleted_at: Option<DateTime<Utc>>,
    /// When it was done (with 409 for what is done once).
    done_at: Option<DateTime<Utc>>,
    /// Where to start again (with 410 on a cursor).
    #[schema(max_length = 20000)]
    restart: Option<String>,
}

/// One thing that is wrong, at a member of the body or at a parameter.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProblemError)]
pub struct ProblemError {
    /// Where in the body, as a JSON Pointer.
    #[schema(max_length = 1000)]
    pointer: Option<String>,
    /// Which parameter of the query string.
    #[schema(max_length = 1000)]
    parameter: Option<String>,
    /// The stable code.
    #[schema(max_length = 100)]
    code: String,
    /// What is wrong, in words.
    #[schema(max_length = 2000)]
    detail: String,
}
