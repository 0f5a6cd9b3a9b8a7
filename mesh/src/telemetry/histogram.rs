//! Durations as Prometheus keeps them: cumulative counts at bucket edges.

use crate::units::Ratio;

/// A histogram of durations in milliseconds: cumulative counts at ascending bucket edges.
///
/// Invariants: edges ascend strictly, counts do not fall, the last edge is `+Inf`.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    buckets: Vec<Bucket>,
    /// Whether a merge left so few common edges that a quantile can only be bounded.
    coarse: bool,
}

/// One bucket: how many calls took at most `le_ms`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// The upper edge in milliseconds; `+Inf` for the last.
    pub le_ms: f64,
    /// The cumulative count.
    pub count: f64,
}

/// What a histogram can say about a quantile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantile {
    /// The interpolated value in milliseconds; `None` where only bounds are known: in the +Inf bucket
    /// ("more than the largest edge") and in a histogram merged from layouts with too few common edges.
    pub value_ms: Option<f64>,
    /// The lower edge of the bucket it falls in.
    pub low_ms: f64,
    /// The upper edge; `None` in the +Inf bucket.
    pub high_ms: Option<f64>,
}

/// Fewer common finite edges than this after a merge, and quantiles are only bounded (rule R3).
const MIN_COMMON_EDGES: usize = 4;

impl Histogram {
    /// Returns the histogram with these cumulative buckets, or `None` when they are none: a `NaN`, no
    /// `+Inf` bucket, or nothing counted. Counts that fall by what extrapolation rounds are levelled,
    /// as Prometheus's own `histogram_quantile` does.
    pub fn new(mut buckets: Vec<Bucket>) -> Option<Histogram> {
        if buckets
            .iter()
            .any(|b| b.le_ms.is_nan() || !b.count.is_finite())
        {
            return None;
        }
        buckets.sort_by(|a, b| a.le_ms.total_cmp(&b.le_ms));
        // Two series of one key may spell one edge in two ways (`500` and `500.0`): they add up.
        buckets.dedup_by(|later, earlier| {
            let same = later.le_ms == earlier.le_ms;
            if same {
                earlier.count += later.count;
            }
            same
        });
        let mut floor = 0.0_f64;
        for bucket in &mut buckets {
            floor = floor.max(bucket.count);
            bucket.count = floor;
        }
        let last = buckets.last()?;
        (last.le_ms == f64::INFINITY && last.count > 0.0).then_some(Histogram {
            buckets,
            coarse: false,
        })
    }

    /// Returns the buckets, ascending.
    pub fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    /// Returns how many calls were timed.
    pub fn count(&self) -> f64 {
        self.buckets.last().map_or(0.0, |b| b.count)
    }

    /// Returns whether quantiles can only be bounded, because layouts with too few common edges met.
    pub fn is_coarse(&self) -> bool {
        self.coarse
    }

    /// Adds the calls of `other`. Edges that only one side has are dropped: a cumulative count at an
    /// edge is only known where both know it.
    pub fn merge(&mut self, other: &Histogram) {
        let same_layout = self.buckets.len() == other.buckets.len()
            && self
                .buckets
                .iter()
                .zip(&other.buckets)
                .all(|(a, b)| a.le_ms == b.le_ms);
        if same_layout {
            for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
                mine.count += theirs.count;
            }
            self.coarse |= other.coarse;
            return;
        }
        let mut theirs = other.buckets.iter().peekable();
        self.buckets.retain_mut(|mine| {
            while theirs.next_if(|t| t.le_ms < mine.le_ms).is_some() {}
            match theirs.peek() {
                Some(t) if t.le_ms == mine.le_ms => {
                    mine.count += t.count;
                    true
                }
                _ => false,
            }
        });
        // The +Inf bucket is always common.
        self.coarse = self.coarse || other.coarse || self.buckets.len() - 1 < MIN_COMMON_EDGES;
    }

    /// Returns the `share` quantile (0.5, 0.95, …), interpolated linearly inside its bucket as
    /// Prometheus's `histogram_quantile` does.
    pub fn quantile(&self, share: Ratio) -> Quantile {
        let rank = share.get() * self.count();
        let idx = self
            .buckets
            .iter()
            .position(|b| b.count >= rank && b.count > 0.0)
            .unwrap_or(self.buckets.len() - 1);
        let bucket = self.buckets[idx];
        let (low_ms, below) = match idx.checked_sub(1) {
            Some(previous) => (self.buckets[previous].le_ms, self.buckets[previous].count),
            None => (0.0, 0.0),
        };
        if bucket.le_ms.is_infinite() {
            return Quantile {
                value_ms: None,
                low_ms,
                high_ms: None,
            };
        }
        let inside = bucket.count - below;
        let fraction = if inside > 0.0 {
            ((rank - below) / inside).clamp(0.0, 1.0)
        } else {
            1.0
        };
        Quantile {
            value_ms: (!self.coarse).then_some(low_ms + (bucket.le_ms - low_ms) * fraction),
            low_ms,
            high_ms: Some(bucket.le_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn histogram(buckets: &[(f64, f64)]) -> Histogram {
        let buckets = buckets
            .iter()
            .map(|&(le_ms, count)| Bucket { le_ms, count })
            .collect();
        Histogram::new(buckets).unwrap()
    }

    fn p(share: f64, histogram: &Histogram) -> Quantile {
        histogram.quantile(Ratio::new(share).unwrap())
    }

    const INF: f64 = f64::INFINITY;

    #[test]
    fn r3_a_quantile_is_interpolated_and_knows_its_bucket() {
        let h = histogram(&[(10.0, 50.0), (25.0, 90.0), (50.0, 100.0), (INF, 100.0)]);
        assert_eq!(
            p(0.5, &h),
            Quantile {
                value_ms: Some(10.0),
                low_ms: 0.0,
                high_ms: Some(10.0)
            }
        );
        assert_eq!(p(0.95, &h).value_ms, Some(37.5));
    }

    #[test]
    fn r3_beyond_the_largest_edge_only_that_edge_is_known() {
        let h = histogram(&[(10.0, 1.0), (INF, 4.0)]);
        assert_eq!(
            p(0.99, &h),
            Quantile {
                value_ms: None,
                low_ms: 10.0,
                high_ms: None
            }
        );
    }

    #[test]
    fn r3_other_layouts_merge_over_common_edges() {
        let mut h = histogram(&[
            (1.0, 1.0),
            (5.0, 2.0),
            (10.0, 3.0),
            (25.0, 4.0),
            (50.0, 5.0),
            (INF, 5.0),
        ]);
        h.merge(&histogram(&[
            (5.0, 1.0),
            (10.0, 1.0),
            (20.0, 1.0),
            (25.0, 1.0),
            (50.0, 2.0),
            (INF, 2.0),
        ]));
        let edges: Vec<f64> = h.buckets().iter().map(|b| b.le_ms).collect();
        assert_eq!(edges, [5.0, 10.0, 25.0, 50.0, INF]);
        assert_eq!(h.count(), 7.0);
        assert!(!h.is_coarse());
    }

    #[test]
    fn r3_fewer_than_four_common_edges_give_bounds() {
        let mut h = histogram(&[(1.0, 1.0), (10.0, 3.0), (INF, 3.0)]);
        h.merge(&histogram(&[(2.0, 1.0), (10.0, 1.0), (INF, 1.0)]));
        let median = p(0.5, &h);
        assert!(h.is_coarse());
        assert_eq!(median.value_ms, None);
        assert_eq!((median.low_ms, median.high_ms), (0.0, Some(10.0)));
    }

    #[test]
    fn what_is_no_histogram_is_none() {
        let bucket = |le_ms, count| Bucket { le_ms, count };
        assert_eq!(Histogram::new(vec![]), None);
        assert_eq!(Histogram::new(vec![bucket(10.0, 1.0)]), None);
        assert_eq!(Histogram::new(vec![bucket(INF, 0.0)]), None);
        assert_eq!(Histogram::new(vec![bucket(INF, f64::NAN)]), None);
    }

    proptest! {
        /// Merging buckets gives the quantile of the union: the true value lies in the bucket said.
        #[test]
        fn r3_merged_buckets_hold_the_quantile_of_the_union(
            mine in prop::collection::vec(0.1f64..2000.0, 1..60),
            theirs in prop::collection::vec(0.1f64..2000.0, 1..60),
            share in 0.01f64..0.99,
        ) {
            let edges = [1.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, INF];
            let observed = |values: &[f64]| {
                let buckets: Vec<(f64, f64)> = edges
                    .iter()
                    .map(|&le| (le, values.iter().filter(|v| **v <= le).count() as f64))
                    .collect();
                histogram(&buckets)
            };
            let mut merged = observed(&mine);
            merged.merge(&observed(&theirs));
            let mut all: Vec<f64> = mine.iter().chain(&theirs).copied().collect();
            all.sort_by(f64::total_cmp);
            let rank = ((share * all.len() as f64).ceil() as usize).clamp(1, all.len());
            let truth = all[rank - 1];
            let said = p(share, &merged);
            prop_assert!(said.low_ms < truth || truth <= said.low_ms && said.low_ms == 0.0);
            prop_assert!(said.high_ms.is_none_or(|high| truth <= high));
        }
    }
}
