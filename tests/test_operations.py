"""The service as an operator meets it: starting, stopping, refusing, being asked how it is."""

import httpx

from tests.servers.app import Running


def test_a_running_service_is_alive_and_ready(server: Running) -> None:
    assert httpx.get(f"{server.base_url}/healthz").json() == {"status": "alive"}
    answer = httpx.get(f"{server.base_url}/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ready", "database": "ok", "storage": "ok"}
