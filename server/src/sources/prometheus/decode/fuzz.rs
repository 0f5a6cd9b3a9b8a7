//! Answers that nobody meant: whole ones, cut, spliced, with bytes turned. A short run with every test; a long
//! one by hand: `PROPTEST_CASES=5000000 cargo test --release -p server fuzz`.

use proptest::prelude::*;

use super::*;
use crate::sources::blows::{blow, struck};
use crate::sources::prometheus::labels::Reader;

/// Answers as sources give them, to start from.
const WHOLE: [&str; 5] = [
    r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"reporter":"source","request_protocol":"http","source_workload":"web","source_workload_namespace":"shop","destination_workload":"cart","response_code":"503","response_flags":"UO,URX"},"value":[1700000000.123,"1.5e2"]}]}}"#,
    r#"{"status":"success","isPartial":false,"data":{"resultType":"vector","result":[{"metric":{"reporter":"waypoint","request_protocol":"grpc","grpc_response_status":"14","le":"+Inf"},"value":[1,"NaN"]},{"metric":{"le":"500.0","reporter":"destination","request_protocol":"grpc"},"value":[1,"7"]}]},"warnings":["w"]}"#,
    r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"reporter":"source","request_protocol":"tcp"},"values":[[1,"2"],[2,"-Inf"]]}]},"infos":["i"]}"#,
    r#"{"status":"error","errorType":"bad_data","error":"no \u00e4 \ud83d\ude00"}"#,
    r#"{"data":{"result":[],"resultType":"vector"},"status":"success","extra":{"deep":[[[{}]]]}}"#,
];

/// Words that mean something there.
const WORDS: &[&str] = &[
    "null",
    "{}",
    "[",
    "]",
    "\"",
    "\\",
    "\\u0000",
    "-0",
    "1e999",
    "+Inf",
    "NaN",
    ",",
    ":",
    "\"metric\":",
    "\"value\":",
    "\"status\":\"success\"",
];

proptest! {
    #[test]
    fn fuzz_whatever_a_source_answers_is_read_or_refused(
        start in any::<usize>(),
        blows in prop::collection::vec(blow(WORDS), 0..8),
        chunk in 1_usize..400,
    ) {
        let bytes = struck(WHOLE[start % WHOLE.len()], &blows);
        let mut reader = Reader::default();
        let mut n = 0;
        let sink = |item: Option<Item>| match item {
            Some(item) => {
                n += 1;
                // What comes out of it is ours: a count is one, an edge of a bucket is a number.
                if let Some(le) = reader.le(&item.metric) {
                    assert!(!le.is_nan());
                }
                if let Some(key) = reader.key(&item.metric) {
                    assert!(key.source.workload.as_ref().is_none_or(|it| it.as_str() != "unknown"));
                }
                for point in item.values.iter().flatten().chain(item.value.as_ref()) {
                    let value = reader.value(Some(point));
                    assert!(value.is_none_or(|it| it.is_finite() && it >= 0.0));
                }
                None
            }
            None => Some(n),
        };
        match read_from(bytes.chunks(chunk), 50, sink) {
            Ok(Outcome::Success { value, .. }) => prop_assert!(value <= 50),
            Ok(Outcome::Failure { .. }) => {}
            Err(error) => prop_assert!(!error.into_error(50).to_string().is_empty()),
        }
    }
}
