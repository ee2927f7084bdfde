//! What may be seen, as conditions on rows.

use std::collections::HashSet;

use diesel::{QueryResult, prelude::*};
use diesel_async::RunQueryDsl;

use super::Reach;
use crate::{
    db::{Conn, listing::Scope},
    schema::{committee_seats, committees, people},
    values::Id,
};

/// The people whom a caller may know: those who may be named in public; those who sit in a committee within reach; and for
/// an approver, those who sit nowhere yet.
pub fn people(reach: &Reach) -> Option<Scope<people::table>> {
    if reach.everything {
        return None;
    }
    let public = people::publication_basis.ne("not_publishable");
    if reach.is_public() {
        return Some(Scope::of(public));
    }
    let seated = committee_seats::table.filter(committee_seats::person_id.is_not_null()).inner_join(committees::table);
    let within = committees::territory_id.eq_any(reach.territories.clone()).or(committees::region_code.eq_any(reach.regions.clone()));
    let within = people::id.eq_any(seated.filter(within).select(committee_seats::person_id.assume_not_null()));
    if !reach.approver {
        return Some(Scope::of(public.or(within)));
    }
    let nowhere = people::id.ne_all(seated.select(committee_seats::person_id.assume_not_null()));
    Some(Scope::of(public.or(within).or(nowhere)))
}

/// Those of these people whom a caller may know.
pub async fn visible_people(ids: &[Id], reach: &Reach, conn: &mut Conn) -> QueryResult<HashSet<Id>> {
    let mut known = people::table.filter(people::id.eq_any(ids)).select(people::id).into_boxed();
    if let Some(scope) = people(reach) {
        known = known.filter(scope);
    }
    known.load(conn).await.map(HashSet::from_iter)
}
