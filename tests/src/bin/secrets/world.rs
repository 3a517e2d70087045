//! The worlds in which every command is called: where the secrets are, and what goes wrong.

use std::{collections::BTreeMap, io, path::Path, time::Duration};

use crate::{
    desk::{Desk, Login, Places, User},
    run::{Ran, run},
    scan::Found,
    service::{Behaviour, Identity, Received, Service},
};

/// Where the management cluster is: an address of this machine that is not 127.0.0.1, which a kubeconfig for
/// units must not have.
const MANAGEMENT: &str = "127.77.9.1";

/// One world.
#[derive(Clone, Copy, Debug)]
pub(crate) struct World {
    pub(crate) login: Login,
    pub(crate) user: User,
    pub(crate) behaviour: Behaviour,
    /// Whether the services' certificates are of nobody that is trusted.
    pub(crate) untrusted: bool,
    /// Whether Juju reaches the units, or SSH does.
    pub(crate) juju: bool,
    /// Whether there is a proxy with a password.
    pub(crate) proxy: bool,
}

impl World {
    /// All of them: each behaviour with the usual login, each other login and user, untrusted certificates.
    pub(crate) fn all() -> Vec<Self> {
        let usual = |behaviour| Self {
            login: Login::Clouds,
            user: User::Certificate,
            behaviour,
            untrusted: false,
            juju: true,
            proxy: false,
        };
        let mut all: Vec<_> = Behaviour::ALL.into_iter().map(usual).collect();
        let other = |login, user, behaviour| Self { login, user, juju: false, ..usual(behaviour) };
        all.extend([
            other(Login::Credential, User::Token, Behaviour::Refuses),
            other(Login::Token, User::Basic, Behaviour::Fails),
            other(Login::Openrc, User::Exec, Behaviour::Garbled),
            other(Login::Environment, User::Provider, Behaviour::LetsIn),
            Self {
                proxy: true,
                juju: true,
                ..other(Login::Environment, User::Token, Behaviour::Fails)
            },
            Self { untrusted: true, ..other(Login::Credential, User::Token, Behaviour::Fails) },
        ]);
        all
    }

    pub(crate) fn name(self) -> String {
        let Self { login, user, behaviour, untrusted, juju, proxy } = self;
        let certificates = if untrusted { ", untrusted certificates" } else { "" };
        let units = if juju { "Juju" } else { "SSH" };
        let proxy = if proxy { ", a proxy" } else { "" };
        format!("{login:?}, {user:?}, {units}, {}{certificates}{proxy}", behaviour.name())
    }

    /// Makes the home, and the servers that it names.
    pub(crate) fn desk(self, received: &Received) -> io::Result<Desk> {
        let mut desk = Desk::new()?;
        let token = desk.secret("the token of a login").value();
        let service = Service::new(self.behaviour, &token, received);
        let (identity, own) = (Identity::new(MANAGEMENT)?, Identity::new("127.0.0.1")?);
        let management = service.clone().listen(MANAGEMENT, Some(&identity))?;
        let keystone = if self.untrusted {
            format!("https://127.0.0.1:{}/v3", service.listen("127.0.0.1", Some(&own))?)
        } else {
            format!("http://127.0.0.1:{}/v3", service.listen("127.0.0.1", None)?)
        };
        let ca = if self.untrusted { own.certificate } else { identity.certificate };
        let places =
            Places { keystone, management: format!("https://{MANAGEMENT}:{management}"), ca };
        desk.login(self.login, &places.keystone)?;
        desk.kubeconfig(self.user, &places)?;
        let cloud = match self.login {
            Login::Clouds | Login::Credential | Login::Token => "name = \"here\"",
            Login::Openrc => "openrc = \"openrc\"",
            Login::Environment => "",
        };
        desk.site(cloud, self.juju)?;
        if self.proxy {
            let password = desk.secret("a proxy's password").in_url();
            let proxy = format!("http://u:{password}@127.0.0.1:1");
            let named = |name: &str| (name.to_owned(), proxy.clone());
            desk.secret_variables.extend(["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"].map(named));
        }
        texts(&mut desk)?;
        Ok(desk)
    }
}

/// Files with secrets that some commands read.
fn texts(desk: &mut Desk) -> io::Result<()> {
    let secret = desk.secret("a password").quoted();
    let option = desk.secret("an option of a charm").quoted();
    desk.write(
        "bundle.yaml",
        &format!(
            "applications:\n  keystone:\n    charm: keystone\n    channel: edge\n    num_units: x\n    options:\n      \
             admin-password: {option}\n      unknown-token: {option}\n      debug-secret: {option}\n"
        ),
    )?;
    desk.write(
        "overlay.yaml",
        &format!("applications:\n  keystone: {{options: {{admin-token: {option}}}}}\n"),
    )?;
    desk.write(
        "magnum.conf",
        &format!(
            "[keystone_auth]\npassword = {secret}\n[capi_helm]\nkubeconfig_file = {secret}\napi_resources = {secret}\n\
             transport_url = rabbit://u:{}@h/\n[database\nconnection = {secret}\n{secret}\n",
            desk.secret("a password in an address").in_url()
        ),
    )
}

/// What the commands did.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) cases: usize,
    pub(crate) codes: BTreeMap<Option<i32>, usize>,
    pub(crate) found: Found,
}

/// Calls `commands` in a world, and searches all that comes out.
pub(crate) fn call(
    program: &Path,
    world: World,
    commands: &[(String, Vec<String>)],
    received: &Received,
) -> io::Result<Tally> {
    let desk = world.desk(received)?;
    let mut tally = Tally::default();
    for (nth, (name, words)) in commands.iter().enumerate() {
        let what = format!("{name} ({})", world.name());
        let mut words = words.clone();
        words.extend(["-vv", "--timeout", "6s", "--trace", "trace.jsonl"].map(str::to_owned));
        if nth % 2 == 0 {
            words.extend(["--output", "json"].map(str::to_owned));
        }
        let ran = run(program, &desk, &words, None)?;
        tally.add(&desk, &what, &ran);
        tally.found.search_files(&desk, &what)?;
    }
    Ok(tally)
}

/// Kills a command after each of these times, and searches what it left.
pub(crate) fn killed(program: &Path, received: &Received) -> io::Result<Tally> {
    let world = World { behaviour: Behaviour::LetsIn, ..World::all().remove(0) };
    let desk = world.desk(received)?;
    let mut tally = Tally::default();
    for nth in 0..24 {
        let what = format!("check magnum, killed after {} ms", 4 * nth);
        drop(std::fs::remove_dir_all(desk.path().join("cache")));
        let words = ["check", "magnum", "--trace", "trace.jsonl"].map(str::to_owned);
        let ran = run(program, &desk, &words, Some(Duration::from_millis(4 * nth)))?;
        tally.add(&desk, &what, &ran);
        tally.found.search_files(&desk, &what)?;
    }
    Ok(tally)
}

impl Tally {
    pub(crate) fn add(&mut self, desk: &Desk, what: &str, ran: &Ran) {
        self.cases += 1;
        *self.codes.entry(ran.code).or_default() += 1;
        self.found.search_run(desk, what, ran);
        if String::from_utf8_lossy(&ran.stderr).contains("panicked") {
            self.found.leaks.insert(format!("{what}: it panicked"));
        }
    }

    pub(crate) fn join(&mut self, other: Self) {
        self.cases += other.cases;
        for (code, count) in other.codes {
            *self.codes.entry(code).or_default() += count;
        }
        self.found.leaks.extend(other.found.leaks);
        self.found.used.extend(other.found.used);
        self.found.bytes += other.found.bytes;
    }
}
