//! The address plan as a picture: SVG without scripts, fonts or links.

use std::net::IpAddr;

use maud::{Markup, html};

use super::{
    meets::Meeting,
    plan::{AddressPlan, RangeKind},
    svg_blocks::{Block, Drawn, Row, blocks},
};
use crate::acceptance::render::visible::visible;

/// The width of the picture.
const WIDTH: u64 = 1000;
/// Where the bars begin, and how wide all addresses of a block are.
const LEFT: u64 = 400;
const BARS: u64 = 580;
const ROW: u64 = 22;
const HEAD: u64 = 34;
/// The narrowest bar that is seen.
const LEAST: u64 = 3;
/// The longest label, in characters: what fits on the left.
const LABEL: usize = 50;

/// Returns the picture of a plan: one block for addresses that belong together, a bar for each range, a line for
/// each virtual IP; what should not meet is red, and named at the end.
pub fn svg(plan: &AddressPlan) -> String {
    let blocks = blocks(plan);
    let clashes = clashes(plan);
    let mut y = 54;
    let mut tops = Vec::new();
    for block in &blocks {
        tops.push(y);
        y += HEAD + ROW * (block.rows.len() as u64) + 14;
    }
    let (legend, height) = of_legend(&blocks, y);
    let list = y + height + 24;
    let end = list + 20 * (clashes.len() as u64);
    let picture = html! {
        svg xmlns="http://www.w3.org/2000/svg" width=(WIDTH) height=(end)
            viewBox=(format!("0 0 {WIDTH} {end}")) role="img" font-family="sans-serif" font-size="13" fill="#1a1a1a" {
            title { "Address plan" }
            desc { (plan.ranges.len()) " ranges, " (clashes.len()) " overlaps" }
            defs {
                pattern id="clash" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                    rect width="6" height="6" fill="#ffffff" {}
                    rect width="3" height="6" fill="#c00020" {}
                }
            }
            rect width="100%" height="100%" fill="#ffffff" {}
            text x="20" y="32" font-size="18" font-weight="bold" { "Address plan" }
            @for (block, top) in blocks.iter().zip(&tops) { (of_block(block, *top)) }
            (legend)
            @for (nth, clash) in clashes.iter().enumerate() {
                text x="20" y=(list + 6 + 20 * nth as u64) fill="#c00020" { (visible(clash)) }
            }
        }
    };
    picture.into_string() + "\n"
}

/// Returns what should not meet, in words.
fn clashes(plan: &AddressPlan) -> Vec<String> {
    let real = plan.meetings().into_iter().filter(|(.., meeting)| *meeting != Meeting::Twice);
    real.map(|(one, other, _)| {
        format!("{}, {}, overlaps {}, {}", other.name, other.cidr, one.name, one.cidr)
    })
    .collect()
}

fn of_block(block: &Block, top: u64) -> Markup {
    let bottom = top + HEAD + ROW * (block.rows.len() as u64);
    html! {
        line x1="20" y1=(top) x2=(WIDTH - 20) y2=(top) stroke="#b0b0b0" {}
        text x="20" y=(top + 20) font-weight="bold" {
            (block.first.to_string())
            @if block.last != block.first { " – " (block.last.to_string()) }
        }
        line x1=(LEFT) y1=(top + HEAD - 4) x2=(LEFT) y2=(bottom) stroke="#d0d0d0" {}
        line x1=(LEFT + BARS) y1=(top + HEAD - 4) x2=(LEFT + BARS) y2=(bottom) stroke="#d0d0d0" {}
        @for (nth, row) in block.rows.iter().enumerate() {
            (of_row(block, row, top + HEAD + ROW * nth as u64))
        }
    }
}

fn of_row(block: &Block, row: &Row, y: u64) -> Markup {
    let is_red = !row.clashes.is_empty();
    html! {
        text x="32" y=(y + 15) fill=(if is_red { "#c00020" } else { "#1a1a1a" }) { (label(&row.label)) }
        @for (first, last) in &row.spans {
            @let (x, width) = bar(block, *first, *last);
            rect x=(x) y=(y + 3) width=(width) height=(ROW - 6) fill=(colour(row.drawn)) stroke="#404040" stroke-width="0.5" {
                title { (visible(&row.label)) }
            }
        }
        @for (first, last) in &row.clashes {
            @let (x, width) = bar(block, *first, *last);
            rect x=(x) y=(y + 1) width=(width) height=(ROW - 2) fill="url(#clash)" stroke="#c00020" {}
        }
    }
}

/// Returns what each colour means, and how high that is.
fn of_legend(blocks: &[Block], y: u64) -> (Markup, u64) {
    let mut drawn: Vec<Drawn> =
        blocks.iter().flat_map(|block| block.rows.iter().map(|row| row.drawn)).collect();
    drawn.sort_unstable();
    drawn.dedup();
    let (mut x, mut line) = (20, 0);
    let mut places: Vec<(u64, u64, Drawn)> = Vec::new();
    for one in drawn {
        // Each name gets the room that it needs.
        let room = 34 + 7 * (name(one).len() as u64);
        if x + room > WIDTH - 20 {
            (x, line) = (20, line + 1);
        }
        places.push((x, y + ROW * line, one));
        x += room;
    }
    let legend = html! {
        line x1="20" y1=(y) x2=(WIDTH - 20) y2=(y) stroke="#b0b0b0" {}
        @for (x, y, one) in places {
            rect x=(x) y=(y + 9) width="12" height="12" fill=(colour(one)) stroke="#404040" stroke-width="0.5" {}
            text x=(x + 17) y=(y + 20) font-size="12" { (name(one)) }
        }
    };
    (legend, ROW * (line + 1))
}

/// Returns where the bar of these addresses begins, and how wide it is.
fn bar(block: &Block, first: IpAddr, last: IpAddr) -> (u64, u64) {
    let (from, to) = (number(first), number(last));
    let begin = number(block.first);
    let size = number(block.last).saturating_sub(begin).saturating_add(1);
    // So large that the product would not fit: the last bits are not seen anyway.
    let shift = if size > u128::MAX / u128::from(BARS) { 16 } else { 0 };
    let scaled = |addresses: u128| {
        let scaled = (addresses >> shift) * u128::from(BARS) / (size >> shift).max(1);
        u64::try_from(scaled).unwrap_or(BARS)
    };
    let x = scaled(from.saturating_sub(begin)).min(BARS - LEAST);
    let width = scaled(to.saturating_sub(from).saturating_add(1)).clamp(LEAST, BARS - x);
    (LEFT + x, width)
}

/// Returns an address as a number.
pub(super) fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

fn label(text: &str) -> String {
    let text = visible(text);
    if text.chars().count() <= LABEL {
        return text.into_owned();
    }
    // The addresses are at the end.
    let (name, addresses) = text.rsplit_once(' ').unwrap_or(("", &text));
    let room = LABEL.saturating_sub(addresses.chars().count() + 2);
    format!("{}… {addresses}", name.chars().take(room).collect::<String>())
}

fn colour(drawn: Drawn) -> &'static str {
    match drawn {
        Drawn::Pool => "#e8b23a",
        Drawn::Addresses => "#1a1a1a",
        Drawn::Range(kind) => match kind {
            RangeKind::Network => "#3a78b8",
            RangeKind::Reserved => "#c4c8ce",
            RangeKind::Pool => "#cfe6cf",
            RangeKind::Tenant => "#2f8f4e",
            RangeKind::Nodes => "#7abf5a",
            RangeKind::Pods => "#9a78c0",
            RangeKind::Services => "#c0a0e0",
            RangeKind::External => "#8fbce6",
            RangeKind::Project => "#56b89c",
            RangeKind::Amphorae => "#c08a48",
            RangeKind::Route => "#e6d8c4",
        },
    }
}

fn name(drawn: Drawn) -> &'static str {
    match drawn {
        Drawn::Range(kind) => kind.name(),
        Drawn::Pool => "allocation pool",
        Drawn::Addresses => "virtual IPs",
    }
}
