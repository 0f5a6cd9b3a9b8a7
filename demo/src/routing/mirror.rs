//! Copies of calls
//! (<https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPMirrorPolicy>).

use serde::Deserialize;

use super::fields::{Percentage, share};
use super::virtual_service::Target;

/// Where copies go.
pub(super) struct MirrorTarget {
    pub(super) share: f64,
    pub(super) target: Target,
}

/// What a rule says of mirrors, as it is written: one in the older fields, or a list.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MirrorSpec {
    mirror: Option<Target>,
    mirror_percentage: Option<Percentage>,
    /// The oldest field; a whole number.
    mirror_percent: Option<f64>,
    #[serde(default)]
    mirrors: Vec<MirrorPolicy>,
}

#[derive(Deserialize)]
struct MirrorPolicy {
    destination: Target,
    percentage: Option<Percentage>,
}

impl MirrorSpec {
    /// Returns the mirrors that get copies, or why they can't be read.
    pub(super) fn checked(self) -> Result<Vec<MirrorTarget>, String> {
        if self.mirror.is_some() && !self.mirrors.is_empty() {
            return Err("it has both `mirror` and `mirrors`".to_owned());
        }
        let percent = |p: Option<Percentage>| p.map(|p| p.value);
        let one = self.mirror.into_iter().map(|target| {
            let percent = percent(self.mirror_percentage).or(self.mirror_percent);
            (target, percent)
        });
        let list = self.mirrors.into_iter();
        let list = list.map(|policy| (policy.destination, percent(policy.percentage)));
        let mut mirrors = Vec::new();
        for (target, percent) in one.chain(list) {
            // Absent means all; 0 means none.
            let share = share(Some(percent.unwrap_or(100.0)))?;
            if 0.0 < share {
                mirrors.push(MirrorTarget { share, target });
            }
        }
        Ok(mirrors)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(written: Value) -> Result<Vec<(String, f64)>, String> {
        let spec = MirrorSpec::deserialize(written).unwrap();
        let mirrors = spec.checked()?.into_iter();
        Ok(mirrors.map(|m| (m.target.host, m.share)).collect())
    }

    #[test]
    fn mirrors_are_read_from_old_and_new_fields() {
        let said = |host: &str, share| Ok(vec![(host.to_owned(), share)]);
        let all = json!({"mirror": {"host": "a"}});
        assert_eq!(read(all), said("a", 1.0));
        let some = json!({"mirror": {"host": "a"}, "mirrorPercentage": {"value": 0.5}});
        assert_eq!(read(some), said("a", 0.005));
        let old = json!({"mirror": {"host": "a"}, "mirrorPercent": 25});
        assert_eq!(read(old), said("a", 0.25));
        let list = json!({"mirrors": [
            {"destination": {"host": "a"}, "percentage": {"value": 0}},
            {"destination": {"host": "b"}},
        ]});
        assert_eq!(read(list), said("b", 1.0));
        assert_eq!(read(json!({})), Ok(vec![]));
        let both = json!({"mirror": {"host": "a"}, "mirrors": [{"destination": {"host": "b"}}]});
        assert!(read(both).is_err());
        let more = json!({"mirror": {"host": "a"}, "mirrorPercentage": {"value": 101}});
        assert!(read(more).is_err());
    }
}
