use serde_json::Value;

use super::Tool;
use crate::{Error, Management, list::JSON};

/// Returns an image with a known tool that every node already has. No registry is assumed to be
/// reachable.
///
/// It reads `status.images` of the nodes; a kubelet lists its 50 largest images by default.
///
/// # Errors
///
/// Fails if the nodes can't be listed.
pub async fn known_image(management: &Management) -> Result<Option<(String, Tool)>, Error> {
    let nodes: Vec<Value> = management.list("/api/v1/nodes", "", 250, JSON).await?;
    Ok(choose(&nodes))
}

fn choose(nodes: &[Value]) -> Option<(String, Tool)> {
    let names = |node: &Value| -> Vec<String> {
        let images = node.pointer("/status/images").and_then(Value::as_array);
        let names = images.into_iter().flatten().filter_map(|image| image.get("names"));
        let names = names.filter_map(Value::as_array).flatten().filter_map(Value::as_str);
        // A digest says nothing to a person.
        names.filter(|name| !name.contains('@')).map(ToOwned::to_owned).collect()
    };
    let (first, others) = nodes.split_first()?;
    let others: Vec<Vec<String>> = others.iter().map(names).collect();
    let everywhere = |name: &String| others.iter().all(|has| has.contains(name));
    let mut all: Vec<(Tool, String)> = names(first)
        .into_iter()
        .filter(everywhere)
        .filter_map(|name| Some((Tool::of_image(&name)?, name)))
        .collect();
    let rank = |tool: &Tool| Tool::ALL.iter().position(|one| one == tool);
    all.sort_by(|a, b| (rank(&a.0), &a.1).cmp(&(rank(&b.0), &b.1)));
    all.into_iter().next().map(|(tool, name)| (name, tool))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Tool, choose};

    fn node(names: &[&str]) -> Value {
        let images: Vec<Value> = names.iter().map(|name| json!({"names": [name]})).collect();
        json!({"status": {"images": images}})
    }

    #[test]
    fn the_plainest_tool_that_every_node_has() {
        let cilium = "mirror.example/cilium/cilium:v1.16.3";
        let (agnhost, busybox) = ("mirror:5000/agnhost:2.53", "busybox:1.36");
        let one = node(&["images.example/pause:3.10", cilium, busybox, agnhost]);
        let found = |nodes: &[Value]| choose(nodes);
        assert_eq!(found(std::slice::from_ref(&one)), Some((agnhost.to_owned(), Tool::Agnhost)));
        let other = node(&[cilium, busybox]);
        assert_eq!(found(&[one.clone(), other]), Some((busybox.to_owned(), Tool::Nc)));
        let far = node(&[cilium, "busybox@sha256:00"]);
        assert_eq!(found(&[one.clone(), far]), Some((cilium.to_owned(), Tool::Bash)));
        assert_eq!(found(&[one, json!({})]), None);
        assert_eq!(found(&[]), None);
    }
}
