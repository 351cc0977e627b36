// SPDX-License-Identifier: MIT OR Apache-2.0

//! Booting a guest, with a deadline.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc::{sync_channel, RecvTimeoutError};
use std::thread::spawn;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure, Context, Result};

use crate::build_root::BuildRoot;
use crate::kernel::{Arch, Flavour, Kernel};
use crate::packages;

/// How long a guest may take. It needs some ten seconds; an emulated one on a busy machine more.
pub const DEADLINE: Duration = Duration::from_secs(240);
/// How long a guest may take that counts instructions.
const COUNTING_DEADLINE: Duration = Duration::from_secs(900);
/// Lines that may be read before they are looked at.
const LINES_AHEAD: usize = 1024;
/// Lines of the console that are shown when a guest fails.
pub const CONSOLE_TAIL: usize = 60;

/// The command line of QEMU for `kernel`, up to the kernel. KVM is not used: where there is none that works,
/// it can look as if there were.
///
/// A kernel that looks for defects has more memory: KASAN has an eighth of each arena beside it, which is 4 GiB large. On
/// amd64 it has four levels of page tables: with five, KASAN may report an interrupt at boot, in the moment in which
/// `identify_cpu` of `arch/x86/kernel/cpu/common.c` has forgotten that there are five.
fn machine(kernel: &Kernel) -> &'static str {
    match (kernel.arch, kernel.flavour) {
        (Arch::Amd64, Flavour::Debug(_)) => {
            "qemu-system-x86_64 -accel tcg,thread=multi -cpu max,la57=off -m 6G"
        }
        (Arch::Amd64, _) => "qemu-system-x86_64 -accel tcg,thread=multi -cpu max -m 1G",
        // With landing pads of branches and signed addresses; by an algorithm that is cheap to emulate.
        (Arch::Arm64, Flavour::Debug(_)) => {
            "qemu-system-aarch64 -M virt -cpu max,pauth-impdef=on -m 6G"
        }
        // The first one of QEMU's that has such pages, but for the embedded ones.
        (Arch::Arm64, Flavour::Pages16k) => "qemu-system-aarch64 -M virt -cpu cortex-a76 -m 1G",
        // A core of the first generation: what the kernels must run on. QEMU's `max` has all extensions.
        (Arch::Arm64, _) => "qemu-system-aarch64 -M virt -cpu cortex-a57 -m 1G",
    }
}

/// How many times as long as others a kernel may take.
fn slowness(flavour: Flavour) -> u32 {
    match flavour {
        Flavour::Debug(_) => 15,
        _ => 1,
    }
}

/// What the kernel is told. On a busy machine an emulated CPU may take so long to read its clock that 7.3 complains of it.
fn parameters(arch: Arch) -> &'static str {
    match arch {
        Arch::Amd64 => "console=ttyS0 tsc=nowatchdog",
        Arch::Arm64 => "console=ttyAMA0",
    }
}

/// What is booted.
#[derive(Clone, Copy, Debug)]
pub struct Guest<'g> {
    /// Which kernel it is.
    pub kernel: &'g Kernel,
    /// The archive with `/init`, inside of the build root.
    pub initramfs: &'g str,
    /// What `/init` is told.
    pub arguments: &'g str,
}

/// Boots a guest. Gives the lines of the console.
///
/// # Errors
///
/// The guest does not power off before `deadline`, or QEMU fails: the end of the console is in the error.
pub fn boot(root: &BuildRoot, guest: Guest<'_>, deadline: Duration) -> Result<Vec<String>> {
    let machine = format!("{} -smp 2", machine(guest.kernel));
    let deadline = deadline * slowness(guest.kernel.flavour);
    lines_until_end(guest.command(root, &machine), deadline)
}

/// As [`boot`], on a machine whose clock advances by 1 ns with each instruction; it has one CPU, which takes longer.
///
/// # Errors
///
/// As [`boot`].
pub fn boot_counting(root: &BuildRoot, guest: Guest<'_>) -> Result<Vec<String>> {
    let machine = machine(guest.kernel).replace("thread=multi", "thread=single");
    let machine = format!("{machine} -icount shift=0 -smp 1");
    lines_until_end(guest.command(root, &machine), COUNTING_DEADLINE)
}

impl Guest<'_> {
    fn command(&self, root: &BuildRoot, machine: &str) -> Command {
        let Guest {
            kernel,
            initramfs,
            arguments,
        } = self;
        let (image, parameters) = (packages::image(kernel), parameters(kernel.arch));
        let script = format!(
            "exec {machine} -kernel {image} -initrd {initramfs} -append '{parameters} panic=-1 quiet -- {arguments}' \
             -nographic -no-reboot 2>&1"
        );
        root.command(["sh", "-c", &script])
    }
}

/// The lines that `command` prints until it ends.
fn lines_until_end(mut command: Command, patience: Duration) -> Result<Vec<String>> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .context("QEMU cannot be started")?;
    let output = child.stdout.take().context("QEMU has no output")?;
    let (send, lines) = sync_channel(LINES_AHEAD);
    let reader = spawn(move || {
        for line in BufReader::new(output)
            .split(b'\n')
            .map_while(std::result::Result::ok)
        {
            let line = String::from_utf8_lossy(&line)
                .trim_end_matches('\r')
                .to_owned();
            if send.send(line).is_err() {
                break;
            }
        }
    });

    let deadline = Instant::now() + patience;
    let mut console = Vec::new();
    let timed_out = loop {
        // Asked for at every line: a guest that prints without end is never silent.
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            break true;
        }
        match lines.recv_timeout(left) {
            Ok(line) => console.push(line),
            Err(RecvTimeoutError::Disconnected) => break false,
            Err(RecvTimeoutError::Timeout) => break true,
        }
    };
    if timed_out {
        // The namespaces of the command end with it, and with them QEMU.
        child.kill()?;
    }
    let status = child.wait()?;
    drop(lines);
    if reader.join().is_err() {
        bail!("the console could not be read");
    }
    ensure!(
        !timed_out,
        "no end after {} s\n{}",
        patience.as_secs(),
        tail(&console)
    );
    ensure!(status.success(), "QEMU: {status}\n{}", tail(&console));
    Ok(console)
}

/// The last lines of a console.
pub fn tail(console: &[String]) -> String {
    console[console.len().saturating_sub(CONSOLE_TAIL)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_guest_that_ends_gives_its_lines() {
        let lines =
            lines_until_end(shell("printf 'one\r\ntwo\n'"), Duration::from_secs(20)).unwrap();
        assert_eq!(lines, ["one", "two"]);
    }

    #[test]
    fn a_guest_that_hangs_is_ended_and_shown() {
        let start = Instant::now();
        let hangs = shell("echo booting; exec sleep 100");
        let error = lines_until_end(hangs, Duration::from_millis(500)).unwrap_err();
        assert!(error.to_string().ends_with("booting"), "{error}");
        assert!(start.elapsed() < Duration::from_secs(50));
    }

    #[test]
    fn a_guest_that_prints_without_end_is_ended() {
        assert!(lines_until_end(shell("exec yes"), Duration::from_millis(300)).is_err());
    }

    #[test]
    fn a_qemu_that_fails_is_an_error() {
        let error = lines_until_end(
            shell("echo no such machine; exit 1"),
            Duration::from_secs(20),
        )
        .unwrap_err();
        assert!(error.to_string().contains("no such machine"), "{error}");
    }
}
