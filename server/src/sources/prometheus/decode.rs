//! Reads an answer as it comes in: strict about what we use, and never the whole body at once.

use std::fmt;
use std::io::Read;

use bytes::{Buf, Bytes};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use tokio::sync::mpsc;

use super::PrometheusError;

/// The labels we read; others are passed over.
#[derive(Debug, Default, Deserialize)]
pub struct Labels {
    #[serde(rename = "__name__")]
    pub name: Option<Box<str>>,
    pub le: Option<Box<str>>,
    /// Our own: which of several questions in one this answers.
    pub flow: Option<Box<str>>,
    pub reporter: Option<Box<str>>,
    pub request_protocol: Option<Box<str>>,
    pub response_code: Option<Box<str>>,
    pub grpc_response_status: Option<Box<str>>,
    pub response_flags: Option<Box<str>>,
    pub connection_security_policy: Option<Box<str>>,
    pub source_cluster: Option<Box<str>>,
    pub source_workload: Option<Box<str>>,
    pub source_workload_namespace: Option<Box<str>>,
    pub source_canonical_service: Option<Box<str>>,
    pub source_canonical_revision: Option<Box<str>>,
    pub destination_cluster: Option<Box<str>>,
    pub destination_workload: Option<Box<str>>,
    pub destination_workload_namespace: Option<Box<str>>,
    pub destination_canonical_service: Option<Box<str>>,
    pub destination_canonical_revision: Option<Box<str>>,
    pub destination_service_name: Option<Box<str>>,
    pub destination_service_namespace: Option<Box<str>>,
    // What was scraped, and what the control plane and Envoy say of themselves.
    pub namespace: Option<Box<str>>,
    pub pod: Option<Box<str>>,
    pub instance: Option<Box<str>>,
    #[serde(rename = "type")]
    pub kind: Option<Box<str>>,
    pub component: Option<Box<str>>,
    pub tag: Option<Box<str>>,
    pub version: Option<Box<str>>,
    pub cluster_name: Option<Box<str>>,
}

/// A time in seconds and a value as text (`NaN` and `+Inf` are no JSON numbers).
#[derive(Debug, Deserialize)]
pub struct Point(pub f64, pub Box<str>);

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
    /// Too many items.
    TooMany,
}

impl Unreadable {
    /// Returns it as the source's error; `max` is the cap on samples.
    pub fn into_error(self, max: usize) -> PrometheusError {
        match self {
            Unreadable::TooMany => PrometheusError::TooManySamples { max },
            Unreadable::Json(error) if error.is_eof() || error.is_io() => {
                PrometheusError::Truncated
            }
            Unreadable::Json(error) => PrometheusError::Malformed {
                what: super::error::shorten(&error.to_string()),
            },
        }
    }
}

/// Reads the chunks of an answer, giving each item to `sink` and asking it for its result at the end.
pub fn read<T>(
    chunks: mpsc::Receiver<std::io::Result<Bytes>>,
    max_samples: usize,
    sink: impl FnMut(Option<Item>) -> Option<T>,
) -> Result<Outcome<T>, Unreadable> {
    let reader = std::io::BufReader::with_capacity(
        32 * 1024,
        Chunks {
            chunks,
            current: Bytes::new(),
        },
    );
    read_from(reader, max_samples, sink)
}

fn read_from<T>(
    reader: impl Read,
    max_samples: usize,
    mut sink: impl FnMut(Option<Item>) -> Option<T>,
) -> Result<Outcome<T>, Unreadable> {
    let mut envelope = Envelope::default();
    let mut too_many = false;
    let mut n_samples = 0_usize;
    let mut count = |item: Item| {
        n_samples += item.values.as_ref().map_or(1, Vec::len);
        if n_samples > max_samples {
            too_many = true;
            return false;
        }
        sink(Some(item));
        true
    };
    let mut json = serde_json::Deserializer::from_reader(reader);
    let seed = EnvelopeSeed {
        envelope: &mut envelope,
        sink: &mut count,
    };
    let read = seed.deserialize(&mut json).and_then(|()| json.end());
    if too_many {
        return Err(Unreadable::TooMany);
    }
    read.map_err(Unreadable::Json)?;
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
        _ => {
            return Err(Unreadable::Json(serde::de::Error::custom(
                "there is no `status`",
            )));
        }
    }
    let value = sink(None)
        .ok_or_else(|| Unreadable::Json(serde::de::Error::custom("the answer has no result")))?;
    Ok(Outcome::Success {
        result_type: envelope.result_type,
        value,
        warnings: envelope.warnings,
    })
}

#[derive(Debug, Default)]
struct Envelope {
    status: Option<String>,
    error_type: Option<String>,
    error: Option<String>,
    warnings: Vec<String>,
    result_type: Option<String>,
}

struct EnvelopeSeed<'a, F> {
    envelope: &'a mut Envelope,
    sink: &'a mut F,
}

impl<'de, F: FnMut(Item) -> bool> DeserializeSeed<'de> for EnvelopeSeed<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, F: FnMut(Item) -> bool> Visitor<'de> for EnvelopeSeed<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an answer of Prometheus's API")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "status" => self.envelope.status = Some(map.next_value()?),
                "errorType" => self.envelope.error_type = map.next_value()?,
                "error" => self.envelope.error = map.next_value()?,
                "warnings" => {
                    let warnings: Option<Vec<String>> = map.next_value()?;
                    self.envelope.warnings = warnings.unwrap_or_default();
                }
                "data" => map.next_value_seed(DataSeed {
                    envelope: &mut *self.envelope,
                    sink: &mut *self.sink,
                })?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

struct DataSeed<'a, F> {
    envelope: &'a mut Envelope,
    sink: &'a mut F,
}

impl<'de, F: FnMut(Item) -> bool> DeserializeSeed<'de> for DataSeed<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, F: FnMut(Item) -> bool> Visitor<'de> for DataSeed<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the data of an answer")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "resultType" => self.envelope.result_type = Some(map.next_value()?),
                "result" => map.next_value_seed(ItemsSeed(&mut *self.sink))?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

struct ItemsSeed<'a, F>(&'a mut F);

impl<'de, F: FnMut(Item) -> bool> DeserializeSeed<'de> for ItemsSeed<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, F: FnMut(Item) -> bool> Visitor<'de> for ItemsSeed<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of series")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(item) = seq.next_element::<Item>()? {
            if !(self.0)(item) {
                return Err(serde::de::Error::custom("too many samples"));
            }
        }
        Ok(())
    }
}

/// Chunks from an async task as a blocking reader.
struct Chunks {
    chunks: mpsc::Receiver<std::io::Result<Bytes>>,
    current: Bytes,
}

impl Read for Chunks {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        while self.current.is_empty() {
            match self.chunks.blocking_recv() {
                Some(chunk) => self.current = chunk?,
                None => return Ok(0),
            }
        }
        let n = self.current.len().min(buf.len());
        self.current
            .copy_to_slice(buf.get_mut(..n).unwrap_or_default());
        Ok(n)
    }
}

#[cfg(test)]
mod fuzz;

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers one byte at a time.
    struct Drops<'a>(&'a [u8]);

    impl Read for Drops<'_> {
        fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
            let n = self.0.len().min(buf.len()).min(1);
            buf[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    fn decode(text: &str) -> String {
        let whole = decode_from(text.as_bytes());
        assert_eq!(whole, decode_from(Drops(text.as_bytes())));
        whole
    }

    fn decode_from(reader: impl Read) -> String {
        let mut seen = Vec::new();
        let sink = |item: Option<Item>| match item {
            Some(item) => {
                seen.push(item.value.map(|v| v.1.to_string()).unwrap_or_default());
                None
            }
            None => Some(seen.join(",")),
        };
        match read_from(reader, 3, sink) {
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
        // What we pass over is skipped without recursion; what we read is not that deep.
        assert!(decode(&format!(r#"{{"x":{deep}"#)).contains("broke off"));
        assert!(decode(&format!(r#"{{"data":{deep}"#)).contains("does not read"));
    }
}
