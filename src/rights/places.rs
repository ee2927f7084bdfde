//! Where territories are, as the database computes it from their members.

diesel::table! {
    /// Each department and region in which a territory has a commune: several for one that crosses their borders.
    territory_places (territory_id, department_code) {
        /// The territory (territoire).
        territory_id -> Uuid,
        /// A department, by its code of the COG.
        department_code -> Text,
        /// The region that the department is in.
        region_code -> Text,
    }
}
