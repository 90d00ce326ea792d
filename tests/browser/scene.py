"""A small shop's flows as a server has them, and as a file brings them: what pictures show."""

from copy import deepcopy
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from tests.support import importing
from tests.support.importing import export_file

ORDERS = "Order intake"

_NODES: dict[str, tuple[str, str, tuple[int, int], dict[str, Any]]] = {
    "hook": ("New order", "webhook", (0, 0), {"path": "/orders", "method": "POST"}),
    "phone": ("Order by phone", "form", (0, 160), {"fields": ["name", "phone", "goods"]}),
    "check": ("Check the order", "function", (250, 0), {"schema": "order-3"}),
    "stock": ("Is it in stock?", "condition", (500, 0), {"field": "quantity", "above": 0}),
    "price": ("Work the price out", "sql", (500, 160), {"query": "SELECT price FROM goods"}),
    "log": ("Write the journal", "sql", (500, 280), {"query": "INSERT INTO journal VALUES (?)"}),
    "pay": ("Charge the card", "http", (750, 0), {"url": "/charges", "timeout": 30, "retries": 1}),
    "fax": ("Fax the warehouse", "fax", (750, 160), {"number": "+44 20 7946 0900"}),
    "mail": ("Confirm by mail", "mail", (750, 280), {"template": "order-confirmed"}),
}
_EDGES = (
    *(("hook", "check"), ("phone", "check"), ("check", "stock"), ("check", "price")),
    *(("check", "log"), ("stock", "pay"), ("price", "pay"), ("price", "fax"), ("log", "mail")),
)


def uuid_of(kind: str, number: int) -> str:
    """A uuid as real ones look, but for its first digit: `f`, `c` or `5` for the three kinds."""
    return kind + str(uuid5(NAMESPACE_URL, f"{kind}/{number}"))[1:]


def flow(number: int, name: str, **keys: Any) -> dict[str, Any]:
    return importing.flow(number, name, uuid=uuid_of("f", number), **keys)


def connection(number: int, name: str, **keys: Any) -> dict[str, Any]:
    return importing.connection(number, name, uuid=uuid_of("c", number), **keys)


def secret(number: int, name: str, **keys: Any) -> dict[str, Any]:
    return importing.secret(number, name, uuid=uuid_of("5", number), **keys)


def _node(key: str, label: str, kind: str, at: tuple[int, int], settings: dict[str, Any]) -> Any:
    data = {"label": label, "settings": settings}
    return {"id": key, "type": kind, "position": {"x": at[0], "y": at[1]}, "data": data}


def _edges(*ends: tuple[str, str]) -> list[dict[str, str]]:
    return [
        {"id": f"{source}-{target}", "source": source, "target": target} for source, target in ends
    ]


def _orders() -> dict[str, Any]:
    return flow(
        1,
        ORDERS,
        info="Takes orders of the shop in.",
        tags=["shop", "orders"],
        timeout=60,
        nodes=[_node(key, *what) for key, what in _NODES.items()],
        edges=_edges(*_EDGES),
        connections=[
            {"uuid": uuid_of("c", 1), "name": "Payments", "type": "http"},
            {"uuid": uuid_of("c", 2), "name": "Warehouse", "type": "postgresql"},
        ],
        secrets=[{"uuid": uuid_of("5", 1), "name": "PAYMENTS_KEY"}],
    )


def _new_orders() -> dict[str, Any]:
    """The same flow with nodes added, removed, changed and moved."""
    new = deepcopy(_orders())
    nodes = {node["id"]: node for node in new["nodes"]}
    nodes["pay"]["data"]["settings"] |= {"timeout": 10, "retries": 3}
    nodes["stock"]["data"]["settings"]["above"] = 2
    nodes["mail"]["position"] = {"x": 750, "y": 340}
    del nodes["fax"]
    nodes["queue"] = _node("queue", "Tell the warehouse", "queue", (750, 160), {"topic": "orders"})
    nodes["fraud"] = _node("fraud", "Look for fraud", "http", (250, 160), {"url": "/risk"})
    new["nodes"] = list(nodes.values())
    kept = [ends for ends in _EDGES if "fax" not in ends and ends != ("phone", "check")]
    new["edges"] = _edges(*kept, ("phone", "fraud"), ("fraud", "price"), ("price", "queue"))
    new["timeout"] = 30
    return new


def _payments(host: str) -> dict[str, Any]:
    value = f'{{\n  url: "https://{host}/v2",\n  key: secrets.PAYMENTS_KEY,\n  retries: 2,\n}}'
    return connection(
        1, "Payments", type="http", description="Charges cards", devValue=value, prodValue=value
    )


_WAREHOUSE = connection(
    2, "Warehouse", type="postgresql", devValue='{\n  host: "db.warehouse.example",\n}'
)
_REPORT = flow(2, "Stock report of the night", tags=["stock"], timeout=300)
_RETURNS = flow(3, "Returns", info="Asks before it pays back.", tags=["shop"])


def before() -> bytes:
    """The file whose import made the server as it is."""
    return export_file(
        *(_orders(), _REPORT, _RETURNS, _payments("pay.example.com"), _WAREHOUSE),
        *(secret(1, "PAYMENTS_KEY", type="API Key"), secret(2, "WAREHOUSE_PASSWORD")),
    )


def after() -> bytes:
    """The file that comes now."""
    return export_file(
        *(_new_orders(), {**_REPORT, "timeout": 600}, _RETURNS, flow(4, "Welcome of customers")),
        *(_payments("payments.example.net"), _WAREHOUSE, connection(3, "Mail", type="smtp")),
        *(secret(1, "PAYMENTS_KEY", type="API Key"), secret(2, "WAREHOUSE_PASSWORD")),
        secret(3, "MAIL_TOKEN", type="API Key"),
    )
