//! Access tokens: what a client gets for its key (OAuth2 client credentials). The service keeps no token. A token names its
//! key in plain letters, and says under the seal which roles it has and when it ends. It is sealed with what is kept of the
//! key's secret and with the secret of the service: so it ends with the key, and with the key's secret that it was given for.

use serde::{Deserialize, Serialize};

use super::seal::Seal;
use crate::rights::Role;

/// The beginning of every token.
const PREFIX: &str = "tdt_";

/// An access token, not yet opened.
pub struct Token<'a> {
    /// The public identifier of its key.
    pub public_id: &'a str,
    sealed: &'a str,
}

/// What a token allows, and until when.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Allows {
    /// The roles that it has of its key.
    pub roles: Vec<Role>,
    /// The second at which it ends.
    pub ends: i64,
}

impl Allows {
    /// A token that allows this, for the key with this public identifier and this stored hash of its secret.
    pub fn token(&self, public_id: &str, kept: &[u8], seal: &Seal) -> String {
        let text = serde_json::to_vec(self).unwrap_or_default();
        format!("{PREFIX}{public_id}_{}", seal.with(kept).seal(&purpose(public_id), &text))
    }
}

impl<'a> Token<'a> {
    /// Is this credential written as a token?
    pub fn is_one(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// Reads the public identifier of the key that a token is of.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (public_id, sealed) = text.strip_prefix(PREFIX)?.split_once('_')?;
        Some(Self { public_id, sealed })
    }

    /// What the token allows, if it was given for the secret with this stored hash.
    pub fn open(&self, kept: &[u8], seal: &Seal) -> Option<Allows> {
        serde_json::from_slice(&seal.with(kept).open(&purpose(self.public_id), self.sealed)?).ok()
    }
}

fn purpose(public_id: &str) -> String {
    format!("access token of {public_id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_what_was_sealed_and_nothing_else() {
        let roles = ["reader", "approver"].map(|code| Role::parse(code).unwrap()).to_vec();
        let (allows, seal) = (Allows { roles, ends: 1_900_000_000 }, Seal::new(b"service"));
        let shown = allows.token("0123456789abcdef", b"kept", &seal);
        let open = |text: &str, kept: &[u8], seal: &Seal| Token::parse(text).and_then(|token| token.open(kept, seal));
        assert_eq!(Token::parse(&shown).map(|token| token.public_id), Some("0123456789abcdef"));
        assert_eq!(open(&shown, b"kept", &seal), Some(allows));
        assert!(open(&shown, b"other", &seal).is_none() && open(&shown, b"kept", &Seal::new(b"other")).is_none());
        for place in 0..shown.len() {
            let mut forged = shown.clone().into_bytes();
            forged[place] = if forged[place] == b'A' { b'B' } else { b'A' };
            assert_eq!(open(std::str::from_utf8(&forged).unwrap(), b"kept", &seal), None, "changed at {place}");
        }
        assert!(open(&shown[..shown.len() - 1], b"kept", &seal).is_none() && open("tdt_", b"kept", &seal).is_none());
    }
}
