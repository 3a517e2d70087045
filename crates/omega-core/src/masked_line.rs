//! Lines of files, as they may be shown.

/// Parts of the names of keys, in a file or in a URL's query, whose values are not shown.
const SECRET: [&str; 8] =
    ["password", "passwd", "passphrase", "secret", "token", "apikey", "credential", "key-data"];

/// Returns whether the value of a key with this name may be a secret.
pub fn is_secret_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    SECRET.iter().any(|word| lower.contains(word))
}

/// Hides in a line of a file what may be a secret: the text before an `@` in an address, and the value of a key
/// with such a name, after `=` or, in YAML, `:`. The rest of the line moves, so a mark may be off.
pub fn masked_line(line: &str) -> String {
    let lower = line.to_ascii_lowercase();
    if let Some(end) = SECRET.iter().filter_map(|word| Some(lower.find(word)? + word.len())).min()
        && let Some(rest) = line.get(end..)
        && let Some(value) = rest.find(['=', ':']).map(|at| end + at + 1)
    {
        return format!("{} …", without_users(line.get(..value).unwrap_or_default()));
    }
    without_users(line)
}

fn without_users(line: &str) -> String {
    let mut shown = String::new();
    for (nth, part) in line.split('@').enumerate() {
        if nth > 0 {
            let keep = shown.rfind(['/', '"', '\'', ' ']).map_or(0, |at| at + 1);
            shown.truncate(keep);
            shown.push_str("…@");
        }
        shown.push_str(part);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_secret_is_not_shown() {
        for line in [
            "password = \"hunter2\"",
            "os_token=hunter2",
            "index = \"https://pypi.example/simple?token=hunter2\"",
            "x = { Client_Secret = 'hunter2' }",
            "index = \"https://u:hunter2@pypi.example\"",
            "      admin-password: hunter2",
            "auth: {auth_url: https://c:5000/v3, username: u, password: hunter2, project_name: p}",
            "    client-key-data: hunter2",
            "  keystone: {options: {admin-token: \"hunter2\"}}",
        ] {
            let shown = masked_line(line);
            assert!(!shown.contains("hunter2") && shown.contains('…'), "{line}: {shown}");
        }
        for plain in ["kubeconfig = \"mgmt.kubeconfig\" # no secrets here", "    charm: keystone"] {
            assert_eq!(masked_line(plain), plain);
        }
        assert!(is_secret_name("Admin-Password") && !is_secret_name("worker-multiplier"));
    }
}
