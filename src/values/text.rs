//! Texts: normalised (NFC, trimmed), bounded, and free of what no name or sentence holds.

use std::{fmt, marker::PhantomData};

use diesel::{
    AsExpression, FromSqlRow,
    deserialize::{self, FromSql},
    pg::{Pg, PgValue},
    serialize::{self, Output, ToSql},
    sql_types::Text,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use unicode_normalization::UnicodeNormalization;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

use super::{Fault, Forbidden, normalised};

/// What makes a text valid: its checks and its place in the document.
pub trait Rule: fmt::Debug + Clone + 'static {
    /// The name of its schema.
    const NAME: &'static str;
    /// The most characters it may have. In bytes it may have four times as many.
    const MAX: usize;
    /// A regular expression that says the form, where there is one.
    const PATTERN: Option<&'static str> = None;
    /// An example that is valid.
    const EXAMPLE: &'static str;
    /// What it is, for the document.
    const ABOUT: &'static str;
    /// May it have several lines?
    const LINES: bool = false;

    /// The one form of a text that may be written in several ways. Most texts are stored as they are.
    fn tidy(text: String) -> String {
        text
    }

    /// The code of what is wrong with this normalised text, if anything.
    fn fault(_text: &str) -> Option<&'static str> {
        None
    }
}

/// A text that keeps its rule: an invalid one cannot exist.
#[derive(Debug, Clone, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
pub struct Checked<R: Rule>(String, PhantomData<R>);

impl<R: Rule> Checked<R> {
    /// The reading of codes of this type, for filters.
    pub const CODING: &'static Coding = &Coding { name: R::NAME, longest: R::MAX, read: |text| Self::parse(text).map(|Self(code, _)| code) };

    /// Normalises and checks a text. Errs with the code of a [`Fault`].
    pub fn parse(raw: &str) -> Result<Self, &'static str> {
        let text = R::tidy(normalised(raw, R::LINES).map_err(|_| "forbidden_character")?);
        if text.is_empty() {
            return Err("blank");
        }
        // What has another form is not only too long.
        match R::fault(&text) {
            Some(code) => Err(code),
            None if text.chars().count() > R::MAX => Err("too_long"),
            None => Ok(Self(text, PhantomData)),
        }
    }

    /// Normalises and checks a text of a file. Errs with a sentence in English.
    pub fn told(raw: &str) -> Result<Self, String> {
        Self::parse(raw).map_err(|code| {
            let sentence = |fault: &Fault| fault.sentences(&particulars(code, raw, R::LINES, R::MAX)).0;
            Fault::find(code).map_or_else(|| code.to_owned(), sentence)
        })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How the codes of one type are read: in whatever case, with or without spaces, into the one form that is stored.
#[derive(Debug)]
pub struct Coding {
    /// The name of the schema.
    pub name: &'static str,
    /// The most characters of a code.
    pub longest: usize,
    /// Reads a code. Errs with the code of a [`Fault`].
    pub read: fn(&str) -> Result<String, &'static str>,
}

impl PartialEq for Coding {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// What the sentence of this fault tells of a text: the character that is not allowed and its place, the longest text.
pub fn particulars(code: &str, raw: &str, lines: bool, most: usize) -> Vec<String> {
    match (code, normalised(raw, lines)) {
        ("forbidden_character", Err(Forbidden(char, place))) => vec![format!("U+{:04X}", u32::from(char)), place.to_string()],
        ("too_long", _) => vec![most.to_string()],
        _ => Vec::new(),
    }
}

impl<R: Rule> Serialize for Checked<R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de, R: Rule> Deserialize<'de> for Checked<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = String::deserialize(deserializer)?;
        Self::parse(&raw).map_err(|code| de::Error::custom(Fault::message(code, &particulars(code, &raw, R::LINES, R::MAX))))
    }
}

impl<R: Rule> ToSql<Text, Pg> for Checked<R> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        <str as ToSql<Text, Pg>>::to_sql(&self.0, out)
    }
}

impl<R: Rule> FromSql<Text, Pg> for Checked<R> {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(<String as FromSql<Text, Pg>>::from_sql(value)?, PhantomData))
    }
}

impl<R: Rule> PartialSchema for Checked<R> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(Some(1))
            .max_length(Some(R::MAX))
            .pattern(R::PATTERN)
            .description(Some(R::ABOUT))
            .examples([R::EXAMPLE])
            .into()
    }
}

impl<R: Rule> ToSchema for Checked<R> {
    fn name() -> std::borrow::Cow<'static, str> {
        R::NAME.into()
    }
}

/// A name without case, accents, ligatures, typographic dashes and apostrophes, or runs of spaces, as the function `fold` of the database makes
/// it: two names of one form are one name there.
pub fn fold(name: &str) -> String {
    let plain = name.nfkd().flat_map(char::to_lowercase).filter(|char| !('\u{300}'..='\u{36f}').contains(char));
    let plain = plain.map(|char| match char {
        '\u{2010}'..='\u{2014}' | '\u{2212}' => '-',
        '\u{2018}' | '\u{2019}' => '\'',
        char => char,
    });
    let plain = plain.collect::<String>().replace('œ', "oe").replace('æ', "ae");
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A name or a title on one line, of at most 300 characters.
pub type Name = Checked<rules::Name>;
/// A line of at most 1 000 characters.
pub type ShortText = Checked<rules::ShortText>;
/// A text of several lines, of at most 20 000 characters.
pub type LongText = Checked<rules::LongText>;
/// An ASCII code in snake_case.
pub type Code = Checked<rules::Code>;
/// The name of a scheme of themes.
pub type Scheme = Checked<rules::Scheme>;
/// A SIREN, the nine digits of an organisation.
pub type Siren = Checked<rules::Siren>;
/// A SIRET, the fourteen digits of an establishment.
pub type Siret = Checked<rules::Siret>;
/// A commune code of the COG.
pub type CommuneCode = Checked<rules::CommuneCode>;
/// A region code of the COG.
pub type RegionCode = Checked<rules::RegionCode>;
/// A department code of the COG.
pub type DepartmentCode = Checked<rules::DepartmentCode>;
/// The official code of a territory, unique within a phase only.
pub type OfficialCode = Checked<rules::OfficialCode>;
/// An http or https address.
pub type Url = Checked<rules::Url>;
/// An e-mail address of a service.
pub type Email = Checked<rules::Email>;
/// A telephone number of a service.
pub type Phone = Checked<rules::Phone>;

/// The rules of texts.
pub mod rules {
    use super::Rule;

    /// No control characters.
    const ONE_LINE: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f]+$";

    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Name;
    impl Rule for Name {
        const NAME: &'static str = "Name";
        const MAX: usize = 300;
        const PATTERN: Option<&'static str> = Some(ONE_LINE);
        const EXAMPLE: &'static str = "Communauté urbaine d'Alençon";
        const ABOUT: &'static str = "A name or a title, on one line.";
    }

    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ShortText;
    impl Rule for ShortText {
        const NAME: &'static str = "ShortText";
        const MAX: usize = 1000;
        const PATTERN: Option<&'static str> = Some(ONE_LINE);
        const EXAMPLE: &'static str = "Présidente du conseil régional";
        const ABOUT: &'static str = "A line of text.";
    }

    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct LongText;
    impl Rule for LongText {
        const NAME: &'static str = "LongText";
        const MAX: usize = 20_000;
        const EXAMPLE: &'static str = "Réfection totale des voiries du parc.";
        const ABOUT: &'static str = "A text of several lines, stored as it is.";
        const LINES: bool = true;
    }

    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Code;
    impl Rule for Code {
        const NAME: &'static str = "Code";
        const MAX: usize = 100;
        const PATTERN: Option<&'static str> = Some("^[A-Za-z][A-Za-z0-9_]*$");
        const EXAMPLE: &'static str = "attirer";
        const ABOUT: &'static str = "A code in snake_case; it is stored in lowercase.";
        fn tidy(text: String) -> String {
            text.to_ascii_lowercase()
        }
        fn fault(text: &str) -> Option<&'static str> {
            let valid = text.starts_with(|first: char| first.is_ascii_lowercase())
                && text.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_');
            (!valid).then_some("invalid_code")
        }
    }

    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Scheme;
    impl Rule for Scheme {
        const NAME: &'static str = "Scheme";
        const MAX: usize = 100;
        const PATTERN: Option<&'static str> = Some("^[A-Za-z0-9][A-Za-z0-9-]*$");
        const EXAMPLE: &'static str = "phase-1";
        const ABOUT: &'static str = "A scheme of themes (référentiel): `phase-1`, `phase-2`, or a territory's own; it is stored in lowercase.";
        fn tidy(text: String) -> String {
            text.to_ascii_lowercase()
        }
        fn fault(text: &str) -> Option<&'static str> {
            let valid = !text.starts_with('-') && text.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-');
            (!valid).then_some("invalid_scheme")
        }
    }

    /// A code without the spaces that people write in it.
    fn dense(text: &str) -> String {
        text.split_whitespace().collect()
    }

    /// A text with the hyphen of ASCII for those of typography.
    fn hyphenated(text: &str) -> String {
        text.replace(['\u{2010}', '\u{2011}', '\u{2013}'], "-")
    }

    /// The check digit of Luhn, over digits read from the right.
    fn luhn(digits: &str) -> bool {
        let sum: u32 = digits
            .bytes()
            .rev()
            .enumerate()
            .map(|(place, byte)| {
                let digit = u32::from(byte - b'0') << (place % 2);
                if digit > 9 { digit - 9 } else { digit }
            })
            .sum();
        sum.is_multiple_of(10)
    }

    fn digits(text: &str, count: usize) -> bool {
        text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())
    }

    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Siren;
    impl Rule for Siren {
        const NAME: &'static str = "Siren";
        const MAX: usize = 9;
        const PATTERN: Option<&'static str> = Some("^[0-9]{9}$");
        const EXAMPLE: &'static str = "246100663";
        const ABOUT: &'static str = "A SIREN: the nine digits of an organisation, the last one a check digit (Luhn).";
        fn tidy(text: String) -> String {
            dense(&text)
        }
        fn fault(text: &str) -> Option<&'static str> {
            (!(digits(text, 9) && luhn(text))).then_some("invalid_siren")
        }
    }

    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Siret;
    impl Rule for Siret {
        const NAME: &'static str = "Siret";
        const MAX: usize = 14;
        const PATTERN: Option<&'static str> = Some("^[0-9]{14}$");
        const EXAMPLE: &'static str = "24610066300011";
        const ABOUT: &'static str =
            "A SIRET: the fourteen digits of an establishment, the last one a check digit (Luhn; the sum of digits for La Poste).";
        fn tidy(text: String) -> String {
            dense(&text)
        }
        fn fault(text: &str) -> Option<&'static str> {
            let la_poste = || text.starts_with("356000000") && text.bytes().map(|byte| u32::from(byte - b'0')).sum::<u32>().is_multiple_of(5);
            (!(digits(text, 14) && (luhn(text) || la_poste()))).then_some("invalid_siret")
        }
    }

    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct CommuneCode;
    impl Rule for CommuneCode {
        const NAME: &'static str = "CommuneCode";
        const MAX: usize = 5;
        const PATTERN: Option<&'static str> = Some("^([0-9]{2}|2[AB])[0-9]{3}$");
        const EXAMPLE: &'static str = "61001";
        const ABOUT: &'static str = "A commune code of the COG, leading zeros, `2A` and `2B` kept.";
        fn tidy(text: String) -> String {
            dense(&text).to_ascii_uppercase()
        }
        fn fault(text: &str) -> Option<&'static str> {
            let corsican = text.strip_prefix("2A").or(text.strip_prefix("2B"));
            (!(digits(text, 5) || corsican.is_some_and(|rest| digits(rest, 3)))).then_some("invalid_commune_code")
        }
    }

    /// The code of a department or collectivity overseas.
    fn overseas(text: &str) -> bool {
        digits(text, 3) && (text.starts_with("97") || text.starts_with("98"))
    }

    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct RegionCode;
    impl Rule for RegionCode {
        const NAME: &'static str = "RegionCode";
        const MAX: usize = 3;
        const PATTERN: Option<&'static str> = Some("^([0-9]{2}|9[78][0-9])$");
        const EXAMPLE: &'static str = "28";
        const ABOUT: &'static str = "A region code of the COG; of an overseas collectivity, which is in no region, its own code.";
        fn tidy(text: String) -> String {
            dense(&text)
        }
        fn fault(text: &str) -> Option<&'static str> {
            (!(digits(text, 2) || overseas(text))).then_some("invalid_region_code")
        }
    }

    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct DepartmentCode;
    impl Rule for DepartmentCode {
        const NAME: &'static str = "DepartmentCode";
        const MAX: usize = 3;
        const PATTERN: Option<&'static str> = Some("^([0-9]{2}|2[AB]|9[78][0-9])$");
        const EXAMPLE: &'static str = "61";
        const ABOUT: &'static str = "A department code of the COG, leading zeros, `2A` and `2B` kept.";
        fn tidy(text: String) -> String {
            dense(&text).to_ascii_uppercase()
        }
        fn fault(text: &str) -> Option<&'static str> {
            (!(digits(text, 2) || overseas(text) || matches!(text, "2A" | "2B"))).then_some("invalid_department_code")
        }
    }

    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct OfficialCode;
    impl Rule for OfficialCode {
        const NAME: &'static str = "OfficialCode";
        const MAX: usize = 7;
        const PATTERN: Option<&'static str> = Some("^ti-[0-9]{4}$");
        const EXAMPLE: &'static str = "ti-2801";
        const ABOUT: &'static str =
            "The official code of a territory, unique within a phase only: the same code names another territory in another phase.";
        fn tidy(text: String) -> String {
            hyphenated(&dense(&text)).to_ascii_lowercase()
        }
        fn fault(text: &str) -> Option<&'static str> {
            (!text.strip_prefix("ti-").is_some_and(|rest| digits(rest, 4))).then_some("invalid_official_code")
        }
    }

    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Url;
    impl Rule for Url {
        const NAME: &'static str = "Url";
        const MAX: usize = 1000;
        const PATTERN: Option<&'static str> = Some("^https?://[^/\\s@]+(/\\S*)?$");
        const EXAMPLE: &'static str = "https://agence-cohesion-territoires.gouv.fr/";
        const ABOUT: &'static str = "An absolute http or https address.";
        /// The scheme and the host are the same in whatever case. An address without a path is of the path `/`.
        fn tidy(text: String) -> String {
            let Some((scheme, rest)) = text.split_once("://") else { return text };
            let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
            let root = if path.starts_with(['?', '#']) { "/" } else { "" };
            format!("{}://{}{root}{path}", scheme.to_ascii_lowercase(), host.to_lowercase())
        }
        fn fault(text: &str) -> Option<&'static str> {
            let rest = text.strip_prefix("https://").or(text.strip_prefix("http://"));
            let host = rest.map(|rest| rest.split_once('/').map_or(rest, |(host, _)| host));
            (!host.is_some_and(|host| !host.is_empty() && !host.contains('@')) || text.contains(char::is_whitespace)).then_some("invalid_url")
        }
    }

    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Email;
    impl Rule for Email {
        const NAME: &'static str = "Email";
        const MAX: usize = 254;
        const PATTERN: Option<&'static str> = Some("^[^\\s@]+@[^\\s@.]+(\\.[^\\s@.]+)+$");
        const EXAMPLE: &'static str = "dev.eco@vireaunoireau.fr";
        const ABOUT: &'static str = "The e-mail address of a service, never of a person.";
        fn fault(text: &str) -> Option<&'static str> {
            let valid = text.split_once('@').is_some_and(|(name, host)| {
                !name.is_empty() && !host.contains('@') && host.contains('.') && host.split('.').all(|label| !label.is_empty())
            });
            (!valid || text.contains(char::is_whitespace)).then_some("invalid_email")
        }
    }

    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Phone;
    impl Rule for Phone {
        const NAME: &'static str = "Phone";
        const MAX: usize = 30;
        const PATTERN: Option<&'static str> = Some("^\\+?[0-9][0-9 .()-]{2,28}$");
        const EXAMPLE: &'static str = "02 31 66 27 96";
        const ABOUT: &'static str = "The telephone number of a service, never of a person.";
        fn tidy(text: String) -> String {
            hyphenated(&text.split_whitespace().collect::<Vec<_>>().join(" "))
        }
        fn fault(text: &str) -> Option<&'static str> {
            let rest = text.strip_prefix('+').unwrap_or(text);
            let valid = (3..=29).contains(&rest.len())
                && rest.starts_with(|first: char| first.is_ascii_digit())
                && rest.chars().all(|char| char.is_ascii_digit() || " .()-".contains(char));
            (!valid).then_some("invalid_phone")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_siren_and_a_siret_carry_their_check_digit() {
        assert!(Siren::parse("246100663").is_ok());
        assert_eq!(Siren::parse("246100664"), Err("invalid_siren"));
        assert_eq!(Siren::parse("24610066٣"), Err("invalid_siren"));
        assert!(Siret::parse("35600000000048").is_ok(), "La Poste's head office");
        assert!(Siret::parse("35600000009075").is_ok(), "one of its offices, by the sum of digits");
        assert_eq!(Siret::parse("35600000009076"), Err("invalid_siret"));
    }

    #[test]
    fn codes_and_numbers_are_read_as_people_write_them() {
        let forms = [
            (Siren::CODING, "200\u{a0}035\u{202f}814", "200035814"),
            (Siret::CODING, " 246 100 663 00011", "24610066300011"),
            (CommuneCode::CODING, "2a 004", "2A004"),
            (RegionCode::CODING, " 28 ", "28"),
            (DepartmentCode::CODING, "2b", "2B"),
            (OfficialCode::CODING, "TI\u{2011}2801", "ti-2801"),
            (Code::CODING, " Attirer", "attirer"),
            (Scheme::CODING, "Phase-1", "phase-1"),
            (Phone::CODING, "02\u{a0}31\u{202f}66  27 96", "02 31 66 27 96"),
            (Url::CODING, "HTTPS://Site.FR?page=1", "https://site.fr/?page=1"),
            (Url::CODING, "http://site.fr#A", "http://site.fr/#A"),
            (Url::CODING, "https://site.fr/A?b=c@d", "https://site.fr/A?b=c@d"),
        ];
        for (coding, written, stored) in forms {
            assert_eq!((coding.read)(written).as_deref(), Ok(stored), "{}", coding.name);
            assert_eq!((coding.read)(stored).as_deref(), Ok(stored), "{}", coding.name);
        }
        for (coding, written) in
            [(Siren::CODING, "200 035 815"), (Url::CODING, "HTTPS://?a"), (Url::CODING, "https://a:b@c.fr?x"), (Phone::CODING, "tél. 02")]
        {
            assert!((coding.read)(written).is_err(), "{} {written}", coding.name);
        }
    }

    #[test]
    fn a_text_is_normalised_and_hides_nothing() {
        assert_eq!(Name::parse("  Alenc\u{327}on ").map(|name| name.as_str().to_owned()), Ok("Alençon".to_owned()));
        assert_eq!(Name::parse("a\0b"), Err("forbidden_character"));
        assert_eq!(Name::parse("a\u{202E}b"), Err("forbidden_character"));
        assert_eq!(Name::parse("a\nb"), Err("forbidden_character"));
        assert!(LongText::parse("a\nb").is_ok());
        assert_eq!(Name::parse(" \u{a0} "), Err("blank"));
        assert_eq!(Name::parse(&"é".repeat(301)), Err("too_long"));
    }

    #[test]
    fn codes_keep_their_letters_and_zeros() {
        assert!(CommuneCode::parse("2A004").is_ok() && CommuneCode::parse("01001").is_ok());
        assert!(CommuneCode::parse("2C004").is_err() && CommuneCode::parse("1001").is_err());
        assert!(OfficialCode::parse("ti-0401").is_ok() && OfficialCode::parse("TI 0401").is_err());
    }
}
