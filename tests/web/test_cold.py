"""What a cold browser needs until it shows the first image, however long the study is."""

import pytest
from playwright.sync_api import expect

from tests.people import Places
from tests.servers.app import Running
from tests.web import cases
from tests.web.conftest import Arrive

pytestmark = pytest.mark.parametrize("column", ["sqlite+folder"], indirect=True)
MORE_REQUESTS, MORE_BYTES = 2, 20_000


def until_the_first_image(server: Running, places: Places, arrive: Arrive, images: int) -> tuple[int, int]:
    """Requests begun and bytes received."""
    picture = cases.jpeg(40)
    placed = cases.place(server, places, *[(f"{n}.jpg", picture + bytes([n])) for n in range(images)])
    page = arrive(places.reviewer, "/healthz")
    cdp = page.context.new_cdp_session(page)
    begun, received, done = list[str](), list[float](), list[bool]()
    cdp.on("Network.requestWillBeSent", lambda event: None if done else begun.append(event["request"]["url"]))
    cdp.on(
        "Network.dataReceived",
        lambda event: None if done else received.append(event["encodedDataLength"] or event["dataLength"]),
    )
    cdp.on(
        "Network.responseReceived",
        lambda event: done.append(True) if event["response"]["url"].endswith("/preview") else None,
    )
    cdp.send("Network.enable")
    cdp.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 300, "downloadThroughput": 125_000, "uploadThroughput": 125_000},
    )
    page.goto(f"/reviews/{placed.review_id}", wait_until="commit")
    expect(page.locator(".caption")).to_contain_text(f"Image 1 of {images}")
    print(f"{images} images: {len(begun)} requests, {sum(received):,.0f} bytes until the first one")
    return len(begun), int(sum(received))


def test_a_hundred_images_cost_no_more_than_five(server: Running, places: Places, arrive: Arrive) -> None:
    few, few_bytes = until_the_first_image(server, places, arrive, 5)
    many, many_bytes = until_the_first_image(server, places, arrive, 100)
    assert many <= few + MORE_REQUESTS
    assert many_bytes <= few_bytes + MORE_BYTES
