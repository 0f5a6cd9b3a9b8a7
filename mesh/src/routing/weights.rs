//! Weights of a split, as proportions: what shares they mean, how moving one moves the others, and which
//! numbers say the shares wanted.
//!
//! Shares are counted in basis points, hundredths of a percent: whole numbers that always sum to
//! [`WHOLE`], so that nothing is lost by rounding.

/// All of the traffic, in basis points.
pub const WHOLE: u32 = 10_000;

/// What a weight means that is not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// Nothing, except that a lone destination takes all: a VirtualService
    /// (<https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRouteDestination>).
    Zero,
    /// One: a route of the Gateway API
    /// (<https://gateway-api.sigs.k8s.io/reference/spec/#backendref>).
    One,
}

/// Why weights mean no shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoShares {
    /// There is nowhere to send anything.
    #[error("there is no destination")]
    Empty,
    /// All weights are zero: Istio refuses such a rule, and a Gateway API route answers 500.
    #[error("all weights are zero")]
    AllZero,
}

/// Returns the shares that weights mean, in basis points that sum to [`WHOLE`].
///
/// # Errors
/// Where they mean none.
pub fn shares(weights: &[Option<u32>], absent: Absent) -> Result<Vec<u32>, NoShares> {
    if weights.is_empty() {
        return Err(NoShares::Empty);
    }
    if weights.len() == 1 && absent == Absent::Zero {
        return Ok(vec![WHOLE]);
    }
    let missing = match absent {
        Absent::Zero => 0,
        Absent::One => 1,
    };
    let written: Vec<u64> = weights
        .iter()
        .map(|w| u64::from(w.unwrap_or(missing)))
        .collect();
    apportion(&written, WHOLE).ok_or(NoShares::AllZero)
}

/// Returns the shares after one of them was moved: what it gains or loses comes from or goes to the
/// others that are not locked, in proportion to what they have (equally, where they have nothing).
///
/// It moves only as far as the others can give way: not at all where none can. `locked[index]` does not
/// count: a person who moves a share means it.
pub fn moved(shares: &[u32], locked: &[bool], index: usize, to: u32) -> Vec<u32> {
    let Some(present) = shares.get(index) else {
        return shares.to_vec();
    };
    let is_free = |at: usize| at != index && !locked.get(at).copied().unwrap_or(false);
    let free: Vec<usize> = (0..shares.len()).filter(|at| is_free(*at)).collect();
    if free.is_empty() {
        return shares.to_vec();
    }
    let held: Vec<u64> = free
        .iter()
        .filter_map(|at| shares.get(*at))
        .map(|s| u64::from(*s))
        .collect();
    // What is not locked elsewhere is shared between this one and the free ones.
    let room = held.iter().sum::<u64>() + u64::from(*present);
    let room = u32::try_from(room).unwrap_or(WHOLE);
    let to = to.min(room);
    let rest = apportion(&held, room - to)
        .or_else(|| apportion(&vec![1; free.len()], room - to))
        .unwrap_or_default();
    let mut out = shares.to_vec();
    for (at, share) in free
        .into_iter()
        .chain([index])
        .zip(rest.into_iter().chain([to]))
    {
        if let Some(place) = out.get_mut(at) {
            *place = share;
        }
    }
    out
}

/// Returns the weights that say `shares` exactly: with the sum they have now where that can, else with a
/// sum of 100, 1,000 or 10,000.
pub fn weights(shares: &[u32], present_sum: u32) -> Vec<u32> {
    let say = |sum: u32| -> Option<Vec<u32>> {
        let weight = |share: &u32| {
            let scaled = u64::from(*share) * u64::from(sum);
            let is_whole = scaled.is_multiple_of(u64::from(WHOLE));
            is_whole.then(|| u32::try_from(scaled / u64::from(WHOLE)).ok())?
        };
        shares.iter().map(weight).collect()
    };
    let sums = [present_sum, 100, 1_000, WHOLE];
    let said = sums.into_iter().filter(|sum| *sum > 0).find_map(say);
    said.unwrap_or_else(|| shares.to_vec())
}

/// Divides `whole` in proportion to `parts`, rounding by the largest remainder, the first of equals
/// first; nothing where all parts are zero.
fn apportion(parts: &[u64], whole: u32) -> Option<Vec<u32>> {
    let sum: u128 = parts.iter().map(|p| u128::from(*p)).sum();
    if sum == 0 {
        return None;
    }
    let scaled = parts.iter().map(|p| u128::from(*p) * u128::from(whole));
    let mut out = Vec::with_capacity(parts.len());
    let mut remainders = Vec::with_capacity(parts.len());
    for (at, scaled) in scaled.enumerate() {
        // A part of the whole is never more than the whole.
        out.push(u32::try_from(scaled / sum).unwrap_or(whole));
        remainders.push((std::cmp::Reverse(scaled % sum), at));
    }
    remainders.sort_unstable();
    let missing = whole - out.iter().sum::<u32>();
    for (_, at) in remainders.into_iter().take(missing as usize) {
        if let Some(place) = out.get_mut(at) {
            *place += 1;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn weights_are_proportions() {
        let of = |weights: &[Option<u32>]| shares(weights, Absent::Zero);
        assert_eq!(of(&[Some(90), Some(10)]), Ok(vec![9_000, 1_000]));
        assert_eq!(of(&[Some(999), Some(1)]), Ok(vec![9_990, 10]));
        assert_eq!(
            of(&[Some(1), Some(1), Some(1)]),
            Ok(vec![3_334, 3_333, 3_333])
        );
        assert_eq!(of(&[None, Some(5)]), Ok(vec![0, WHOLE]));
        assert_eq!(of(&[None]), Ok(vec![WHOLE]), "a lone destination takes all");
        assert_eq!(of(&[Some(0)]), Ok(vec![WHOLE]));
        assert_eq!(of(&[None, None]), Err(NoShares::AllZero));
        assert_eq!(of(&[]), Err(NoShares::Empty));
    }

    #[test]
    fn the_gateway_api_counts_an_absent_weight_as_one() {
        let of = |weights: &[Option<u32>]| shares(weights, Absent::One);
        assert_eq!(of(&[None, Some(3)]), Ok(vec![2_500, 7_500]));
        assert_eq!(of(&[None]), Ok(vec![WHOLE]));
        assert_eq!(of(&[Some(0)]), Err(NoShares::AllZero));
    }

    #[test]
    fn a_move_is_paid_by_the_unlocked_in_proportion() {
        let free = [false; 3];
        assert_eq!(moved(&[9_000, 1_000], &free, 1, 3_000), [7_000, 3_000]);
        assert_eq!(
            moved(&[6_000, 3_000, 1_000], &free, 2, 4_000),
            [4_000, 2_000, 4_000]
        );
        assert_eq!(
            moved(&[6_000, 3_000, 1_000], &[true, false, false], 2, 4_000),
            [6_000, 0, 4_000]
        );
        // Further than the unlocked can give.
        assert_eq!(
            moved(&[6_000, 3_000, 1_000], &[true, false, false], 2, 9_000),
            [6_000, 0, 4_000]
        );
        assert_eq!(
            moved(&[9_000, 1_000], &[true, false], 1, 3_000),
            [9_000, 1_000]
        );
        // Nothing to be in proportion to.
        assert_eq!(
            moved(&[0, 0, WHOLE], &free, 2, 5_000),
            [2_500, 2_500, 5_000]
        );
    }

    #[test]
    fn the_sum_is_kept_where_it_can_say_the_shares() {
        assert_eq!(weights(&[7_000, 3_000], 100), [70, 30]);
        assert_eq!(weights(&[7_000, 3_000], 10), [7, 3]);
        assert_eq!(weights(&[7_050, 2_950], 100), [705, 295]);
        assert_eq!(weights(&[9_999, 1], 3), [9_999, 1]);
        assert_eq!(weights(&[WHOLE], 0), [100]);
    }

    proptest! {
        #[test]
        fn shares_always_sum_to_the_whole(weights in prop::collection::vec(any::<u32>(), 1..12)) {
            let given: Vec<Option<u32>> = weights.iter().copied().map(Some).collect();
            if let Ok(shares) = shares(&given, Absent::One) {
                prop_assert_eq!(shares.iter().sum::<u32>(), WHOLE);
                prop_assert_eq!(shares.len(), weights.len());
            }
        }

        #[test]
        fn a_move_keeps_the_whole_the_locks_and_the_order(
            weights in prop::collection::vec(0u32..1_000, 2..8),
            locks in prop::collection::vec(any::<bool>(), 8),
            index in 0usize..8,
            to in 0u32..12_000,
        ) {
            let given: Vec<Option<u32>> = weights.iter().copied().map(Some).collect();
            let Ok(before) = shares(&given, Absent::One) else { return Ok(()) };
            let index = index % before.len();
            let after = moved(&before, &locks, index, to);
            prop_assert_eq!(after.iter().sum::<u32>(), WHOLE);
            for at in (0..before.len()).filter(|at| *at != index) {
                if locks[at] {
                    prop_assert_eq!(after[at], before[at]);
                }
                for other in (0..before.len()).filter(|o| *o != index && !locks[*o] && !locks[at]) {
                    // Who had more still has: but for rounding, by one.
                    prop_assert!(before[at] < before[other] || after[at] + 1 >= after[other]);
                }
            }
        }

        #[test]
        fn what_weights_say_reads_back(
            raw in prop::collection::vec(0u32..1_000, 1..8),
            sum in 0u32..2_000,
        ) {
            let given: Vec<Option<u32>> = raw.iter().copied().map(Some).collect();
            let Ok(wanted) = shares(&given, Absent::One) else { return Ok(()) };
            let said: Vec<Option<u32>> = weights(&wanted, sum).into_iter().map(Some).collect();
            prop_assert_eq!(shares(&said, Absent::One), Ok(wanted));
        }
    }
}
