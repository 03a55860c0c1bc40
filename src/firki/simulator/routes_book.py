"""Orders, portfolio, triggers, alerts, funds: a book that is empty, and says so when written to."""

from typing import Final

from starlette.responses import Response

from firki.simulator.envelope import KiteError, success
from firki.simulator.limits import RequestClass
from firki.simulator.surface import Call, Rule, csv

MUTUAL_FUND_COLUMNS: Final = (
    "tradingsymbol,amc,name,purchase_allowed,redemption_allowed,minimum_purchase_amount,"
    "purchase_amount_multiplier,minimum_additional_purchase_amount,minimum_redemption_quantity,"
    "redemption_quantity_multiplier,dividend_type,scheme_type,plan,settlement_type,last_price,"
    "last_price_date"
)


def _nothing(_call: Call) -> Response:
    return success([])


def _no_positions(_call: Call) -> Response:
    return success({"net": [], "day": []})


def _no_summary(_call: Call) -> Response:
    return success(
        {"total_pnl": 0.0, "total_pnl_percent": 0.0, "today_pnl": 0.0, "today_pnl_percent": 0.0,
         "invested_amount": 0.0, "current_value": 0.0}
    )  # fmt: skip


def _no_order(_call: Call) -> Response:
    raise KiteError.unknown("order_id")


def _no_trigger(_call: Call) -> Response:
    raise KiteError.unknown("trigger_id")


def _no_alert(_call: Call) -> Response:
    raise KiteError.unknown("uuid")


def _no_fund_row(_call: Call) -> Response:
    raise KiteError.unknown("id")


def _fund_list(call: Call) -> Response:
    return csv(call, f"{MUTUAL_FUND_COLUMNS}\n".encode())


def _not_offered(_call: Call) -> Response:
    """A plain refusal, so that no client takes the outcome for unknown and none for a success."""
    raise KiteError.bad_input(
        "This simulator takes no orders, triggers or alerts yet and calculates no margins: "
        "nothing was placed or changed."
    )


BOOK_RULES: Final = (
    Rule("GET", "/orders", _nothing),
    Rule("GET", "/orders/{order_id}", _no_order),
    Rule("GET", "/orders/{order_id}/trades", _no_order),
    Rule("POST", "/orders/{variety}", _not_offered, RequestClass.ORDER),
    Rule("PUT", "/orders/{variety}/{order_id}", _not_offered, RequestClass.ORDER),
    Rule("DELETE", "/orders/{variety}/{order_id}", _not_offered, RequestClass.ORDER),
    Rule("GET", "/trades", _nothing),
    Rule("GET", "/portfolio/positions", _no_positions),
    Rule("PUT", "/portfolio/positions", _not_offered),
    Rule("GET", "/portfolio/holdings", _nothing),
    Rule("GET", "/portfolio/holdings/compact", _nothing),
    Rule("GET", "/portfolio/holdings/summary", _no_summary),
    Rule("GET", "/portfolio/holdings/auctions", _nothing),
    Rule("POST", "/portfolio/holdings/authorise", _not_offered),
    Rule("POST", "/margins/orders", _not_offered),
    Rule("POST", "/margins/basket", _not_offered),
    Rule("POST", "/charges/orders", _not_offered),
    Rule("GET", "/gtt/triggers", _nothing),
    Rule("POST", "/gtt/triggers", _not_offered),
    Rule("GET", "/gtt/triggers/{trigger_id}", _no_trigger),
    Rule("PUT", "/gtt/triggers/{trigger_id}", _not_offered),
    Rule("DELETE", "/gtt/triggers/{trigger_id}", _not_offered),
    Rule("GET", "/alerts", _nothing),
    Rule("POST", "/alerts", _not_offered),
    Rule("DELETE", "/alerts", _not_offered),
    Rule("GET", "/alerts/{uuid}", _no_alert),
    Rule("PUT", "/alerts/{uuid}", _not_offered),
    Rule("GET", "/alerts/{uuid}/history", _no_alert),
    Rule("GET", "/mf/orders", _nothing),
    Rule("GET", "/mf/orders/{id}", _no_fund_row),
    Rule("GET", "/mf/sips", _nothing),
    Rule("GET", "/mf/sips/{id}", _no_fund_row),
    Rule("GET", "/mf/holdings", _nothing),
    Rule("GET", "/mf/instruments", _fund_list, is_open=True),
)
