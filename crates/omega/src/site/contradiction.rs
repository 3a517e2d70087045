//! Rules that a site file must follow as a whole.

use omega_core::Failure;
use toml::Spanned;

use super::{
    Acceptance, Conductor, Driver, Helm, Hypervisor, Project, Site, SshAddress, expected::usage,
    reading::Mistake, reading::keys,
};

/// Whether a rule is broken, where, what is wrong, and what to do.
type Rule<'a> = (bool, &'a [&'a str], &'a str, &'a str);

/// Returns each contradiction in the file.
pub(super) fn all(site: &Site) -> Vec<Mistake> {
    let mut found = Vec::new();
    found.extend(conductor(site));
    found.extend(project(site));
    found.extend(tables(site));
    found.extend(what_is_pinned(site));
    found.extend(addresses(site));
    if let Some(acceptance) = &site.acceptance {
        found.extend(of_acceptance(acceptance.get_ref()));
    }
    found
}

fn broken(rules: &[Rule<'_>]) -> Vec<Mistake> {
    let broken = rules.iter().filter(|(bad, ..)| *bad);
    let told = |(_, at, what, next): &Rule<'_>| {
        (at.iter().map(ToString::to_string).collect(), usage(*what, *next))
    };
    broken.map(told).collect()
}

fn tables(site: &Site) -> Vec<Mistake> {
    let cloud = site.cloud();
    let compute = site.compute.as_ref().map(Spanned::get_ref);
    let management = &site.management;
    let sources = management.sources.as_ref().is_some_and(|all| all.get_ref().is_empty());
    let path = management.path.as_ref();
    broken(&[
        (
            cloud.name.is_some() && cloud.openrc.is_some(),
            &["cloud"],
            "`name` and `openrc` contradict each other",
            "keep one",
        ),
        (
            compute.is_some_and(|one| one.settings().is_empty()),
            &["compute"],
            "[compute] needs `reserved_host_memory` or `resume_guests`",
            "set one of them, or remove the table",
        ),
        (
            sources,
            &["management", "sources"],
            "`sources` must list at least one address",
            "name the conductors' addresses: [\"10.20.0.0/16\"]",
        ),
        (
            path.is_some_and(|path| !path.get_ref().starts_with("/etc/magnum/")),
            &["management", "path"],
            "the kubeconfig must be below /etc/magnum, the service's directory",
            "leave `path` out: /etc/magnum/kubeconfig is the default",
        ),
    ])
}

/// What would not count is refused: a reader would think that it does.
fn project(site: &Site) -> Vec<Mistake> {
    let Some(project) = &site.management.project else { return Vec::new() };
    let Project { id, name, domain } = project.get_ref();
    let (by_id, by_name) = (id.is_some(), name.is_some() && domain.is_some());
    let next = match (name, domain) {
        (Some(_), None) => "add the name of its `domain`",
        (None, Some(_)) => "add its `name`",
        (_, _) => "write { name = \"…\", domain = \"…\" }",
    };
    let at = &["management", "project"];
    broken(&[
        (
            !by_id && !by_name,
            at,
            "management.project needs an `id`, or a `name` with its `domain`",
            next,
        ),
        (
            by_id && (name.is_some() || domain.is_some()),
            at,
            "management.project has an `id`, and a `name` or a `domain`: only the id would count",
            "keep `id`, or `name` with its `domain`",
        ),
    ])
}

fn conductor(site: &Site) -> Vec<Mistake> {
    let Some(conductor) = &site.conductor else { return Vec::new() };
    let Conductor { application, unit: units } = conductor.get_ref();
    let mut found = broken(&[
        (
            application.is_some() && !units.is_empty(),
            &["conductor"],
            "`application` (Juju) and `unit` (SSH) contradict each other",
            "keep one",
        ),
        (
            application.is_none() && units.is_empty(),
            &["conductor"],
            "[conductor] needs `application` (Juju) or `unit` (SSH)",
            "name the Juju application, or each unit with its address: [[conductor.unit]]",
        ),
    ]);
    for (nth, unit) in units.iter().enumerate() {
        let number = nth.to_string();
        let at = |key| ["conductor", "unit", &number, key];
        let is_twice = units.iter().take(nth).any(|other| other.name == unit.name);
        let what = "`ssh` and `jump` of a unit must be [user@]host[:port], without a password";
        found.extend(broken(&[
            (is_twice, &at("name"), "two units have the same name", "correct one, or remove it"),
            (is_no_address(Some(&unit.ssh)), &at("ssh"), what, SSH),
            (is_no_address(unit.jump.as_ref()), &at("jump"), what, SSH),
        ]));
    }
    found
}

const SSH: &str = "write ubuntu@10.12.8.20, or [2001:db8::1]:22";

fn is_no_address(text: Option<&String>) -> bool {
    text.is_some_and(|text| SshAddress::of(text).is_none())
}

fn what_is_pinned(site: &Site) -> Vec<Mistake> {
    let mut found = Vec::new();
    if let Some(driver) = &site.driver {
        let Driver { wheel, sha256, index, version: _ } = driver.get_ref();
        found.extend(broken(&[
            (
                wheel.is_some() && index.is_some(),
                &["driver"],
                "`wheel` and `index` contradict each other",
                "keep one",
            ),
            (
                wheel.is_some() != sha256.is_some(),
                &["driver"],
                "`wheel` and `sha256` must be set together: a wheel is pinned by its digest",
                "add the other: sha256sum WHEEL prints the digest",
            ),
        ]));
    }
    if let Some(helm) = &site.helm {
        let Helm { file, url, archive_sha256, member, version: _, sha256: _ } = helm.get_ref();
        found.extend(broken(&[
            (
                file.is_some() == url.is_some(),
                &["helm"],
                "set either `file` or `url`",
                if file.is_some() { "keep one" } else { "add the one by which helm is found" },
            ),
            (
                url.is_none() && archive_sha256.is_some(),
                &["helm", "archive_sha256"],
                "`archive_sha256` is for a download: it needs `url`",
                "remove it: `sha256` is the digest of the program itself",
            ),
            (
                archive_sha256.is_some() != member.is_some(),
                &["helm"],
                "`archive_sha256` and `member` must be set together",
                "add the other, or remove both",
            ),
        ]));
    }
    found
}

/// Addresses appear in plans, journals and messages, so they must not hold a secret.
fn addresses(site: &Site) -> Vec<Mistake> {
    const WHY: &str =
        "an address with a user, a password or a query in it would be kept in plans and journals";
    const PIP: &str = "give them to the unit's own configuration (pip.conf, netrc)";
    const FILE: &str = "download it, and name the file: `file` in [helm]";
    const CHART: &str =
        "use a repository that needs none: helm gets only this address from the driver";
    let driver = site.driver.as_ref().and_then(|one| one.get_ref().index.as_deref());
    let helm = site.helm.as_ref().and_then(|one| one.get_ref().url.as_deref());
    let chart = site.chart.as_ref().map(|one| one.get_ref().repo.as_str());
    broken(&[
        (driver.is_some_and(has_user), &["driver", "index"], WHY, PIP),
        (helm.is_some_and(has_user), &["helm", "url"], WHY, FILE),
        (chart.is_some_and(has_user), &["chart", "repo"], WHY, CHART),
    ])
}

/// A user, a password, or a query, which may be a signature.
fn has_user(address: &str) -> bool {
    address.contains(['@', '?'])
}

fn of_acceptance(acceptance: &Acceptance) -> Vec<Mistake> {
    let Acceptance { horizon, tenant, tenant_address, vault, hypervisor, core, .. } = acceptance;
    let what = "`ssh` and `jump` must be [user@]host[:port], without a password";
    let tenant_ssh = tenant.as_ref().map(|one| &one.ssh);
    let tenant_jump = tenant.as_ref().and_then(|one| one.jump.as_ref());
    let mut found = broken(&[
        (is_no_address(tenant_ssh), &["acceptance", "tenant", "ssh"], what, SSH),
        (is_no_address(tenant_jump), &["acceptance", "tenant", "jump"], what, SSH),
        (
            core.as_ref().is_some_and(Vec::is_empty),
            &["acceptance", "core"],
            "`core` must list at least one service",
            "name the services by their type in the catalog, or leave `core` out for the runbook's",
        ),
    ]);
    let one = |key: &'static str, url: Option<&url::Url>| (keys(["acceptance", key]), url.cloned());
    let vault = vault
        .iter()
        .enumerate()
        .map(|(nth, url)| (keys(["acceptance", "vault", &nth.to_string()]), Some(url.clone())));
    let urls = [one("horizon", horizon.as_ref()), one("tenant_address", tenant_address.as_ref())];
    for (at, url) in urls.into_iter().chain(vault) {
        let odd = |url: &url::Url| {
            has_user(url.as_str()) || !["http", "https"].contains(&url.scheme()) || !url.has_host()
        };
        found.extend(url.filter(odd).map(|_| (at, no_web_address())));
    }
    for (nth, one) in hypervisor.iter().enumerate() {
        found.extend(of_hypervisor(&nth.to_string(), one));
    }
    found.extend(acceptance.mistakes());
    found
}

/// Returns that a value is no address of a web server.
pub(super) fn no_web_address() -> Failure {
    let what = "an address must be http(s)://host[:port], without a user, a password or a query";
    usage(what, "write it as in https://10.12.8.11:8200")
}

fn of_hypervisor(nth: &str, hypervisor: &Hypervisor) -> Vec<Mistake> {
    let Hypervisor { ssh, jump, virsh, domains, snapshots } = hypervisor;
    let table = ["acceptance", "hypervisor", nth];
    let at = |key: &'static str| [table[0], table[1], table[2], key];
    let what = "`ssh` and `jump` must be [user@]host[:port], without a password";
    let named = "a domain, a snapshot or a program has a name, which does not begin with a hyphen";
    let name = "write the name as virsh lists it";
    let is_odd =
        |name: &String| name.is_empty() || name.starts_with('-') || name.contains(char::is_control);
    let mut found = broken(&[
        (is_no_address(ssh.as_ref()), &at("ssh"), what, SSH),
        (is_no_address(jump.as_ref()), &at("jump"), what, SSH),
        (
            ssh.is_none() && jump.is_some(),
            &table,
            "`jump` needs `ssh`",
            "add the machine that is reached through it",
        ),
        (
            domains.is_empty(),
            &table,
            "a hypervisor must name at least one of its `domains`",
            "virsh list --all shows them",
        ),
        (virsh.as_ref().is_some_and(is_odd), &at("virsh"), named, "write the program's name"),
    ]);
    for (key, names) in [("domains", domains), ("snapshots", snapshots)] {
        for (number, _) in names.iter().enumerate().filter(|(_, name)| is_odd(name)) {
            let number = number.to_string();
            let at = [table[0], table[1], table[2], key, &number];
            found.extend(broken(&[(true, &at, named, name)]));
        }
    }
    found
}
