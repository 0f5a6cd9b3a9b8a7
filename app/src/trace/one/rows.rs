//! Which rows of a tree there are, and which of them are in view: pure.

use std::collections::BTreeSet;
use std::ops::Range;

use mesh::api::trace::SpanRow;

/// How high a row is, in pixels: all are alike, so that where one stands is a product.
pub const HEIGHT: f64 = 28.0;

/// Rows beyond both ends of what is in view: a step of the wheel finds them drawn.
const SPARE: usize = 12;

/// The tree as a list of rows; what is below a folded span has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// The places of the spans in their trace, in the order of rows.
    pub spans: Vec<usize>,
}

impl Shown {
    /// Leaves out what is below folded spans.
    pub fn new(spans: &[SpanRow], folded: &BTreeSet<usize>) -> Shown {
        let mut shown = Vec::with_capacity(spans.len());
        let mut at = 0;
        while let Some(span) = spans.get(at) {
            shown.push(at);
            let skip = if folded.contains(&at) {
                span.n_below as usize
            } else {
                0
            };
            at += 1 + skip;
        }
        Shown { spans: shown }
    }

    /// The row of a span, where it has one.
    pub fn row(&self, span: usize) -> Option<usize> {
        self.spans.binary_search(&span).ok()
    }
}

/// Returns the rows worth drawing: those in view, and a few on both sides.
pub fn window(n: usize, from_top: f64, height: f64) -> Range<usize> {
    let first = (from_top.max(0.0) / HEIGHT) as usize;
    let many = (height.max(0.0) / HEIGHT).ceil() as usize + 1;
    let start = first.saturating_sub(SPARE).min(n);
    let end = first.saturating_add(many).saturating_add(SPARE).min(n);
    start..end.max(start)
}

/// Returns where to scroll to so that a row is in view; `None` where it is.
pub fn reveal(row: usize, from_top: f64, height: f64) -> Option<f64> {
    let (top, bottom) = (row as f64 * HEIGHT, (row + 1) as f64 * HEIGHT);
    if top < from_top {
        Some(top)
    } else if bottom > from_top + height {
        Some((bottom - height).max(0.0))
    } else {
        None
    }
}

/// Where a key leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// To a span.
    To(usize),
    /// The span is folded.
    Fold(usize),
    /// The span is unfolded.
    Unfold(usize),
}

/// Returns what a key does at span `at`; `None` for other keys. A page has so many rows.
pub fn step(
    key: &str,
    at: usize,
    page: usize,
    spans: &[SpanRow],
    folded: &BTreeSet<usize>,
    shown: &Shown,
) -> Option<Move> {
    let row = shown.row(at).unwrap_or(0);
    let last = shown.spans.len().checked_sub(1)?;
    let to = |row: usize| shown.spans.get(row.min(last)).copied().map(Move::To);
    let span = spans.get(at)?;
    let has_children = span.n_below > 0;
    match key {
        "ArrowDown" => to(row + 1),
        "ArrowUp" => to(row.saturating_sub(1)),
        "PageDown" => to(row + page),
        "PageUp" => to(row.saturating_sub(page)),
        "Home" => to(0),
        "End" => to(last),
        "ArrowRight" if has_children && folded.contains(&at) => Some(Move::Unfold(at)),
        "ArrowRight" if has_children => to(row + 1),
        "ArrowLeft" if has_children && !folded.contains(&at) => Some(Move::Fold(at)),
        "ArrowLeft" => Some(Move::To(span.parent.map_or(at, |it| it as usize))),
        _ => None,
    }
}

/// Returns the spans above one, that must not be folded for it to be seen.
pub fn above(spans: &[SpanRow], span: usize) -> Vec<usize> {
    let mut all = Vec::new();
    let mut at = spans.get(span).and_then(|it| it.parent);
    // Parents stand before their children: a list that says otherwise ends here.
    while let Some(parent) = at
        .map(|it| it as usize)
        .filter(|it| all.last().is_none_or(|last| it < last))
    {
        all.push(parent);
        at = spans.get(parent).and_then(|it| it.parent);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A root with two children, the first of which has one.
    fn tree() -> Vec<SpanRow> {
        let span = |parent: Option<u32>, n_below: u32| SpanRow {
            parent,
            n_below,
            ..SpanRow::default()
        };
        vec![
            span(None, 3),
            span(Some(0), 1),
            span(Some(1), 0),
            span(Some(0), 0),
        ]
    }

    fn folded(spans: &[usize]) -> BTreeSet<usize> {
        spans.iter().copied().collect()
    }

    #[test]
    fn what_is_below_a_folded_span_has_no_row() {
        let rows = |of: &[usize]| Shown::new(&tree(), &folded(of)).spans;
        assert_eq!(rows(&[]), [0, 1, 2, 3]);
        assert_eq!(rows(&[1]), [0, 1, 3]);
        assert_eq!(rows(&[0, 1]), [0]);
        assert_eq!(Shown::new(&tree(), &folded(&[1])).row(2), None);
    }

    #[test]
    fn of_ten_thousand_rows_those_in_view_are_drawn() {
        assert_eq!(window(10_000, 0.0, 560.0), 0..33);
        assert_eq!(window(10_000, 2800.0, 560.0), 88..133);
        assert_eq!(window(10_000, 279_440.0, 560.0), 9968..10_000);
        assert_eq!(window(0, 0.0, 560.0), 0..0);
        assert_eq!(window(5, 1e9, -3.0), 5..5);
    }

    #[test]
    fn a_row_is_brought_into_view_and_no_further() {
        assert_eq!(reveal(3, 0.0, 560.0), None);
        assert_eq!(reveal(20, 0.0, 560.0), Some(28.0));
        assert_eq!(reveal(2, 280.0, 560.0), Some(56.0));
    }

    #[test]
    fn keys_walk_fold_and_unfold() {
        let spans = tree();
        let at = |key: &str, at: usize, of: &[usize]| {
            let folded = folded(of);
            step(key, at, 10, &spans, &folded, &Shown::new(&spans, &folded))
        };
        assert_eq!(at("ArrowDown", 1, &[]), Some(Move::To(2)));
        assert_eq!(at("ArrowDown", 1, &[1]), Some(Move::To(3)));
        assert_eq!(at("ArrowUp", 3, &[1]), Some(Move::To(1)));
        assert_eq!(at("ArrowLeft", 1, &[]), Some(Move::Fold(1)));
        assert_eq!(at("ArrowLeft", 1, &[1]), Some(Move::To(0)));
        assert_eq!(at("ArrowRight", 1, &[1]), Some(Move::Unfold(1)));
        assert_eq!(at("ArrowRight", 1, &[]), Some(Move::To(2)));
        assert_eq!(at("End", 0, &[]), Some(Move::To(3)));
        assert_eq!(at("PageDown", 0, &[]), Some(Move::To(3)));
        assert_eq!(at("x", 0, &[]), None);
        assert_eq!(
            step("End", 0, 10, &[], &folded(&[]), &Shown::default()),
            None
        );
    }

    #[test]
    fn what_stands_above_is_found_and_a_circle_ends() {
        assert_eq!(above(&tree(), 2), [1, 0]);
        let mut odd = tree();
        odd[0].parent = Some(2);
        assert_eq!(above(&odd, 2), [1, 0]);
    }
}
