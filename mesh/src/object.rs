//! Kubernetes objects as whole JSON, and how to look into them without taking them apart.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

mod stored;

pub use stored::Stored;

/// Which object: kind, namespace (empty for what has none) and name. API versions of one kind are one
/// object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// The kind as Kubernetes writes it: `VirtualService`.
    pub kind: String,
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl ObjectKey {
    /// Returns the key of an object; what it does not say is empty.
    pub fn of(object: &Value) -> ObjectKey {
        let text = |pointer| text_at(object, pointer).unwrap_or_default().to_owned();
        ObjectKey {
            kind: text("/kind"),
            namespace: text("/metadata/namespace"),
            name: text("/metadata/name"),
        }
    }

    /// Returns `namespace/kind/name` with the kind in lower case, as ids are written.
    pub fn id(&self) -> String {
        let kind = self.kind.to_ascii_lowercase();
        format!("{}/{kind}/{}", self.namespace, self.name)
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{} {}", self.kind, self.name)
        } else {
            write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
        }
    }
}

/// Returns what is at a JSON pointer: as [`Value::pointer`], which makes two copies of every step for the rare one
/// that is escaped.
pub fn at<'a>(object: &'a Value, pointer: &str) -> Option<&'a Value> {
    let steps = pointer.strip_prefix('/').filter(|_| !pointer.contains('~'));
    let Some(steps) = steps else {
        return object.pointer(pointer);
    };
    let mut here = object;
    for step in steps.split('/') {
        here = match here {
            Value::Object(fields) => fields.get(step)?,
            Value::Array(_) => return object.pointer(pointer),
            _ => return None,
        };
    }
    Some(here)
}

/// Returns the text at a JSON pointer.
pub fn text_at<'a>(object: &'a Value, pointer: &str) -> Option<&'a str> {
    at(object, pointer).and_then(Value::as_str)
}

/// Returns the texts of the object at a JSON pointer, such as labels; what is no text is left out.
pub fn texts_at(object: &Value, pointer: &str) -> BTreeMap<String, String> {
    at(object, pointer)
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

/// Returns the items of the list at a JSON pointer; none where there is no list.
pub fn list_at<'a>(
    object: &'a Value,
    pointer: &str,
) -> impl DoubleEndedIterator<Item = &'a Value> + ExactSizeIterator + use<'a> {
    let list = at(object, pointer).and_then(Value::as_array);
    list.map_or(&[][..], Vec::as_slice).iter()
}

/// Returns one annotation.
pub fn annotation<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    at(object, "/metadata/annotations")?.get(name)?.as_str()
}

/// Returns one label.
pub fn label<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    at(object, "/metadata/labels")?.get(name)?.as_str()
}

/// Returns the version that a write must name.
pub fn resource_version(object: &Value) -> &str {
    text_at(object, "/metadata/resourceVersion").unwrap_or_default()
}

/// Returns what tells the object from another of the same name.
pub fn uid(object: &Value) -> Option<&str> {
    text_at(object, "/metadata/uid")
}

/// Returns the count of specifications there were, where the server counts.
pub fn generation(object: &Value) -> Option<i64> {
    at(object, "/metadata/generation")?.as_i64()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pointer_leads_where_serdes_does() {
        let object = json!({"a": {"b/c": [{"d": 1}, 2], "": 3, "~": 4}, "": {"e": 5}, "f": "g"});
        for pointer in [
            "",
            "/",
            "/a",
            "/a/",
            "/a/b~1c/0/d",
            "/a/~0",
            "//e",
            "/f",
            "/f/g",
            "/x/y",
            "a",
            "/a/b~1c/01",
        ] {
            assert_eq!(at(&object, pointer), object.pointer(pointer), "{pointer}");
        }
        let listed = json!({"a": [{"d": 1}]});
        for pointer in ["/a/0/d", "/a/-", "/a/00/d", "/a/1"] {
            assert_eq!(at(&listed, pointer), listed.pointer(pointer), "{pointer}");
        }
    }
}
