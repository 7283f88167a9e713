"""Data loaders: many fields ask for rows one by one, the database is asked once (G24). Fresh for every operation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar, cast

from strawberry.dataloader import DataLoader

from app.domain.scope import Scope
from app.models.base import TenantModel

AnyModel = TypeVar("AnyModel", bound=TenantModel)


class Loaders:
    """The loaders of one operation, within one scope."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._by_id: dict[type[TenantModel], DataLoader[int, Any]] = {}

    async def one(self, model: type[AnyModel], row_id: int) -> AnyModel | None:
        """The row with that id, or None when it does not exist for this scope."""
        loader = self._by_id.get(model)
        if loader is None:
            loader = self._by_id[model] = DataLoader(load_fn=self._load_by_id(model))
        return cast("AnyModel | None", await loader.load(row_id))

    def _load_by_id(self, model: type[AnyModel]) -> Any:
        async def load(ids: Sequence[int]) -> list[AnyModel | None]:
            rows = await self._scope.query(model).filter(id__in=list(set(ids)))
            found = {row.pk: row for row in rows}
            return [found.get(row_id) for row_id in ids]

        return load
