//! Whether a text is as a condition says. Expressions are RE2's, as Envoy reads them: they stand for the
//! whole text, and longer ones than Istio takes are not tried.

use regex_lite::Regex;

use super::rule::Condition;

/// The longest expression Istio takes, in bytes.
pub const LONGEST: usize = 1_024;

/// Returns whether `text` is as `condition` says. An expression that can't be read matches nothing.
pub fn holds(condition: &Condition, text: &str) -> bool {
    match condition {
        Condition::Present => true,
        Condition::Exact(exact) => text == exact,
        Condition::Prefix(prefix) => text.starts_with(prefix),
        Condition::PathPrefix(prefix) => {
            let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
            let rest = text.strip_prefix(prefix);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }
        Condition::Regex(expression) => {
            expression.len() <= LONGEST && compile(expression).is_some_and(|it| it.is_match(text))
        }
    }
}

/// Returns whether a path is as `condition` says, in any case if `ignores_case`: which is not for
/// expressions, whose case Envoy always minds.
pub fn holds_of_path(condition: &Condition, ignores_case: bool, path: &str) -> bool {
    let lower = str::to_lowercase;
    match condition {
        Condition::Exact(text) if ignores_case => lower(text) == lower(path),
        Condition::Prefix(text) if ignores_case => lower(path).starts_with(&lower(text)),
        _ => holds(condition, path),
    }
}

/// Returns what is wrong with an expression, or nothing.
pub(crate) fn fault(expression: &str) -> Option<String> {
    if expression.is_empty() {
        return Some("has an empty expression".to_owned());
    }
    if LONGEST < expression.len() {
        return Some(format!("has an expression of more than {LONGEST} bytes"));
    }
    // What RE2 knows and this crate does not is no fault.
    let is_beyond = ["\\p", "\\P", "\\C", "\\Q", "\\0", "(?U"]
        .iter()
        .any(|it| expression.contains(it));
    (!is_beyond && compile(expression).is_none())
        .then(|| format!("has an expression that can't be read: {expression}"))
}

fn compile(expression: &str) -> Option<Regex> {
    // By itself first: otherwise `a)|(?:b` would slip out of what is put around it.
    Regex::new(expression).ok()?;
    Regex::new(&format!("\\A(?:{expression})\\z")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_stands_for_the_whole_text() {
        let regex = |text: &str| Condition::Regex(text.to_owned());
        assert!(holds(&regex("a|b"), "b"));
        assert!(!holds(&regex("a|b"), "ab"));
        assert!(!holds(&regex("("), "("));
        assert_eq!(fault("/v[0-9]+/.*"), None);
        assert_eq!(fault("\\p{Greek}+"), None);
        assert!(fault("(?!never)").is_some());
        assert!(fault("*").is_some());
        assert!(fault(&"a".repeat(LONGEST + 1)).is_some());
        // Closing the group that makes it whole is no way out of it.
        assert!(fault("a)|(?:b").is_some());
        assert!(!holds(&regex("a)|(?:b"), "ax"));
    }

    #[test]
    fn a_path_prefix_goes_by_whole_segments() {
        let prefix = Condition::PathPrefix("/a/".to_owned());
        assert!(holds(&prefix, "/a"));
        assert!(holds(&prefix, "/a/b"));
        assert!(!holds(&prefix, "/ab"));
        assert!(holds(&Condition::PathPrefix("/".to_owned()), "/x"));
    }
}
