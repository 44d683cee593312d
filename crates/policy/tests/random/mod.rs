//! The same dice for all tests.
#![allow(dead_code, unreachable_pub, missing_docs)]

/// xorshift64*: the same for the same seed, everywhere.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        let mut x = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.0 = x;
        x.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub fn pick<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize].clone()
    }

    /// A text that may be a template: a few words and values in any order.
    pub fn template(&mut self) -> String {
        let words = ["a", "b:", ":", "-", "%", "/", "ab:", "{claims.a}", "{claims.b}", "{args.0}"];
        let begin = self.pick(&["r:", "a:", "ab:", "a:b", ""]);
        (0..self.below(5)).fold(begin.to_owned(), |text, _| text + self.pick(&words))
    }

    /// A value as JSON.
    pub fn value(&mut self) -> String {
        let words = ["a", "b", "ab", ":", "/", "%", "%3A", " ", "ü", "7", "-", "."];
        if self.below(8) == 0 {
            return self.below(12).to_string();
        }
        let text = (0..1 + self.below(3)).fold(String::new(), |text, _| text + self.pick(&words));
        format!("\"{text}\"")
    }
}
