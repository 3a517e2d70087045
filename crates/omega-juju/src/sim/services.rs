//! systemd, as far as restarts need it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    config::{self, Options},
    files::Files,
    python::Python,
    recorded,
    shell::Shell,
};

/// systemd's default PATH.
pub(super) const FREE_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

#[derive(Clone, Debug)]
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) started: i64,
    pub(super) cmdline: Vec<String>,
    pub(super) path: Vec<String>,
    /// The options that it read when it started.
    pub(super) options: Options,
    /// The driver that it imported.
    pub(super) driver: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Service {
    /// `ExecStart` of the package's unit file.
    pub(super) packaged: String,
    pub(super) masked: bool,
    /// `ExecStart` and the drop-ins at the last daemon-reload.
    pub(super) exec_start: Vec<String>,
    pub(super) drop_ins: Vec<String>,
    /// The texts of the drop-ins at the last daemon-reload.
    loaded: Vec<String>,
    pub(super) process: Option<Process>,
    pub(super) failed: bool,
    pub(super) restarts: u32,
    pub(super) log: Vec<String>,
}

#[derive(Clone, Debug)]
pub(super) struct Services {
    pub(super) all: BTreeMap<String, Service>,
    /// `User` of every service.
    pub(super) user: String,
    pids: u32,
}

impl Default for Services {
    fn default() -> Self {
        Self { all: BTreeMap::new(), user: USER.to_owned(), pids: 0 }
    }
}

pub(super) const USER: &str = "magnum";

/// The arguments and the PATH that the init script sets, or its error message.
pub(super) fn show_args(
    files: &Files,
    service: &str,
) -> Option<Result<(Vec<String>, String), String>> {
    let path = format!("/etc/init.d/{service}");
    let script = files.read(&path, USER)?;
    let mut shell = Shell::new(files, USER);
    shell.variables.insert("PATH".to_owned(), FREE_PATH.to_owned());
    let parsed = shell.run(&script) && !shell.failed;
    if !parsed {
        return Some(Err(format!(
            "{path} show-args: exit status 2: /etc/default/{service}: Syntax error"
        )));
    }
    let mut args = shell.words("DAEMON");
    args.extend(shell.words("DAEMON_ARGS"));
    let path = shell.variables.get("PATH").cloned().unwrap_or_default();
    Some(Ok((if shell.exited { Vec::new() } else { args }, path)))
}

impl Services {
    pub(super) fn add(&mut self, name: &str) {
        let packaged =
            recorded::text(recorded::at(&recorded::service("magnum-conductor"), "exec_start"))
                .replace("magnum-conductor", name);
        self.all.insert(name.to_owned(), Service { packaged, ..Service::default() });
    }

    /// `LoadState`.
    pub(super) fn load_state(&self, name: &str) -> &'static str {
        match self.all.get(name) {
            None => "not-found",
            Some(service) if service.masked => "masked",
            Some(_) => "loaded",
        }
    }

    /// `systemctl cat`.
    pub(super) fn unit_file(&self, name: &str, files: &Files) -> Option<String> {
        let service = self.all.get(name)?;
        if service.masked {
            return Some(format!("# Unit {name}.service is masked.\n"));
        }
        let start = &service.packaged;
        let packaged =
            format!("# /lib/systemd/system/{name}.service\n[Service]\nExecStart={start}\n");
        let texts = texts(&service.drop_ins, files);
        let drop_ins = service.drop_ins.iter().zip(texts);
        Some(drop_ins.fold(packaged, |all, (path, text)| format!("{all}\n# {path}\n{text}")))
    }

    /// `systemctl daemon-reload`.
    pub(super) fn reload(&mut self, files: &Files) {
        for (name, service) in &mut self.all {
            service.drop_ins = drop_ins(name, files);
            service.loaded = texts(&service.drop_ins, files);
            service.exec_start = vec![service.packaged.clone()];
            for text in &service.loaded {
                for line in text.lines().filter_map(|line| line.trim().strip_prefix("ExecStart=")) {
                    if line.is_empty() {
                        service.exec_start.clear();
                    } else {
                        service.exec_start.push(line.to_owned());
                    }
                }
            }
        }
    }

    /// `NeedDaemonReload`.
    pub(super) fn needs_reload(&self, name: &str, files: &Files) -> bool {
        let now = drop_ins(name, files);
        self.all
            .get(name)
            .is_some_and(|service| service.drop_ins != now || service.loaded != texts(&now, files))
    }

    /// `systemctl restart`. The error is the daemon's log.
    pub(super) fn restart(
        &mut self,
        name: &str,
        files: &Files,
        python: &Python,
        now: i64,
    ) -> Result<(), Vec<String>> {
        self.pids += 40;
        let pid = 30 + self.pids;
        let Some(service) = self.all.get_mut(name) else { return Ok(()) };
        service.restarts = 0;
        match started(service, name, files, python) {
            Ok(process) => {
                service.process = Some(Process { pid, started: now, ..process });
                service.failed = false;
                service.log = Vec::new();
                Ok(())
            }
            Err(log) => {
                service.process = None;
                service.failed = true;
                service.restarts = 1;
                service.log.clone_from(&log);
                Err(log)
            }
        }
    }
}

fn drop_ins(name: &str, files: &Files) -> Vec<String> {
    let home = format!("/etc/systemd/system/{name}.service.d");
    let names = files.names(&home).unwrap_or_default();
    let confs = names.iter().filter(|name| config::is_conf(name));
    confs.map(|name| format!("{home}/{name}")).collect()
}

fn texts(paths: &[String], files: &Files) -> Vec<String> {
    paths.iter().map(|path| files.read(path, "root").unwrap_or_default()).collect()
}

fn started(
    service: &Service,
    name: &str,
    files: &Files,
    python: &Python,
) -> Result<Process, Vec<String>> {
    let [start] = service.exec_start.as_slice() else {
        return Err(vec!["Service has more than one ExecStart= setting".to_owned()]);
    };
    let words: Vec<String> = start.split_whitespace().map(str::to_owned).collect();
    let (args, path) = if words.first().is_some_and(|word| word.starts_with("/etc/init.d/")) {
        match show_args(files, name) {
            Some(Ok((args, path))) => (args, path),
            Some(Err(why)) => return Err(vec![why]),
            None => return Err(vec![format!("{start}: No such file or directory")]),
        }
    } else {
        (words, FREE_PATH.to_owned())
    };
    let loaded = config::load(files, "magnum", name, &args, USER).map_err(|why| {
        let mut log = recorded::log_tail();
        log.pop();
        log.push(format!("oslo_config.cfg.{why}"));
        log
    })?;
    let cmdline = std::iter::once(python.program.clone()).chain(args).collect();
    let path = path.split(':').map(str::to_owned).collect();
    let options = loaded.options;
    let driver = python.driver().filter(|version| imports(version, &options));
    Ok(Process { pid: 0, started: 0, cmdline, path, options, driver })
}

/// Whether the driver can be imported: 1.4.0 parses an option at import. (Without it, the daemon
/// still runs, as observed on a real unit.)
pub(super) fn imports(version: &str, options: &Options) -> bool {
    let value = options.get(&("capi_helm".to_owned(), "api_resources".to_owned()));
    let Some(value) = value.filter(|_| version == "1.4.0") else { return true };
    match serde_json::from_str::<Value>(value) {
        Ok(Value::Object(kinds)) => kinds.values().all(Value::is_object),
        Ok(_) | Err(_) => false,
    }
}
