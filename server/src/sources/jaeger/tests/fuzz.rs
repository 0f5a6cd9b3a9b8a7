//! Answers that nobody meant: whole ones, cut, spliced, with bytes turned. A short run with every test; a long one by
//! hand: `PROPTEST_CASES=1000000 cargo test --release -p server fuzz`.

use proptest::prelude::*;

use super::{LEGACY_NEW, LEGACY_OLD, V3_NEW, V3_OLD, read_search, search};

const WHOLE: [(&str, bool); 4] = [
    (LEGACY_OLD, false),
    (LEGACY_NEW, false),
    (V3_OLD, true),
    (V3_NEW, true),
];

/// What is done to an answer.
#[derive(Clone, Debug)]
enum Blow {
    Cut(usize),
    Turn(usize, u8),
    Splice(usize, Vec<u8>),
    Swap(usize, usize),
}

fn blow() -> impl Strategy<Value = Blow> {
    let words = prop::sample::select(vec![
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
    ]);
    let bytes = prop_oneof![
        words.prop_map(|it| it.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 1..6)
    ];
    prop_oneof![
        any::<usize>().prop_map(Blow::Cut),
        (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Blow::Turn(at, byte)),
        (any::<usize>(), bytes).prop_map(|(at, bytes)| Blow::Splice(at, bytes)),
        (any::<usize>(), any::<usize>()).prop_map(|(value, with)| Blow::Swap(value, with)),
    ]
}

fn struck(text: &str, blows: &[Blow]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for blow in blows {
        let len = bytes.len().max(1);
        match blow {
            Blow::Cut(at) => bytes.truncate(at % len),
            Blow::Turn(at, byte) => {
                if let Some(it) = bytes.get_mut(at % len) {
                    *it = *byte;
                }
            }
            Blow::Splice(at, more) => {
                let at = at % (bytes.len() + 1);
                bytes.splice(at..at, more.iter().copied());
            }
            Blow::Swap(value, with) => {
                let swapped = swap(&bytes, *value, *with);
                bytes = swapped.unwrap_or(bytes);
            }
        }
    }
    bytes
}

/// Puts something of another kind in the place of one value, so that the whole stays JSON.
fn swap(bytes: &[u8], value: usize, with: usize) -> Option<Vec<u8>> {
    let mut whole: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    let mut n = 0;
    count(&mut whole, &mut n, usize::MAX, with);
    let wanted = value % n.max(1);
    n = 0;
    count(&mut whole, &mut n, wanted, with);
    serde_json::to_vec(&whole).ok()
}

fn count(value: &mut serde_json::Value, n: &mut usize, wanted: usize, with: usize) {
    let others = [
        serde_json::json!(null),
        serde_json::json!(-1),
        serde_json::json!(1e300),
        serde_json::json!(u64::MAX),
        serde_json::json!("text"),
        serde_json::json!(true),
        serde_json::json!([]),
        serde_json::json!([[{}]]),
        serde_json::json!({"key": {"a": 1}}),
    ];
    if *n == wanted {
        *value = others[with % others.len()].clone();
    }
    *n += 1;
    match value {
        serde_json::Value::Array(all) => all.iter_mut().for_each(|it| count(it, n, wanted, with)),
        serde_json::Value::Object(all) => {
            all.iter_mut()
                .for_each(|(_, it)| count(it, n, wanted, with));
        }
        _ => {}
    }
}

proptest! {
    #[test]
    fn fuzz_whatever_is_answered_is_read_or_refused(
        start in 0_usize..4,
        is_other in any::<bool>(),
        blows in prop::collection::vec(blow(), 0..6),
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
