//! Every sort of refusal there is.

/// One sort of refusal.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// The HTTP status.
    pub status: u16,
    /// The stable code that a client may rely on.
    pub code: &'static str,
    /// Its title in English.
    pub en: &'static str,
    /// Its title in French.
    pub fr: &'static str,
}

const fn kind(status: u16, code: &'static str, en: &'static str, fr: &'static str) -> Kind {
    Kind { status, code, en, fr }
}

pub static MERGED: Kind = kind(308, "merged", "It was merged into another one", "Fusionné avec un autre");
pub static INVALID_JSON: Kind = kind(400, "invalid_json", "The body is not valid JSON", "Le corps n'est pas du JSON valide");
pub static INVALID_PARAMETERS: Kind = kind(400, "invalid_parameters", "The query string is not understood", "Les paramètres ne sont pas compris");
pub static BAD_REQUEST: Kind = kind(400, "bad_request", "The request is not understood", "La requête n'est pas comprise");
pub static UNAUTHENTICATED: Kind = kind(401, "unauthenticated", "A key is needed", "Une clé est nécessaire");
pub static INVALID_TOKEN: Kind = kind(401, "invalid_token", "The key is not valid", "La clé n'est pas valide");
pub static INSUFFICIENT_ROLE: Kind = kind(403, "insufficient_role", "The key does not allow this", "La clé ne le permet pas");
pub static OUTSIDE_PERIMETER: Kind = kind(403, "outside_perimeter", "This lies outside of what the key is for", "Hors du périmètre de la clé");
pub static ORIGIN_NOT_ALLOWED: Kind =
    kind(403, "origin_not_allowed", "Pages of this origin may not write", "Les pages de cette origine ne peuvent pas écrire");
pub static NOT_FOUND: Kind = kind(404, "not_found", "There is no such thing", "Introuvable");
pub static METHOD_NOT_ALLOWED: Kind = kind(405, "method_not_allowed", "The method is not allowed here", "Méthode non permise ici");
pub static NOT_ACCEPTABLE: Kind = kind(406, "not_acceptable", "None of the accepted media types is served", "Aucun des types acceptés n'est servi");
pub static REQUEST_TIMEOUT: Kind = kind(408, "request_timeout", "The request came too slowly", "La requête est arrivée trop lentement");
pub static ALREADY_EXISTS: Kind = kind(409, "already_exists", "There is one like it already", "Il en existe déjà un");
pub static STILL_REFERENCED: Kind = kind(409, "still_referenced", "Other things still refer to it", "D'autres éléments y font encore référence");
pub static FORBIDDEN_TRANSITION: Kind = kind(409, "forbidden_transition", "This move is not allowed", "Ce passage n'est pas permis");
pub static LAST_ADMIN: Kind =
    kind(409, "last_admin", "No administrator of the nation would be left", "Il ne resterait aucun administrateur national");
pub static MERGED_AWAY: Kind = kind(409, "merged_away", "It was merged into another one", "Fusionné avec un autre");
pub static NOT_MERGED: Kind = kind(409, "not_merged", "There is no merge to undo", "Aucune fusion à annuler");
pub static UNDER_WAY: Kind = kind(409, "under_way", "It is being done, or was just now", "En cours, ou fait à l'instant");
pub static ALREADY_DONE: Kind =
    kind(409, "already_done", "It was done; what it was answered is not known any more", "Déjà fait ; la réponse n'est plus connue");
pub static LIMIT_REACHED: Kind = kind(409, "limit_reached", "There are as many as there may be", "Il y en a autant qu'il peut y en avoir");
pub static GONE: Kind = kind(410, "gone", "It was deleted", "Supprimé");
pub static EXPIRED_CURSOR: Kind = kind(410, "expired_cursor", "The cursor has expired", "Le curseur a expiré");
pub static STALE: Kind = kind(412, "stale", "It has changed meanwhile", "Modifié entre-temps");
pub static NO_SUCH_VERSION: Kind = kind(412, "no_such_version", "It never had this version", "Elle n'a jamais eu cette version");
pub static PAYLOAD_TOO_LARGE: Kind = kind(413, "payload_too_large", "The body is too large", "Le corps est trop grand");
pub static UNSUPPORTED_MEDIA_TYPE: Kind =
    kind(415, "unsupported_media_type", "The body must be plain JSON", "Le corps doit être du JSON, non compressé");
pub static INVALID_BODY: Kind = kind(422, "invalid_body", "The body breaks a rule", "Le corps enfreint une règle");
pub static IDEMPOTENCY_KEY_REUSED: Kind =
    kind(422, "idempotency_key_reused", "Another request had this Idempotency-Key", "Une autre requête portait cette Idempotency-Key");
pub static PRECONDITION_REQUIRED: Kind = kind(428, "precondition_required", "If-Match is needed", "If-Match est nécessaire");
pub static HEAD_TOO_LARGE: Kind = kind(431, "head_too_large", "The head of the request is too large", "L'en-tête de la requête est trop grand");
pub static TOO_MANY_REQUESTS: Kind = kind(429, "too_many_requests", "Too many requests", "Trop de requêtes");
pub static INTERNAL: Kind = kind(500, "internal", "A fault of ours", "Une erreur de notre fait");
pub static UNAVAILABLE: Kind = kind(503, "unavailable", "Unavailable for the moment", "Momentanément indisponible");
pub static TIMED_OUT: Kind = kind(503, "timed_out", "It took too long", "Délai dépassé");
pub static STORAGE_FULL: Kind = kind(503, "storage_full", "The storage is full", "Le stockage est plein");
pub static OUTCOME_UNKNOWN: Kind = kind(503, "outcome_unknown", "It is not known whether this was kept", "On ignore si l'écriture a été conservée");

/// All of them, for the document.
pub static ALL: [&Kind; 38] = [
    &MERGED,
    &INVALID_JSON,
    &INVALID_PARAMETERS,
    &BAD_REQUEST,
    &UNAUTHENTICATED,
    &INVALID_TOKEN,
    &INSUFFICIENT_ROLE,
    &OUTSIDE_PERIMETER,
    &ORIGIN_NOT_ALLOWED,
    &NOT_FOUND,
    &METHOD_NOT_ALLOWED,
    &NOT_ACCEPTABLE,
    &REQUEST_TIMEOUT,
    &ALREADY_EXISTS,
    &STILL_REFERENCED,
    &FORBIDDEN_TRANSITION,
    &LAST_ADMIN,
    &MERGED_AWAY,
    &NOT_MERGED,
    &UNDER_WAY,
    &ALREADY_DONE,
    &LIMIT_REACHED,
    &GONE,
    &EXPIRED_CURSOR,
    &STALE,
    &NO_SUCH_VERSION,
    &PAYLOAD_TOO_LARGE,
    &UNSUPPORTED_MEDIA_TYPE,
    &INVALID_BODY,
    &IDEMPOTENCY_KEY_REUSED,
    &PRECONDITION_REQUIRED,
    &TOO_MANY_REQUESTS,
    &HEAD_TOO_LARGE,
    &INTERNAL,
    &UNAVAILABLE,
    &TIMED_OUT,
    &STORAGE_FULL,
    &OUTCOME_UNKNOWN,
];
