//! Two kinds of charts as SVG, on white, with a label at every value: enough for a report that is read in a browser.

use std::fmt::Write;

const WIDTH: f64 = 860.0;
const LABELS: f64 = 210.0;
const VALUES: f64 = 110.0;
const TOP: f64 = 64.0;
const BAR: f64 = 16.0;
const GAP: f64 = 12.0;
const LINE_HEIGHT: f64 = 300.0;
const COLOURS: [&str; 4] = ["#2f6fb0", "#d9822b", "#5a9e5a", "#8a8f98"];
const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#222}.t{font-size:16px;font-weight:600}";

/// Values of one kind, one for each category; absent where there is none.
#[derive(Debug, Clone)]
pub struct Series {
    /// In the legend.
    pub name: &'static str,
    /// Each in the unit of the chart.
    pub values: Vec<Option<f64>>,
}

/// How several series share a category.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// One bar each.
    Beside,
    /// One bar of all.
    Stacked,
}

/// Horizontal bars, one row for each category.
pub fn bars(title: &str, unit: &str, layout: Layout, categories: &[String], series: &[Series]) -> String {
    let rows = if layout == Layout::Stacked { 1 } else { series.len() };
    let row_height = BAR * rows as f64 + GAP;
    let height = TOP + row_height * categories.len() as f64 + GAP;
    let total = |at: usize| series.iter().filter_map(|series| series.values[at]).sum::<f64>();
    let largest = match layout {
        Layout::Stacked => (0..categories.len()).map(total).fold(0.0, f64::max),
        Layout::Beside => largest(series),
    };
    let scale = (WIDTH - LABELS - VALUES) / positive(largest);
    let mut svg = open(title, unit, height, series);
    for (at, category) in categories.iter().enumerate() {
        let top = TOP + row_height * at as f64;
        text(&mut svg, LABELS - 8.0, top + (row_height - GAP) / 2.0 + 4.0, "end", category);
        let mut left = LABELS;
        for (number, series) in series.iter().enumerate() {
            let Some(value) = series.values[at] else { continue };
            let row = if layout == Layout::Stacked { 0.0 } else { number as f64 };
            rectangle(&mut svg, left, top + BAR * row, value * scale, COLOURS[number % COLOURS.len()]);
            if layout == Layout::Stacked {
                left += value * scale;
            } else {
                text(&mut svg, left + value * scale + 5.0, top + BAR * (row + 0.78), "start", &label(value));
            }
        }
        if layout == Layout::Stacked {
            text(&mut svg, left + 5.0, top + BAR * 0.78, "start", &label(total(at)));
        }
    }
    svg + "</svg>\n"
}

/// One line for each series over the categories, which stand at equal distances.
pub fn lines(title: &str, unit: &str, categories: &[String], series: &[Series]) -> String {
    let (bottom, height) = (TOP + LINE_HEIGHT, TOP + LINE_HEIGHT + 36.0);
    let scale = LINE_HEIGHT / (positive(largest(series)) * 1.1);
    let step = (WIDTH - 160.0) / (categories.len().max(2) - 1) as f64;
    let x = |at: usize| 80.0 + step * at as f64;
    let mut svg = open(title, unit, height, series);
    // Writing to a text cannot fail, here and below.
    let _ = writeln!(svg, r##"<path d="M60 {bottom}H{}" stroke="#999" fill="none"/>"##, WIDTH - 40.0);
    for (at, category) in categories.iter().enumerate() {
        text(&mut svg, x(at), bottom + 20.0, "middle", category);
    }
    for (number, series) in series.iter().enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        let known = series.values.iter().enumerate().filter_map(|(at, value)| Some((x(at), (*value)?)));
        let points: Vec<(f64, f64)> = known.collect();
        let path: Vec<String> =
            points.iter().map(|(x, value)| format!("{x:.1} {:.1}", bottom - value * scale)).collect();
        let _ = writeln!(
            svg,
            r#"<path d="M{}" stroke="{colour}" stroke-width="2" fill="none"/>"#,
            path.join("L")
        );
        for (x, value) in points {
            let y = bottom - value * scale;
            let _ = writeln!(svg, r#"<circle cx="{x:.1}" cy="{y:.1}" r="3" fill="{colour}"/>"#);
            text(&mut svg, x, y - 8.0, "middle", &label(value));
        }
    }
    svg + "</svg>\n"
}

/// Head, title and legend.
fn open(title: &str, unit: &str, height: f64, series: &[Series]) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n<title>{0}</title>\n\
         <style>{STYLE}</style>\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text class=\"t\" x=\"12\" y=\"24\">{0}</text>\n",
        escaped(title)
    );
    let mut left = 12.0;
    for (number, series) in series.iter().enumerate() {
        rectangle(&mut svg, left, 36.0, 12.0, COLOURS[number % COLOURS.len()]);
        text(&mut svg, left + 17.0, 48.0, "start", series.name);
        left += 40.0 + 6.6 * series.name.len() as f64;
    }
    text(&mut svg, WIDTH - 12.0, 48.0, "end", unit);
    svg
}

fn rectangle(svg: &mut String, x: f64, y: f64, width: f64, colour: &str) {
    let height = BAR - 3.0;
    let _ = writeln!(
        svg,
        r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height}" fill="{colour}"/>"#
    );
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, text: &str) {
    let text = escaped(text);
    let _ = writeln!(svg, r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{text}</text>"#);
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// As few digits as tell values apart.
fn label(value: f64) -> String {
    let decimals = if value >= 100.0 {
        0
    } else if value >= 10.0 {
        1
    } else {
        2
    };
    format!("{value:.decimals$}")
}

fn largest(series: &[Series]) -> f64 {
    series.iter().flat_map(|series| series.values.iter().flatten()).copied().fold(0.0, f64::max)
}

/// So that nothing is divided by nothing.
fn positive(value: f64) -> f64 {
    if value > 0.0 { value } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(name: &'static str, values: &[f64]) -> Series {
        Series { name, values: values.iter().map(|value| Some(*value)).collect() }
    }

    #[test]
    fn bars_are_as_long_as_their_values_and_labelled() {
        let categories = ["a & b".to_owned(), "c".to_owned()];
        let svg = bars("Rates <x>", "per s", Layout::Beside, &categories, &[series("ours", &[50.0, 200.0])]);
        let full = WIDTH - LABELS - VALUES;
        assert!(svg.contains(&format!("width=\"{:.1}\"", full / 4.0)), "{svg}");
        assert!(svg.contains(&format!("width=\"{full:.1}\"")), "{svg}");
        for text in [">a &amp; b<", ">50.0<", ">200<", "<title>Rates &lt;x&gt;</title>", ">per s<", ">ours<"]
        {
            assert!(svg.contains(text), "{text}\n{svg}");
        }
    }

    #[test]
    fn stacked_bars_show_their_sum_and_absent_values_nothing() {
        let parts = [series("anon", &[30.0, 1.0]), Series { name: "file", values: vec![Some(10.0), None] }];
        let svg = bars("Memory", "MB", Layout::Stacked, &["x".to_owned(), "y".to_owned()], &parts);
        assert!(svg.contains(">40.0<") && svg.contains(">1.00<"), "{svg}");
    }

    #[test]
    fn line_goes_through_its_values_and_nothing_is_not_divided_by() {
        let svg = lines(
            "Sweep",
            "per s",
            &["10".to_owned(), "50".to_owned()],
            &[series("search", &[100.0, 300.0])],
        );
        assert!(svg.contains(">300<") && svg.matches("<circle").count() == 2, "{svg}");
        assert!(!lines("None", "", &[], &[series("search", &[])]).contains("NaN"));
        assert!(
            !bars("None", "", Layout::Beside, &["x".to_owned()], &[series("zero", &[0.0])]).contains("NaN")
        );
    }
}
