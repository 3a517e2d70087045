//! The subcommands: what they are about, and examples of each.

/// A subcommand and examples of it, without the program's name.
pub(crate) type Shown = (&'static str, &'static [&'static str]);

/// The subcommands by what they are about.
pub(crate) const GROUPS: [(&str, &[Shown]); 8] = [
    (
        "Describe your site",
        &[
            (
                "init",
                &["init", "init --cloud capi-admin --application magnum --source 10.20.0.0/16"],
            ),
            ("validate", &["validate", "validate --site sites/prod.toml --output json"]),
            (
                "lint",
                &[
                    "lint bundle bundle.yaml overlay.yaml",
                    "lint bundle bundle.yaml --format sarif",
                    "lint network bundle.yaml --svg plan.svg",
                    "lint site",
                ],
            ),
        ],
    ),
    (
        "Runbooks",
        &[
            ("plan", &["plan graft", "plan graft --remove-leftovers --out graft.plan"]),
            ("show", &["show graft.plan"]),
            (
                "apply",
                &["apply graft", "apply graft --from graft.plan", "apply graft --prove=cluster"],
            ),
            ("verify", &["verify graft"]),
            ("rollback", &["rollback graft --plan", "rollback --run latest"]),
            ("runs", &["runs", "runs show latest", "runs sweep --plan"]),
            ("locks", &["locks", "locks --unit magnum/0"]),
            (
                "teardown",
                &[
                    "teardown --plan",
                    "teardown --model openstack --maas-profile admin --destroy-storage",
                ],
            ),
            (
                "rehearse",
                &["rehearse graft", "rehearse graft --site omega.toml", "rehearse acceptance"],
            ),
        ],
    ),
    (
        "Diagnose and accept",
        &[
            ("doctor", &["doctor", "doctor --cluster c9 --patience 30m"]),
            (
                "drift",
                &[
                    "drift",
                    "drift --accept",
                    "drift --metrics-file /var/lib/node_exporter/omega.prom",
                    "drift --watch --interval 5m --listen 127.0.0.1:9464 --output json",
                ],
            ),
            ("check", &["check reach", "check live", "check health --output json"]),
            ("accept", &["accept --plan", "accept --report-dir reports", "accept --only D-011.4"]),
            ("as-built", &["as-built", "as-built --out as-built.md", "as-built --output json"]),
            (
                "export",
                &["export kubernetes --image registry.example/omega-cli:0.1.0 --output-dir k8s"],
            ),
            ("decisions", &["decisions", "decisions D-021", "decisions --contradictions"]),
            ("explain", &["explain", "explain D-042", "explain D-042 D-043"]),
        ],
    ),
    (
        "Units of the conductor",
        &[
            ("capture-pre-state", &["capture-pre-state --unit magnum/0"]),
            ("place-kubeconfig", &["place-kubeconfig --plan", "place-kubeconfig --unit magnum/0"]),
            ("pin-driver", &["pin-driver --plan", "pin-driver"]),
            ("ensure-helm", &["ensure-helm --plan", "ensure-helm"]),
            ("stage-dropin", &["stage-dropin --plan", "stage-dropin"]),
            ("inject-config-dir", &["inject-config-dir --plan", "inject-config-dir"]),
            ("converge-services", &["converge-services --plan", "converge-services"]),
            ("remove-leftovers", &["remove-leftovers --remove-leftovers --plan"]),
        ],
    ),
    (
        "The cloud",
        &[
            (
                "ensure-sg-rule",
                &[
                    "ensure-sg-rule --plan",
                    "ensure-sg-rule --remote 10.20.0.0/16 --port 6443 --absent",
                ],
            ),
            (
                "stage-image",
                &[
                    "stage-image --manifest 0.28.0 --kubernetes-version v1.34.7 --plan",
                    "stage-image --file F --sha512 DIGEST --name N --kubernetes-version v1.34.7",
                ],
            ),
            (
                "ensure-load-balancer-active",
                &["ensure-load-balancer-active --load-balancer web --plan"],
            ),
            ("ensure-guest-running", &["ensure-guest-running capi-mgmt-v2"]),
            (
                "ensure-charm-config",
                &[
                    "ensure-charm-config --plan",
                    "ensure-charm-config --set reserved-host-memory=8192",
                ],
            ),
        ],
    ),
    (
        "Workload clusters",
        &[
            (
                "ensure-cluster-template",
                &["ensure-cluster-template --plan", "ensure-cluster-template --name k8s-v1-34"],
            ),
            (
                "ensure-cluster",
                &[
                    "ensure-cluster --name c1 --template k8s-v1-34 --node-count 2 --plan",
                    "ensure-cluster --name c1 --template k8s-v1-34 --node-count 2",
                ],
            ),
            (
                "ensure-cluster-absent",
                &[
                    "ensure-cluster-absent --cluster c1 --plan",
                    "ensure-cluster-absent --cluster c1",
                ],
            ),
            (
                "fetch-cluster-kubeconfig",
                &[
                    "fetch-cluster-kubeconfig --cluster c1 --out c1.kubeconfig",
                    "fetch-cluster-kubeconfig --cluster c1 --out c1.kubeconfig --from-management",
                ],
            ),
            (
                "release-stuck-delete",
                &[
                    "release-stuck-delete --cluster c1 --plan",
                    "release-stuck-delete --cluster c1 --credential-from clouds.yaml",
                ],
            ),
        ],
    ),
    (
        "The management cluster",
        &[
            ("served-versions", &["served-versions"]),
            (
                "check-coherence",
                &["check-coherence", "check-coherence --core 1.13.2 --provider 0.14.4"],
            ),
            ("check-constellation", &["check-constellation"]),
            (
                "read-releases",
                &["read-releases --namespace magnum-6741a4d1b29346e5a2f4c6ad38f0a2c1"],
            ),
            (
                "mint-kubeconfig",
                &[
                    "mint-kubeconfig --out driver.kubeconfig --namespace magnum-6741a4d1b29346e5a2f4c6ad38f0a2c1",
                ],
            ),
            ("retarget-kubeconfig", &["retarget-kubeconfig --server 10.12.7.40 --plan"]),
            ("probe-pod-egress", &["probe-pod-egress 10.12.4.50:5000 --plan"]),
        ],
    ),
    (
        "The program itself",
        &[
            ("schema", &["schema site", "schema report"]),
            ("completions", &["completions bash # source <(omega-cli completions bash)"]),
            ("man", &["man man1"]),
            ("help", &[]),
        ],
    ),
];

/// Those of `check`, `export`, `lint` and `runs`.
const INNER: [Shown; 21] = [
    ("runs show", &["runs show latest", "runs show 2026-11-21T07"]),
    ("runs sweep", &["runs sweep --plan", "runs sweep"]),
    (
        "export kubernetes",
        &[
            "export kubernetes --image registry.example/omega-cli:0.1.0 --output-dir k8s",
            "export kubernetes --image registry.example/omega-cli:0.1.0 --schedule '0 * * * *'",
            "export kubernetes --image registry.example/omega-cli:0.1.0 --once --output json",
        ],
    ),
    ("lint bundle", &["lint bundle bundle.yaml overlay.yaml", "lint bundle bundle.yaml --fix"]),
    (
        "lint network",
        &["lint network bundle.yaml overlay.yaml --svg plan.svg", "lint network --live"],
    ),
    ("lint site", &["lint site", "lint site --site sites/prod.toml --deny warning"]),
    ("lint templates", &["lint templates", "lint templates --template k8s-v1-34 --output json"]),
    ("lint file", &["lint file 00-capi-helm.conf", "lint file _50_site.py --format github"]),
    ("check reach", &["check reach --unit magnum/0"]),
    ("check authenticate", &["check authenticate"]),
    ("check releases", &["check releases --namespace magnum-6741a4d1b29346e5a2f4c6ad38f0a2c1"]),
    ("check driver", &["check driver"]),
    ("check served-versions", &["check served-versions"]),
    ("check coherence", &["check coherence"]),
    ("check trustee-domain", &["check trustee-domain"]),
    ("check magnum", &["check magnum"]),
    ("check management", &["check management"]),
    ("check health", &["check health", "check health --cluster c1"]),
    (
        "check cluster-prerequisites",
        &["check cluster-prerequisites --template k8s-v1-34 --node-count 2"],
    ),
    ("check live", &["check live", "check live --only octavia-image --output json"]),
    ("check workload", &["check workload --cluster c1"]),
];

/// Returns examples of a subcommand (`runs show`), without the program's name.
pub(crate) fn examples(name: &str) -> &'static [&'static str] {
    let all = GROUPS.iter().flat_map(|(_, shown)| shown.iter()).chain(&INNER);
    let mut found = all.filter(|(one, _)| *one == name).map(|(_, examples)| *examples);
    found.next().unwrap_or_default()
}
