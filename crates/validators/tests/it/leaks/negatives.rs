//! Drafts with every other number that looks like a social security number, and none in them.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::{Draft, digits, phones, pick, planted};

type Writer = fn(&mut ChaCha8Rng) -> String;

const KINDS: &[(&str, Writer)] = &[
    ("phone number", phones::draft),
    ("phone number beside a request for the SSN", |rng| {
        let phone = phones::phone(rng);
        pick(
            rng,
            &[
                "Never text your SSN. Questions? {}",
                "We need your SSN for payroll, call {} and give it by voice.",
                "Bring your social security card. Dispatch is at {}",
                "SSN missing on your W-4; phone us: {}",
                "Do not send a social security number by SMS, {} is the secure line",
            ],
        )
        .replace("{}", &phone)
    }),
    ("other numbers beside a request for the SSN", |rng| {
        let body = pick(
            rng,
            &[
                "Never text your SSN. Load 482#13746 leaves at 6.",
                "Bring your SSN card on 2026-12-0# at 6 am.",
                "Bring your social security card and an I-9 to 4#00 Main St, Tulsa, OK 7410#-12##.",
                "SSN on file. Order 4829137## ships today.",
                "SSN needed by 12/0#/2026 15:30",
                "Social security wage base is $16#,600 this year",
                "No SSN yet for job 48291####; pay is $21.50",
                "Your SSN ends in ##21, right?",
                "Social media post 4829137## got 12 likes",
                "Form SS-4 for EIN 12-345####",
                "SSN received. Badge no. 4829137##",
                "SSN verified\nInvoice 2026-4##-11\nTotal $1,2##.00",
            ],
        );
        digits(rng, body)
    }),
    ("ZIP+4", |rng| {
        let body = pick(
            rng,
            &[
                "1200 Main St, Tulsa, OK 74###-####",
                "Ship to Houston TX 77###-####",
                "ZIP 1####-####",
                "ZIP code: 2####-####",
                "Mail the W-4 to PO Box 482, Reno NV 89###-####.",
                "New York, New York 10###-####",
                "postal code 6####-####, second door",
                "9####-#### is our ZIP",
                "Boise ID 83#######",
                "Send it to:\nAcme Staffing\n1200 Main St\nTulsa, OK 74###-####",
            ],
        );
        digits(rng, body)
    }),
    ("EIN", |rng| {
        let body = pick(
            rng,
            &[
                "EIN 12-#######",
                "FEIN: 4#-#######",
                "Our EIN is 8#-#######.",
                "employer id number 3#-#######",
                "Tax ID 2#-#######",
                "EIN 48#######",
            ],
        );
        digits(rng, body)
    }),
    ("order, job, invoice and ticket numbers", identifier),
    ("identifiers written 3-2-4", |rng| {
        let name = pick(
            rng,
            &[
                "order",
                "Order no.",
                "Order #",
                "Invoice number:",
                "invoice",
                "PO",
                "P.O. #",
                "ticket",
                "Job ID:",
                "job",
                "Ref:",
                "ref no.",
                "part number",
                "Part no.",
                "SKU",
                "claim no.",
                "case number",
                "policy",
                "serial no",
                "Quote",
            ],
        );
        let pattern = pick(rng, &["4##-#2-####", "1## #3 ####", "7##.#1.####"]);
        let number = digits(rng, pattern);
        let tail = pick(rng, &["", " is ready", ", thanks", " ships today.", "\nAcme Staffing"]);
        format!("{name} {number}{tail}")
    }),
    ("identifiers with a prefix or more parts", |rng| {
        let body = pick(
            rng,
            &[
                "JOB-4##-#1-#### is open",
                "WH-1##-#2-####",
                "see INV-2##-#2-####-01",
                "Location 4##-#2-####-7 in aisle 3",
                "Bin 1-4##-#2-####",
                "A##-4##-12##",
                "SO-2026-00####",
                "tool 12-4##-#2-####-9",
                "4##-#2-####-####",
            ],
        );
        digits(rng, body)
    }),
    ("tracking numbers", |rng| {
        let body = pick(
            rng,
            &[
                "UPS 1Z###AA1##########",
                "UPS 1Z ### AA1 ## #### ####",
                "FedEx ############",
                "FedEx #### #### ####",
                "FedEx tracking: ###############",
                "USPS 9400 1### #### #### #### ##",
                "USPS tracking 94001###################",
                "DHL ##########",
                "DHL waybill ### ### ####",
                "tracking no. 4829#####",
                "Tracking #48#######: out for delivery",
                "Your package 48####### arrives today",
            ],
        );
        digits(rng, body)
    }),
    ("dates and shift times", |rng| {
        let (year, month, day) =
            (rng.random_range(2024..2028), rng.random_range(1..13), rng.random_range(1..29));
        let (from, to) = (rng.random_range(0..24), rng.random_range(0..24));
        pick(
            rng,
            &[
                "Shift {y}-{m}-{d} {f}00-{t}30",
                "{m}/{d}/{y} {f}:00 to {t}:30",
                "Start {d}.{m}.{y}, {f}.00",
                "{m}-{d}-{y} {f}00",
                "{y}{m}{d} {f}{t}",
                "Week of {m}/{d}/{y} - {m}/28/{y}",
                "DOB {m}/{d}/1980, hired {y}-{m}-{d}",
                "{f}00-{t}00 Mon, {f}30-{t}30 Tue",
                "{y}-{m}-{d}T{f}:00:00Z",
                "{m} {d} {y} at {f} {t}",
                "due {y}/{m}/{d}",
                "{f}:15:30, {t}:15:30.123456",
            ],
        )
        .replace("{y}", &year.to_string())
        .replace("{m}", &format!("{month:02}"))
        .replace("{d}", &format!("{day:02}"))
        .replace("{f}", &format!("{from:02}"))
        .replace("{t}", &format!("{to:02}"))
    }),
    ("pay and amounts", |rng| {
        let body = pick(
            rng,
            &[
                "Pay is $##.50-##.75/h, 40 h",
                "Total $1##,4##.00",
                "Budget $482,###,###",
                "Gross 1,2##.50 net 9##.25",
                "$4829137##",
                "USD 482913.##",
                "Rate: ##.## OT: ##.## DT: ##.##",
                "€ 482.913.7##",
                "4##,91#,746 units",
                "1##.482913 kg",
                "bonus of 250 after 12 weeks, 1500 after 52",
            ],
        );
        digits(rng, body)
    }),
    ("addresses", |rng| {
        let body = pick(
            rng,
            &[
                "Dock 4, 12## N 14#th St, Tulsa OK 741##",
                "4## 12th Ave Apt 3##, Reno NV 895##",
                "Suite 1## Bldg 12 at 4### Commerce Dr",
                "Unit 4##, 12 #### Rd",
                "Hwy 1## Exit 2# Mile 4##",
                "W1## N##### Main St, WI 530##",
                "Gate 1#, Door 4##, Bay ####",
            ],
        );
        digits(rng, body)
    }),
    ("numbers that were never issued", never_issued),
    ("network addresses", |rng| {
        let body = pick(
            rng,
            &[
                "VPN 192.168.1#.1##",
                "10.1##.##.1##:8080",
                "172.16.2#.4#/24 via 172.16.1.1",
                "MAC 12:34:5#:78:9#:1#",
                "00-1A-2B-3C-4#-5#",
                "0012.3456.78##",
                "2001:db8:1##:45:67##::1",
                "fe80::1##:4#:67##",
                "port 12345, pid 4829137",
            ],
        );
        digits(rng, body)
    }),
    ("ISBN and bar codes", |rng| {
        let body = pick(
            rng,
            &[
                "ISBN 978-0-306-4061#-7",
                "ISBN 0-306-4061#-2",
                "ISBN 978030640####",
                "ISBN 978-14-028-9462-#",
                "UPC 0 12345 6789# 5",
                "UPC 03600029145#",
                "EAN 400638133393#",
                "GTIN 1061414100041#",
                "ISSN 1234-567#",
                "DUNS 15-048-37##",
                "DUNS 15048378#",
            ],
        );
        digits(rng, body)
    }),
    ("coordinates and measures", |rng| {
        let body = pick(
            rng,
            &[
                "36.1539#, -95.9927#",
                "Park at 36.15398#,-95.99277#",
                "-122.41941#",
                "lat 4#.1 lon -1##.123456",
                "N 36 09.23# W 095 59.56#",
                "120 x 45 x 67## mm",
                "Pallet 1##x48x#### lb 2200",
                "tolerance 0.0012345##",
                "v4.12.3456, build 20261",
                "GPS 1##.123456 / 45.###",
            ],
        );
        digits(rng, body)
    }),
    ("UUIDs and addresses of pages", |rng| {
        let body = pick(
            rng,
            &[
                "123e4567-e89b-12d3-a456-42661417####",
                "https://example.com/jobs/4829137##",
                "https://example.com/j?id=4829137##&x=12",
                "example.com/2026/11/4829137##.html",
                "mail to job-4829137##@example.com",
                "https://maps.example.com/@36.15398##,-95.99277##,17z",
                "commit 4829137a, file_4829137##.pdf",
                "sha 1234567890123456789012345678901234567890",
            ],
        );
        digits(rng, body)
    }),
    ("bank and card numbers", |rng| {
        let body = pick(
            rng,
            &[
                "routing number 021000021",
                "ABA 0110000##",
                "Routing: 1210#####, account: 482913####",
                "account no. 4829137##",
                "acct 48-2913-7##",
                "card 4111 1111 1111 1###",
                "Amex 3782 822463 1####",
                "checking account 000123456789",
                "IBAN DE89 3704 0044 0532 0130 00",
                "card ending 4###",
            ],
        );
        digits(rng, body)
    }),
    ("meetings, codes, flights", |rng| {
        let body = pick(
            rng,
            &[
                "Zoom meeting ID 823 4567 8###",
                "Meeting ID: 823 456 7##, passcode 48291#",
                "Your code is 482###",
                "Teams conference ID: 482 913 7##",
                "Flight UA 1### seat 12A, confirmation 48291##",
                "PIN 4### then #",
                "Wifi password 4829####",
                "Employee ID 4829137##",
                "Worker no. 000###, badge 48291",
                "Member number 4829137##",
            ],
        );
        digits(rng, body)
    }),
    ("tables and lists", |rng| {
        let body = pick(
            rng,
            &[
                "Day,Heads,Boxes\nMon,1##,4#\nTue,1##,5#\n",
                "Picked | 1## | 4# | 6###\nPacked | 1## | 5# | 7###",
                "100 200 300 400 500",
                "1 2 3 4 5 6 7 8 9 10",
                "1. Welding 2. Forklift 3. CNC",
                "Team A 1##, Team B 4#, Team C 12##",
                "Scores: 1##-9#, 8#-7#",
                "Line 1: 1##  4#  67##\nLine 2: 1##  5#  12##",
                "Heads 1##, hours 4#, boxes 67##",
                "1##\n4#\n67##\n",
                "Aisles 101-45, 102-46, 103-47",
                "one, two, three: lift! four, five, six: rest",
                "count to ten: one two three four five six seven eight nine ten",
            ],
        );
        digits(rng, body)
    }),
    ("words about numbers", |rng| {
        pick(
            rng,
            &[
                "Two of you take one pallet each, three stay for the four o'clock truck.",
                "Twenty-five heads on dock one, forty on dock two and sixty-seven on nights.",
                "one or two of the seven",
                "Call me at nine or ten, one of us is in.",
                "Nine to five, thirty an hour, double time on Sundays.",
                "Room one twenty three, floor four, five minutes from gate six",
                "one hundred and twenty boxes, forty-five pallets, two thousand labels",
                "Zero accidents in three hundred days!",
                "three dash four shifts a week, forty five hours",
            ],
        )
        .to_owned()
    }),
];

/// A number that a name tells apart.
fn identifier(rng: &mut ChaCha8Rng) -> String {
    let name = pick(
        rng,
        &[
            "order",
            "Order #",
            "order no.",
            "Order number",
            "your order is",
            "job",
            "Job ID",
            "Job #",
            "job number",
            "invoice",
            "Invoice no.",
            "Inv.",
            "ticket",
            "Ticket #",
            "PO",
            "PO number",
            "P.O.",
            "ref",
            "Ref. no.",
            "Reference:",
            "reference number is",
            "case",
            "Case ID:",
            "requisition",
            "Req #",
            "confirmation",
            "confirmation code",
            "Shipment",
            "load number",
            "Load #",
            "badge",
            "Badge no.",
            "timesheet",
            "booking",
            "Reservation",
            "transaction",
            "quote",
            "contract no",
            "policy number",
            "claim",
            "Lot",
            "batch",
            "item",
            "serial number",
            "S/N",
            "model",
            "Requisition ID",
            "Work order",
            "WO#",
            "permit",
            "Job order no.",
        ],
    );
    let pattern = pick(
        rng,
        &[
            "48#######",
            "1########",
            "7#######",
            "4829##",
            "12####-##",
            "2026-######",
            "48##-####-##",
            "### ###",
            "#########",
        ],
    );
    let number = digits(rng, pattern);
    match rng.random_range(0..4) {
        0 => format!("{name} {number}"),
        1 => format!("Hi Ana, {name} {number} is ready at dock 4."),
        2 => format!("{name}: {number}, call {}", phones::phone(rng)),
        _ => format!("Please check {name} {number}\nThanks"),
    }
}

/// What has the format of a social security number and can be nobody's.
fn never_issued(rng: &mut ChaCha8Rng) -> String {
    let [mut area, mut group, mut serial] = planted::number(rng);
    match rng.random_range(0..6) {
        0 => area = "000".into(),
        1 => area = "666".into(),
        2 => area = digits(rng, "9##"),
        3 => group = "00".into(),
        4 => serial = "0000".into(),
        _ => {
            let printed = pick(
                rng,
                &[["078", "05", "1120"], ["219", "09", "9999"], ["987", "65", "4321"], ["457", "55", "5462"]],
            );
            [area, group, serial] = printed.map(str::to_owned);
        }
    }
    let separator = pick(rng, &["-", " ", ".", ""]);
    let number = [area, group, serial].join(separator);
    pick(rng, &["{}", "SSN {}", "My SSN is {}", "Use {} as an example", "sample card: {}", "{} (SSN)"])
        .replace("{}", &number)
}

/// A draft without a social security number.
pub(super) fn draft(rng: &mut ChaCha8Rng) -> Draft {
    let (kind, write) = pick(rng, KINDS);
    let body = write(rng);
    let body = match rng.random_range(0..4) {
        0 => format!("Hi Ana, {body}"),
        1 => format!("{body}\nReply STOP to opt out."),
        _ => body,
    };
    Draft { body, kind, planted: None }
}
