"""`tuning-studio`: the commands, in the order in which help lists them."""

import sys

import typer

from studio.cli import adapters, audit, datasets, models, processes, runs
from studio.cli.api import Api
from studio.cli.terminal import Failed, out

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Fine-tune language models in a browser: upload, train, compare, download.",
)


@app.command("sample")
def sample() -> None:
    """Put the sample run into the running studio's queue; prints its id."""
    with Api() as api:
        out.print(api.post("/sample")["id"])


for command in (processes.up, processes.web, processes.worker, processes.chat):
    app.command()(command)
for name, group in (
    ("dataset", datasets.commands),
    ("model", models.commands),
    ("run", runs.commands),
    ("adapter", adapters.commands),
    ("audit", audit.commands),
):
    app.add_typer(group, name=name)


def main() -> None:
    """Run the command line; what fails is said in words."""
    try:
        app()
    except Failed as error:
        error.show()
        sys.exit(error.status)


if __name__ == "__main__":
    main()
