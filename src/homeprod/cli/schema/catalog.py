"""The JSON Schema of each command's ``--json``, made from the models that print it."""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter

from homeprod.cli.schema.affected import AffectedReport
from homeprod.cli.schema.apply import ErrorLine, PlannedLine, StepLine, SummaryLine
from homeprod.cli.schema.apps import LintReport, PublicationReport
from homeprod.cli.schema.check import CheckReport
from homeprod.cli.schema.drift import DriftReport
from homeprod.cli.schema.drill import DrillReport
from homeprod.cli.schema.history import HistoryReport
from homeprod.cli.schema.plan import PlanReport
from homeprod.cli.schema.promotion import PromotionReport, RollbackReport, TrialsReport
from homeprod.cli.schema.rehearse import RehearsalReport
from homeprod.cli.schema.report import Errors
from homeprod.cli.schema.route import TrialReport, WayReport
from homeprod.cli.schema.status import StatusReport

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_FORMS: dict[str, Any] = {
    "affected": AffectedReport | Errors,
    "apply": PlannedLine | StepLine | SummaryLine | ErrorLine,
    "apps": LintReport | PublicationReport | Errors,
    "check": CheckReport | Errors,
    "drift": DriftReport | Errors,
    "drill": DrillReport | Errors,
    "history": HistoryReport | Errors,
    "plan": PlanReport | Errors,
    "promote": PromotionReport | Errors,
    "rehearse": RehearsalReport | Errors,
    "rollback": RollbackReport | Errors,
    "route": WayReport | TrialReport | Errors,
    "status": StatusReport | Errors,
    "trials": TrialsReport | Errors,
}
COMMANDS = tuple(_FORMS)
_CLOSED = "additionalProperties"


def print_schema(command: str) -> str:
    """As text. For ``apply`` it is that of one line."""
    schema = _allow_more(TypeAdapter(_FORMS[command]).json_schema(mode="serialization"))
    title = f"homeprod {command} --json" + (", one line" if command == "apply" else "")
    return json.dumps({"$schema": DIALECT, "title": title, **schema}, indent=2, ensure_ascii=False)


def _allow_more(schema: Any) -> Any:
    """Without what would make a reader refuse a field that a later release adds."""
    if isinstance(schema, dict):
        return {key: _allow_more(value) for key, value in schema.items() if (key, value) != (_CLOSED, False)}
    return [_allow_more(item) for item in schema] if isinstance(schema, list) else schema
