//! Cards, accounts, ITINs, passports and licences: warned of, each by its own rule.

use validators::leaks;
use wire::matrix::Severity;

#[track_caller]
fn assert_found(text: &str, expected: &[(&str, &str)]) {
    let violations = leaks::check("body", text);
    let found: Vec<(&str, &str)> = violations
        .iter()
        .map(|violation| (violation.rule.as_str(), &text[violation.span[0]..violation.span[1]]))
        .collect();
    assert_eq!(found, expected, "in {text:?}");
    let is_warning = |rule: &str| !rule.starts_with("ssn");
    let is_right = violations.iter().all(|violation| {
        !is_warning(&violation.rule) || (violation.severity == Severity::Warning && violation.field == "body")
    });
    assert!(is_right, "{violations:?}");
}

#[test]
fn payment_card_is_known_by_issuer_length_and_check_digit() {
    for card in [
        "4111111111111111",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4222222222222",
        "5555 5555 5555 4444",
        "2223003122003222",
        "3782 822463 10005",
        "371449635398431",
        "3056 930902 5904",
        "6011 1111 1111 1117",
        "3530111333300000",
        "6200000000000005",
    ] {
        assert_found(&format!("Pay with {card}, exp 12/27"), &[("card_number", card)]);
    }
    for other in [
        "4111 1111 1111 1112",
        "9111 1111 1111 1111",
        "411111111111111",
        "order 4111111111111111",
        "tracking no. 4111 1111 1111 1111",
        "4111 1111 1111 1111 1111",
        "+4111111111111111",
        "A4111111111111111",
        "1234 5678 9012 3456",
    ] {
        assert_found(other, &[]);
    }
}

#[test]
fn bank_account_is_known_by_its_name_or_a_routing_number_beside_it() {
    for (text, account) in [
        ("account number 000123456789", "000123456789"),
        ("Acct # 48291374", "48291374"),
        ("checking account no. 4829-1374-55", "4829-1374-55"),
        ("My savings account is 482913746.", "482913746"),
        ("021000021 / 48291374", "48291374"),
        ("routing 011000015, account 4829137461", "4829137461"),
        ("deposit to 121000358 4829137461", "4829137461"),
    ] {
        assert_found(text, &[("bank_account", account)]);
    }
    for other in [
        "routing number 021000021",
        "Your account manager is at 415-555-0132",
        "Account manager 48291374",
        "on account of 1200 boxes",
        "Your account was opened on 12/04/2026",
        "account 4821",
        "id 021000022 / 48291374",
    ] {
        assert_found(other, &[]);
    }
}

#[test]
fn itin_is_known_by_the_ranges_of_the_irs() {
    for itin in
        ["911-70-1234", "900 50 0001", "999-99-9999", "911-701234", "911701234", "988-88-1234", "912-92-1234"]
    {
        assert_found(&format!("take {itin} along"), &[("itin", itin)]);
    }
    assert_found("ITIN 91170-1234", &[("itin", "91170-1234")]);
    assert_found("My SSN is 911-70-1234", &[("itin", "911-70-1234")]);
    for other in [
        "911-49-1234",
        "911-66-1234",
        "911-89-1234",
        "911-93-1234",
        "ITIN 911-89-1234",
        "Pasadena 91170-1234",
        "order 911701234",
        "call 911-701-2345",
        "1-911-70-1234",
    ] {
        assert_found(other, &[]);
    }
}

#[test]
fn passport_and_licence_are_known_by_their_names() {
    for (text, number) in [
        ("Passport no. 482913746", "482913746"),
        ("passport: A12803456", "A12803456"),
        ("my travel document is A12803456", "A12803456"),
        ("US passport number is 482913746, thanks", "482913746"),
    ] {
        assert_found(text, &[("passport", number)]);
    }
    for (text, number) in [
        ("Driver's license D1234567", "D1234567"),
        ("drivers licence no: 12345678", "12345678"),
        ("DL# F255-9215-0094", "F255-9215-0094"),
        ("TX DL 12345678", "12345678"),
        ("CDL number 012 345 678", "012 345 678"),
        ("driver license: WDL1234567", "WDL1234567"),
    ] {
        assert_found(text, &[("drivers_licence", number)]);
    }
    for other in [
        "Bring your passport on 12/04/2026",
        "passport office, 1200 Main St",
        "passport 48291374",
        "A12803456",
        "CDL class A required, $28.50",
        "Driver's license and 2 forms of ID by 06:00",
        "your driver's license expires 12/04/2026",
        "driver 4829137",
    ] {
        assert_found(other, &[]);
    }
}

#[test]
fn what_two_rules_see_is_told_once_and_the_graver_rule_speaks() {
    assert_found(
        "SSN 123-45-6789, DL D1234567",
        &[("ssn_labelled", "123-45-6789"), ("drivers_licence", "D1234567")],
    );
    assert_found("passport 123-45-6789", &[("ssn_formatted", "123-45-6789")]);
}
