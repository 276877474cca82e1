"""What one file of deploy/ says has to be what the others and the documentation say.

usage: agree.py COMPOSE_JSON KUBERNETES_YAML PROMTOOL, the first two as compose and kustomize print them
"""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml

compose = json.loads(Path(sys.argv[1]).read_text())
manifests = list(yaml.safe_load_all(Path(sys.argv[2]).read_text()))
promtool = sys.argv[3]
problems = []


def expect(holds, problem):
    if not holds:
        problems.append(problem)


def read(path):
    return Path(path).read_text()


def seconds(text):
    amount = 0
    for number, unit in re.findall(r"(\d+)(h|m|s)", text):
        amount += int(number) * {"h": 3600, "m": 60, "s": 1}[unit]
    return amount


# --- settings ---------------------------------------------------------------------------------------
configuration = read("docs/configuration.md")
keys = set(re.findall(r"^\| `([a-z_.]+)`", configuration, re.M))
variables = {"ROLLCALL_" + key.upper().replace(".", "__"): key for key in keys}
# Read by the command line, not by the configuration.
variables["ROLLCALL_CONFIG"] = None
services = compose["services"]
used = {
    "docker-compose.yml": {n for s in services.values() for n in s.get("environment") or {}},
    "deploy/Dockerfile": set(re.findall(r"(ROLLCALL_\w+)=", read("deploy/Dockerfile"))),
    "deploy/kubernetes/example/secret.example.env": set(
        re.findall(r"^(ROLLCALL_\w+)=", read("deploy/kubernetes/example/secret.example.env"), re.M)
    ),
    "deploy/systemd/rollcall@.service": set(re.findall(r"(ROLLCALL_\w+)=", read("deploy/systemd/rollcall@.service"))),
    "deploy/kubernetes": {
        e["name"]
        for m in manifests
        if m["kind"] == "Deployment"
        for c in m["spec"]["template"]["spec"]["containers"]
        for e in c.get("env", [])
    },
}
for place, names in used.items():
    for name in sorted(names):
        if name.startswith("ROLLCALL_"):
            expect(name in variables, f"{place}: {name} is not in docs/configuration.md")
for path in ["deploy/kubernetes/base/rollcall.toml", "deploy/kubernetes/example/rollcall.toml"]:
    for name, value in tomllib.loads(read(path)).items():
        for key in [f"{name}.{inner}" for inner in value] if isinstance(value, dict) else [name]:
            expect(key in keys, f"{path}: {key} is not in docs/configuration.md")

# --- versions and numbers ---------------------------------------------------------------------------
toolchain = tomllib.loads(read("rust-toolchain.toml"))["toolchain"]["channel"]
rust = re.search(r"^ARG RUST_VERSION=(.+)$", read("deploy/Dockerfile"), re.M)[1]
expect(rust == toolchain, f"deploy/Dockerfile builds with Rust {rust}, rust-toolchain.toml names {toolchain}")
kafka = re.search(r"<kafka.version>(.+)</kafka.version>", read("deploy/kafka/pom.xml"))[1]
for name in ["kafka", "kafka-topic"]:
    image = services[name]["image"]
    expect(image == f"apache/kafka:{kafka}", f"{name} is {image}, the tests run Kafka {kafka}")
expect(f"kafka_2.13-{kafka}.jar" in read("deploy/kafka/libs.sha256"), "deploy/kafka/libs.sha256 is of another version")

# --- the drain fits ---------------------------------------------------------------------------------
drain = int(re.search(r"^\| `server.shutdown_seconds` \| (\d+)", configuration, re.M)[1])
for name in ["ingest", "dispatch"]:
    grace = seconds(services[name]["stop_grace_period"])
    expect(grace > drain, f"docker-compose.yml stops {name} after {grace} s, it drains for {drain} s")
deployments = [m for m in manifests if m["kind"] == "Deployment"]
expect(len(deployments) == 2, "there are two deployments")
for deployment in deployments:
    pod = deployment["spec"]["template"]["spec"]
    name = deployment["metadata"]["name"]
    pause = pod["containers"][0].get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    grace = pod["terminationGracePeriodSeconds"]
    expect(grace > pause + drain, f"{name} is killed after {grace} s, it pauses {pause} s and drains for {drain} s")
    expect("replicas" not in deployment["spec"], f"{name} has a number of replicas and an autoscaler")
for unit in ["rollcall", "rollcall@"]:
    grace = seconds(re.search(r"^TimeoutStopSec=(.+)$", read(f"deploy/systemd/{unit}.service"), re.M)[1])
    expect(grace > drain, f"{unit}.service is killed after {grace} s, it drains for {drain} s")

# --- Kubernetes: what is named exists ---------------------------------------------------------------
named = {(m["kind"], m["metadata"]["name"]) for m in manifests}
for deployment in deployments:
    pod = deployment["spec"]["template"]["spec"]
    expect(("ServiceAccount", pod["serviceAccountName"]) in named, "the service account exists")
    for volume in pod["volumes"]:
        if "configMap" in volume:
            expect(("ConfigMap", volume["configMap"]["name"]) in named, f"{volume['configMap']['name']} exists")
    for source in pod["containers"][0]["envFrom"]:
        expect(("Secret", source["secretRef"]["name"]) in named, f"{source['secretRef']['name']} exists")
labels = [d["spec"]["template"]["metadata"]["labels"] for d in deployments]
for manifest in manifests:
    kind, spec = manifest["kind"], manifest.get("spec", {})
    where = f"{kind} {manifest['metadata']['name']}"
    if kind == "HorizontalPodAutoscaler":
        expect(("Deployment", spec["scaleTargetRef"]["name"]) in named, f"{where} scales a deployment")
    wanted = {
        "Service": lambda: spec["selector"],
        "PodDisruptionBudget": lambda: spec["selector"]["matchLabels"],
        "NetworkPolicy": lambda: spec["podSelector"]["matchLabels"],
    }.get(kind)
    if wanted:
        expect(any(wanted().items() <= have.items() for have in labels), f"{where} selects no pod")

# --- metrics ----------------------------------------------------------------------------------------
exist = set(re.findall(r"`(rollcall_\w+)", read("docs/operations.md")))
for source in Path("crates").rglob("src/**/*.rs"):
    exist |= set(re.findall(r'"(rollcall_\w+)"', source.read_text()))
dashboard = json.loads(read("deploy/grafana/dashboards/rollcall.json"))
alerts = [r for g in yaml.safe_load(read("deploy/prometheus/alerts.yml"))["groups"] for r in g["rules"]]
adapter = yaml.safe_load(read("deploy/kubernetes/components/dispatch-autoscaling/prometheus-adapter-values.yaml"))
expressions = {
    f"dashboard, {p['title']} {t['refId']}": t["expr"] for p in dashboard["panels"] for t in p.get("targets", [])
}
expressions |= {f"alert {r['alert']}": r["expr"] for r in alerts}
expressions |= {f"adapter, {r['name']['as']}": r["metricsQuery"] for r in adapter["rules"]["external"]}
for place, expression in expressions.items():
    for name in re.findall(r"rollcall_\w+", re.sub(r'"[^"]*"', '""', expression)):
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        expect(name in exist or base in exist, f"{place}: no metric is called {name}")
# Prometheus parses them all, each as a rule.
rules = [{"record": "it:parses", "expr": e.replace("$__rate_interval", "1m"), "labels": {"n": str(i)}}
         for i, e in enumerate(expressions.values())]
parsed = subprocess.run([promtool, "check", "rules", "/dev/stdin"], capture_output=True, text=True, check=False,
                        input=yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}))
expect(parsed.returncode == 0, f"an expression does not parse:\n{parsed.stdout}{parsed.stderr}")

scaled = {r["name"]["as"] for r in adapter["rules"]["external"]}
for manifest in manifests:
    if manifest["kind"] == "HorizontalPodAutoscaler":
        for metric in manifest["spec"]["metrics"]:
            if metric["type"] == "External":
                expect(metric["external"]["metric"]["name"] in scaled, "the adapter serves what the autoscaler asks for")

# --- the dashboard ----------------------------------------------------------------------------------
uids = {d["uid"] for d in yaml.safe_load(read("deploy/grafana/provisioning/datasources/prometheus.yml"))["datasources"]}
ids = [p["id"] for p in dashboard["panels"]]
expect(len(ids) == len(set(ids)), "the dashboard has two panels with one id")
taken = {}
for panel in dashboard["panels"]:
    for target in panel.get("targets", []):
        expect(target["datasource"]["uid"] in uids, f"{panel['title']}: no such data source")
    at = panel["gridPos"]
    for cell in [(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])]:
        expect(cell not in taken, f"{panel['title']} lies over {taken.get(cell)}")
        taken[cell] = panel["title"]

for problem in problems:
    print(problem, file=sys.stderr)
print(f"{len(expressions)} expressions, {sum(map(len, used.values()))} settings, {len(manifests)} manifests: "
      f"{len(problems)} problems")
sys.exit(bool(problems))
