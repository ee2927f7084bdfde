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
    api_keys (id) {
        id -> Uuid,
        public_id -> Text,
        name -> Text,
        secret_hash -> Bytea,
        created_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
        revoked_at -> Nullable<Timestamptz>,
        last_used_at -> Nullable<Timestamptz>,
        created_by -> Nullable<Text>,
        revoked_by -> Nullable<Text>,
        previous_hash -> Nullable<Bytea>,
        previous_until -> Nullable<Timestamptz>,
        revocation_reason -> Nullable<Text>,
        rotated_at -> Nullable<Timestamptz>,
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
    department_regions (department_code) {
        department_code -> Text,
        region_code -> Text,
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
        created_at -> Timestamptz,
        ended_by -> Nullable<Text>,
        end_reason -> Nullable<Text>,
    }
}

diesel::table! {
    kept (noun) {
        noun -> Text,
        parent_noun -> Nullable<Text>,
        parent_column -> Nullable<Text>,
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
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        search -> Nullable<Tsvector>,
        publication_basis -> Text,
        consented_on -> Nullable<Date>,
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
    programme_phases (id) {
        id -> Uuid,
        number -> Int4,
        name -> Text,
        starts_on -> Nullable<Date>,
        ends_on -> Nullable<Date>,
        description -> Nullable<Text>,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
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
    }
}

diesel::table! {
    territory_members (id) {
        id -> Uuid,
        territory_id -> Uuid,
        kind -> Text,
        siren -> Nullable<Text>,
        commune_code -> Nullable<Text>,
        name -> Text,
        phase_id -> Nullable<Uuid>,
        starts_on -> Nullable<Date>,
        ends_on -> Nullable<Date>,
        coordinator -> Bool,
        version -> Int4,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        department_codes -> Jsonb,
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

diesel::joinable!(action_fiche_participants -> action_fiches (action_fiche_id));
diesel::joinable!(action_fiche_participants -> partners (partner_id));
diesel::joinable!(action_fiche_themes -> action_fiches (action_fiche_id));
diesel::joinable!(action_fiche_themes -> themes (theme_id));
diesel::joinable!(action_fiches -> territories (territory_id));
diesel::joinable!(committee_seats -> committees (committee_id));
diesel::joinable!(committee_seats -> partners (partner_id));
diesel::joinable!(committee_seats -> people (person_id));
diesel::joinable!(committees -> partners (partner_id));
diesel::joinable!(committees -> territories (territory_id));
diesel::joinable!(grants -> api_keys (key_id));
diesel::joinable!(partner_commitments -> partners (partner_id));
diesel::joinable!(partner_commitments -> territories (territory_id));
diesel::joinable!(person_mandates -> partners (partner_id));
diesel::joinable!(person_mandates -> people (person_id));
diesel::joinable!(territory_labels -> programme_phases (phase_id));
diesel::joinable!(territory_labels -> territories (territory_id));
diesel::joinable!(territory_members -> programme_phases (phase_id));
diesel::joinable!(territory_members -> territories (territory_id));
diesel::joinable!(themes -> programme_phases (phase_id));
diesel::joinable!(themes -> territories (territory_id));

diesel::allow_tables_to_appear_in_same_query!(
    action_fiche_participants,
    action_fiche_themes,
    action_fiches,
    api_keys,
    committee_seats,
    committees,
    department_regions,
    grants,
    kept,
    ledger,
    partner_commitments,
    partners,
    people,
    person_mandates,
    programme_phases,
    stamping,
    stamps,
    territories,
    territory_labels,
    territory_members,
    territory_successions,
    theme_correspondences,
    themes,
);
