//! The role gate's key.

/// What a role is compared by: trimmed and case-folded; empty for none, so that an absent and a blank role are one.
///
/// Upper case first, then lower: that folds what one step leaves apart, such as `ß` and `SS`.
pub fn role_key(role: Option<&str>) -> String {
    role.unwrap_or_default().trim().to_uppercase().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_surrounding_space_do_not_matter() {
        assert_eq!(role_key(Some(" Forklift Operator\n")), role_key(Some("FORKLIFT operator")));
        assert_eq!(role_key(Some("Straßenbauer")), role_key(Some("STRASSENBAUER")));
    }

    #[test]
    fn absent_and_blank_are_one_and_equal_no_role() {
        assert_eq!(role_key(None), role_key(Some("  ")));
        assert_ne!(role_key(None), role_key(Some("welder")));
    }

    #[test]
    fn inner_space_and_near_names_stay_apart() {
        assert_ne!(role_key(Some("CNC Operator")), role_key(Some("CNCOperator")));
        assert_ne!(role_key(Some("Welder")), role_key(Some("Welders")));
    }
}
