// SPDX-License-Identifier: MIT OR Apache-2.0

//! Gaps between members, filled with nameless bitfields.

/// A gap.
pub(super) struct Gap {
    /// Bits where it begins and ends.
    pub(super) start: u64,
    pub(super) end: u64,
    /// The alignment in bytes of what comes next.
    pub(super) align: u32,
    /// Whether it lies between two bitfields.
    pub(super) in_bitfield: bool,
}

/// A gap of more lines becomes an array.
const MAX_LINES: u64 = 512;

/// What fills a gap.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Filling {
    /// `long: 64;`, so many times.
    Bits {
        name: &'static str,
        bits: u64,
        times: u64,
    },
    /// `char __gap_1[12345];`
    Bytes(u64),
}

impl Gap {
    /// What fills the gap, the largest units first; nothing where the compiler leaves the gap by itself.
    pub(super) fn fill(&self, pointer_size: u32) -> Vec<Filling> {
        if self.start >= self.end {
            return Vec::new();
        }
        let char = ("char", 8);
        let units = [
            ("long", u64::from(pointer_size) * 8),
            ("int", 32),
            ("short", 16),
            char,
        ];
        // The largest unit that begins inside of the gap.
        let (unit, start) = units
            .map(|unit| (unit, self.start.next_multiple_of(unit.1)))
            .into_iter()
            .find(|(_, start)| *start <= self.end)
            .unwrap_or((char, self.start));
        let mut filling = Vec::new();
        if start > self.start && self.needs_mark(start) {
            let bits = match self.in_bitfield {
                true => start - self.start,
                false => 0,
            };
            filling.push(bits_of(unit.0, bits, 1));
        }
        let (name, width) = unit;
        let (times, rest) = ((self.end - start) / width, (self.end - start) % width);
        if times > MAX_LINES {
            filling.push(Filling::Bytes(times * width / 8));
        } else if times > 0 {
            filling.push(bits_of(name, width, times));
        }
        if rest > 0 {
            let (name, _) = units
                .into_iter()
                .rev()
                .find(|unit| unit.1 >= rest)
                .unwrap_or(unit);
            filling.push(bits_of(name, rest, 1));
        }
        filling
    }

    /// Whether the compiler has to be told to go on at `start`.
    fn needs_mark(&self, start: u64) -> bool {
        let natural = u64::from(self.align.max(1)) * 8;
        if self.in_bitfield {
            true
        } else if start == self.end {
            self.start.next_multiple_of(natural) != start
        } else {
            // Else the next unit would fit in before.
            self.end - start <= start - self.start
        }
    }
}

fn bits_of(name: &'static str, bits: u64, times: u64) -> Filling {
    Filling::Bits { name, bits, times }
}
