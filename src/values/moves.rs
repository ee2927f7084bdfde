//! The moves that a fiche can make along its two axes: what a decision or an edit may change, and from where.

/// A move that is allowed: along which axis, from where, to where, and whether a reason is needed.
#[derive(Debug)]
pub struct Move(pub &'static str, pub &'static str, pub &'static str, pub bool);

/// Every move there is. What decides on a fiche needs a reason, which cites the decision; so do blocking, abandoning and
/// reopening. What nobody tells of a fiche's progress is unknown, until somebody does.
pub static MOVES: [Move; 34] = [
    Move("validation", "draft", "submitted", false),
    Move("validation", "draft", "withdrawn", true),
    Move("validation", "submitted", "draft", false),
    Move("validation", "submitted", "validated", true),
    Move("validation", "submitted", "postponed", true),
    Move("validation", "submitted", "refused", true),
    Move("validation", "submitted", "withdrawn", true),
    Move("validation", "postponed", "submitted", false),
    Move("validation", "postponed", "withdrawn", true),
    Move("validation", "refused", "submitted", true),
    Move("validation", "validated", "withdrawn", true),
    Move("progress", "not_started", "in_progress", false),
    Move("progress", "not_started", "blocked", true),
    Move("progress", "not_started", "abandoned", true),
    Move("progress", "in_progress", "paused", false),
    Move("progress", "in_progress", "blocked", true),
    Move("progress", "in_progress", "done", false),
    Move("progress", "in_progress", "abandoned", true),
    Move("progress", "paused", "in_progress", false),
    Move("progress", "paused", "blocked", true),
    Move("progress", "paused", "abandoned", true),
    Move("progress", "blocked", "in_progress", false),
    Move("progress", "blocked", "paused", false),
    Move("progress", "blocked", "not_started", false),
    Move("progress", "blocked", "abandoned", true),
    Move("progress", "done", "in_progress", true),
    Move("progress", "abandoned", "in_progress", true),
    Move("progress", "not_started", "unknown", true),
    Move("progress", "unknown", "not_started", false),
    Move("progress", "unknown", "in_progress", false),
    Move("progress", "unknown", "paused", false),
    Move("progress", "unknown", "blocked", true),
    Move("progress", "unknown", "done", false),
    Move("progress", "unknown", "abandoned", true),
];

impl Move {
    /// Every move along this axis from this state.
    pub fn all_from(axis: &str, from: &str) -> impl Iterator<Item = &'static Self> {
        MOVES.iter().filter(move |Self(along, start, ..)| *along == axis && *start == from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_move_stands_twice_and_what_is_decided_has_a_reason() {
        for (index, Move(axis, from, to, _)) in MOVES.iter().enumerate() {
            let twin = |Move(a, f, t, _): &Move| (a, f, t) == (axis, from, to);
            assert!(!MOVES[index + 1..].iter().any(twin), "{axis}: {from} to {to} stands twice");
        }
        for decided in ["validated", "postponed", "refused", "withdrawn", "blocked", "abandoned"] {
            assert!(MOVES.iter().filter(|Move(_, _, to, _)| *to == decided).all(|Move(.., reason)| *reason), "{decided} needs a reason");
        }
    }
}
