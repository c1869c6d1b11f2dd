"""The seven wire types, by the names the protocol of ML Server 9.x gives them."""

from enum import StrEnum


class WireType(StrEnum):
    """How a value looks in the JSON of a call.

    A `vector` is a list, a `matrix` a list of rows of equal length, a `data.frame` an object
    that maps each column's name to the list of its values, all lists of equal length.
    """

    LOGICAL = "logical"
    NUMERIC = "numeric"
    INTEGER = "integer"
    CHARACTER = "character"
    VECTOR = "vector"
    MATRIX = "matrix"
    DATA_FRAME = "data.frame"
