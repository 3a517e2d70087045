//! A clouds.yaml as it is written: every scalar keeps its text, and nothing is judged yet.

use omega_core::pyyaml::{self, Directives, Fault, Kind, Scalar};
use serde_json::Value;

/// One value of the file.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    /// Nothing, or `null`.
    Empty,
    /// `true`, `no` and so on without quotes, with its text.
    Flag(bool, String),
    /// Any other scalar, as it is written, so that a password of digits stays the same.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Keys and values, in their order. A key may be there twice.
    Map(Vec<(String, Node)>),
    /// Something that a tag makes of a value: `!!binary`, `!!set`.
    Odd,
}

impl Node {
    /// Reads a file as the openstack client does. An error says where it is, and quotes nothing of the
    /// file: it may have a password.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let document = pyyaml::read(text, Directives::Allowed).map_err(|fault| {
            let next = match fault {
                Fault::Syntax(_) => ": check the indentation and the quotes; tabs do not indent",
                Fault::Value(_) => ": write it in quotes",
                Fault::TooLarge => ": write the values out",
                Fault::Tab(_)
                | Fault::Ended(_)
                | Fault::Tag(_)
                | Fault::Key(_)
                | Fault::Documents => "",
            };
            format!("{fault}{next}")
        })?;
        Ok(document.root.map_or(Self::Empty, Self::from))
    }

    /// Reads a file of JSON. The openstack client goes by the file's name.
    pub(super) fn read_json(text: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(text).map_err(|error| {
            format!("line {}, column {}: not valid JSON", error.line(), error.column())
        })?;
        Ok(value.into())
    }

    /// Returns the value of a key, the last one if it is there twice.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().rev().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// Returns its keys and values. None if it is no map.
    pub(super) fn entries(&self) -> &[(String, Self)] {
        if let Self::Map(entries) = self { entries } else { &[] }
    }
}

impl From<pyyaml::Node> for Node {
    fn from(node: pyyaml::Node) -> Self {
        match node {
            pyyaml::Node::Scalar(one) => one.into(),
            pyyaml::Node::List(all) => Self::List(all.into_iter().map(Self::from).collect()),
            pyyaml::Node::Map(map) => {
                let entries = map.entries.into_iter();
                Self::Map(entries.map(|(key, value)| (key.text, value.into())).collect())
            }
            pyyaml::Node::Tagged => Self::Odd,
        }
    }
}

impl From<Scalar> for Node {
    fn from(one: Scalar) -> Self {
        match (one.flag(), &one.kind) {
            (Some(flag), _) => Self::Flag(flag, one.text),
            (None, Kind::Tagged(tag)) if tag == "null" => Self::Empty,
            (None, Kind::Tagged(tag)) if tag == "binary" => Self::Odd,
            (None, _) if one.is_null() => Self::Empty,
            (None, _) => Self::Text(one.text),
        }
    }
}

impl From<Value> for Node {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Empty,
            Value::Bool(flag) => Self::Flag(flag, flag.to_string()),
            Value::Number(number) => Self::Text(number.to_string()),
            Value::String(text) => Self::Text(text),
            Value::Array(all) => Self::List(all.into_iter().map(Self::from).collect()),
            Value::Object(all) => {
                Self::Map(all.into_iter().map(|(key, value)| (key, value.into())).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scalar_keeps_its_text() {
        let text = "a: &a {pin: 0123, big: 12345678901234567890123456789012, e: 1e5}\n\
                    b: {<<: *a, pin: '0', on: yes, quoted: 'yes', none: ~, list: [1, x]}\n";
        let node = Node::read(text).unwrap();
        let b = node.get("b").unwrap();
        let text = |text: &str| Some(Node::Text(text.to_owned()));
        assert_eq!(node.get("a").unwrap().get("pin").cloned(), text("0123"));
        assert_eq!(b.get("pin").cloned(), text("0"), "its own value, not the merged one");
        assert_eq!(b.get("big").cloned(), text("12345678901234567890123456789012"));
        assert_eq!(b.get("e").cloned(), text("1e5"));
        assert_eq!(b.get("on").cloned(), Some(Node::Flag(true, "yes".to_owned())));
        assert_eq!(b.get("quoted").cloned(), text("yes"));
        assert_eq!(b.get("none").cloned(), Some(Node::Empty));
        let list = vec![Node::Text("1".to_owned()), Node::Text("x".to_owned())];
        assert_eq!(b.get("list").cloned(), Some(Node::List(list)));
        assert_eq!(Node::read("").unwrap(), Node::Empty);
    }

    /// openstacksdk reads the file with all of these in a cloud that is not chosen.
    #[test]
    fn an_odd_value_leaves_the_rest_of_the_file_readable() {
        for odd in [
            ".inf",
            ".nan",
            "-.INF",
            "!!int 5",
            "!!float 5",
            "!!binary eA==",
            "!!set {a, b}",
            "!!omap [{a: b}]",
            "!!null ''",
            "!!timestamp 2024-01-31",
            "2024-01-31",
            "1:30",
            "{~: x}",
            "{null: x}",
            "{5: x}",
            "{yes: x}",
            "0x1f",
            "0o17",
        ] {
            let text = format!("clouds:\n  b: {{odd: {odd}}}\n  a: {{auth: {{username: op}}}}\n");
            let node = Node::read(&text).unwrap_or_else(|error| panic!("{odd}: {error}"));
            let user =
                node.get("clouds").and_then(|all| all.get("a")?.get("auth")?.get("username"));
            assert_eq!(user, Some(&Node::Text("op".to_owned())), "{odd}");
        }
    }

    #[test]
    fn many_merges_are_read_and_a_bomb_is_told() {
        let many = (0..500).fold("d: &d {interface: internal}\nclouds:\n".to_owned(), |text, n| {
            format!("{text}  c{n}: {{<<: *d, region_name: R{n}}}\n")
        });
        let node = Node::read(&many).unwrap();
        let cloud = node.get("clouds").unwrap().get("c499").unwrap();
        assert_eq!(cloud.get("interface"), Some(&Node::Text("internal".to_owned())));
        let bomb = (1..9).fold("a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned(), |text, n| {
            let all = vec![format!("*a{}", n - 1); 9].join(",");
            format!("{text}a{n}: &a{n} [{all}]\n")
        });
        insta::assert_snapshot!(Node::read(&bomb).unwrap_err(), @"its aliases (`*name`) stand for more than 200000 values: write the values out");
    }

    #[test]
    fn json_may_have_tabs_and_its_own_escapes() {
        let text = "{\"a\":\t\"x\\/y \\ud83d\\ude00\",\n\t\"b\": [true, 5, null]}";
        let node = Node::read_json(text).unwrap();
        assert_eq!(node.get("a"), Some(&Node::Text("x/y \u{1f600}".to_owned())));
        let list =
            vec![Node::Flag(true, "true".to_owned()), Node::Text("5".to_owned()), Node::Empty];
        assert_eq!(node.get("b"), Some(&Node::List(list)));
        assert_eq!(
            Node::read_json("{\n\"a\": x}").unwrap_err(),
            "line 2, column 6: not valid JSON"
        );
    }
}
