//! Which numbers the Social Security Administration can have given to a person.

/// Digits of a social security number: area (3), group (2), serial (4).
pub(super) const DIGITS: usize = 9;

/// Numbers that keep the format but name nobody, because they were printed.
///
/// 078-05-1120 came with wallets from 1938 on and 219-09-9999 stood in a pamphlet of the Social Security Board of 1940
/// (SSA, "Social Security Cards Issued by Woolworth"). 457-55-5462 was on the advertisements of an identity protection
/// company, whose chief executive gave it away. The others are the "pocketbook numbers" of the sample cards and
/// advertisements that followed, as lists of invalid numbers pass them on.
const ADVERTISED: [u32; 22] = [
    2_281_852,
    42_103_580,
    62_360_749,
    78_051_120,
    95_073_645,
    128_036_045,
    135_016_629,
    141_186_941,
    165_167_999,
    165_187_999,
    165_207_999,
    165_227_999,
    165_247_999,
    189_092_294,
    212_097_694,
    212_099_999,
    219_099_999,
    306_302_348,
    308_125_070,
    457_555_462,
    468_288_779,
    549_241_889,
];

/// Whether these nine digits can be somebody's: no area 000, 666 or 900-999, no group 00, no serial 0000 (SSA, POMS RM
/// 10201.035; any other area since randomization in 2011), and none of the known advertised numbers. 987-65-4320 to
/// 987-65-4329, which are reserved for advertisements, lie in the area 9xx.
pub(super) fn is_issuable(digits: &[u8]) -> bool {
    if digits.len() != DIGITS {
        return false;
    }
    let number = digits.iter().fold(0u32, |number, digit| number * 10 + u32::from(*digit));
    let (area, group, serial) = (number / 1_000_000, number / 10_000 % 100, number % 10_000);
    !matches!(area, 0 | 666 | 900..) && group != 0 && serial != 0 && !ADVERTISED.contains(&number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_possible(number: &str) -> bool {
        let digits: Vec<u8> = number.bytes().filter(u8::is_ascii_digit).map(|digit| digit - b'0').collect();
        is_issuable(&digits)
    }

    #[test]
    fn areas_groups_and_serials_that_were_never_issued_are_known() {
        for never in
            ["000-12-3456", "666-12-3456", "900-12-3456", "999-99-9999", "123-00-4567", "123-45-0000"]
        {
            assert!(!is_possible(never), "{never}");
        }
        for possible in ["001-01-0001", "665-99-9999", "667-01-0001", "734-12-3456", "899-99-9999"] {
            assert!(is_possible(possible), "{possible}");
        }
        assert!(!is_possible("123-45-678") && !is_possible("123-45-67890"));
    }

    #[test]
    fn advertised_numbers_are_nobodys() {
        assert!(ADVERTISED.is_sorted());
        for printed in ["078-05-1120", "219-09-9999", "457-55-5462", "002-28-1852", "987-65-4321"] {
            assert!(!is_possible(printed), "{printed}");
        }
        assert!(is_possible("078-05-1121"));
    }
}
