//! `stage-image` as it is started, with Keystone, Glance (the simulator) and a file server on loopback.

use std::{
    io::Write as _,
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
};

use omega::{
    core::values::Sha512,
    openstack::{Method, Request, Service, Upload, sim::Cloud},
};
use serde_json::json;

use super::*;

/// The services of a cloud and of a publisher of images, at one address.
struct Services {
    at: String,
    cloud: Cloud,
    /// What is served besides the cloud.
    files: Mutex<Vec<(String, Vec<u8>)>>,
    /// Whether Glance takes bytes for ever.
    slow: AtomicBool,
    seen: Mutex<Vec<String>>,
    /// Told of each upload that Glance does not end, and of each tunnel that a proxy is asked for.
    begun: mpsc::Sender<String>,
}

/// One request: its first line, its headers in lower case, and its body once it is read.
struct Asked {
    stream: BufReader<TcpStream>,
    line: String,
    head: String,
}

impl Asked {
    fn read(stream: TcpStream) -> Option<Self> {
        let (mut stream, mut line, mut head) =
            (BufReader::new(stream), String::new(), String::new());
        stream.read_line(&mut line).ok().filter(|count| *count > 0)?;
        loop {
            let mut next = String::new();
            stream.read_line(&mut next).ok().filter(|count| *count > 0)?;
            if next == "\r\n" {
                return Some(Self { stream, line: line.trim().to_owned(), head });
            }
            head.push_str(&next.to_lowercase());
        }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            .map(str::trim)
    }

    fn exactly(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    fn body(&mut self) -> Vec<u8> {
        if self.header("transfer-encoding") != Some("chunked") {
            let length = self.header("content-length").and_then(|text| text.parse().ok());
            return self.exactly(length.unwrap_or_default());
        }
        let mut all = Vec::new();
        loop {
            let mut size = String::new();
            self.stream.read_line(&mut size).unwrap();
            let size = usize::from_str_radix(size.trim(), 16).unwrap();
            all.extend(self.exactly(size));
            self.exactly(2);
            if size == 0 {
                return all;
            }
        }
    }

    fn answer(mut self, status: u16, headers: &str, body: &[u8]) {
        let stream = self.stream.get_mut();
        let length = body.len();
        // The client may be gone.
        drop(write!(
            stream,
            "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n"
        ));
        drop(stream.write_all(body));
    }
}

impl Services {
    fn start() -> (Arc<Self>, mpsc::Receiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = format!("http://{}", listener.local_addr().unwrap());
        let (begun, told) = mpsc::channel();
        let (files, slow, seen) = (Mutex::default(), AtomicBool::new(false), Mutex::default());
        let services = Arc::new(Self { at, cloud: Cloud::new(), files, slow, seen, begun });
        let serving = Arc::clone(&services);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let services = Arc::clone(&serving);
                std::thread::spawn(move || Asked::read(stream).map(|asked| services.answer(asked)));
            }
        });
        (services, told)
    }

    fn answer(&self, mut asked: Asked) {
        let line = asked.line.clone();
        self.seen.lock().unwrap().push(line.clone());
        let (method, rest) = line.split_once(' ').unwrap();
        let target = rest.split(' ').next().unwrap();
        if method == "CONNECT" {
            self.begun.send(target.to_owned()).unwrap();
            return asked.answer(403, "", b"");
        }
        let file = self.files.lock().unwrap().iter().find(|(path, _)| path == target).cloned();
        if let Some((_, bytes)) = file {
            return asked.answer(200, "ETag: \"one\"\r\n", &bytes);
        }
        if target.starts_with("/v3/auth/tokens") {
            asked.body();
            let token = self.token().to_string();
            let headers = "Content-Type: application/json\r\nX-Subject-Token: t\r\n";
            return asked.answer(201, headers, token.as_bytes());
        }
        if target.ends_with("/stage") && self.slow.load(Ordering::SeqCst) {
            asked.exactly(100_000);
            self.begun.send(target.to_owned()).unwrap();
            // Until the client is gone.
            drop(std::io::copy(&mut asked.stream, &mut std::io::sink()));
            return;
        }
        let body = asked.body();
        let (status, text) = self.glance(method, target, body);
        asked.answer(status, "Content-Type: application/json\r\n", text.as_bytes());
    }

    /// Keystone's answer to a login.
    fn token(&self) -> Value {
        let endpoint =
            json!({ "interface": "public", "region_id": "One", "region": "One", "url": self.at });
        json!({ "token": {
            "expires_at": "2099-01-01T00:00:00.000000Z",
            "user": { "id": "u", "name": "op", "domain": { "id": "d", "name": "d" } },
            "project": { "id": "p", "name": "mgmt", "domain": { "id": "d", "name": "d" } },
            "roles": [{ "id": "r", "name": "member" }],
            "catalog": [{ "type": "image", "endpoints": [endpoint] }],
        } })
    }

    /// The simulator's answer.
    fn glance(&self, method: &str, target: &str, body: Vec<u8>) -> (u16, String) {
        let url = url::Url::parse(&format!("http://glance{target}")).unwrap();
        let path: Vec<&str> = url.path_segments().unwrap().skip(1).collect();
        let method = match method {
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "PATCH" => Method::Patch,
            "DELETE" => Method::Delete,
            _ => Method::Get,
        };
        let mut request = Request::new(Service::Image, method, &path);
        request.query.extend(url.query_pairs().into_owned());
        let request = if path.last() == Some(&"stage") {
            let length = body.len() as u64;
            let bytes = Upload::new(Some(length), move || {
                let all = body.clone().into();
                Box::pin(futures::stream::once(async { Ok(all) }))
            });
            request.upload(bytes)
        } else if body.is_empty() {
            request
        } else {
            request.body(serde_json::from_slice(&body).unwrap())
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let answer = runtime.block_on(self.cloud.member("mgmt").send(request)).unwrap();
        let text = match answer.body.as_str() {
            Some(text) => text.to_owned(),
            None if answer.body.is_null() => String::new(),
            None => answer.body.to_string(),
        };
        (answer.status, text)
    }

    fn writes(&self) -> usize {
        self.cloud.writes().len()
    }

    /// A home from which they are used.
    fn home(&self) -> Home {
        let home = Home::new();
        let at = &self.at;
        let auth = format!(
            "auth_url: '{at}/v3', username: u, password: p, user_domain_name: d, project_name: mgmt, \
             project_domain_name: d"
        );
        home.write("clouds.yaml", &format!("clouds:\n  here:\n    auth: {{{auth}}}\n"));
        home.write("omega.toml", "[cloud]\nname = \"here\"\n");
        home
    }

    /// Publishes an image and a manifest that has it, under two names of builds.
    fn publish(&self) -> (Vec<u8>, String) {
        // QEMU, docs/interop/qcow2.rst: version 3, without features.
        let mut bytes = vec![0; 2_000_000];
        bytes[..8].copy_from_slice(b"QFI\xfb\0\0\0\x03");
        let digest = Sha512::of(&bytes);
        let entry = |name: &str, version: &str, sha512: &str| {
            json!({
                "name": name, "url": format!("{}/image.qcow2", self.at), "checksum": "sha256:00",
                "checksum_sha512": format!("sha512:{sha512}"), "kubernetes_version": version,
            })
        };
        let (digest, other) = (digest.to_string(), "00".repeat(64));
        let manifest = json!({
            "jammy": entry("ubuntu-jammy-kube-v1.34.7", "v1.34.7", &digest),
            "noble": entry("ubuntu-noble-kube-v1.34.7", "v1.34.7", &other),
            "old": entry("ubuntu-jammy-kube-v1.33.10", "v1.33.10", &digest),
        });
        let manifest = manifest.to_string();
        let mut files = self.files.lock().unwrap();
        files.push(("/image.qcow2".to_owned(), bytes.clone()));
        files.push(("/m/manifest.json".to_owned(), manifest.clone().into_bytes()));
        (bytes, manifest)
    }
}

const JAMMY: [&str; 4] = ["--kubernetes-version", "v1.34.7", "--select", "jammy"];

#[test]
fn an_image_comes_from_a_manifest_and_is_kept_only_where_it_was_read() {
    let (services, _) = Services::start();
    let home = services.home();
    let (bytes, manifest) = services.publish();
    home.write("manifest.json", &manifest);
    home.write("there.qcow2", "mine");
    let stage = |manifest: &str, more: &[&str]| {
        home.run(&[&["stage-image", "--manifest", manifest], more].concat())
    };
    let plan = |more: &[&str]| stage("manifest.json", &[&JAMMY[..], more, &["--plan"]].concat());
    let planned = plan(&["--keep", "copy.qcow2"]).exits(2);
    assert!(planned.out.contains("ubuntu-jammy-kube-v1.34.7"), "{}", planned.out);
    // Before anything is made.
    for (keep, why) in
        [("there.qcow2", "exists already"), ("nowhere/copy", "the directory nowhere")]
    {
        let ran = plan(&["--keep", keep]).exits(4);
        assert!(ran.out.contains("could not keep a copy"), "{ran:#?}");
        let said = format!("{} {}", ran.out, ran.err);
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(why), "{ran:#?}");
        let yes = [&JAMMY[..], &["--yes", "--keep", keep]].concat();
        stage("manifest.json", &yes).exits(4);
    }
    assert_eq!((services.writes(), home.runs()), (0, vec![]));

    // By its URL.
    let url = format!("{}/m/manifest.json", services.at);
    let done = stage(&url, &[&JAMMY[..], &["--yes", "--keep", "copy.qcow2"]].concat()).exits(0);
    assert!(done.out.contains("1 changed"), "{}", done.out);
    assert!(fs::read(home.path().join("copy.qcow2")).unwrap() == bytes);
    let things = services.cloud.image_things();
    assert!(things.len() == 1 && things[0].contains("ubuntu-jammy-kube-v1.34.7"), "{things:?}");
    let again = stage("manifest.json", &[&JAMMY[..], &["--yes", "--keep", "other"]].concat());
    let again = again.exits(0);
    let said = again.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("no byte of the source was read"), "{again:#?}");
    assert!(!home.path().join("other").exists());
    assert_eq!(services.writes(), 3, "it is not sent again");
}

#[test]
fn what_a_manifest_does_not_have_is_said_before_anything_is_asked() {
    let (services, told) = Services::start();
    let home = services.home();
    home.write("manifest.json", &services.publish().1);
    fs::create_dir(home.path().join("0.28.0")).unwrap();
    let stage = |manifest: &str, version: &str, more: &[&str]| {
        let image = ["stage-image", "--plan", "--kubernetes-version", version];
        home.run(&[&image[..], &["--manifest", manifest], more].concat())
    };
    let of = |version: &str, more: &[&str]| stage("manifest.json", version, more).exits(64);
    of("v1.34.8", &[]).says(&["no image for Kubernetes v1.34.8; it has v1.34.7, v1.33.10"]);
    of("v1.34.7", &[]).says(&["several images for Kubernetes v1.34.7"]);
    of("v1.34.7", &["--select", "focal"]).says(&["whose name contains \"focal\""]);
    for distro in ["", "Ubuntu", "fedora-coreos"] {
        let ran = of("v1.33.10", &["--os-distro", distro]);
        ran.says(&["--os-distro: not a distribution of Magnum's driver (ubuntu, flatcar)"]);
    }
    // What looks like a file is one: nothing goes to GitHub.
    for path in ["missing.json", "./0.29.0", "no/0.29.0", "MANIFEST.JSON", "0.28.0"] {
        let ran = stage(path, "v1.34.7", &[]).exits(64);
        ran.says(&[
            &format!("could not read the manifest {path}"),
            "give a file, a URL, or a release",
        ]);
    }
    assert_eq!(*services.seen.lock().unwrap(), [""; 0], "the cloud is not asked for it");

    let mut command = home.command(&["stage-image", "--plan", "--manifest", "0.29.0"]);
    command.args(JAMMY).env("https_proxy", &services.at);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    assert_eq!(told.recv().unwrap(), "github.com:443", "a release is GitHub's");
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Ctrl-C, SIGTERM and SIGHUP while bytes are sent: what was made is removed, and the code says why it ended.
#[test]
fn a_signal_during_a_write_is_an_interruption() {
    let (services, told) = Services::start();
    let (home, (bytes, _)) = (services.home(), services.publish());
    fs::write(home.path().join("image.qcow2"), &bytes).unwrap();
    let digest = Sha512::of(&bytes).to_string();
    services.slow.store(true, Ordering::SeqCst);
    for (signal, code, exit) in
        [("INT", 130, "interrupted"), ("TERM", 143, "terminated"), ("HUP", 129, "hung_up")]
    {
        // Who runs the tests in the background has SIGINT ignored, and so has omega then.
        let omega = home.command(&[]);
        let mut command = Command::new("/usr/bin/env");
        command.args(["--default-signal=INT,TERM,HUP"]).arg(omega.get_program());
        command.args(["stage-image", "--yes", "--file", "image.qcow2", "--name", "k", "--sha512"]);
        command.args([&*digest, "--kubernetes-version", "v1.34.7", "--output", "json"]);
        command.env_clear().current_dir(home.path()).stdin(Stdio::null());
        command.envs(omega.get_envs().filter_map(|(key, value)| Some((key, value?))));
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        told.recv().unwrap();
        let pid = child.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{signal}: {err}");
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(document["exit"], exit, "{document:#}");
        assert_eq!(
            (&document["recap"]["failed"], &document["recap"]["changed"]),
            (&json!(0), &json!(0))
        );
        let failure = &document["failure"];
        assert_eq!(failure["class"], "interrupted", "{failure:#}");
        assert_eq!(failure["touched"], "nothing", "what was made is removed: {failure:#}");
        assert!(failure["next"].as_str().unwrap().contains("run the same command again"));
        assert!(failure["message"].as_str().unwrap().contains("stopped while changing image k"));
        assert_eq!(services.cloud.image_things(), [""; 0], "{signal}");
    }
}
