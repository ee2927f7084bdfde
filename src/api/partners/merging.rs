//! Two partners that are one: merging them, and undoing that. The functions of the database move the links; the ledger is all
//! that is kept of it.

use actix_web::{post, web::Data};
use diesel::{sql_query, sql_types::Uuid};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Partner;
use crate::{
    db::{Conn, Db},
    http::{Approver, At, IfMatch, Json, Problem, Result, Said, Tagged, kinds},
    ledger::history,
    noun::{Address, Noun, find, hold, open},
    rights::{Place, Reach},
    values::{Id, LongText},
};

/// Into which partner another one is merged, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPartnerMerge {
    /// The partner that stays.
    into_id: Id,
    /// Why they are one.
    reason: Option<LongText>,
}

/// Why a merge is undone.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPartnerUnmerge {
    /// Why they are two.
    reason: Option<LongText>,
}

pub fn routes(routes: &mut ServiceConfig) {
    routes.service(merge_partner).service(unmerge_partner);
}

/// A partner may stand in many things: that takes its time.
async fn patiently(conn: &mut Conn) -> Result<()> {
    Ok(conn.batch_execute("SET LOCAL statement_timeout = '60s'").await?)
}

/// The partner that stays, locked.
async fn stays(merged: &Partner, into_id: Id, reach: &Reach, conn: &mut Conn) -> Result<Partner> {
    if into_id == merged.id {
        let said = Said::new("A partner is not merged into itself.", "Un partenaire ne fusionne pas avec lui-même.");
        return Err(Problem::body("/into_id", "broken_rule", said));
    }
    let into = hold::<Partner>(Address::alone(into_id), reach, conn).await.map_err(|problem| problem.named_at("/into_id"))?;
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
/// For two partners that are one. Every link to the partner (seats, mandates, participations, commitments, funding lines,
/// citations…) moves to the other one, which takes over what it does not say of itself, and the names as aliases. From then on
/// the address of the partner answers 308 with that of the other one; the feed has a `merge` of the one, and a `delete` of the other
/// with `merged_into`. Answers with the one
/// that stays. For a national approver; `POST /partners/{id}/unmerge` undoes it.
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
/// The partner that was merged comes back under its identifier, and each link that was moved goes back to it, unless somebody
/// changed it since; so does what the other one took over. Answers with the partner that comes back. For a national approver.
#[utoipa::path(responses((status = OK, body = Partner)))]
#[post("/partners/{id}/unmerge")]
async fn unmerge_partner(db: Data<Db>, editor: Approver, At(id): At, body: Json<NewPartnerUnmerge>) -> Result<Tagged<Partner>> {
    db.write(&editor, async |conn| {
        let into = match hold::<Partner>(Address::alone(id), editor.reach(), conn).await {
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
        hold::<Partner>(Address::alone(into), editor.reach(), conn).await.map_err(|problem| {
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
