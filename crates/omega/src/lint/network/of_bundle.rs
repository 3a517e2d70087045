//! The virtual IPs of a bundle.

use omega_core::{Severity, Subject};

use super::{
    super::{
        LintFinding, SourceFile,
        bundle::{Bundle, position, rules::vips},
    },
    plan::PlannedAddress,
    rules::VIP_OUTSIDE,
};

/// Returns the virtual IPs that are addresses. What is none is found by `vip-in-pool`.
pub(super) fn addresses(bundle: &Bundle, files: &[SourceFile]) -> Vec<PlannedAddress> {
    let applications = bundle.applications.iter();
    let of = applications.flat_map(|application| {
        let position = position(files, application.option_place("vip"));
        vips(application).into_iter().filter_map(move |vip| {
            let address = vip.parse().ok()?;
            let application = application.name.clone();
            Some(PlannedAddress { application, address, position: position.clone() })
        })
    });
    of.collect()
}

/// Returns the applications whose virtual IPs are in another file, which only Juju reads.
pub(super) fn unknown(bundle: &Bundle, files: &[SourceFile]) -> Vec<LintFinding> {
    let hidden = bundle.applications.iter().filter(|application| {
        application.option_text("vip").is_some_and(|text| text.starts_with("include-"))
    });
    let finding = |application: &super::super::bundle::Application| {
        let position = position(files, application.option_place("vip"));
        let subject = Subject::new("application", &application.name);
        let summary = "its virtual IPs are in a file that Juju reads: they are not checked";
        let remedy = "write the addresses into the bundle or an overlay";
        VIP_OUTSIDE.found(Some(position), subject, summary, remedy).severity(Severity::Unknown)
    };
    hidden.map(finding).collect()
}
