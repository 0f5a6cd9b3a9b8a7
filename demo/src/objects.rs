//! The Kubernetes objects of the demo world, each a whole JSON value.

use std::collections::BTreeSet;

use serde_json::Value;

/// The objects of a cluster, sorted by kind, namespace and name.
#[derive(Clone, Debug, PartialEq)]
pub struct Objects(Vec<Value>);

/// Why a text or a list holds no objects.
#[derive(Debug, thiserror::Error)]
pub enum BadObjects {
    /// The text is not YAML.
    #[error("the objects are not readable YAML")]
    Unreadable(#[source] serde_saphyr::Error),
    /// A document has no kind or no name.
    #[error("object {0} has no `kind` or no `metadata.name`")]
    Nameless(usize),
    /// One object is there twice.
    #[error("{0} is there twice")]
    Twice(String),
}

const BUILTIN: [&str; 8] = [
    include_str!("../objects/default.yaml"),
    include_str!("../objects/inventory.yaml"),
    include_str!("../objects/istio-system.yaml"),
    include_str!("../objects/legacy.yaml"),
    include_str!("../objects/media.yaml"),
    include_str!("../objects/payments.yaml"),
    include_str!("../objects/platform.yaml"),
    include_str!("../objects/shop.yaml"),
];

impl Objects {
    /// Returns the objects of the built-in story.
    pub fn builtin() -> Objects {
        // The files are compiled in, and a test reads them: this can't fail in a build that passed.
        Objects::from_yaml(&BUILTIN.join("\n---\n")).expect("the built-in objects are readable")
    }

    /// Returns the objects in a text of YAML documents. Empty documents are left out, a `List` is
    /// taken apart.
    pub fn from_yaml(text: &str) -> Result<Objects, BadObjects> {
        let documents: Vec<Value> =
            serde_saphyr::from_multiple(text).map_err(BadObjects::Unreadable)?;
        Objects::from_values(documents)
    }

    /// Returns the objects in a list of values. Empty values are left out, a `List` is taken apart.
    pub fn from_values(values: Vec<Value>) -> Result<Objects, BadObjects> {
        let mut objects = Vec::new();
        for value in values {
            let is_list = text_at(&value, "/kind").is_some_and(|kind| kind.ends_with("List"));
            match value.get("items").and_then(Value::as_array) {
                Some(items) if is_list => objects.extend(items.iter().cloned()),
                _ if value.is_null() => {}
                _ => objects.push(value),
            }
        }
        let mut seen = BTreeSet::new();
        for (idx, object) in objects.iter().enumerate() {
            let (kind, namespace, name) = place(object);
            if kind.is_empty() || name.is_empty() {
                return Err(BadObjects::Nameless(idx));
            }
            if !seen.insert((kind, namespace, name)) {
                return Err(BadObjects::Twice(format!("{kind} {namespace}/{name}")));
            }
        }
        objects.sort_by(|a, b| place(a).cmp(&place(b)));
        Ok(Objects(objects))
    }

    /// Returns the objects, sorted by kind, namespace and name.
    pub fn iter(&self) -> impl Iterator<Item = &Value> {
        self.0.iter()
    }

    /// Returns the objects of one kind, sorted by namespace and name.
    pub(crate) fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.0
            .iter()
            .filter(move |object| text_at(object, "/kind") == Some(kind))
    }
}

/// Returns kind, namespace and name of an object; what is missing is empty.
pub(crate) fn place(object: &Value) -> (&str, &str, &str) {
    let text = |pointer| text_at(object, pointer).unwrap_or_default();
    (
        text("/kind"),
        text("/metadata/namespace"),
        text("/metadata/name"),
    )
}

/// Returns the text at a JSON pointer.
pub(crate) fn text_at<'a>(object: &'a Value, pointer: &str) -> Option<&'a str> {
    object.pointer(pointer).and_then(Value::as_str)
}

/// Returns the texts of the object at a JSON pointer, such as labels.
pub(crate) fn texts_at(
    object: &Value,
    pointer: &str,
) -> std::collections::BTreeMap<String, String> {
    object
        .pointer(pointer)
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_objects_are_readable_and_whole() {
        let objects = Objects::builtin();
        for object in objects.iter() {
            let (kind, namespace, name) = place(object);
            assert!(
                text_at(object, "/apiVersion").is_some(),
                "{kind} {namespace}/{name}"
            );
            assert!(
                kind == "Namespace" || !namespace.is_empty(),
                "{kind} {name} has a namespace"
            );
        }
        // Quoted scalars stay text: Kubernetes would refuse a boolean header value.
        let testers = objects
            .of_kind("DestinationRule")
            .filter(|rule| text_at(rule, "/spec/host") == Some("backend"))
            .count();
        assert_eq!(testers, 2, "two DestinationRules on the host backend");
    }

    #[test]
    fn what_is_no_object_is_refused_with_a_reason() {
        let refusal = |text: &str| Objects::from_yaml(text).unwrap_err().to_string();
        assert_eq!(refusal("{"), "the objects are not readable YAML");
        assert_eq!(
            refusal("kind: Service"),
            "object 0 has no `kind` or no `metadata.name`"
        );
        let twice = "kind: Service\nmetadata: {name: a, namespace: b}\n";
        assert_eq!(
            refusal(&format!("{twice}---\n{twice}")),
            "Service b/a is there twice"
        );
    }

    #[test]
    fn a_quoted_word_stays_text() {
        let objects =
            Objects::from_yaml("kind: A\nmetadata: {name: b}\nspec: {exact: \"true\"}").unwrap();
        let object = objects.iter().next().unwrap();
        assert_eq!(text_at(object, "/spec/exact"), Some("true"));
    }
}
