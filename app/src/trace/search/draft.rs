//! What a person types into the filters, and the search that it says.

use mesh::api::{BadParameter, TracesQuery};

/// The fields, by the parameters they write.
pub const FIELDS: [&str; 8] = [
    "service",
    "namespace",
    "workload",
    "version",
    "operation",
    "min_duration",
    "max_duration",
    "tag",
];

/// Returns what a field shows of a search.
pub fn shown(search: &TracesQuery, field: &str) -> String {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let duration = |us: Option<i64>| us.map(mesh::api::query::duration_text).unwrap_or_default();
    match field {
        "service" => text(&search.service),
        "namespace" => text(&search.namespace),
        "workload" => text(&search.workload),
        "version" => text(&search.version),
        "operation" => text(&search.operation),
        "min_duration" => duration(search.min_duration_us),
        "max_duration" => duration(search.max_duration_us),
        "tag" => tags_text(&search.tags),
        _ => String::new(),
    }
}

/// Reads the fields into a search; what they do not say stays as in `before`.
pub fn read(
    before: &TracesQuery,
    fields: &[(&str, String)],
    errors: bool,
    limit: u32,
) -> Result<TracesQuery, BadParameter> {
    let mut pairs: Vec<(&str, String)> = Vec::new();
    for (name, text) in fields {
        let text = text.trim();
        match *name {
            "tag" => pairs.extend(tags(text).into_iter().map(|tag| ("tag", tag))),
            "min_duration" | "max_duration" => pairs.push((*name, with_unit(text))),
            name => pairs.push((name, text.to_owned())),
        }
    }
    let read = TracesQuery::from_pairs(pairs.iter().map(|(name, text)| (*name, text.as_str())))?;
    // A name belongs to the service that it stands in for.
    let is_same = (&read.service, &read.namespace) == (&before.service, &before.namespace);
    Ok(TracesQuery {
        edge: before.edge.clone(),
        name: before.name.clone().filter(|_| is_same),
        errors,
        limit,
        ..read
    })
}

/// Who types a bare number means milliseconds, as every figure beside it says; spaces are no matter.
fn with_unit(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    match text.parse::<f64>() {
        Ok(_) => format!("{text}ms"),
        Err(_) => text,
    }
}

/// Takes `a=b c="d e"` apart.
fn tags(text: &str) -> Vec<String> {
    let mut all = Vec::new();
    let (mut tag, mut is_quoted) = (String::new(), false);
    for c in text.chars() {
        match c {
            '"' => is_quoted = !is_quoted,
            c if c.is_whitespace() && !is_quoted => all.push(std::mem::take(&mut tag)),
            c => tag.push(c),
        }
    }
    all.push(tag);
    all.retain(|tag| !tag.is_empty());
    all
}

fn tags_text(tags: &[(String, String)]) -> String {
    let one = |(key, value): &(String, String)| match value.contains(char::is_whitespace) {
        true => format!("{key}=\"{value}\""),
        false => format!("{key}={value}"),
    };
    tags.iter().map(one).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(fields: &[(&'static str, &str)]) -> Result<TracesQuery, BadParameter> {
        let before = TracesQuery {
            service: Some("cart".to_owned()),
            name: Some("cart-svc".to_owned()),
            ..TracesQuery::default()
        };
        let fields: Vec<(&str, String)> =
            fields.iter().map(|(n, t)| (*n, (*t).to_owned())).collect();
        read(&before, &fields, true, 20)
    }

    #[test]
    fn what_is_typed_is_the_search_of_the_address() {
        let search = typed(&[
            ("service", " payments "),
            ("min_duration", "1.5 s"),
            ("max_duration", "2500"),
            ("tag", "http.status_code=503 who=\"a b\""),
        ])
        .unwrap();
        assert_eq!(
            search.to_query_string(),
            "service=payments&min_duration=1500ms&max_duration=2500ms&errors=true\
             &tag=http.status_code%3D503&tag=who%3Da%20b&limit=20"
        );
        assert_eq!(shown(&search, "tag"), "http.status_code=503 who=\"a b\"");
        assert_eq!(shown(&search, "max_duration"), "2500ms");
    }

    #[test]
    fn a_tracing_name_stays_with_its_service() {
        assert_eq!(
            typed(&[("service", "cart")]).unwrap().name.as_deref(),
            Some("cart-svc")
        );
        assert_eq!(typed(&[("service", "web")]).unwrap().name, None);
    }

    #[test]
    fn the_field_with_the_mistake_is_named() {
        for (field, text) in [("min_duration", "slow"), ("tag", "503")] {
            assert_eq!(typed(&[(field, text)]).unwrap_err().name, field);
        }
    }
}
