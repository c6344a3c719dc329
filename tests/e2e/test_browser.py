# Copyright (c) 2026, the SM2A contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The web interface in a real browser: one that trusts the authority of the local AWS, and one that does not."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import authority
import domain
import pytest
from browsers import answers, browser, complaints
from platform_client import FINISHED, Airflow, admin_credentials
from playbook_runs import ROOT, Platform, airflow_with, wait
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

DAG, TASK, LINES = "sm2a_talking", "talk", 45
SCREENSHOTS = ROOT / "build"
# Airflow's page asks for its configuration to learn whether somebody is logged in, and its login page has a fault of
# its own.
KNOWN = re.compile(r"/ui/config - .* 401 \(Unauthorized\)|TypeError: .* \(reading 'tz'\)")


@pytest.fixture(scope="module")
def airflow(platform: Platform) -> Airflow:
    """Airflow with the DAG whose log is read."""
    return airflow_with(DAG)


def plain_http() -> str:
    return f"http://{domain.HOST}" + (f":{80 + domain.offset()}" if domain.offset() else "")


def last_line(driver: Chrome) -> int:
    """Return the last line that the task has said so far, as the page shows it; -1 before the first."""
    text = driver.execute_script("return document.body?.innerText ?? ''")
    return max((int(number) for number in re.findall(rf"line (\d+) of {LINES}", text)), default=-1)


def press(driver: Chrome, path: str) -> None:
    """Press the first link to a path, once the page has it and does not draw itself anew."""

    def pressed() -> bool:
        with contextlib.suppress(NoSuchElementException, StaleElementReferenceException):
            driver.find_element(By.CSS_SELECTOR, f"a[href='{path}']").click()
            return True
        return False

    wait(f"the link to {path}", pressed, 60)


def screenshot(driver: Chrome, name: str) -> None:
    SCREENSHOTS.mkdir(exist_ok=True)
    assert driver.save_screenshot(str(Path(SCREENSHOTS, f"browser-{name}.png")))


def sign_in(driver: Chrome) -> None:
    """Come to the address without HTTPS, as whoever types only the name, and use the form."""
    driver.get(plain_http())
    wait("the form", lambda: driver.find_elements(By.NAME, "password"), 60)
    assert driver.current_url.startswith(f"{domain.url()}/auth/login/")
    first = answers(driver)[0]
    assert (first["url"], first["status"]) == (f"{plain_http()}/", 301)
    assert [said for said in complaints(driver) if not KNOWN.search(said)] == []
    credentials = admin_credentials()
    for name in ("username", "password"):
        driver.find_element(By.NAME, name).send_keys(credentials[name])
    driver.find_element(By.CSS_SELECTOR, "[type=submit]").click()
    wait("the first page", lambda: driver.current_url == f"{domain.url()}/" and "Home" in driver.title, 60)


def test_an_administrator_follows_the_log_of_a_task_to_its_end(airflow: Airflow) -> None:
    with browser(authority.CERTIFICATE) as driver:
        sign_in(driver)
        run = airflow.trigger(DAG)
        wait("the start", lambda: airflow.task_instances(DAG, run)[0]["state"] == "running", 180)
        press(driver, "/dags")
        press(driver, f"/dags/{DAG}/runs/{run}")
        press(driver, f"/dags/{DAG}/runs/{run}/tasks/{TASK}")
        wait("the first lines", lambda: last_line(driver) >= 0, 120)
        before = last_line(driver)
        wait("more lines, without a reload", lambda: last_line(driver) > before + 2, 30)
        wait("the end", lambda: airflow.run_state(DAG, run) in FINISHED, 120)
        driver.refresh()
        wait("the whole log", lambda: last_line(driver) == LINES - 1, 60)
        screenshot(driver, "log")

        assert complaints(driver) == []
        answered = answers(driver)
        assert [one["url"] for one in answered if one["securityState"] != "secure"] == []
        assert {one["url"].startswith(f"{domain.url()}/") for one in answered} == {True}


def test_a_browser_that_does_not_know_the_authority_is_warned(airflow: Airflow) -> None:
    with browser() as driver:
        driver.get(domain.url())

        wait("the warning", lambda: "ERR_CERT_AUTHORITY_INVALID" in driver.page_source, 30)
        assert not driver.find_elements(By.NAME, "password")
        assert answers(driver) == []
