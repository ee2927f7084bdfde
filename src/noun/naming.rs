//! What a body may name: nothing that its sender may not see. A sender who names such a thing is refused as if there were no
//! such thing. What is named stays as it is until the write that names it is over: nobody hides it meanwhile.

use super::Noun;
use crate::{
    db::Conn,
    http::{Problem, Result, Writer},
    ledger::history,
    rights::{self, Place, Reach},
    values::Id,
};

/// A member by which the things of a noun name something that not everyone may see.
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
    /// A person, as a body that makes or changes one names it.
    pub const fn person(made: fn(&N::New) -> Option<Id>, changed: fn(&N::Patch) -> Option<Id>) -> Self {
        Self { member: "person_id", named: Named::Person, made, changed }
    }

    /// A fiche, as a body that makes or changes one names it.
    pub const fn fiche(made: fn(&N::New) -> Option<Id>, changed: fn(&N::Patch) -> Option<Id>) -> Self {
        Self { member: "action_fiche_id", named: Named::Fiche, made, changed }
    }

    /// A document, as a body that makes or changes one names it.
    pub const fn document(made: fn(&N::New) -> Option<Id>, changed: fn(&N::Patch) -> Option<Id>) -> Self {
        Self { member: "document_id", named: Named::Document, made, changed }
    }
}

/// Refuses a body that makes a thing, and names what the caller may not see.
pub(super) async fn ask_made<N: Noun>(new: &N::New, reach: &Reach, conn: &mut Conn) -> Result<()> {
    for naming in N::NAMES {
        ask(naming.named, naming.member, (naming.made)(new), reach, conn).await?;
    }
    Ok(())
}

/// Refuses a body that changes a thing, and names what the caller may not see.
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
            history::hold("action_fiches", id, conn).await?;
            rights::sees_fiche(Some(id), reach, conn).await?
        }
        Named::Document => {
            history::hold("documents", id, conn).await?;
            rights::sees_document(Some(id), reach, conn).await?
        }
    };
    if seen { Ok(()) } else { Err(Problem::unknown_reference(format!("/{member}"))) }
}

/// Refuses a write by which citations come before everyone where the caller may not write (403). What is said of a thing in
/// public is said by whose the thing is.
pub async fn may_cite_so(by: &Writer, conn: &mut Conn) -> Result<()> {
    for territory in rights::newly_cited(conn).await? {
        by.within(&Place { territory, ..Place::nation() })?;
    }
    Ok(())
}
