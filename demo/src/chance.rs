//! Chance that anyone can repeat: numbers drawn from a key, never from a state shared by two steps.

/// Returns a well-mixed number of `key` (the finaliser of splitmix64).
pub(crate) fn mix(key: u64) -> u64 {
    let mut z = key.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Returns a number for a text (FNV-1a), the same on every machine.
pub(crate) fn hash_text(text: &str) -> u64 {
    let hash = text.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    mix(hash)
}

/// Dice for one stream of one step: the same key throws the same numbers.
pub(crate) struct Dice(u64);

impl Dice {
    /// Returns the dice of `stream` in `step`.
    pub(crate) fn new(seed: u64, step: i64, stream: u64) -> Dice {
        Dice(mix(mix(seed ^ mix(step as u64)) ^ stream))
    }

    fn next(&mut self) -> u64 {
        let drawn = mix(self.0);
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        drawn
    }

    /// Returns a number in 0..1, never 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Returns whether something of this chance happened.
    pub(crate) fn happens(&mut self, share: f64) -> bool {
        // No throw for what can't happen keeps the common case fast.
        0.0 < share && self.unit() < share
    }

    /// Returns an index below `n`; 0 when there is none.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        // The bias of a 53-bit fraction over a few thousand is far below what sampling can show.
        ((self.unit() * n as f64) as usize).min(n.saturating_sub(1))
    }

    /// Returns how many independent events happened where `mean` are expected (Poisson).
    pub(crate) fn poisson(&mut self, mean: f64) -> u32 {
        // Knuth's method takes a throw an event; the rates of a step are small. A mean beyond what
        // its product can hold is taken in parts.
        let mut left = mean.clamp(0.0, 10_000.0);
        let mut n = 0;
        while 0.0 < left {
            let part = left.min(30.0);
            left -= part;
            let floor = (-part).exp();
            let mut product = self.unit();
            while floor < product {
                n += 1;
                product *= self.unit();
            }
        }
        n
    }

    /// Returns a whole number whose mean is `mean`: the whole part, and one more by chance.
    pub(crate) fn about(&mut self, mean: f64) -> u32 {
        let whole = mean.max(0.0).floor();
        whole as u32 + u32::from(self.happens(mean - whole))
    }

    /// Returns a lognormal number around `median`; `spread` is the deviation of its logarithm.
    pub(crate) fn lognormal(&mut self, median: f64, spread: f64) -> f64 {
        // Box and Muller; one minus the draw keeps the logarithm finite.
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        let normal = radius * (std::f64::consts::TAU * self.unit()).cos();
        median * (spread * normal).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dice_are_fair_and_repeatable() {
        let n = 100_000;
        let mut dice = Dice::new(7, 1, 2);
        let poisson: u32 = (0..n).map(|_| dice.poisson(3.5)).sum();
        let many: u32 = (0..1000).map(|_| dice.poisson(100.0)).sum();
        let about: u32 = (0..n).map(|_| dice.about(1.25)).sum();
        let slow = (0..n).filter(|_| dice.lognormal(10.0, 0.5) > 10.0).count();
        let mean = |sum: u32| f64::from(sum) / f64::from(n);
        assert!((mean(poisson) - 3.5).abs() < 0.03, "{}", mean(poisson));
        assert!((f64::from(many) / 1000.0 - 100.0).abs() < 1.5, "{many}");
        assert!((mean(about) - 1.25).abs() < 0.01, "{}", mean(about));
        assert!((slow as f64 / f64::from(n) - 0.5).abs() < 0.01, "{slow}");
        let throws = |stream| {
            let mut dice = Dice::new(7, 1, stream);
            [dice.next(), dice.next(), dice.next()]
        };
        assert_eq!(throws(2), throws(2));
        assert_ne!(throws(2), throws(3));
    }
}
