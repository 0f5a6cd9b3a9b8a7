//! Reads an answer as it comes in: strict about what we use, and never the whole body at once.

use bytes::Bytes;
use serde::Deserialize;
use serde::de::{Error as _, IgnoredAny};
use tokio::sync::mpsc;

use super::PrometheusError;

mod cut;

use cut::Cutter;

/// The text of a label or a value: most fit into it without an allocation.
pub type Text = compact_str::CompactString;

/// The labels we read; others are passed over.
#[derive(Debug, Default, Deserialize)]
pub struct Labels {
    #[serde(rename = "__name__")]
    pub name: Option<Text>,
    pub le: Option<Text>,
    /// Our own: which of several questions in one this answers.
    pub flow: Option<Text>,
    pub reporter: Option<Text>,
    pub request_protocol: Option<Text>,
    pub response_code: Option<Text>,
    pub grpc_response_status: Option<Text>,
    pub response_flags: Option<Text>,
    pub connection_security_policy: Option<Text>,
    pub source_cluster: Option<Text>,
    pub source_workload: Option<Text>,
    pub source_workload_namespace: Option<Text>,
    pub source_canonical_service: Option<Text>,
    pub source_canonical_revision: Option<Text>,
    pub destination_cluster: Option<Text>,
    pub destination_workload: Option<Text>,
    pub destination_workload_namespace: Option<Text>,
    pub destination_canonical_service: Option<Text>,
    pub destination_canonical_revision: Option<Text>,
    pub destination_service_name: Option<Text>,
    pub destination_service_namespace: Option<Text>,
    /// Of the pod that was scraped.
    pub rollouts_pod_template_hash: Option<Text>,
    // What was scraped, and what the control plane and Envoy say of themselves.
    pub namespace: Option<Text>,
    pub pod: Option<Text>,
    pub job: Option<Text>,
    pub instance: Option<Text>,
    #[serde(rename = "type")]
    pub kind: Option<Text>,
    pub component: Option<Text>,
    pub tag: Option<Text>,
    pub version: Option<Text>,
    pub cluster_name: Option<Text>,
}

/// A time in seconds and a value as text (`NaN` and `+Inf` are no JSON numbers).
#[derive(Debug, Deserialize)]
pub struct Point(pub f64, pub Text);

/// One series of an answer.
#[derive(Debug, Deserialize)]
pub struct Item {
    /// Its labels.
    pub metric: Labels,
    /// Its value, in a vector.
    #[serde(default)]
    pub value: Option<Point>,
    /// Its values, in a matrix.
    #[serde(default)]
    pub values: Option<Vec<Point>>,
}

/// What an answer says.
#[derive(Debug)]
pub enum Outcome<T> {
    /// It answered.
    Success {
        /// `vector`, `matrix`, …
        result_type: Option<String>,
        /// What the sink made of the items.
        value: T,
        /// Its warnings.
        warnings: Vec<String>,
    },
    /// It refused, whatever the HTTP status.
    Failure {
        /// `bad_data`, `timeout`, …
        kind: String,
        /// Its words.
        message: String,
    },
}

/// Why an answer does not read.
#[derive(Debug)]
pub enum Unreadable {
    /// JSON or shape.
    Json(serde_json::Error),
    /// It ended before its time.
    BrokenOff,
    /// Too many items.
    TooMany,
}

impl Unreadable {
    /// Returns it as the source's error; `max` is the cap on samples.
    pub fn into_error(self, max: usize) -> PrometheusError {
        match self {
            Unreadable::TooMany => PrometheusError::TooManySamples { max },
            Unreadable::BrokenOff => PrometheusError::Truncated,
            Unreadable::Json(error) => PrometheusError::Malformed {
                what: crate::sources::reach::shorten(&error.to_string()),
            },
        }
    }

    fn because(why: &str) -> Unreadable {
        Unreadable::Json(serde_json::Error::custom(why))
    }
}

/// Reads the chunks of an answer, giving each item to `sink` and asking it for its result at the end.
pub fn read<T>(
    mut chunks: mpsc::Receiver<Bytes>,
    max_samples: usize,
    sink: impl FnMut(Option<Item>) -> Option<T>,
) -> Result<Outcome<T>, Unreadable> {
    read_from(
        std::iter::from_fn(|| chunks.blocking_recv()),
        max_samples,
        sink,
    )
}

fn read_from<T>(
    chunks: impl Iterator<Item = impl AsRef<[u8]>>,
    max_samples: usize,
    mut sink: impl FnMut(Option<Item>) -> Option<T>,
) -> Result<Outcome<T>, Unreadable> {
    let mut n_samples = 0_usize;
    let mut each = |text: &[u8]| {
        let item: Item = serde_json::from_slice(text).map_err(Unreadable::Json)?;
        n_samples += item.values.as_ref().map_or(1, Vec::len);
        if n_samples > max_samples {
            return Err(Unreadable::TooMany);
        }
        sink(Some(item));
        Ok(())
    };
    let mut cutter = Cutter::default();
    for chunk in chunks {
        cutter.cut(chunk.as_ref(), &mut each)?;
    }
    let envelope: Envelope = serde_json::from_slice(cutter.rest()?).map_err(Unreadable::Json)?;
    match envelope.status.as_deref() {
        Some("success") => {}
        Some("error") => {
            return Ok(Outcome::Failure {
                kind: envelope.error_type.unwrap_or_else(|| "unknown".to_owned()),
                message: envelope
                    .error
                    .unwrap_or_else(|| "no reason was given".to_owned()),
            });
        }
        _ => return Err(Unreadable::because("there is no `status`")),
    }
    let data = envelope.data.unwrap_or_default();
    if !data.result.is_empty() {
        return Err(Unreadable::because("a result that is no series"));
    }
    let value = sink(None).ok_or_else(|| Unreadable::because("the answer has no result"))?;
    Ok(Outcome::Success {
        result_type: data.result_type,
        value,
        warnings: envelope.warnings.unwrap_or_default(),
    })
}

/// What stands around the series.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    status: Option<String>,
    error_type: Option<String>,
    error: Option<String>,
    warnings: Option<Vec<String>>,
    data: Option<Data>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Data {
    result_type: Option<String>,
    /// Series are cut out of it; what is left is something else.
    result: Vec<IgnoredAny>,
}

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(text: &str) -> String {
        let whole = decode_from(std::iter::once(text.as_bytes()));
        assert_eq!(whole, decode_from(text.as_bytes().chunks(1)), "in drops");
        assert_eq!(whole, decode_from(text.as_bytes().chunks(7)));
        whole
    }

    fn decode_from<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> String {
        let mut seen = Vec::new();
        let sink = |item: Option<Item>| match item {
            Some(item) => {
                seen.push(item.value.map(|v| v.1.to_string()).unwrap_or_default());
                None
            }
            None => Some(seen.join(",")),
        };
        match read_from(chunks, 3, sink) {
            Ok(Outcome::Success {
                value, result_type, ..
            }) => format!("{result_type:?} {value}"),
            Ok(Outcome::Failure { kind, message }) => format!("{kind}: {message}"),
            Err(error) => error.into_error(3).to_string(),
        }
    }

    const ITEM: &str = r#"{"metric":{"a":"b","reporter":"source"},"value":[1,"2"]}"#;

    #[test]
    fn an_answer_reads_the_same_in_any_order_and_however_it_is_cut() {
        let answer = format!(
            r#"{{"status":"success","data":{{"resultType":"vector","result":[{ITEM},{ITEM}]}}}}"#
        );
        assert_eq!(decode(&answer), r#"Some("vector") 2,2"#);
        let turned = format!(
            r#"{{"infos":[],"data":{{"result":[{ITEM}],"resultType":"vector"}},"status":"success"}}"#
        );
        assert_eq!(decode(&turned), r#"Some("vector") 2"#);
    }

    #[test]
    fn what_is_no_answer_is_an_error_with_a_reason() {
        assert_eq!(
            decode(r#"{"status":"error","errorType":"bad_data","error":"no"}"#),
            "bad_data: no"
        );
        assert!(decode(r#"{"status":"success","data":{"result":[{"met"#).contains("broke off"));
        for bad in [
            "[]",
            "{}",
            "7",
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,2]}]}}"#,
            r#"{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}"#,
            r#"{"status":"success","data":{"result":[{"metric":{"le":7},"value":[1,"2"]}]}}"#,
        ] {
            assert!(
                decode(bad).contains("does not read"),
                "{bad}: {}",
                decode(bad)
            );
        }
        let many =
            format!(r#"{{"status":"success","data":{{"result":[{ITEM},{ITEM},{ITEM},{ITEM}]}}}}"#);
        assert!(decode(&many).contains("more than 3 samples"));
        let deep = "[".repeat(100_000);
        // Depth is counted, not followed.
        assert!(decode(&format!(r#"{{"x":{deep}"#)).contains("broke off"));
        let closed = "]".repeat(100_000);
        assert!(decode(&format!(r#"{{"data":{deep}{closed}}}"#)).contains("does not read"));
    }
}
