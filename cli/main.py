"""The commands of ``sluice``. Heavy imports wait until a command needs them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from cli.connection import Gateway

app = typer.Typer(
    name="sluice",
    help="A serverless LLM gateway: the local stack, questions, keys, budgets.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,  # locals hold keys
    rich_markup_mode=None,
)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def up(
    real: Annotated[bool, typer.Option("--real", help="Call real providers, which bill.")] = False,
    bundle: Annotated[
        bool, typer.Option("--bundle", help="Run from the built bundle, not the checkout.")
    ] = False,
    stack: Annotated[
        list[str] | None,
        typer.Option(help="The stack to run: dev (the default), staging, prod. May be repeated."),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(help="The first stack's port; else SLUICE_PORT, else 8080. Others follow."),
    ] = None,
    differences: Annotated[
        bool, typer.Option("--differences", help="Print how it differs from AWS, and stop.")
    ] = False,
) -> None:
    """Run the whole stack on this machine until Ctrl-C."""
    from cli import up as local_world  # noqa: PLC0415

    if differences:
        local_world.print_differences()
        return
    chosen = port if port is not None else _port_variable()
    stacks = stack or ["dev"]
    local_world.up(real=real, bundle=bundle, stacks=stacks, port=chosen, create_demo_key=_demo_key)


@app.command()
def bundle(
    target: Annotated[
        str, typer.Option(help="lambda for what pulumi up deploys, host for this machine.")
    ] = "lambda",
    as_json: AsJson = False,
) -> None:
    """Build the functions' zips into build/, and check them."""
    from cli.bundle import bundle as build  # noqa: PLC0415

    build(target, as_json=as_json)


@app.command()
def ask(
    prompt: Annotated[str | None, typer.Argument(help="The question.")] = None,
    file: Annotated[
        Path | None,
        typer.Option(help="A file with the question, - for standard input, or .jsonl of prompts."),
    ] = None,
    model: Annotated[str, typer.Option(help="auto, a tier, or a model id.")] = "auto",
    task: Annotated[str | None, typer.Option(help="The task, such as qa or code_review.")] = None,
    feature: Annotated[str | None, typer.Option(help="A tag for cost reports.")] = None,
    cache: Annotated[str | None, typer.Option(help="auto, bypass, refresh, ttl=<seconds>.")] = None,
    deadline: Annotated[
        str | None, typer.Option(help="Answer by then, 1m to 7d (2h): at half price, as a job.")
    ] = None,
    job: Annotated[
        str | None, typer.Option(help="Fetch the answer of a job: the id that --deadline printed.")
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="With --deadline or --job: wait for the answer.")
    ] = False,
    parallel: Annotated[int, typer.Option(min=1, max=64, help="Questions at a time.")] = 4,
    endpoint: Annotated[str | None, typer.Option(help="The gateway; else SLUICE_ENDPOINT.")] = None,
    as_json: AsJson = False,
) -> None:
    """Ask a question, or every prompt of a .jsonl file, through the gateway.

    With --job: the answer to an earlier question, or how far it is.
    """
    from cli import ask as asking  # noqa: PLC0415
    from cli.connection import gateway  # noqa: PLC0415

    if sum(each is not None for each in (prompt, file, job)) != 1:
        raise typer.BadParameter("give a question, --file or --job, one of the three")
    if wait and deadline is None and job is None:
        raise typer.BadParameter("--wait waits for what has a --deadline, or for a --job")
    controls = {"task": task, "feature": feature, "cache": cache, "deadline": deadline}
    target = gateway(endpoint, None)
    if job is not None:
        asked = {"model": None if model == "auto" else model, **controls}
        _fetch(target, job, asked, wait=wait, as_json=as_json, endpoint=endpoint)
        return
    if prompt is not None:
        questions = [asking.Question(prompt, model, **controls)]
    else:
        questions = asking.read_questions(_existing(file), model, **controls)
    if deadline is not None:
        from cli.ask_later import ask_later  # noqa: PLC0415

        ask_later(target, questions, wait=wait, as_json=as_json, endpoint=endpoint)
    elif len(questions) == 1:
        asking.ask_one(target, questions[0], as_json=as_json)
    else:
        asking.ask_many(target, questions, as_json=as_json, parallel=parallel)


@app.command()
def smoke(
    stack: Annotated[
        str | None, typer.Option(help="A stack on AWS, found through `pulumi stack output`.")
    ] = None,
    local: Annotated[
        str | None, typer.Option(help="One of several stacks in the local world.")
    ] = None,
    endpoint: Annotated[str | None, typer.Option(help="The gateway; else SLUICE_ENDPOINT.")] = None,
    key: Annotated[str | None, typer.Option(help="A key for it; else SLUICE_API_KEY.")] = None,
    model: Annotated[str, typer.Option(help="Who answers: the cheapest tier will do.")] = "nano",
    as_json: AsJson = False,
) -> None:
    """Check a running gateway over HTTP: keys, answers, cache, streaming, errors, controls.

    Without an option it is the local world's. Real providers bill a fraction of a cent.
    """
    from cli import connection  # noqa: PLC0415
    from cli.smoke import smoke as run  # noqa: PLC0415

    if sum(each is not None for each in (stack, local, endpoint)) > 1:
        raise typer.BadParameter("give one of --stack, --local and --endpoint")
    if stack is not None:
        target = connection.deployed_gateway(stack, key)
    else:
        target = connection.gateway(endpoint, key, local=local)
    run(target, model, as_json=as_json)


@app.command()
def usage(
    by: Annotated[
        str,
        typer.Option(help="Of environment, team, key, feature, model, tier, task."),
    ] = "model",
    since: Annotated[str, typer.Option(help="7d, 12h, 2w, a date or an ISO time.")] = "7d",
    team: Annotated[str | None, typer.Option(help="One team only.")] = None,
    stack: Annotated[
        str | None,
        typer.Option("--stack", "--env", help="A stack on AWS; without it, the local world."),
    ] = None,
    local: Annotated[
        str | None, typer.Option(help="One of several stacks in the local world.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write it as one HTML file, too.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show what calls cost, what was saved and by what, and the cost per success."""
    from cli.connection import usage_of  # noqa: PLC0415
    from cli.usage import usage as show  # noqa: PLC0415

    show(usage_of(stack, local), by, since, team, as_json_text=as_json, html=html)


def commands() -> typer.Typer:
    """Return the whole command line."""
    from cli import account, alarms, batch, budget, jobs, keys, prices, replay  # noqa: PLC0415

    if not app.registered_groups:
        app.add_typer(account.app, name="account")
        app.add_typer(alarms.app, name="alarms")
        app.add_typer(batch.app, name="batch")
        app.add_typer(budget.app, name="budget")
        app.add_typer(jobs.app, name="jobs")
        app.add_typer(keys.app, name="keys")
        app.add_typer(prices.app, name="prices")
        app.command("replay")(replay.replay)
    return app


def main() -> None:
    """Run the command line."""
    commands()()


def _fetch(target: Gateway, job: str, asked: dict[str, str | None], **options: Any) -> None:
    """Fetch the answer of a job; how it was to be asked was decided when it was asked."""
    if given := [f"--{name}" for name, value in asked.items() if value is not None]:
        raise typer.BadParameter(f"{', '.join(given)}: a --job has been asked already")
    from cli.ask_later import ask_job  # noqa: PLC0415

    ask_job(target, job, **options)


def _existing(file: Path | None) -> Path:
    if file is None or (str(file) != "-" and not file.is_file()):
        raise typer.BadParameter(f"there is no file {file}")
    return file


def _port_variable() -> int:
    text = os.environ.get("SLUICE_PORT", "8080")
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise typer.BadParameter(f"SLUICE_PORT is no port: {text!r}")
    return int(text)


def _demo_key(deployment: Any, aws_endpoint_url: str) -> str:
    """Create the key that `sluice up` prints."""
    from cli.connection import LOCAL_FACTS, local_keys  # noqa: PLC0415

    outputs = deployment.outputs
    keys = local_keys(aws_endpoint_url, outputs["region"], outputs, LOCAL_FACTS.parent / "clock")
    return keys.create("demo", "printed by sluice up").text
