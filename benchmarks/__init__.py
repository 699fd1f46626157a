"""What the router costs: measured side by side, in one run, with what it should be compared to.

Contenders (:mod:`benchmarks.contenders`) are real processes started as they are deployed. They
stand between our caller (:mod:`benchmarks.caller`) and a canned world (:mod:`benchmarks.canned`)
that plays AWS and the provider with prepared bytes. They take turns, first forwards and then
backwards, so that a machine that slows down slows all of them; medians of the rounds are kept
(:mod:`benchmarks.rounds`), and :mod:`benchmarks.report` writes ``docs/benchmarks.md`` from them.

``make bench`` runs it. Nothing here is deployed.
"""
