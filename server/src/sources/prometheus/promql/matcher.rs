//! The one door through which values enter PromQL.

/// Writes `label="value"`, escaped: the one door for values.
pub fn matcher(label: &str, value: &str) -> String {
    compared(label, "=", value)
}

/// Writes `label=~"a|b"`, where each value stands for itself alone.
pub fn one_of(label: &str, values: &[&str]) -> String {
    let escaped: Vec<String> = values.iter().map(|value| literal(value)).collect();
    compared(label, "=~", &escaped.join("|"))
}

/// Writes a value as a regular expression that matches nothing else.
fn literal(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn compared(label: &str, how: &str, value: &str) -> String {
    let mut out = String::with_capacity(label.len() + value.len() + 4);
    out.push_str(label);
    out.push_str(how);
    out.push('"');
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads a matcher as Prometheus's lexer does: to the first quote that no backslash escapes.
    fn read(text: &str) -> (String, String, String) {
        let (label, rest) = text.split_once("=\"").unwrap();
        let mut value = String::new();
        let mut chars = rest.chars();
        while let Some(c) = chars.next() {
            match c {
                '"' => break,
                '\\' => match chars.next().unwrap() {
                    'n' => value.push('\n'),
                    c => value.push(c),
                },
                c => value.push(c),
            }
        }
        (label.to_owned(), value, chars.collect())
    }

    proptest! {
        #[test]
        fn no_value_breaks_out_of_its_quotes(value in "(.|\n|[\"\\\\{}]){0,30}") {
            let text = matcher("pod", &value);
            prop_assert_eq!(read(&text), ("pod".to_owned(), value, String::new()));
        }

        #[test]
        fn a_list_of_values_matches_those_values_alone(
            values in prop::collection::vec("[a-z.|()\\\\^$+*\"-]{1,8}", 1..4),
            other in "[a-z.|()\\\\^$+*\"-]{1,8}",
        ) {
            let names: Vec<&str> = values.iter().map(String::as_str).collect();
            let text = one_of("pod", &names);
            let (_, pattern, rest) = read(&text.replacen("=~", "=", 1));
            prop_assert_eq!(rest, "");
            // Prometheus anchors patterns at both ends.
            let pattern = regex_lite::Regex::new(&format!("^(?:{pattern})$")).unwrap();
            for name in &names {
                prop_assert!(pattern.is_match(name));
            }
            prop_assert_eq!(pattern.is_match(&other), values.contains(&other));
        }
    }
}
