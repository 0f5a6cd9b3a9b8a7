//! How texts must look: the `StringMatch` of a VirtualService's conditions.

use regex_lite::Regex;
use serde::Deserialize;

/// How a text must look; none of the three means that it must be there.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StringMatch {
    exact: Option<String>,
    prefix: Option<String>,
    regex: Option<Pattern>,
}

/// A regular expression that stands for the whole text.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
struct Pattern(Regex);

/// Istio takes none that is longer.
const MAX_PATTERN: usize = 1024;

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Pattern, String> {
        if text.is_empty() || MAX_PATTERN < text.len() {
            return Err("a regular expression has 1 to 1024 letters".to_owned());
        }
        let whole = Regex::new(&format!("^(?:{text})$"));
        whole
            .map(Pattern)
            .map_err(|_| format!("`{text}` is not a regular expression"))
    }
}

impl StringMatch {
    pub(super) fn takes(&self, text: &str, ignore_case: bool) -> bool {
        let fold = |text: &str| {
            if ignore_case {
                text.to_lowercase()
            } else {
                text.to_owned()
            }
        };
        let folded = fold(text);
        let (exact, prefix) = (self.exact.as_ref(), self.prefix.as_ref());
        exact.is_none_or(|exact| fold(exact) == folded)
            && prefix.is_none_or(|prefix| folded.starts_with(&fold(prefix)))
            // Regular expressions say themselves which case they mean.
            && self.regex.as_ref().is_none_or(|regex| regex.0.is_match(text))
    }

    /// Returns whether every path meets it.
    pub(super) fn takes_any_path(&self) -> bool {
        self.prefix.as_deref() == Some("/")
    }

    /// Returns whether every text that meets `part` is sure to meet this one, as Istio decides it for a
    /// delegate's condition behind its root's: of regular expressions it is never sure.
    pub(super) fn covers(&self, part: &StringMatch) -> bool {
        if self.regex.is_some() || part.regex.is_some() {
            return false;
        }
        match (&self.exact, &self.prefix, &part.exact, &part.prefix) {
            (Some(exact), _, Some(part), None) => exact == part,
            (None, Some(prefix), Some(part), _) | (None, Some(prefix), None, Some(part)) => {
                part.starts_with(prefix)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(yaml: &str) -> StringMatch {
        serde_saphyr::from_str(yaml).unwrap()
    }

    #[test]
    fn a_regular_expression_stands_for_the_whole_text() {
        let either = read("{regex: 'a|b[0-9]+'}");
        assert!(either.takes("a", false) && either.takes("b12", false));
        assert!(!either.takes("ab", false) && !either.takes("b12c", false));
        let bad = |yaml: &str| serde_saphyr::from_str::<StringMatch>(yaml).is_err();
        assert!(bad("{regex: '('}") && bad("{regex: ''}") && bad("{suffix: a}"));
        assert!(bad(&format!("{{regex: '{}'}}", "a".repeat(1025))));
    }

    #[test]
    fn a_condition_covers_what_is_narrower() {
        let covers = |root: &str, part: &str| read(root).covers(&read(part));
        assert!(covers("{prefix: /a}", "{prefix: /a/b}"));
        assert!(covers("{prefix: /a}", "{exact: /ab}"));
        assert!(covers("{exact: /a}", "{exact: /a}"));
        assert!(!covers("{prefix: /a}", "{prefix: /}"));
        assert!(!covers("{exact: /a}", "{prefix: /a}"));
        assert!(!covers("{exact: /a}", "{exact: /b}"));
        assert!(!covers("{prefix: /}", "{regex: '/a'}"));
        assert!(!covers("{}", "{exact: a}"));
    }
}
