//! What a body may name. A caller who names a hidden thing gets the same refusal as for a thing that does not exist. The named thing is
//! locked until the write ends, so that nobody hides it meanwhile.

use super::Noun;
use crate::{
    db::{Conn, refs::share_row},
    http::{Problem, Result, Writer},
    rights::{self, Place, Reach},
    values::Id,
};

/// A member of a noun that names a thing which not everyone may see.
pub struct Naming<N: Noun> {
    /// The member: `person_id`, `action_fiche_id` or `document_id`.
    pub member: &'static str,
    named: Named,
    made: fn(&N::New) -> Option<Id>,
    changed: fn(&N::Patch) -> Option<Id>,
}

#[derive(Clone, Copy)]
enum Named {
    Person,
    Fiche,
    Document,
}

impl<N: Noun> Naming<N> {
    /// A member that names a person: how it is read from the body that creates, and from the body that changes.
    pub const fn person(made: fn(&N::New) -> Option<Id>, changed: fn(&N::Patch) -> Option<Id>) -> Self {
        Self { member: "person_id", named: Named::Person, made, changed }
    }

    /// A member that names a fiche: how it is read from the body that creates, and from the body that changes.
    pub const fn fiche(made: fn(&N::New) -> Option<Id>, changed: fn(&N::Patch) -> Option<Id>) -> Self {
        Self { member: "action_fiche_id", named: Named::Fiche, made, changed }
    }

    /// A member that names a document: how it is read from the body that creates, and from the body that changes.
    pub const fn document(made: fn(&N::New) -> Option<Id>, changed: fn(&N::Patch) -> Option<Id>) -> Self {
        Self { member: "document_id", named: Named::Document, made, changed }
    }
}

/// Refuses (422) a body that creates a thing and names something that the caller may not see.
pub(super) async fn ask_made<N: Noun>(new: &N::New, reach: &Reach, conn: &mut Conn) -> Result<()> {
    for naming in N::NAMES {
        ask(naming.named, naming.member, (naming.made)(new), reach, conn).await?;
    }
    Ok(())
}

/// Refuses (422) a body that changes a thing and names something that the caller may not see.
pub(super) async fn ask_changed<N: Noun>(patch: &N::Patch, reach: &Reach, conn: &mut Conn) -> Result<()> {
    for naming in N::NAMES {
        ask(naming.named, naming.member, (naming.changed)(patch), reach, conn).await?;
    }
    Ok(())
}

async fn ask(named: Named, member: &str, id: Option<Id>, reach: &Reach, conn: &mut Conn) -> Result<()> {
    let Some(id) = id else { return Ok(()) };
    let seen = match named {
        Named::Person => rights::visible_people(&[id], reach, conn).await?.contains(&id),
        Named::Fiche => {
            share_row("action_fiches", id, conn).await?;
            rights::sees_fiche(Some(id), reach, conn).await?
        }
        Named::Document => {
            share_row("documents", id, conn).await?;
            rights::sees_document(Some(id), reach, conn).await?
        }
    };
    if seen { Ok(()) } else { Err(Problem::unknown_reference(format!("/{member}"))) }
}

/// Refuses (403) a write that makes citations public in a territory where the caller may not write. Only the editors of a thing say in
/// public where its facts come from.
pub async fn may_cite_so(by: &Writer, conn: &mut Conn) -> Result<()> {
    for territory in rights::newly_cited(conn).await? {
        by.within(&Place { territory, ..Place::nation() })?;
    }
    Ok(())
}
