"""An error as ``--json`` prints it."""

from __future__ import annotations

from homeprod.cli.schema.apply import ErrorLine
from homeprod.cli.schema.report import Errors, Mistake
from homeprod.core.diagnostic import MistakesError
from homeprod.core.errors import HomeprodError


def print_failure(error: HomeprodError, *, is_stream: bool) -> str:
    """As text; with ``is_stream`` as the last line of a stream."""
    mistakes = list_mistakes(error)
    return (
        ErrorLine(errors=mistakes).model_dump_json()
        if is_stream
        else Errors(errors=mistakes).model_dump_json(indent=2)
    )


def list_mistakes(error: HomeprodError) -> list[Mistake]:
    """Of a site or an app repository every mistake, else the error itself."""
    if isinstance(error, MistakesError):
        return [
            Mistake(message=m.message, where=f"{m.file}:{m.line}", hint=m.hint, file=m.file, line=m.line)
            for m in error.diagnostics
        ]
    return [Mistake(message=error.message, where=error.where, hint=error.hint)]
