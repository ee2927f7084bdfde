//! Access tokens: what a client gets for its key (OAuth2 client credentials). Nothing of them is kept: a token names its
//! key, the roles that it keeps of it and its end, signed with what is kept of the key's secret and a secret of the
//! service. So it ends with the key, and with the secret it was given for.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq;

use super::veil::keyed;
use crate::rights::{Role, RoleWords};
use crate::values::Vocabulary;

/// What it begins with.
const PREFIX: &str = "tdt_";
/// The form of what it says: another one will have another number.
const FORM: u8 = 1;
/// The key's public identifier, the roles and the end.
const SAID: usize = 1 + 8 + 1 + 8;
const SIGNATURE: usize = 32;

/// An access token, not yet verified.
pub struct Token {
    said: [u8; SAID],
    signature: [u8; SIGNATURE],
}

impl Token {
    /// One for this key, which keeps these roles and ends at this second.
    pub fn new(public_id: &str, roles: &[Role], ends: i64, secrets: (&[u8], &[u8])) -> Option<Self> {
        let mut said = [FORM; SAID];
        hex::decode_to_slice(public_id, &mut said[1..9]).ok()?;
        said[9] =
            RoleWords::WORDS.iter().zip(0..).filter(|((code, _), _)| roles.iter().any(|role| role.code() == *code)).map(|(_, bit)| 1 << bit).sum();
        said[10..].copy_from_slice(&ends.to_be_bytes());
        Some(Self { said, signature: sign(&said, secrets) })
    }

    /// Is this credential written as one?
    pub fn is_one(text: &str) -> bool {
        text.starts_with(PREFIX)
    }

    /// Reads one.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX).filter(|rest| rest.len() == (SAID + SIGNATURE).div_ceil(3) * 4 - 1)?).ok()?;
        let (said, signature) = bytes.split_at_checked(SAID)?;
        let token = Self { said: said.try_into().ok()?, signature: signature.try_into().ok()? };
        (token.said[0] == FORM).then_some(token)
    }

    /// The key that it was given for.
    pub fn public_id(&self) -> String {
        hex::encode(&self.said[1..9])
    }

    /// The roles that it keeps.
    pub fn roles(&self) -> Vec<Role> {
        let kept = RoleWords::WORDS.iter().zip(0..).filter(|(_, bit)| self.said[9] & 1 << bit != 0);
        kept.filter_map(|((code, _), _)| Role::parse(code).ok()).collect()
    }

    /// The second at which it ends.
    pub fn ends(&self) -> i64 {
        let mut ends = [0; 8];
        ends.copy_from_slice(&self.said[10..]);
        i64::from_be_bytes(ends)
    }

    /// Was it signed with these: what is kept of the key's secret, and the service's own?
    pub fn is_signed(&self, secrets: (&[u8], &[u8])) -> bool {
        sign(&self.said, secrets).ct_eq(&self.signature).into()
    }
}

fn sign(said: &[u8; SAID], (kept, service): (&[u8], &[u8])) -> [u8; SIGNATURE] {
    keyed(b"access token", [kept, said], service)
}

impl std::fmt::Display for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{PREFIX}{}", URL_SAFE_NO_PAD.encode([&self.said[..], &self.signature[..]].concat()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_what_was_signed_and_nothing_else() {
        let roles = ["reader", "approver"].map(|code| Role::parse(code).unwrap());
        let shown = Token::new("0123456789abcdef", &roles, 1_900_000_000, (b"kept", b"service")).unwrap().to_string();
        let token = Token::parse(&shown).unwrap();
        assert_eq!((token.public_id().as_str(), token.roles().as_slice(), token.ends()), ("0123456789abcdef", &roles[..], 1_900_000_000));
        assert!(token.is_signed((b"kept", b"service")));
        assert!(!token.is_signed((b"other", b"service")) && !token.is_signed((b"kept", b"other")));
        for place in 0..shown.len() {
            let mut forged = shown.clone().into_bytes();
            forged[place] = if forged[place] == b'A' { b'B' } else { b'A' };
            let forged = Token::parse(std::str::from_utf8(&forged).unwrap());
            assert!(forged.is_none_or(|forged| !forged.is_signed((b"kept", b"service"))), "changed at {place}");
        }
        assert!(Token::parse(&shown[..shown.len() - 1]).is_none() && Token::parse("tdt_").is_none());
    }
}
