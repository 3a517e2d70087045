use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::Secret;

/// The shortest secret that is looked for. A shorter one may be a part of any word.
const SHORTEST: usize = 6;
/// What is shown in its place.
const SHOWN: &str = "[secret]";

/// The secrets that somebody was sent. If what they answer has one of them, it is not shown.
#[derive(Clone, Debug, Default)]
pub struct Withheld(Vec<Secret>);

impl Withheld {
    /// Returns those secrets.
    pub fn new(secrets: impl IntoIterator<Item = Secret>) -> Self {
        Self(secrets.into_iter().collect())
    }

    /// Returns `text` with `[secret]` in the place of each secret: plain, and as JSON (also twice: a request that
    /// is quoted in an answer), URLs, forms, shells, HTML and base64 quote it.
    #[must_use]
    pub fn hide_in(&self, text: &str) -> String {
        let secrets = self.0.iter().filter_map(|secret| str::from_utf8(secret.expose()).ok());
        let mut forms: Vec<String> =
            secrets.filter(|secret| secret.len() >= SHORTEST).flat_map(forms).collect();
        // A form may have another one in it.
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        let hide = |text: String, form: &String| {
            if text.contains(form) { text.replace(form, SHOWN) } else { text }
        };
        forms.iter().fold(text.to_owned(), hide)
    }
}

/// Returns the ways in which a text is quoted.
fn forms(secret: &str) -> Vec<String> {
    let once = json(secret);
    let twice = json(&once);
    let mut all = vec![secret.replace('\'', r"'\''"), STANDARD.encode(secret)];
    let thrice = json(&twice);
    for text in [secret, once.as_str(), twice.as_str(), thrice.as_str()] {
        let (upper, lower) = (percent(text, "0123456789ABCDEF"), percent(text, "0123456789abcdef"));
        all.extend([text.to_owned(), html(text), upper.replace("%20", "+"), upper, lower]);
    }
    all.sort();
    all.dedup();
    all
}

/// Returns the text as it is in a URL.
fn percent(text: &str, digits: &str) -> String {
    let digit = |nth: u8| digits.chars().nth(nth.into()).unwrap_or_default();
    let mut quoted = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            quoted.push(byte.into());
        } else {
            quoted.extend(['%', digit(byte >> 4), digit(byte & 15)]);
        }
    }
    quoted
}

/// Returns the text as it is between the quotes of a JSON string.
fn json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(&quoted).to_owned()
}

fn html(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "s3cr'\"\\ &%#t";

    #[test]
    fn a_secret_is_hidden_in_every_quoting_and_nothing_else_is() {
        let withheld = Withheld::new([Secret::from(SECRET.to_owned())]);
        let once = serde_json::json!({ "password": SECRET }).to_string();
        let twice = serde_json::json!({ "message": once }).to_string();
        for (text, shown) in [
            (format!("no {SECRET} here"), "no [secret] here"),
            (once.clone(), r#"{"password":"[secret]"}"#),
            (twice, r#"{"message":"{\"password\":\"[secret]\"}"}"#),
            ("a=s3cr%27%22%5C%20%26%25%23t&b".to_owned(), "a=[secret]&b"),
            ("a=s3cr%27%22%5c%20%26%25%23t&b".to_owned(), "a=[secret]&b"),
            ("a=s3cr%27%22%5C+%26%25%23t&b".to_owned(), "a=[secret]&b"),
            ("a=s3cr%27%5C%22%5C%5C%20%26%25%23t&b".to_owned(), "a=[secret]&b"),
            ("<p>s3cr&#39;&quot;\\ &amp;%#t</p>".to_owned(), "<p>[secret]</p>"),
            (format!("x {}", STANDARD.encode(SECRET)), "x [secret]"),
            ("nothing of it: s3cr".to_owned(), "nothing of it: s3cr"),
        ] {
            assert_eq!(withheld.hide_in(&text), shown);
        }
    }

    #[test]
    fn a_secret_that_may_be_a_part_of_any_word_is_not_looked_for() {
        let short = Withheld::new(["", "a", "admin"].map(|text| Secret::from(text.to_owned())));
        assert_eq!(short.hide_in("administrator"), "administrator");
    }
}
