"""Reports as single HTML files: no outside asset, light and dark, ready to print or forward.

``page`` is the frame, ``charts`` draws bars as inline SVG, ``replay_page`` and ``usage_page`` fill
the frame with what ``sluice replay`` and ``GET /v1/usage`` found.
"""
