"""What the import contracts cannot say: how the domain is written (decision 9, and the house of the design)."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import app
import app.domain
import app.models
import app.resolvers
from app.domain.permissions import Permission

_SQL_TIME = re.compile(
    r"\b(now\(\)|current_(timestamp|date|time)\b|clock_timestamp)", re.IGNORECASE
)
HOUSE = Path(app.__path__[0])
MODELS = frozenset(app.models.__all__)
# The methods of a model, or of what comes from one, that start a read or a change.
QUERYING = frozenset(
    {
        *(
            "all",
            "filter",
            "exclude",
            "get",
            "get_or_none",
            "first",
            "earliest",
            "latest",
            "exists",
        ),
        *("annotate", "in_bulk", "raw", "select_for_update", "get_or_create", "update_or_create"),
        *("bulk_create", "bulk_update", "fetch_for_list"),
    }
)
# Where a model is queried without a scope, and why that is right.
WITHOUT_SCOPE = {
    "domain/scope.py": "the door itself",
}

# Public functions of the domain that declare no permission, and why.
BEFORE_SIGN_IN = "nobody is signed in yet: the credentials or the link are what is checked"
OWN_ACCOUNT = "everybody signed in may do it, to their own account only"
PART = "a part of functions that have checked already, which hand in what they are allowed to see"
OPERATION = "run by processes and from the command line, never by a request"
WITHOUT_PERMISSION = {
    "accounts.attempts.check_attempts": BEFORE_SIGN_IN,
    "accounts.attempts.count_attempt": BEFORE_SIGN_IN,
    "accounts.attempts.give_back_attempt": BEFORE_SIGN_IN,
    "accounts.attempts.take_attempt": BEFORE_SIGN_IN,
    "accounts.attempts.forget_old_attempts": OPERATION,
    "accounts.links.open_link": BEFORE_SIGN_IN,
    "accounts.passwords.change_password": OWN_ACCOUNT,
    "accounts.passwords.hash_off_loop": "arithmetic",
    "accounts.passwords.request_reset": BEFORE_SIGN_IN,
    "accounts.passwords.set_password_by_link": BEFORE_SIGN_IN,
    "accounts.registration.confirm_email": BEFORE_SIGN_IN,
    "accounts.registration.register_partner": BEFORE_SIGN_IN,
    "accounts.registration.resend_confirmation": BEFORE_SIGN_IN,
    "accounts.sessions.authenticate": BEFORE_SIGN_IN,
    "accounts.sessions.authenticate_network": BEFORE_SIGN_IN,
    "accounts.sessions.sign_out": OWN_ACCOUNT,
    "accounts.sign_in.prove": BEFORE_SIGN_IN,
    "accounts.sign_in.sign_in": BEFORE_SIGN_IN,
    "accounts.sign_in.sign_in_network": BEFORE_SIGN_IN,
    "accounts.sign_in.unlock_by_link": BEFORE_SIGN_IN,
    "banners.reads.banner_file": "whoever has the address of a picture may see it",
    "brands.keys.authenticate_brand": BEFORE_SIGN_IN,
    "events.times.events_between": PART,
    "paging.fetch_page": PART,
    "partners.reads.require_partner": "reads through a function that declares it",
    "personal.read_subjects": PART,
    "personal.subjects_of_users": PART,
    "plans.load_histories": "reads through a function that declares it",
    "plans.reads.require_plan": "reads through a function that declares it",
    "plans.reads.require_version": "reads through a function that declares it",
    "postbacks.configure.require_postback": PART,
    "postbacks.events.events_by_id": PART,
    "postbacks.findings.read_state": PART,
    "postbacks.matching.read_circumstances": PART,
    "postbacks.load_tallies": "reads through a function that declares it",
    "programme.load_acceptance": "reads through a function that declares it",
    "programme.load_present": "reads through a function that declares it",
    "programme.load_read": "reads through a function that declares it",
    "promos.load_campaign_postbacks": "reads through a function that declares it",
    "promos.load_numbers": "reads through a function that declares it",
    "promos.load_postbacks": "reads through a function that declares it",
    "reports.load_report": "reads through a function that declares it",
    "simulation.announcements.make_announcements": OPERATION,
    "simulation.banners.make_banners": OPERATION,
    "simulation.clicks.link_of": OPERATION,
    "simulation.demo.seed": OPERATION,
    "simulation.demo.seed_connected": OPERATION,
    "simulation.history.end_day": OPERATION,
    "simulation.history.place_all": OPERATION,
    "simulation.history.settle": OPERATION,
    "simulation.opening.move_tracker": OPERATION,
    "simulation.opening.open_doors": OPERATION,
    "simulation.scale.simulate": OPERATION,
    "simulation.scale.simulate_connected": OPERATION,
    "simulation.plans.make_individual_plans": OPERATION,
    "simulation.programme.make_cast": OPERATION,
    "terms.present.present_terms": BEFORE_SIGN_IN,
    "visits.links.find_link": "whoever has the code of a link may follow it",
    "visits.network_promo.open_network_promo": "whoever has the codes of a link may follow it",
    "visits.network_promo.network_offer": "whoever has the codes of a link may follow it",
    "visits.network.find_network_link": "whoever has the codes of a link may follow it",
    "visits.network.look_at_network_link": "whoever has the codes of a link may look at it",
    "visits.record.record_clicks": "whoever follows a link is recorded",
    "visits.record.record_dropped_clicks": OPERATION,
    "visits.record.take_visit_ids": OPERATION,
    "brands.brand_rows.require_brand": PART,
    "brands.load_downtimes": "reads through a function that declares it",
    "brands.load_metric_standings": "reads through a function that declares it",
    "campaigns.operator_commands.require_campaign": PART,
    "campaigns.operator_commands.require_promo": PART,
    "simulation.offer.make_offer": OPERATION,
    "simulation.rates.make_exchange_rates": OPERATION,
}


@cache
def sources() -> dict[str, ast.Module]:
    """The modules of the house by their path below `app/`."""
    return {
        str(path.relative_to(HOUSE)): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(HOUSE.rglob("*.py"))
    }


def modules(*packages: ModuleType) -> Iterator[ModuleType]:
    for package in packages:
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            yield importlib.import_module(found.name)


def public_coroutines() -> dict[str, Any]:
    """The public async functions of domain and resolvers by their name without `app.domain.`."""
    found = {}
    for module in modules(app.domain, app.resolvers):
        prefix = module.__name__.split(".", 2)[2]
        for name, value in vars(module).items():
            mine = inspect.isfunction(value) and value.__module__ == module.__name__
            if mine and not name.startswith("_") and inspect.iscoroutinefunction(value):
                found[f"{prefix}.{name}"] = value
    return found


def first_parameters(function: Any) -> list[str]:
    """The annotations of its first two parameters."""
    parameters = inspect.signature(function).parameters.values()
    return [str(parameter.annotation) for parameter in parameters][:2]


# Queries


class Queries(ast.NodeVisitor):
    """Finds queries that start at a model instead of a scope."""

    def __init__(self) -> None:
        self.found: list[int] = []
        # Names that stand for a model, and for several of them.
        self.aliases: set[str] = set()
        self.collections: set[str] = set()

    def _is_model(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Name):
            return node.id in MODELS or node.id in self.aliases
        if isinstance(node, ast.Subscript):
            return self._holds_models(node.value)
        if isinstance(node, ast.IfExp):
            return self._is_model(node.body) or self._is_model(node.orelse)
        return False

    def _holds_models(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Name):
            return node.id in self.collections
        if isinstance(node, ast.Tuple | ast.List | ast.Set):
            return any(self._is_model(item) for item in node.elts)
        if isinstance(node, ast.Dict):
            return any(self._is_model(item) for item in node.values)
        return False

    def _bind(self, target: ast.expr, value: ast.expr | None) -> None:
        if isinstance(target, ast.Name) and value is not None:
            if self._is_model(value):
                self.aliases.add(target.id)
            if self._holds_models(value):
                self.collections.add(target.id)

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._bind(target, node.value)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self._bind(node.target, node.value)
        self.generic_visit(node)

    def visit_For(self, node: ast.For) -> None:
        if isinstance(node.target, ast.Name) and self._holds_models(node.iter):
            self.aliases.add(node.target.id)
        self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> None:
        """A parameter that is a model class."""
        if node.annotation is not None and "type[" in ast.unparse(node.annotation):
            self.aliases.add(node.arg)

    def visit_Call(self, node: ast.Call) -> None:
        called = node.func
        if (
            isinstance(called, ast.Attribute)
            and called.attr in QUERYING
            and self._is_model(called.value)
        ):
            self.found.append(node.lineno)
        self.generic_visit(node)


def unscoped_queries(tree: ast.Module) -> list[int]:
    visitor = Queries()
    visitor.visit(tree)
    return visitor.found


def test_every_read_starts_at_a_scope() -> None:
    doors = ("domain/", "resolvers/", "schema/", "web/", "tasks/")
    found = {
        path: lines
        for path, tree in sources().items()
        if path.startswith(doors) and (lines := unscoped_queries(tree))
    }

    assert set(found) == set(WITHOUT_SCOPE), found


@pytest.mark.parametrize(
    "code",
    [
        "Brand.all()",
        "await Brand.filter(id=1).exists()",
        "Brand.get_or_none(id=1)",
        "model = Brand\nmodel.all()",
        "model = Brand if x else Partner\nmodel.get(id=1)",
        "_MODELS = {'a': Brand}\n_MODELS['a'].filter()",
        "for model in (Brand, Partner):\n    model.all()",
        "def f(model: type[TenantModel]):\n    model.all()",
    ],
)
def test_a_query_that_starts_at_a_model_is_found(code: str) -> None:
    assert unscoped_queries(ast.parse(code))


@pytest.mark.parametrize(
    "code",
    [
        "scope.query(Brand).filter(id=1)",
        "rows = scope.query(Brand)\nrows.get_or_none(id=1)",
        "_MODELS = {'a': Brand}\nscope.query(_MODELS.get('a')).filter(id=1)",
        "Brand(id=1)",
    ],
)
def test_a_query_that_starts_at_a_scope_is_fine(code: str) -> None:
    assert not unscoped_queries(ast.parse(code))


# Permissions


def test_every_public_function_takes_its_scope_first_and_declares_its_permission() -> None:
    found = {
        name
        for name, function in public_coroutines().items()
        if not isinstance(getattr(function, "permission", None), Permission)
        # A step of a transaction that somebody else has opened, and answers for.
        and "Transaction" not in first_parameters(function)
    }

    assert found == set(WITHOUT_PERMISSION)


def test_a_function_with_a_permission_takes_its_scope_first() -> None:
    for name, function in public_coroutines().items():
        if hasattr(function, "permission"):
            assert first_parameters(function)[0] == "Scope", name


# Effects and time


def test_business_time_comes_from_a_clock_never_from_the_machine_or_sql() -> None:
    machine = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time"}
    found = []
    for path, tree in sources().items():
        if not path.startswith(("domain/", "models/", "resolvers/")):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in machine:
                found.append(f"{path}:{node.lineno}")
            if isinstance(node, ast.Constant) and _SQL_TIME.search(str(node.value)):
                found.append(f"{path}:{node.lineno}")

    assert found == []


def test_only_domain_commands_open_transactions() -> None:
    found = {
        path
        for path, tree in sources().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"transaction", "in_transaction"}
    }

    assert {path for path in found if not path.startswith("domain/")} == {
        # The function itself, and the migrations, which run without the domain.
        "infra/database.py",
        "infra/migrations.py",
    }


def test_floats_never_touch_amounts() -> None:
    """`float(` in the domain stands for chance, thresholds and seconds; the demo's dice are the one place."""
    found = {
        path
        for path, tree in sources().items()
        if path.startswith(("domain/", "models/", "infra/money.py", "infra/encoding.py"))
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "float"
    }

    assert found <= {"domain/simulation/traffic.py"}


def test_every_package_says_what_room_it_is() -> None:
    silent = [path for path, tree in sources().items() if not ast.get_docstring(tree)]

    assert silent == []
