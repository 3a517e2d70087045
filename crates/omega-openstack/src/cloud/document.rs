//! A clouds.yaml as it is written: every scalar keeps its text, and nothing is judged yet.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::{DuplicateKeyPolicy, Options};

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
}

impl Node {
    /// Reads a file. An error says where it is, and quotes nothing of the file: it may have a password.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        // The types of the scalars come first, since a parser gives either the type or the text.
        let shape: Option<Shape> =
            parsed(text, |text, options| serde_saphyr::from_str_with_options(text, options))?;
        let Some(shape) = shape else { return Ok(Self::Empty) };
        parsed(text, |text, options| {
            serde_saphyr::with_deserializer_from_str_with_options(text, options, |deserializer| {
                Texts(&shape).deserialize(deserializer)
            })
        })
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

fn parsed<T>(
    text: &str,
    parse: impl FnOnce(&str, Options) -> Result<T, serde_saphyr::Error>,
) -> Result<T, String> {
    // A key that is there twice is judged in the cloud that is used, and not in its neighbours.
    let mut options = Options::default();
    options.duplicate_keys = DuplicateKeyPolicy::LastWins;
    options.with_snippet = false;
    parse(text, options).map_err(|error| {
        let place =
            error.location().map(|at| format!("line {}, column {}: ", at.line(), at.column()));
        let place = place.unwrap_or_default();
        format!("{place}not valid YAML: check the indentation and the quotes; tabs do not indent")
    })
}

/// What a value is, without its text.
#[derive(Debug)]
enum Shape {
    Empty,
    Flag(bool),
    Scalar,
    List(Vec<Shape>),
    Map(Vec<Shape>),
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Shapes)
    }
}

struct Shapes;

impl<'de> Visitor<'de> for Shapes {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Empty)
    }

    fn visit_none<E>(self) -> Result<Shape, E> {
        Ok(Shape::Empty)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Shape, E> {
        Ok(Shape::Flag(value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
        Ok(Shape::Scalar)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Shape, E> {
        Ok(Shape::Scalar)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Shape, E> {
        Ok(Shape::Scalar)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Shape, E> {
        Ok(Shape::Scalar)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape::Scalar)
    }

    fn visit_str<E>(self, _: &str) -> Result<Shape, E> {
        Ok(Shape::Scalar)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Shape, A::Error> {
        let mut shapes = Vec::new();
        while let Some(shape) = items.next_element()? {
            shapes.push(shape);
        }
        Ok(Shape::List(shapes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Shape, A::Error> {
        let mut shapes = Vec::new();
        while let Some((_, shape)) = entries.next_entry::<String, _>()? {
            shapes.push(shape);
        }
        Ok(Shape::Map(shapes))
    }
}

/// Reads the texts of a document of this shape.
struct Texts<'a>(&'a Shape);

impl<'de> DeserializeSeed<'de> for Texts<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        match self.0 {
            Shape::Empty => serde::de::IgnoredAny::deserialize(deserializer).map(|_| Node::Empty),
            Shape::Flag(value) => {
                String::deserialize(deserializer).map(|text| Node::Flag(*value, text))
            }
            Shape::Scalar => String::deserialize(deserializer).map(Node::Text),
            Shape::List(_) => deserializer.deserialize_seq(self),
            Shape::Map(_) => deserializer.deserialize_map(self),
        }
    }
}

impl<'de> Visitor<'de> for Texts<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the same document again")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let Shape::List(shapes) = self.0 else { return Ok(Node::Empty) };
        let mut nodes = Vec::new();
        for shape in shapes {
            nodes.extend(items.next_element_seed(Texts(shape))?);
        }
        Ok(Node::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let Shape::Map(shapes) = self.0 else { return Ok(Node::Empty) };
        let mut nodes = Vec::new();
        for shape in shapes {
            let Some(key) = entries.next_key()? else { break };
            nodes.push((key, entries.next_value_seed(Texts(shape))?));
        }
        Ok(Node::Map(nodes))
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
}
