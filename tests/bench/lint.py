"""Measures `omega-cli lint bundle` on a bundle of 60 applications, and beside it a reader of YAML alone.

    python3 tests/bench/lint.py OMEGA_CLI [ROUNDS]

Prints the median of each in milliseconds, processes included. Wants PyYAML.
"""
import statistics
import subprocess
import sys
import tempfile
import time

CHARMS = ("keystone", "glance", "nova-cloud-controller", "neutron-api", "cinder", "placement", "octavia", "magnum", "barbican", "vault")


def bundle(applications):
    lines = ["default-base: ubuntu@22.04/stable", "machines:"] + ['  "%d":' % n for n in range(4)] + ["applications:"]
    relations = []
    for n in range(applications):
        charm = CHARMS[n % len(CHARMS)]
        name = "%s-%d" % (charm, n)
        lines += ["  %s:" % name, "    charm: %s" % charm, "    channel: 2024.1/stable", "    num_units: 1", "    to: [lxd:%d]" % (n % 4),
                  "    bindings: {'': metal, public: provider}",
                  "    options:", "      vip: 10.12.4.%d 10.12.8.%d" % (224 + n % 30, n + 10), "      os-public-hostname: %s.omega.example" % name]
        relations.append("  - [%s:identity-service, keystone-0:identity-service]" % name)
    return "\n".join(lines + ["relations:"] + relations) + "\n"


def median(argv, rounds):
    took = []
    for _ in range(rounds):
        began = time.monotonic()
        subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        took.append((time.monotonic() - began) * 1000)
    return statistics.median(took)


def main():
    omega, rounds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 30
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(bundle(60))
        file.flush()
        lint = median([omega, "lint", "bundle", file.name], rounds)
        nothing = median(["/bin/true"], rounds)
        reader = median([sys.executable, "-c", "import sys, yaml; yaml.safe_load(open(sys.argv[1]))", file.name], rounds)
    print("lint of 60 applications %.1f ms (target: below 50), PyYAML's reading of the same file %.1f ms, /bin/true %.1f ms: %.1f times"
          % (lint, reader, nothing, reader / lint))


main()
