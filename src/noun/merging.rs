//! Two things that are one: a merge moves every link to the one that stays, and can be undone. SQL functions move the links. Nothing else is
//! stored of a merge than the ledger, and the ledger is enough to undo it.

use diesel::{
    sql_query,
    sql_types::{Text, Uuid},
};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use super::{Address, Alone, Noun, Where, find, lock, open};
use crate::{
    db::{Conn, refs::lock_thing},
    http::{IfMatch, Problem, Result, Said, Writer, kinds},
    ledger::history,
    rights::Place,
    values::{Id, LongText},
};

/// What a merge names: the thing that stays, and why the two are one.
pub type Merge = (Id, Option<LongText>);

/// A noun whose things may turn out to be one. The nation merges them.
pub trait Merging: Noun<Whole = Alone> {
    /// The statement that merges the first thing into the second one.
    const MERGE: &'static str;

    /// Refuses two things that cannot be one.
    fn may_merge(&self, into: &Self, conn: &mut Conn) -> impl Future<Output = Result<()>>;
}

/// Many links may name a thing, so a merge gets more time than other writes.
async fn patiently(conn: &mut Conn) -> Result<()> {
    Ok(conn.batch_execute("SET LOCAL statement_timeout = '60s'").await?)
}

/// Merges a thing into another one, which is locked and returned. `body` reads the body of the request.
pub async fn merge<N: Merging>(id: Id, if_match: &IfMatch, body: impl FnOnce() -> Result<Merge>, by: &Writer, conn: &mut Conn) -> Result<N> {
    let merged = open::<N>(Address::alone(id), &Where::Nation, by, conn).await?;
    if_match.check(&merged, conn).await?;
    let (into_id, reason) = body()?;
    if into_id == id {
        let said = Said::new("It is not merged into itself.", "Il ne fusionne pas avec lui-même.");
        return Err(Problem::body("/into_id", "broken_rule", said));
    }
    let into = lock::<N>(Address::alone(into_id), by.reach(), conn).await.map_err(|problem| problem.named_at("/into_id"))?;
    merged.may_merge(&into, conn).await?;
    history::because(reason.as_ref().map(LongText::as_str), conn).await?;
    patiently(conn).await?;
    sql_query(N::MERGE).bind::<Uuid, _>(id).bind::<Uuid, _>(into_id).execute(conn).await?;
    find::<N>(Address::alone(into_id), by.reach(), conn).await
}

/// Undoes the merge of a thing, and returns it. `reason` reads the body of the request.
pub async fn unmerge<N: Merging>(id: Id, reason: impl FnOnce() -> Result<Option<LongText>>, by: &Writer, conn: &mut Conn) -> Result<N> {
    lock_thing(id, conn).await?;
    let into = match lock::<N>(Address::alone(id), by.reach(), conn).await {
        Ok(_) => None,
        Err(problem) if problem.kind() == &kinds::GONE => Some(history::merged_into(id, conn).await?.ok_or(problem)?),
        Err(problem) => return Err(problem),
    };
    by.within(&Place::nation())?;
    let reason = reason()?;
    let Some(into) = into else {
        let said = Said::new("It is not merged into another one.", "Il n'est fusionné avec aucun autre.");
        return Err(Problem::new(&kinds::NOT_MERGED).saying(said));
    };
    lock::<N>(Address::alone(into), by.reach(), conn).await.map_err(|problem| {
        let said = Said::new(
            "The one that it was merged into is not there: bring that one back first.",
            "Celui qui l'a absorbé n'est plus là : rétablissez-le d'abord.",
        );
        if problem.is_absence() { Problem::new(&kinds::NOT_MERGED).saying(said) } else { problem }
    })?;
    history::because(reason.as_ref().map(LongText::as_str), conn).await?;
    patiently(conn).await?;
    sql_query("SELECT unmerge($1, $2)").bind::<Text, _>(N::CARD.table).bind::<Uuid, _>(id).execute(conn).await?;
    find::<N>(Address::alone(id), by.reach(), conn).await
}
