"""The pushers, and how each is told what to do."""

import shutil

REPOSITORY = "123456789012.dkr.ecr.us-east-1.amazonaws.com/demo/web"


class Client:
    """A pusher: its name, the protocols by which it pushes, and its command line."""

    def __init__(self, name, protocol, command):
        self.name, self.protocol, self.command = name, protocol, command


def clients(programs, at_once):
    """What there is on this machine, and what is missing."""
    push, there, missing = programs / "push", [], []
    there.append(Client("plain SDK loop", "api", lambda image, _: [
        programs / "plain_push", "--at-once", str(at_once), image, REPOSITORY]))
    there.append(Client("ecr-push", "api", lambda image, _: [
        push, "--aws", image, REPOSITORY]))
    there.append(Client("ecr-push, 40 MiB", "api", lambda image, _: [
        push, "--aws", "--memory-limit", "40", image, REPOSITORY]))
    there.append(Client("ecr-push, registry", "v2", lambda image, server: [
        push, "--aws", "--transport", "registry", "--registry-endpoint", server.url,
        "--anonymous", image, REPOSITORY]))
    there.append(Client("oci-client", "v2", lambda image, server: [
        programs / "oci_client_push", *trust(server), "--at-once", str(at_once), image,
        f"{server.host}/demo/web"]))
    there.append(Client("oci-client, monolithic", "v2", lambda image, server: [
        programs / "oci_client_push", *trust(server), "--monolithic", "--at-once", str(at_once), image,
        f"{server.host}/demo/web"]))
    if shutil.which("skopeo"):
        there.append(Client("skopeo", "v2", lambda image, server: [
            "skopeo", "copy", "--quiet", f"--dest-tls-verify={bool(server.certificate)}",
            f"oci:{image}", f"docker://{server.host}/demo/web:latest"]))
    else:
        missing.append("skopeo isn't installed")
    return there, missing


def trust(server):
    """oci-client's options for a server that speaks TLS; the others take it from SSL_CERT_FILE."""
    return ["--certificate", server.certificate] if server.certificate else []
