"""What moto works out anew at every request, worked out once: no answer is another for it.

Measured on writes and reads of DynamoDB, of the processor time of a request: the methods of a
service's handler were listed (8 %), a request id of 52 characters was drawn one by one (4 %), an
update expression was parsed twice (6 %), and each of ten checks of it asked at every node of its
tree which kinds of nodes it is for, of classes that answer slowly (11 %).
"""

from __future__ import annotations

import secrets
from functools import cache, lru_cache
from typing import Any

from moto.core import responses
from moto.core.utils import method_names_from_class
from moto.dynamodb.parsing.ast_nodes import DepthFirstTraverser, Node, UpdateExpression
from moto.dynamodb.parsing.expressions import UpdateExpressionParser

REQUEST_ID_BYTES = 26

_original_make = UpdateExpressionParser.make
_is_for_pair: dict[tuple[type, type], bool] = {}


def apply_speed() -> None:
    """Change moto in this process; doing it again changes nothing more."""
    responses.method_names_from_class = _methods_of
    responses.gen_amzn_requestid_long = _request_id
    UpdateExpressionParser.make = _parsed
    DepthFirstTraverser.traverse_node_recursively = _traverse


@cache
def _methods_of(handler: type) -> list[str]:
    found: list[str] = method_names_from_class(handler)
    return found


def _request_id(headers: Any = None) -> str:
    made = secrets.token_hex(REQUEST_ID_BYTES).upper()
    if isinstance(headers, dict):
        headers["x-amzn-requestid"] = made
    return made


@lru_cache(maxsize=1024)
def _parsed(expression: str) -> UpdateExpression:
    """Return a tree, which moto copies before it changes it."""
    return _original_make(expression)


def _traverse(check: Any, node: Any, child_id: int = -1) -> Any:
    """Visit a tree from its leaves to its root and put what a check makes of a node there."""
    if not isinstance(node, Node):
        return node
    parent = node.parent
    for number, child in enumerate(node.children or ()):
        check.pre_processing_of_child(node, number)
        _traverse(check, child, number)
    if _is_for(check, node):
        node = check.process(node)
        node.parent = parent
        if parent:
            parent.children[child_id] = node
    return node


def _is_for(check: DepthFirstTraverser, node: Node) -> bool:
    """Tell whether a check is for a node: its map names the classes, for all its instances."""
    pair = type(check), type(node)
    if pair not in _is_for_pair:
        _is_for_pair[pair] = isinstance(node, check.nodes_to_be_processed())
    return _is_for_pair[pair]
