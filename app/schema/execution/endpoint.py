"""One GraphQL endpoint: prepares, charges and runs operations for every transport."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from inspect import isawaitable
from math import ceil, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.domain.accounts.sessions import authenticate
from app.domain.errors import DomainError, Unauthenticated
from app.infra.buckets import Bucket, Buckets, Taken
from app.schema.context import Caller, Context, CostAccount
from app.schema.errors import present, refusal
from app.schema.execution.analysis import field_metadata
from app.schema.execution.documents import DocumentStore, Prepared, read_trusted
from app.schema.fields import ACCESS, check_access
from graphql import (
    ExecutionResult,
    Executor,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    execute,
    subscribe,
)

if TYPE_CHECKING:
    import strawberry

    from app.domain.accounts.users import Audience
    from app.infra.redis import RedisClient
    from app.schema.context import Services
    from app.schema.execution.request import OperationRequest

OPERATIONS = Path(__file__).resolve().parents[3] / "graphql" / "operations"


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back to the client, before it is encoded."""

    body: dict[str, Any]
    # False: the request was refused and nothing ran.
    executed: bool
    headers: tuple[tuple[str, str], ...] = ()
    retry_after: int | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation that may run: found, valid, within its limits."""

    prepared: Prepared
    node: OperationDefinitionNode
    request: OperationRequest
    cost: int
    context: Context

    @property
    def type(self) -> OperationType:
        """query, mutation or subscription."""
        return self.node.operation


class _FreshForEachEvent(Executor[Any]):
    """Runs each event of a subscription with loaders of its own (G05)."""

    def build_per_event_executor(self, payload: Any) -> Executor[Any]:
        executor = super().build_per_event_executor(payload)
        executor.context_value = self.context_value.for_event()
        return executor


class Endpoint:
    """One schema for one audience."""

    def __init__(
        self,
        name: str,
        schema: strawberry.Schema,
        audience: Audience,
        services: Services,
        redis: RedisClient,
    ) -> None:
        settings = services.settings
        self.name = name
        self.audience = audience
        self.services = services
        self.schema: GraphQLSchema = schema._schema
        self.documents = DocumentStore(
            name,
            self.schema,
            redis,
            read_trusted(OPERATIONS / name),
            trusted_only=name in settings.trusted_documents_only,
        )
        signed_in = Bucket(settings.cost_capacity, settings.cost_restore_rate)
        anonymous = Bucket(settings.anonymous_cost_capacity, settings.anonymous_cost_restore_rate)
        self._buckets = Buckets(redis, f"cost:{name}", signed_in)
        self._anonymous_buckets = Buckets(redis, f"cost:{name}", anonymous)

    async def caller(
        self, token: str | None, request_id: str, ip: str | None, user_agent: str | None
    ) -> Caller:
        """Who asks. A missing or ended session leaves a caller without user: public fields still answer."""
        user = None
        if token is not None:
            try:
                user = await authenticate(self.audience, token, self.services.clock, request_id, ip)
            except Unauthenticated:
                user = None
        return Caller(request_id, ip, user_agent, token, user)

    async def prepare(self, request: OperationRequest, caller: Caller) -> Operation:
        """Find, measure and validate the operation of a request. Raises Refused."""
        try:
            prepared = await self.documents.find(request)
            node = prepared.operation(request.operation_name)
            analysis = self.documents.analyse(prepared, node, request.variables)
            if errors := self.documents.validate(prepared):
                raise Refused(errors)
            await self.documents.keep(request, prepared)
            self._check_introspection(node, prepared, caller)
            largest = self.services.settings.cost_per_operation
            if analysis.cost > largest:
                raise refusal(
                    "COST_EXCEEDED",
                    f"the operation costs {analysis.cost}, at most {largest} is allowed: ask for smaller pages",
                    cost={"requested": analysis.cost, "maximum": largest},
                )
        except GraphQLError as error:
            raise Refused([error]) from error
        account = CostAccount(requested=analysis.cost, item_costs=analysis.item_costs)
        context = Context(self.services, caller, account)
        return Operation(prepared, node, request, analysis.cost, context)

    async def charge(self, operation: Operation) -> Taken:
        """Take the operation's cost from the caller's bucket. Raises Refused with the time to wait."""
        caller = operation.context.caller
        buckets = self._buckets_of(caller)
        taken = await buckets.take(caller.bucket_key, operation.cost)
        if taken.granted:
            return taken
        wait = taken.wait_seconds(operation.cost, buckets.bucket)
        seconds = ceil(wait) if isfinite(wait) else None
        message = (
            f"too much at once: wait {seconds} s before this operation"
            if seconds is not None
            else "this operation costs more than your allowance ever holds: ask for smaller pages"
        )
        cost = self._cost_extension(operation, taken, buckets.bucket)
        error = refusal("THROTTLED", message, retryAfterSeconds=seconds, cost=cost)
        raise Refused([error], retry_after=seconds)

    async def run(self, operation: Operation) -> Answer:
        """Charge and run a query or mutation."""
        taken = await self.charge(operation)
        found = execute(
            self.schema,
            operation.prepared.document,
            context_value=operation.context,
            variable_values=operation.request.variables,
            operation_name=operation.request.operation_name or None,
        )
        result = await found if isawaitable(found) else found
        return self._answer(operation, result, taken)

    async def stream(self, operation: Operation) -> AsyncIterator[Answer]:
        """Charge a subscription and follow it: one answer for each event. Raises Refused before the first."""
        taken = await self.charge(operation)
        self._check_subscription(operation)
        found = subscribe(
            self.schema,
            operation.prepared.document,
            context_value=operation.context,
            variable_values=operation.request.variables,
            operation_name=operation.request.operation_name or None,
            executor_class=_FreshForEachEvent,
        )
        events = await found if isawaitable(found) else found
        if isinstance(events, ExecutionResult):
            raise Refused(events.errors or [])
        return self._events(operation, events, taken)

    async def _events(
        self, operation: Operation, events: AsyncIterator[ExecutionResult], taken: Taken
    ) -> AsyncIterator[Answer]:
        try:
            async for result in events:
                # Charged once, for the whole stream: an event gives nothing back.
                yield self._answer(operation, result, taken, refund=False)
        finally:
            if (close := getattr(events, "aclose", None)) is not None:
                await close()

    def _answer(
        self, operation: Operation, result: ExecutionResult, taken: Taken, *, refund: bool = True
    ) -> Answer:
        request_id = operation.context.caller.request_id
        errors = [present(error, request_id).formatted for error in result.errors or ()]
        body: dict[str, Any] = {}
        if errors:
            body["errors"] = errors
        # Data is null and no error has a path: the variables were refused, nothing ran (G01).
        executed = not (result.data is None and all("path" not in error for error in errors))
        if executed:
            body["data"] = result.data
        caller, cost = operation.context.caller, operation.context.cost
        buckets = self._buckets_of(caller)
        unused = cost.requested - cost.actual if executed and refund else 0
        buckets.give_back(caller.bucket_key, unused)
        taken = Taken(taken.granted, min(buckets.bucket.capacity, taken.available + unused))
        body["extensions"] = {"cost": self._cost_extension(operation, taken, buckets.bucket)}
        return Answer(body, executed, tuple(operation.context.headers))

    def refused(self, refused: Refused, request_id: str) -> Answer:
        """The answer to a request that was refused."""
        errors = [present(error, request_id).formatted for error in refused.errors]
        return Answer({"errors": errors}, executed=False, retry_after=refused.retry_after)

    def _buckets_of(self, caller: Caller) -> Buckets:
        return self._buckets if caller.user is not None else self._anonymous_buckets

    def _cost_extension(self, operation: Operation, taken: Taken, bucket: Bucket) -> dict[str, Any]:
        return {
            "requested": operation.cost,
            "actual": operation.context.cost.actual if taken.granted else 0,
            "available": int(taken.available),
            "capacity": int(bucket.capacity),
            "restoreRate": int(bucket.restore_rate),
        }

    def may_explore(self, caller: Caller) -> bool:
        """Whether a caller may read the schema (G13)."""
        explore = self.services.settings.explore
        return explore == "everyone" or (explore == "signed_in" and caller.user is not None)

    def _check_introspection(
        self, node: OperationDefinitionNode, prepared: Prepared, caller: Caller
    ) -> None:
        if self.may_explore(caller):
            return
        if any(name in {"__schema", "__type"} for name in root_field_names(node, prepared)):
            message = "sign in to read the schema; it is also published as SDL with the server"
            raise refusal("INTROSPECTION_REFUSED", message)

    def _check_subscription(self, operation: Operation) -> None:
        """Subscribing runs the source at once: its access is checked before."""
        root = self.schema.subscription_type
        user = operation.context.caller.user
        for name in root_field_names(operation.node, operation.prepared):
            definition = root.fields.get(name) if root else None
            if definition is None:
                continue
            try:
                permissions = user.scope.permissions if user else None
                check_access(field_metadata(definition)[ACCESS], permissions)
            except DomainError as error:
                raise Refused([refusal(error.code, error.message)]) from error


class Refused(Exception):
    """A request that is not run, with the errors to tell."""

    def __init__(self, errors: list[GraphQLError], retry_after: int | None = None) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = errors
        self.retry_after = retry_after


def root_field_names(node: OperationDefinitionNode, prepared: Prepared) -> set[str]:
    """The names of the fields at the root, fragments included. The document is valid: there are no cycles."""
    fragments = {
        definition.name.value: definition.selection_set
        for definition in prepared.document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    names: set[str] = set()
    seen: set[str] = set()
    pending = [node.selection_set]
    while pending:
        for selection in pending.pop().selections:
            if isinstance(selection, FieldNode):
                names.add(selection.name.value)
            elif isinstance(selection, InlineFragmentNode):
                pending.append(selection.selection_set)
            elif isinstance(selection, FragmentSpreadNode) and (
                (name := selection.name.value) not in seen
            ):
                seen.add(name)
                pending.append(fragments[name])
    return names
