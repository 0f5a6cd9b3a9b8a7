//! How fields of objects are read: durations, percentages, labels, times.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::objects::{Objects, place, text_at};
use crate::world::Complaint;

/// Returns the objects of a kind that `read` understands; the others are complained about.
pub(super) fn readable<T>(
    objects: &Objects,
    kind: &str,
    complaints: &mut Vec<Complaint>,
    read: impl Fn(&Value) -> Result<T, String>,
) -> Vec<T> {
    // Gateway API has a kind of the same name, which is another thing.
    objects
        .of_kind(kind)
        .filter(|object| {
            text_at(object, "/apiVersion")
                .is_some_and(|api| api.starts_with("networking.istio.io/"))
        })
        .filter_map(|object| {
            read(object)
                .map_err(|reason| complaints.push(Complaint::of(object, &reason)))
                .ok()
        })
        .collect()
}

/// An object's place in Istio's order: creation time, name, namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Age(String, String, String);

impl Age {
    pub(super) fn of(object: &Value) -> Age {
        let (_, namespace, name) = place(object);
        let created = text_at(object, "/metadata/creationTimestamp").unwrap_or_default();
        Age(created.to_owned(), name.to_owned(), namespace.to_owned())
    }
}

/// Returns whether all of `wanted` are among `labels`.
pub(super) fn holds(labels: &BTreeMap<String, String>, wanted: &BTreeMap<String, String>) -> bool {
    wanted
        .iter()
        .all(|(name, value)| labels.get(name) == Some(value))
}

/// Returns the `spec` of an object as `T`.
pub(super) fn spec<T: serde::de::DeserializeOwned>(object: &Value) -> Result<T, String> {
    let spec = object.get("spec").ok_or("it has no spec")?;
    T::deserialize(spec).map_err(|error| format!("its spec is not readable: {error}"))
}

/// A percentage as Istio writes it.
#[derive(Clone, Copy, Deserialize)]
pub(super) struct Percentage {
    #[serde(default)]
    pub(super) value: f64,
}

/// Returns the share of a percentage. Absent means that no call is touched.
pub(super) fn share(percent: Option<f64>) -> Result<f64, String> {
    let percent = percent.unwrap_or(0.0);
    if !(0.0..=100.0).contains(&percent) {
        return Err(format!("{percent} is not a percentage"));
    }
    Ok(percent / 100.0)
}

/// Returns the milliseconds of a duration such as `1h30m`, `2.5s` or `100ms`.
pub(super) fn duration_ms(text: &str) -> Result<f64, String> {
    parsed_duration_ms(text).ok_or_else(|| format!("`{text}` is not a duration"))
}

fn parsed_duration_ms(text: &str) -> Option<f64> {
    let mut rest = text;
    let mut total = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let unit_ms = match unit {
            "h" => 3_600_000.0,
            "m" => 60_000.0,
            "s" => 1000.0,
            "ms" => 1.0,
            "us" => 0.001,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * unit_ms;
        rest = tail;
    }
    // Istio takes no duration below a millisecond; beyond a day nothing is left to see.
    (1.0..=86_400_000.0).contains(&total).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_istio_reads_them() {
        assert_eq!(duration_ms("5s"), Ok(5000.0));
        assert_eq!(duration_ms("1m30.5s"), Ok(90_500.0));
        assert_eq!(duration_ms("100ms"), Ok(100.0));
        for bad in ["", "5", "s", "-1s", "1d", "0s", "1.2.3s", "9999h"] {
            assert!(duration_ms(bad).is_err(), "{bad}");
        }
    }
}
