"""Builds the zip that Lambda runs: one recipe, for Lambda or for this machine.

1. :mod:`recipe` says what a function needs and what stays out; :mod:`targets` for whom.
2. :mod:`wheels` lets pip lay the locked wheels into a folder, hashes checked.
3. :mod:`contents` prunes that folder and adds our own code, found by following its imports.
4. :mod:`byte_code` compiles it all, when an interpreter of the right version is at hand.
5. :mod:`manifest` and :mod:`bill_of_materials` say what it is and what it is made of.
6. :mod:`archive` writes the zip, byte for byte the same each time.
7. :mod:`checks` reads the zip again and refuses it unless everything that can be known without
   running it holds.

:mod:`build` is these steps in order; :mod:`deployable` is what `pulumi up` asks of the result.
Nothing here imports Pulumi.
"""
