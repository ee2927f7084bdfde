// @generated automatically by Diesel CLI.

pub mod sql_types {
    #[derive(diesel::sql_types::SqlType)]
    #[diesel(postgres_type(name = "tsvector", schema = "pg_catalog"))]
    pub struct Tsvector;

    #[derive(diesel::sql_types::SqlType)]
    #[diesel(postgres_type(name = "xid8", schema = "pg_catalog"))]
    pub struct Xid8;
}

diesel::table! {
    action_fiche_funding_lines (id) {
        id -> Uuid,
        action_fiche_id -> Uuid,
        funder -> Text,
        partner_id -> Nullable<Uuid>,
        support_tool_id -> Nullable<Uuid>,
        nature -> Text,
        label -> Nullable<Text>,
        year -> Nullable<Int4>,
        basis -> Nullable<Text>,
        planned_eur -> Nullable<Numeric>,
        requested_eur -> Nullable<Numeric>,
        requested_on -> Nullable<Date>,
        granted_eur -> Nullable<Numeric>,
        granted_on -> Nullable<Date>,
        refused_on -> Nullable<Date>,
        paid_eur -> Nullable<Numeric>,
        paid_on -> Nullable<Date>,
        file_reference -> Nullable<Text>,
        note -> Nullable<Text>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    action_fiche_locations (id) {
        id -> Uuid,
        action_fiche_id -> Uuid,
        label -> Text,
        commune_code -> Nullable<Text>,
        delegated_commune -> Nullable<Text>,
        latitude -> Nullable<Float8>,
        longitude -> Nullable<Float8>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    action_fiche_milestones (id) {
        id -> Uuid,
        action_fiche_id -> Uuid,
        title -> Text,
        position -> Nullable<Int4>,
        planned_on -> Nullable<Date>,
        done_on -> Nullable<Date>,
        note -> Nullable<Text>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    action_fiche_notes (id) {
        id -> Uuid,
        action_fiche_id -> Uuid,
        dated_on -> Date,
        text -> Text,
        visibility -> Text,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    action_fiche_participants (id) {
        id -> Uuid,
        action_fiche_id -> Uuid,
        partner_id -> Uuid,
        role -> Text,
        note -> Nullable<Text>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    action_fiche_themes (id) {
        id -> Uuid,
        action_fiche_id -> Uuid,
        theme_id -> Uuid,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    action_fiche_tools (id) {
        id -> Uuid,
        action_fiche_id -> Uuid,
        support_tool_id -> Uuid,
        note -> Nullable<Text>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::Tsvector;

    action_fiches (id) {
        id -> Uuid,
        territory_id -> Uuid,
        reference -> Nullable<Text>,
        title -> Text,
        context -> Nullable<Text>,
        description -> Nullable<Text>,
        expected_results -> Nullable<Text>,
        parent_id -> Nullable<Uuid>,
        objective_id -> Nullable<Uuid>,
        proposed_by_id -> Nullable<Uuid>,
        proposed_by_committee_id -> Nullable<Uuid>,
        scope -> Nullable<Text>,
        nature -> Nullable<Text>,
        target_groups -> Jsonb,
        quantity -> Nullable<Numeric>,
        quantity_unit -> Nullable<Text>,
        planned_start_on -> Nullable<Date>,
        planned_end_on -> Nullable<Date>,
        actual_start_on -> Nullable<Date>,
        actual_end_on -> Nullable<Date>,
        recurring -> Nullable<Bool>,
        budget_eur -> Nullable<Numeric>,
        budget_basis -> Nullable<Text>,
        priority -> Nullable<Text>,
        commitment -> Text,
        visibility -> Text,
        stage -> Nullable<Text>,
        validation -> Text,
        validation_since -> Timestamptz,
        validation_reason -> Nullable<Text>,
        validation_decision_id -> Nullable<Uuid>,
        progress -> Text,
        progress_since -> Timestamptz,
        progress_reason -> Nullable<Text>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        search -> Nullable<Tsvector>,
    }
}

diesel::table! {
    agreement_approvals (id) {
        id -> Uuid,
        agreement_id -> Uuid,
        partner_id -> Nullable<Uuid>,
        committee_id -> Nullable<Uuid>,
        approved_on -> Nullable<Date>,
        approved_stated -> Nullable<Text>,
        approved_precision -> Nullable<Text>,
        approved_confidence -> Nullable<Text>,
        outcome -> Text,
        note -> Nullable<Text>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    agreement_fiches (id) {
        id -> Uuid,
        agreement_id -> Uuid,
        action_fiche_id -> Uuid,
        number -> Nullable<Int4>,
        commitment -> Text,
        starts_on -> Nullable<Date>,
        ends_on -> Nullable<Date>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    agreement_signatories (id) {
        id -> Uuid,
        agreement_id -> Uuid,
        person_id -> Nullable<Uuid>,
        partner_id -> Nullable<Uuid>,
        function -> Nullable<Text>,
        capacity -> Text,
        organisation_as_stated -> Nullable<Text>,
        signed_on -> Nullable<Date>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::Tsvector;

    agreements (id) {
        id -> Uuid,
        title -> Text,
        kind -> Text,
        kind_as_called -> Nullable<Text>,
        territory_id -> Uuid,
        phase_id -> Nullable<Uuid>,
        parent_id -> Nullable<Uuid>,
        status -> Text,
        signed_on -> Nullable<Date>,
        signed_stated -> Nullable<Text>,
        signed_precision -> Nullable<Text>,
        signed_confidence -> Nullable<Text>,
        place -> Nullable<Text>,
        commune_code -> Nullable<Text>,
        starts_on -> Nullable<Date>,
        ends_on -> Nullable<Date>,
        period_stated -> Nullable<Text>,
        period_precision -> Nullable<Text>,
        declared_fiches -> Nullable<Int4>,
        declared_firm -> Nullable<Int4>,
        note -> Nullable<Text>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        search -> Nullable<Tsvector>,
    }
}

diesel::table! {
    api_keys (id) {
        id -> Uuid,
        public_id -> Text,
        name -> Text,
        secret_hash -> Bytea,
        previous_hash -> Nullable<Bytea>,
        previous_until -> Nullable<Timestamptz>,
        created_at -> Timestamptz,
        created_by -> Nullable<Text>,
        rotated_at -> Nullable<Timestamptz>,
        expires_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
        revoked_by -> Nullable<Text>,
        revocation_reason -> Nullable<Text>,
        last_used_at -> Nullable<Timestamptz>,
        lineage -> Nullable<Text>,
        rotations -> Jsonb,
    }
}

diesel::table! {
    citations (id) {
        id -> Uuid,
        document_id -> Uuid,
        noun -> Text,
        thing_id -> Uuid,
        member -> Nullable<Text>,
        relation -> Text,
        passage -> Nullable<Text>,
        territory_id -> Nullable<Uuid>,
        visibility -> Text,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    committee_seats (id) {
        id -> Uuid,
        committee_id -> Uuid,
        person_id -> Nullable<Uuid>,
        partner_id -> Nullable<Uuid>,
        function -> Nullable<Text>,
        side -> Nullable<Text>,
        capacity -> Text,
        alternate_of -> Nullable<Uuid>,
        may_be_represented -> Bool,
        component -> Nullable<Text>,
        starts_on -> Nullable<Date>,
        ends_on -> Nullable<Date>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::Tsvector;

    committees (id) {
        id -> Uuid,
        name -> Text,
        level -> Text,
        kind -> Text,
        territory_id -> Nullable<Uuid>,
        region_code -> Nullable<Text>,
        partner_id -> Nullable<Uuid>,
        parent_id -> Nullable<Uuid>,
        role -> Nullable<Text>,
        declared_size -> Nullable<Int4>,
        declared_size_qualifier -> Nullable<Text>,
        quotas -> Jsonb,
        created_on -> Nullable<Date>,
        ended_on -> Nullable<Date>,
        becomes_id -> Nullable<Uuid>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        search -> Nullable<Tsvector>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::Tsvector;

    communes (id) {
        id -> Uuid,
        year -> Int4,
        code -> Text,
        name -> Text,
        siren -> Nullable<Text>,
        department_code -> Text,
        region_code -> Text,
        intercommunality_siren -> Nullable<Text>,
        ept_siren -> Nullable<Text>,
        population -> Nullable<Int4>,
        formers -> Jsonb,
        version -> Int4,
        search -> Nullable<Tsvector>,
    }
}

diesel::table! {
    contours (noun, key) {
        noun -> Text,
        key -> Text,
        west -> Float8,
        south -> Float8,
        east -> Float8,
        north -> Float8,
        geometry -> Jsonb,
    }
}

diesel::table! {
    department_regions (department_code) {
        department_code -> Text,
        region_code -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::Tsvector;

    departments (id) {
        id -> Uuid,
        year -> Int4,
        code -> Text,
        name -> Text,
        region_code -> Text,
        version -> Int4,
        search -> Nullable<Tsvector>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::Tsvector;

    diagnoses (id) {
        id -> Uuid,
        territory_id -> Uuid,
        event_id -> Nullable<Uuid>,
        title -> Text,
        made_on -> Nullable<Date>,
        made_stated -> Nullable<Text>,
        made_precision -> Nullable<Text>,
        made_confidence -> Nullable<Text>,
        method -> Nullable<Text>,
        declared_ambitions -> Nullable<Int4>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        search -> Nullable<Tsvector>,
    }
}

diesel::table! {
    diagnosis_ambitions (id) {
        id -> Uuid,
        diagnosis_id -> Uuid,
        text -> Text,
        position -> Nullable<Int4>,
        theme_id -> Nullable<Uuid>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    diagnosis_findings (id) {
        id -> Uuid,
        diagnosis_id -> Uuid,
        kind -> Text,
        text -> Text,
        cause -> Nullable<Text>,
        cause_kind -> Nullable<Text>,
        position -> Nullable<Int4>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    diagnosis_stakes (id) {
        id -> Uuid,
        diagnosis_id -> Uuid,
        label -> Text,
        theme_id -> Nullable<Uuid>,
        rank -> Nullable<Int4>,
        emphasis -> Nullable<Text>,
        ranked_by -> Nullable<Text>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::Tsvector;

    documents (id) {
        id -> Uuid,
        title -> Text,
        kind -> Text,
        url -> Nullable<Text>,
        url_state -> Nullable<Text>,
        url_checked_on -> Nullable<Date>,
        publisher_id -> Nullable<Uuid>,
        publisher -> Nullable<Text>,
        published_on -> Nullable<Date>,
        updated_on -> Nullable<Date>,
        licence -> Nullable<Text>,
        description -> Nullable<Text>,
        territory_id -> Nullable<Uuid>,
        visibility -> Text,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        search -> Nullable<Tsvector>,
    }
}

diesel::table! {
    event_measures (id) {
        id -> Uuid,
        event_id -> Uuid,
        label -> Text,
        value -> Int4,
        qualifier -> Text,
        addends -> Jsonb,
        note -> Nullable<Text>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    event_participants (id) {
        id -> Uuid,
        event_id -> Uuid,
        person_id -> Nullable<Uuid>,
        partner_id -> Nullable<Uuid>,
        category -> Nullable<Text>,
        function -> Nullable<Text>,
        role -> Text,
        quote -> Nullable<Text>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    event_sequences (id) {
        id -> Uuid,
        event_id -> Uuid,
        position -> Int4,
        purpose -> Text,
        result -> Nullable<Text>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::Tsvector;

    events (id) {
        id -> Uuid,
        name -> Text,
        kind -> Text,
        called -> Nullable<Text>,
        parent_id -> Nullable<Uuid>,
        territory_id -> Nullable<Uuid>,
        starts_on -> Nullable<Date>,
        starts_stated -> Nullable<Text>,
        starts_precision -> Nullable<Text>,
        starts_confidence -> Nullable<Text>,
        ends_on -> Nullable<Date>,
        place -> Nullable<Text>,
        commune_code -> Nullable<Text>,
        organiser_id -> Nullable<Uuid>,
        host_partner_id -> Nullable<Uuid>,
        description -> Nullable<Text>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        search -> Nullable<Tsvector>,
    }
}

diesel::table! {
    functions (one) {
        one -> Bool,
        sha256 -> Text,
    }
}

diesel::table! {
    grants (id) {
        id -> Uuid,
        key_id -> Nullable<Uuid>,
        issuer -> Nullable<Text>,
        claim -> Nullable<Text>,
        value -> Nullable<Text>,
        role -> Text,
        perimeter -> Text,
        region_code -> Nullable<Text>,
        department_code -> Nullable<Text>,
        territory_id -> Nullable<Uuid>,
        action_fiche_id -> Nullable<Uuid>,
        starts_at -> Timestamptz,
        ends_at -> Nullable<Timestamptz>,
        granted_by -> Text,
        reason -> Nullable<Text>,
        ended_by -> Nullable<Text>,
        end_reason -> Nullable<Text>,
        created_at -> Timestamptz,
    }
}

diesel::table! {
    idempotency_keys (caller, key) {
        caller -> Text,
        key -> Text,
        digest -> Bytea,
        made_at -> Timestamptz,
        status -> Nullable<Int4>,
        etag -> Nullable<Text>,
        location -> Nullable<Text>,
        body -> Nullable<Text>,
        things -> Nullable<Array<Nullable<Uuid>>>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::Tsvector;

    indicators (id) {
        id -> Uuid,
        code -> Text,
        label_fr -> Text,
        label_en -> Nullable<Text>,
        unit -> Text,
        definition -> Nullable<Text>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        search -> Nullable<Tsvector>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::Tsvector;

    intercommunalities (id) {
        id -> Uuid,
        year -> Int4,
        siren -> Text,
        name -> Text,
        kind -> Text,
        communes_count -> Int4,
        population -> Nullable<Int4>,
        version -> Int4,
        search -> Nullable<Tsvector>,
    }
}

diesel::table! {
    intercommunality_places (intercommunality_id, department_code) {
        intercommunality_id -> Uuid,
        department_code -> Text,
        region_code -> Text,
        communes_count -> Int4,
        population -> Nullable<Int4>,
    }
}

diesel::table! {
    kept (noun) {
        noun -> Text,
        parent_noun -> Nullable<Text>,
        parent_column -> Nullable<Text>,
        places -> Array<Nullable<Text>>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::Xid8;

    ledger (id) {
        id -> Int8,
        noun -> Text,
        thing -> Uuid,
        parent_noun -> Nullable<Text>,
        parent -> Nullable<Uuid>,
        version -> Int4,
        action -> Text,
        before -> Nullable<Jsonb>,
        after -> Nullable<Jsonb>,
        author -> Text,
        key_id -> Nullable<Uuid>,
        request -> Nullable<Text>,
        reason -> Nullable<Text>,
        recorded_at -> Timestamptz,
        transaction -> Xid8,
        audience -> Text,
        places -> Array<Nullable<Text>>,
        parent_version -> Nullable<Int4>,
        same_as -> Nullable<Int8>,
    }
}

diesel::table! {
    meeting_attendances (id) {
        id -> Uuid,
        meeting_id -> Uuid,
        person_id -> Nullable<Uuid>,
        partner_id -> Nullable<Uuid>,
        function -> Nullable<Text>,
        status -> Text,
        represented_by -> Nullable<Text>,
        note -> Nullable<Text>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    meeting_decisions (id) {
        id -> Uuid,
        meeting_id -> Uuid,
        position -> Nullable<Int4>,
        text -> Text,
        action_fiche_id -> Nullable<Uuid>,
        effect -> Text,
        reason -> Nullable<Text>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::Tsvector;

    meetings (id) {
        id -> Uuid,
        title -> Nullable<Text>,
        committee_id -> Nullable<Uuid>,
        territory_id -> Nullable<Uuid>,
        region_code -> Nullable<Text>,
        ordinal -> Nullable<Int4>,
        held_on -> Nullable<Date>,
        held_stated -> Nullable<Text>,
        held_precision -> Nullable<Text>,
        held_confidence -> Nullable<Text>,
        status -> Text,
        place -> Nullable<Text>,
        commune_code -> Nullable<Text>,
        host_partner_id -> Nullable<Uuid>,
        purposes -> Jsonb,
        note -> Nullable<Text>,
        visibility -> Text,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        search -> Nullable<Tsvector>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::Tsvector;

    objectives (id) {
        id -> Uuid,
        territory_id -> Uuid,
        theme_id -> Nullable<Uuid>,
        wording -> Text,
        points -> Jsonb,
        position -> Nullable<Int4>,
        parent_id -> Nullable<Uuid>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        search -> Nullable<Tsvector>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::Tsvector;

    observations (id) {
        id -> Uuid,
        indicator_id -> Uuid,
        subject -> Text,
        kind -> Text,
        territory_id -> Nullable<Uuid>,
        action_fiche_id -> Nullable<Uuid>,
        partner_id -> Nullable<Uuid>,
        siren -> Nullable<Text>,
        commune_code -> Nullable<Text>,
        department_code -> Nullable<Text>,
        region_code -> Nullable<Text>,
        value -> Nullable<Numeric>,
        qualifier -> Text,
        text -> Nullable<Text>,
        period_starts_on -> Nullable<Date>,
        period_ends_on -> Nullable<Date>,
        period_stated -> Nullable<Text>,
        period_precision -> Nullable<Text>,
        observed_on -> Nullable<Date>,
        observed_stated -> Nullable<Text>,
        observed_precision -> Nullable<Text>,
        observed_confidence -> Nullable<Text>,
        document_id -> Nullable<Uuid>,
        note -> Nullable<Text>,
        visibility -> Text,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        search -> Nullable<Tsvector>,
    }
}

diesel::table! {
    partner_commitments (id) {
        id -> Uuid,
        partner_id -> Uuid,
        territory_id -> Uuid,
        side -> Text,
        text -> Text,
        starts_on -> Nullable<Date>,
        ends_on -> Nullable<Date>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::Tsvector;

    partners (id) {
        id -> Uuid,
        name -> Text,
        acronym -> Nullable<Text>,
        aliases -> Jsonb,
        kind -> Text,
        siren -> Nullable<Text>,
        siret -> Nullable<Text>,
        parent_id -> Nullable<Uuid>,
        predecessor_id -> Nullable<Uuid>,
        website -> Nullable<Text>,
        contact_service -> Nullable<Text>,
        contact_email -> Nullable<Text>,
        contact_phone -> Nullable<Text>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        search -> Nullable<Tsvector>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::Tsvector;

    people (id) {
        id -> Uuid,
        name -> Text,
        variants -> Jsonb,
        publication_basis -> Text,
        consented_on -> Nullable<Date>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        search -> Nullable<Tsvector>,
    }
}

diesel::table! {
    person_mandates (id) {
        id -> Uuid,
        person_id -> Uuid,
        partner_id -> Nullable<Uuid>,
        function -> Text,
        starts_on -> Nullable<Date>,
        ends_on -> Nullable<Date>,
        note -> Nullable<Text>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    post_funding_lines (id) {
        id -> Uuid,
        post_id -> Uuid,
        funder -> Text,
        partner_id -> Nullable<Uuid>,
        amount_eur -> Nullable<Numeric>,
        basis -> Text,
        share_pct -> Nullable<Numeric>,
        year -> Nullable<Int4>,
        note -> Nullable<Text>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::Tsvector;

    posts (id) {
        id -> Uuid,
        title -> Text,
        kind -> Text,
        territory_id -> Uuid,
        employer_id -> Nullable<Uuid>,
        person_id -> Nullable<Uuid>,
        starts_on -> Nullable<Date>,
        starts_stated -> Nullable<Text>,
        starts_precision -> Nullable<Text>,
        starts_confidence -> Nullable<Text>,
        ends_on -> Nullable<Date>,
        note -> Nullable<Text>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        search -> Nullable<Tsvector>,
    }
}

diesel::table! {
    programme_phases (id) {
        id -> Uuid,
        number -> Int4,
        name -> Text,
        starts_on -> Nullable<Date>,
        ends_on -> Nullable<Date>,
        period_stated -> Nullable<Text>,
        period_precision -> Nullable<Text>,
        description -> Nullable<Text>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::Tsvector;

    regions (id) {
        id -> Uuid,
        year -> Int4,
        code -> Text,
        name -> Text,
        version -> Int4,
        search -> Nullable<Tsvector>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::Xid8;

    stamping (one) {
        one -> Bool,
        epoch -> Uuid,
        epoch_began_at -> Timestamptz,
        below -> Int8,
        mark -> Nullable<Int8>,
        mark_by -> Nullable<Xid8>,
    }
}

diesel::table! {
    stamps (seq) {
        seq -> Int8,
        line -> Int8,
        hash -> Bytea,
        personal -> Nullable<Bytea>,
        salt -> Nullable<Bytea>,
        stamped_at -> Timestamptz,
        remark -> Nullable<Bytea>,
        remark_salt -> Nullable<Bytea>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::Tsvector;

    support_tools (id) {
        id -> Uuid,
        name -> Text,
        kind -> Text,
        partner_id -> Nullable<Uuid>,
        phase_id -> Nullable<Uuid>,
        url -> Nullable<Text>,
        description -> Nullable<Text>,
        starts_on -> Nullable<Date>,
        ends_on -> Nullable<Date>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        search -> Nullable<Tsvector>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::Tsvector;

    territories (id) {
        id -> Uuid,
        name -> Text,
        aliases -> Jsonb,
        description -> Nullable<Text>,
        website -> Nullable<Text>,
        contact_service -> Nullable<Text>,
        contact_email -> Nullable<Text>,
        contact_phone -> Nullable<Text>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        search -> Nullable<Tsvector>,
    }
}

diesel::table! {
    territory_labels (id) {
        id -> Uuid,
        territory_id -> Uuid,
        phase_id -> Uuid,
        official_code -> Nullable<Text>,
        status -> Text,
        applied_on -> Nullable<Date>,
        labelled_on -> Nullable<Date>,
        withdrawn_on -> Nullable<Date>,
        note -> Nullable<Text>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        name -> Nullable<Text>,
    }
}

diesel::table! {
    territory_members (id) {
        id -> Uuid,
        territory_id -> Uuid,
        kind -> Text,
        siren -> Nullable<Text>,
        commune_code -> Nullable<Text>,
        department_codes -> Jsonb,
        name -> Text,
        phase_id -> Nullable<Uuid>,
        starts_on -> Nullable<Date>,
        ends_on -> Nullable<Date>,
        coordinator -> Bool,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    territory_successions (id) {
        id -> Uuid,
        territory_id -> Uuid,
        successor_id -> Uuid,
        kind -> Text,
        happened_on -> Nullable<Date>,
        note -> Nullable<Text>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    theme_correspondences (id) {
        id -> Uuid,
        theme_id -> Uuid,
        other_theme_id -> Uuid,
        note -> Nullable<Text>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::sql_types::Tsvector;

    themes (id) {
        id -> Uuid,
        scheme -> Text,
        phase_id -> Nullable<Uuid>,
        territory_id -> Nullable<Uuid>,
        code -> Text,
        label_fr -> Text,
        label_en -> Text,
        other_wordings -> Jsonb,
        position -> Int4,
        parent_id -> Nullable<Uuid>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        search -> Nullable<Tsvector>,
    }
}

diesel::table! {
    usage (caller, what, hour) {
        caller -> Text,
        what -> Text,
        hour -> Timestamptz,
        amount -> Int8,
    }
}

diesel::joinable!(action_fiche_funding_lines -> action_fiches (action_fiche_id));
diesel::joinable!(action_fiche_funding_lines -> partners (partner_id));
diesel::joinable!(action_fiche_funding_lines -> support_tools (support_tool_id));
diesel::joinable!(action_fiche_locations -> action_fiches (action_fiche_id));
diesel::joinable!(action_fiche_milestones -> action_fiches (action_fiche_id));
diesel::joinable!(action_fiche_notes -> action_fiches (action_fiche_id));
diesel::joinable!(action_fiche_participants -> action_fiches (action_fiche_id));
diesel::joinable!(action_fiche_participants -> partners (partner_id));
diesel::joinable!(action_fiche_themes -> action_fiches (action_fiche_id));
diesel::joinable!(action_fiche_themes -> themes (theme_id));
diesel::joinable!(action_fiche_tools -> action_fiches (action_fiche_id));
diesel::joinable!(action_fiche_tools -> support_tools (support_tool_id));
diesel::joinable!(action_fiches -> committees (proposed_by_committee_id));
diesel::joinable!(action_fiches -> objectives (objective_id));
diesel::joinable!(action_fiches -> partners (proposed_by_id));
diesel::joinable!(action_fiches -> territories (territory_id));
diesel::joinable!(agreement_approvals -> agreements (agreement_id));
diesel::joinable!(agreement_approvals -> committees (committee_id));
diesel::joinable!(agreement_approvals -> partners (partner_id));
diesel::joinable!(agreement_fiches -> action_fiches (action_fiche_id));
diesel::joinable!(agreement_fiches -> agreements (agreement_id));
diesel::joinable!(agreement_signatories -> agreements (agreement_id));
diesel::joinable!(agreement_signatories -> partners (partner_id));
diesel::joinable!(agreement_signatories -> people (person_id));
diesel::joinable!(agreements -> programme_phases (phase_id));
diesel::joinable!(agreements -> territories (territory_id));
diesel::joinable!(citations -> documents (document_id));
diesel::joinable!(citations -> territories (territory_id));
diesel::joinable!(committee_seats -> committees (committee_id));
diesel::joinable!(committee_seats -> partners (partner_id));
diesel::joinable!(committee_seats -> people (person_id));
diesel::joinable!(committees -> partners (partner_id));
diesel::joinable!(committees -> territories (territory_id));
diesel::joinable!(diagnoses -> events (event_id));
diesel::joinable!(diagnoses -> territories (territory_id));
diesel::joinable!(diagnosis_ambitions -> diagnoses (diagnosis_id));
diesel::joinable!(diagnosis_ambitions -> themes (theme_id));
diesel::joinable!(diagnosis_findings -> diagnoses (diagnosis_id));
diesel::joinable!(diagnosis_stakes -> diagnoses (diagnosis_id));
diesel::joinable!(diagnosis_stakes -> themes (theme_id));
diesel::joinable!(documents -> partners (publisher_id));
diesel::joinable!(documents -> territories (territory_id));
diesel::joinable!(event_measures -> events (event_id));
diesel::joinable!(event_participants -> events (event_id));
diesel::joinable!(event_participants -> partners (partner_id));
diesel::joinable!(event_participants -> people (person_id));
diesel::joinable!(event_sequences -> events (event_id));
diesel::joinable!(events -> territories (territory_id));
diesel::joinable!(grants -> api_keys (key_id));
diesel::joinable!(intercommunality_places -> intercommunalities (intercommunality_id));
diesel::joinable!(meeting_attendances -> meetings (meeting_id));
diesel::joinable!(meeting_attendances -> partners (partner_id));
diesel::joinable!(meeting_attendances -> people (person_id));
diesel::joinable!(meeting_decisions -> meetings (meeting_id));
diesel::joinable!(meetings -> committees (committee_id));
diesel::joinable!(meetings -> partners (host_partner_id));
diesel::joinable!(meetings -> territories (territory_id));
diesel::joinable!(objectives -> territories (territory_id));
diesel::joinable!(objectives -> themes (theme_id));
diesel::joinable!(observations -> documents (document_id));
diesel::joinable!(observations -> indicators (indicator_id));
diesel::joinable!(observations -> partners (partner_id));
diesel::joinable!(observations -> territories (territory_id));
diesel::joinable!(partner_commitments -> partners (partner_id));
diesel::joinable!(partner_commitments -> territories (territory_id));
diesel::joinable!(person_mandates -> partners (partner_id));
diesel::joinable!(person_mandates -> people (person_id));
diesel::joinable!(post_funding_lines -> partners (partner_id));
diesel::joinable!(post_funding_lines -> posts (post_id));
diesel::joinable!(posts -> partners (employer_id));
diesel::joinable!(posts -> people (person_id));
diesel::joinable!(posts -> territories (territory_id));
diesel::joinable!(support_tools -> partners (partner_id));
diesel::joinable!(support_tools -> programme_phases (phase_id));
diesel::joinable!(territory_labels -> programme_phases (phase_id));
diesel::joinable!(territory_labels -> territories (territory_id));
diesel::joinable!(territory_members -> programme_phases (phase_id));
diesel::joinable!(territory_members -> territories (territory_id));
diesel::joinable!(themes -> programme_phases (phase_id));
diesel::joinable!(themes -> territories (territory_id));

diesel::allow_tables_to_appear_in_same_query!(
    action_fiche_funding_lines,
    action_fiche_locations,
    action_fiche_milestones,
    action_fiche_notes,
    action_fiche_participants,
    action_fiche_themes,
    action_fiche_tools,
    action_fiches,
    agreement_approvals,
    agreement_fiches,
    agreement_signatories,
    agreements,
    api_keys,
    citations,
    committee_seats,
    committees,
    communes,
    contours,
    department_regions,
    departments,
    diagnoses,
    diagnosis_ambitions,
    diagnosis_findings,
    diagnosis_stakes,
    documents,
    event_measures,
    event_participants,
    event_sequences,
    events,
    functions,
    grants,
    idempotency_keys,
    indicators,
    intercommunalities,
    intercommunality_places,
    kept,
    ledger,
    meeting_attendances,
    meeting_decisions,
    meetings,
    objectives,
    observations,
    partner_commitments,
    partners,
    people,
    person_mandates,
    post_funding_lines,
    posts,
    programme_phases,
    regions,
    stamping,
    stamps,
    support_tools,
    territories,
    territory_labels,
    territory_members,
    territory_successions,
    theme_correspondences,
    themes,
    usage,
);
