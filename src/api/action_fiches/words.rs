//! The words of a fiche: its nature, its priority, and the three axes that tell its state.

use crate::values::{Vocabulary, Word};

/// The words of [`FicheScope`].
#[derive(Debug, Clone)]
pub struct ScopeWords;

impl Vocabulary for ScopeWords {
    const NAME: &'static str = "ActionFicheScope";
    const ABOUT: &'static str = "Is the action of one partner, or of several (action individuelle ou collective)?";
    const WORDS: &'static [(&'static str, &'static str)] = &[("individual", "Individuelle"), ("collective", "Collective")];
}

/// Is the action of one partner, or of several (action individuelle ou collective)?
pub type FicheScope = Word<ScopeWords>;

/// The words of [`Nature`].
#[derive(Debug, Clone)]
pub struct NatureWords;

impl Vocabulary for NatureWords {
    const NAME: &'static str = "ActionFicheNature";
    const ABOUT: &'static str = "What kind of action it is (nature de l'action).";
    const WORDS: &'static [(&'static str, &'static str)] = &[
        ("study", "Étude"),
        ("works", "Travaux"),
        ("purchase", "Acquisition"),
        ("equipment", "Équipement"),
        ("event", "Événement"),
        ("service", "Service"),
        ("fund", "Fonds"),
        ("post", "Poste"),
    ];
}

/// What kind of action it is (nature de l'action).
pub type Nature = Word<NatureWords>;

/// The words of [`Priority`].
#[derive(Debug, Clone)]
pub struct PriorityWords;

impl Vocabulary for PriorityWords {
    const NAME: &'static str = "Priority";
    const ABOUT: &'static str = "The priority of the action (priorité).";
    const WORDS: &'static [(&'static str, &'static str)] = &[("high", "Haute"), ("medium", "Moyenne"), ("low", "Basse")];
}

/// The priority of the action (priorité).
pub type Priority = Word<PriorityWords>;

/// The words of [`Stage`].
#[derive(Debug, Clone)]
pub struct StageWords;

impl Vocabulary for StageWords {
    const NAME: &'static str = "Stage";
    const ABOUT: &'static str = "How mature the project is (phase du projet).";
    const WORDS: &'static [(&'static str, &'static str)] = &[("idea", "Idée"), ("study", "Étude"), ("operation", "Opération")];
}

/// How mature the project is (phase du projet).
pub type Stage = Word<StageWords>;

/// The words of [`Validation`].
#[derive(Debug, Clone)]
pub struct ValidationWords;

impl Vocabulary for ValidationWords {
    const NAME: &'static str = "Validation";
    const ABOUT: &'static str = "Was the fiche accepted (validation)?";
    const WORDS: &'static [(&'static str, &'static str)] = &[
        ("draft", "Brouillon"),
        ("submitted", "Soumise"),
        ("validated", "Validée"),
        ("postponed", "Ajournée"),
        ("refused", "Refusée"),
        ("withdrawn", "Retirée"),
    ];
}

/// Was the fiche accepted (validation)?
pub type Validation = Word<ValidationWords>;

/// The words of [`Progress`].
#[derive(Debug, Clone)]
pub struct ProgressWords;

impl Vocabulary for ProgressWords {
    const NAME: &'static str = "Progress";
    const ABOUT: &'static str = "How far the action is (avancement).";
    const WORDS: &'static [(&'static str, &'static str)] = &[
        ("not_started", "Non démarrée"),
        ("in_progress", "En cours"),
        ("paused", "En pause"),
        ("blocked", "Bloquée"),
        ("done", "Terminée"),
        ("abandoned", "Abandonnée"),
        ("unknown", "Inconnu"),
    ];
}

/// How far the action is (avancement).
pub type Progress = Word<ProgressWords>;
