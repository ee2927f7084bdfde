//! What a body may name: nothing that its sender may not see. To be refused is the same as if there were no such thing. What is
//! named stays as it is until the write that names it is over: nobody hides it meanwhile.

use super::{Editor, Problem, Result};
use crate::{
    db::Conn,
    ledger::history,
    rights::{self, Place, Reach},
    values::Id,
};

/// Refuses a write by which citations come before everyone where the caller may not write (403): what is said in public of a
/// thing is said by whose it is.
pub async fn may_cite_so(editor: &Editor, conn: &mut Conn) -> Result<()> {
    for territory in history::newly_cited(conn).await? {
        editor.within(&Place { territory, ..Place::nation() })?;
    }
    Ok(())
}

/// A person whom the caller may know.
pub async fn may_name_person(person: Option<Id>, reach: &Reach, conn: &mut Conn) -> Result<()> {
    match person {
        Some(person) if !rights::visible_people(&[person], reach, conn).await?.contains(&person) => Err(Problem::unknown_reference("/person_id")),
        _ => Ok(()),
    }
}

/// A fiche that the caller sees.
pub async fn may_name_fiche(fiche: Option<Id>, reach: &Reach, conn: &mut Conn) -> Result<()> {
    if let Some(fiche) = fiche {
        history::hold("action_fiches", fiche, conn).await?;
    }
    if rights::sees_fiche(fiche, reach, conn).await? { Ok(()) } else { Err(Problem::unknown_reference("/action_fiche_id")) }
}

/// A document that the caller sees.
pub async fn may_name_document(document: Option<Id>, reach: &Reach, conn: &mut Conn) -> Result<()> {
    if let Some(document) = document {
        history::hold("documents", document, conn).await?;
    }
    if rights::sees_document(document, reach, conn).await? { Ok(()) } else { Err(Problem::unknown_reference("/document_id")) }
}
