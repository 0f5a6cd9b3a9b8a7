//! Answers that nobody meant: whole ones, cut, spliced, with bytes turned. A short run with every test; a long one by
//! hand: `PROPTEST_CASES=1000000 cargo test --release -p server fuzz`.

use proptest::prelude::*;

use crate::sources::blows::{blow, struck, swap};

use super::{LEGACY_NEW, LEGACY_OLD, V3_NEW, V3_OLD, read_search, search};

const WHOLE: [(&str, bool); 4] = [
    (LEGACY_OLD, false),
    (LEGACY_NEW, false),
    (V3_OLD, true),
    (V3_NEW, true),
];

/// Words that mean something there.
const WORDS: &[&str] = &[
    "null",
    "{}",
    "[]",
    "\"\"",
    "\"",
    "\\u0000",
    "-0",
    "1e999",
    "-9223372036854775808",
    "18446744073709551615",
    "\"0\"",
    "true",
    ",",
    ":",
    "\"spanID\":\"1\",",
    "\"spans\":[",
    "\"tags\":null,",
    "\"kind\":-1,",
    "\"startTimeUnixNano\":\"-9223372036854775808\",",
];

proptest! {
    #[test]
    fn fuzz_whatever_is_answered_is_read_or_refused(
        start in 0_usize..4,
        is_other in any::<bool>(),
        blows in prop::collection::vec(blow(WORDS), 0..6),
    ) {
        let (text, is_v3) = WHOLE[start];
        let bytes = struck(text, &blows);
        match read_search(bytes, is_v3 != is_other, &search()) {
            Ok(found) => {
                for span in found.traces.iter().flat_map(|it| &it.spans) {
                    // What comes out of it is ours: an id is hexadecimal, no duration is negative.
                    prop_assert!(span.id.bytes().all(|it| it.is_ascii_hexdigit()) && !span.id.is_empty());
                    prop_assert!(span.duration_us >= 0 && span.start_us >= 0);
                    prop_assert!(span.start_us.checked_add(span.duration_us).is_some());
                    prop_assert!(span.tags.iter().all(|it| !it.key.is_empty()));
                }
                for trace in &found.traces {
                    mesh::trace::details(trace, &mesh::trace::Known::default());
                }
            }
            Err(error) => prop_assert!(!error.message().is_empty() && !error.mend().is_empty()),
        }
    }

    #[test]
    fn fuzz_one_value_of_another_kind_is_never_a_reason_to_refuse_all(
        start in 0_usize..4,
        value in any::<usize>(),
        with in any::<usize>(),
    ) {
        let (text, is_v3) = WHOLE[start];
        let bytes = swap(text.as_bytes(), value, with).unwrap();
        let is_whole = bytes.starts_with(b"{");
        let read = read_search(bytes, is_v3, &search());
        prop_assert!(read.is_ok() || !is_whole, "{read:?}");
    }
}
