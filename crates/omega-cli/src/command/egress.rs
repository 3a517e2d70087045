//! `probe-pod-egress`

use std::time::Duration;

use clap::Args;
use omega::capi::{
    Management, Namespace,
    egress::{EgressProbe, EgressVerdict, ProbeResult, Tool, known_image, probe_pod_egress},
};
use omega::core::{Failure, FailureClass, Label as _};
use serde_json::json;
use url::{Host, Url};

use omega::run::{Counts, Endpoints, Job, Status};

use super::access::duration;
use crate::{
    app::App,
    cli::{SiteFile, WriteArgs},
    render::Screen,
};

/// `probe-pod-egress`
#[derive(Debug, Args)]
pub(crate) struct EgressArgs {
    /// The address: HOST:PORT, or a URL.
    #[arg(value_name = "HOST:PORT", value_parser = target)]
    to: Target,
    /// The site.
    #[command(flatten)]
    site: SiteFile,
    /// The namespace of the pod.
    #[arg(long, short = 'n', value_name = "NAMESPACE", default_value = "default")]
    namespace: Namespace,
    /// The pod's image [default: one that every node has and that has a known tool].
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// The program in the image that connects: agnhost, nc or bash [default: by the image's name].
    #[arg(long, value_name = "TOOL")]
    tool: Option<Tool>,
    /// How long the pod may take, including its start.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    within: Duration,
    /// Whether and how it writes.
    #[command(flatten)]
    write: WriteArgs,
}

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Target {
    host: String,
    port: u16,
}

fn target(text: &str) -> Result<Target, String> {
    let no = || "write HOST:PORT, or a URL with a host".to_owned();
    let whole = if text.contains("://") { text.to_owned() } else { format!("tcp://{text}") };
    let url: Url = whole.parse().map_err(|_| no())?;
    let port = url.port_or_known_default().ok_or_else(no)?;
    // The host name is validated because it becomes an argument of a program.
    let host = match url.host().ok_or_else(no)? {
        Host::Domain(name) => Host::parse(name).map_err(|_| no())?,
        Host::Ipv4(address) => Host::Ipv4(address),
        Host::Ipv6(address) => Host::Ipv6(address),
    };
    let host = match host {
        Host::Domain(name) => name,
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':');
    let fits = !host.is_empty() && !host.starts_with('-') && host.chars().all(plain);
    if fits { Ok(Target { host, port }) } else { Err(no()) }
}

impl App {
    pub(super) async fn egress(&self, args: &EgressArgs) -> Result<Status, Failure> {
        let site = Self::site(&args.site.site)?;
        let connect = self.connect(&site);
        let management = connect.management(&connect.kubeconfig(self.ctx.now())?).await?;
        let (image, tool) = image(&management, args).await?;
        let Target { host, port } = args.to.clone();
        let probe = EgressProbe {
            namespace: args.namespace.clone(),
            image,
            tool,
            host,
            port,
            id: format!("{:x}", self.ctx.now().as_microsecond()),
            within: args.within,
        };
        if args.write.plan {
            let pod = probe.pod();
            let pretty = serde_json::to_string_pretty(&pod).unwrap_or_default();
            self.screen.text(&format!("This pod would be created and removed:\n{pretty}"));
            return Ok(self.ends(Status::Pending, json!({ "pod": pod })));
        }
        let pod = serde_json::to_string_pretty(&probe.pod()).unwrap_or_default();
        let show =
            |screen: &Screen| screen.text(&format!("This pod is created and removed:\n{pod}"));
        self.confirm(args.write.consent, show).await?;
        let server = management.label();
        let target = Endpoints::from([("management".to_owned(), server)]);
        let requests = management.clone();
        let counts = move || Counts {
            requests: requests.requests(),
            locks: requests.lock_requests(),
            ..Counts::default()
        };
        let site = args.site.site.display().to_string();
        let job = Job::new(&self.task, site, Vec::new()).on(target, counts);
        let locks = self.ctx.lock(management.lock().into_iter().collect(), &self.task).await?;
        let done = async {
            let (run, ctx) = self.engine().begin(&job)?;
            let done = probe_pod_egress(&ctx, &management, &probe).await;
            Ok::<_, Failure>((run, done))
        };
        let done = done.await;
        locks.release().await;
        self.console.done();
        let (run, done) = done?;
        let done = done?;
        run.keep("report.json", &done)?;
        Ok(self.probed(&probe, &done))
    }

    fn probed(&self, probe: &EgressProbe, done: &ProbeResult) -> Status {
        let ProbeResult { egress, evidence, swept, .. } = done;
        let exit = if *egress == EgressVerdict::Reached {
            Status::Done
        } else if egress.tried() {
            Status::Gate
        } else {
            Status::Error
        };
        let EgressProbe { namespace, host, port, image, tool, .. } = probe;
        let mut lines =
            vec![format!("pod in {namespace} -> {host}:{port}: {} (D-035)", egress.description())];
        lines.extend(evidence.iter().map(|line| format!("  {line}")));
        lines.push(format!("  image {image}, {tool}; the pod was removed"));
        lines.extend(swept.iter().map(|name| format!("  removed from an earlier probe: {name}")));
        lines.extend(egress.next().map(|next| format!("Next:  {next}")));
        for line in &lines {
            self.screen.prose(line);
        }
        self.ends(
            exit,
            json!({ "probe": probe, "egress": egress, "evidence": evidence, "swept": swept,
                    "next": egress.next() }),
        )
    }
}

async fn image(management: &Management, args: &EgressArgs) -> Result<(String, Tool), Failure> {
    if let Some(image) = &args.image {
        let tool = args.tool.or_else(|| Tool::of_image(image)).ok_or_else(|| {
            Failure::new(FailureClass::Usage, format!("the tool in image {image} is not known"))
                .next("set it: --tool agnhost, nc or bash")
        })?;
        return Ok((image.clone(), tool));
    }
    let known = known_image(management)
        .await
        .map_err(|error| Failure::from_error("could not list the images of the nodes", &error))?;
    known.filter(|(_, tool)| args.tool.is_none_or(|wanted| wanted == *tool)).ok_or_else(|| {
        Failure::new(FailureClass::Usage, "there is no image with a known tool that every node has")
            .next("choose one that they can pull: --image IMAGE --tool agnhost, nc or bash")
    })
}

#[cfg(test)]
mod tests {
    use super::target;

    #[test]
    fn a_target_is_a_host_and_a_port() {
        let read = |text: &str| target(text).map(|t| format!("{} {}", t.host, t.port));
        for (text, expected) in [
            ("10.12.4.50:5000", "10.12.4.50 5000"),
            ("keystone.example.org:5000", "keystone.example.org 5000"),
            ("[fd00::1]:5000", "fd00::1 5000"),
            ("https://keystone.example.org/v3", "keystone.example.org 443"),
            ("http://10.12.4.50:5000/v3", "10.12.4.50 5000"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(expected), "{text}");
        }
        for bad in ["", "10.12.4.50", "x:y", "-x:80", "a b:80", "x;y:80", ":80", "$(x):80"] {
            assert!(target(bad).is_err(), "{bad}");
        }
    }
}
