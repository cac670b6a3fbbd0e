//! What a corpus promises.

use std::collections::{HashMap, HashSet};

use arrow::array::RecordBatch;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::market::Market;
use super::trades::Trade;
use super::{Format, TEXT_TEMPLATE, Worker, workers, write_workers};

fn generate(count: u64, seed: u64) -> Vec<Worker> {
    workers(count, seed).unwrap().collect()
}

fn written(count: u64, seed: u64, format: Format) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_workers(count, seed, format, &mut bytes).unwrap();
    bytes
}

#[test]
fn same_seed_gives_the_same_bytes_in_every_format() {
    for format in [Format::Csv, Format::Ndjson, Format::Parquet] {
        assert_eq!(written(500, 7, format), written(500, 7, format), "{format:?}");
        assert_ne!(written(500, 7, format), written(500, 8, format), "{format:?}");
    }
}

#[test]
fn larger_corpus_begins_with_the_smaller_one() {
    assert_eq!(generate(2000, 7)[..300], generate(300, 7));
    assert!(written(300, 7, Format::Csv).starts_with(&written(100, 7, Format::Csv)));
}

#[test]
fn people_can_be_nobody_real() {
    for worker in generate(5000, 1) {
        let (local, domain) = worker.email.split_once('@').unwrap();
        assert_eq!(domain, "example.com");
        assert!(local.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.'), "{local}");
        let (area_code, line) = worker.phone.split_once("-555-01").unwrap();
        assert_eq!((area_code.len(), line.len()), (3, 2), "{}", worker.phone);
        assert!(area_code.parse::<u32>().is_ok() && line.parse::<u32>().is_ok(), "{}", worker.phone);
    }
}

#[test]
fn ids_and_emails_are_unique_and_leading_zeros_are_there() {
    let workers = generate(20_000, 1);
    let ids: HashSet<_> = workers.iter().map(|worker| &worker.worker_id).collect();
    let emails: HashSet<_> = workers.iter().map(|worker| &worker.email).collect();
    assert_eq!((ids.len(), emails.len()), (workers.len(), workers.len()));
    assert_eq!(workers[122].worker_id, "000123");
    assert!(workers.iter().all(|worker| worker.zip.len() == 5 && worker.area_code.len() == 7));
    assert!(workers.iter().any(|worker| worker.state == "NJ" && worker.zip.starts_with('0')));
}

#[test]
fn pay_lies_between_the_published_percentiles_of_occupation_and_area() {
    let market = Market::load().unwrap();
    let key = |occupation: &str, area: &str| (occupation.to_owned(), area.to_owned());
    let cells: HashMap<_, _> = market
        .cells
        .iter()
        .map(|cell| {
            let occupation = &market.occupations[cell.occupation].soc_code;
            (key(occupation, &market.areas[cell.area].code), cell.wages)
        })
        .collect();
    let (mut below_median, workers) = (0, generate(20_000, 3));
    for worker in &workers {
        let [p10, _, p50, _, p90] = cells[&key(&worker.soc_code, &worker.area_code)];
        assert!((p10..=p90).contains(&worker.hourly_pay), "{worker:?}");
        below_median += usize::from(worker.hourly_pay < p50);
    }
    let share = below_median as f64 / workers.len() as f64;
    assert!((0.48..=0.52).contains(&share), "half earn less than the median, here {share}");
}

/// The largest occupations with the people employed in them, and all people, over the cells with published
/// employment and wages: summed up from the table by another program (DuckDB).
const LARGEST: [(&str, f64); 20] = [
    ("53-7062", 2_857_290.0),
    ("53-7065", 2_794_530.0),
    ("43-4051", 2_372_730.0),
    ("43-9061", 2_363_910.0),
    ("37-2011", 2_173_510.0),
    ("53-3032", 2_003_030.0),
    ("43-6014", 1_635_670.0),
    ("49-9071", 1_506_940.0),
    ("43-1011", 1_380_740.0),
    ("51-2090", 1_369_850.0),
    ("43-3031", 1_302_750.0),
    ("47-2061", 1_069_020.0),
    ("53-3033", 961_000.0),
    ("37-3011", 935_560.0),
    ("43-6013", 933_660.0),
    ("43-4171", 890_750.0),
    ("37-2012", 843_880.0),
    ("43-5071", 796_520.0),
    ("47-1011", 789_220.0),
    ("53-7051", 758_390.0),
];
const EMPLOYED: f64 = 53_320_070.0;

/// Pearson's test over the 20 largest occupations and all others: 45.31 is the 99.9th percentile of chi-squared with
/// 20 degrees of freedom.
#[test]
fn occupations_come_as_often_as_they_are_employed() {
    const DRAWN: f64 = 50_000.0;
    let mut drawn: HashMap<String, f64> = HashMap::new();
    for worker in generate(DRAWN as u64, 11) {
        *drawn.entry(worker.soc_code).or_default() += 1.0;
    }
    let observed = LARGEST.map(|(soc_code, _)| drawn.get(soc_code).copied().unwrap_or_default());
    let expected = LARGEST.map(|(_, people)| DRAWN * people / EMPLOYED);
    let term = |observed: f64, expected: f64| (observed - expected).powi(2) / expected;
    let chi_squared = observed.iter().zip(&expected).map(|(o, e)| term(*o, *e)).sum::<f64>()
        + term(DRAWN - observed.iter().sum::<f64>(), DRAWN - expected.iter().sum::<f64>());
    assert!(chi_squared < 45.31, "chi-squared {chi_squared}");
}

#[test]
fn every_occupation_of_the_market_has_a_role_and_enough_skills() {
    for occupation in Market::load().unwrap().occupations {
        let trade = Trade::of(&occupation.soc_code);
        assert!(!trade.roles.is_empty(), "{occupation:?}");
        assert!(trade.own_skills.len() >= 4 && trade.group_skills.len() >= 6, "{occupation:?} {trade:?}");
    }
}

#[test]
fn staffing_roles_are_in_the_corpus_and_hold_what_they_must() {
    let workers = generate(20_000, 1);
    let count = |role| workers.iter().filter(|worker| worker.role == role).count();
    for role in ["Forklift Operator", "CNC Operator", "Warehouse Associate", "CDL Truck Driver", "Welder"] {
        assert!(count(role) > 20, "{role}: {}", count(role));
    }
    for driver in workers.iter().filter(|worker| worker.soc_code == "53-3032") {
        assert!(driver.certifications.contains("CDL Class A"), "{driver:?}");
    }
}

#[test]
fn text_fills_the_whole_template_and_differs_between_workers() {
    let workers = generate(5000, 1);
    let texts: HashSet<String> = workers.iter().map(Worker::text).collect();
    assert!(texts.len() > 4900, "{} different texts", texts.len());
    assert!(texts.iter().all(|text| !text.contains('{') && !text.contains('}')), "{TEXT_TEMPLATE}");
    let first = workers[0].text();
    assert!(first.starts_with(&format!("{} in {}.", workers[0].role, workers[0].area)), "{first}");
}

#[test]
fn parquet_has_the_columns_of_the_csv_and_all_rows() {
    let csv = written(9000, 1, Format::Csv);
    let header = csv.split(|byte| *byte == b'\n').next().unwrap();
    let builder =
        ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(written(9000, 1, Format::Parquet)));
    let reader = builder.unwrap().build().unwrap();
    let batches: Vec<_> = reader.map(Result::unwrap).collect();
    let schema = batches[0].schema();
    let names: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(names.join(",").as_bytes(), header);
    assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 9000);
}
