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
}

const fn fault(code: &'static str, en: &'static str, fr: &'static str) -> Fault {
    Fault { code, en, fr }
}

/// Every fault there is. A type refuses a value with one of these codes and nothing else.
static FAULTS: [Fault; 22] = [
    fault("forbidden_character", "Contains a character that is not allowed here.", "Contient un caractère interdit ici."),
    fault("blank", "Must not be blank; leave it out or send null instead.", "Ne doit pas être vide ; omettez-le ou envoyez null."),
    fault("too_long", "Is too long.", "Est trop long."),
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
        "Is not an instant from 1900 to 2100, written as in 2026-11-22T22:00:00Z.",
        "N'est pas un instant de 1900 à 2100, écrit comme 2026-11-22T22:00:00Z.",
    ),
    fault("invalid_id", "Is not a UUID in its usual form of 36 characters.", "N'est pas un UUID sous sa forme usuelle de 36 caractères."),
    fault(
        "invalid_amount",
        "Is not an amount from 0 to 999999999999.99 with two decimals at most.",
        "N'est pas un montant de 0 à 999999999999.99 avec deux décimales au plus.",
    ),
    fault("not_whole", "Is not a whole number.", "N'est pas un nombre entier."),
    fault("out_of_range", "Is out of range.", "Est hors limites."),
    fault("too_many", "Has too many items.", "Contient trop d'éléments."),
    fault("unknown_word", "Is not one of the allowed values.", "N'est pas une des valeurs permises."),
];

impl Fault {
    /// The fault of this code, if there is one.
    pub fn find(code: &str) -> Option<&'static Self> {
        FAULTS.iter().find(|fault| fault.code == code)
    }
}
