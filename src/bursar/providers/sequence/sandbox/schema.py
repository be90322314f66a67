"""Which questions does the simulated Sequence understand, and which of them are sound?"""

from functools import lru_cache
from importlib.resources import files
from typing import Any, cast

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLOutputType,
    GraphQLSchema,
    OperationDefinitionNode,
    build_schema,
    get_named_type,
    is_introspection_type,
    parse,
    specified_rules,
    validate,
)
from graphql.validation import ValidationRule

MAX_TOKENS = 4_000
"""A document of more is refused before anybody reads it."""


class _NoIntrospection(ValidationRule):
    """The real service does not describe itself."""

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        kind = get_named_type(cast("GraphQLOutputType | None", cast("Any", self.context).get_type()))
        if kind is not None and is_introspection_type(kind) and node.name.value != "__typename":
            self.report_error(
                GraphQLError(
                    "GraphQL introspection is not allowed", node, extensions={"code": "INTROSPECTION_DISABLED"}
                )
            )


@lru_cache(maxsize=1)
def load_schema() -> GraphQLSchema:
    """The schema; the same object for everybody."""
    return build_schema(sdl())


def sdl() -> str:
    """The schema in GraphQL's own notation."""
    return files("bursar.providers.sequence.sandbox").joinpath("schema.graphql").read_text("utf-8")


@lru_cache(maxsize=256)
def read_document(text: str, *, introspection: bool) -> DocumentNode | tuple[GraphQLError, ...]:
    """A sound document, or what is wrong with it, each error with its `code`.

    Clients send few different documents, so that each is read once.
    """
    try:
        document = parse(text, max_tokens=MAX_TOKENS)
    except GraphQLError as error:
        return (_coded(error, "GRAPHQL_PARSE_FAILED"),)
    rules = specified_rules if introspection else (*specified_rules, _NoIntrospection)
    errors = validate(load_schema(), document, rules, max_errors=20)
    return tuple(_coded(error, "GRAPHQL_VALIDATION_FAILED") for error in errors) or document


def name_of_operation(document: DocumentNode, asked: str | None) -> str | None:
    """The name of the operation that would run; None for one without."""
    for one in document.definitions if asked is None else ():
        if isinstance(one, OperationDefinitionNode) and one.name is not None:
            return one.name.value
    return asked


def _coded(error: GraphQLError, code: str) -> GraphQLError:
    if error.extensions and "code" in error.extensions:
        return error
    return GraphQLError(error.message, error.nodes, error.source, error.positions, extensions={"code": code})
