//! Merging two partners that are the same one, and undoing it.

use actix_web::{post, web::Data};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Partner;
use crate::{
    db::{Conn, Db},
    http::{Approver, At, IfMatch, Json, Problem, Result, Said, Tagged},
    noun::{Merging, merge, unmerge},
    values::{Id, LongText},
};

/// The body of a request that merges a partner into another one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPartnerMerge {
    /// The partner that stays (partenaire conservé).
    into_id: Id,
    /// Why the two are the same partner (motif).
    reason: Option<LongText>,
}

/// The body of a request that undoes a merge.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPartnerUnmerge {
    /// Why they are two partners after all (motif).
    reason: Option<LongText>,
}

pub fn routes(routes: &mut ServiceConfig) {
    routes.service(merge_partner).service(unmerge_partner);
}

impl Merging for Partner {
    const MERGE: &'static str = "SELECT merge_partners($1, $2)";

    async fn may_merge(&self, into: &Self, _conn: &mut Conn) -> Result<()> {
        if let (Some(one), Some(other)) = (&self.siren, &into.siren)
            && one != other
        {
            let said = Said::new(
                "They have two SIRENs: they are two, and one may be the predecessor of the other.",
                "Ils ont deux SIREN : ils sont deux, et l'un peut être le prédécesseur de l'autre.",
            );
            return Err(Problem::body("/into_id", "different_sirens", said));
        }
        Ok(())
    }
}

/// Merge a partner into another one
///
/// For two partners that are in fact the same one (doublon). Every link to this partner (seats, mandates, participations, commitments,
/// funding lines, citations…) moves to the partner that stays. The partner that stays also gets the values that it lacks, and the names as
/// aliases. From then on the address of the merged partner answers 308 with the address of the one that stays. The feed has a `merge` of
/// the partner that stays, and a `delete` with `merged_into` of the other. The answer is the partner that stays. The caller must be an
/// approver of the nation. `POST /partners/{id}/unmerge` undoes the merge.
#[utoipa::path(params(("If-Match" = String, Header)), responses((status = OK, body = Partner)))]
#[post("/partners/{id}/merge")]
async fn merge_partner(db: Data<Db>, editor: Approver, At(id): At, if_match: IfMatch, body: Json<NewPartnerMerge>) -> Result<Tagged<Partner>> {
    db.write(&editor, async |conn| {
        let read = || body.valid().map(|body| (body.into_id, body.reason));
        Ok(merge::<Partner>(id, &if_match, read, &editor, conn).await?.into())
    })
    .await
}

/// Undo the merge of a partner
///
/// The merged partner comes back under its identifier. Each link that was moved goes back to it, unless somebody changed the link since;
/// the values that the other partner took over go back as well. The answer is the partner that came back. The caller must be an approver of
/// the nation.
#[utoipa::path(responses((status = OK, body = Partner)))]
#[post("/partners/{id}/unmerge")]
async fn unmerge_partner(db: Data<Db>, editor: Approver, At(id): At, body: Json<NewPartnerUnmerge>) -> Result<Tagged<Partner>> {
    db.write(&editor, async |conn| Ok(unmerge::<Partner>(id, || body.valid().map(|body| body.reason), &editor, conn).await?.into())).await
}
