//! Charts as inline SVG. Words and numbers are text of the page, so that they keep their size on a narrow
//! screen; the pictures only repeat them.

use maud::{Markup, html};

use super::visible::visible;
use crate::acceptance::{Chart, Sample, Stage};

/// The width of a picture, in units of its own.
const WIDTH: f64 = 100.0;
/// The height of a curve.
const HEIGHT: f64 = 40.0;
/// The shortest bar that is seen.
const LEAST: f64 = 0.6;

/// Returns a figure of the chart.
pub(super) fn figure(chart: &Chart) -> Markup {
    html! {
        figure {
            figcaption { (visible(chart.title())) }
            @match chart {
                Chart::Stages { stages, .. } => (bars(stages)),
                Chart::Rate { unit, samples, .. } => (curve(unit, samples)),
            }
        }
    }
}

fn bars(stages: &[Stage]) -> Markup {
    let end = stages.iter().map(|one| one.from + one.seconds).fold(0.0, f64::max);
    let scale = if end > 0.0 { WIDTH / end } else { 0.0 };
    html! {
        div class="bars" {
            @for Stage { name, from, seconds, failed } in stages {
                div class="bar" {
                    span class="name" { (visible(name)) }
                    svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" {
                        rect class="track" x="0" y="0" width="100" height="10" {}
                        rect class=(if *failed { "bad" } else { "good" })
                            x=(number(from * scale)) y="0"
                            width=(number((seconds * scale).max(LEAST))) height="10" {}
                    }
                    span class="value" {
                        // What never answered took no time.
                        @if !*failed || *seconds > 0.0 { (time(*seconds)) " " }
                        @if *failed { "!" }
                    }
                }
            }
        }
    }
}

fn curve(unit: &str, samples: &[Sample]) -> Markup {
    let end = samples.iter().map(|one| one.at).fold(0.0, f64::max);
    let top = samples.iter().map(|one| one.value).fold(0.0, f64::max);
    let point = |one: &Sample| {
        let x = if end > 0.0 { one.at / end * WIDTH } else { 0.0 };
        let y = if top > 0.0 { HEIGHT - one.value / top * HEIGHT } else { HEIGHT };
        format!("{},{}", number(x), number(y))
    };
    let points: Vec<String> = samples.iter().map(point).collect();
    html! {
        div class="curve" {
            span class="value" { "most " (rate(top, unit)) }
            svg viewBox="0 0 100 40" preserveAspectRatio="none" aria-hidden="true" {
                rect class="track" x="0" y="0" width="100" height="40" {}
                polyline class="line" vector-effect="non-scaling-stroke" points=(points.join(" ")) {}
            }
            span class="value" { "0 s to " (time(end)) }
        }
    }
}

/// A number that is as long as it must be.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `0.04 s`, `21 s`, `3 min 12 s`.
pub(super) fn time(seconds: f64) -> String {
    if seconds >= 60.0 {
        let minutes = (seconds / 60.0).floor();
        format!("{minutes:.0} min {:.0} s", seconds - minutes * 60.0)
    } else if seconds >= 10.0 {
        format!("{seconds:.0} s")
    } else if seconds >= 1.0 {
        format!("{seconds:.1} s")
    } else {
        format!("{:.0} ms", seconds * 1000.0)
    }
}

fn rate(value: f64, unit: &str) -> String {
    const STEPS: [(f64, &str); 3] =
        [(1_073_741_824.0, "GiB"), (1_048_576.0, "MiB"), (1024.0, "KiB")];
    let per = unit.strip_prefix("bytes");
    let step = STEPS.into_iter().find(|(size, _)| per.is_some() && value >= *size);
    match (step, per) {
        (Some((size, name)), Some(per)) => format!("{:.1} {name}{per}", value / size),
        _ => format!("{value:.1} {}", visible(unit)),
    }
}
