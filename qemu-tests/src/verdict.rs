// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a guest has said, judged. `guest/init.c` describes its lines.

use anyhow::{bail, ensure, Context, Result};

use crate::debug_kernel::reports::is_report;

/// One kfunc called by a BPF program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// `native` or `bound`.
    pub way: String,
    /// The call as the BPF program wrote it.
    pub call: String,
    /// What the implicit arguments were.
    pub implicit: String,
    /// `ok`, or what was wrong.
    pub verdict: String,
}

/// Kfuncs called by a BPF program of the shapes' guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// `bound`, `native`, `C`, or `unbound`, which does not count as called.
    pub way: String,
    /// Their names.
    pub kfuncs: Vec<String>,
    /// `ok`, or what was wrong.
    pub verdict: String,
}

/// What was said of a program that calls a kfunc of the kernel's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    /// Which kfunc it calls, and how.
    pub way: String,
    /// 0 if it was loaded.
    pub errno: i32,
    /// The words of libbpf, or of the verifier.
    pub text: String,
}

/// What the JIT made of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JitedProgram {
    /// Its name.
    pub name: String,
    /// How many calls it has.
    pub calls: usize,
    /// Address and code of each of its functions.
    pub functions: Vec<(u64, Vec<u8>)>,
}

/// How many instructions something took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// What ran: a program, or the loading of one.
    pub what: String,
    /// How many calls it makes in each step.
    pub calls: u64,
    /// How often.
    pub steps: u64,
    /// The fewest instructions of several runs.
    pub insns: u64,
}

/// What a program of some type was given by `bpf_self_id`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// How the module and the JIT were set up.
    pub way: String,
    /// The program.
    pub program: String,
    /// `own id`, or what came instead.
    pub outcome: String,
}

/// All that a guest has said.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The calls.
    pub calls: Vec<Call>,
    /// The calls of kfuncs of every shape.
    pub shapes: Vec<Shape>,
    /// Cells of the compatibility table, as the guest told them.
    pub cells: Vec<String>,
    /// The programs that call kfuncs of the kernel's own.
    pub loads: Vec<Load>,
    /// What programs of all types were given.
    pub rows: Vec<Row>,
    /// Numbers of the life cycle's, for people.
    pub figures: Vec<String>,
    /// What the JIT made of programs.
    pub jited: Vec<JitedProgram>,
    /// Functions of modules and programs, by address.
    pub symbols: Vec<(u64, String)>,
    /// How many instructions something took.
    pub counts: Vec<Count>,
    /// Number of checks that held.
    pub held: usize,
    /// What did not hold, in words.
    pub failures: Vec<String>,
    /// The module's BTF, as the kernel shows it.
    pub module_btf: Vec<u8>,
    /// The log of a watched kernel, from its boot until the tests.
    pub boot_log: Vec<String>,
    /// What its kmemleak has found.
    pub leaks: Vec<String>,
}

impl Report {
    /// Compares the module's BTF with the one `expected`.
    pub fn compare_module_btf(&mut self, expected: &[u8]) {
        if self.module_btf == expected {
            self.held += 1;
            return;
        }
        let same = self.module_btf.iter().zip(expected);
        let offset = same.take_while(|(one, other)| one == other).count();
        self.failures.push(format!(
            "the module's BTF: {} bytes, relocated {}, which differ from offset {offset} on",
            self.module_btf.len(),
            expected.len(),
        ));
    }
}

/// What a clean kernel log does not contain, beside reports.
const COMPLAINTS: &[&str] = &[
    "Call Trace",
    "cut here",
    "Skipping",
    "lockdep",
    "BPF:",
    "BTF",
    "stall",
    "refcount",
    "Unable to handle",
    "general protection",
];
/// How a line of the example module begins. Its refusals are asked for, and may speak of BTF.
pub(crate) const OWN_LINE: &str = "kfunc_example: ";

/// What the module must have said, because the guest gave it cause.
fn expected_refusals(native: bool) -> Vec<&'static str> {
    let mut expected = vec![
        "program 'self_id' refused: bpf_self_id: all 16 slots are taken",
        "program 'limits_over' refused: bpf_ratelimit: it calls from more places than there is state for",
        "program 'loader_uid' refused: bpf_loader_uid: it was loaded by nobody",
        "not loaded: it has no BTF of its own: run 'kfunc embed'",
        "not loaded: the kernel has no BTF of kfunc_example",
        "not loaded: struct bpf_prog, member aux: built for",
        "`both' invalid for parameter `way'",
        "`0' invalid for parameter `slots'",
        "not loaded: slots=17: bpf_self_id has 16",
        "program 'self_id' refused: bpf_self_id: all 2 slots are taken",
    ];
    if !native {
        expected.push(
            "not loaded: native kfunc_example: this kernel does not fill in implicit arguments",
        );
    }
    expected
}

/// Judges the `console` of a guest whose kernel has `native` implicit arguments.
///
/// # Errors
///
/// The guest did not get to its end, or lines of it are missing.
pub fn judge(console: &[String], native: bool) -> Result<Report> {
    let (mut report, log) = read(console)?;
    let wrong = report.calls.iter().filter(|call| call.verdict != "ok");
    let wrong: Vec<_> = wrong
        .map(|call| format!("{}: {}: {}", call.call, call.verdict, call.implicit))
        .collect();
    report.failures.extend(wrong);
    report.failures.extend(judge_calls(&report.calls, native));
    report.failures.extend(judge_log(&log, native));
    Ok(report)
}

/// Judges the `console` of a guest that has called kfuncs of every shape: those of these public signatures.
///
/// # Errors
///
/// As [`judge`].
pub fn judge_shapes(console: &[String], public: &[String]) -> Result<Report> {
    let (mut report, log) = read(console)?;
    let (called, wrong): (Vec<_>, Vec<_>) = report
        .shapes
        .iter()
        .partition(|shape| shape.verdict == "ok");
    let wrong = wrong
        .iter()
        .map(|shape| format!("{}: {}", shape.kfuncs.join(", "), shape.verdict));
    let mut failures: Vec<_> = wrong.collect();
    for signature in public {
        let name = function_name(signature);
        let bodies = called.iter().filter(|shape| shape.way != "unbound");
        let mut all = bodies.flat_map(|shape| &shape.kfuncs);
        if !all.any(|kfunc| kfunc == name) {
            failures.push(format!("{name} was not called"));
        }
    }
    report.failures.extend(failures);
    report.failures.extend(complaints(&log));
    Ok(report)
}

/// Judges the `console` of a guest that has filled in the compatibility table, but for the cells.
///
/// # Errors
///
/// As [`judge`].
pub fn judge_compat(console: &[String]) -> Result<Report> {
    let (mut report, log) = read(console)?;
    report.failures.extend(complaints(&log));
    Ok(report)
}

/// The name in the declaration of a function.
fn function_name(declaration: &str) -> &str {
    let before = declaration.split('(').next().unwrap_or_default();
    before.rsplit([' ', '*']).next().unwrap_or_default()
}

/// What the guest has said, and what its kernel has logged.
pub(crate) fn read(console: &[String]) -> Result<(Report, Vec<&str>)> {
    let mut report = Report::default();
    let mut log = Vec::new();
    let mut announced = None;
    let mut said = 0_usize;
    // A line of the kernel's may stand before one of the guest's.
    for line in console
        .iter()
        .filter_map(|line| line.find('@').map(|start| &line[start..]))
    {
        if let Some(count) = line.strip_prefix("@done ") {
            announced = Some(
                count
                    .trim()
                    .parse::<usize>()
                    .context("the guest's last line is damaged")?,
            );
        } else if let Some(call) = line.strip_prefix("@call ") {
            said += 1;
            report.calls.push(parse_call(call)?);
        } else if let Some(shape) = line.strip_prefix("@shape ") {
            said += 1;
            report.shapes.push(parse_shape(shape)?);
        } else if let Some(cell) = line.strip_prefix("@cell ") {
            said += 1;
            report.cells.push(cell.to_owned());
        } else if let Some(load) = line.strip_prefix("@load ") {
            said += 1;
            report.loads.push(parse_load(load)?);
        } else if let Some(row) = line.strip_prefix("@row ") {
            said += 1;
            report.rows.push(parse_row(row)?);
        } else if line.starts_with("@cycles ") || line.starts_with("@memory ") {
            said += 1;
            report.figures.push(line.trim_end()[1..].to_owned());
        } else if let Some(program) = line.strip_prefix("@jited ") {
            said += 1;
            report.jited.push(parse_jited(program)?);
        } else if let Some(symbol) = line.strip_prefix("@symbol ") {
            said += 1;
            report.symbols.push(parse_symbol(symbol)?);
        } else if let Some(count) = line.strip_prefix("@count ") {
            said += 1;
            report.counts.push(parse_count(count)?);
        } else if let Some(check) = line.strip_prefix("@check ") {
            said += 1;
            match check.split_once('|') {
                Some((_, "ok")) => report.held += 1,
                _ => report.failures.push(check.replace('|', ": ")),
            }
        } else if let Some(bytes) = line.strip_prefix("@btf ") {
            said += 1;
            report.module_btf.extend(parse_hex(bytes)?);
        } else if let Some(entry) = line.strip_prefix("@boot ") {
            said += 1;
            report.boot_log.push(entry.to_owned());
        } else if let Some(entry) = line.strip_prefix("@leak ") {
            said += 1;
            report.leaks.push(entry.to_owned());
        } else if let Some(entry) = line.strip_prefix("@log ") {
            log.push(entry);
        }
    }
    match announced {
        None => bail!("the guest did not get to its end"),
        Some(count) => ensure!(
            count == said,
            "the guest said {count} things, {said} have arrived"
        ),
    }
    Ok((report, log))
}

fn parse_shape(line: &str) -> Result<Shape> {
    let damaged = || format!("damaged line: {line}");
    let (way, rest) = line.split_once('|').with_context(damaged)?;
    let (kfuncs, verdict) = rest.split_once('|').with_context(damaged)?;
    Ok(Shape {
        way: way.to_owned(),
        kfuncs: kfuncs.split(' ').map(str::to_owned).collect(),
        verdict: verdict.to_owned(),
    })
}

fn parse_row(line: &str) -> Result<Row> {
    let damaged = || format!("damaged line: {line}");
    let (way, rest) = line.split_once('|').with_context(damaged)?;
    let (program, outcome) = rest.split_once('|').with_context(damaged)?;
    Ok(Row {
        way: way.to_owned(),
        program: program.to_owned(),
        outcome: outcome.trim_end().to_owned(),
    })
}

fn parse_jited(line: &str) -> Result<JitedProgram> {
    let damaged = || format!("damaged line: {line}");
    let (name, rest) = line.split_once('|').with_context(damaged)?;
    let (calls, functions) = rest.split_once('|').with_context(damaged)?;
    let function = |text: &str| {
        let (address, code) = text.split_once(':').with_context(damaged)?;
        let address = u64::from_str_radix(address, 16).with_context(damaged)?;
        Ok((address, parse_hex(code)?))
    };
    Ok(JitedProgram {
        name: name.to_owned(),
        calls: calls.parse().with_context(damaged)?,
        functions: functions
            .split_whitespace()
            .map(function)
            .collect::<Result<_>>()?,
    })
}

fn parse_symbol(line: &str) -> Result<(u64, String)> {
    let damaged = || format!("damaged line: {line}");
    let (address, name) = line.split_once('|').with_context(damaged)?;
    let address = u64::from_str_radix(address, 16).with_context(damaged)?;
    Ok((address, name.trim_end().to_owned()))
}

fn parse_count(line: &str) -> Result<Count> {
    let damaged = || format!("damaged line: {line}");
    let mut fields = line.trim_end().split('|');
    let what = fields.next().with_context(damaged)?.to_owned();
    let mut number = || -> Result<u64> {
        let field = fields.next().with_context(damaged)?;
        field.parse().with_context(damaged)
    };
    Ok(Count {
        what,
        calls: number()?,
        steps: number()?,
        insns: number()?,
    })
}

fn parse_load(line: &str) -> Result<Load> {
    let damaged = || format!("damaged line: {line}");
    let (way, rest) = line.split_once('|').with_context(damaged)?;
    let (errno, text) = rest.split_once('|').with_context(damaged)?;
    Ok(Load {
        way: way.to_owned(),
        errno: errno.parse().with_context(damaged)?,
        text: text.trim_end().to_owned(),
    })
}

/// The bytes that so many pairs of hexadecimal digits are.
pub(crate) fn parse_hex(line: &str) -> Result<Vec<u8>> {
    let digits = line.trim_end().as_bytes().chunks(2);
    let bytes = digits.map(|pair| {
        let pair = std::str::from_utf8(pair)?;
        ensure!(pair.len() == 2, "half a byte");
        Ok(u8::from_str_radix(pair, 16)?)
    });
    let bytes: Result<_> = bytes.collect();
    bytes.with_context(|| format!("damaged line: {line}"))
}

fn parse_call(line: &str) -> Result<Call> {
    let mut fields = line.split('|').map(str::to_owned);
    let mut field = || {
        fields
            .next()
            .with_context(|| format!("damaged line: {line}"))
    };
    Ok(Call {
        way: field()?,
        call: field()?,
        implicit: field()?,
        verdict: field()?,
    })
}

/// Every kfunc was called in every way that the kernel has.
fn judge_calls(calls: &[Call], native: bool) -> Vec<String> {
    let mut expected = vec![
        ("bound", "bpf_self_id"),
        ("bound", "bpf_self_count"),
        ("bound", "bpf_ratelimit("),
        ("bound", "bpf_ratelimit_default"),
        ("bound", "bpf_loader_uid"),
    ];
    if native {
        expected.push(("native", "bpf_self_id"));
    }
    expected.retain(|(way, name)| {
        !calls
            .iter()
            .any(|call| call.way == *way && call.call.starts_with(name))
    });
    let missing = expected
        .iter()
        .map(|(way, name)| format!("{name} was not called {way}"));
    missing.collect()
}

/// The lines of a kernel log that are complaints.
pub(crate) fn complaints(log: &[&str]) -> Vec<String> {
    let complains =
        |line: &str| is_report(line) || COMPLAINTS.iter().any(|complaint| line.contains(complaint));
    let complaints = log
        .iter()
        .filter(|line| !line.starts_with(OWN_LINE) && complains(line));
    complaints
        .map(|line| format!("kernel log: {line}"))
        .collect()
}

fn judge_log(log: &[&str], native: bool) -> Vec<String> {
    let mut failures = complaints(log);
    for expected in expected_refusals(native) {
        let said = |line: &&str| {
            line.strip_prefix(OWN_LINE)
                .is_some_and(|own| own.starts_with(expected))
        };
        if !log.iter().any(said) {
            failures.push(format!("the kernel log does not say: {expected}"));
        }
    }
    failures
}

#[cfg(test)]
mod tests {
    use super::*;

    fn console(extra: &[&str], done: &str) -> Vec<String> {
        let mut lines = vec![
            "[    1.0] some driver @check insmod|ok".to_owned(),
            "@call bound|bpf_self_id()|aux of program 5|ok".to_owned(),
            "@call bound|bpf_self_count(7)|own|ok".to_owned(),
            "@call bound|bpf_ratelimit(1, 2)|own|ok".to_owned(),
            "@call bound|bpf_ratelimit_default()|own|ok".to_owned(),
            "@call bound|bpf_loader_uid()|user 5|ok".to_owned(),
        ];
        lines.extend(
            expected_refusals(false)
                .iter()
                .map(|line| format!("@log {OWN_LINE}{line} …")),
        );
        lines.extend(extra.iter().map(|line| (*line).to_owned()));
        lines.push(done.to_owned());
        lines
    }

    #[test]
    fn good_guest_passes() {
        let report = judge(&console(&[], "@done 6"), false).unwrap();
        assert_eq!((report.held, report.calls.len()), (1, 5));
        assert_eq!(report.failures, [""; 0]);
    }

    #[test]
    fn counts_arrive() {
        let (report, _) = read(&console(&["@count f|5|1000|76800\r"], "@done 7")).unwrap();
        let count = Count {
            what: "f".to_owned(),
            calls: 5,
            steps: 1000,
            insns: 76800,
        };
        assert_eq!(report.counts, [count]);
        for damaged in ["@count f|5|1000", "@count f|5|x|1"] {
            assert!(read(&console(&[damaged], "@done 7")).is_err());
        }
    }

    #[test]
    fn code_and_symbols_arrive() {
        let lines = ["@jited f|2|1000:90c3 ffff800000000000:", "@symbol 10|g\r"];
        let console = console(&lines, "@done 8");
        let (report, _) = read(&console).unwrap();
        let program = JitedProgram {
            name: "f".to_owned(),
            calls: 2,
            functions: vec![(0x1000, vec![0x90, 0xc3]), (0xffff_8000_0000_0000, vec![])],
        };
        assert_eq!(report.jited, [program]);
        assert_eq!(report.symbols, [(0x10, "g".to_owned())]);
        for damaged in [
            "@jited f|2",
            "@jited f|x|10:90",
            "@jited f|2|10",
            "@jited f|2|10:9",
            "@symbol x|g",
            "@symbol 10",
        ] {
            assert!(read(&self::console(&[damaged], "@done 7")).is_err());
        }
    }

    #[test]
    fn what_is_wrong_is_found() {
        for (line, done) in [
            ("@check rmmod|busy", "@done 7"),
            (
                "@call bound|bpf_self_id()|aux of program 6|wrong value",
                "@done 7",
            ),
            (
                "@log WARNING: CPU: 0 PID: 1 at kernel/bpf/core.c",
                "@done 6",
            ),
            ("@log BPF: Invalid name", "@done 6"),
        ] {
            let report = judge(&console(&[line], done), false).unwrap();
            assert_eq!(report.failures.len(), 1, "{line}");
        }
        let native_missing = judge(&console(&[], "@done 6"), true).unwrap();
        assert_eq!(
            native_missing.failures,
            ["bpf_self_id was not called native"]
        );
    }

    #[test]
    fn the_modules_btf_is_put_together_and_compared() {
        let lines = ["@btf 9feb0100", "[    3.0] eth0: @btf 18"];
        let mut report = judge(&console(&lines, "@done 8"), false).unwrap();
        assert_eq!(report.module_btf, [0x9f, 0xeb, 1, 0, 0x18]);
        report.compare_module_btf(&[0x9f, 0xeb, 1, 0, 0x18]);
        assert_eq!((report.held, report.failures.len()), (2, 0));
        report.compare_module_btf(&[0x9f, 0xeb, 1, 1, 0x18]);
        report.compare_module_btf(&[0x9f, 0xeb, 1, 0]);
        assert_eq!((report.held, report.failures.len()), (2, 2));
        assert!(report.failures[0].ends_with("offset 3 on"));
        for damaged in ["@btf 9fe", "@btf 9g", "@btf \u{fffd}"] {
            assert!(judge(&console(&[damaged], "@done 7"), false).is_err());
        }
    }

    #[test]
    fn every_shape_must_have_been_called_and_right() {
        let public = ["u64 one(u64 a)", "void *two(void)"].map(str::to_owned);
        let judged = |lines: &[&str], done: &str| {
            let mut console: Vec<_> = lines.iter().map(|line| (*line).to_owned()).collect();
            console.push(done.to_owned());
            judge_shapes(&console, &public).unwrap().failures
        };
        let good = "@shape bound|one two|ok";
        assert_eq!(judged(&[good], "@done 1"), [""; 0]);
        assert_eq!(
            judged(&["@shape bound|two|ok", "@shape unbound|one|ok"], "@done 2"),
            ["one was not called"]
        );
        for wrong in [
            "@shape native|one|1 instead of 2",
            "@check rmmod|busy",
            "@log WARNING: CPU: 0 PID: 1 at kernel/bpf/verifier.c",
        ] {
            let done = if wrong.starts_with("@log") {
                "@done 1"
            } else {
                "@done 2"
            };
            assert_eq!(judged(&[good, wrong], done).len(), 1, "{wrong}");
        }
        assert!(judge_shapes(&["@shape bound".to_owned()], &public).is_err());
    }

    #[test]
    fn cells_are_kept_and_the_log_is_judged() {
        let judged = |lines: &[&str]| {
            let console: Vec<_> = lines.iter().map(|line| (*line).to_owned()).collect();
            judge_compat(&console)
        };
        let report = judged(&[
            "@cell old|raw|plain|accepted|2",
            "@check rmmod|ok",
            "@done 2",
        ]);
        let report = report.unwrap();
        assert_eq!(report.cells, ["old|raw|plain|accepted|2"]);
        assert_eq!((report.held, report.failures.len()), (1, 0));
        for wrong in ["@check rmmod|busy", "@log BPF: Invalid name"] {
            let done = format!("@done {}", usize::from(wrong.starts_with("@check")));
            assert_eq!(
                judged(&[wrong, &done]).unwrap().failures.len(),
                1,
                "{wrong}"
            );
        }
        assert!(judged(&["@cell old|raw|plain|accepted|2", "@done 2"]).is_err());
    }

    #[test]
    fn what_is_said_of_a_program_is_read() {
        let lines = |load: &str| [load, "@done 1"].map(str::to_owned);
        let (report, _) = read(&lines("@load raw|22|cannot find; processed")).unwrap();
        let load = Load {
            way: "raw".to_owned(),
            errno: 22,
            text: "cannot find; processed".to_owned(),
        };
        assert_eq!(report.loads, [load]);
        for damaged in ["@load raw", "@load raw|22", "@load raw|x|text"] {
            assert!(read(&lines(damaged)).is_err());
        }
    }

    #[test]
    fn rows_and_figures_of_the_life_cycle_arrive() {
        let lines = [
            "@row bound|tc|own id\r",
            "@cycles one|9|1.5|1|2|0|0",
            "@memory cycles|Percpu|500|501|256",
            "@done 3",
        ];
        let console = lines.map(str::to_owned);
        let (report, _) = read(&console).unwrap();
        let row = Row {
            way: "bound".to_owned(),
            program: "tc".to_owned(),
            outcome: "own id".to_owned(),
        };
        assert_eq!(report.rows, [row]);
        let figures = [
            "cycles one|9|1.5|1|2|0|0",
            "memory cycles|Percpu|500|501|256",
        ];
        assert_eq!(report.figures, figures);
        for damaged in ["@row bound", "@row bound|tc"] {
            assert!(read(&[damaged, "@done 1"].map(str::to_owned)).is_err());
        }
    }

    #[test]
    fn a_guest_that_stops_early_or_loses_lines_is_an_error() {
        assert!(judge(&console(&[], "Kernel panic"), false).is_err());
        assert!(judge(&console(&[], "@done 7"), false).is_err());
    }
}
