//! What people of an occupation are called, can do and hold: curated lists, by prefix of the SOC code.

use super::tables::rows;

/// The names under which staffing companies look for an occupation.
static ROLES: &str = include_str!("roles.csv");
/// Skills and certifications by prefix of the SOC code: `53` for a major group, `53-7051` for one occupation.
static SKILLS: &str = include_str!("skills.csv");

/// Length of the code of a major group, such as `53`.
const MAJOR_GROUP_LEN: usize = 2;

/// What a worker of one occupation may be called, can do and hold.
#[derive(Debug, Default)]
pub(super) struct Trade {
    pub(super) roles: Vec<&'static str>,
    /// Skills of the occupation or its near relatives.
    pub(super) own_skills: Vec<&'static str>,
    /// Skills of the whole major group.
    pub(super) group_skills: Vec<&'static str>,
    /// Without these nobody may do the work.
    pub(super) required: Vec<&'static str>,
    pub(super) certifications: Vec<&'static str>,
}

impl Trade {
    /// The trade of the occupation `soc_code`. Every occupation of the market has a role: a test sees to it.
    pub(super) fn of(soc_code: &str) -> Self {
        let mut trade = Self::default();
        for [code, roles] in rows(ROLES) {
            if code == soc_code {
                trade.roles.extend(roles.split('|'));
            }
        }
        for [prefix, kind, values] in rows(SKILLS) {
            if !soc_code.starts_with(prefix) {
                continue;
            }
            let list = match kind {
                "required" => &mut trade.required,
                "certification" => &mut trade.certifications,
                _ if prefix.len() == MAJOR_GROUP_LEN => &mut trade.group_skills,
                _ => &mut trade.own_skills,
            };
            let is_new: Vec<_> = values.split('|').filter(|value| !list.contains(value)).collect();
            list.extend(is_new);
        }
        trade.certifications.retain(|certification| !trade.required.contains(certification));
        trade
    }
}
