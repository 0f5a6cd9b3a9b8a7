//! Cuts an answer into its series and what stands around them, as it comes in: each series is then read from one
//! piece of memory, which is several times as fast as reading a stream, and the whole is never held.

use memchr::memchr2;

use super::Unreadable;

/// What stands around the series is short; warnings are the longest of it.
const MAX_REST: usize = 1024 * 1024;
/// Series are objects in a list in an object in the answer.
const SERIES_DEPTH: usize = 3;

/// An answer of which a part has come in.
#[derive(Default)]
pub struct Cutter {
    /// The first brackets that are open.
    open: [u8; SERIES_DEPTH],
    /// How many are open.
    depth: usize,
    is_string: bool,
    /// The last byte was a backslash in a string.
    is_escaped: bool,
    is_item: bool,
    /// An item has just ended: the comma after it goes with it.
    is_after_item: bool,
    /// The beginning of an item whose end has not come in.
    begun: Vec<u8>,
    rest: Vec<u8>,
}

impl Cutter {
    /// Cuts what has come in further, giving each series that is whole to `each`.
    ///
    /// # Errors
    /// What `each` says, and when too much stands around the series.
    pub fn cut(
        &mut self,
        chunk: &[u8],
        mut each: impl FnMut(&[u8]) -> Result<(), Unreadable>,
    ) -> Result<(), Unreadable> {
        // Where that begins in this chunk which has not been given away: an item, or what is around.
        let mut from = 0;
        let mut at = 0;
        while let Some(&byte) = chunk.get(at) {
            if self.is_string {
                at = self.skip_string(chunk, at);
                continue;
            }
            at += 1;
            match byte {
                b'"' => self.is_string = true,
                b'{' | b'[' => {
                    let begins = byte == b'{' && self.depth == SERIES_DEPTH && self.open == *b"{{[";
                    if begins {
                        self.keep(&chunk[from..at - 1])?;
                        from = at - 1;
                        self.is_item = true;
                    }
                    if let Some(place) = self.open.get_mut(self.depth) {
                        *place = byte;
                    }
                    self.depth += 1;
                }
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.is_item && self.depth == SERIES_DEPTH {
                        let end = &chunk[from..at];
                        if self.begun.is_empty() {
                            each(end)?;
                        } else {
                            self.begun.extend_from_slice(end);
                            each(&self.begun)?;
                            self.begun.clear();
                        }
                        from = at;
                        (self.is_item, self.is_after_item) = (false, true);
                        continue;
                    }
                }
                b',' if self.is_after_item && !self.is_item => {
                    self.keep(&chunk[from..at - 1])?;
                    from = at;
                }
                b' ' | b'\n' | b'\r' | b'\t' => continue,
                _ => {}
            }
            self.is_after_item = false;
        }
        if self.is_item {
            self.begun.extend_from_slice(&chunk[from..]);
            Ok(())
        } else {
            self.keep(&chunk[from..])
        }
    }

    /// Returns what stands around the series, in whose place is nothing.
    ///
    /// # Errors
    /// When the answer broke off.
    pub fn rest(&self) -> Result<&[u8], Unreadable> {
        if self.is_string || self.depth > 0 || self.rest.is_empty() {
            return Err(Unreadable::BrokenOff);
        }
        Ok(&self.rest)
    }

    /// Returns where in `chunk` it goes on after a string, or a part of one, that is open at `at`.
    fn skip_string(&mut self, chunk: &[u8], at: usize) -> usize {
        if self.is_escaped {
            self.is_escaped = false;
            return at + 1;
        }
        let rest = chunk.get(at..).unwrap_or_default();
        let Some(next) = memchr2(b'"', b'\\', rest) else {
            return chunk.len();
        };
        match rest.get(next) {
            Some(b'"') => self.is_string = false,
            _ => self.is_escaped = true,
        }
        at + next + 1
    }

    fn keep(&mut self, around: &[u8]) -> Result<(), Unreadable> {
        self.rest.extend_from_slice(around);
        if self.rest.len() > MAX_REST {
            return Err(Unreadable::because("too much stands around its series"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(chunks: impl Iterator<Item = impl AsRef<[u8]>>) -> (Vec<String>, String) {
        let mut items = Vec::new();
        let mut cutter = Cutter::default();
        for chunk in chunks {
            let each = |item: &[u8]| {
                items.push(String::from_utf8_lossy(item).into_owned());
                Ok(())
            };
            cutter.cut(chunk.as_ref(), each).unwrap();
        }
        let rest = cutter
            .rest()
            .map(String::from_utf8_lossy)
            .unwrap_or_default();
        (items, rest.into_owned())
    }

    #[test]
    fn series_are_cut_out_whatever_stands_in_their_strings() {
        let text = r#"{"a":[{}],"data":{"b":[[{}]],"result":[{"m":{"x":"}]\\\","}} , {"v":[1,"{"]}],"t":1}}"#;
        let (items, rest) = cut(std::iter::once(text));
        assert_eq!(items, [r#"{"m":{"x":"}]\\\","}}"#, r#"{"v":[1,"{"]}"#]);
        assert_eq!(
            rest,
            r#"{"a":[{}],"data":{"b":[[{}]],"result":[  ],"t":1}}"#
        );
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<i32>().prop_map(Into::into),
            "[a\"\\\\{}\\[\\], é]{0,6}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                prop::collection::btree_map("[a-c\"{}]{0,2}", inner, 0..4)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_cut_out_is_what_was_there(
            series in prop::collection::vec(
                prop::collection::btree_map("[a-c\"{}]{0,2}", json(), 0..4),
                0..5,
            ),
            beside in json(),
            chunk in 1_usize..40,
            is_pretty: bool,
        ) {
            let write = |value: &serde_json::Value| if is_pretty {
                serde_json::to_string_pretty(value)
            } else {
                serde_json::to_string(value)
            }.unwrap();
            let series: Vec<serde_json::Value> =
                series.into_iter().map(|map| map.into_iter().collect()).collect();
            let answer = |result: &[serde_json::Value]| serde_json::json!({
                "status": "success", "beside": beside, "data": { "resultType": "x", "result": result },
            });
            let (items, rest) = cut(write(&answer(&series)).as_bytes().chunks(chunk));
            let read: Vec<serde_json::Value> =
                items.iter().map(|item| serde_json::from_str(item).unwrap()).collect();
            // What stands beside could hold lists of objects at the same depth: those are cut out, too.
            let nested = beside.as_object().is_some();
            if !nested {
                prop_assert_eq!(read, series);
                let rest: serde_json::Value = serde_json::from_str(&rest).unwrap();
                prop_assert_eq!(rest, answer(&[]));
            } else {
                prop_assert!(series.iter().all(|one| read.contains(one)));
            }
        }
    }
}
