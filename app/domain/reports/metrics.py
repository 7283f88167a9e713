"""The registry of metrics. The rollups, the compiler and the API's descriptions all read it (W1, A32).

A base metric is a sum over facts. A formula metric is computed from summed base metrics, never from rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Kind(StrEnum):
    """What a metric's number is."""

    COUNT = "count"
    MONEY = "money"
    # Of counts: one number.
    RATIO = "ratio"
    # Of amounts: one number per currency, for amounts are never added over currencies.
    MONEY_RATIO = "money_ratio"


class Additivity(StrEnum):
    """How the numbers of two lines become that of both."""

    SUM = "sum"
    RATIO_OF_SUMS = "ratio of sums"


class Source(StrEnum):
    """The table whose facts a base metric sums."""

    VISITS = "visits"
    UNIQUE_VISITS = "unique_visits"
    DUPLICATE_VISITS = "duplicate_visits"
    REGISTRATIONS = "registrations"
    FIRST_DEPOSITS = "first_deposits"
    ACTIVITIES = "activities"
    CONVERSIONS = "conversions"
    PLAYER_FLAGS = "player_flags"


# Visits have no currency, and no correction ever supersedes one.
VERDICT_SOURCES = frozenset({Source.UNIQUE_VISITS, Source.DUPLICATE_VISITS})
VISIT_SOURCES = VERDICT_SOURCES | {Source.VISITS}
SUPERSEDABLE = frozenset(Source) - VISIT_SOURCES


@dataclass(frozen=True, slots=True)
class BaseMetric:
    """A sum over facts: which table, which SQL expression of a row `f`, placed by which date."""

    name: str
    kind: Kind
    source: Source
    expression: str
    placed_by: str
    description: str
    # Facts that take one away: duplicates are found after the visits were recorded (M04).
    less: Source | None = None
    # True where a brand may report less than 0. Bets, wins, deposits and fees never are: what comes back is a
    # chargeback, or a correction of the interval in which it was counted.
    signed: bool = False

    def expression_in(self, source: Source) -> str | None:
        """What a row of that table adds to the metric; None: nothing."""
        if source is self.source:
            return self.expression
        return "-1" if source is self.less else None

    @property
    def additivity(self) -> Additivity:
        """Base metrics add up."""
        return Additivity.SUM


@dataclass(frozen=True, slots=True)
class FormulaMetric:
    """A formula over summed base metrics.

    `compute` gets the sums of one currency, counts included, where amounts are needed; else those of all. None: the
    divisor is zero.
    """

    name: str
    kind: Kind
    needs: tuple[str, ...]
    compute: Callable[[Mapping[str, Decimal]], Decimal | None]
    formula: str
    additivity: Additivity
    description: str

    @property
    def placed_by(self) -> str:
        """The dates that place what the formula needs, each once."""
        return " and ".join(dict.fromkeys(BASE_METRICS[name].placed_by for name in self.needs))


def _activity(name: str, kind: Kind, description: str, *, signed: bool = False) -> BaseMetric:
    return BaseMetric(
        name,
        kind,
        Source.ACTIVITIES,
        f"f.{name}",
        "activity day",
        description,
        signed=signed,
    )


def _flag(name: str, flag: str, description: str) -> BaseMetric:
    return BaseMetric(
        name,
        Kind.COUNT,
        Source.PLAYER_FLAGS,
        f"CASE WHEN f.flag = '{flag}' THEN f.step ELSE 0 END",
        "flag day",
        description,
    )


BASE_METRICS: dict[str, BaseMetric] = {
    metric.name: metric
    for metric in (
        BaseMetric(
            "visits_count",
            Kind.COUNT,
            Source.VISITS,
            "CASE WHEN f.uncounted_reason IS NULL THEN 1 ELSE 0 END",
            "visit day",
            "Counted visits: neither bots nor ignored addresses nor repeats within two seconds.",
            less=Source.DUPLICATE_VISITS,
        ),
        BaseMetric(
            "unique_visits_count",
            Kind.COUNT,
            Source.UNIQUE_VISITS,
            "1",
            "visit day",
            "Counted visits, one per promo, visitor (address and user agent) and business day.",
        ),
        BaseMetric(
            "registrations_count",
            Kind.COUNT,
            Source.REGISTRATIONS,
            "1",
            "sign-up day",
            "Players who signed up.",
        ),
        BaseMetric(
            "first_deposits_count",
            Kind.COUNT,
            Source.FIRST_DEPOSITS,
            "1",
            "first deposit day",
            "Players who made their first deposit.",
        ),
        BaseMetric(
            "first_deposits_sum",
            Kind.MONEY,
            Source.FIRST_DEPOSITS,
            "f.first_deposit_sum",
            "first deposit day",
            "Amount of first deposits.",
        ),
        _activity("deposits_count", Kind.COUNT, "Number of deposits."),
        _activity("deposits_sum", Kind.MONEY, "Amount of deposits."),
        _activity("cashouts_count", Kind.COUNT, "Number of players' withdrawals."),
        _activity("cashouts_sum", Kind.MONEY, "Amount of players' withdrawals."),
        _activity("chargebacks_count", Kind.COUNT, "Number of chargebacks."),
        _activity("chargebacks_sum", Kind.MONEY, "Amount of chargebacks."),
        _activity("bonus_issues_sum", Kind.MONEY, "Amount of casino bonuses issued."),
        _activity("casino_bets_count", Kind.COUNT, "Number of casino bets."),
        _activity("casino_total_bets_sum", Kind.MONEY, "Amount of casino bets."),
        _activity("casino_total_wins_sum", Kind.MONEY, "Amount of casino wins, net of rollbacks."),
        _activity(
            "casino_balance_corrections_sum",
            Kind.MONEY,
            "Casino balance corrections: what the brand gave to players; below 0: what it took.",
            signed=True,
        ),
        _activity(
            "additional_deductions_sum",
            Kind.MONEY,
            "Further costs that the brand deducts from NGR.",
        ),
        _activity("casino_taxes_sum", Kind.MONEY, "Taxes on casino play."),
        _activity("payment_system_fees_sum", Kind.MONEY, "Fees of payment systems."),
        _activity("game_provider_fees_sum", Kind.MONEY, "Fees of game providers."),
        _activity("jackpot_fees_sum", Kind.MONEY, "Contributions to jackpots."),
        _activity("sb_bets_sum", Kind.MONEY, "Amount of sportsbook bets when placed."),
        _activity(
            "sb_settled_bets_sum",
            Kind.MONEY,
            "Amount of sportsbook bets when settled; cancelled ones are not among them.",
        ),
        _activity("sb_total_wins_sum", Kind.MONEY, "Amount of wins of settled sportsbook bets."),
        _activity(
            "sb_total_cancelled_bets_sum", Kind.MONEY, "Amount of sportsbook bets cancelled."
        ),
        _activity("sb_bonuses_sum", Kind.MONEY, "Amount of sportsbook bonuses issued."),
        _activity(
            "sb_balance_corrections_sum",
            Kind.MONEY,
            "Sportsbook balance corrections: what the brand gave to players; below 0: what it took.",
            signed=True,
        ),
        _activity("sb_third_party_fees_sum", Kind.MONEY, "Third parties' fees for the sportsbook."),
        _activity("poker_rounds_count", Kind.COUNT, "Number of poker rounds."),
        _activity("poker_bets_sum", Kind.MONEY, "Amount of poker bets."),
        _activity("poker_rake_sum", Kind.MONEY, "Poker rake: what the house kept of the pots."),
        _activity("poker_bonuses_sum", Kind.MONEY, "Amount of poker bonuses issued."),
        _activity(
            "poker_balance_corrections_sum",
            Kind.MONEY,
            "Poker balance corrections: what the brand gave to players; below 0: what it took.",
            signed=True,
        ),
        _activity("poker_third_party_fees_sum", Kind.MONEY, "Third parties' fees for poker."),
        BaseMetric(
            "sales_count",
            Kind.COUNT,
            Source.CONVERSIONS,
            "CASE WHEN f.kind = 'sale' THEN 1 ELSE 0 END",
            "sale day",
            "Number of sales.",
        ),
        BaseMetric(
            "sales_sum",
            Kind.MONEY,
            Source.CONVERSIONS,
            "CASE WHEN f.kind = 'sale' THEN f.amount ELSE 0 END",
            "sale day",
            "Amount of sales.",
        ),
        BaseMetric(
            "leads_count",
            Kind.COUNT,
            Source.CONVERSIONS,
            "CASE WHEN f.kind = 'lead' THEN 1 ELSE 0 END",
            "lead day",
            "Number of leads.",
        ),
        BaseMetric(
            "refunds_count",
            Kind.COUNT,
            Source.CONVERSIONS,
            "CASE WHEN f.kind = 'refund' THEN 1 ELSE 0 END",
            "refund day",
            "Number of refunds of sales, partial ones included.",
        ),
        BaseMetric(
            "refunds_sum",
            Kind.MONEY,
            Source.CONVERSIONS,
            "CASE WHEN f.kind = 'refund' THEN f.amount ELSE 0 END",
            "refund day",
            "Amount given back of sales.",
        ),
        _flag(
            "duplicated_players_count",
            "duplicate",
            "Players that the brand found to be duplicates; one taken back counts -1 on its day.",
        ),
        _flag(
            "self_excluded_players_count",
            "self_excluded",
            "Players who excluded themselves; one who came back counts -1 on that day.",
        ),
        _flag(
            "disabled_players_count",
            "disabled",
            "Players whom the brand disabled; one enabled again counts -1 on that day.",
        ),
    )
}


def _sum(name: str, plus: str, minus: tuple[str, ...], description: str) -> FormulaMetric:
    """An amount less other amounts."""

    def compute(sums: Mapping[str, Decimal]) -> Decimal:
        return sums[plus] - sum((sums[each] for each in minus), Decimal(0))

    formula = " − ".join((plus, *minus))
    needs = (plus, *minus)
    return FormulaMetric(name, Kind.MONEY, needs, compute, formula, Additivity.SUM, description)


def _ratio(name: str, kind: Kind, top: str, bottom: str, description: str) -> FormulaMetric:
    """A sum through a sum: a ratio of counts, or an average amount."""

    def compute(sums: Mapping[str, Decimal]) -> Decimal | None:
        return sums[top] / sums[bottom] if sums[bottom] else None

    return FormulaMetric(
        name,
        kind,
        (top, bottom),
        compute,
        f"{top} ÷ {bottom}",
        Additivity.RATIO_OF_SUMS,
        description,
    )


def _casino_bonus_ratio(sums: Mapping[str, Decimal]) -> Decimal | None:
    ggr = sums["casino_total_bets_sum"] - sums["casino_total_wins_sum"]
    return sums["bonus_issues_sum"] / ggr if ggr else None


# M14 for every brand alike: a brand cannot switch components off yet, and the admin fee, which is a brand's percent,
# is not there; so neither are ngr and what is made of it.
_CASINO_COSTS = (
    "bonus_issues_sum",
    "casino_balance_corrections_sum",
    "game_provider_fees_sum",
    "payment_system_fees_sum",
    "jackpot_fees_sum",
    "casino_taxes_sum",
    "chargebacks_sum",
    "additional_deductions_sum",
)
_SPORTSBOOK_COSTS = ("sb_bonuses_sum", "sb_balance_corrections_sum", "sb_third_party_fees_sum")
_POKER_COSTS = (
    "poker_bonuses_sum",
    "poker_balance_corrections_sum",
    "poker_third_party_fees_sum",
)
FORMULA_METRICS: dict[str, FormulaMetric] = {
    metric.name: metric
    for metric in (
        _ratio(
            "registrations_conversion_rate",
            Kind.RATIO,
            "registrations_count",
            "visits_count",
            "Share of counted visits that signed up; null without visits.",
        ),
        _ratio(
            "first_deposits_conversion_rate",
            Kind.RATIO,
            "first_deposits_count",
            "registrations_count",
            "Share of registrations with a first deposit; null without registrations.",
        ),
        _ratio(
            "average_deposits_count",
            Kind.RATIO,
            "deposits_count",
            "first_deposits_count",
            "Deposits for each first deposit; null without first deposits.",
        ),
        _ratio(
            "average_deposit_amount",
            Kind.MONEY,
            "deposits_sum",
            "deposits_count",
            "Average amount of a deposit.",
        ),
        _ratio(
            "average_first_deposit_amount",
            Kind.MONEY,
            "first_deposits_sum",
            "first_deposits_count",
            "Average amount of a first deposit.",
        ),
        _ratio(
            "average_sale_amount",
            Kind.MONEY,
            "sales_sum",
            "sales_count",
            "Average amount of a sale.",
        ),
        _sum(
            "net_deposits",
            "deposits_sum",
            ("cashouts_sum", "chargebacks_sum"),
            "Deposits less withdrawals and chargebacks.",
        ),
        _sum("net_sales_sum", "sales_sum", ("refunds_sum",), "Sales less refunds."),
        _sum("wager", "casino_total_bets_sum", (), "What was wagered in the casino."),
        _sum(
            "real_ggr",
            "casino_total_bets_sum",
            ("casino_total_wins_sum",),
            "Casino bets less wins, before providers' adjustments.",
        ),
        _sum(
            "ggr",
            "casino_total_bets_sum",
            ("casino_total_wins_sum",),
            "Casino gross gaming revenue (M14). Brands report wins net of rollbacks, so it equals real_ggr.",
        ),
        FormulaMetric(
            "casino_bonus_ratio",
            Kind.MONEY_RATIO,
            ("bonus_issues_sum", "casino_total_bets_sum", "casino_total_wins_sum"),
            _casino_bonus_ratio,
            "bonus_issues_sum ÷ (casino_total_bets_sum − casino_total_wins_sum)",
            Additivity.RATIO_OF_SUMS,
            "Casino bonuses for each unit of ggr; no number where ggr is zero.",
        ),
        _sum(
            "real_ngr",
            "casino_total_bets_sum",
            ("casino_total_wins_sum", *_CASINO_COSTS),
            "Casino net gaming revenue before the admin fee, with every component of M14 for every brand.",
        ),
        _sum(
            "sb_real_ggr",
            "sb_settled_bets_sum",
            ("sb_total_wins_sum",),
            "Settled sportsbook bets less wins, before providers' adjustments.",
        ),
        _sum(
            "sb_ggr",
            "sb_settled_bets_sum",
            ("sb_total_wins_sum",),
            "Sportsbook gross gaming revenue, on settled bets (M14).",
        ),
        _sum(
            "sb_real_ngr",
            "sb_settled_bets_sum",
            ("sb_total_wins_sum", *_SPORTSBOOK_COSTS),
            "Sportsbook net gaming revenue before the admin fee (M14).",
        ),
        _sum(
            "poker_real_ngr",
            "poker_rake_sum",
            _POKER_COSTS,
            "Poker net gaming revenue, on rake, before the admin fee (M14).",
        ),
    )
}

METRICS: dict[str, BaseMetric | FormulaMetric] = {**BASE_METRICS, **FORMULA_METRICS}
ACTIVITY_METRICS = tuple(m for m in BASE_METRICS.values() if m.source is Source.ACTIVITIES)
# The dimensions that every fact and every rollup row carries.
DIMENSIONS = (
    "business_day",
    "promo_id",
    "plan_id",
    "country",
    "currency",
    "campaign_id",
    "brand_id",
    "partner_id",
)
