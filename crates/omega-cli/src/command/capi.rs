use futures::future::join;
use omega::capi::{
    Error, Management, Namespace, Namespaces,
    coherence::{CoherenceInputs, Rule, check_coherence},
    constellation::{Comparison, Constellation, UNTESTED, check_constellation},
    controllers::read_installed,
    releases::{Releases, read_releases},
    served::{ServedApis, read_served_apis},
};
use omega::core::{Failure, Finding, Label as _};
use omega::openstack::container_infra::ContainerInfra;
use serde_json::{Value, json};

use super::capi_inputs::{offline, tested};
use omega::{
    coherence::{Coherent, setup},
    decisions::CheckResults,
    run::Status,
    site::Site,
};

use crate::{
    app::App,
    cli::{Capi, CoherenceArgs},
    render::{Screen, capi as shown},
};

/// An answer: text, JSON, and the status.
#[derive(Debug)]
struct Answer {
    text: String,
    document: Value,
    exit: Status,
    /// The rules that were asked of the site, and what they found.
    found: Option<(Vec<&'static str>, Vec<Finding>)>,
}

impl Answer {
    /// Returns the document of `command`.
    fn whole(&self, command: &str) -> Value {
        let mut document = self.document.clone();
        if let Value::Object(fields) = &mut document {
            let (exit, code) = (json!(self.exit), json!(self.exit.code()));
            let ends = [("command", json!(command)), ("exit", exit), ("exit_code", code)];
            fields.extend(ends.map(|(key, value)| (key.to_owned(), value)));
        }
        document
    }
}

impl App {
    pub(crate) async fn capi(&self, question: &Capi) -> Result<Status, Failure> {
        let screen = &self.screen;
        let site = match question {
            Capi::ServedVersions(file) => &file.site,
            Capi::CheckCoherence(args) => &args.file.site,
            Capi::CheckConstellation(args) => &args.file.site,
            Capi::ReadReleases(args) => &args.file.site,
        };
        let answer = match question {
            Capi::ServedVersions(file) => {
                let site = Self::site(&file.site)?;
                versions(&self.management(&site).await?, screen).await?
            }
            Capi::CheckCoherence(args) => self.coherence(args).await?,
            Capi::CheckConstellation(args) => {
                let site = Self::site(&args.file.site)?;
                let tested = tested(&site, args.dependencies.as_deref())?;
                constellation(&self.management(&site).await?, &tested, screen).await?
            }
            Capi::ReadReleases(args) => {
                let site = Self::site(&args.file.site)?;
                releases(&self.management(&site).await?, &args.namespaces, screen).await?
            }
        };
        if let Some((rules, findings)) = &answer.found {
            let (site, now, rules) =
                (site.display().to_string(), self.ctx.now(), rules.iter().copied());
            self.keep(&CheckResults::of_findings(&self.command, &site, now, rules, findings));
        }
        self.screen.text(&answer.text);
        self.screen.json(&answer.whole(&self.command));
        Ok(answer.exit)
    }

    async fn management(&self, site: &Site) -> Result<Management, Failure> {
        let connect = self.connect(site);
        connect.management(&connect.kubeconfig(self.ctx.now())?).await
    }

    async fn coherence(&self, args: &CoherenceArgs) -> Result<Answer, Failure> {
        let site = Self::site(&args.file.site)?;
        let connect = self.connect(&site);
        let setup = setup(&site)?;
        let screen = &self.screen;
        if let Some((surface, source)) = offline(args)? {
            let answer = coherence(&surface, &setup, &args.accepted.rules, &source, screen);
            return Ok(Answer { found: None, ..answer });
        }
        let cloud = connect.cloud().await?;
        let management = self.management(&site).await?;
        live_coherence(&management, &cloud.magnum, setup, &args.accepted.rules, screen).await
    }
}

async fn versions(management: &Management, screen: &Screen) -> Result<Answer, Failure> {
    let surface =
        read_served_apis(management).await.map_err(|e| unasked("the served versions", &e))?;
    let nothing = surface.definitions.is_empty();
    let text = if nothing {
        format!(
            "{} serves no kind of Cluster API: is this the management cluster?",
            management.label()
        )
    } else {
        shown::surface(&surface, screen)
    };
    let unsettled = surface.unsettled();
    let document = json!({ "schema_version": 1, "surface": surface, "unsettled": unsettled });
    let exit = if nothing { Status::Gate } else { Status::Done };
    Ok(Answer { text, document, exit, found: None })
}

/// Reads the management cluster and Magnum at the same time.
async fn live_coherence(
    management: &Management,
    magnum: &ContainerInfra,
    setup: CoherenceInputs,
    accepted: &[Rule],
    screen: &Screen,
) -> Result<Answer, Failure> {
    let source = format!("{} and {}", management.label(), magnum.label());
    let (surface, setup, _) = Coherent::new(management, magnum, setup).coherence().await?;
    Ok(coherence(&surface, &setup, accepted, &source, screen))
}

/// Makes no request. `source`: where `surface` came from.
fn coherence(
    surface: &ServedApis,
    setup: &CoherenceInputs,
    accepted: &[Rule],
    source: &str,
    screen: &Screen,
) -> Answer {
    let found = check_coherence(surface, setup);
    let refusal = found.refusal(accepted);
    let end = match &refusal {
        Some(refusal) => {
            format!("Refused: {}.", rules(refusal.findings.iter().map(|f| f.rule.as_str())))
        }
        None if accepted.is_empty() => "Nothing is refused.".to_owned(),
        None => format!(
            "Nothing is refused; accepted: {}.",
            rules(accepted.iter().map(|rule| rule.name()))
        ),
    };
    let CoherenceInputs { driver, api_resources: _, chart, templates } = setup;
    let chart = chart.as_ref().map(ToString::to_string);
    let from = format!(
        "Driver {driver}, chart {} and {}, with {source}.",
        chart.as_deref().unwrap_or("not set"),
        if templates.len() == 1 {
            "1 template".to_owned()
        } else {
            format!("{} templates", templates.len())
        }
    );
    let from = screen.wrapped(&from);
    let text = format!("{from}\n{}\n{end}", shown::coherence(&found, screen));
    let exit = if refusal.is_some() { Status::Refused } else { Status::Done };
    let document = json!({
        "schema_version": 2, "driver": driver, "chart": chart, "templates": templates.len(), "source": source,
        "findings": found, "accepted": accepted, "refusal": refusal,
    });
    let asked = Rule::ALL.iter().map(|rule| rule.name()).collect();
    Answer { text, document, exit, found: Some((asked, found.findings)) }
}

fn rules<'a>(rules: impl Iterator<Item = &'a str>) -> String {
    let mut names: Vec<&str> = rules.collect();
    names.dedup();
    names.join(", ")
}

async fn constellation(
    management: &Management,
    tested: &Constellation,
    screen: &Screen,
) -> Result<Answer, Failure> {
    let (installed, found) = join(
        async { read_installed(management).await.map_err(|e| unasked("the controllers", &e)) },
        async {
            let all = read_releases(management, &Namespaces::All).await;
            all.map_err(|e| unasked("the helm releases", &e))
        },
    )
    .await;
    let (installed, found) = (installed?, found?);
    let compared = check_constellation(tested, &installed, &found.releases);
    let differs = compared.iter().any(Comparison::differs);
    let gate = if differs { Status::Gate } else { Status::Done };
    let exit = Status::first([gate, readable(&found)]);
    let document = json!({
        "schema_version": 2, "tested": tested, "comparisons": compared, "unreadable": found.unreadable,
    });
    let end = if differs {
        "These versions were not tested together (D-034)."
    } else {
        "These versions were tested together (D-034)."
    };
    let mut lines = vec![shown::constellation(&compared, screen)];
    lines.extend(shown::unreadable(&found, screen));
    lines.push(end.to_owned());
    let text = lines.join("\n");
    let is_whole = found.unreadable.is_empty();
    let findings = compared.iter().filter_map(Comparison::finding).collect();
    let asked = if is_whole { vec![UNTESTED.name] } else { Vec::new() };
    Ok(Answer { text, document, exit, found: Some((asked, findings)) })
}

async fn releases(
    management: &Management,
    only: &[Namespace],
    screen: &Screen,
) -> Result<Answer, Failure> {
    let namespaces =
        if only.is_empty() { Namespaces::All } else { Namespaces::Only(only.to_vec()) };
    let found = read_releases(management, &namespaces).await.map_err(|error| {
        let failure = unasked("the helm releases", &error);
        if only.is_empty() && matches!(error, Error::Forbidden { .. }) {
            return failure.next("give the namespaces that it may read: --namespace NAME");
        }
        failure
    })?;
    let text = shown::releases(&found, only, screen);
    let exit = readable(&found);
    let document =
        json!({ "schema_version": 1, "releases": found.releases, "unreadable": found.unreadable });
    Ok(Answer { text, document, exit, found: None })
}

/// A failed read is an error, because nothing is known then.
fn readable(found: &Releases) -> Status {
    if found.unreadable.is_empty() { Status::Done } else { Status::Error }
}

fn unasked(what: &str, error: &Error) -> Failure {
    Failure::from_error(format!("could not read {what} of the management cluster"), error)
}

#[cfg(test)]
#[path = "capi_tests.rs"]
mod tests;
