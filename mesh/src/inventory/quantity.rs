//! Quantities as Kubernetes writes them: `100m`, `1.5Gi`, `2e3`.
//!
//! Rules: <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>.

/// Returns cores: `500m` is half of one. `None` for what is no quantity, or less than nothing.
pub fn cores(text: &str) -> Option<f64> {
    quantity(text)
}

/// Returns bytes, a part of one rounded up. `None` for what is no quantity, less than nothing, or more than
/// fits.
pub fn bytes(text: &str) -> Option<u64> {
    let bytes = quantity(text)?.ceil();
    // As floats: the largest that is surely less than 2^64.
    (bytes < 1.8e19).then_some(bytes as u64)
}

fn quantity(text: &str) -> Option<f64> {
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '+' | '-')))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at_checked(end)?;
    let unsigned = number.strip_prefix('+').unwrap_or(number);
    // Rust reads more than Kubernetes writes: a second sign would pass, a lone point would not.
    let is_plain = unsigned.bytes().all(|b| b.is_ascii_digit() || b == b'.')
        && unsigned.bytes().any(|b| b.is_ascii_digit());
    let number: f64 = unsigned.parse().ok().filter(|_| is_plain)?;
    let value = number * scale(suffix)?;
    value.is_finite().then_some(value)
}

fn scale(suffix: &str) -> Option<f64> {
    const KI: f64 = 1024.0;
    Some(match suffix {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => KI,
        "Mi" => KI.powi(2),
        "Gi" => KI.powi(3),
        "Ti" => KI.powi(4),
        "Pi" => KI.powi(5),
        "Ei" => KI.powi(6),
        exponent => {
            let digits = exponent.strip_prefix(['e', 'E'])?;
            let exponent: i32 = digits.parse().ok()?;
            // Beyond these nothing is a quantity of anything; far beyond, zero would come out.
            (-30..=30)
                .contains(&exponent)
                .then(|| 10f64.powi(exponent))?
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_read_as_kubernetes_reads_them() {
        for (text, wanted) in [
            ("1", 1.0),
            ("100m", 0.1),
            ("0.5", 0.5),
            (".5", 0.5),
            ("2.", 2.0),
            ("+3", 3.0),
            ("250000u", 0.25),
            ("100n", 1e-7),
            ("2k", 2000.0),
            ("1e-1", 0.1),
        ] {
            let read = cores(text).unwrap();
            assert!((read - wanted).abs() < 1e-12, "{text}: {read}");
        }
        for (text, wanted) in [
            ("128974848", 128_974_848),
            ("129e6", 129_000_000),
            ("129M", 129_000_000),
            ("128974848000m", 128_974_848),
            ("123Mi", 123 * 1024 * 1024),
            ("1.5Gi", 3 * 512 * 1024 * 1024),
            ("1E", 1_000_000_000_000_000_000),
            ("1E3", 1000),
            ("1Ei", 1 << 60),
            // There is no part of a byte.
            ("100m", 1),
            ("0", 0),
        ] {
            assert_eq!(bytes(text), Some(wanted), "{text}");
        }
    }

    #[test]
    fn what_is_no_quantity_is_none() {
        for text in [
            "", "m", ".", "-1", "+-1", "1.2.3", "1 Gi", "1gi", "1KI", "K1", "1K", "NaN", "inf",
            "1e", "1e99", "1e+", "é", "1µ", "0x10", "1_000",
        ] {
            assert_eq!(cores(text), None, "{text}");
        }
        assert_eq!(bytes("100Ei"), None);
    }
}
