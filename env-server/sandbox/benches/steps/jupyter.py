# A Jupyter kernel, which notebooks and most agents' code interpreters use: https://pypi.org/project/ipykernel.
import os, tempfile

folder = tempfile.TemporaryDirectory()
os.environ["IPYTHONDIR"] = os.environ["JUPYTER_RUNTIME_DIR"] = folder.name
from jupyter_client.manager import start_new_kernel


def execute(kernel, code):
    """Runs code, and waits for the output, the reply and the kernel's idle message."""
    reply = kernel[1].execute_interactive(code, output_hook=lambda message: None)
    assert reply["content"]["status"] == "ok", reply
    return kernel


def stop(kernel):
    manager, client = kernel
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def with_history():
    kernel = start_new_kernel()
    for step in HISTORY:
        execute(kernel, step)
    return kernel


live = execute(start_new_kernel(), STEP)

serve(
    {
        "new interpreter": operation(lambda _: start_new_kernel(), clean=stop),
        "new interpreter and its first step": operation(lambda _: execute(start_new_kernel(), STEP), clean=stop),
        "step in a live interpreter": operation(lambda _: execute(live, STEP)),
        "step of nothing": operation(lambda _: execute(live, "pass")),
        "new interpreter and those 100 steps": operation(lambda _: with_history(), clean=stop),
        "3 million rounds of a loop": operation(lambda _: execute(live, LOOP)),
    },
    lambda: private_bytes(live[0].provisioner.pid),
)
stop(live)
