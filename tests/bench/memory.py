"""Growth of resident memory while one large file goes up."""

import time
from pathlib import Path

from tests import people
from tests.bench import files
from tests.bench.client import Client
from tests.bench.processes import Watch, pss_mb, rss_mb, tree
from tests.bench.report import Figure
from tests.servers.app import Column, bound, serving

FRAMES = 640  # of 1.6 MB: 1 GB
QUIET_S = 6.0  # until what a warm-up left to do in the background is done


def measure(column: Column, folder: Path, quick: bool) -> list[Figure]:
    """From the state after a first upload to the highest sample before the answer."""
    size_bytes, pieces = files.rgb_clip(files.new_uid(), FRAMES // 4 if quick else FRAMES)
    size = f"{size_bytes / 1e9:.2g} GB"
    with column.fresh(folder) as environment, serving(environment) as running:
        with bound(environment):
            token = people.places().referrer.token
        pid = running.process.pid
        first = files.jpeg_clip(files.new_uid()).new()
        with Client(running.base_url, token) as client:
            client.send(client.place(), first, len(first))
        time.sleep(QUIET_S)
        before_pss_mb, before_rss_mb = pss_mb(tree(pid)), rss_mb(pid)
        with Client(running.base_url, token) as client:
            referral_id = client.place()
            with Watch(pid) as watch:
                client.send(referral_id, pieces, size_bytes)
    growth = (watch.most_pss_mb - before_pss_mb, watch.most_rss_mb - before_rss_mb)
    return [
        Figure(column.name, f"{size} upload: growth (PSS of the tree / RSS of the server)", "MB", growth, "< 64 MB"),
        Figure(column.name, f"{size} upload: volume", "MB/s", (size_bytes / 1e3 / client.took_ms,)),
    ]
