//! The rule of a fiche's moves, for whoever moves one: a transition by hand, or the decision of a meeting.

use crate::{
    http::{Problem, Result, Said},
    values::Move,
};

/// Refuses a move that is not allowed from where the fiche stands (409, with the allowed ones), and one that needs a reason and
/// has none (422 at `/reason`). `pointer` is the member of the body that says where to.
pub fn may_move(axis: &str, from: &str, to: &str, pointer: &str, reasoned: bool) -> Result<()> {
    let Some(Move(.., reason_needed)) = Move::all_from(axis, from).find(|Move(_, _, end, _)| *end == to) else {
        return Err(Problem::forbidden_transition(pointer, from, Move::all_from(axis, from).map(|Move(_, _, end, _)| *end).collect()));
    };
    if *reason_needed && !reasoned {
        return Err(Problem::body("/reason", "missing_field", Said::new("This move needs a reason.", "Ce passage demande un motif.")));
    }
    Ok(())
}
