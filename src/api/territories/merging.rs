//! Merging two territories that are the same one in two phases, and undoing it.

use actix_web::{post, web::Data};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Territory;
use crate::{
    db::{Caused, Conn, Db, Error},
    http::{Approver, At, IfMatch, Json, Problem, Result, Said, Tagged, kinds},
    noun::{Merging, merge, unmerge},
    schema::{programme_phases, territory_labels},
    values::{Id, LongText},
};

/// The body of a request that merges a territory into another one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTerritoryMerge {
    /// The territory that stays (territoire conservé).
    into_id: Id,
    /// Why the two are the same territory (motif).
    reason: Option<LongText>,
}

/// The body of a request that undoes a merge of territories.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTerritoryUnmerge {
    /// Why they are two territories after all (motif).
    reason: Option<LongText>,
}

pub fn routes(routes: &mut ServiceConfig) {
    routes.service(merge_territory).service(unmerge_territory);
}

impl Merging for Territory {
    const MERGE: &'static str = "SELECT merge_territories($1, $2)";

    async fn may_merge(&self, into: &Self, conn: &mut Conn) -> Result<()> {
        let (one, other) = diesel::alias!(territory_labels as one, territory_labels as other);
        let twice = one
            .inner_join(other.on(other.field(territory_labels::phase_id).eq(one.field(territory_labels::phase_id))))
            .inner_join(programme_phases::table.on(programme_phases::id.eq(one.field(territory_labels::phase_id))))
            .filter(one.field(territory_labels::territory_id).eq(self.id).and(other.field(territory_labels::territory_id).eq(into.id)));
        if let Some(number) = twice.select(programme_phases::number).first::<i32>(conn).await.optional()? {
            let said = Said::new(
                format!("Both have a label in phase {number}: they are two, and one may be the successor of the other."),
                format!("Tous deux sont labellisés en phase {number} : ils sont deux, et l'un peut succéder à l'autre."),
            );
            return Err(Problem::body("/into_id", "same_phase", said));
        }
        Ok(())
    }
}

/// Does one of these constraints refuse the write?
fn breaks(problem: &Problem, constraints: &[&str]) -> bool {
    matches!(problem.caused(), Some(Error::Violated(violation)) if constraints.iter().any(|one| violation.constraint.ends_with(one)))
}

/// Merge a territory into another one
///
/// For one territory that was taken for two, such as in two phases (même territoire). Every link to this territory (labels with their
/// contours, members, committees, agreements, fiches, documents, citations…) moves to the territory that stays; it also gets the values
/// that it lacks, and the names as aliases, and the succession from one to the other goes. What holds over the merged territory holds over
/// the other. From then on the address of the merged territory answers 308 with the address of the one that stays. The feed has a `merge`
/// of the territory that stays, and a `delete` with `merged_into` of the other. The answer is the territory that stays. Two territories
/// with a label in one phase are two. The caller must be an approver of the nation. `POST /territories/{id}/unmerge` undoes the merge.
#[utoipa::path(params(("If-Match" = String, Header)), responses((status = OK, body = Territory)))]
#[post("/territories/{id}/merge")]
async fn merge_territory(db: Data<Db>, editor: Approver, At(id): At, if_match: IfMatch, body: Json<NewTerritoryMerge>) -> Result<Tagged<Territory>> {
    db.write(&editor, async |conn| {
        let read = || body.valid().map(|body| (body.into_id, body.reason));
        let merged = merge::<Territory>(id, &if_match, read, &editor, conn).await;
        merged.map(Tagged::from).map_err(|problem| {
            if breaks(&problem, &["action_fiches_reference_key"]) {
                let said = Said::new(
                    "A fiche of each has the same reference: give one of the two another one first.",
                    "Une fiche de chacun a la même référence : changez d'abord l'une des deux.",
                );
                Problem::body("/into_id", "broken_rule", said)
            } else if breaks(&problem, &["_cycle"]) {
                let said = Said::new("Through the successions, it would succeed itself.", "Par les filiations, il se succéderait à lui-même.");
                Problem::body("/into_id", "broken_rule", said)
            } else {
                problem
            }
        })
    })
    .await
}

/// Undo the merge of a territory
///
/// The merged territory comes back under its identifier. Each link that was moved goes back to it, unless somebody changed the link since;
/// the values that the other territory took over go back as well. What was made since stays where it is. When two things were linked since
/// that would be of two territories, nothing is done (409). The answer is the territory that came back. The caller must be an approver of
/// the nation.
#[utoipa::path(responses((status = OK, body = Territory)))]
#[post("/territories/{id}/unmerge")]
async fn unmerge_territory(db: Data<Db>, editor: Approver, At(id): At, body: Json<NewTerritoryUnmerge>) -> Result<Tagged<Territory>> {
    db.write(&editor, async |conn| {
        let back = unmerge::<Territory>(id, || body.valid().map(|body| body.reason), &editor, conn).await;
        back.map(Tagged::from).map_err(|problem| {
            let said = Said::new(
                "Since the merge, things of one were linked to things of the other: undo these links first.",
                "Depuis la fusion, des éléments de l'un ont été liés à des éléments de l'autre : défaites d'abord ces liens.",
            );
            if breaks(&problem, &["_territory", "observations_territory_of_fiche_fkey"]) {
                Problem::new(&kinds::STILL_REFERENCED).saying(said)
            } else {
                problem
            }
        })
    })
    .await
}
