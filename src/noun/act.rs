//! The one way of writing. Whoever writes a thing, over HTTP or by a command, has the same asked in the same order:
//!
//! 1. Is the thing, or the whole that it is to be a part of, seen by the caller? (404, 410)
//! 2. Has the caller the right over its place? (403)
//! 3. Is the version that the caller read the one that stands? (428, 412)
//! 4. Is the body in order? (400, 415, 422)
//! 5. May the body name what it names, and what is particular to the noun? (403, 409, 422)
//! 6. The write. Where a write moved the thing to another place, or only the written row can tell, the right is asked again.

use super::{Address, Noun, Where, Whole, card::in_words, hold, look, naming};
use crate::{
    db::Conn,
    http::{IfMatch, Json, OrUnchanged, Problem, Result, Writer},
    rights::Place,
    values::{Id, Many},
};

/// What is to be done. A write that meets a deadlock is tried again: so it is asked by reference.
pub enum Act<'a, N: Noun> {
    /// One is made at this address.
    Make(Address<N>, &'a Json<N::New>),
    /// The one at this address is changed.
    Change(Address<N>, &'a IfMatch, &'a Json<N::Patch>),
    /// The one at this address is removed.
    Remove(Address<N>, &'a IfMatch),
}

/// What was done.
pub struct Done<N>(
    /// The thing as it stands; nothing once it is removed.
    pub Option<N>,
);

impl<N> Done<N> {
    /// The thing that was made or changed.
    pub fn thing(self) -> Result<N> {
        self.0.ok_or_else(|| Problem::new(&crate::http::kinds::INTERNAL))
    }
}

/// Does it, once all is asked. Inside of a transaction that the writer signs.
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
    let new = body.valid()?;
    ask_new::<N>(&new, by, conn).await?;
    N::parts(&new, &mut Parts(Step::Ask(by, conn))).await?;
    let made = N::insert(at, &new, conn).await?;
    N::parts(&new, &mut Parts(Step::Insert(at.id, conn))).await?;
    made.settle(by, conn).await?;
    Ok(Done(Some(made)))
}

/// Refuses a body that is in order, and makes what its sender may not make.
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
    let patch = body.valid()?;
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

/// The thing that is to be written: seen by the caller, locked until the transaction ends, and written by the caller's right.
/// Whoever may not write the parts of a whole is not told which parts it has.
pub async fn open<N: Noun>(at: Address<N>, right: &Where<N>, by: &Writer, conn: &mut Conn) -> Result<N> {
    if !N::Whole::IS {
        let thing = hold(at, by.reach(), conn).await?;
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
    /// The place, where it does not depend on the thing itself.
    fn whole_place<W: Whole>(&self, whole: &W::Thing) -> Option<Place> {
        match self {
            Self::Nation => Some(Place::nation()),
            Self::Whole => Some(W::place(whole)),
            Self::Anywhere | Self::At(_) => None,
        }
    }

    /// The place, where the thing itself names it.
    fn place_of(&self, thing: &T) -> Option<Place> {
        match self {
            Self::At(place) => Some(place(thing)),
            Self::Nation | Self::Anywhere | Self::Whole => None,
        }
    }

    /// Refuses who has not the right; of a part, over the whole's place it was asked already.
    fn ask(&self, thing: &T, by: &Writer) -> Result<()> {
        match self {
            Self::Nation => by.within(&Place::nation()),
            Self::At(place) => by.within(&place(thing)),
            Self::Anywhere => by.anywhere(),
            Self::Whole => Ok(()),
        }
    }
}

/// What is done with the parts that come in the body of their whole.
pub struct Parts<'a>(Step<'a>);

enum Step<'a> {
    /// What is asked of each before the write.
    Ask(&'a Writer, &'a mut Conn),
    /// Each is added to the whole of this identifier.
    Insert(Id, &'a mut Conn),
}

impl Parts<'_> {
    /// Takes the parts that this member holds. What is refused of one is told at its place in the body.
    pub async fn take<P>(&mut self, member: &str, parts: &Many<P::New>) -> Result<()>
    where
        P: Noun<Whole: Whole<Id = Id>>,
    {
        for (index, part) in parts.iter().enumerate() {
            let done = match &mut self.0 {
                Step::Ask(by, conn) => ask_new::<P>(part, by, conn).await,
                Step::Insert(whole, conn) => P::insert(Address::new(*whole), part, conn).await.map(drop),
            };
            done.map_err(|problem| in_words::<P>(problem).inside(member, index))?;
        }
        Ok(())
    }
}
