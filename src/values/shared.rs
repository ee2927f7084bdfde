//! The words that several nouns use: how sure, how exact, for whom.

use super::{Vocabulary, Word};

/// The words of [`Visibility`].
#[derive(Debug, Clone)]
pub struct VisibilityWords;

impl Vocabulary for VisibilityWords {
    const NAME: &'static str = "Visibility";
    const ABOUT: &'static str = "Who may see it (visibilité).";
    const WORDS: &'static [(&'static str, &'static str)] = &[("public", "Publique"), ("partners", "Partenaires"), ("restricted", "Restreinte")];
}

/// Who may see it (visibilité).
pub type Visibility = Word<VisibilityWords>;

/// The words of [`Qualifier`].
#[derive(Debug, Clone)]
pub struct QualifierWords;

impl Vocabulary for QualifierWords {
    const NAME: &'static str = "Qualifier";
    const ABOUT: &'static str = "How exact a number is (précision).";
    const WORDS: &'static [(&'static str, &'static str)] =
        &[("exact", "Exactement"), ("about", "Environ"), ("over", "Plus de"), ("under", "Moins de")];
}

/// How exact a number is (précision).
pub type Qualifier = Word<QualifierWords>;

/// The words of [`Basis`].
#[derive(Debug, Clone)]
pub struct BasisWords;

impl Vocabulary for BasisWords {
    const NAME: &'static str = "AmountBasis";
    const ABOUT: &'static str = "With or without tax (base du montant).";
    const WORDS: &'static [(&'static str, &'static str)] = &[("excl_tax", "HT"), ("incl_tax", "TTC"), ("unknown", "Inconnue")];
}

/// With or without tax (base du montant).
pub type Basis = Word<BasisWords>;

/// The words of [`Commitment`].
#[derive(Debug, Clone)]
pub struct CommitmentWords;

impl Vocabulary for CommitmentWords {
    const NAME: &'static str = "CommitmentLevel";
    const ABOUT: &'static str = "How firmly it is undertaken (engagement de réalisation).";
    const WORDS: &'static [(&'static str, &'static str)] = &[("unknown", "Inconnu"), ("firm", "Ferme"), ("intention", "Intention")];
}

/// How firmly it is undertaken (engagement de réalisation).
pub type Commitment = Word<CommitmentWords>;

/// The words of [`Precision`].
#[derive(Debug, Clone)]
pub struct PrecisionWords;

impl Vocabulary for PrecisionWords {
    const NAME: &'static str = "DatePrecision";
    const ABOUT: &'static str = "How much of a date its source tells (précision de la date).";
    const WORDS: &'static [(&'static str, &'static str)] =
        &[("day", "Jour"), ("month", "Mois"), ("season", "Saison"), ("year", "Année"), ("unknown", "Inconnue")];
}

/// How much of a date its source tells (précision de la date).
pub type Precision = Word<PrecisionWords>;

/// The words of [`Confidence`].
#[derive(Debug, Clone)]
pub struct ConfidenceWords;

impl Vocabulary for ConfidenceWords {
    const NAME: &'static str = "DateConfidence";
    const ABOUT: &'static str = "How sure it is what a stated date means (fiabilité de la date).";
    const WORDS: &'static [(&'static str, &'static str)] = &[("certain", "Certaine"), ("interpreted", "Interprétée"), ("doubtful", "Douteuse")];
}

/// How sure it is what a stated date means (fiabilité de la date).
pub type Confidence = Word<ConfidenceWords>;
