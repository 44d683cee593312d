//! The generated part of `docs/performance.md`.

mod machine;
mod targets;

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use crate::record::{METRICS, Metric, Record};
use crate::server::Kind;
use crate::summary::Summary;
use crate::workload::{WORKLOADS, Workload};
use targets::TARGETS;

/// Replaces what stands between the markers; the prose around them is kept.
///
/// # Errors
/// The file cannot be read or written, or has no markers.
pub(crate) fn write_into(file: &Path, records: &[Record]) -> io::Result<()> {
    let text = fs::read_to_string(file)?;
    let missing = || io::Error::other(format!("{} has no `{BEGIN}` and `{END}`", file.display()));
    let (before, rest) = text.split_once(BEGIN).ok_or_else(missing)?;
    let (_, after) = rest.split_once(END).ok_or_else(missing)?;
    fs::write(file, format!("{before}{BEGIN}\n\n{}\n{END}{after}", render(records)))
}

/// The tables.
pub(crate) fn render(records: &[Record]) -> String {
    let summary = Summary::new(records);
    let mut text = machine::describe();
    let is_quick = records.iter().any(|record| record.is_quick);
    if is_quick {
        text.push_str(
            "\n**Smoke figures** of shortened runs, most with a fifth of the clients, on a machine that did other work \
             meanwhile. They show that the instrument works, and nothing else.\n",
        );
    }
    write_targets(&mut text, records, is_quick);
    for metric in METRICS {
        write_metric(&mut text, &summary, *metric);
    }
    write_counts(&mut text, records);
    text
}

fn write_targets(text: &mut String, records: &[Record], is_quick: bool) {
    let summary = Summary::new(records);
    text.push_str("\n### Targets\n\n| work | wanted | measured: median (least–greatest) | |\n|---|---|---|---|\n");
    for target in TARGETS {
        let about = WORKLOADS.iter().find(|workload| workload.name == target.workload).map_or("", |found| found.about);
        let measured = target.measure(&summary);
        let verdict = match measured {
            Some(_) if is_quick => "smoke",
            Some(measured) if measured.median <= target.at_most => "met",
            Some(_) => "**not met**",
            None if records.iter().any(|record| target.is_about(record)) => "**not met**: no run counts",
            None => "not measured",
        };
        let measured = measured.map_or_else(String::new, |measured| measured.to_string());
        let _ = writeln!(text, "| {about} | {target} | {measured} | {verdict} |");
    }
}

fn write_metric(text: &mut String, summary: &Summary<'_>, metric: Metric) {
    let figure = |workload: &Workload, server| summary.figure(workload.name, server, metric);
    let columns: Vec<Kind> = COLUMNS
        .iter()
        .copied()
        .filter(|server| WORKLOADS.iter().any(|workload| figure(workload, *server).is_some()))
        .collect();
    let mut rows = String::new();
    for workload in WORKLOADS {
        let cells: Vec<String> = columns
            .iter()
            .map(|server| figure(workload, *server).map_or_else(String::new, |figure| figure.to_string()))
            .collect();
        if cells.iter().any(|cell| !cell.is_empty()) {
            let _ = writeln!(rows, "| {} | {} |", workload.about, cells.join(" | "));
        }
    }
    if !rows.is_empty() {
        let names: Vec<&str> = columns.iter().map(|server| server.name()).collect();
        let line = "|---".repeat(columns.len() + 1);
        let caption = uppercase_first(metric.caption);
        let _ = write!(text, "\n### {caption}\n\n| work | {} |\n{line}|\n{rows}", names.join(" | "));
    }
}

fn write_counts(text: &mut String, records: &[Record]) {
    let sum = |count: fn(&Record) -> u64| records.iter().map(count).sum::<u64>();
    let (sent, delivered) = (sum(|record| record.sent), sum(|record| record.delivered));
    let runs = records.len();
    let _ = writeln!(text, "\n### Sent, delivered, lost\n\n{runs} runs, {sent} sent, {delivered} delivered.");
    text.push_str("Runs that do not count, and runs in which a peer changed the order of a sender's events:\n");
    let mut is_empty = true;
    for record in records.iter().filter(|record| !record.is_valid() || record.reordered > 0) {
        is_empty = false;
        let Record { workload, server, round, sent, delivered, lost, reordered, wrong, closed, .. } = record;
        let verdict = if record.is_valid() { "" } else { " **(does not count)**" };
        let _ = writeln!(
            text,
            "- {workload} on {}, round {round}{verdict}: {sent} sent, {delivered} delivered, {lost} lost, {reordered} \
             reordered, {wrong} wrong, {closed} connections closed",
            server.name()
        );
    }
    if is_empty {
        text.push_str("none.\n");
    }
}

fn uppercase_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

const BEGIN: &str = "<!-- bench: generated from here -->";
const END: &str = "<!-- bench: to here -->";
const COLUMNS: &[Kind] = &[
    Kind::Floor,
    Kind::FloorBatched,
    Kind::FloorPolling,
    Kind::FloorRedis,
    Kind::Fanfare,
    Kind::Fanfare2,
    Kind::EmbeddedStruct,
    Kind::EmbeddedClosures,
    Kind::Socketioxide,
    Kind::Node,
    Kind::Bun,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_around_the_markers_is_kept() {
        let file = std::env::temp_dir().join(format!("fanfare-bench-{}.md", std::process::id()));
        fs::write(&file, format!("before\n{BEGIN}\nold\n{END}\nafter\n")).unwrap();
        write_into(&file, &[]).unwrap();
        let text = fs::read_to_string(&file).unwrap();
        fs::remove_file(&file).unwrap();
        assert!(text.starts_with("before\n") && text.ends_with("\nafter\n") && !text.contains("old"));
    }

    #[test]
    fn a_table_has_the_columns_and_rows_that_have_figures() {
        let line = r#"{"workload":"connect","server":"node","round":0,"is_quick":false,"sent":1,"delivered":1,"lost":0,
                       "reordered":0,"wrong":0,"closed":0,"figures":{"cpu_us_per_connect":433}}"#;
        let text = render(&[serde_json::from_str(line).unwrap()]);
        let table = "| work | node |\n|---|---|\n| connect over WebSocket | 433 |\n\n";
        assert!(text.contains(&format!("### Server CPU per connect, µs\n\n{table}")), "{text}");
        assert!(!text.contains("### Latency"));
    }

    #[test]
    fn every_target_is_about_a_workload_that_exists() {
        for target in TARGETS {
            assert!(WORKLOADS.iter().any(|workload| workload.name == target.workload), "{}", target.workload);
        }
    }
}
