// SPDX-License-Identifier: MIT OR Apache-2.0

//! What a small function does with what it was called with, from the compiler's assembly.
//!
//! The code is followed from the entry to the return. Each register and each word of the function's own stack
//! holds what has gone into it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{bail, ensure, Context, Result};
use kfunc_abi::call::Arch;

/// Where something comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin<'t> {
    /// A register at the entry, by its hardware number.
    Register(u8),
    /// The word that many bytes above the stack pointer at the entry.
    Stack(u32),
    /// A variable.
    Variable(&'t str),
}

/// Where what a value was made of comes from.
pub type Origins<'t> = BTreeSet<Origin<'t>>;

/// Registers of x86-64 that a function leaves as they were.
const CALLEE_SAVED: [&str; 6] = ["%rbx", "%rbp", "%r12", "%r13", "%r14", "%r15"];
/// Bytes of a word.
const WORD: i64 = 8;

/// An operand of an instruction.
#[derive(Debug)]
enum Operand<'t> {
    Register(u8),
    StackPointer,
    /// On the stack, that many bytes from the stack pointer.
    Stack(i64),
    /// In a variable, or where registers say.
    Memory {
        variable: Option<&'t str>,
        registers: Vec<u8>,
    },
    /// A number, a symbol, a shift.
    Other,
}

/// The functions of an assembly file: their instructions, up to the return.
pub fn functions(text: &str) -> BTreeMap<&str, Vec<&str>> {
    let mut functions = BTreeMap::new();
    let mut current: Option<(&str, Vec<&str>)> = None;
    for line in text.lines() {
        let line = match line.find("// ").or_else(|| line.find("# ")) {
            Some(comment) => line[..comment].trim(),
            None => line.trim(),
        };
        if let Some(name) = line.strip_suffix(':').filter(|name| !name.starts_with('.')) {
            current = Some((name, Vec::new()));
        } else if line == "ret" || line == "retq" {
            functions.extend(current.take());
        } else if let Some((_, lines)) = &mut current {
            if !line.is_empty() && !line.starts_with(['.', '/', '#']) {
                lines.push(line);
            }
        }
    }
    functions
}

/// What a function has done when it returns.
#[derive(Debug)]
pub struct Effect<'t> {
    arch: Arch,
    /// How far the stack pointer is below what it was at the entry.
    frame: i64,
    registers: BTreeMap<u8, Origins<'t>>,
    /// Words that the function has stored, by their distance from the stack pointer at the entry.
    stack: BTreeMap<i64, Origins<'t>>,
    /// What it has stored into variables.
    pub stored: Origins<'t>,
}

impl<'t> Effect<'t> {
    /// Follows the instructions of a function.
    ///
    /// # Errors
    ///
    /// An instruction that this does not understand.
    pub fn of(arch: Arch, lines: &[&'t str]) -> Result<Self> {
        let mut effect = Self {
            arch,
            frame: 0,
            registers: BTreeMap::new(),
            stack: BTreeMap::new(),
            stored: Origins::new(),
        };
        for line in lines {
            effect.step(line).with_context(|| format!("in '{line}'"))?;
        }
        Ok(effect)
    }

    /// What is in a register.
    pub fn register(&self, number: u8) -> Origins<'t> {
        let changed = self.registers.get(&number).cloned();
        changed.unwrap_or_else(|| [Origin::Register(number)].into())
    }

    fn step(&mut self, line: &'t str) -> Result<()> {
        let (mnemonic, texts) = split(line);
        if self.moves_stack_pointer(mnemonic, &texts)? {
            return Ok(());
        }
        let jumps = ["j", "call", "push", "pop", "b.", "bl", "cb", "tb"];
        let straight = !jumps.iter().any(|jump| mnemonic.starts_with(jump)) && mnemonic != "b";
        ensure!(straight, "this is not straight code");
        let mut operands = Vec::new();
        for text in &texts {
            operands.push(operand(self.arch, text)?);
        }
        let address_taken = operands
            .iter()
            .any(|operand| matches!(operand, Operand::StackPointer));
        ensure!(!address_taken, "the stack's address is taken");
        match self.arch {
            Arch::X86_64 => self.step_x86(mnemonic, &texts, &operands),
            Arch::Arm64 => self.step_arm(mnemonic, &operands),
        }
    }

    /// The last operand is the destination.
    fn step_x86(&mut self, mnemonic: &str, texts: &[&str], operands: &[Operand<'t>]) -> Result<()> {
        if let ("xchgq", [Operand::Register(one), Operand::Register(other)]) = (mnemonic, operands)
        {
            let (left, right) = (self.register(*one), self.register(*other));
            self.registers.extend([(*one, right), (*other, left)]);
            return Ok(());
        }
        let Some((destination, sources)) = operands.split_last() else {
            return Ok(());
        };
        let mut value = Origins::new();
        let clears = mnemonic.starts_with("xor") && texts.first() == texts.last();
        if !clears {
            for source in sources {
                value.extend(self.read(source, 0)?);
            }
            let overwrites = mnemonic.starts_with("mov") || mnemonic.starts_with("lea");
            if !overwrites {
                value.extend(self.read(destination, 0)?);
            }
        }
        self.write(destination, 0, value)
    }

    /// The first operands are the destination, but of a store.
    fn step_arm(&mut self, mnemonic: &str, operands: &[Operand<'t>]) -> Result<()> {
        let pair = matches!(mnemonic, "ldp" | "stp");
        let Some((destinations, sources)) = operands.split_at_checked(if pair { 2 } else { 1 })
        else {
            return Ok(());
        };
        if mnemonic.starts_with("st") {
            for (at, (value, memory)) in (0..).zip(destinations.iter().zip(sources.iter().cycle()))
            {
                let value = self.read(value, 0)?;
                self.write(memory, at * WORD, value)?;
            }
            return Ok(());
        }
        let keeps = mnemonic.starts_with("bf") || mnemonic == "movk";
        let mut values = Vec::new();
        for (at, destination) in (0..).zip(destinations) {
            let mut value = Origins::new();
            for source in sources {
                value.extend(self.read(source, at * WORD)?);
            }
            if keeps {
                value.extend(self.read(destination, 0)?);
            }
            values.push(value);
        }
        for (destination, value) in destinations.iter().zip(values) {
            self.write(destination, 0, value)?;
        }
        Ok(())
    }

    /// What an operand has, or what has it `beyond` bytes after it.
    fn read(&self, operand: &Operand<'t>, beyond: i64) -> Result<Origins<'t>> {
        Ok(match operand {
            Operand::Register(number) => self.register(*number),
            Operand::Stack(offset) => self.on_stack(self.word(offset + beyond)),
            Operand::Memory {
                variable,
                registers,
            } => {
                let mut origins = Origins::new();
                for number in registers {
                    origins.extend(self.register(*number));
                }
                origins.extend(variable.map(Origin::Variable));
                origins
            }
            Operand::StackPointer | Operand::Other => Origins::new(),
        })
    }

    /// The distance of a word of the stack from the stack pointer at the entry.
    fn word(&self, offset: i64) -> i64 {
        (offset - self.frame).div_euclid(WORD) * WORD
    }

    /// What is above belongs to the caller, unless the function has changed it.
    fn on_stack(&self, word: i64) -> Origins<'t> {
        match (self.stack.get(&word), u32::try_from(word)) {
            (Some(stored), _) => stored.clone(),
            (None, Ok(above)) => [Origin::Stack(above)].into(),
            (None, Err(_)) => Origins::new(),
        }
    }

    fn write(&mut self, operand: &Operand<'t>, beyond: i64, value: Origins<'t>) -> Result<()> {
        match operand {
            Operand::Register(number) => {
                self.registers.insert(*number, value);
            }
            Operand::Stack(offset) => {
                // It may be a part of the word.
                let word = self.word(offset + beyond);
                let mut whole = self.on_stack(word);
                whole.extend(value);
                self.stack.insert(word, whole);
            }
            Operand::Memory { .. } => self.stored.extend(value),
            Operand::StackPointer => bail!("the stack pointer is changed"),
            Operand::Other => {}
        }
        Ok(())
    }

    fn moves_stack_pointer(&mut self, mnemonic: &str, operands: &[&str]) -> Result<bool> {
        if let (Arch::X86_64, "pushq" | "popq", [register]) = (self.arch, mnemonic, operands) {
            // Only to have it back at the end.
            ensure!(CALLEE_SAVED.contains(register), "this is not saved");
            self.frame += if mnemonic == "pushq" { WORD } else { -WORD };
            return Ok(true);
        }
        let amount = match (self.arch, operands) {
            (Arch::X86_64, [amount, "%rsp"]) => amount.strip_prefix('$'),
            (Arch::Arm64, ["sp", "sp", amount]) => Some(amount.trim_start_matches('#')),
            _ => return Ok(false),
        };
        let amount: i64 = amount.context("not by a number")?.parse()?;
        self.frame += match mnemonic {
            "sub" | "subq" => amount,
            "add" | "addq" => -amount,
            _ => bail!("the stack pointer is changed"),
        };
        Ok(true)
    }
}

/// The mnemonic and the operands of an instruction.
fn split(line: &str) -> (&str, Vec<&str>) {
    let (mnemonic, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    let (mut operands, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, byte) in rest.bytes().enumerate() {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b',' if depth == 0 => {
                operands.push(rest[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    if !rest.is_empty() {
        operands.push(rest[start..].trim());
    }
    (mnemonic, operands)
}

fn operand(arch: Arch, text: &str) -> Result<Operand<'_>> {
    match arch {
        Arch::X86_64 => x86_operand(text),
        Arch::Arm64 => arm_operand(text),
    }
}

/// `%rdi`, `$1`, `8(%rsp)`, `sink(%rip)`.
fn x86_operand(text: &str) -> Result<Operand<'_>> {
    if text == "%rsp" {
        return Ok(Operand::StackPointer);
    }
    if let Some(name) = text.strip_prefix('%') {
        let number = x86_register(name).with_context(|| format!("unknown register {text}"))?;
        return Ok(Operand::Register(number));
    }
    let Some((displacement, inside)) = text.split_once('(') else {
        return Ok(Operand::Other);
    };
    let mut registers = Vec::new();
    for part in inside.trim_end_matches(')').split(',') {
        match part.trim().strip_prefix('%') {
            Some("rsp") => {
                ensure!(inside == "%rsp)", "an index from the stack pointer");
                let offset = match displacement {
                    "" => 0,
                    number => number.parse()?,
                };
                return Ok(Operand::Stack(offset));
            }
            Some("rip") | None => {}
            Some(name) => registers.push(x86_register(name).context("unknown register")?),
        }
    }
    let variable = Some(displacement).filter(|_| inside == "%rip)");
    Ok(Operand::Memory {
        variable,
        registers,
    })
}

/// All names of a register have one number.
fn x86_register(name: &str) -> Option<u8> {
    const NAMES: [&str; 8] = ["a", "c", "d", "b", "sp", "bp", "si", "di"];
    if let Some(number) = name
        .strip_prefix('r')
        .and_then(|rest| rest.trim_end_matches(['d', 'w', 'b']).parse().ok())
    {
        return Some(number);
    }
    let name = name.trim_start_matches(['r', 'e']);
    let stem = match name {
        "sp" | "bp" | "si" | "di" => name,
        _ => name.trim_end_matches(['x', 'l', 'h']),
    };
    NAMES
        .iter()
        .position(|known| *known == stem)
        .map(|at| at as u8)
}

/// `x0`, `#1`, `[sp, #8]`, `[x0, :lo12:sink]`.
fn arm_operand(text: &str) -> Result<Operand<'_>> {
    if text == "sp" {
        return Ok(Operand::StackPointer);
    }
    if let Some(number) = arm_register(text) {
        return Ok(Operand::Register(number));
    }
    let Some(inside) = text.strip_prefix('[') else {
        return Ok(Operand::Other);
    };
    let inside = inside.strip_suffix(']').context("the base is changed")?;
    let parts: Vec<_> = inside.split(',').map(str::trim).collect();
    let offset = match parts.as_slice() {
        ["sp"] => 0,
        ["sp", offset] => offset.trim_start_matches('#').parse()?,
        ["sp", ..] => bail!("an index from the stack pointer"),
        _ => {
            let variable = parts
                .iter()
                .find_map(|part| part.trim_start_matches('#').strip_prefix(":lo12:"));
            let registers = parts.iter().filter_map(|part| arm_register(part)).collect();
            return Ok(Operand::Memory {
                variable,
                registers,
            });
        }
    };
    Ok(Operand::Stack(offset))
}

/// None for the zero register, and for what is no register.
fn arm_register(name: &str) -> Option<u8> {
    name.strip_prefix(['x', 'w'])?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Origin::{Register, Stack, Variable};

    fn stored(arch: Arch, text: &str) -> Option<Vec<Origin<'_>>> {
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        let effect = Effect::of(arch, &lines).ok()?;
        Some(effect.stored.into_iter().collect())
    }

    #[test]
    fn registers_are_known_by_all_their_names() {
        for (names, number) in [
            (["rax", "eax", "ax", "al"], 0),
            (["rcx", "ecx", "cx", "ch"], 1),
            (["rbx", "ebx", "bx", "bl"], 3),
            (["rsi", "esi", "si", "sil"], 6),
            (["rdi", "edi", "di", "dil"], 7),
            (["r8", "r8d", "r8w", "r8b"], 8),
            (["r10", "r10d", "r10w", "r10b"], 10),
        ] {
            for name in names {
                assert_eq!(x86_register(name), Some(number), "{name}");
            }
        }
        assert_eq!(x86_register("xmm0"), None);
    }

    #[test]
    fn values_are_followed_through_registers() {
        let x86 = "movzbl %cl, %edi\nshrl $4, %edi\nmovq %rdi, sink(%rip)";
        assert_eq!(stored(Arch::X86_64, x86), Some(vec![Register(1)]));
        let x86 = "xorl %edi, %edi\nmovl %edi, sink(%rip)";
        assert_eq!(stored(Arch::X86_64, x86), Some(vec![]));
        let arm = "and x3, x3, 0xff\nadrp x0, sink\nstr x3, [x0, #:lo12:sink]";
        assert_eq!(stored(Arch::Arm64, arm), Some(vec![Register(3)]));
        let arm = "bfi x3, x4, 8, 8\nadrp x0, sink\nstr x3, [x0, #:lo12:sink]";
        assert_eq!(
            stored(Arch::Arm64, arm),
            Some(vec![Register(3), Register(4)])
        );
    }

    /// A store that nothing reads is no use of its value.
    #[test]
    fn values_are_followed_through_the_stack() {
        let x86 = "movq %rcx, -32(%rsp)\nmovq %rdx, -40(%rsp)\nmovzbl -27(%rsp), %eax\nmovq %rax, sink(%rip)";
        assert_eq!(stored(Arch::X86_64, x86), Some(vec![Register(1)]));
        let arm =
            "sub sp, sp, #16\nstp x3, x2, [sp]\nldr x8, [sp, #8]\nadrp x9, sink\nstr x8, [x9]";
        assert_eq!(stored(Arch::Arm64, arm), Some(vec![Register(2)]));
        let arm = "ldp x0, x1, [sp, 8]\nadrp x9, sink\nstr x1, [x9]";
        assert_eq!(stored(Arch::Arm64, arm), Some(vec![Stack(16)]));
    }

    #[test]
    fn the_callers_stack_is_told_from_the_own_one() {
        let x86 = "pushq %rbp\nsubq $24, %rsp\nmovzwl 42(%rsp), %eax\naddq $24, %rsp\npopq %rbp\n\
                   movl %eax, sink(%rip)";
        assert_eq!(stored(Arch::X86_64, x86), Some(vec![Stack(8)]));
        let arm = "sub sp, sp, #16\nldrb w1, [sp, 17]\nadd sp, sp, #16\nadrp x0, sink\nstr x1, [x0, #:lo12:sink]";
        assert_eq!(stored(Arch::Arm64, arm), Some(vec![Stack(0)]));
    }

    #[test]
    fn what_is_returned_is_known_by_its_variable() {
        let x86 = [
            "movq low(%rip), %rdx",
            "movq high(%rip), %rax",
            "xchgq %rdx, %rax",
        ];
        let effect = Effect::of(Arch::X86_64, &x86).expect("this is understood");
        assert_eq!(effect.register(0), [Variable("low")].into());
        assert_eq!(effect.register(2), [Variable("high")].into());
        let arm = ["adrp x9, high", "ldr x1, [x9, :lo12:high]"];
        let effect = Effect::of(Arch::Arm64, &arm).expect("this is understood");
        assert_eq!(effect.register(1), [Variable("high")].into());
        assert_eq!(effect.register(0), [Register(0)].into());
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for text in [
            "jne .L1",
            "pushq %rax",
            "leaq 8(%rsp,%rax), %rax",
            "movq %rsp, %rax",
            "movd %xmm0, %eax",
        ] {
            assert_eq!(stored(Arch::X86_64, text), None, "{text}");
        }
        for text in ["bl f", "str x0, [sp, -16]!", "add x0, sp, 8", "cbz x0, .L1"] {
            assert_eq!(stored(Arch::Arm64, text), None, "{text}");
        }
    }

    #[test]
    fn functions_end_where_they_return() {
        let text =
            "\t.text\nf: // @f\n// %bb.0:\n.LFB0:\n\t.cfi_startproc\n\tmovq %rdi, %rax # %bb.0:\n\
                    \tret\n.LFE0:\ng:\n\tret\n";
        let found = functions(text);
        assert_eq!(found.get("f"), Some(&vec!["movq %rdi, %rax"]));
        assert_eq!(found.get("g"), Some(&vec![]));
        assert_eq!(found.len(), 2);
    }
}
