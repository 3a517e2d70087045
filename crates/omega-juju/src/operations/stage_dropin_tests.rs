use super::*;
use crate::{
    operations::world::{cases, client, options, shown, stage_dropin as desired},
    sim::{self, Start},
};

const PATH: &str = "/etc/magnum/magnum.conf.d/00-capi-helm.conf";

#[tokio::test(start_paused = true)]
async fn what_is_shown() {
    let fresh = Start::Fresh.unit("magnum/0");
    let old = Start::Grafted130.unit("magnum/0");
    let done = Start::Fresh.unit("magnum/0");
    ensure(&Context::default(), &client(&done), &desired()).await.unwrap();
    let (link, file) = (Start::Fresh.unit("magnum/0"), Start::Fresh.unit("magnum/0"));
    link.make_directory("/etc/magnum/magnum.conf.d");
    link.link(PATH, "/etc/magnum/other.conf");
    file.write("/etc/magnum/magnum.conf.d", b"", "root", "root", 0o644);
    let plural = r#"{"Machine": {"plural_name": "machines"}}"#;
    let plural =
        CapiHelm { api_resources: Some(ApiResources::parse(plural).unwrap()), ..options() };
    let plural = StageDropin::new(&plural, &"1.4.0".parse().unwrap()).unwrap();
    insta::assert_snapshot!(cases(vec![
        ("nothing there", shown(&fresh, &desired()).await),
        ("another text", shown(&old, &desired()).await),
        ("there", shown(&done, &desired()).await),
        ("a link", shown(&link, &desired()).await),
        ("a file in the directory's place", shown(&file, &desired()).await),
        ("an override that is half ignored", shown(&fresh, &plural).await),
    ]));
}

/// The text of the runbook's step 7.6, byte for byte, as an operator writes it by hand.
#[test]
fn the_text_is_the_runbooks() {
    let StageDropin { text, notes, .. } = desired();
    assert!(notes.is_empty());
    insta::assert_snapshot!(text);
}

#[tokio::test(start_paused = true)]
async fn a_directory_that_is_used_meanwhile_is_not_removed_with_the_dropin() {
    let sim = Start::Fresh.unit("magnum/0");
    let done = ensure(&Context::default(), &client(&sim), &desired()).await.unwrap();
    let omega_core::Outcome::Changed { before, .. } = done else { panic!() };
    sim.write("/etc/magnum/magnum.conf.d/50-site.conf", b"[a]\n", "root", "root", 0o644);
    ensure(&Context::default(), &client(&sim), &desired().undo(&before).unwrap()).await.unwrap();
    assert_eq!(sim.read(PATH), None);
    assert_eq!(sim.read("/etc/magnum/magnum.conf.d/50-site.conf").as_deref(), Some("[a]\n"));
}

/// The plan names the file that overrides an option, with line and value; one of the same value, or one
/// that is read before, is none.
#[tokio::test(start_paused = true)]
async fn a_file_that_overrides_an_option_is_named_with_its_line_and_value() {
    let sim = Start::Fresh.unit("magnum/0");
    sim.make_directory("/etc/magnum/magnum.conf.d");
    let other = "[DEFAULT]\ndebug = true\n[capi_helm]\n# ours\nhelm_chart_name = other\n\
                 default_helm_chart_version = 0.25.1\n";
    for (name, text) in
        [("50-site.conf", other), ("00-a.conf", "[capi_helm]\nhelm_chart_name = a\n")]
    {
        let path = format!("/etc/magnum/magnum.conf.d/{name}");
        sim.write(&path, text.as_bytes(), "root", "root", 0o644);
    }
    let note = "note: /etc/magnum/magnum.conf.d/50-site.conf:5 sets helm_chart_name = other, and is read \
                after /etc/magnum/magnum.conf.d/00-capi-helm.conf: the daemons read that value. Remove the \
                option there\n";
    let planned = shown(&sim, &desired()).await;
    assert!(planned.ends_with(note) && planned.matches("note: ").count() == 1, "{planned}");
    ensure(&Context::default(), &client(&sim), &desired()).await.unwrap();
    let done = shown(&sim, &desired()).await;
    assert!(done.ends_with(note) && done.matches("note: ").count() == 1, "{done}");
}

/// The simulated daemons read what was written.
#[tokio::test(start_paused = true)]
async fn the_daemons_read_what_was_written() {
    let sim: sim::Unit = Start::Fresh.unit("magnum/0");
    let unit = client(&sim);
    ensure(&Context::default(), &unit, &desired()).await.unwrap();
    let keys = options().effective().into_keys().collect();
    let values = unit.options(&magnum::api(), omega_driver::options::SECTION, keys).await.unwrap();
    assert_eq!(values, options().effective());
}
