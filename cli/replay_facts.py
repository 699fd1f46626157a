"""The gateway that ``sluice replay`` tries on a log: the catalog, with what the person wishes."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any, Final

import msgspec

from shared import catalog
from shared.catalog import Model
from shared.domain.crossing import FORMATS, crossing
from shared.domain.errors import InvalidRequest, UnknownModel
from shared.domain.formats import FormatName, UsageDialect
from shared.domain.freshness import FreshnessPolicy
from shared.domain.replay.calls import LoggedCall
from shared.domain.replay.facts import PricedModel
from shared.domain.replay.reading import Body, Door
from shared.domain.routing import RoutingPolicy, Tier
from shared.usecases.wire_body import wire_body

_FORMAT_OF: Final[dict[Door, FormatName]] = {
    "chat": "openai-chat",
    "messages": "anthropic-messages",
}
_SNAPSHOT: Final = re.compile(r"[-@](?:\d{8}|\d{4}-\d{2}-\d{2})$|-latest$")


class CatalogFacts:
    """Implements :class:`shared.domain.replay.facts.Facts` over ``shared/catalog``.

    ``enabled`` providers may be routed to, at the prices of ``day``; every model of the catalog
    is priced, dead ones too. ``aliases`` names catalog models for names that only the log knows.
    ``ttl`` replaces the default lifetime of cached answers, in seconds.
    """

    def __init__(
        self,
        enabled: Collection[str],
        day: date,
        *,
        aliases: Mapping[str, str] | None = None,
        ttl: int | None = None,
    ) -> None:
        everything = catalog.load(catalog.known_providers())
        self._enabled = catalog.load(enabled)
        self._priced, self._providers = everything.priced, everything.providers
        self._noon = datetime.combine(day, time(12), UTC)
        self._aliases = aliases or {}
        self._freshness = everything.freshness
        if ttl is not None:
            self._freshness = dataclasses.replace(everything.freshness, default_ttl=ttl)
        self._asked: LoggedCall | None = None
        self._bodies: dict[str, Body | InvalidRequest] = {}

    @property
    def price_version(self) -> str:
        """The digest of the price files."""
        return self._enabled.price_version

    @property
    def routing(self) -> RoutingPolicy:
        """The catalog's router."""
        return self._enabled.routing

    @property
    def freshness(self) -> FreshnessPolicy:
        """The catalog's freshness policy, with the wished lifetime."""
        return self._freshness

    def model(self, name: str) -> Model:
        """Return a model by its id, an alias, or a provider's dated or prefixed name for it."""
        bare = name.rsplit("/", 1)[-1]
        for each in (name, bare, _SNAPSHOT.sub("", bare)):
            found = self._priced.get(self._aliases.get(each, each))
            if found is not None:
                return found
        raise UnknownModel(name)

    def dialect(self, model: PricedModel) -> UsageDialect:
        """Return how the provider of a model reports usage."""
        provider = self._providers[self._priced[model.id].provider]
        return UsageDialect(provider.usage, provider.reasoning)

    def candidates(self, tier: Tier) -> Sequence[Model]:
        """Return the models of a tier on the day of the replay; none where none is enabled."""
        try:
            return self._enabled.candidates(tier, self._noon)
        except UnknownModel:
            return []

    def sent(self, call: LoggedCall, model: PricedModel) -> Body:
        """Return the request as the router would send it; raises ``InvalidRequest``."""
        if self._asked is not call:
            self._asked, self._bodies = call, {}
        if model.id not in self._bodies:
            self._bodies[model.id] = self._written(call, self._priced[model.id])
        found = self._bodies[model.id]
        if isinstance(found, InvalidRequest):
            raise found
        return found

    def _written(self, call: LoggedCall, model: Model) -> Body | InvalidRequest:
        if call.request is None:
            return InvalidRequest(call.refusal or "")
        provider = self._providers[model.provider]
        way = crossing(_FORMAT_OF[call.door], FORMATS[provider.wire_format].name)
        try:
            wire = wire_body(
                call.body,
                model,
                provider,
                way,
                team=call.tenant,
                output_limit=call.request.output_limit,
                choices=call.request.choices,
            )
        except InvalidRequest as refusal:
            return refusal
        decoded: dict[str, Any] = msgspec.json.decode(wire.raw)
        return decoded
