//! The rule of the moves of a fiche. A transition by hand and the decision of a meeting both follow it.

use crate::{
    http::{Problem, Result, Said},
    values::Move,
};

/// Refuses a move that the state of the fiche does not allow (409, with the allowed states), and a move that needs a reason and has none
/// (422 at `/reason`). `pointer` is the member of the body that names the new state.
pub fn may_move(axis: &str, from: &str, to: &str, pointer: &str, reasoned: bool) -> Result<()> {
    let Some(Move(.., reason_needed)) = Move::all_from(axis, from).find(|Move(_, _, end, _)| *end == to) else {
        return Err(Problem::forbidden_transition(pointer, from, Move::all_from(axis, from).map(|Move(_, _, end, _)| *end).collect()));
    };
    if *reason_needed && !reasoned {
        return Err(Problem::body("/reason", "missing_field", Said::new("This move needs a reason.", "Ce passage demande un motif.")));
    }
    Ok(())
}
