//! When a caller's proxy leaves out pods that fail
//! (<https://istio.io/latest/docs/reference/config/networking/destination-rule/#OutlierDetection>).

use serde::Deserialize;

use super::fields::duration_ms;

/// When a pod that fails is ejected, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutlierDetection {
    /// How many 5xx in a row are too many; `None` when they do not matter.
    pub(crate) consecutive_5xx: Option<u32>,
    /// The same for 502, 503 and 504.
    pub(crate) consecutive_gateway: Option<u32>,
    /// The same for calls that got no answer, where they are counted apart from answers.
    pub(crate) consecutive_local: Option<u32>,
    /// How often it is seen whose time is over.
    pub(crate) interval_ms: i64,
    /// How long a first ejection lasts.
    pub(crate) base_ejection_ms: i64,
    /// How many of the pods may be ejected at a time.
    pub(crate) max_ejection_percent: u32,
    /// With fewer healthy pods than this, nobody is left out.
    pub(crate) min_health_percent: u32,
}

/// Outlier detection as it is written.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OutlierSpec {
    #[serde(rename = "consecutive5xxErrors")]
    consecutive_5xx_errors: Option<u32>,
    consecutive_gateway_errors: Option<u32>,
    #[serde(default)]
    split_external_local_origin_errors: bool,
    consecutive_local_origin_failures: Option<u32>,
    interval: Option<String>,
    base_ejection_time: Option<String>,
    #[serde(default)]
    max_ejection_percent: i32,
    #[serde(default)]
    min_health_percent: i32,
}

impl OutlierSpec {
    /// Returns the outlier detection, or why it can't be read.
    pub(super) fn checked(self) -> Result<OutlierDetection, String> {
        let ms = |text: Option<String>, absent: i64| match text {
            Some(text) => duration_ms(&text).map(|ms| ms as i64),
            None => Ok(absent),
        };
        let percent = |field: &str, n: i32, absent: u32| match u32::try_from(n) {
            Ok(0) => Ok(absent),
            Ok(n) if n <= 100 => Ok(n),
            _ => Err(format!("`{field}` is not a percentage")),
        };
        let unless_0 = |n: u32| (n != 0).then_some(n);
        if self.consecutive_local_origin_failures.is_some()
            && !self.split_external_local_origin_errors
        {
            return Err("local origin failures are not split from other errors".to_owned());
        }
        Ok(OutlierDetection {
            consecutive_5xx: unless_0(self.consecutive_5xx_errors.unwrap_or(5)),
            consecutive_gateway: self.consecutive_gateway_errors.and_then(unless_0),
            consecutive_local: self
                .split_external_local_origin_errors
                .then_some(self.consecutive_local_origin_failures)
                .map(|n| n.and_then(unless_0).unwrap_or(5)),
            interval_ms: ms(self.interval, 10_000)?,
            base_ejection_ms: ms(self.base_ejection_time, 30_000)?,
            max_ejection_percent: percent("maxEjectionPercent", self.max_ejection_percent, 10)?,
            min_health_percent: percent("minHealthPercent", self.min_health_percent, 0)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn read(written: Value) -> Result<OutlierDetection, String> {
        OutlierSpec::deserialize(written).unwrap().checked()
    }

    #[test]
    fn what_is_absent_is_at_istios_default() {
        let default = OutlierDetection {
            consecutive_5xx: Some(5),
            consecutive_gateway: None,
            consecutive_local: None,
            interval_ms: 10_000,
            base_ejection_ms: 30_000,
            max_ejection_percent: 10,
            min_health_percent: 0,
        };
        assert_eq!(read(json!({})), Ok(default));
        let all = json!({
            "consecutive5xxErrors": 0, "consecutiveGatewayErrors": 3, "interval": "30s",
            "splitExternalLocalOriginErrors": true, "baseEjectionTime": "1m",
            "maxEjectionPercent": 50, "minHealthPercent": 20,
        });
        let expected = OutlierDetection {
            consecutive_5xx: None,
            consecutive_gateway: Some(3),
            consecutive_local: Some(5),
            interval_ms: 30_000,
            base_ejection_ms: 60_000,
            max_ejection_percent: 50,
            min_health_percent: 20,
        };
        assert_eq!(read(all), Ok(expected));
        for bad in [
            json!({"maxEjectionPercent": 101}),
            json!({"minHealthPercent": -1}),
            json!({"interval": "0s"}),
            json!({"consecutiveLocalOriginFailures": 3}),
        ] {
            assert!(read(bad.clone()).is_err(), "{bad}");
        }
    }
}
