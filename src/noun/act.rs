//! The one way of writing. Every write, over HTTP or by a command, passes the same checks in the same order:
//!
//! 1. May the caller see the thing, or the whole of a new part? (404, 410)
//! 2. Has the caller the right over its place? (403)
//! 3. Does `If-Match` name the present version? (428, 412)
//! 4. Is the body valid? (400, 415, 422)
//! 5. May the body name what it names? And the rules that are particular to the noun. (403, 409, 422)
//! 6. The write. The right is checked again if the write moved the thing to another place, or if only the written row can tell.

use super::{Address, Noun, Where, Whole, card::in_words, lock, look, naming};
use crate::{
    db::Conn,
    http::{IfMatch, Json, OrUnchanged, Problem, Result, Writer},
    rights::Place,
    values::{Id, Many},
};

/// A write that is to be done. It is passed by reference, because a write that meets a deadlock is tried again.
pub enum Act<'a, N: Noun> {
    /// Creates the thing at this address.
    Make(Address<N>, &'a Json<N::New>),
    /// Changes the thing at this address.
    Change(Address<N>, &'a IfMatch, &'a Json<N::Patch>),
    /// Removes the thing at this address.
    Remove(Address<N>, &'a IfMatch),
}

/// The result of a write.
pub struct Done<N>(
    /// The thing after the write; nothing when it was removed.
    pub Option<N>,
);

impl<N> Done<N> {
    /// The thing that was created or changed.
    pub fn thing(self) -> Result<N> {
        self.0.ok_or_else(|| Problem::new(&crate::http::kinds::INTERNAL))
    }
}

/// Checks and does the write, inside of a transaction whose author is the writer.
pub async fn act<N: Noun>(act: &Act<'_, N>, by: &Writer, conn: &mut Conn) -> Result<Done<N>> {
    let done = match act {
        Act::Make(at, body) => make(*at, body, by, conn).await,
        Act::Change(at, if_match, body) => change(*at, if_match, body, by, conn).await,
        Act::Remove(at, if_match) => remove(*at, if_match, by, conn).await,
    };
    done.map_err(in_words::<N>)
}

async fn make<N: Noun>(at: Address<N>, body: &Json<N::New>, by: &Writer, conn: &mut Conn) -> Result<Done<N>> {
    let whole = N::Whole::open(at.whole, by, conn).await?;
    let make = N::WRITING.make;
    match make.whole_place::<N::Whole>(&whole) {
        Some(place) => by.within(&place)?,
        None => by.anywhere()?,
    }
    let new = naming::valid::<N, _>(body, by.reach(), conn).await?;
    ask_new::<N>(&new, by, conn).await?;
    N::parts(&new, &mut Parts(Turn::Ask(by, conn))).await?;
    let made = N::insert(at, &new, conn).await?;
    N::parts(&new, &mut Parts(Turn::Insert(at.id, conn))).await?;
    made.settle(by, conn).await?;
    Ok(Done(Some(made)))
}

/// Refuses a valid body that creates something the caller may not create.
async fn ask_new<N: Noun>(new: &N::New, by: &Writer, conn: &mut Conn) -> Result<()> {
    if let Where::At(place) = N::WRITING.make {
        by.within(&place(new))?;
    }
    naming::ask_made::<N>(new, by.reach(), conn).await?;
    N::may_make(new, by, conn).await
}

async fn change<N: Noun>(at: Address<N>, if_match: &IfMatch, body: &Json<N::Patch>, by: &Writer, conn: &mut Conn) -> Result<Done<N>> {
    let change = N::WRITING.change;
    let current = open(at, &change, by, conn).await?;
    current.may_write(by, conn).await?;
    if_match.check(&current, conn).await?;
    let patch = naming::valid::<N, _>(body, by.reach(), conn).await?;
    naming::ask_changed::<N>(&patch, by.reach(), conn).await?;
    current.may_change(&patch, by, conn).await?;
    let was = change.place_of(&current);
    let changed = N::patch(at, &patch, conn).await.or_unchanged(current)?;
    if let Some(place) = change.place_of(&changed).filter(|place| Some(place) != was.as_ref()) {
        by.within(&place)?;
    }
    changed.settle(by, conn).await?;
    Ok(Done(Some(changed)))
}

async fn remove<N: Noun>(at: Address<N>, if_match: &IfMatch, by: &Writer, conn: &mut Conn) -> Result<Done<N>> {
    let current = open(at, &N::WRITING.remove, by, conn).await?;
    current.may_write(by, conn).await?;
    current.may_remove(by, conn).await?;
    if_match.check(&current, conn).await?;
    N::remove(at, conn).await?;
    Ok(Done(None))
}

/// Finds the thing that is to be written. Checks that the caller may see it and may write it, and locks it until the transaction ends. The
/// right over a whole is checked before its part is looked for: a caller who may not write the parts does not learn which parts exist.
pub async fn open<N: Noun>(at: Address<N>, right: &Where<N>, by: &Writer, conn: &mut Conn) -> Result<N> {
    if !N::Whole::IS {
        let thing = lock(at, by.reach(), conn).await?;
        right.ask(&thing, by)?;
        return Ok(thing);
    }
    let whole = N::Whole::open(at.whole, by, conn).await?;
    if let Some(place) = right.whole_place::<N::Whole>(&whole) {
        by.within(&place)?;
    }
    let thing = look(at, by.reach(), conn).await?;
    right.ask(&thing, by)?;
    Ok(thing)
}

impl<T> Where<T> {
    /// The place, if it does not depend on the thing itself.
    fn whole_place<W: Whole>(&self, whole: &W::Thing) -> Option<Place> {
        match self {
            Self::Nation => Some(Place::nation()),
            Self::Whole => Some(W::place(whole)),
            Self::Anywhere | Self::At(_) => None,
        }
    }

    /// The place, if the thing itself names it.
    fn place_of(&self, thing: &T) -> Option<Place> {
        match self {
            Self::At(place) => Some(place(thing)),
            Self::Nation | Self::Anywhere | Self::Whole => None,
        }
    }

    /// Refuses (403) a caller without the right. For a part, the right over the place of the whole was checked before.
    fn ask(&self, thing: &T, by: &Writer) -> Result<()> {
        match self {
            Self::Nation => by.within(&Place::nation()),
            Self::At(place) => by.within(&place(thing)),
            Self::Anywhere => by.anywhere(),
            Self::Whole => Ok(()),
        }
    }
}

/// The steps for the parts in the body of their whole.
pub struct Parts<'a>(Turn<'a>);

enum Turn<'a> {
    /// Checks each part before the write.
    Ask(&'a Writer, &'a mut Conn),
    /// Inserts each part into the whole with this identifier.
    Insert(Id, &'a mut Conn),
}

impl Parts<'_> {
    /// Does the step for the parts in this member. The refusal of a part points to its place in the body.
    pub async fn take<P>(&mut self, member: &str, parts: &Many<P::New>) -> Result<()>
    where
        P: Noun<Whole: Whole<Id = Id>>,
    {
        for (index, part) in parts.iter().enumerate() {
            let done = match &mut self.0 {
                Turn::Ask(by, conn) => ask_new::<P>(part, by, conn).await,
                Turn::Insert(whole, conn) => P::insert(Address::new(*whole), part, conn).await.map(drop),
            };
            done.map_err(|problem| in_words::<P>(problem).inside(member, index))?;
        }
        Ok(())
    }
}
