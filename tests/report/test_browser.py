"""The page in a real Chromium: slider, zoom, themes; no error, no request, nothing beside the screen."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from esrlab.report.build import make_report
from made_study import HOSTILE, IMAGES, write_study

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Browser, FloatRect, Page, sync_playwright

pytestmark = pytest.mark.slow


NAMES = ("chromium", "chromium-browser", "google-chrome")
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}


def find_chromium() -> str | None:
    """The browser that $ESRLAB_CHROMIUM names, or the first on the path."""
    return os.environ.get("ESRLAB_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = find_chromium()
    if path is None:
        pytest.skip(f"no Chromium: none of {', '.join(NAMES)} on the path, and $ESRLAB_CHROMIUM is not set")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    study = write_study(tmp_path_factory.mktemp("made"))
    make_report(study)
    return study / "report.html"


class Watched:
    """What a page did that it should not have done."""

    def __init__(self, page: Page, own: str) -> None:
        self.trouble: list[str] = []
        page.on("console", lambda message: self.trouble.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.trouble.append(str(error)))
        page.on("dialog", lambda dialog: self.trouble.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: self._note(request.url, own))

    def _note(self, url: str, own: str) -> None:
        if url != own and not url.startswith("data:"):
            self.trouble.append(f"request: {url}")


def opened(browser: Browser, report: Path, **settings: object) -> Iterator[Page]:
    context = browser.new_context(**{"viewport": DESK, **settings})  # pyright: ignore[reportArgumentType]
    page = context.new_page()
    watched = Watched(page, report.as_uri())
    page.goto(report.as_uri())
    yield page
    context.close()
    assert watched.trouble == []


@pytest.fixture
def desk(browser: Browser, report: Path) -> Iterator[Page]:
    yield from opened(browser, report, color_scheme="light")


@pytest.fixture
def phone(browser: Browser, report: Path) -> Iterator[Page]:
    yield from opened(browser, report, viewport=PHONE, has_touch=True, is_mobile=True, color_scheme="dark")


def seam(page: Page, card: str) -> float:
    """Where the visible part of the upper picture ends, in percent, as the browser has it."""
    clip = page.locator(f"{card} .over").evaluate("element => getComputedStyle(element).clipPath")
    return 100 - float(clip.split()[1].removesuffix("%").removeprefix("calc(100% - "))


CARD = "#cards .card:first-child"


def test_the_slider_follows_the_mouse(desk: Page) -> None:
    stage = desk.locator(f"{CARD} .stage")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    assert box is not None
    assert seam(desk, CARD) == 50
    middle = box["y"] + box["height"] / 2
    desk.mouse.move(box["x"] + box["width"] * 0.5, middle)
    desk.mouse.down()
    desk.mouse.move(box["x"] + box["width"] * 0.2, middle, steps=4)
    assert seam(desk, CARD) == pytest.approx(20, abs=1)
    desk.mouse.up()
    desk.mouse.move(box["x"] + box["width"] * 0.9, middle)
    assert seam(desk, CARD) == pytest.approx(20, abs=1), "let go"
    assert desk.locator(f"{CARD} .slider").input_value() == "20"
    assert seam(desk, "#cards .card:nth-child(2)") == 50


def test_the_slider_follows_the_keyboard(desk: Page) -> None:
    slider = desk.locator(f"{CARD} .slider")
    slider.focus()
    for _ in range(5):
        desk.keyboard.press("ArrowRight")
    assert seam(desk, CARD) == 55
    desk.keyboard.press("Home")
    assert seam(desk, CARD) == 0
    assert (slider.get_attribute("aria-valuetext") or "").startswith("0% ×4 bicubic")


def test_the_slider_follows_a_finger(phone: Page) -> None:
    stage = phone.locator(f"{CARD} .stage")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    assert box is not None
    phone.touchscreen.tap(box["x"] + box["width"] * 0.75, box["y"] + box["height"] / 2)
    assert seam(phone, CARD) == pytest.approx(75, abs=1)
    session = phone.context.new_cdp_session(phone)
    for kind, part in (("touchStart", 0.75), ("touchMove", 0.6), ("touchMove", 0.3), ("touchEnd", None)):
        points = (
            [] if part is None else [{"x": box["x"] + box["width"] * part, "y": box["y"] + box["height"] / 2}]
        )
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert seam(phone, CARD) == pytest.approx(30, abs=1)


def pinch(page: Page, box: FloatRect) -> None:
    """Two fingers go apart about the middle."""
    session = page.context.new_cdp_session(page)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for kind, apart in (("touchStart", 20), ("touchMove", 30), ("touchMove", 45), ("touchMove", 60)):
        fingers = [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def zooms(page: Page, card: str) -> set[str]:
    """The transforms of all pictures of a card."""
    found = page.locator(f"{card} img").evaluate_all(
        "pictures => pictures.map(each => getComputedStyle(each).transform.split(',')[0])"
    )
    return set(found)


def test_zoom_is_linked_between_the_panels_of_one_image_alone(desk: Page) -> None:
    assert zooms(desk, CARD) == {"matrix(1"}
    desk.locator(f"{CARD} [data-zoom=in]").click()
    assert zooms(desk, CARD) == {"matrix(1.5"}
    assert zooms(desk, "#cards .card:nth-child(2)") == {"matrix(1"}
    assert desk.locator(f"{CARD} output").inner_text() == "1.5×"
    desk.locator(f"{CARD} .strips").focus()
    desk.keyboard.press("+")
    assert zooms(desk, CARD) == {"matrix(2.25"}
    before = desk.locator(CARD).evaluate("card => card.style.getPropertyValue('--x')")
    desk.keyboard.press("ArrowRight")
    assert float(desk.locator(CARD).evaluate("card => card.style.getPropertyValue('--x')")) < float(before)
    desk.locator(f"{CARD} [data-zoom=whole]").click()
    assert zooms(desk, CARD) == {"matrix(1"}


def test_panels_move_together_under_the_mouse_and_the_wheel_zooms_with_ctrl(desk: Page) -> None:
    frame = desk.locator(f"{CARD} .window").first
    frame.scroll_into_view_if_needed()
    box = frame.bounding_box()
    assert box is not None
    desk.mouse.move(box["x"] + 20, box["y"] + 20)
    desk.keyboard.down("Control")
    desk.mouse.wheel(0, -200)
    desk.keyboard.up("Control")
    desk.wait_for_function("document.querySelector('.card').classList.contains('zoomed')")
    desk.mouse.down()
    desk.mouse.move(box["x"] - 10, box["y"] + 20)
    desk.mouse.up()
    shifts = desk.locator(f"{CARD} .window img").evaluate_all(
        "pictures => pictures.map(each => getComputedStyle(each).transform)"
    )
    widths = desk.locator(f"{CARD} .window").evaluate_all("frames => frames.map(each => each.clientWidth)")
    lefts = [float(f"{shift}".split(",")[4]) for shift in shifts]
    parts = [left / width for left, width in zip(lefts, widths, strict=True)]
    assert all(part == pytest.approx(parts[0], abs=0.02) for part in parts)
    assert parts[0] < 0


def test_two_fingers_zoom(phone: Page) -> None:
    stage = phone.locator(f"{CARD} .stage")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    assert box is not None
    pinch(phone, box)
    (zoom,) = zooms(phone, CARD)
    assert float(zoom.removeprefix("matrix(")) == pytest.approx(3, abs=0.6)


def test_recipes_are_chosen_left_and_right_in_one_card_or_in_all(desk: Page) -> None:
    desk.locator(f"{CARD} select.left").select_option("×2 esrgan-vgg")
    shown = desk.locator(f"{CARD} .over img")
    assert shown.get_attribute("alt") == f"{IMAGES[0]} at ×2: esrgan-vgg"
    source = desk.locator(f"{CARD} [data-method='×2 esrgan-vgg'] img").get_attribute("src")
    assert shown.get_attribute("src") == source
    desk.locator("#all-right").select_option("HR")
    alts = desk.locator(".under img").evaluate_all("pictures => pictures.map(each => each.alt)")
    assert len(alts) == len(IMAGES)
    assert all(alt.endswith("HR") for alt in alts)


def test_images_are_put_in_order(desk: Page) -> None:
    def names() -> list[str]:
        return desk.locator(".card h3").all_inner_texts()

    assert names()[:2] == [IMAGES[0], IMAGES[3]]
    desk.locator("#order").select_option("best")
    assert names() == [IMAGES[3], IMAGES[2], IMAGES[1], IMAGES[0]]
    desk.locator("#order").select_option("worst")
    assert names() == list(IMAGES)
    desk.locator("#order").select_option("name")
    assert names() == sorted(IMAGES)


def test_themes_follow_the_system_and_the_button(desk: Page, phone: Page) -> None:
    def paper(page: Page) -> str:
        return page.evaluate("getComputedStyle(document.body).backgroundColor")

    light, dark = paper(desk), paper(phone)
    assert light != dark
    desk.locator("#theme").click()
    assert paper(desk) == light
    desk.locator("#theme").click()
    assert paper(desk) == dark
    assert desk.locator("#theme").inner_text() == "Theme: dark"
    desk.locator("#theme").click()
    assert paper(desk) == light


@pytest.mark.parametrize("width", [320, 390, 820, 1280])
def test_nothing_lies_beside_the_screen(desk: Page, width: int) -> None:
    desk.set_viewport_size({"width": width, "height": 844})
    desk.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert desk.evaluate("document.documentElement.scrollWidth") <= width


def test_a_keyboard_reaches_the_content_first(desk: Page) -> None:
    desk.keyboard.press("Tab")
    assert desk.evaluate("document.activeElement.className") == "skip"
    outline = desk.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    desk.keyboard.press("Enter")
    assert desk.evaluate("document.activeElement.id") == "main"


def test_a_hostile_name_stands_there_as_text(desk: Page) -> None:
    assert f"Set5/{HOSTILE}" in desk.locator(".card h3").all_inner_texts()
    assert desk.locator("img[onerror]").count() == 0
    assert desk.locator("img[src=x]").count() == 0


def test_maps_stand_beside_their_picture_and_open_by_the_keyboard(desk: Page) -> None:
    first, second = desk.locator("details.maps").all()
    row = first.locator(".row").first
    assert row.locator("figcaption b").all_inner_texts() == ["wgan-vgg", "content", "adversarial"]
    tops = row.locator("img").evaluate_all("all => all.map(each => each.getBoundingClientRect().top)")
    assert len(set(tops)) == 1, "side by side"
    assert not second.locator("img").first.is_visible()
    second.locator("summary").focus()
    desk.keyboard.press("Enter")
    assert second.locator("img").first.is_visible()
    assert f"Set5/{HOSTILE}" in first.locator("h4").all_inner_texts()


def test_on_a_phone_maps_wrap(phone: Page) -> None:
    row = phone.locator("details.maps .row").first
    lefts = row.locator("img").evaluate_all("all => all.map(each => each.getBoundingClientRect().left)")
    widths = row.locator("img").evaluate_all("all => all.map(each => each.clientWidth)")
    assert lefts[0] == lefts[2] < lefts[1], "two beside each other, the third below the first"
    assert all(width > 100 for width in widths)


def test_without_scripts_all_pictures_and_tables_are_there(browser: Browser, report: Path) -> None:
    for page in opened(browser, report, java_script_enabled=False):
        assert page.locator(".panel img").count() == len(IMAGES) * 11
        assert page.locator(".panel img").first.is_visible()
        assert not page.locator(".compare").first.is_visible()
        assert not page.locator("#theme").is_visible()
        assert page.locator("#tables table").first.is_visible()


def test_it_prints_with_everything_open(desk: Page) -> None:
    desk.emulate_media(media="print")
    assert not desk.locator(".compare").first.is_visible()
    assert desk.locator(".panel img").first.is_visible()
    assert desk.locator(".map img").first.is_visible()
    printed = desk.pdf()
    assert printed.startswith(b"%PDF")
    assert desk.locator("details[open]").count() == 1, "the first maps, as before"
