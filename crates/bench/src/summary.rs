//! Medians, spread, and ratios of runs made side by side.

use std::collections::BTreeMap;
use std::fmt;

use crate::record::{Metric, Record};
use crate::server::Kind;

/// The results of many runs, without those that do not count.
#[derive(Debug)]
pub(crate) struct Summary<'a> {
    records: Vec<&'a Record>,
}

/// The middle, the least and the greatest of some figures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    min: f64,
    max: f64,
}

impl<'a> Summary<'a> {
    pub(crate) fn new(records: &'a [Record]) -> Self {
        Self { records: records.iter().filter(|record| record.is_valid()).collect() }
    }

    /// Over all rounds; `None` if there was no run that counts.
    pub(crate) fn figure(&self, workload: &str, server: Kind, metric: Metric) -> Option<Spread> {
        Spread::of(self.rounds(workload, server, metric).into_values().collect())
    }

    /// One server's figure divided by the least of others' in the same round, over all rounds in which both counted.
    pub(crate) fn ratio(
        &self,
        workload: &str,
        (server, metric): (Kind, Metric),
        (others, other_metric): (&[Kind], Metric),
    ) -> Option<Spread> {
        let others: Vec<_> = others.iter().map(|other| self.rounds(workload, *other, other_metric)).collect();
        let ratios = self.rounds(workload, server, metric).into_iter().filter_map(|(round, figure)| {
            let least = others.iter().filter_map(|rounds| rounds.get(&round)).copied().reduce(f64::min)?;
            Some(figure / least)
        });
        Spread::of(ratios.collect())
    }

    fn rounds(&self, workload: &str, server: Kind, metric: Metric) -> BTreeMap<u32, f64> {
        let mine = self.records.iter().filter(|record| record.workload == workload && record.server == server);
        mine.filter_map(|record| Some((record.round, record.figure(metric)?))).collect()
    }
}

impl Spread {
    /// `None` of nothing.
    pub(crate) fn of(mut figures: Vec<f64>) -> Option<Self> {
        figures.retain(|figure| figure.is_finite());
        figures.sort_by(f64::total_cmp);
        let (min, max) = (*figures.first()?, *figures.last()?);
        let middle = figures.len() / 2;
        let upper = *figures.get(middle)?;
        let median = match figures.len() % 2 {
            1 => upper,
            _ => (*figures.get(middle - 1)? + upper) / 2.0,
        };
        Some(Self { median, min, max })
    }
}

impl Spread {
    /// With one digit more than [`short`] has: for ratios that are near 1.
    pub(crate) fn precise(&self) -> String {
        format!("{:.3} ({:.3}–{:.3})", self.median, self.min, self.max)
    }
}

impl fmt::Display for Spread {
    /// `median (min–max)`, or the one figure there is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&short(self.median))?;
        if self.min < self.max {
            write!(f, " ({}–{})", short(self.min), short(self.max))?;
        }
        Ok(())
    }
}

/// Three digits that mean something.
pub(crate) fn short(figure: f64) -> String {
    match figure.abs() {
        0.0 => "0".to_owned(),
        size if size >= 99.95 => format!("{figure:.0}"),
        size if size >= 9.995 => format!("{figure:.1}"),
        _ => format!("{figure:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{CPU_PER_DELIVERY, Figures};

    fn record(server: Kind, round: u32, figure: f64) -> Record {
        Record {
            workload: "w".to_owned(),
            server,
            round,
            is_quick: false,
            sent: 1,
            delivered: 1,
            lost: 0,
            reordered: 0,
            wrong: 0,
            closed: 0,
            figures: Figures::from([(CPU_PER_DELIVERY.key.to_owned(), figure)]),
        }
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        // A machine that was twice as slow in the second round.
        let records = [
            record(Kind::Fanfare, 0, 5.0),
            record(Kind::Floor, 0, 4.0),
            record(Kind::Fanfare, 1, 10.0),
            record(Kind::Floor, 1, 8.0),
            record(Kind::Fanfare, 2, 1.0),
        ];
        let summary = Summary::new(&records);
        let cpu = CPU_PER_DELIVERY;
        let ratio = summary.ratio("w", (Kind::Fanfare, cpu), (&[Kind::Floor, Kind::Node], cpu));
        assert_eq!(ratio.unwrap().to_string(), "1.25");
        assert_eq!(summary.figure("w", Kind::Fanfare, cpu).unwrap().to_string(), "5.00 (1.00–10.0)");
        assert_eq!(summary.figure("w", Kind::Node, cpu), None);
    }

    #[test]
    fn a_run_that_lost_something_does_not_count() {
        let mut lossy = record(Kind::Node, 0, 1.0);
        lossy.lost = 1;
        let records = [lossy, record(Kind::Node, 1, 3.0)];
        let figure = Summary::new(&records).figure("w", Kind::Node, CPU_PER_DELIVERY);
        assert_eq!(figure.unwrap().to_string(), "3.00");
    }
}
