"""Feeds cases to the health code of the magnum-capi-helm on PYTHONPATH, as Magnum runs it.

    ask_driver.py CASES ANSWERS COVERAGE

Magnum's own periodic task chooses the cluster, polls the driver's monitor and records what comes of
it. The driver loads its configuration and kubeconfig from files and sends its requests over HTTP to
a server here, which answers from the case. Replaced are only: the database (one row in memory), the
choice of the driver, and the loop that would call the task again.
"""
import http.server
import importlib
import json
import os
import socket
import sys
import tempfile
import threading
import warnings

import coverage

warnings.simplefilter("ignore")
os.environ["NO_PROXY"] = "127.0.0.1"
OURS = ["*/magnum_capi_helm/*"]


class Api(http.server.BaseHTTPRequestHandler):
    """Answers a GET from the table of the current case. What is not in it is not served."""

    table, asked = {}, []

    def do_GET(self):
        Api.asked.append(self.path)
        answer = Api.table.get(self.path, {"code": 404, "body": "404 page not found\n"})
        self.close_connection = True
        if answer.get("broken") == "close":
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        body = answer.get("body", '{"kind": "Half"').encode()
        self.send_response(answer.get("code", 200))
        self.send_header("Content-Type", "application/json")
        if body:
            self.send_header("Content-Length", str(len(body) + (100 if "broken" in answer else 0)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Once:
    """Instead of a loop: calls the function once."""

    def __init__(self, f):
        self.f = f

    def start(self, *_, **__):
        from oslo_service import loopingcall
        try:
            self.f()
        except loopingcall.LoopingCallDone:
            return
        raise AssertionError("the task did not end its loop")


def write_configuration(case, work, server):
    kubeconfig = os.path.join(work, "kubeconfig")
    with open(kubeconfig, "w") as f:
        json.dump({
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
            "clusters": [{"name": "k", "cluster": {"server": server}}],
            "users": [{"name": "u", "user": {"token": "not-a-secret"}}],
        }, f)
    path = os.path.join(work, "magnum.conf")
    with open(path, "w") as f:
        f.write(f"[capi_helm]\nkubeconfig_file = {kubeconfig}\n")
        f.write(f"namespace_prefix = {case['namespace_prefix']}\n")
        if case["api_resources"] is not None:
            f.write(f"api_resources = {case['api_resources']}\n")
    return path


class Conductor:
    def __init__(self, work, server):
        import magnum.conf
        from magnum import objects
        from magnum.conductor import monitors
        from magnum.service import periodic
        self.work, self.server, self.conf = work, server, magnum.conf.CONF
        self.objects, self.periodic, self.loaded = objects, periodic, None
        self.warnings = []
        periodic.loopingcall.FixedIntervalLoopingCall = Once
        periodic.LOG.warning = lambda text, *_, **__: self.warnings.append(text)
        monitors.Driver.get_driver_for_cluster = staticmethod(lambda *_: self.driver)

    def load(self, case):
        """Imports the driver with the case's options, as a process that starts would."""
        wanted = (case["api_resources"], case["namespace_prefix"])
        if self.loaded != wanted:
            self.loaded = None
            path = write_configuration(case, self.work, self.server)
            self.conf([], project="magnum", default_config_files=[path], default_config_dirs=[])
            if "magnum_capi_helm.kubernetes" in sys.modules:
                importlib.reload(sys.modules["magnum_capi_helm.kubernetes"])
            from magnum_capi_helm import driver
            self.driver, self.loaded = driver.Driver(), wanted

    def row(self, case):
        cluster, objects = case["cluster"], self.objects
        groups = [objects.NodeGroup(name=g["name"], role=g["role"]) for g in cluster["node_groups"]]

        class Row(objects.Cluster):
            nodegroups = groups
            saved = False

            def save(self):
                Row.saved = True

        fields = ("stack_id", "project_id", "status", "health_status", "health_status_reason")
        return Row(id=1, uuid="5d12f6fd-a196-4bf0-ae4c-1f639a523a52",
                   **{field: cluster[field] for field in fields})

    def poll(self, case):
        Api.table, Api.asked = case["api"], []
        self.warnings.clear()
        try:
            self.load(case)
        except Exception as error:
            return {"id": case["id"], "imported": False, "why": repr(error)}
        row = self.row(case)

        def rows(_, filters):
            return [row] if row.status in filters["status"] else []

        self.objects.Cluster.list = rows
        self.periodic.MagnumPeriodicTasks.sync_cluster_health_status(None, None)
        raised = any(text.startswith("Skip pulling data") for text in self.warnings)
        assert len(self.warnings) == raised, self.warnings
        return {
            "id": case["id"], "imported": True, "asked": Api.asked, "raised": raised,
            "saved": row.saved, "health_status": row.health_status,
            "health_status_reason": row.health_status_reason,
        }


def main(cases, answers, report):
    measure = coverage.Coverage(branch=True, include=OURS, data_file=None, config_file=False)
    measure.start()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as work, open(cases) as given, open(answers, "w") as out:
        conductor = Conductor(work, f"http://127.0.0.1:{server.server_port}")
        for line in given:
            out.write(json.dumps(conductor.poll(json.loads(line))) + "\n")
    measure.stop()
    measure.json_report(outfile=report)


main(*sys.argv[1:])
