//! The file of objectives (`--objectives`): what is expected where, for `mesh::health`.
//!
//! What the file can't mean is refused at start, naming the field; docs/objectives.md tells the format.

use std::path::Path;

use anyhow::{Context, bail};
use mesh::health::{Change, Objectives, Pattern, Subject};
use serde::Deserialize;

/// A file of objectives is written by hand: this is large for one.
const MAX_BYTES: u64 = 1024 * 1024;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    defaults: Expected,
    objectives: Vec<Objective>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Objective {
    namespace: String,
    #[serde(default)]
    service: Option<String>,
    #[serde(default)]
    workload: Option<String>,
    #[serde(default)]
    errors: Errors,
    #[serde(default)]
    latency: Latency,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Expected {
    errors: Errors,
    latency: Latency,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Errors {
    degraded_percent: Option<f64>,
    failing_percent: Option<f64>,
    at_least: Option<u32>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Latency {
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
    p99_ms: Option<f64>,
}

/// Reads the file at `path`.
pub fn read(path: &Path) -> anyhow::Result<Objectives> {
    let shown = || format!("--objectives {}", path.display());
    let size = std::fs::metadata(path)
        .with_context(|| format!("{}: the file can't be read", shown()))?
        .len();
    if size > MAX_BYTES {
        bail!("{}: the file holds more than 1 MiB", shown());
    }
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("{}: the file can't be read", shown()))?;
    parse(&text).with_context(shown)
}

fn parse(text: &str) -> anyhow::Result<Objectives> {
    let value: serde_json::Value = serde_saphyr::from_str(text).context("it is not YAML")?;
    let value = match value {
        // A file with nothing but comments.
        serde_json::Value::Null => return Ok(Objectives::default()),
        value => value,
    };
    let file: File = serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        anyhow::anyhow!("{path}: {}", error.into_inner())
    })?;
    let change = change("defaults", file.defaults.errors, file.defaults.latency)?;
    let mut objectives = Objectives::everywhere(change);
    for (at, it) in file.objectives.into_iter().enumerate() {
        let place = format!("objectives[{at}]");
        let change = self::change(&place, it.errors, it.latency)?;
        if change == Change::default() {
            bail!("{place}: says neither errors nor latency");
        }
        let pattern = |field: &str, text: String| {
            let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.*".contains(c);
            if text.is_empty() || !text.chars().all(is_name) {
                bail!("{place}.{field}: `{text}` is no name; `*` stands for any text");
            }
            Ok(Pattern::new(text))
        };
        let subject = match (it.service, it.workload) {
            (None, None) => Subject::All,
            (Some(name), None) => Subject::Service(pattern("service", name)?),
            (None, Some(name)) => Subject::Workload(pattern("workload", name)?),
            (Some(_), Some(_)) => {
                bail!("{place}: names a service and a workload; write one objective for each")
            }
        };
        let namespace = pattern("namespace", it.namespace)?;
        objectives = objectives.with(namespace, subject, change);
    }
    Ok(objectives)
}

fn change(place: &str, errors: Errors, latency: Latency) -> anyhow::Result<Change> {
    let percent = |field: &str, value: Option<f64>| {
        let Some(value) = value else { return Ok(None) };
        if !(value > 0.0 && value <= 100.0) {
            bail!("{place}.errors.{field}: {value} is not above 0 and at most 100");
        }
        Ok(Some(value / 100.0))
    };
    let millis = |field: &str, value: Option<f64>| match value {
        Some(value) if !(value > 0.0 && value.is_finite()) => {
            bail!("{place}.latency.{field}: {value} is not above 0")
        }
        value => Ok(value),
    };
    let degraded = percent("degraded_percent", errors.degraded_percent)?;
    let failing = percent("failing_percent", errors.failing_percent)?;
    if degraded > failing && failing.is_some() {
        bail!("{place}.errors: degraded_percent is above failing_percent");
    }
    if errors.at_least == Some(0) {
        bail!("{place}.errors.at_least: 0 would condemn what never failed; write 1 or more");
    }
    let (p50_ms, p95_ms) = (
        millis("p50_ms", latency.p50_ms)?,
        millis("p95_ms", latency.p95_ms)?,
    );
    let p99_ms = millis("p99_ms", latency.p99_ms)?;
    let given = [p50_ms, p95_ms, p99_ms];
    let given = given.iter().flatten();
    if !given.is_sorted() {
        bail!("{place}.latency: a higher percentile can't take less time than a lower one");
    }
    Ok(Change {
        degraded,
        failing,
        min_errors: errors.at_least.map(f64::from),
        p50_ms,
        p95_ms,
        p99_ms,
    })
}

#[cfg(test)]
mod tests {
    use mesh::health::Place;

    use super::*;

    /// The example that people read.
    const EXAMPLE: &str = include_str!("../../docs/objectives.md");

    fn example() -> &'static str {
        let (_, rest) = EXAMPLE.split_once("```yaml\n").unwrap();
        rest.split_once("```").unwrap().0
    }

    #[test]
    fn the_example_of_the_guide_is_read_as_it_is_told() {
        let objectives = parse(example()).unwrap();
        let at = |namespace, service, workload| {
            objectives.at(&Place {
                namespace: Some(namespace),
                service: Some(service),
                workload: Some(workload),
            })
        };
        let usual = at("elsewhere", "web", "web");
        assert_eq!((usual.degraded, usual.failing), (0.01, 0.10));
        assert_eq!(usual.p99_ms, Some(2500.0));
        let payments = at("payments", "payments", "payments-v1");
        assert_eq!((payments.degraded, payments.failing), (0.001, 0.02));
        assert_eq!(payments.min_errors, 5.0);
        assert_eq!(
            (payments.p95_ms, payments.p99_ms),
            (Some(250.0), Some(1000.0))
        );
        let ledger = at("payments", "ledger", "ledger");
        assert_eq!((ledger.degraded, ledger.failing), (0.005, 0.02));
        let batch = at("shop-eu", "report", "report-batch");
        assert_eq!((batch.degraded, batch.failing), (0.2, 0.5));
    }

    #[test]
    fn a_file_that_means_nothing_is_refused_naming_the_field() {
        for (text, wanted) in [
            (
                "objectives: [{}]",
                "objectives[0]: missing field `namespace`",
            ),
            (
                "objectives: [{namespace: a, errors: {failing_percent: 120}}]",
                "objectives[0].errors.failing_percent: 120 is not above 0 and at most 100",
            ),
            (
                "objectives: [{namespace: a, errors: {failing_percent: ten}}]",
                "objectives[0].errors.failing_percent: ",
            ),
            (
                "defaults: {errors: {failing: 10}}",
                "defaults.errors.failing: unknown field `failing`",
            ),
            (
                "defaults: {errors: {degraded_percent: 5, failing_percent: 2}}",
                "defaults.errors: degraded_percent is above failing_percent",
            ),
            (
                "defaults: {errors: {at_least: 0}}",
                "defaults.errors.at_least: 0 would",
            ),
            (
                "defaults: {latency: {p95_ms: -1}}",
                "defaults.latency.p95_ms: -1 is not above 0",
            ),
            (
                "defaults: {latency: {p95_ms: 500, p99_ms: 250}}",
                "defaults.latency: a higher percentile",
            ),
            (
                "objectives: [{namespace: a, service: b, workload: c, latency: {p95_ms: 1}}]",
                "objectives[0]: names a service and a workload",
            ),
            (
                "objectives: [{namespace: a b, latency: {p95_ms: 1}}]",
                "objectives[0].namespace: `a b` is no name",
            ),
            (
                "objectives: [{namespace: a}]",
                "objectives[0]: says neither",
            ),
            ("objectives: {", "it is not YAML"),
            ("7", "."),
        ] {
            let error = format!("{:#}", parse(text).unwrap_err());
            assert!(error.contains(wanted), "{text}: {error}");
        }
        assert_eq!(parse("# nothing yet\n").unwrap(), Objectives::default());
    }

    #[test]
    fn a_file_that_is_not_there_is_named_with_its_flag() {
        let error = format!(
            "{:#}",
            read(Path::new("/nowhere/objectives.yaml")).unwrap_err()
        );
        assert!(
            error.starts_with("--objectives /nowhere/objectives.yaml: the file can't be read"),
            "{error}"
        );
    }
}
