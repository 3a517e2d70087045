//! Rules that a site file must follow as a whole.

use std::ops::Range;

use super::{Acceptance, Conductor, Driver, Helm, Management, Site};

type Rule = (bool, Range<usize>, &'static str);

/// Returns the place and the message of each contradiction in the file.
pub(super) fn all(site: &Site) -> Vec<(Range<usize>, &'static str)> {
    let rules = [where_it_is(site), what_is_pinned(site), addresses(site), acceptance(site)];
    let broken = rules.into_iter().flatten().filter(|(bad, ..)| *bad);
    broken.map(|(_, span, why)| (span, why)).collect()
}

fn where_it_is(site: &Site) -> Vec<Rule> {
    let mut rules = Vec::new();
    if let Some(cloud) = &site.cloud {
        let both = cloud.get_ref().name.is_some() && cloud.get_ref().openrc.is_some();
        rules.push((both, cloud.span(), "`name` and `openrc` contradict each other: keep one"));
    }
    if let Some(conductor) = &site.conductor {
        rules
            .extend(conductors(conductor.get_ref()).map(|(bad, why)| (bad, conductor.span(), why)));
    }
    if let Some(compute) = &site.compute {
        let nothing = compute.get_ref().settings().is_empty();
        rules.push((
            nothing,
            compute.span(),
            "[compute] needs `reserved_host_memory` or `resume_guests`",
        ));
    }
    let Management { project, sources, path, .. } = &site.management;
    if let Some(project) = project {
        let by_name = project.get_ref().name.is_some() && project.get_ref().domain.is_some();
        rules.push((
            project.get_ref().id.is_some() == by_name,
            project.span(),
            "management.project needs an `id`, or a `name` with its `domain`",
        ));
    }
    if let Some(sources) = sources {
        let none = sources.get_ref().is_empty();
        rules.push((none, sources.span(), "`sources` must list at least one address"));
    }
    if let Some(path) = path {
        rules.push((
            !path.get_ref().starts_with("/etc/magnum/"),
            path.span(),
            "the kubeconfig must be below /etc/magnum, the service's directory",
        ));
    }
    rules
}

fn conductors(conductor: &Conductor) -> [(bool, &'static str); 4] {
    let Conductor { application, unit: units } = conductor;
    let twice = |(nth, unit): (usize, &super::SshUnit)| {
        units.iter().take(nth).any(|other| other.name == unit.name)
    };
    let odd = |unit: &super::SshUnit| {
        !is_ssh_address(&unit.ssh) || unit.jump.as_ref().is_some_and(|at| !is_ssh_address(at))
    };
    [
        (
            application.is_some() && !units.is_empty(),
            "`application` (Juju) and `unit` (SSH) contradict each other: keep one",
        ),
        (
            application.is_none() && units.is_empty(),
            "[conductor] needs `application` (Juju) or `unit` (SSH)",
        ),
        (units.iter().enumerate().any(twice), "two units have the same name"),
        (
            units.iter().any(odd),
            "`ssh` and `jump` of a unit must be [user@]host[:port], without a password",
        ),
    ]
}

/// Whether it can be `[user@]host[:port]`. A password in it would be shown with the host.
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

fn what_is_pinned(site: &Site) -> Vec<Rule> {
    let mut rules = Vec::new();
    if let Some(driver) = &site.driver {
        let Driver { wheel, sha256, index, version: _ } = driver.get_ref();
        let all = [
            (
                wheel.is_some() && index.is_some(),
                "`wheel` and `index` contradict each other: keep one",
            ),
            (
                wheel.is_some() != sha256.is_some(),
                "`wheel` and `sha256` must be set together: a wheel is pinned by its digest",
            ),
        ];
        rules.extend(all.map(|(bad, why)| (bad, driver.span(), why)));
    }
    if let Some(helm) = &site.helm {
        let Helm { file, url, archive_sha256, member, version: _, sha256: _ } = helm.get_ref();
        let all = [
            (file.is_some() == url.is_some(), "set either `file` or `url`"),
            (
                url.is_none() && archive_sha256.is_some(),
                "`archive_sha256` is for a download: it needs `url`",
            ),
            (
                archive_sha256.is_some() != member.is_some(),
                "`archive_sha256` and `member` must be set together",
            ),
        ];
        rules.extend(all.map(|(bad, why)| (bad, helm.span(), why)));
    }
    rules
}

fn acceptance(site: &Site) -> Vec<Rule> {
    let Some(spanned) = &site.acceptance else { return Vec::new() };
    let Acceptance { horizon, tenant, tenant_address, vault, hypervisor, core, .. } =
        spanned.get_ref();
    let hosts = hypervisor.iter().filter_map(|one| one.ssh.as_ref());
    let jumps = hypervisor.iter().filter_map(|one| one.jump.as_ref());
    let tenants = tenant.iter().flat_map(|one| [Some(&one.ssh), one.jump.as_ref()]).flatten();
    let mut machines = hosts.chain(jumps).chain(tenants);
    let mut urls = vault.iter().chain(horizon).chain(tenant_address);
    let names = hypervisor.iter().flat_map(|one| one.domains.iter().chain(&one.snapshots));
    let programs = hypervisor.iter().filter_map(|one| one.virsh.as_ref());
    let is_odd =
        |name: &String| name.is_empty() || name.starts_with('-') || name.contains(char::is_control);
    let all = [
        (
            machines.any(|one| !is_ssh_address(one)),
            "`ssh` and `jump` must be [user@]host[:port], without a password",
        ),
        (
            urls.any(|url| has_user(url.as_str()) || !["http", "https"].contains(&url.scheme())),
            "an address must be http(s)://host[:port], without a user, a password or a query",
        ),
        (
            hypervisor.iter().any(|one| one.ssh.is_none() && one.jump.is_some()),
            "`jump` needs `ssh`",
        ),
        (
            hypervisor.iter().any(|one| one.domains.is_empty()),
            "a hypervisor must name at least one of its `domains`",
        ),
        (
            names.chain(programs).any(is_odd),
            "a domain, a snapshot or a program has a name, which does not begin with a hyphen",
        ),
        (core.as_ref().is_some_and(Vec::is_empty), "`core` must list at least one service"),
    ];
    all.map(|(bad, why)| (bad, spanned.span(), why)).into()
}

/// Addresses appear in plans, journals and messages, so they must not hold a secret.
fn addresses(site: &Site) -> Vec<Rule> {
    const WHY: &str = "an address with a user, a password or a query in it would be kept in plans and \
                       journals: give them to the unit's own configuration (pip.conf, netrc)";
    let mut rules = Vec::new();
    if let Some(driver) = &site.driver {
        let index = driver.get_ref().index.as_deref();
        rules.push((index.is_some_and(has_user), driver.span(), WHY));
    }
    if let Some(helm) = &site.helm {
        rules.push((helm.get_ref().url.as_deref().is_some_and(has_user), helm.span(), WHY));
    }
    if let Some(chart) = &site.chart {
        rules.push((has_user(&chart.get_ref().repo), chart.span(), WHY));
    }
    rules
}

/// A user, a password, or a query, which may be a signature.
fn has_user(address: &str) -> bool {
    address.contains(['@', '?'])
}
