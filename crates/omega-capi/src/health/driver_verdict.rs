use serde_json::Value;

use super::{
    Answer, Answers, HealthPart, HealthRead, Names, Object, Reasons, Verdict, health_reads,
};
use omega_driver::python;
use omega_driver::{DriverRelease, Overrides};

/// The answer to this path, which the driver reads, is missing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the driver reads {0}, and its answer is missing")]
pub struct MissingAnswer(pub String);

impl omega_core::Diagnostic for MissingAnswer {
    fn retry(&self) -> omega_core::Retry {
        omega_core::Retry::Final
    }

    fn next(&self) -> Option<String> {
        Some("read every path of health_reads".to_owned())
    }

    fn touched(&self) -> omega_core::Touched {
        omega_core::Touched::Nothing
    }
}

/// Predicts the result of the health code of `driver` for `answers`. Pure.
///
/// The driver treats an object without a status as ready, any condition that is not `True` as a
/// fault, and an HTTP status that is neither a success nor an error (304) as absence.
///
/// Source: `magnum_capi_helm/common/capi_monitor.py` and `Resource.fetch` of `kubernetes.py`, which
/// are the same in 1.1.0 to 1.4.0. `tests/oracle/run` compares it with that code.
///
/// # Errors
///
/// [`MissingAnswer`] if `answers` lacks a path that the driver would read. Paths after an exception
/// are not needed.
pub fn driver_verdict(
    driver: &DriverRelease,
    overrides: &Overrides,
    names: &Names,
    answers: &Answers,
) -> Result<Verdict, MissingAnswer> {
    let Some(reads) = health_reads(driver, overrides, names) else {
        return Ok(Verdict::Raises { at: None, why: "the cluster has no stack_id".to_owned() });
    };
    let well = Reasons::READY.to_owned();
    let (mut cluster, mut infrastructure, mut controlplane) =
        (well.clone(), well.clone(), well.clone());
    let mut groups = Vec::new();
    for read in reads {
        let answer = answers.0.get(&read.path).ok_or_else(|| MissingAnswer(read.path.clone()))?;
        match reason(&read, answer) {
            Err(why) => return Ok(Verdict::Raises { at: Some(read.path), why }),
            Ok(None) => {}
            Ok(Some(reason)) => match read.part {
                HealthPart::Cluster => cluster = reason,
                HealthPart::Infrastructure => infrastructure = reason,
                HealthPart::ControlPlane => controlplane = reason,
                HealthPart::NodeGroup(_) => groups.push(reason),
            },
        }
    }
    let nodegroup = if groups.is_empty() { well } else { groups.join(",") };
    let reason = Reasons { cluster, infrastructure, controlplane, nodegroup };
    Ok(Verdict::Says { status: reason.status(), reason })
}

/// Returns the reason that the driver reports, or the exception that it raises.
fn reason(read: &HealthRead, answer: &Answer) -> Result<Option<String>, String> {
    let object = fetch(answer)?;
    let Some(object) = object else {
        return Ok(Some(match &read.part {
            HealthPart::Cluster => "Cluster resource not found.".to_owned(),
            HealthPart::Infrastructure => "Infrastructure resource not found.".to_owned(),
            HealthPart::ControlPlane => "Control plane resource not found.".to_owned(),
            HealthPart::NodeGroup(name) => format!("{name} resource not found."),
        }));
    };
    let waiting = |prefix: &str| {
        let types = untrue(object)?;
        let list = || python::list(types.iter().map(|kind| python::repr(kind)));
        Ok((!types.is_empty()).then(|| format!("{prefix} on {}", list())))
    };
    match &read.part {
        HealthPart::Cluster | HealthPart::ControlPlane => waiting("Waiting"),
        HealthPart::Infrastructure => infrastructure(object),
        HealthPart::NodeGroup(name) => waiting(&format!("{name} waiting")),
    }
}

/// `Resource.fetch`.
fn fetch(answer: &Answer) -> Result<Option<&Object>, String> {
    match answer {
        Answer::Object(object) => Ok(Some(object)),
        Answer::NotAnObject => Err("the answer is not a JSON object".to_owned()),
        Answer::Status { code, .. } if *code != 404 && (400..600).contains(code) => {
            Err(format!("HTTP {code}"))
        }
        Answer::Empty | Answer::Status { .. } => Ok(None),
        Answer::Nothing { why } => Err(why.clone()),
    }
}

/// A missing status has no fields; one that is not an object raises an exception.
fn field<'a>(object: &'a Object, key: &str) -> Result<Option<&'a Value>, String> {
    match &object.status {
        None => Ok(None),
        Some(Value::Object(status)) => Ok(status.get(key)),
        Some(_) => Err("its status is not a JSON object".to_owned()),
    }
}

/// Returns the types of the conditions whose status is not the text `True`.
fn untrue(object: &Object) -> Result<Vec<&Value>, String> {
    let conditions = match field(object, "conditions")? {
        Some(Value::Array(conditions)) => conditions.as_slice(),
        None => &[],
        // Python iterates over an empty dictionary or string as over an empty list.
        Some(Value::Object(none)) if none.is_empty() => &[],
        Some(Value::String(none)) if none.is_empty() => &[],
        Some(_) => return Err("its conditions are not a list".to_owned()),
    };
    if !conditions.iter().all(Value::is_object) {
        return Err("one of its conditions is not a JSON object".to_owned());
    }
    let is_true = |condition: &&Value| condition.get("status").is_some_and(|s| s == "True");
    let untrue = conditions.iter().filter(|condition| !is_true(condition));
    Ok(untrue.map(|condition| condition.get("type").unwrap_or(&Value::Null)).collect())
}

fn infrastructure(object: &Object) -> Result<Option<String>, String> {
    let truthy = |key: &str| Ok::<_, String>(field(object, key)?.filter(|v| python::truth(v)));
    let message = field(object, "failureMessage")?.map(python::text).unwrap_or_default();
    if let Some(reason) = truthy("failureReason")? {
        return Ok(Some(format!("{}: {message}", python::text(reason))));
    }
    Ok(truthy("ready")?.is_none().then(|| "Infrastructure not ready.".to_owned()))
}
