//! What can be wrong with a value: a stable code, and the sentence for it in English and in French.

/// One thing that can be wrong with a value.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    /// The stable ASCII code that a client may rely on.
    pub code: &'static str,
    /// The sentence in English.
    pub en: &'static str,
    /// The sentence in French.
    pub fr: &'static str,
    /// The same in both, where particulars are known: the words, the bounds, the character. `{}` is one of them.
    exact: Option<(&'static str, &'static str)>,
}

const fn fault(code: &'static str, en: &'static str, fr: &'static str) -> Fault {
    Fault { code, en, fr, exact: None }
}

impl Fault {
    const fn exactly(self, en: &'static str, fr: &'static str) -> Self {
        Self { exact: Some((en, fr)), ..self }
    }
}

/// What stands between the code of a fault and its particulars, in an error of serde.
const APART: char = '\u{1F}';

/// Every fault there is. A type refuses a value with one of these codes and nothing else.
static FAULTS: [Fault; 25] = [
    fault("forbidden_character", "Contains a character that is not allowed here.", "Contient un caractère interdit ici.").exactly(
        "Contains a character that is not allowed here: {}, which is character {} of the text.",
        "Contient un caractère interdit ici : {}, caractère {} du texte.",
    ),
    fault("blank", "Must not be blank.", "Ne doit pas être vide."),
    fault("too_long", "Is too long.", "Est trop long.").exactly("Is too long: at most {} characters.", "Est trop long : {} caractères au plus."),
    fault("invalid_siren", "Is not a SIREN: nine digits with a valid check digit.", "N'est pas un SIREN : neuf chiffres, clé de contrôle valide."),
    fault(
        "invalid_siret",
        "Is not a SIRET: fourteen digits with a valid check digit.",
        "N'est pas un SIRET : quatorze chiffres, clé de contrôle valide.",
    ),
    fault(
        "invalid_commune_code",
        "Is not a commune code of the COG, such as 61001 or 2A004.",
        "N'est pas un code commune du COG, comme 61001 ou 2A004.",
    ),
    fault("invalid_region_code", "Is not a region code of the COG, such as 28.", "N'est pas un code région du COG, comme 28."),
    fault(
        "invalid_department_code",
        "Is not a department code of the COG, such as 61, 2A or 974.",
        "N'est pas un code département du COG, comme 61, 2A ou 974.",
    ),
    fault("invalid_official_code", "Is not an official code such as ti-2801.", "N'est pas un code officiel comme ti-2801."),
    fault(
        "invalid_code",
        "Is not a code: lowercase ASCII letters, digits and underscores.",
        "N'est pas un code : minuscules ASCII, chiffres et tirets bas.",
    ),
    fault(
        "invalid_scheme",
        "Is not a scheme: lowercase ASCII letters, digits and hyphens.",
        "N'est pas un référentiel : minuscules ASCII, chiffres et tirets.",
    ),
    fault("invalid_url", "Is not an absolute http or https address.", "N'est pas une adresse http ou https absolue."),
    fault("invalid_email", "Is not an e-mail address.", "N'est pas une adresse électronique."),
    fault("invalid_phone", "Is not a telephone number.", "N'est pas un numéro de téléphone."),
    fault(
        "invalid_date",
        "Is not a day from 1900-01-01 to 2100-12-31, written YYYY-MM-DD.",
        "N'est pas un jour du 1900-01-01 au 2100-12-31, écrit AAAA-MM-JJ.",
    ),
    fault(
        "invalid_instant",
        "Is not an instant from 1900 to 2100, with its hour and its zone, as in 2026-11-22T22:00:00Z.",
        "N'est pas un instant de 1900 à 2100, avec son heure et son fuseau, comme 2026-11-22T22:00:00Z.",
    ),
    fault(
        "invalid_moment",
        "Is neither a day, as in 2026-11-22, nor an instant, as in 2026-11-22T22:00:00Z, from 1900 to 2100.",
        "N'est ni un jour, comme 2026-11-22, ni un instant, comme 2026-11-22T22:00:00Z, de 1900 à 2100.",
    ),
    fault("invalid_id", "Is not a UUID in its usual form of 36 characters.", "N'est pas un UUID sous sa forme usuelle de 36 caractères."),
    fault(
        "invalid_amount",
        "Is not an amount from 0 to 999999999999.99 with two decimals at most.",
        "N'est pas un montant de 0 à 999999999999.99 avec deux décimales au plus.",
    ),
    fault("ends_first", "The end comes before the start.", "La fin précède le début."),
    fault("not_whole", "Is not a whole number.", "N'est pas un nombre entier."),
    fault("out_of_range", "Is out of range.", "Est hors limites.").exactly("Is not from {} to {}.", "N'est pas entre {} et {}."),
    fault("too_many", "Has too many items.", "Contient trop d'éléments.").exactly("Has more than {} items.", "Contient plus de {} éléments."),
    fault(
        "unknown_noun",
        "Is not the name of a noun or of a part, such as partners or action-fiche-notes.",
        "N'est pas le nom d'un élément ou d'une partie, comme partners ou action-fiche-notes.",
    ),
    fault("unknown_word", "Is not one of the allowed values.", "N'est pas une des valeurs permises.")
        .exactly("Is none of: {}.", "N'est aucun de : {}."),
];

impl Fault {
    /// The fault of this code, if there is one.
    pub fn find(code: &str) -> Option<&'static Self> {
        FAULTS.iter().find(|fault| fault.code == code)
    }

    /// The sentences in English and in French, with these particulars.
    pub fn sentences(&self, particulars: &[String]) -> (String, String) {
        let fill = |sentence: &str| particulars.iter().fold(sentence.to_owned(), |sentence, one| sentence.replacen("{}", one, 1));
        match self.exact {
            Some((en, fr)) if !particulars.is_empty() => (fill(en), fill(fr)),
            _ => (self.en.to_owned(), self.fr.to_owned()),
        }
    }

    /// The text of an error of serde: the code, and the particulars that the sentence tells.
    pub fn message(code: &str, particulars: &[String]) -> String {
        [&[code.to_owned()], particulars].concat().join(&APART.to_string())
    }

    /// The fault that an error of serde names, with its particulars.
    pub fn read(message: &str) -> Option<(&'static Self, Vec<String>)> {
        // serde may add where it was.
        let message = message.rsplit_once(" at line ").map_or(message, |(message, _)| message);
        let mut parts = message.split(APART);
        Some((Self::find(parts.next()?)?, parts.map(str::to_owned).collect()))
    }
}
