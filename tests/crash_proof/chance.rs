//! Chance that can be repeated: each decision follows from the seed and from what it is about.

/// Numbers that look random.
pub struct Chance(u64);

impl Chance {
    /// The same seed about the same things gives the same numbers.
    pub fn about(seed: u64, things: &[&str]) -> Self {
        let mut state = seed ^ 0xcbf2_9ce4_8422_2325;
        for thing in things {
            // FNV-1a, with the end of each thing counted as a byte of its own.
            for byte in thing.bytes().chain([0xff]) {
                state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        }
        Self(state)
    }

    /// A number from 0 up to, but without, `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end.max(1)
    }
}

/// The seed of this run: `HERALD_SEED`, or another one each time. It is printed, so that a failure can be repeated.
pub fn seed() -> u64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "how a test is asked for more than its usual size"
    )]
    let given = std::env::var("HERALD_SEED").ok();
    let seed = match given {
        Some(text) => text.parse().expect("HERALD_SEED is a number"),
        None => uuid::Uuid::new_v4().as_u64_pair().0 >> 16,
    };
    println!("HERALD_SEED={seed}");
    seed
}

/// A size given by the environment, or the usual one.
pub fn size(variable: &str, usual: usize) -> usize {
    #[expect(
        clippy::disallowed_methods,
        reason = "how a test is asked for more than its usual size"
    )]
    let given = std::env::var(variable).ok();
    given.map_or(usual, |text| {
        text.parse().unwrap_or_else(|_| panic!("{variable} is a number"))
    })
}

#[test]
fn the_same_seed_decides_the_same_and_another_one_otherwise() {
    let first = |seed, things: &[&str]| Chance::about(seed, things).below(1 << 40);
    assert_eq!(first(7, &["a", "b"]), first(7, &["a", "b"]));
    assert_ne!(first(7, &["a", "b"]), first(8, &["a", "b"]));
    assert_ne!(first(7, &["a", "b"]), first(7, &["ab"]));
    let mut chance = Chance::about(1, &[]);
    let heads = (0..10_000).filter(|_| chance.below(2) == 0).count();
    assert!((4_500..5_500).contains(&heads), "{heads}");
}
