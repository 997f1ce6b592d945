"""`sonopost`: what can be asked of it on the command line; each command imports what it runs."""

import argparse
import sys
from importlib import import_module

from app.config import WrongSetting
from app.errors import Refusal
from app.languages import LANGUAGES
from app.people.models import Role


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="sonopost", description="The post office for ultrasound.")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    _add_service(commands)
    _add_administration(commands)
    _add_send(commands)
    return top


def _add_service(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    serve = commands.add_parser("serve", help="the HTTP doors, and the worker in the same process")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    serve.add_argument("--port", type=_port, default=8080, help="0 takes a free one (default: %(default)s)")
    serve.add_argument("--no-worker", action="store_true", help="leave background jobs to `sonopost worker`")
    serve.add_argument("--tls-cert", metavar="FILE", help="certificate chain in PEM")
    serve.add_argument("--tls-key", metavar="FILE", help="its private key in PEM")
    serve.set_defaults(run="app.cli.serve:serve")

    worker = commands.add_parser("worker", help="background jobs only; as many as wanted on PostgreSQL")
    worker.set_defaults(run="app.cli.serve:work")

    migrate = commands.add_parser("migrate", help="bring the database's schema up to date")
    migrate.set_defaults(run="app.cli.schema:migrate")

    demo = commands.add_parser("demo", help="a throw-away instance with real ultrasound in it")
    demo.add_argument("--data-dir", metavar="DIR", help="keep it there (default: a temporary folder)")
    demo.add_argument("--port", type=_port, default=8080, help="0 takes a free one (default: %(default)s)")
    demo.add_argument("--json", action="store_true", help="print one line of JSON once the port accepts")
    demo.set_defaults(run="app.cli.demo:demo")

    check = commands.add_parser("check", help="one line for each part; exit 1 when one fails")
    check.add_argument("--deep", action="store_true", help="re-read all stored bytes, list orphans")
    check.set_defaults(run="app.cli.check:check")


def _add_administration(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    invite = commands.add_parser("invite", help="print a link by which somebody joins an organization")
    invite.add_argument("--organization", required=True, metavar="NAME_OR_ID")
    invite.add_argument("--role", required=True, help=", ".join(Role))
    invite.add_argument("--email", required=True)
    invite.set_defaults(run="app.cli.administer:invite")

    token = commands.add_parser("token", help="print an API token that acts as a person")
    token.add_argument("--email", required=True)
    token.add_argument("--name", required=True, help="what it is for")
    token.add_argument("--scope", action="append", choices=("read", "write"), help="again for both (default: read)")
    token.set_defaults(run="app.cli.administer:token")

    organization = commands.add_parser("organization", help="add or list organizations, and who reads for whom")
    acts = organization.add_subparsers(dest="act", metavar="ACT", required=True)
    add = acts.add_parser("add", help="print the new organization's id")
    add.add_argument("name")
    add.add_argument("--time-zone", default="UTC", metavar="ZONE", help="IANA name (default: %(default)s)")
    add.add_argument("--language", default="en", help=f"{', '.join(LANGUAGES)} (default: %(default)s)")
    add.set_defaults(run="app.cli.administer:add_organization")
    listing = acts.add_parser("list", help="one line each: id, time zone, name")
    listing.set_defaults(run="app.cli.administer:list_organizations")
    reads = acts.add_parser("reads-for", help="let READER be sent the referrals of SENDER")
    reads.add_argument("reader", metavar="READER", help="name or id")
    reads.add_argument("sender", metavar="SENDER", help="name or id")
    reads.add_argument("--end", action="store_true", help="no more from now on")
    reads.set_defaults(run="app.cli.administer:reads_for")


def _add_send(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    send = commands.add_parser(
        "send", help="a folder's files to a referral, resumed wherever it was cut",
        epilog="Exit code 0: all stored; 1: some refused or not sent; 3: all arrived, some are held until somebody answers.",
    )  # fmt: skip
    send.add_argument("folder", metavar="FOLDER", help="or one file")
    send.add_argument("--to", required=True, metavar="URL", help="address of the service")
    send.add_argument("--token", required=True, help="API token with the scope 'write'; @FILE reads it from there")
    send.add_argument("--referral", metavar="ID", help="without it DICOM files go to the unmatched studies")
    send.add_argument("--ca-file", metavar="FILE", help="certificates to trust, in PEM (default: the system's)")
    send.add_argument(
        "--give-up-after", type=float, default=60, metavar="MINUTES", help="without a byte moving (default: %(default)s)"
    )  # fmt: skip
    send.set_defaults(run="app.cli.send:send")


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return int(text)


def main(arguments: list[str] | None = None) -> None:
    """Exit code 0: done; 1: a sentence says what failed; 2: one names the wrong setting or argument."""
    given = parser().parse_args(arguments)
    module, _, name = given.run.partition(":")
    try:
        code = getattr(import_module(module), name)(given)
    except WrongSetting as wrong:
        print(wrong, file=sys.stderr)
        code = 2
    except Refusal as refusal:
        print(refusal.sentence, file=sys.stderr)
        code = 1
    except KeyboardInterrupt:
        code = 130
    sys.exit(code)
