"""OpenAI's files and batches, which of the simulated providers only OpenAI itself has.

``files`` and ``file_routes`` keep what is uploaded and what batches put out, ``validation`` finds
what makes a whole batch fail, ``lines`` answers the others' lines, ``batch`` is the object,
``routes`` serves it. Only ``/v1/chat/completions`` can be asked for.
"""
