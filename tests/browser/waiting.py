"""Waiting for something on a page."""

import json


def until(page, condition):
    """Wait until a condition in JavaScript holds, for 20 seconds at most.

    It is looked at in every frame. Playwright's own way evaluates text in the page, which the page's policy forbids.
    """
    late = f"fail(new Error({json.dumps(f'not within 20 seconds: {condition}')}))"
    look = f"({condition}) ? done() : performance.now() > end ? {late} : requestAnimationFrame(look)"
    page.evaluate(
        f"() => new Promise((done, fail) => {{ const end = performance.now() + 20000, look = () => {look}; look(); }})"
    )
