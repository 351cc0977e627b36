// SPDX-License-Identifier: MIT OR Apache-2.0

//! `kfunc doctor`: is the BTF of a kernel, or of a module, what BPF programs expect of its kfuncs?
//!
//! ```text
//!   KfuncFile ──► Patient: kfuncs, their sets and flags, their tags
//!                    │
//!                    ├── prototypes: unsplit, foreign-impl, impl-without-public
//!                    ├── sets: missing-function, inconsistent-flags
//!                    ├── tags: untagged
//!                    └── order: unsorted
//!                    ▼
//!                 Diagnosis: findings, and what could not be looked at
//! ```

mod order;
mod patient;
mod print;
mod prototypes;
mod rule;
mod sets;
mod tags;
mod who;

use serde_json::{json, Value};

use crate::dump::with_types;
use crate::list::{KfuncFile, Place, Running};
use crate::{Error, Result};
use patient::Patient;

pub use rule::Rule;
pub use who::Who;

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule that is broken.
    pub rule: Rule,
    /// What it is broken by: a kfunc; a set, if the name of its function is not known; a type.
    pub name: String,
    /// `vmlinux`, or the module that has it.
    pub module: String,
    /// The sets that hold it.
    pub sets: Vec<String>,
    /// What is wrong with it.
    pub what: String,
    /// Whose programs are hit.
    pub who: Who,
}

impl Finding {
    fn to_json(&self) -> Value {
        json!({
            "rule": self.rule.name(),
            "name": self.name,
            "module": self.module,
            "sets": self.sets,
            "what": self.what,
            "hits": self.rule.hits(&self.who),
            "mend": self.rule.mend(),
        })
    }
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnosis {
    /// What is wrong, by module, rule and name.
    pub findings: Vec<Finding>,
    /// How many kfuncs were looked at.
    pub kfuncs: usize,
    /// How many sets hold them.
    pub sets: usize,
    /// What could not be looked at, and what is only suspected.
    pub notes: Vec<String>,
    /// The modules of which nothing tells the sets.
    without_sets: Vec<String>,
}

impl Diagnosis {
    /// Looks at `file`. The BTF of a module stands on `base`.
    ///
    /// # Errors
    ///
    /// Damaged BTF or sets, or a module without its base.
    pub fn of_file(file: &KfuncFile, base: Option<&KfuncFile>) -> Result<Self> {
        let mut diagnosis = Self::default();
        let native = match base {
            Some(base) => with_types(&base.btf, None, |btf| Ok(Patient::new(btf, base)?.native))?,
            None => false,
        };
        diagnosis.examine(file, base, native)?;
        diagnosis.note_what_is_unknown();
        Ok(diagnosis)
    }

    /// Looks at the running kernel, and at its modules.
    ///
    /// # Errors
    ///
    /// Damaged BTF or sets.
    pub fn of_running(running: &Running) -> Result<Self> {
        let mut diagnosis = Self {
            notes: running.notes.clone(),
            ..Self::default()
        };
        let native = diagnosis.examine(&running.vmlinux, None, false)?;
        for module in &running.modules {
            let examined = diagnosis.examine(module, Some(&running.vmlinux), native);
            examined.map_err(|error| Error::Module {
                module: module.name.clone(),
                error: Box::new(error),
            })?;
        }
        diagnosis.note_what_is_unknown();
        Ok(diagnosis)
    }

    /// Adds what is found in `file`. Gives whether its kernel fills in implicit arguments, which the kernel of a module
    /// may tell.
    fn examine(
        &mut self,
        file: &KfuncFile,
        base: Option<&KfuncFile>,
        native: bool,
    ) -> Result<bool> {
        with_types(&file.btf, base.map(|base| &base.btf), |btf| {
            let mut patient = Patient::new(btf, file)?;
            patient.native |= native;
            let mut findings = prototypes::findings(&patient)?;
            findings.extend(sets::findings(&patient));
            findings.extend(tags::findings(&patient));
            if base.is_none() {
                findings.extend(order::finding(&patient));
            }
            findings.sort_by(|one, other| (one.rule, &one.name).cmp(&(other.rule, &other.name)));
            self.findings.append(&mut findings);
            self.kfuncs += patient.kfuncs.len();
            self.sets += file.sets.as_ref().map_or(0, Vec::len);
            self.notes.extend(prototypes::suspicion(&patient));
            self.notes.append(&mut patient.notes);
            if !patient.knows_sets() {
                self.without_sets.push(file.name.clone());
            }
            Ok(patient.native)
        })
    }

    /// Whether all that there are rules for could be looked at.
    pub fn is_complete(&self) -> bool {
        self.without_sets.is_empty()
    }

    fn note_what_is_unknown(&mut self) {
        if self.is_complete() {
            return;
        }
        self.notes.push(format!(
            "not looked at, because the sets of kfuncs are not told: flags, functions that are missing, kfuncs without \
             tag, in {}",
            self.without_sets.join(", ")
        ));
    }

    /// What is wrong, what is not known, and the summary. On a terminal it is as wide as that, and coloured.
    pub fn for_people(&self, terminal: bool) -> String {
        print::for_people(self, terminal)
    }

    /// What was found, as one JSON object.
    pub fn to_json(&self) -> Value {
        json!({
            "findings": self.findings.iter().map(Finding::to_json).collect::<Vec<_>>(),
            "kfuncs": self.kfuncs,
            "sets": self.sets,
            "notes": self.notes,
        })
    }
}

/// Looks at the kfuncs at `place`.
///
/// # Errors
///
/// A file that cannot be read, or that is so damaged that nothing can be said of it.
pub fn doctor(place: &Place) -> Result<Diagnosis> {
    match place {
        Place::File(file, base) => {
            let base = base.as_deref().map(KfuncFile::read).transpose()?;
            Diagnosis::of_file(&KfuncFile::read(file)?, base.as_ref())
        }
        Place::Running(root) => Diagnosis::of_running(&Running::read(root)?),
    }
}
