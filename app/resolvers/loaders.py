"""Data loaders: many fields ask for rows one by one, the database is asked once (G24). Fresh for every operation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar, cast

from strawberry.dataloader import DataLoader

from app.domain.personal import ERASED, read_subjects, subjects_of_users
from app.domain.scope import Scope
from app.infra.crypto import SecretBox
from app.models.base import TenantModel

AnyModel = TypeVar("AnyModel", bound=TenantModel)
Key = TypeVar("Key")
Value = TypeVar("Value")


class Loaders:
    """The loaders of one operation, within one scope."""

    def __init__(self, scope: Scope, box: SecretBox) -> None:
        self._scope = scope
        self._people: DataLoader[int, Mapping[str, Any]] = DataLoader(load_fn=_load_people(box))
        self._subjects: DataLoader[int, int | None] = DataLoader(load_fn=subjects_of_users)
        self._by_key: dict[tuple[type[TenantModel], str], DataLoader[int, Any]] = {}
        self._batches: dict[Callable[..., Any], DataLoader[Any, Any]] = {}

    async def one(self, model: type[AnyModel], key: int, column: str = "id") -> AnyModel | None:
        """The row with that id, or None when it does not exist for this scope. `column` may be another unique one."""
        loader = self._by_key.get((model, column))
        if loader is None:
            loader = DataLoader(load_fn=self._load(model, column))
            self._by_key[model, column] = loader
        return cast("AnyModel | None", await loader.load(key))

    async def batched(
        self, load: Callable[[Scope, Sequence[Key]], Awaitable[Sequence[Value]]], key: Key
    ) -> Value:
        """What `load` finds for a key; it is called once with the keys of all fields, and answers in their order."""
        loader = self._batches.get(load)
        if loader is None:
            loader = DataLoader(load_fn=partial(load, self._scope))
            self._batches[load] = loader
        return cast("Value", await loader.load(key))

    async def person(self, subject_id: int) -> Mapping[str, Any]:
        """The personal data of a subject; nothing of an erased one (A6A)."""
        return await self._people.load(subject_id)

    async def actor_name(self, user_id: int) -> str | None:
        """The name of a user as the log shows it, also of operators to a partner: who did it is part of the log."""
        subject_id = await self._subjects.load(user_id)
        return None if subject_id is None else (await self.person(subject_id)).get("name")

    def _load(self, model: type[AnyModel], column: str) -> Any:
        async def load(keys: Sequence[int]) -> list[AnyModel | None]:
            rows = await self._scope.query(model).filter(**{f"{column}__in": list(set(keys))})
            found = {getattr(row, column): row for row in rows}
            return [found.get(key) for key in keys]

        return load


def _load_people(
    box: SecretBox,
) -> Callable[[Sequence[int]], Awaitable[list[Mapping[str, Any]]]]:
    async def load(ids: Sequence[int]) -> list[Mapping[str, Any]]:
        found = await read_subjects(box, ids)
        return [found.get(subject_id, ERASED) for subject_id in ids]

    return load
