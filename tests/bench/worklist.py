"""The worklist at 10,000 and at 100,000 referrals: a page of 50 by HTTP, plain, narrowed and searched."""

import json
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

from app.referrals.models import EXAM_TYPES
from tests import people
from tests.bench import population
from tests.bench.client import Client
from tests.bench.processes import cpu_s
from tests.bench.report import Figure, of_a_loop, percentile
from tests.servers.app import Column, Running, bound, serving

SITES = 20
GOAL = "< 40 ms SQLite, < 20 ms PostgreSQL"
FEW, MANY = 10_000, 100_000


def measure(column: Column, folder: Path, quick: bool) -> list[Figure]:
    figures: list[Figure] = []
    times = 50 if quick else 300
    with column.fresh(folder) as environment, serving(environment) as running, bound(environment) as settings:
        places = people.places()
        sites = [
            places.clinic,
            *(people.organization(f"Dispensary {n}", read_by=places.hospital) for n in range(1, SITES)),
        ]
        token, author = places.reviewer.token, places.referrer.id
        done = 0
        for size in (FEW,) if quick else (FEW, MANY):
            population.fill(settings, sites, places.hospital, author, range(done, size))
            population.settle(settings)
            done = size
            figures += _asked(column.name, running, token, sites[5], f"{size:,} open", times)
        population.complete_most(settings)
        figures += _asked(column.name, running, token, sites[5], f"{done:,}, 1 in 16 open", times)
    return figures + _growth(column.name, figures)


def _asked(column: str, running: Running, token: str, site: UUID, state: str, times: int) -> list[Figure]:
    figures = []
    with Client(running.base_url, token) as client:
        for what, path in _questions(client, site).items():
            client.get(path)
            worked = cpu_s(running.process.pid)
            took = [_took(client, path) for _ in range(times)]
            worked = (cpu_s(running.process.pid) - worked) * 1000 / times
            values = (percentile(took, 50), percentile(took, 99), worked)
            figures.append(Figure(column, f"worklist, {state}, {what} (p50 / p99 / processor)", "ms", values, GOAL))
    loop = of_a_loop(figures[0].values[0], times)
    return [*figures, Figure(column, f"a plain loop as long as the first page of {state} (p50 / p99)", "ms", loop)]


def _took(client: Client, path: str) -> float:
    client.get(path)
    return client.took_ms


def _questions(client: Client, site: UUID) -> dict[str, str]:
    """What people ask of it, the page they see included."""
    ask = "/api/v1/worklist?limit=50"
    page, cursor = json.loads(client.get(ask)), ""
    for _ in range(20):
        cursor = page["next_cursor"] or cursor
        page = json.loads(client.get(f"{ask}&cursor={quote(cursor)}"))
    someone = page["items"][0]
    return {
        "first page": ask,
        "page 21": f"{ask}&cursor={quote(cursor)}",
        "one site of 20": f"{ask}&site={site}",
        "frequent exam type": f"{ask}&exam_type={EXAM_TYPES[0]}",
        "rare exam type": f"{ask}&exam_type={EXAM_TYPES[-1]}",
        "nobody's": f"{ask}&owner=none",
        "status requested": f"{ask}&status=requested",
        "rare language": f"{ask}&language=sw",
        "overdue": f"{ask}&overdue=true",
        "one site, a rare exam type and a language": f"{ask}&site={site}&exam_type={EXAM_TYPES[-1]}&language=fr",
        "one site and a frequent name": f"{ask}&site={site}&q=hassan",
        "code": f"{ask}&q={someone['code']}",
        "identifier": f"{ask}&q={quote(someone['patient']['identifier'])}",
        "frequent name": f"{ask}&q=hassan",
        "rare name": f"{ask}&q={quote(someone['patient']['family_name'][:5])}",
        "name of nobody": f"{ask}&q=qqqq",
        "as a web page": "/worklist?tab=open",
        "as a web page, narrowed and searched": f"/worklist?tab=unclaimed&site={site}&exam_type={EXAM_TYPES[0]}&q=hassan",
    }


def _growth(column: str, figures: list[Figure]) -> list[Figure]:
    """How much slower ten times as many make it."""
    found = {each.what: each.values for each in figures}
    grown = []
    for what, (many_p50, many_p99, *_) in found.items():
        few = found.get(what.replace(f"{MANY:,}", f"{FEW:,}"))
        if what.startswith(f"worklist, {MANY:,} open") and few:
            name = what.replace(f"{MANY:,} open", f"{FEW:,} to {MANY:,} open").partition(" (")[0]
            grown.append(
                Figure(column, f"{name}: growth (p50 / p99)", "×", (many_p50 / few[0], many_p99 / few[1]), "< 2 ×")
            )
    return grown
