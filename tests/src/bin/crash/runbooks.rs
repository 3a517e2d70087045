//! What is run, from which state, and what the design promises of it.

use omega_juju::sim::Start;
use omega_openstack::{Method, Request, Service};
use serde_json::{Value, json};

use crate::{
    Result,
    openstack::PROJECT,
    serve::Served,
    world::{Metal, World, stuck_cluster},
};

/// A command, and the state that it begins with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    /// Its arguments. It is run again with the same ones.
    pub(crate) args: &'static [&'static str],
    /// What is done before, undisturbed.
    pub(crate) before: &'static [&'static [&'static str]],
    /// What the site file has besides.
    pub(crate) site: &'static str,
    pub(crate) world: fn(&Served) -> Result<World>,
    /// Whether it changes the simulators.
    pub(crate) writes: bool,
    /// With what it ends.
    pub(crate) exits: i32,
    /// Whether its runs can be rolled back.
    pub(crate) undo: bool,
    /// What is typed at a terminal, if it asks.
    pub(crate) typed: Option<&'static str>,
}

const APPLY: &[&str] = &["apply", "graft", "--yes"];

/// What the others differ from.
const GRAFT: Entry = Entry {
    name: "graft",
    args: APPLY,
    before: &[],
    site: "",
    world: |_| Ok(World::new(&[Start::Fresh])),
    writes: true,
    exits: 0,
    undo: true,
    typed: None,
};

const PROVE: &str = r#"
[prove]
image = "k8s"
flavor = "m1.medium"
external_network = "public"
keypair = "operator"
"#;

/// Every entry.
pub(crate) const ALL: &[Entry] = &[
    GRAFT,
    Entry {
        name: "graft-leftovers",
        args: &["apply", "graft", "--remove-leftovers", "--yes"],
        world: |_| Ok(World::new(&[Start::Superseded])),
        ..GRAFT
    },
    Entry {
        name: "graft-two-units",
        world: |_| Ok(World::new(&[Start::Grafted130, Start::HalfFinished])),
        ..GRAFT
    },
    Entry {
        name: "graft-prove",
        args: &["apply", "graft", "--prove", "--yes"],
        site: PROVE,
        world: |_| Ok(proving()),
        ..GRAFT
    },
    Entry {
        name: "graft-prove-cluster",
        args: &["apply", "graft", "--prove=cluster", "--yes"],
        site: PROVE,
        world: |_| Ok(proving()),
        ..GRAFT
    },
    Entry {
        name: "rollback",
        args: &["rollback", "graft", "--yes"],
        before: &[APPLY],
        undo: false,
        ..GRAFT
    },
    Entry { name: "place-kubeconfig", args: &["place-kubeconfig", "--yes"], ..GRAFT },
    Entry {
        name: "ensure-sg-rule",
        args: &["ensure-sg-rule", "--yes"],
        world: |_| Ok(World::new(&[])),
        ..GRAFT
    },
    Entry {
        name: "stage-image",
        args: &[
            "stage-image",
            "--file",
            "image.qcow2",
            "--sha512",
            IMAGE_SHA512,
            "--name",
            "k8s",
            "--kubernetes-version",
            "v1.34.7",
            "--yes",
        ],
        world: |_| Ok(World::new(&[])),
        ..GRAFT
    },
    Entry {
        name: "release-stuck-delete",
        args: &[
            "release-stuck-delete",
            "--cluster",
            "c1",
            "--namespace",
            NAMESPACE,
            "--patience",
            "0s",
            "--wait",
            "0s",
            "--yes",
        ],
        world: stuck,
        undo: false,
        ..GRAFT
    },
    Entry {
        name: "teardown",
        args: &[
            "teardown",
            "--model",
            "sim:openstack",
            "--maas-profile",
            "admin",
            "--within",
            "60s",
        ],
        world: |_| Ok(World { metal: Some(Metal::new()), ..World::new(&[]) }),
        undo: false,
        typed: Some("openstack"),
        ..GRAFT
    },
    Entry {
        name: "accept",
        args: &["accept", "--yes", "--only", "D-011.1", "--report-dir", "reports"],
        writes: false,
        undo: false,
        ..GRAFT
    },
    Entry {
        name: "drift",
        args: &["drift"],
        before: &[APPLY],
        // The simulators lack some of what it reads: that is unknown, here as on a site.
        exits: 1,
        writes: false,
        undo: false,
        ..GRAFT
    },
];

/// The image that is staged: a header of qcow2, version 3, and nothing (QEMU, docs/interop/qcow2.rst).
pub(crate) fn image() -> Vec<u8> {
    let mut bytes = vec![0; 100_000];
    for (byte, value) in bytes.iter_mut().zip(b"QFI\xfb\0\0\0\x03") {
        *byte = *value;
    }
    bytes
}

/// Its digest.
const IMAGE_SHA512: &str = "66022cbadc2855ef21cc84244600ffa5f19e40996e118353ba599c3c40549bb5\
     7a56edc9707e6e3ae1429457f899730dd42ec2d21e562f6e96031511285b5414";

/// The namespace of the project's clusters: its id is the first that the simulator gives.
const NAMESPACE: &str = "magnum-00000000000040008000000000000001";

/// A cloud that can create clusters.
fn proving() -> World {
    let world = World::new(&[Start::Fresh]);
    world.cloud.add_image("k8s", true);
    world.cloud.add_flavor("m1.medium", 2, 4096);
    world.cloud.add_keypair(true, "operator");
    world.cloud.add_network(PROJECT, "public", "203.0.113.0/24", true);
    world
}

/// A cluster that is stuck deleting, with an address that it left in the cloud.
fn stuck(served: &Served) -> Result<World> {
    let world = World::new(&[]);
    let world =
        World { apiserver: stuck_cluster(NAMESPACE, &served.keystone, &world.cloud), ..world };
    let described = format!("Created by cluster-api-provider-openstack cluster {NAMESPACE}-c1");
    let asked: Value = json!({ "floatingip": { "description": described } });
    let request = Request::new(Service::Network, Method::Post, &["floatingips"]).body(asked);
    let sent = world.cloud.admin(PROJECT);
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async { sent.send(request).await })?;
    Ok(world)
}

impl Entry {
    /// Returns the entry of that name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        ALL.iter().find(|entry| entry.name == name).copied()
    }
}

/// Returns words as arguments.
pub(crate) fn words(all: &[&str]) -> Vec<String> {
    all.iter().map(|word| (*word).to_owned()).collect()
}
