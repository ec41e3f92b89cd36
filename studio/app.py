"""The Gradio app: every page of the list, mounted on the studio's own FastAPI app."""

import warnings

import gradio as gr
from fastapi import FastAPI

from studio.pages import PAGES
from studio.services.studio import Studio
from studio.theme import theme
from studio.words import say

UPLOADS = (3600, 86400)
"""Seconds between two looks at what uploads have left behind, and the age at which it goes."""

REST = (0.02, 0.1)
"""Seconds between two looks of Gradio for an event of a form, and for progress to tell.

Its own thousand looks a second take a twentieth of a core from an idle studio.
"""

HEAD = (
    # A link, not Gradio's css_paths: Gradio confines media rules to the part below the navigation.
    '<link rel="stylesheet" href="/ui/studio.css">'
    '<script type="module" src="/ui/js/main.js"></script>'
)


def build(studio: Studio) -> gr.Blocks:
    """Return the app with all pages."""
    home, *others = PAGES
    with gr.Blocks(title=say("app.name"), analytics_enabled=False, delete_cache=UPLOADS) as app:
        gr.Navbar(main_page_name=home.title)
        home.build(studio)
    for page in others:
        with app.route(page.title, page.path, show_in_navbar=page.in_navbar):
            page.build(studio)
    return app


def mount_pages(app: FastAPI, studio: Studio) -> FastAPI:
    """Mount the pages at the root of the web app."""
    pages = build(studio)
    queue = pages._queue  # there is no other way to say how often it looks
    queue.sleep_when_free, queue.progress_update_sleep_when_free = REST
    with warnings.catch_warnings():
        # Gradio says on each mount that several pages cannot be rendered on the server.
        warnings.filterwarnings("ignore", message="SSR mode is not supported", category=UserWarning)
        return gr.mount_gradio_app(
            app,
            pages,
            "/",
            theme=theme(),
            head=HEAD,
            footer_links=[],
            run_history=False,
            enable_monitoring=False,
            ssr_mode=False,
            show_error=False,
            max_file_size=studio.settings.max_upload_bytes,
        )
