//! The measurements as a picture.

use std::fmt::Write as _;

use crate::measure::{Measured, What};

const WIDTH: f64 = 320.0;
const HEIGHT: f64 = 160.0;
const MARGIN: f64 = 50.0;

/// Returns one SVG with two diagrams for each: processor time for each target, and memory.
pub(crate) fn svg(all: &[(What, Vec<Measured>)]) -> String {
    let (columns, rows) = (2.0, f64::from(u32::try_from(all.len()).unwrap_or(1)));
    let (width, height) = (columns * (WIDTH + 2.0 * MARGIN), rows * (HEIGHT + 2.0 * MARGIN));
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n"
    );
    let mut top = MARGIN;
    for (what, rows) in all {
        let name = what.name();
        let each: Vec<_> = rows.iter().map(|row| (row.size, row.ms_for_each())).collect();
        let memory: Vec<_> = rows.iter().map(|row| (row.size, row.mib())).collect();
        diagram(
            &mut out,
            MARGIN,
            top,
            &format!("processor time for each of the {name} (ms)"),
            &each,
        );
        diagram(&mut out, 3.0 * MARGIN + WIDTH, top, &format!("memory, by {name} (MiB)"), &memory);
        top += HEIGHT + 2.0 * MARGIN;
    }
    out.push_str("</svg>\n");
    out
}

/// Both axes begin at 0.
#[expect(clippy::cast_precision_loss, reason = "a few hundred")]
fn diagram(out: &mut String, left: f64, top: f64, title: &str, points: &[(usize, f64)]) {
    let most_x = points.iter().map(|(x, _)| *x as f64).fold(1.0, f64::max);
    let most_y = points.iter().map(|(_, y)| *y).fold(f64::MIN_POSITIVE, f64::max) * 1.1;
    let at =
        |x: usize, y: f64| (left + WIDTH * x as f64 / most_x, top + HEIGHT * (1.0 - y / most_y));
    let bottom = top + HEIGHT;
    let line: Vec<_> =
        points.iter().map(|(x, y)| at(*x, *y)).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let right = left + WIDTH;
    let parts = [
        format!("<text x=\"{left}\" y=\"{:.1}\">{title}</text>", top - 10.0),
        format!("<path d=\"M{left} {top}V{bottom}H{right}\" fill=\"none\" stroke=\"#888\"/>"),
        format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"#1f6feb\" stroke-width=\"2\"/>",
            line.join(" ")
        ),
    ];
    for part in parts {
        out.push_str(&part);
        out.push('\n');
    }
    for (x, y) in points {
        let (px, py) = at(*x, *y);
        let written = writeln!(
            out,
            "<circle cx=\"{px:.1}\" cy=\"{py:.1}\" r=\"3\" fill=\"#1f6feb\"/><text x=\"{px:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{y:.1}</text><text x=\"{px:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{x}</text>",
            py - 8.0,
            bottom + 16.0
        );
        debug_assert!(written.is_ok(), "a string takes everything");
    }
}
