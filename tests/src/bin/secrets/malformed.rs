//! Files with a mistake on the line of a secret: what is said of it must not repeat the line.

use std::{io, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    desk::{Desk, Login, Places, User},
    run::run,
    world::Tally,
};

/// What stands for the secret: in quotes, as in a URL, bare, and in base64.
const FORMS: [&str; 4] = ["@QUOTED@", "@URL@", "@BARE@", "@BASE64@"];

const CLOUDS: [&str; 16] = [
    "clouds:\n  here:\n    auth: {auth_url: 'http://127.0.0.1:1/v3', username: u, password: @QUOTED@\n",
    "clouds:\n  here:\n    auth:\n\tpassword: @QUOTED@\n",
    "clouds:\n  here:\n    auth:\n      password: \"@BARE@\n      username: u\n",
    "clouds:\n  here:\n    auth:\n      password: '@BARE@\n",
    "clouds:\n  here:\n    auth:\n      password: [@QUOTED@]\n",
    "clouds:\n  here:\n    auth:\n      password: {@QUOTED@: 1}\n",
    "clouds:\n  here:\n    auth:\n      pasword: @QUOTED@\n",
    "clouds:\n  here:\n    auth:\n      password: @BARE@: x\n",
    "clouds:\n  here:\n    auth:\n      password: !!int @QUOTED@\n",
    "clouds:\n  here:\n    auth:\n      password: *@BARE@\n",
    "clouds:\n  here:\n    auth:\n      password: %@BARE@\n",
    "clouds:\n  here:\n    password: @QUOTED@\n    passwrd: @QUOTED@\n",
    "clouds:\n  here:\n    auth: @QUOTED@\n",
    "clouds:\n  here: @QUOTED@\n",
    "clouds:\n  here:\n    auth: {auth_url: 'http://u:@URL@@127.0.0.1:1/v3', username: u, password: p, project_name: p}\n",
    "clouds:\n  here:\n    auth: {auth_url: 'http://u:@URL@@127.0.0.1:x/v3', username: u, password: @QUOTED@}\n",
];

const OPENRC: [&str; 8] = [
    "export OS_AUTH_URL=http://127.0.0.1:1/v3\nexport OS_PASSWORD=@QUOTED@ and more\n",
    "export OS_PASSWORD=\"@BARE@\nexport OS_USERNAME=u\n",
    "export OS_PASSWORD='@BARE@\n",
    "export OS_PASSWORD=$(cat @BARE@)\n",
    "export OS_PASSWORD @QUOTED@\n",
    "export OS_PASSWORD=@BARE@;rm x\n",
    "OS_PASSWORD=@BARE@`x`\n",
    "export OS_AUTH_URL=http://u:@URL@@127.0.0.1:x/v3\nexport OS_PASSWORD=@BARE@\n",
];

const USERS: [&str; 15] = [
    "{token: [@QUOTED@]}",
    "{token: {@QUOTED@: x}}",
    "{token: @BARE@: x}",
    "{token: \"@BARE@}",
    "{token: @QUOTED@",
    "@QUOTED@",
    "[@QUOTED@]",
    "{tokn: @QUOTED@}",
    "{client-key-data: @QUOTED@, client-certificate-data: @QUOTED@}",
    "{client-key-data: @BASE64@, client-certificate-data: @BASE64@}",
    "{client-key-data: [@BASE64@]}",
    "{username: u, password: {@QUOTED@: @QUOTED@}}",
    "{exec: {command: sh, env: [{name: T, value: [@QUOTED@]}], args: @QUOTED@}}",
    "{exec: @QUOTED@}",
    "{auth-provider: {name: @BARE@, config: @QUOTED@}}",
];

const SITES: [&str; 9] = [
    "[cloud]\nname = \"here\"\npassword = @QUOTED@\n",
    "[cloud]\nname = \"here\"\npassword = \"@BARE@\n",
    "[cloud]\nname = \"here\"\n[cloud.auth]\npassword = @QUOTED@\n",
    "[driver]\nversion = \"1.4.0\"\nindex = \"https://u:@URL@@pypi.example/simple\"\n",
    "[driver]\nversion = \"1.4.0\"\nindex = \"https://u:@URL@@pypi.example/simple\n",
    "[driver]\nversion = \"1.4.0\"\nindx = \"https://u:@URL@@pypi.example/simple\"\n",
    "[chart]\nrepo = \"https://u:@URL@@charts.example\"\nversion = \"1.0.0\"\n",
    "[helm]\nversion = \"3.17.3\"\nurl = \"https://u:@URL@@get.example/helm\"\nsha256 = \"x\"\n",
    "[capi_helm]\nsecret = @QUOTED@\n",
];

/// The files that are read.
pub(crate) const FILES: [&str; 5] =
    ["clouds.yaml", "secure.yaml", "openrc", "capi.kubeconfig", "omega.toml"];

/// Reads each form of one of [`FILES`] by the commands that need it: without `is_all` in one output each.
pub(crate) fn read_all(program: &Path, name: &str, is_all: bool) -> io::Result<Tally> {
    let texts: Vec<String> = match name {
        "clouds.yaml" | "secure.yaml" => CLOUDS.map(str::to_owned).into(),
        "openrc" => OPENRC.map(str::to_owned).into(),
        "capi.kubeconfig" => USERS.map(with_user).into(),
        _ => SITES.map(str::to_owned).into(),
    };
    let asks: &[&[&str]] = match name {
        "capi.kubeconfig" => &[&["check", "management"], &["validate"], &["served-versions"]],
        "omega.toml" => &[
            &["validate"],
            &["plan", "graft"],
            &["lint", "site"],
            &["init", "--site", "omega.toml"],
        ],
        _ => &[&["check", "magnum"], &["validate"]],
    };
    let outputs: [&[&str]; 2] = [&["-vv"], &["--output", "json"]];
    let mut tally = Tally::default();
    for (nth, text) in texts.iter().enumerate() {
        let outputs =
            if is_all { &outputs[..] } else { outputs.get(nth % 2..=nth % 2).unwrap_or_default() };
        read(program, &mut tally, (name, text), asks, outputs)?;
    }
    Ok(tally)
}

/// A kubeconfig with this user.
fn with_user(user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
         clusters: [{{name: m, cluster: {{server: 'https://10.0.0.1:6443'}}}}]\n\
         contexts: [{{name: c, context: {{cluster: m, user: a}}}}]\nusers:\n- name: a\n  user: {user}\n"
    )
}

fn read(
    program: &Path,
    tally: &mut Tally,
    (name, text): (&str, &str),
    asks: &[&[&str]],
    outputs: &[&[&str]],
) -> io::Result<()> {
    let mut desk = Desk::new()?;
    let keystone = "http://127.0.0.1:1/v3".to_owned();
    let login = if name == "openrc" { Login::Openrc } else { Login::Clouds };
    desk.login(login, &keystone)?;
    let management = "https://127.77.9.1:1".to_owned();
    let ca = crate::service::Identity::new("127.77.9.1")?.certificate;
    desk.kubeconfig(User::Token, &Places { keystone, management, ca })?;
    desk.site(
        if login == Login::Openrc { "openrc = \"openrc\"" } else { "name = \"here\"" },
        false,
    )?;
    desk.write(name, &filled(text, &desk))?;
    for ask in asks {
        for more in outputs {
            let words: Vec<String> =
                ask.iter().chain(*more).map(|word| (*word).to_owned()).collect();
            let ran = run(program, &desk, &words, None)?;
            let what = format!("{} with {name} {text:?}", ask.join(" "));
            tally.add(&desk, &what, &ran);
            tally.found.search_files(&desk, &what)?;
        }
    }
    Ok(())
}

/// Puts the secret into a text, in the form that each place has.
fn filled(text: &str, desk: &Desk) -> String {
    let secret = desk.secret("a password");
    let bare: String = secret.value().chars().filter(char::is_ascii_alphanumeric).collect();
    let values = [secret.quoted(), secret.in_url(), bare, STANDARD.encode(secret.value())];
    let mut text = text.to_owned();
    for (form, value) in FORMS.iter().zip(values) {
        text = text.replace(form, &value);
    }
    text
}
