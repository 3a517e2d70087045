//! `amphora-image`

use omega_core::Severity;

use super::{Application, Hit, Input, Rule};

pub(super) const RULE: Rule = Rule {
    id: "amphora-image",
    decision: Some("D-021"),
    severity: Severity::Broken,
    reason: "The retrofit builds the image that Octavia boots: from the internal endpoints, raw for Ceph, with the tag that Octavia looks for.",
    source: "openstack/charm-octavia-diskimage-retrofit src/config.yaml: amp-image-tag is empty, image-format qcow2; openstack/charm-octavia src/config.yaml: amp-image-tag is octavia-amphora",
};

pub(super) fn check(input: &Input<'_>) -> Vec<Hit> {
    let octavia = input.bundle.of("octavia").next();
    let tag = octavia
        .and_then(|octavia| octavia.option_text("amp-image-tag"))
        .unwrap_or("octavia-amphora");
    let mut hits = Vec::new();
    for retrofit in input.bundle.of("octavia-diskimage-retrofit") {
        if retrofit.option_flag("use-internal-endpoints") != Some(true) {
            hits.push(option(
                retrofit,
                "use-internal-endpoints",
                "true",
                "the retrofit can't resolve the public names on the metal network",
            ));
        }
        if retrofit.option_text("image-format") != Some("raw") {
            hits.push(option(
                retrofit,
                "image-format",
                "raw",
                "each amphora would copy and convert the image on Ceph",
            ));
        }
        if retrofit.option_text("amp-image-tag") != Some(tag) {
            hits.push(option(
                retrofit,
                "amp-image-tag",
                tag,
                "Octavia looks for its image by this tag",
            ));
        }
    }
    hits
}

fn option(retrofit: &Application, name: &str, right: &str, why: &str) -> Hit {
    let set = retrofit.option(name);
    let is =
        set.and_then(|value| value.text()).map_or("not set".to_owned(), |text| format!("{text:?}"));
    let hit = Hit::new(
        retrofit.option_place(name),
        &retrofit.name,
        format!("{name} is {is}: {why}"),
        format!("set {name}: {right}"),
    );
    match set {
        Some(value) => hit.fix(value.text(), right),
        None => hit,
    }
}
