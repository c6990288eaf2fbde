"""What a network that draws from a label map sees of the body around the structures."""

from scanfill.errors import UsageError

BODY, TISSUE = "body", "tissue"
"""Keys of the outline of the body, and of the map of what surrounds the structures."""

CONTEXTS = {TISSUE: (BODY, TISSUE), BODY: (BODY,), "none": ()}
"""Name of a context -> keys of its images."""


def keys_of_context(context: str) -> list[str]:
    """Return the keys of the images that a context consists of.

    Args:
        context: One of :py:data:`CONTEXTS`.

    Raises:
        UsageError: It is none of these.
    """
    if context not in CONTEXTS:
        msg = f"context (={context!r}) must be one of {', '.join(CONTEXTS)}."
        raise UsageError(msg)
    return list(CONTEXTS[context])
