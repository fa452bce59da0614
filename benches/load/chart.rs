//! The report as a picture: transfers a second, the wallet beside plain SQL.

use std::fmt::Write;

use super::{
    ratio::{EVEN_PEAKS, FILLED_PEAKS, best},
    report::Report,
};

/// A pair of bars: its label, the scenarios of which the best counts, and the baseline's spread beside it.
const PAIRS: [(&str, [&str; 2], Option<&str>); 5] = [
    ("any wallet to any other", EVEN_PEAKS, Some("even")),
    ("popular wallets (Zipf 1.0)", ["transfers-zipf-64", "transfers-zipf-256"], Some("zipf")),
    ("one hot receiver", ["hot-receiver-64", "hot-receiver-256"], Some("hot receiver")),
    ("one hot sender", ["hot-sender-64", "hot-sender-256"], Some("hot sender")),
    ("millions of entries in the books", FILLED_PEAKS, None),
];

// Pixels.
const WIDTH: f64 = 760.0;
const LEFT: f64 = 220.0;
const RIGHT: f64 = 130.0;
const TOP: f64 = 84.0;
const BAR: f64 = 18.0;
const PAIR: f64 = 2.0 * BAR + 20.0;

/// Blue and grey are seen on white and on black; the text follows the reader's theme.
const STYLE: &str = "<style>
  text { font: 13px -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif; fill: #1f2328; }
  .title { font-size: 17px; font-weight: 600; }
  .faint { fill: #6e7781; }
  .mark { text-anchor: middle; }
  .grid { stroke: #8c959f; stroke-opacity: 0.3; }
  .wallet { fill: #2f81f7; }
  .sql { fill: #8c959f; }
  @media (prefers-color-scheme: dark) { text { fill: #e6edf3; } .faint { fill: #9198a1; } }
</style>";

/// An SVG document; `load.svg` is this.
pub fn chart(report: &Report) -> String {
    let mut svg = String::new();
    // Writing to a String cannot fail.
    let _written = draw(report, &mut svg);
    svg
}

fn draw(report: &Report, svg: &mut String) -> std::fmt::Result {
    let sql_rate = |distribution: &str| {
        let rows = report.baseline.iter().filter(|row| row.distribution == distribution);
        rows.map(|row| row.rate).max_by(f64::total_cmp)
    };
    let pairs: Vec<(&str, f64, Option<f64>)> = PAIRS
        .iter()
        .filter_map(|(label, names, distribution)| {
            Some((*label, best(&report.scenarios, *names)?.rate, distribution.and_then(sql_rate)))
        })
        .collect();
    let most = pairs.iter().flat_map(|(_, wallet, sql)| [*wallet, sql.unwrap_or(0.0)]).fold(1.0, f64::max);
    let step = step(most);
    let scale = (WIDTH - LEFT - RIGHT) / most;
    let bottom = TOP + PAIR * pairs.len() as f64;

    let height = bottom + 26.0;
    writeln!(
        svg,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" aria-labelledby="title">"#
    )?;
    writeln!(
        svg,
        "<title id=\"title\">Durable transfers a second, the wallet beside plain SQL</title>\n{STYLE}"
    )?;
    text(svg, (16.0, 28.0), "title", "Durable transfers a second")?;
    text(svg, (16.0, 48.0), "faint", &subtitle(report))?;
    legend(svg)?;
    let mut mark = 0.0;
    while mark <= most {
        let x = LEFT + mark * scale;
        writeln!(svg, r#"<path class="grid" d="M{x:.1} {TOP}V{bottom:.1}"/>"#)?;
        text(svg, (x, bottom + 18.0), "faint mark", &thousands(mark))?;
        mark += step;
    }
    for (number, (label, wallet, sql)) in pairs.iter().enumerate() {
        let top = TOP + PAIR * number as f64 + 10.0;
        text(svg, (16.0, top + BAR + 4.0), "", label)?;
        let times = sql.map_or_else(String::new, |sql| format!(" ({:.1} ×)", wallet / sql));
        bar(svg, top, "wallet", wallet * scale, &(thousands(*wallet) + &times))?;
        if let Some(sql) = sql {
            bar(svg, top + BAR + 1.0, "sql", sql * scale, &thousands(*sql))?;
        }
    }
    writeln!(svg, "</svg>")
}

/// What it was measured on, and whether it counts.
fn subtitle(report: &Report) -> String {
    if !report.problems.is_empty() {
        return "THIS RUN DOES NOT COUNT".to_owned();
    }
    format!(
        "{} wallets, {} CPUs for everything{}, revision {}",
        thousands(f64::from(report.wallets)),
        report.machine.cpus,
        if report.quick { ", quick run" } else { "" },
        report.revision
    )
}

fn legend(svg: &mut String) -> std::fmt::Result {
    let wallet = "the wallet over HTTP: token, key, hash chain, topic, cache";
    for (x, class, label) in
        [(16.0, "wallet", wallet), (424.0, "sql", "one plain-SQL transaction each, by pgbench")]
    {
        writeln!(svg, r#"<rect class="{class}" x="{x}" y="60" width="12" height="12" rx="2"/>"#)?;
        text(svg, (x + 18.0, 71.0), "faint", label)?;
    }
    Ok(())
}

fn bar(svg: &mut String, top: f64, class: &str, length: f64, label: &str) -> std::fmt::Result {
    writeln!(
        svg,
        r#"<rect class="{class}" x="{LEFT}" y="{top:.1}" width="{length:.1}" height="{BAR}" rx="2"/>"#
    )?;
    text(svg, (LEFT + length + 6.0, top + 14.0), "", label)
}

/// The texts are this program's own: none needs to be escaped.
fn text(svg: &mut String, (x, y): (f64, f64), class: &str, words: &str) -> std::fmt::Result {
    writeln!(svg, r#"<text class="{class}" x="{x:.1}" y="{y:.1}">{words}</text>"#)
}

/// Between two marks of the scale: 1, 2 or 5 with noughts, so that there are a handful.
fn step(most: f64) -> f64 {
    let power = 10_f64.powf((most / 4.0).log10().floor());
    let steps = [1.0, 2.0, 5.0].map(|factor| factor * power);
    steps.into_iter().rfind(|step| most / step >= 3.0).unwrap_or(power)
}

/// 12345.6 as 12,346.
fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
