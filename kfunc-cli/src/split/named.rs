// SPDX-License-Identifier: MIT OR Apache-2.0

//! Kfuncs by their names, as sets and the command line tell of them.

use kfunc_abi::{KfuncFlag, KfuncFlags};

/// A kfunc to be split, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedKfunc {
    /// Its name.
    pub name: String,
    /// Its flags.
    pub flags: KfuncFlags,
    /// The set that names it; none if it was named by hand.
    pub set: Option<String>,
}

impl NamedKfunc {
    /// `NAME` or `NAME:FLAGS`; flags are names, with or without `KF_`, or numbers, with `|` or `,` between.
    ///
    /// # Errors
    ///
    /// No name, or a flag that is not known.
    pub fn parse(text: &str) -> std::result::Result<Self, String> {
        let (name, flags) = text.split_once(':').unwrap_or((text, ""));
        if name.is_empty() {
            return Err("a kfunc has a name".to_owned());
        }
        let mut all = KfuncFlags::empty();
        for flag in flags.split(['|', ',']).map(str::trim) {
            if !flag.is_empty() {
                all |= parse_flag(flag).ok_or_else(|| format!("no flag is called '{flag}'"))?;
            }
        }
        Ok(Self {
            name: name.to_owned(),
            flags: all,
            set: None,
        })
    }
}

fn parse_flag(flag: &str) -> Option<KfuncFlags> {
    let number = match flag.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => flag.parse(),
    };
    if let Ok(bits) = number {
        return Some(KfuncFlags::from_bits_retain(bits));
    }
    let known = KfuncFlag::ALL
        .iter()
        .find(|known| known.name == flag || known.name.strip_prefix("KF_") == Some(flag));
    known.map(|known| known.flag)
}
