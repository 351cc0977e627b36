// SPDX-License-Identifier: MIT OR Apache-2.0

//! Running the command.

use std::ffi::OsStr;
use std::process::Command;

/// Runs `kfunc` with `arguments`; gives its exit status, and what it said on standard output and standard error.
pub(crate) fn kfunc<S: AsRef<OsStr>>(
    arguments: impl IntoIterator<Item = S>,
) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_kfunc"))
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}
