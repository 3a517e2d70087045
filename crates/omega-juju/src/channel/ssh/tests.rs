//! The channel with russh's server, over a pipe in memory. Commands are not executed; the lab tests
//! that on real units (`tests/tests/channel_lab.rs`).

use std::sync::atomic::{AtomicUsize, Ordering};

use omega_core::{
    Diagnostic as _, Retry,
    values::{Secret, Sha256},
};
use russh::{
    Channel as Session0, ChannelId, Sig,
    keys::{Algorithm, HashAlg, PrivateKey, key::safe_rng, ssh_key::LineEnding},
    server::{self, Auth, ChannelOpenHandle, Msg, Session, VerifiedPublicKey},
};

use super::{hop::Hop, *};
use crate::{
    FileState, ServiceAction,
    channel::{SshStage, Stage},
};

/// What the machine does with a command.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Machine {
    /// Replies as the agent does, with other output around the reply.
    Answers,
    /// Sends half of that.
    Truncates,
    /// Ends without reading its input.
    NeverReads,
    /// Never reads or ends.
    Hangs,
    /// Fails because sudo needs a password.
    Sudo,
    /// Is killed.
    Killed,
    /// Closes the connection in the middle.
    Breaks,
    /// Never answers a login.
    NoLogin,
    /// Closes the connection at a login.
    LosesLogin,
    /// Closes the connection when a second session is opened.
    LosesSecond,
    /// Never opens a session.
    NoSession,
    /// Never opens a connection to the next machine.
    NoTunnel,
}

struct Server {
    machine: Machine,
    accepts: PrivateKey,
    input: Vec<u8>,
    sessions: usize,
    executions: Arc<AtomicUsize>,
}

impl Server {
    async fn hang_at(&self, machine: Machine) {
        if self.machine == machine {
            std::future::pending::<()>().await;
        }
    }

    fn answer(&self) -> Vec<u8> {
        let text = String::from_utf8_lossy(&self.input);
        let nonce = text.split(r#""nonce":""#).nth(1).and_then(|rest| rest.split('"').next());
        let body = if text.contains(r#""action":"#) {
            r#"{"done":true}"#.to_owned()
        } else {
            let count = text.matches(r#"{"probe":""#).count();
            let replies = vec![r#"{"reply":"file","kind":"absent"}"#; count].join(",");
            format!(r#"{{"replies":[{replies}]}}"#)
        };
        let digest = Sha256::of(body.as_bytes());
        let nonce = nonce.unwrap_or("none");
        format!("*** motd ***\n\nomega-reply {nonce} {} {digest}\n{body}\nbye\n", body.len())
            .into_bytes()
    }
}

impl server::Handler for Server {
    type Error = russh::Error;

    async fn auth_publickey(
        &mut self,
        user: &str,
        key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, russh::Error> {
        self.hang_at(Machine::NoLogin).await;
        if self.machine == Machine::LosesLogin {
            return Err(russh::Error::Disconnect);
        }
        let good =
            user == "ubuntu" && key.public_key.key_data() == self.accepts.public_key().key_data();
        Ok(if good { Auth::Accept } else { Auth::reject() })
    }

    async fn channel_open_session(
        &mut self,
        _: Session0<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        self.hang_at(Machine::NoSession).await;
        self.sessions += 1;
        if self.machine == Machine::LosesSecond && self.sessions == 2 {
            return Err(russh::Error::Disconnect);
        }
        reply.accept().await;
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        _: Session0<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        self.hang_at(Machine::NoTunnel).await;
        Ok(())
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        line: &[u8],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        assert!(line.starts_with(b"sudo -n python3 -I -S -B -c 'import sys"), "{line:?}");
        self.executions.fetch_add(1, Ordering::Relaxed);
        session.channel_success(channel)?;
        match self.machine {
            Machine::NeverReads => {
                session.data(channel, "no room for you\n")?;
                session.exit_status_request(channel, 1)?;
                session.eof(channel)?;
                session.close(channel)?;
            }
            Machine::Sudo => {
                session.extended_data(channel, 1, "sudo: a password is required\n")?;
                session.exit_status_request(channel, 1)?;
                session.close(channel)?;
            }
            Machine::Killed => {
                session.exit_signal_request(channel, Sig::KILL, false, "", "")?;
                session.close(channel)?;
            }
            Machine::Breaks => return Err(russh::Error::Disconnect),
            Machine::Answers
            | Machine::Truncates
            | Machine::Hangs
            | Machine::NoLogin
            | Machine::LosesLogin
            | Machine::LosesSecond
            | Machine::NoSession
            | Machine::NoTunnel => {}
        }
        Ok(())
    }

    async fn data(
        &mut self,
        _: ChannelId,
        data: &[u8],
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        self.input.extend_from_slice(data);
        Ok(())
    }

    async fn channel_eof(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        let mut answer = self.answer();
        self.input.clear();
        match self.machine {
            Machine::Answers | Machine::LosesSecond => {}
            Machine::Truncates => answer.truncate(answer.len() - 20),
            Machine::NeverReads
            | Machine::Hangs
            | Machine::Sudo
            | Machine::Killed
            | Machine::Breaks
            | Machine::NoLogin
            | Machine::LosesLogin
            | Machine::NoSession
            | Machine::NoTunnel => {
                return Ok(());
            }
        }
        session.data(channel, answer)?;
        session.exit_status_request(channel, 0)?;
        session.close(channel)
    }
}

/// A machine's host key, a user's key, and files that hold them.
struct Place {
    home: tempfile::TempDir,
    host_keys: Vec<PrivateKey>,
    user: PrivateKey,
    /// How often its machines have executed something.
    executions: Arc<AtomicUsize>,
}

fn generate(algorithm: Algorithm) -> PrivateKey {
    PrivateKey::random(&mut safe_rng(), algorithm).unwrap()
}

impl Place {
    fn new() -> Self {
        let place = Self {
            home: tempfile::tempdir().unwrap(),
            host_keys: vec![generate(Algorithm::Ed25519)],
            user: generate(Algorithm::Ed25519),
            executions: Arc::default(),
        };
        place.known(&format!("unit.example {}", place.host_key(0)));
        place.key("id", &place.user);
        place
    }

    fn host_key(&self, nth: usize) -> String {
        self.host_keys[nth].public_key().to_openssh().unwrap()
    }

    fn known(&self, text: &str) {
        std::fs::write(self.home.path().join("known_hosts"), text).unwrap();
    }

    fn key(&self, name: &str, key: &PrivateKey) -> PathBuf {
        let path = self.home.path().join(name);
        std::fs::write(&path, key.to_openssh(LineEnding::LF).unwrap().as_bytes()).unwrap();
        path
    }

    fn target(&self) -> SshTarget {
        SshTarget {
            host: "unit.example".to_owned(),
            port: 22,
            user: "ubuntu".to_owned(),
            identities: vec![self.home.path().join("id")],
            agent: None,
            known_hosts: vec![self.home.path().join("known_hosts")],
            jump: None,
        }
    }

    /// Serves SSH on a stream.
    fn serve<S>(&self, machine: Machine, stream: S)
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let config = server::Config {
            keys: self.host_keys.clone(),
            auth_rejection_time: Duration::ZERO,
            auth_rejection_time_initial: Some(Duration::ZERO),
            ..server::Config::default()
        };
        let server = Server {
            machine,
            accepts: self.user.clone(),
            input: Vec::new(),
            sessions: 0,
            executions: Arc::clone(&self.executions),
        };
        tokio::spawn(async move {
            if let Ok(session) = server::run_stream(Arc::new(config), stream, server).await {
                drop(session.await);
            }
        });
    }

    async fn connect(&self, machine: Machine, target: SshTarget) -> Result<Ssh, Error> {
        let (near, far) = tokio::io::duplex(1 << 16);
        self.serve(machine, far);
        let quick = Duration::from_millis(1500);
        let connection = Connection::over(near, Hop::new(&target, quick)).await?;
        let deadlines = Deadlines { connect: quick, probe: Duration::ZERO, act: quick };
        Ok(Ssh::over(target, deadlines, connection))
    }
}

fn probes() -> Vec<Probe> {
    ["/a", "/b"].map(|path| Probe::File { path: path.parse().unwrap() }).to_vec()
}

const RELOAD: Action = Action::Service(ServiceAction::ReloadUnits);

#[tokio::test]
async fn probes_and_actions_share_a_connection() {
    let place = Place::new();
    let ssh = place.connect(Machine::Answers, place.target()).await.unwrap();
    for _ in 0..3 {
        let replies = ssh.ask(&probes()).await.unwrap();
        assert_eq!(replies, [const { Reply::File(FileState::Absent) }; 2]);
    }
    let much = Secret::new(vec![0; 5 << 20]);
    ssh.act(&RELOAD, much.into(), None).await.unwrap();
    assert_eq!(ssh.name(), "ssh ubuntu@unit.example");
}

#[tokio::test]
async fn concurrent_executions_get_their_own_replies() {
    let place = Place::new();
    let ssh = place.connect(Machine::Sudo, place.target()).await.unwrap();
    let (probes, payload) = (probes(), Payload::Null);
    let (asked, acted) = tokio::join!(ssh.ask(&probes), ssh.act(&RELOAD, payload, None));
    assert!(asked.unwrap_err().to_string().contains("sudo"));
    assert!(acted.unwrap_err().to_string().contains("sudo"));
}

#[tokio::test]
async fn an_unknown_host_is_refused_before_any_credential() {
    let place = Place::new();
    place.known("");
    let error = place.connect(Machine::Answers, place.target()).await.unwrap_err();
    let Error::UnknownHost { found, line, .. } = &error else { panic!("{error:?}") };
    let fingerprint = place.host_keys[0].public_key().fingerprint(HashAlg::Sha256).to_string();
    assert!(found.contains(&fingerprint), "{found}");
    assert_eq!(*line, format!("unit.example {}", place.host_key(0)));
}

#[tokio::test]
async fn a_machine_with_another_key_is_refused_and_both_are_named() {
    let place = Place::new();
    let other = generate(Algorithm::Ed25519);
    place.known(&format!("unit.example {}", other.public_key().to_openssh().unwrap()));
    let error = place.connect(Machine::Answers, place.target()).await.unwrap_err();
    assert!(matches!(error, Error::HostKey { .. }), "{error:?}");
    let fingerprint = |key: &PrivateKey| key.public_key().fingerprint(HashAlg::Sha256).to_string();
    assert!(error.expected().unwrap().contains(&fingerprint(&other)));
    assert!(error.found().unwrap().contains(&fingerprint(&place.host_keys[0])));
}

#[tokio::test]
async fn a_revoked_key_is_refused() {
    let place = Place::new();
    let key = place.host_key(0);
    place.known(&format!("unit.example {key}\n@revoked * {key}\n"));
    let error = place.connect(Machine::Answers, place.target()).await.unwrap_err();
    assert!(error.expected().unwrap().contains("known_hosts:2 revokes"), "{error:?}");
}

#[tokio::test]
async fn of_several_host_keys_the_known_one_is_requested() {
    let mut place = Place::new();
    place.host_keys.push(generate(Algorithm::Ecdsa { curve: russh::keys::EcdsaCurve::NistP256 }));
    place.known(&format!("unit.example {}", place.host_key(1)));
    place.connect(Machine::Answers, place.target()).await.unwrap();
}

#[tokio::test]
async fn refused_credentials_say_what_was_tried() {
    let place = Place::new();
    let wrong = place.key("wrong", &generate(Algorithm::Ed25519));
    let locked = generate(Algorithm::Ed25519).encrypt(&mut safe_rng(), "secret").unwrap();
    let locked = place.key("locked", &locked);
    let none = place.home.path().join("none");
    let agent = Some(place.home.path().join("agent.sock"));
    let identities = vec![wrong, locked, none];
    let target = SshTarget { identities: identities.clone(), agent, ..place.target() };
    let error = place.connect(Machine::Answers, target).await.unwrap_err();
    assert!(matches!(error, Error::Denied { .. }), "{error:?}");
    let tried = error.found().unwrap();
    for part in ["wrong (ssh-ed25519): refused", "locked: encrypted", "none: ", "agent.sock: "] {
        assert!(tried.contains(part), "{part} in {tried}");
    }
    let target = SshTarget { identities, ..place.target() };
    let tried = place.connect(Machine::Answers, target).await.unwrap_err().found().unwrap();
    assert!(tried.contains("no agent is configured (ssh-add"), "{tried}");
}

#[tokio::test]
async fn a_machine_that_never_reads_does_not_block() {
    let place = Place::new();
    let ssh = place.connect(Machine::NeverReads, place.target()).await.unwrap();
    let much = Secret::new(vec![0; 8 << 20]);
    let error = ssh.act(&RELOAD, much.into(), None).await.unwrap_err();
    assert!(matches!(error, Error::Malformed { .. }), "{error:?}");
    assert!(error.to_string().contains("exit status 1"), "{error}");
}

#[tokio::test]
async fn an_incomplete_reply_is_an_error() {
    let place = Place::new();
    let ssh = place.connect(Machine::Truncates, place.target()).await.unwrap();
    let error = ssh.ask(&probes()).await.unwrap_err();
    assert!(error.to_string().contains("an incomplete reply"), "{error}");
    let error = ssh.act(&RELOAD, Payload::Null, None).await.unwrap_err();
    assert_eq!(error.touched(), Touched::Maybe, "{error}");
}

#[tokio::test]
async fn a_deadline_ends_the_wait_and_says_whether_it_was_an_action() {
    let place = Place::new();
    let ssh = place.connect(Machine::Hangs, place.target()).await.unwrap();
    let error = ssh.act(&RELOAD, Payload::Null, None).await.unwrap_err();
    assert!(error.timed_out(), "{error:?}");
    assert_eq!(error.touched(), Touched::Maybe);
}

#[tokio::test]
async fn a_lost_connection_may_have_had_an_effect_and_nothing_is_executed_again() {
    for machine in [Machine::Breaks, Machine::Killed] {
        let place = Place::new();
        let target = place.listen(Accepts::As(machine)).await;
        let ssh = Ssh::connect(target, Deadlines::default()).await.unwrap();
        let error = ssh.act(&RELOAD, Payload::Null, None).await.unwrap_err();
        assert_eq!(error.touched(), Touched::Maybe, "{machine:?}: {error}");
        assert_eq!(place.executions.load(Ordering::Relaxed), 1, "{machine:?}");
    }
}

#[tokio::test]
async fn a_login_that_is_interrupted_is_no_refused_key() {
    let place = Place::new();
    let error = place.connect(Machine::LosesLogin, place.target()).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { retry: Retry::Transient, .. }), "{error:?}");
    assert!(error.to_string().contains("the login was interrupted"), "{error}");
    assert!(error.next().unwrap().starts_with("run the same command again"), "{error:?}");
}

#[tokio::test]
async fn a_connection_that_was_lost_in_between_is_opened_anew() {
    let place = Place::new();
    let target = place.listen(Accepts::As(Machine::LosesSecond)).await;
    let ssh = Ssh::lazy(target, Deadlines::default());
    for _ in 0..4 {
        ssh.act(&RELOAD, Payload::Null, None).await.unwrap();
    }
    assert_eq!(place.executions.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn a_closed_port_is_unreachable() {
    let place = Place::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let target = SshTarget { host: "127.0.0.1".to_owned(), port, ..place.target() };
    let error = Ssh::connect(target, Deadlines::default()).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { touched: Touched::Nothing, .. }), "{error:?}");
}

/// What a server does with a connection that it has accepted.
#[derive(Clone, Copy)]
enum Accepts {
    /// Nothing.
    Silently,
    /// It sends its banner, and nothing else.
    WithBanner,
    /// It serves SSH.
    As(Machine),
}

impl Place {
    /// Starts a server on a port of this machine, whose key is known, and returns the way to it.
    async fn listen(&self, accepts: Accepts) -> SshTarget {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        self.known(&format!("[127.0.0.1]:{port} {}", self.host_key(0)));
        let place = Self {
            home: tempfile::tempdir().unwrap(),
            host_keys: self.host_keys.clone(),
            user: self.user.clone(),
            executions: Arc::clone(&self.executions),
        };
        tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                match accepts {
                    Accepts::As(machine) => {
                        place.serve(machine, stream);
                        continue;
                    }
                    Accepts::WithBanner => {
                        let banner = b"SSH-2.0-OpenSSH_9.6\r\n";
                        tokio::io::AsyncWriteExt::write_all(&mut stream, banner).await.unwrap();
                    }
                    Accepts::Silently => {}
                }
                held.push(stream);
            }
        });
        SshTarget { host: "127.0.0.1".to_owned(), port, ..self.target() }
    }
}

/// Connects with a deadline that passes, and returns the error with the stage.
async fn late(target: SshTarget) -> (Error, SshStage) {
    let quick = Duration::from_millis(600);
    let deadlines = Deadlines { connect: quick, probe: quick, act: quick };
    let error = Ssh::connect(target, deadlines).await.unwrap_err();
    let Error::Deadline { stage: Stage::Ssh { at, .. }, touched: Touched::Nothing, after, .. } =
        &error
    else {
        panic!("{error:?}")
    };
    assert_eq!(*after, quick);
    let next = error.next().unwrap();
    assert!(next.contains("nothing was changed") && !next.contains("probe"), "{next}");
    let at = at.clone();
    (error, at)
}

#[tokio::test]
async fn a_server_that_accepts_and_does_not_answer_is_told_by_its_stage() {
    let place = Place::new();
    let target = place.listen(Accepts::Silently).await;
    let port = target.port;
    let (error, at) = late(target).await;
    assert_eq!(at, SshStage::Banner);
    assert_eq!(
        error.to_string(),
        format!(
            "127.0.0.1 port {port} accepted the TCP connection, but sent no SSH banner within 600ms"
        )
    );
    let (_, at) = late(place.listen(Accepts::WithBanner).await).await;
    assert_eq!(at, SshStage::KeyExchange);
    let (_, at) = late(place.listen(Accepts::As(Machine::NoLogin)).await).await;
    assert_eq!(at, SshStage::Login { user: "ubuntu".to_owned(), agent: None });
}

#[tokio::test]
async fn a_jump_host_that_does_not_answer_is_named_as_one() {
    let place = Place::new();
    for (accepts, expected) in [
        (Accepts::Silently, "accepted the TCP connection, but sent no SSH banner"),
        (Accepts::As(Machine::NoTunnel), "did not open a connection to unit.example port 22"),
    ] {
        let jump = place.listen(accepts).await;
        let port = jump.port;
        let (error, _) = late(SshTarget { jump: Some(Box::new(jump)), ..place.target() }).await;
        let shown = error.to_string();
        assert!(
            shown.starts_with(&format!("jump host 127.0.0.1 port {port} {expected}")),
            "{shown}"
        );
    }
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let jump = SshTarget { host: "127.0.0.1".to_owned(), port: closed, ..place.target() };
    let target = SshTarget { jump: Some(Box::new(jump)), ..place.target() };
    let error = Ssh::connect(target, Deadlines::default()).await.unwrap_err();
    assert!(error.to_string().starts_with("jump host ubuntu@[127.0.0.1]:"), "{error}");
}

#[tokio::test]
async fn an_agent_that_does_not_answer_is_not_taken_for_the_server() {
    let place = Place::new();
    let socket = place.home.path().join("agent.sock");
    let _hangs = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let target = place.listen(Accepts::As(Machine::Answers)).await;
    let agent = Some(socket.clone());
    let (_, at) = late(SshTarget { identities: Vec::new(), agent, ..target }).await;
    assert_eq!(at, SshStage::Agent { socket });
}

#[tokio::test]
async fn a_session_that_is_not_opened_changed_nothing() {
    let place = Place::new();
    let ssh = place.connect(Machine::NoSession, place.target()).await.unwrap();
    let error = ssh.act(&RELOAD, Payload::Null, None).await.unwrap_err();
    assert_eq!(error.touched(), Touched::Nothing);
    assert_eq!(error.to_string(), "unit.example port 22 did not open a session within 1.5s");
}
