//! What a body may name. A caller who names a hidden thing gets the same refusal as for a thing that does not exist. The named thing is
//! locked until the write ends, so that nobody hides it meanwhile.

use std::collections::HashSet;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Noun;
use crate::{
    db::{
        Conn,
        refs::{Mention, Sought, seek, share_row},
    },
    http::{Json, Problem, Result, Writer, Wrong, kinds},
    rights::{self, Place, Reach},
    values::{Id, Many},
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

/// Refuses (422) a body with all the faults that it has: those that keep it from being read, and everything that it names and that is not
/// there, or that the caller may not see. A body that is valid and names one thing only is told by the write itself.
pub(super) async fn valid<N: Noun, B: DeserializeOwned>(body: &Json<B>, reach: &Reach, conn: &mut Conn) -> Result<B> {
    let valid = body.valid();
    let asks = match &valid {
        Ok(_) => 2,
        Err(problem) if std::ptr::eq(problem.kind(), &kinds::INVALID_BODY) => 1,
        Err(_) => return valid,
    };
    let mentions = body.value().map(|value| mentions::<N>(&value)).unwrap_or_default();
    if mentions.len() < asks {
        return valid;
    }
    let unknown: Vec<Wrong> = unknown(&mentions, reach, conn).await?.into_iter().map(Wrong::unknown_reference).collect();
    match valid {
        Err(problem) => Err(problem.and(unknown)),
        Ok(_) if !unknown.is_empty() => Err(Problem::errors(&kinds::INVALID_BODY, unknown)),
        valid => valid,
    }
}

/// The most members of one item that are looked at. No noun names so many things.
const NAMED: usize = 20;

/// What a body names, itself and in its parts.
fn mentions<N: Noun>(body: &Value) -> Vec<Mention> {
    let named = |noun: &'static str, at: &str, item: &Value| -> Vec<Mention> {
        let members = item.as_object().into_iter().flatten();
        let named = members.filter_map(|(member, id)| Some((member, id.as_str().and_then(|id| Id::parse(id).ok())?)));
        named.take(NAMED).map(|(member, id)| Mention { pointer: format!("{at}/{member}"), noun, member: member.clone(), id }).collect()
    };
    let mut all = named(N::CARD.table, "", body);
    for part in N::PARTS {
        let member = part.card.segment(Some(&N::CARD)).replace('-', "_");
        let items = body.get(&member).and_then(Value::as_array).into_iter().flatten().take(Many::<Value>::MOST).enumerate();
        all.extend(items.flat_map(|(index, item)| named(part.card.table, &format!("/{member}/{index}"), item)));
    }
    all
}

/// The places where a body names what is not there, or what the caller may not see.
async fn unknown(mentions: &[Mention], reach: &Reach, conn: &mut Conn) -> Result<Vec<String>> {
    let sought = seek(mentions, conn).await?;
    let of = |table: &str| sought.iter().filter(|sought| sought.target == table).map(|sought| sought.id).collect::<Vec<_>>();
    let (people, fiches, documents) = (of("people"), of("action_fiches"), of("documents"));
    let people = if people.is_empty() { HashSet::new() } else { rights::visible_people(&people, reach, conn).await? };
    let fiches = if fiches.is_empty() { HashSet::new() } else { rights::visible_fiches(&fiches, reach, conn).await? };
    let documents = if documents.is_empty() { HashSet::new() } else { rights::visible_documents(&documents, reach, conn).await? };
    let seen = |sought: &Sought| match sought.target.as_str() {
        "people" => people.contains(&sought.id),
        "action_fiches" => fiches.contains(&sought.id),
        "documents" => documents.contains(&sought.id),
        _ => sought.stands,
    };
    Ok(sought.iter().filter(|sought| !seen(sought)).map(|sought| sought.pointer.clone()).collect())
}

/// Refuses (403) a write that makes citations public in a territory where the caller may not write. Only the editors of a thing say in
/// public where its facts come from.
pub async fn may_cite_so(by: &Writer, conn: &mut Conn) -> Result<()> {
    for territory in rights::newly_cited(conn).await? {
        by.within(&Place { territory, ..Place::nation() })?;
    }
    Ok(())
}
