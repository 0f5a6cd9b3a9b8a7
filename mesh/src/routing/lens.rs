//! Looking into objects: where a value stands, what it may be, and how to say that it is not.
//!
//! The rules are those of a CRD's JSON: `null` is the same as absent, and a field that nobody knows is left
//! alone.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde_json::Value;

/// Why an object can't be taken as it is: where, and what is wrong there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct Unreadable {
    /// A JSON pointer, such as `/spec/http/0/route/1/weight`.
    pub path: String,
    /// In words, such as `is not a whole number`.
    pub problem: String,
}

/// Which object: its kind, namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectRef {
    /// Such as `VirtualService`.
    pub kind: String,
    /// Empty for an object of the cluster.
    pub namespace: String,
    /// Its own name.
    pub name: String,
}

impl ObjectRef {
    /// Returns which object this is; what it does not say is empty.
    pub fn of(object: &Value) -> Self {
        let text = |pointer| {
            let text = crate::object::text_at(object, pointer);
            text.unwrap_or_default().to_owned()
        };
        Self {
            kind: text("/kind"),
            namespace: text("/metadata/namespace"),
            name: text("/metadata/name"),
        }
    }
}

impl fmt::Display for ObjectRef {
    /// `VirtualService default/backend`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.kind)?;
        if !self.namespace.is_empty() {
            write!(f, "{}/", self.namespace)?;
        }
        f.write_str(&self.name)
    }
}

/// What every object says of itself.
pub(crate) struct Meta {
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// As written, RFC 3339 in UTC to the second, so that texts sort as times do; empty when absent.
    pub(crate) created: String,
}

impl Meta {
    pub(crate) fn read(object: &At<'_, '_>) -> Result<Self, Unreadable> {
        let meta = object.field("metadata");
        let text = |key| Ok(meta.field(key).text()?.unwrap_or_default().to_owned());
        let name = meta.field("name");
        Ok(Self {
            namespace: text("namespace")?,
            name: name
                .word()?
                .ok_or_else(|| name.error("is missing"))?
                .to_owned(),
            created: text("creationTimestamp")?,
        })
    }
}

/// A value and where it stands.
#[derive(Clone, Copy)]
pub(crate) struct At<'p, 'v> {
    value: &'v Value,
    from: Option<(&'p At<'p, 'v>, Step<'v>)>,
}

#[derive(Clone, Copy)]
enum Step<'v> {
    Field(&'v str),
    Item(usize),
}

const ABSENT: &Value = &Value::Null;

impl<'v> At<'_, 'v> {
    /// The object itself.
    pub(crate) fn root(value: &'v Value) -> Self {
        Self { value, from: None }
    }

    /// Steps into a field; one that is absent can be stepped into as well.
    pub(crate) fn field<'a>(&'a self, key: &'v str) -> At<'a, 'v> {
        At {
            value: self.value.get(key).unwrap_or(ABSENT),
            from: Some((self, Step::Field(key))),
        }
    }

    pub(crate) fn is_absent(&self) -> bool {
        self.value.is_null()
    }

    /// Returns the text here.
    pub(crate) fn text(&self) -> Result<Option<&'v str>, Unreadable> {
        match self.value {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text)),
            _ => Err(self.error("is not a text")),
        }
    }

    /// Returns the text here, unless it is empty: the same as absent for most of Istio's fields.
    pub(crate) fn word(&self) -> Result<Option<&'v str>, Unreadable> {
        Ok(self.text()?.filter(|text| !text.is_empty()))
    }

    pub(crate) fn flag(&self) -> Result<bool, Unreadable> {
        match self.value {
            Value::Null => Ok(false),
            Value::Bool(flag) => Ok(*flag),
            _ => Err(self.error("is neither true nor false")),
        }
    }

    /// Returns the whole number here, 0 or more.
    pub(crate) fn count(&self) -> Result<Option<u32>, Unreadable> {
        if self.is_absent() {
            return Ok(None);
        }
        if self.value.as_i64().is_some_and(|number| number < 0) {
            return Err(self.error("is less than 0"));
        }
        let number = self.value.as_u64().and_then(|n| u32::try_from(n).ok());
        match number {
            Some(number) => Ok(Some(number)),
            None => Err(self.error("is not a whole number")),
        }
    }

    /// Returns the port here; 0 is the same as absent.
    pub(crate) fn port(&self) -> Result<Option<u16>, Unreadable> {
        match self.count()?.map(u16::try_from) {
            None | Some(Ok(0)) => Ok(None),
            Some(Ok(port)) => Ok(Some(port)),
            Some(Err(_)) => Err(self.error("is not a port: 1 to 65535")),
        }
    }

    /// Returns the status of an answer here; 0 is the same as absent.
    pub(crate) fn status(&self) -> Result<Option<u16>, Unreadable> {
        match self.count()?.map(u16::try_from) {
            None | Some(Ok(0)) => Ok(None),
            Some(Ok(status)) => Ok(Some(status)),
            Some(Err(_)) => Err(self.error("is not a status")),
        }
    }

    /// Returns the percentage here, 0 to 100.
    pub(crate) fn percent(&self) -> Result<Option<f64>, Unreadable> {
        match self.value {
            Value::Null => Ok(None),
            Value::Number(number) => number
                .as_f64()
                .filter(|percent| (0.0..=100.0).contains(percent))
                .map(Some)
                .ok_or_else(|| self.error("is not a percentage: 0 to 100")),
            _ => Err(self.error("is not a number")),
        }
    }

    /// Returns the duration here, as Go writes it: `1h30m`, `1.5s`, `20ms`.
    pub(crate) fn duration(&self) -> Result<Option<Duration>, Unreadable> {
        let Some(text) = self.text()? else {
            return Ok(None);
        };
        go_duration(text)
            .map(Some)
            .ok_or_else(|| self.error("is not a duration, such as `1.5s` or `20ms`"))
    }

    pub(crate) fn items<'a>(&'a self) -> Result<Vec<At<'a, 'v>>, Unreadable> {
        match self.value {
            Value::Null => Ok(Vec::new()),
            Value::Array(items) => Ok(items
                .iter()
                .enumerate()
                .map(|(idx, value)| At {
                    value,
                    from: Some((self, Step::Item(idx))),
                })
                .collect()),
            _ => Err(self.error("is not a list")),
        }
    }

    /// Returns the fields here with their names, sorted by them.
    pub(crate) fn entries<'a>(&'a self) -> Result<Vec<(&'v str, At<'a, 'v>)>, Unreadable> {
        match self.value {
            Value::Null => Ok(Vec::new()),
            Value::Object(fields) => {
                let mut entries: Vec<_> = fields
                    .iter()
                    .map(|(key, value)| {
                        let from = Some((self, Step::Field(key)));
                        (key.as_str(), At { value, from })
                    })
                    .collect();
                entries.sort_by_key(|(key, _)| *key);
                Ok(entries)
            }
            _ => Err(self.error("is not an object")),
        }
    }

    /// Fails where something stands here that is no object.
    pub(crate) fn object(&self) -> Result<(), Unreadable> {
        self.entries().map(drop)
    }

    pub(crate) fn texts(&self) -> Result<Vec<String>, Unreadable> {
        let items = self.items()?;
        let text = |item: &At<'_, 'v>| Ok(item.text()?.unwrap_or_default().to_owned());
        items.iter().map(text).collect()
    }

    pub(crate) fn labels(&self) -> Result<BTreeMap<String, String>, Unreadable> {
        let entries = self.entries()?;
        let label = |(key, value): &(&str, At<'_, 'v>)| {
            Ok((
                (*key).to_owned(),
                value.text()?.unwrap_or_default().to_owned(),
            ))
        };
        entries.iter().map(label).collect()
    }

    /// Returns that what stands here can't be taken.
    pub(crate) fn error(&self, problem: impl Into<String>) -> Unreadable {
        Unreadable {
            path: self.path(),
            problem: problem.into(),
        }
    }

    fn path(&self) -> String {
        let mut steps = Vec::new();
        let mut here = self;
        while let Some((parent, step)) = &here.from {
            steps.push(match step {
                Step::Field(key) => key.replace('~', "~0").replace('/', "~1"),
                Step::Item(idx) => idx.to_string(),
            });
            here = parent;
        }
        steps
            .iter()
            .rev()
            .fold(String::new(), |path, step| path + "/" + step)
    }
}

/// Reads a duration as Go's `time.ParseDuration` does; nothing below 0 and nothing beyond 10,000 years.
pub fn go_duration(text: &str) -> Option<Duration> {
    const LONGEST_SECS: f64 = 3.2e11;
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut secs = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let is_number = |c: char| c.is_ascii_digit() || c == '.';
        let (number, unit) = rest.split_at(rest.find(|c| !is_number(c))?);
        let number: f64 = number.parse().ok()?;
        let end = unit.find(is_number).unwrap_or(unit.len());
        let (unit, after) = unit.split_at(end);
        secs += number
            * match unit {
                "h" => 3_600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "us" | "µs" | "μs" => 1e-6,
                "ns" => 1e-9,
                _ => return None,
            };
        rest = after;
    }
    (secs < LONGEST_SECS)
        .then(|| Duration::try_from_secs_f64(secs).ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_wrong_says_where() {
        let object = json!({"spec": {"a/b~": [{"weight": "ten"}]}});
        let root = At::root(&object);
        let spec = root.field("spec");
        let list = spec.field("a/b~");
        let items = list.items().unwrap();
        let error = items[0].field("weight").count().unwrap_err();
        assert_eq!(
            error.to_string(),
            "/spec/a~1b~0/0/weight: is not a whole number"
        );
    }

    #[test]
    fn durations_are_read_as_go_writes_them() {
        let ms = |text| go_duration(text).map(|d| d.as_millis());
        assert_eq!(ms("1.5s"), Some(1_500));
        assert_eq!(ms("1h30m"), Some(5_400_000));
        assert_eq!(ms("20ms"), Some(20));
        assert_eq!(ms("0"), Some(0));
        for wrong in [
            "",
            "5",
            "s",
            "-1s",
            "5 s",
            "1..5s",
            ".s",
            "9e9h",
            "99999999999999h",
        ] {
            assert_eq!(ms(wrong), None, "{wrong}");
        }
    }
}
