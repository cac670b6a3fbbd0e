use super::*;
use crate::violation::MAX_OF_A_RULE;

/// The rules that `text` breaks, with the phrase of each.
fn found(text: &str) -> Vec<(&'static str, &str)> {
    find(text).map(|found| (found.ground.rule(), &text[found.span])).collect()
}

#[test]
fn words_that_the_regulations_name_are_found() {
    for (text, rule, phrase) in [
        ("We want a young team.", "language_age", "young"),
        ("Young and energetic people wanted", "language_age", "Young"),
        ("YOUNG DRIVERS WANTED", "language_age", "YOUNG"),
        ("Age 25 to 35", "language_age", "Age 25 to 35"),
        ("Ages 18-35 apply", "language_age", "Ages 18-35"),
        ("for 20 to 30 years old", "language_age", "20 to 30 years old"),
        ("ideal for a recent\n  college graduate", "language_age", "recent\n  college graduate"),
        ("college students welcome", "language_age", "college students"),
        ("no older than 45, please", "language_age", "no older than 45"),
        ("must be under 40", "language_age", "must be under 40"),
        ("a digital-native mindset", "language_age", "digital-native"),
        ("office girl wanted", "language_sex", "girl"),
        ("Looking for women to pack", "language_sex", "Looking for women"),
        ("males preferred", "language_sex", "males preferred"),
        ("Must be a man who lifts", "language_sex", "Must be a man"),
        ("Parts Salesman Wanted", "language_sex", "Salesman"),
        ("waitress for Friday", "language_sex", "waitress"),
        ("you must not be pregnant", "language_family", "not be pregnant"),
        ("no kids at home?", "language_family", "no kids"),
        ("Native English speaker", "language_national_origin", "Native English speaker"),
        ("native speakers only", "language_national_origin", "native speakers"),
        ("no foreigners", "language_national_origin", "no foreigners"),
        ("must be a U.S. citizen", "language_citizenship", "must be a U.S. citizen"),
        ("Christians only", "language_religion", "Christians only"),
        ("no turbans on site", "language_religion", "no turbans"),
        ("Caucasian drivers", "language_race", "Caucasian"),
        ("able‑bodied men", "language_disability", "able‑bodied"),
        ("able bodied helpers", "language_disability", "able bodied"),
        ("no medical conditions", "language_disability", "no medical conditions"),
    ] {
        assert_eq!(found(text), [(rule, phrase)], "{text:?}");
    }
}

#[test]
fn lawful_words_raise_nothing() {
    for text in [
        "Must be 18 or older. Must be 21 or older to serve alcohol.",
        "No one under the age of 18 is allowed on the dock.",
        "English fluency required; bilingual English and Spanish is a plus.",
        "Fluent in English, for the phone.",
        "Women and minorities are encouraged to apply.",
        "All applicants are considered without regard to race, color, religion, sex, national origin, age or disability.",
        "Equal opportunity employer, M/F/D/V.",
        "Dear Christian, are you free on Monday?",
        "Hi Christian,\nDear Ms. Young,",
        "Ask for Andrew Young at Young Brothers Freight.",
        "Care for young children and young adults.",
        "Retirees welcome. Over 50? Apply.",
        "25 to 35 pallets an hour; ages of 5 to 12.",
        "We run 20 to 30 trucks, 28 and 29 are old.",
        "Heat to no more than 40 degrees. Lift 50 lb, with or without reasonable accommodation.",
        "Must be American Welding Society certified.",
        "No children allowed on site. Shoes must be black.",
        "The machine must be disabled before service. No blind spots.",
        "Attach the male plug to the female socket.",
        "Must be authorized to work in the United States.",
        "Pregnant workers may ask for lighter duty.",
        "Men's and women's restrooms only on floor 2.",
        "Girl Scout cookies, Boy Scouts of America",
        "youngest, boyfriend, girlish, manifold, humanoid",
        "Only single-use gloves; seeking a single point of contact.",
        "Waiter/waitress, waiters and waitresses, salesman or saleswoman",
        "Able-Bodied Seaman's certificate; unmarried child of a member; non-native English speakers",
        "Journeyman electrician, foreman experience a plus.",
    ] {
        assert_eq!(found(text), [], "{text:?}");
    }
}

#[test]
fn phrase_is_not_torn_from_two_sentences() {
    assert_eq!(found("This is for men. Only come at six."), []);
    assert_eq!(found("Yes or no? Men at work."), []);
    assert_eq!(found("no, women work here too"), []);
}

#[test]
fn each_warning_names_the_law_and_what_to_say_instead() {
    let text = "we need someone young";
    let report = check("body", text);
    assert_eq!(report.len(), 1);
    assert_eq!((report[0].field.as_str(), report[0].span), ("body", [16, 21]));
    assert!(report[0].message.contains("29 U.S.C. 623(e)"), "{}", report[0].message);
    assert!(report[0].fix.contains("experience"));
    for entry in TRIE.nodes.iter().filter_map(|node| node.entry.as_ref()) {
        assert!(entry.ground.citation().contains("U.S.C.") && !entry.instead.is_empty());
    }
}

#[test]
fn table_is_written_as_the_words_of_a_text_are_read() {
    for Phrase { words, .. } in PHRASES {
        for word in words.split(' ') {
            let is_word = word.chars().all(|c| c.is_ascii_lowercase() || c == '\'') && !word.is_empty();
            assert!(is_word && word.len() <= MAX_WORD_BYTES || [AGE, NUMBER].contains(&word), "{words:?}");
        }
    }
}

#[test]
fn report_stays_small_however_long_the_text_is() {
    assert_eq!(check("body", &"young workers. ".repeat(100_000)).len(), MAX_OF_A_RULE);
}
