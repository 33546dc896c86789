"""The frame around every page: the open project, navigation, and where failures are shown."""

from __future__ import annotations

import streamlit as st

from pages.widgets.context import PAGE_FILES, context, open_store
from pages.widgets.errors import shown_errors
from pages.widgets.sidebar import (
    TITLES,
    choose_annotator,
    choose_project,
    draw_links,
    draw_status,
    keep_annotator,
)

# Material icons as a favicon would be fetched from the network, so it is drawn here.
FAVICON = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
<rect width="32" height="32" rx="7" fill="#0B6AA2"/>
<path d="M9 6v20M14 10h11M14 16h11M14 22h6" stroke="#fff" stroke-width="2.6" fill="none"
 stroke-linecap="round"/></svg>"""

st.set_page_config(page_title="Marginalia", page_icon=FAVICON, layout="wide")

page = st.navigation(
    [
        st.Page(file, title=TITLES[name][0], url_path=name, default=position == 0)
        for position, (name, file) in enumerate(PAGE_FILES.items())
    ],
    position="hidden",
)

with shown_errors():
    _, settings = open_store()
    with st.sidebar:
        st.markdown("### Marginalia")
        project_id = choose_project()
        draw_links(project_id)
        choose_annotator(settings.annotator)
        draw_status(context(), page=page.url_path)
        keep_annotator()
    page.run()
