//! What is done to an answer until nobody meant it: for the tests of those who read answers.

use proptest::prelude::*;

/// One thing that is done to an answer.
#[derive(Clone, Debug)]
pub enum Blow {
    /// What is behind a place is gone.
    Cut(usize),
    /// A byte is another one.
    Turn(usize, u8),
    /// There is more at a place.
    Splice(usize, Vec<u8>),
    /// A part is there twice.
    Repeat(usize, usize),
    /// A value is of another kind; the whole stays JSON.
    Swap(usize, usize),
}

/// Returns blows, some of which put these words into an answer.
pub fn blow(words: &'static [&'static str]) -> impl Strategy<Value = Blow> {
    let words = prop::sample::select(words);
    let bytes = prop_oneof![
        words.prop_map(|it| it.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 1..6)
    ];
    prop_oneof![
        any::<usize>().prop_map(Blow::Cut),
        (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Blow::Turn(at, byte)),
        (any::<usize>(), bytes).prop_map(|(at, bytes)| Blow::Splice(at, bytes)),
        (any::<usize>(), 1_usize..80).prop_map(|(at, n)| Blow::Repeat(at, n)),
        (any::<usize>(), any::<usize>()).prop_map(|(value, with)| Blow::Swap(value, with)),
    ]
}

/// Returns an answer after some blows.
pub fn struck(text: &str, blows: &[Blow]) -> Vec<u8> {
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
            Blow::Repeat(at, n) => {
                let at = at % (bytes.len() + 1);
                let part: Vec<u8> = bytes.iter().skip(at).take(*n).copied().collect();
                bytes.splice(at..at, part);
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
pub fn swap(bytes: &[u8], value: usize, with: usize) -> Option<Vec<u8>> {
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
