//! The characters of a text: in one form (NFC), without those that nobody sees.

use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{
        CanonicalCombiningClass, DefaultIgnorableCodePoint, Emoji, EmojiModifier, ExtendedPictographic, GeneralCategory, JoiningType,
        PrependedConcatenationMark,
    },
};
use unicode_normalization::UnicodeNormalization;

/// A character that a text may not have, and its place, counted from one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forbidden(pub char, pub usize);

/// A text as it is stored and looked for: in NFC, without spaces around it. Errs with the first character that is not allowed.
pub fn normalised(raw: &str, lines: bool) -> Result<String, Forbidden> {
    // A text of ASCII, as most are, hides nothing but controls.
    if raw.is_ascii() {
        return match raw.chars().position(|char| is_control(char, lines)) {
            Some(place) => Err(Forbidden(raw.chars().nth(place).unwrap_or_default(), place + 1)),
            None => Ok(raw.trim().to_owned()),
        };
    }
    let chars: Vec<char> = raw.chars().collect();
    let hidden = |place: &usize| is_control(chars[*place], lines) || is_unseen(chars[*place]) && !is_needed(&chars, *place);
    match (0..chars.len()).find(hidden) {
        Some(place) => Err(Forbidden(chars[place], place + 1)),
        None => Ok(raw.trim().nfc().collect()),
    }
}

fn is_control(char: char, lines: bool) -> bool {
    char.is_control() && !(lines && matches!(char, '\n' | '\r' | '\t'))
}

/// Is this a character that shows nothing, or turns the direction of others, or none at all? The blank of Braille looks like a space, and
/// is none.
fn is_unseen(char: char) -> bool {
    let noncharacter = matches!(char, '\u{FDD0}'..='\u{FDEF}') || (char as u32) & 0xFFFE == 0xFFFE;
    let format = || match CodePointMapData::<GeneralCategory>::new().get(char) {
        GeneralCategory::Format => !CodePointSetData::new::<PrependedConcatenationMark>().contains(char),
        category => matches!(category, GeneralCategory::LineSeparator | GeneralCategory::ParagraphSeparator),
    };
    noncharacter || char == '\u{2800}' || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(char) || format()
}

/// Does the script need this unseen character here? A joiner stands after a virama, a non-joiner also between two letters that would
/// join (RFC 5892, A.1 and A.2); a joiner stands between two pictures, and a selector after one.
fn is_needed(chars: &[char], place: usize) -> bool {
    let before = || chars[..place].iter().rev();
    let after = || chars[place + 1..].iter();
    let joining = |char: &char| CodePointMapData::<JoiningType>::new().get(*char);
    let among = |chars: &mut dyn Iterator<Item = &char>, types: [JoiningType; 2]| {
        chars.map(joining).find(|joining| *joining != JoiningType::Transparent).is_some_and(|joining| types.contains(&joining))
    };
    let virama =
        || before().next().is_some_and(|char| CodePointMapData::<CanonicalCombiningClass>::new().get(*char) == CanonicalCombiningClass::Virama);
    let picture = |char: &char| CodePointSetData::new::<ExtendedPictographic>().contains(*char);
    match chars[place] {
        '\u{200C}' => {
            virama()
                || among(&mut before(), [JoiningType::LeftJoining, JoiningType::DualJoining])
                    && among(&mut after(), [JoiningType::RightJoining, JoiningType::DualJoining])
        }
        '\u{200D}' => {
            let dressed = |char: &&char| **char == '\u{FE0F}' || CodePointSetData::new::<EmojiModifier>().contains(**char);
            virama() || before().find(|char| !dressed(char)).is_some_and(picture) && after().next().is_some_and(picture)
        }
        '\u{FE0E}' | '\u{FE0F}' => before().next().is_some_and(|char| {
            let keycap = || after().next() == Some(&'\u{20E3}');
            CodePointSetData::new::<Emoji>().contains(*char) && (!char.is_ascii() || keycap())
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_is_refused_unless_its_script_needs_it() {
        for (hidden, place) in [
            ("Usine\u{200B}s", 6),
            ("\u{FEFF}Usines", 1),
            ("Par\u{AD}cs", 4),
            ("Usines\u{2060}", 7),
            ("Usines\u{180E}", 7),
            ("\u{3164}", 1),
            ("\u{115F}", 1),
            ("\u{FFA0}", 1),
            ("\u{2800}", 1),
            ("a\u{202E}b", 2),
            ("a\u{200F}b", 2),
            ("a\u{61C}b", 2),
            ("a\u{E0041}b", 2),
            ("a\u{E0100}b", 2),
            ("a\u{FE0F}", 2),
            ("1\u{FE0F}", 2),
            ("a\u{34F}b", 2),
            ("a\u{FFF9}b", 2),
            ("a\u{2028}b", 2),
            ("a\u{FFFE}b", 2),
            ("a\0b", 2),
            ("é\nb", 2),
            // A joiner between letters that do not join, at an end, or twice.
            ("a\u{200D}b", 2),
            ("a\u{200C}b", 2),
            ("\u{645}\u{6CC}\u{200C}", 3),
            ("\u{645}\u{6CC}\u{200C}\u{200C}\u{62E}", 3),
            ("🏭\u{200D}", 2),
        ] {
            assert_eq!(normalised(hidden, false).map_err(|Forbidden(_, at)| at), Err(place), "{hidden:?}");
        }
        for seen in [
            "Vallée de l’Œuvre, 5 m² à 20 °C",
            // Persian: a plural after a letter that would join; Sinhala and Hindi: after a virama.
            "\u{645}\u{6CC}\u{200C}\u{62E}\u{648}\u{627}\u{647}\u{645}",
            "\u{DC1}\u{DCA}\u{200D}\u{DBB}\u{DD3}",
            "\u{915}\u{94D}\u{200C}\u{937}",
            "⚠\u{FE0F} Travaux",
            "👩\u{200D}🏭",
            "🧑🏽\u{200D}🏭",
            "1\u{FE0F}\u{20E3}",
            "\u{600}\u{661}",
        ] {
            assert_eq!(normalised(seen, false).as_deref(), Ok(seen), "{seen:?}");
        }
        assert_eq!(normalised(" Alenc\u{327}on\u{A0}", false).as_deref(), Ok("Alençon"));
        assert_eq!(normalised("a\r\n\tb", true).as_deref(), Ok("a\r\n\tb"));
    }
}
