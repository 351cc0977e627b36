// SPDX-License-Identifier: MIT OR Apache-2.0

//! The figures of calls as bars.

use super::measured::{Measured, CALLS};
use super::report::figure;

/// Pixels.
const LABEL_WIDTH: usize = 290;
const BAR_WIDTH: usize = 500;
const BAR_HEIGHT: usize = 11;
const GAP: usize = 8;
const TOP: usize = 64;
const WIDTH: usize = LABEL_WIDTH + BAR_WIDTH + 60;
/// One for each kernel; they can be told apart without colours, too, by their order.
const COLOURS: &[&str] = &["#1f4e79", "#6fa8dc", "#38761d", "#93c47d"];

/// An image with a bar for each kind of call on each kernel: the instructions above a call to which nothing is passed.
pub(super) fn svg(measured: &[Measured]) -> String {
    let kinds = CALLS.iter().filter(|(name, _)| *name != "plain");
    let all = kinds.clone().flat_map(|(name, _)| bars(measured, name));
    let longest = all.map(|(_, insns)| insns).fold(1.0, f64::max);
    let mut body = String::new();
    let mut y = TOP;
    for (name, what) in kinds {
        let bars = bars(measured, name);
        if bars.is_empty() {
            continue;
        }
        let middle = y + bars.len() * BAR_HEIGHT / 2 + 4;
        let end = LABEL_WIDTH - 8;
        body += &format!("<text x=\"{end}\" y=\"{middle}\" text-anchor=\"end\">{what}</text>\n");
        for (colour, insns) in bars {
            let width = insns.max(0.0) / longest * BAR_WIDTH as f64;
            let (height, base) = (BAR_HEIGHT - 1, y + BAR_HEIGHT - 2);
            let after = LABEL_WIDTH as f64 + width + 4.0;
            body += &format!(
                "<rect x=\"{LABEL_WIDTH}\" y=\"{y}\" width=\"{width:.1}\" height=\"{height}\" fill=\"{colour}\"/>\n\
                 <text x=\"{after:.1}\" y=\"{base}\" font-size=\"10\">{}</text>\n",
                figure(insns)
            );
            y += BAR_HEIGHT;
        }
        y += GAP;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{y}\" viewBox=\"0 0 {WIDTH} {y}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <!-- SPDX-License-Identifier: MIT OR Apache-2.0; made by: cargo xtask bench call -->\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"8\" y=\"20\" font-size=\"14\">Instructions of a kfunc call, above one to which nothing is passed</text>\n\
         {}{body}</svg>\n",
        legend(measured)
    )
}

/// Colour and figure of each kernel that has calls of this kind.
fn bars(measured: &[Measured], name: &str) -> Vec<(&'static str, f64)> {
    let coloured = measured.iter().zip(COLOURS.iter().cycle());
    let bar = |(one, colour): (&Measured, &&'static str)| Some((*colour, one.above_plain(name)?));
    coloured.filter_map(bar).collect()
}

fn legend(measured: &[Measured]) -> String {
    let mut text = String::new();
    let mut x = 8;
    for (one, colour) in measured.iter().zip(COLOURS.iter().cycle()) {
        let (series, arch) = (one.kernel.series.version, one.kernel.arch);
        let after = x + 16;
        text += &format!(
            "<rect x=\"{x}\" y=\"34\" width=\"12\" height=\"12\" fill=\"{colour}\"/>\n\
             <text x=\"{after}\" y=\"44\">{series} {arch}</text>\n"
        );
        x += 110;
    }
    text
}
