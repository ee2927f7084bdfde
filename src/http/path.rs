//! The identifiers in a path. An identifier in any other form than the usual one is 404, as an unknown thing is.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload};

use super::{Problem, Result, kinds};
use crate::values::{Checked, Id, Rule};

/// The thing that `{id}` names.
#[derive(Debug, Clone, Copy)]
pub struct At(pub Id);

/// The part that `{part_id}` names, of the thing that `{id}` names.
#[derive(Debug, Clone, Copy)]
pub struct PartOf {
    /// The thing.
    pub id: Id,
    /// Its part.
    pub part: Id,
}

/// The code that `{code}` names.
#[derive(Debug, Clone)]
pub struct Coded<R: Rule>(pub Checked<R>);

fn segment(request: &HttpRequest, name: &str) -> Result<Id> {
    request.match_info().get(name).and_then(|text| Id::parse(text).ok()).ok_or_else(|| Problem::new(&kinds::NOT_FOUND))
}

impl At {
    /// Reads it from the path of this request.
    pub fn of(request: &HttpRequest) -> Result<Self> {
        segment(request, "id").map(Self)
    }
}

impl PartOf {
    /// Reads it from the path of this request.
    pub fn of(request: &HttpRequest) -> Result<Self> {
        Ok(Self { id: segment(request, "id")?, part: segment(request, "part_id")? })
    }
}

impl FromRequest for At {
    type Error = Problem;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

impl FromRequest for PartOf {
    type Error = Problem;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

impl<R: Rule> FromRequest for Coded<R> {
    type Error = Problem;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let code = request.match_info().get("code").and_then(|text| Checked::parse(text).ok());
        ready(code.map(Self).ok_or_else(|| Problem::new(&kinds::NOT_FOUND)))
    }
}
