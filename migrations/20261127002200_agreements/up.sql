SET LOCAL lock_timeout = '2s';

CREATE TABLE agreements (
    id                uuid        PRIMARY KEY,
    title             text        COLLATE "fr-x-icu" NOT NULL,
    kind              text        NOT NULL CONSTRAINT agreements_kind CHECK (kind IN ('protocol', 'contract', 'convention', 'amendment')),
    kind_as_called    text,
    territory_id      uuid        NOT NULL CONSTRAINT agreements_territory_id_fkey REFERENCES territories,
    phase_id          uuid        CONSTRAINT agreements_phase_id_fkey REFERENCES programme_phases,
    parent_id         uuid        CONSTRAINT agreements_parent_id_fkey REFERENCES agreements,
    status            text        NOT NULL CONSTRAINT agreements_status CHECK (status IN ('planned', 'signed', 'in_force', 'ended', 'cancelled')),
    signed_on         date,
    signed_stated     text,
    signed_precision  text        CONSTRAINT agreements_signed_precision CHECK (signed_precision IN ('day', 'month', 'season', 'year', 'unknown')),
    signed_confidence text        CONSTRAINT agreements_signed_confidence CHECK (signed_confidence IN ('certain', 'interpreted', 'doubtful')),
    place             text,
    commune_code      text,
    starts_on         date,
    ends_on           date,
    period_stated     text,
    period_precision  text        CONSTRAINT agreements_period_precision CHECK (period_precision IN ('day', 'month', 'season', 'year', 'unknown')),
    declared_fiches   integer,
    declared_firm     integer,
    note              text,
    version           integer     NOT NULL DEFAULT 1,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    search            tsvector    GENERATED ALWAYS AS (search_words(title || ' ' || coalesce(kind_as_called, ''))) STORED,
    CONSTRAINT agreements_period CHECK (starts_on <= ends_on),
    CONSTRAINT agreements_stated_precision CHECK (signed_on IS NOT NULL OR signed_precision IS NULL OR signed_precision = 'unknown'),
    CONSTRAINT agreements_parent CHECK (parent_id <> id)
);
CREATE INDEX agreements_territory_id_idx ON agreements (territory_id);
CREATE INDEX agreements_phase_id_idx ON agreements (phase_id);
CREATE INDEX agreements_parent_id_idx ON agreements (parent_id);
CREATE INDEX agreements_search_idx ON agreements USING gin (search);
CREATE TRIGGER parent_id_territory BEFORE INSERT OR UPDATE OF parent_id, territory_id ON agreements FOR EACH ROW WHEN (NEW.parent_id IS NOT NULL)
    EXECUTE FUNCTION same_territory('parent_id', 'agreements');
SELECT keep_ledger('agreements');

CREATE TABLE agreement_signatories (
    id                     uuid        PRIMARY KEY,
    agreement_id           uuid        NOT NULL CONSTRAINT agreement_signatories_agreement_id_fkey REFERENCES agreements ON DELETE CASCADE,
    person_id              uuid        CONSTRAINT agreement_signatories_person_id_fkey REFERENCES people,
    partner_id             uuid        CONSTRAINT agreement_signatories_partner_id_fkey REFERENCES partners,
    function               text,
    capacity               text        NOT NULL CONSTRAINT agreement_signatories_capacity CHECK (capacity IN ('signs', 'signs_for', 'in_presence_of')),
    organisation_as_stated text,
    signed_on              date,
    version                integer     NOT NULL DEFAULT 1,
    created_at             timestamptz NOT NULL DEFAULT now(),
    updated_at             timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT agreement_signatories_attended CHECK (person_id IS NOT NULL OR partner_id IS NOT NULL OR function IS NOT NULL)
);
CREATE INDEX agreement_signatories_agreement_id_idx ON agreement_signatories (agreement_id);
CREATE INDEX agreement_signatories_person_id_idx ON agreement_signatories (person_id);
CREATE INDEX agreement_signatories_partner_id_idx ON agreement_signatories (partner_id);
SELECT keep_ledger('agreement_signatories', 'agreements', 'agreement_id');

CREATE TABLE agreement_approvals (
    id                  uuid        PRIMARY KEY,
    agreement_id        uuid        NOT NULL CONSTRAINT agreement_approvals_agreement_id_fkey REFERENCES agreements ON DELETE CASCADE,
    partner_id          uuid        CONSTRAINT agreement_approvals_partner_id_fkey REFERENCES partners,
    committee_id        uuid        CONSTRAINT agreement_approvals_committee_id_fkey REFERENCES committees,
    approved_on         date,
    approved_stated     text,
    approved_precision  text        CONSTRAINT agreement_approvals_approved_precision CHECK (approved_precision IN ('day', 'month', 'season', 'year', 'unknown')),
    approved_confidence text        CONSTRAINT agreement_approvals_approved_confidence CHECK (approved_confidence IN ('certain', 'interpreted', 'doubtful')),
    outcome             text        NOT NULL CONSTRAINT agreement_approvals_outcome CHECK (outcome IN ('pending', 'approved', 'reserved', 'rejected', 'unknown')),
    note                text,
    version             integer     NOT NULL DEFAULT 1,
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT agreement_approvals_stated_precision CHECK (approved_on IS NOT NULL OR approved_precision IS NULL OR approved_precision = 'unknown'),
    CONSTRAINT agreement_approvals_body CHECK (partner_id IS NOT NULL OR committee_id IS NOT NULL)
);
CREATE INDEX agreement_approvals_agreement_id_idx ON agreement_approvals (agreement_id);
CREATE INDEX agreement_approvals_partner_id_idx ON agreement_approvals (partner_id);
CREATE INDEX agreement_approvals_committee_id_idx ON agreement_approvals (committee_id);
SELECT keep_ledger('agreement_approvals', 'agreements', 'agreement_id');

CREATE TABLE agreement_fiches (
    id              uuid        PRIMARY KEY,
    agreement_id    uuid        NOT NULL CONSTRAINT agreement_fiches_agreement_id_fkey REFERENCES agreements ON DELETE CASCADE,
    action_fiche_id uuid        NOT NULL CONSTRAINT agreement_fiches_action_fiche_id_fkey REFERENCES action_fiches,
    number          integer,
    commitment      text        NOT NULL CONSTRAINT agreement_fiches_commitment CHECK (commitment IN ('unknown', 'firm', 'intention')),
    starts_on       date,
    ends_on         date,
    version         integer     NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT agreement_fiches_period CHECK (starts_on <= ends_on),
    CONSTRAINT agreement_fiches_action_fiche_id_key UNIQUE (agreement_id, action_fiche_id)
);
CREATE INDEX agreement_fiches_agreement_id_idx ON agreement_fiches (agreement_id);
CREATE INDEX agreement_fiches_action_fiche_id_idx ON agreement_fiches (action_fiche_id);
SELECT keep_ledger('agreement_fiches', 'agreements', 'agreement_id');
