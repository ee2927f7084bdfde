//! Merging two partners that are the same one, and undoing it. SQL functions move the links. Nothing else is stored of a merge than the
//! ledger, and the ledger is enough to undo it.

use actix_web::{post, web::Data};
use diesel::{sql_query, sql_types::Uuid};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Partner;
use crate::{
    db::{Conn, Db, refs::lock_thing},
    http::{Approver, At, IfMatch, Json, Problem, Result, Said, Tagged, kinds},
    ledger::history,
    noun::{Address, Noun, find, lock, open},
    rights::{Place, Reach},
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

/// Many things may name a partner, so a merge gets more time than other writes.
async fn patiently(conn: &mut Conn) -> Result<()> {
    Ok(conn.batch_execute("SET LOCAL statement_timeout = '60s'").await?)
}

/// Finds and locks the partner that stays.
async fn stays(merged: &Partner, into_id: Id, reach: &Reach, conn: &mut Conn) -> Result<Partner> {
    if into_id == merged.id {
        let said = Said::new("A partner is not merged into itself.", "Un partenaire ne fusionne pas avec lui-même.");
        return Err(Problem::body("/into_id", "broken_rule", said));
    }
    let into = lock::<Partner>(Address::alone(into_id), reach, conn).await.map_err(|problem| problem.named_at("/into_id"))?;
    if let (Some(one), Some(other)) = (&merged.siren, &into.siren)
        && one != other
    {
        let said = Said::new(
            "They have two SIRENs: they are two, and one may be the predecessor of the other.",
            "Ils ont deux SIREN : ils sont deux, et l'un peut être le prédécesseur de l'autre.",
        );
        return Err(Problem::body("/into_id", "different_sirens", said));
    }
    Ok(into)
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
        let merged = open::<Partner>(Address::alone(id), &Partner::WRITING.change, &editor, conn).await?;
        if_match.check(&merged, conn).await?;
        let merge = body.valid()?;
        let into = stays(&merged, merge.into_id, editor.reach(), conn).await?;
        history::because(merge.reason.as_ref().map(LongText::as_str), conn).await?;
        patiently(conn).await?;
        sql_query("SELECT merge_partners($1, $2)").bind::<Uuid, _>(id).bind::<Uuid, _>(into.id).execute(conn).await?;
        Ok(find::<Partner>(Address::alone(into.id), editor.reach(), conn).await?.into())
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
    db.write(&editor, async |conn| {
        lock_thing(id, conn).await?;
        let into = match lock::<Partner>(Address::alone(id), editor.reach(), conn).await {
            Ok(_) => None,
            Err(problem) if problem.is_absence() => Some(history::merged_into(id, conn).await?.ok_or(problem)?),
            Err(problem) => return Err(problem),
        };
        editor.within(&Place::nation())?;
        let unmerge = body.valid()?;
        let Some(into) = into else {
            let said = Said::new("It is not merged into another one.", "Il n'est fusionné avec aucun autre.");
            return Err(Problem::new(&kinds::NOT_MERGED).saying(said));
        };
        lock::<Partner>(Address::alone(into), editor.reach(), conn).await.map_err(|problem| {
            let said = Said::new(
                "The partner that it was merged into is not there: bring that one back first.",
                "Le partenaire qui l'a absorbé n'est plus là : rétablissez-le d'abord.",
            );
            if problem.is_absence() { Problem::new(&kinds::NOT_MERGED).saying(said) } else { problem }
        })?;
        history::because(unmerge.reason.as_ref().map(LongText::as_str), conn).await?;
        patiently(conn).await?;
        sql_query("SELECT unmerge_partner($1)").bind::<Uuid, _>(id).execute(conn).await?;
        Ok(find::<Partner>(Address::alone(id), editor.reach(), conn).await?.into())
    })
    .await
}
