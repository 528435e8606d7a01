"""Checks deploy/ for scripts/manifests.sh, in whose Python it runs: prints `FILE: FIELD: PROBLEM` for all that is wrong."""

import re
import sys
from pathlib import Path

import kubernetes_validate
import yaml

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "deploy/kubernetes"
# The oldest and the newest Kubernetes whose schemas the manifests are held against.
VERSIONS = ("1.29", "1.37")
# The keys of a kustomization that are followed here.
FOLLOWED = {"apiVersion", "kind", "resources", "configMapGenerator", "images"}

problems = []


def problem(file, field, what):
    problems.append(f"{Path(file).relative_to(ROOT)}: {field}: {what}")


class Loader(yaml.SafeLoader):
    """Refuses a key that is there twice, of which PyYAML takes the last one."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"`{key}` is there twice", node.start_mark)
        return super().construct_mapping(node, deep)


def read(file):
    try:
        return yaml.load(file.read_text(), Loader) or {}
    except (OSError, yaml.YAMLError) as error:
        problem(file, "YAML", " ".join(str(error).split()))
        return {}


def options():
    """Keys of a config file, and flags, of `env-server serve`. A test compares that table with the program."""
    operations = ROOT / "docs/OPERATIONS.md"
    rows = re.findall(r"^\| `(--[a-z-]+)[^|]*\| `RUNTIME_GYM_[A-Z_]+` \| `?([a-z_]+|-)`? \|", operations.read_text(), re.M)
    if len(rows) < 20:
        problem(operations, "Options", "the table was not found")
    return {key for _, key in rows} - {"-"}, {flag for flag, _ in rows}


def check_variables(flags):
    """Every variable of ours that a file of the deployment names is read by some program."""
    known = {"RUNTIME_GYM_" + flag[2:].replace("-", "_").upper() for flag in flags}
    known |= set(re.findall(r"`(RUNTIME_GYM_[A-Z_]+)`", (ROOT / "CONTRIBUTING.md").read_text()))
    for file in sorted((ROOT / "deploy").glob("*/*")):
        for variable in sorted(set(re.findall(r"\bRUNTIME_GYM_[A-Z_]+", file.read_text())) - known):
            problem(file, variable, "nothing reads this variable")


def check_slurm(flags):
    file = ROOT / "deploy/slurm/env_servers.sbatch"
    calls = re.findall(r'"\$ENV_SERVER" serve (.*)', file.read_text().replace("\\\n", " "))
    if not calls:
        problem(file, "serve", "no server is started")
    for flag in re.findall(r"(--[a-z-]+)", " ".join(calls)):
        if flag not in flags:
            problem(file, flag, "no option of `env-server serve`")


def check_container():
    file = ROOT / "deploy/container/Containerfile"
    wanted = re.search(r'^rust-version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.M)[1]
    if f"/rust:{wanted}-" not in file.read_text():
        problem(file, "FROM", f"the Rust of Cargo.toml is {wanted}")


def kustomization():
    """The resources by kind, with their files; the generated ConfigMaps with their keys."""
    file = FOLDER / "kustomization.yaml"
    top = read(file)
    for key in top.keys() - FOLLOWED:
        problem(file, key, "a misspelling, or scripts/manifests.py must learn to follow it")
    maps = {made["name"]: made.get("files", []) for made in top.get("configMapGenerator", [])}
    named = [*top.get("resources", []), *(name for names in maps.values() for name in names)]
    there = {path.name for path in FOLDER.iterdir()} - {file.name}
    for name in sorted(set(named) - there):
        problem(file, name, "there is no such file")
    for name in sorted(there - set(named)):
        problem(FOLDER / name, "kustomization.yaml", "does not name this file")
    resources = {}
    for name in filter(there.__contains__, top.get("resources", [])):
        data = read(FOLDER / name)
        if check_schema(FOLDER / name, data):
            if data["kind"] in resources:
                problem(FOLDER / name, "kind", f"a second {data['kind']}, which scripts/manifests.py does not follow")
            resources[data["kind"]] = (FOLDER / name, data)
    return resources, maps, {image["name"] for image in top.get("images", [])}


def check_schema(file, data):
    try:
        for version in VERSIONS:
            kubernetes_validate.validate(data, version, strict=True)
        return True
    except kubernetes_validate.ValidationError as error:
        problem(file, ".".join(map(str, error.absolute_path)) or "top level", f"{error.message} (Kubernetes {version})")
    except kubernetes_validate.SchemaNotFoundError as error:
        problem(file, "kind", error.message)
    except KeyError as error:
        problem(file, error.args[0], "is missing")
    return False


def walk(value, path=""):
    """Every mapping within, with its path."""
    if isinstance(value, dict):
        yield path, value
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from walk(part, f"{path}.{key}".lstrip("."))


def check_references(resources, maps, images, keys):
    missing = {"StatefulSet", "Service", "NetworkPolicy", "PodDisruptionBudget"} - resources.keys()
    if missing:
        return problem(FOLDER / "kustomization.yaml", "resources", f"no valid {', '.join(sorted(missing))}")
    file, workload = resources["StatefulSet"]
    spec = workload["spec"]
    pod = spec["template"]["spec"]
    labels = spec["template"]["metadata"]["labels"].items()

    service_file, service = resources["Service"]
    selectors = [(service_file, "spec.selector", service["spec"]["selector"])]
    for kind, field in (("PodDisruptionBudget", "selector"), ("NetworkPolicy", "podSelector"), ("StatefulSet", "selector")):
        found, data = resources[kind]
        selectors.append((found, f"spec.{field}", data["spec"][field].get("matchLabels", {})))
    for spread in pod.get("topologySpreadConstraints", []):
        selectors.append((file, "topologySpreadConstraints", spread["labelSelector"]["matchLabels"]))
    for found, field, selector in selectors:
        if not selector or not selector.items() <= labels:
            problem(found, field, f"{selector} does not select the pods, which have {dict(labels)}")
    if spec["serviceName"] != service["metadata"]["name"]:
        problem(file, "spec.serviceName", f"no Service {spec['serviceName']}")
    if service["spec"].get("clusterIP") != "None":
        problem(service_file, "spec.clusterIP", "pods have names of their own only behind a headless Service (None)")

    [container] = pod["containers"]
    if container["image"] not in images:
        problem(file, "image", f"kustomization.yaml has no image {container['image']}")
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    for found, data in (resources[kind] for kind in ("StatefulSet", "Service", "NetworkPolicy")):
        for path, mapping in walk(data["spec"]):
            port = mapping.get("targetPort", mapping.get("port"))
            if "containerPort" not in mapping and port is not None and port not in ports:
                problem(found, f"spec.{path}", f"the container has no port named {port}")

    volumes = {volume["name"]: volume for volume in pod["volumes"] + [c["metadata"] for c in spec["volumeClaimTemplates"]]}
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    for name in sorted(volumes.keys() ^ set(mounts.values())):
        problem(file, name, "a volume that is not mounted, or a mount without its volume")
    given = (ROOT / "deploy/README.md").read_text()
    for name, volume in volumes.items():
        secret, made = volume.get("secret", {}).get("secretName"), volume.get("configMap", {}).get("name")
        if secret and f"`{secret}`" not in given:
            problem(file, f"volumes.{name}", f"deploy/README.md does not say that the Secret `{secret}` must be there")
        if made and made not in maps:
            problem(file, f"volumes.{name}", f"kustomization.yaml makes no ConfigMap {made}")
    check_server_file(file, container, keys, ports, mounts, volumes, maps)


def check_server_file(file, container, keys, ports, mounts, volumes, maps):
    """The file of `--config` is mounted, and what it says fits the container."""
    config = Path(container["args"][container["args"].index("--config") + 1])
    made = volumes.get(mounts.get(str(config.parent)), {}).get("configMap", {}).get("name")
    if config.name not in maps.get(made, []):
        return problem(file, "args", f"no ConfigMap that is mounted has {config}")
    settings = FOLDER / config.name
    for key, value in read(settings).items():
        if key not in keys:
            problem(settings, key, "no option of `env-server serve`")
        elif isinstance(value, str) and value.startswith("/") and not any(map(Path(value).is_relative_to, mounts)):
            problem(settings, key, f"{value} is in no volume")
        elif key == "listen" and int(value.rpartition(":")[2]) not in ports.values():
            problem(settings, key, f"{value} is no port of the container")


def main():
    keys, flags = options()
    check_variables(flags)
    check_slurm(flags)
    check_container()
    resources, maps, images = kustomization()
    check_references(resources, maps, images, keys)
    for line in problems:
        print(line, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
