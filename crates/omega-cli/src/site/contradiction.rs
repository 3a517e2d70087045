//! What no single key of a site file says wrongly, and all of them together do.

use std::ops::Range;

use super::Site;

type Rule = (bool, Range<usize>, &'static str);

/// Returns the place and the words of the first contradiction in the file.
pub(super) fn of(site: &Site) -> Option<(Range<usize>, &'static str)> {
    let all = where_it_is(site).into_iter().chain(what_is_pinned(site)).chain(addresses(site));
    all.into_iter().find(|(bad, ..)| *bad).map(|(_, span, why)| (span, why))
}

fn where_it_is(site: &Site) -> [Rule; 8] {
    let (cloud, conductor) = (site.cloud.get_ref(), site.conductor.get_ref());
    let (project, path) = (&site.management.project, &site.management.path);
    let by_name = project.get_ref().name.is_some() && project.get_ref().domain.is_some();
    let twice = |(nth, unit): (usize, &super::SshUnit)| {
        conductor.unit.iter().take(nth).any(|other| other.name == unit.name)
    };
    [
        (
            cloud.name.is_some() && cloud.openrc.is_some(),
            site.cloud.span(),
            "`name` and `openrc` contradict each other: keep one",
        ),
        (
            conductor.application.is_some() && !conductor.unit.is_empty(),
            site.conductor.span(),
            "`application` (Juju) and `unit` (SSH) contradict each other: keep one",
        ),
        (
            conductor.application.is_none() && conductor.unit.is_empty(),
            site.conductor.span(),
            "neither `application` (Juju) nor `unit` (SSH) says where the conductor runs",
        ),
        (
            conductor.unit.iter().enumerate().any(twice),
            site.conductor.span(),
            "two of `unit` have the same name",
        ),
        (
            conductor.unit.iter().any(|unit| {
                !is_ssh_address(&unit.ssh)
                    || unit.jump.as_ref().is_some_and(|at| !is_ssh_address(at))
            }),
            site.conductor.span(),
            "`ssh` and `jump` of a unit are [user@]host[:port], without a password",
        ),
        (
            project.get_ref().id.is_some() == by_name,
            project.span(),
            "management.project wants an `id`, or a `name` with its `domain`",
        ),
        (
            site.management.sources.get_ref().is_empty(),
            site.management.sources.span(),
            "without an address in `sources` no conductor is let in",
        ),
        (
            !path.get_ref().starts_with("/etc/magnum/"),
            path.span(),
            "the kubeconfig goes below /etc/magnum, which is the service's own",
        ),
    ]
}

/// Whether it can be `[user@]host[:port]`. A password in it would be shown wherever the host is.
fn is_ssh_address(text: &str) -> bool {
    let plain = |part: &str| {
        let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | '@');
        !part.is_empty() && !part.contains(odd)
    };
    match text.split_once('@') {
        Some((user, host)) => plain(user) && !user.contains(':') && plain(host),
        None => plain(text),
    }
}

fn what_is_pinned(site: &Site) -> [Rule; 5] {
    let (driver, helm) = (site.driver.get_ref(), site.helm.get_ref());
    [
        (
            driver.wheel.is_some() && driver.index.is_some(),
            site.driver.span(),
            "`wheel` and `index` contradict each other: keep one",
        ),
        (
            driver.wheel.is_some() != driver.sha256.is_some(),
            site.driver.span(),
            "`wheel` and `sha256` go together: a wheel is pinned by its digest",
        ),
        (
            helm.file.is_some() == helm.url.is_some(),
            site.helm.span(),
            "give either `file` or `url`",
        ),
        (
            helm.url.is_none() && helm.archive_sha256.is_some(),
            site.helm.span(),
            "`archive_sha256` is about a download: it goes with `url`",
        ),
        (
            helm.archive_sha256.is_some() != helm.member.is_some(),
            site.helm.span(),
            "`archive_sha256` and `member` go together",
        ),
    ]
}

/// An address is shown, planned and journaled, so it can't hold a secret.
fn addresses(site: &Site) -> [Rule; 3] {
    const WHY: &str = "an address with a user, a password or a query in it would be kept in plans and \
                       journals: give them to the unit's own configuration (pip.conf, netrc)";
    let (driver, helm) = (site.driver.get_ref(), site.helm.get_ref());
    [
        (driver.index.as_deref().is_some_and(has_user), site.driver.span(), WHY),
        (helm.url.as_deref().is_some_and(has_user), site.helm.span(), WHY),
        (has_user(&site.chart.get_ref().repo), site.chart.span(), WHY),
    ]
}

/// A user, a password, or a query, which may be a signature.
fn has_user(address: &str) -> bool {
    address.contains(['@', '?'])
}
