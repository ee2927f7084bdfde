//! The departments and regions of territories, as the database computes them from the members.

diesel::table! {
    /// Each department and region where a territory has a commune. A territory may lie in several.
    territory_places (territory_id, department_code) {
        /// The territory (territoire).
        territory_id -> Uuid,
        /// A department, by its code of the COG.
        department_code -> Text,
        /// The region that the department is in.
        region_code -> Text,
    }
}
