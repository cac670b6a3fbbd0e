//! Test switches: `LAKEHOUSE_TEST_DISABLE=boost,role_gate` turns pieces off, so that the load harness can prove that it
//! notices. Builds without debug assertions do not read the variable.

/// The variable that names what is off, separated by commas.
#[cfg(debug_assertions)]
const VARIABLE: &str = "LAKEHOUSE_TEST_DISABLE";

/// What is turned off; nothing, in a release build.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Switches {
    /// Playbooks move nothing.
    pub(crate) no_boost: bool,
    /// Recordings for any role act.
    pub(crate) no_role_gate: bool,
    /// `exclude_ids` is not looked at.
    pub(crate) no_exclude_ids: bool,
    /// Social security numbers pass.
    pub(crate) no_ssn_guard: bool,
}

impl Switches {
    /// What the environment turns off, logged.
    #[cfg(debug_assertions)]
    pub(crate) fn from_env() -> Self {
        let switches = std::env::var(VARIABLE).map(|value| Self::parse(&value)).unwrap_or_default();
        if switches != Self::default() {
            tracing::warn!(?switches, "{VARIABLE} is set: this process is fit for tests only");
        }
        switches
    }

    /// Nothing is off.
    #[cfg(not(debug_assertions))]
    pub(crate) fn from_env() -> Self {
        Self::default()
    }

    #[cfg(debug_assertions)]
    fn parse(value: &str) -> Self {
        let is_off = |piece: &str| value.split(',').any(|named| named.trim() == piece);
        Self {
            no_boost: is_off("boost"),
            no_role_gate: is_off("role_gate"),
            no_exclude_ids: is_off("exclude_ids"),
            no_ssn_guard: is_off("ssn_guard"),
        }
    }
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_turned_off_by_name() {
        assert_eq!(Switches::parse(""), Switches::default());
        let expected = Switches { no_boost: true, no_ssn_guard: true, ..Switches::default() };
        assert_eq!(Switches::parse("boost, ssn_guard"), expected);
    }
}
