"""How `make docs` builds the site from these pages."""

project = "cookiecutter-django-async"
html_title = project
extensions = ["myst_parser"]
html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_copyright = False
html_show_sphinx = False

# Every heading that a link may go to has an anchor, named as GitHub names it.
myst_heading_anchors = 3
# Blocks that only stand further in, as those that show commands do.
highlight_language = "none"
